"""IDX files, the format of MNIST: a magic number, the sizes, the values, big-endian.

The format is described at the foot of http://yann.lecun.com/exdb/mnist/.
"""

from pathlib import Path
from typing import IO, Any

import numpy as np

from bpnet.errors import InputError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

# The format assigns no type to 0x0A.
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"


def read_header(stream: IO[bytes], path: Path) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Type, shape, and where the values begin."""
    magic = stream.read(4)
    if len(magic) < 4:
        raise InputError(f"{path} is empty or cut short: {len(magic)} bytes where IDX has a header")
    zeros, code, axes = magic[:2], magic[2], magic[3]
    if zeros != b"\0\0" or code not in _TYPES or not axes:
        message = f"{path} is not an IDX file: it starts with {magic.hex()}, not 0000, type, axes"
        raise InputError(message)
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise InputError(f"{path} is truncated within its header; get it again")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    if 0 in shape:
        raise InputError(f"{path} holds no values: its shape is {shape}")
    return np.dtype(_TYPES[code]), shape, 4 + 4 * axes


def find_idx(folder: Path, name: str) -> Path | None:
    """Return a folder's IDX file, plain rather than gzipped, or None."""
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def find_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Return a folder's files of training images and labels, and those of the test pair if any."""
    images, labels, *test = (find_idx(folder, name) for name in FILES)
    if images is None or labels is None or test.count(None) == 1:
        lacking = [n for n in FILES if find_idx(folder, n) is None]
        needed = [n for n in lacking if n.startswith("train")] or lacking
        raise InputError(
            f"folder {folder} lacks {' and '.join(needed)} (plain or .gz): give a folder of IDX "
            "files, or a file"
        )
    pairs = [(images, labels)]
    if test[0] is not None and test[1] is not None:
        pairs.append((test[0], test[1]))
    return pairs

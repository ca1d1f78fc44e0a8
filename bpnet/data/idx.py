"""IDX files, the format of MNIST: a magic number, the sizes, the values, big-endian.

The format is described at the foot of http://yann.lecun.com/exdb/mnist/.
"""

import gzip
import math
import os
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from bpnet.data.reading import MOST_DEFLATED, read_exactly, refuse_growth, refusing
from bpnet.errors import InputError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"


def read_idx(path: Path) -> npt.NDArray[Any]:
    """Read one IDX file, plain or gzipped, as its first bytes tell.

    The sizes in the header are held against the size of the file before memory is taken for them.
    """
    with refusing(str(path)), ExitStack() as stack:
        raw = stack.enter_context(path.open("rb"))
        on_disk = os.fstat(raw.fileno()).st_size
        is_gzip = raw.read(2) == GZIP
        raw.seek(0)
        stream: IO[bytes] = raw
        if is_gzip:
            stream = cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=raw)))
        dtype, shape, start = read_header(stream, path)
        size = math.prod(shape) * dtype.itemsize
        check_size(size, on_disk - start, on_disk, path, is_gzip=is_gzip)
        if is_gzip:
            refuse_growth(size, on_disk, str(path))
        values = read_exactly(stream, size, str(path)).view(dtype).reshape(shape)
    return values.astype(dtype.newbyteorder("="), copy=False)


def check_size(size: int, left: int, on_disk: int, path: Path, *, is_gzip: bool = False) -> None:
    """Refuse a file that cannot hold the values that its header speaks of, or holds more."""
    most = on_disk * MOST_DEFLATED if is_gzip else left
    if size > most or (size < most and not is_gzip):
        kind = "truncated" if size > most else "too long"
        message = (
            f"{path} is {kind}: its header speaks of {size:,} bytes of data and the file, of "
            f"{on_disk:,} bytes, can't hold {'them' if size > most else 'more'}; get it again"
        )
        raise InputError(message)


def read_header(stream: IO[bytes], path: Path) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Type, shape, and where the values begin."""
    magic = stream.read(4)
    if len(magic) < 4:
        message = f"{path} is empty or cut short: {len(magic)} bytes where IDX has a header"
        raise InputError(message)
    zeros, code, axes = magic[:2], magic[2], magic[3]
    if zeros != b"\0\0" or code not in _TYPES or not axes:
        message = f"{path} is not an IDX file: it starts with {magic.hex()}, not 0000, type, axes"
        raise InputError(message)
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        message = f"{path} is truncated within its header; get it again"
        raise InputError(message)
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    if 0 in shape:
        message = f"{path} holds no values: its shape is {shape}"
        raise InputError(message)
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
        message = (
            f"folder {folder} lacks {' and '.join(needed)} (plain or .gz): give a folder of IDX "
            "files, or a file"
        )
        raise InputError(message)
    pairs = [(images, labels)]
    if test[0] is not None and test[1] is not None:
        pairs.append((test[0], test[1]))
    return pairs


def check_pair(x: npt.NDArray[Any], y: npt.NDArray[Any], images: Path, labels: Path) -> None:
    """Refuse images and labels whose shapes or types don't fit; nothing is read of the values."""
    if y.ndim != 1 or y.dtype.kind not in "iu":
        message = f"{labels}: labels of shape {y.shape} and type {y.dtype}: give one integer each"
        raise InputError(message)
    if x.ndim < 2:
        message = f"{images}: values of shape {x.shape} are no images: give (images, rows, columns)"
        raise InputError(message)
    if len(x) != len(y):
        message = (
            f"{images} holds {len(x)} images and {labels} {len(y)} labels: give one label each"
        )
        raise InputError(message)

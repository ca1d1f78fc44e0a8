"""Safetensors files that verify themselves: a text and tensors, with a SHA-256 over both.

Models and checkpoints are such files. The format itself notices a header that does not fit its
file, but no changed number.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bpnet.errors import one_line
from bpnet.storage import disk

_TEXT, _SEAL = "bpnet", "sha256"
"""Keys of the metadata."""

Tensors = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Parameters
    ----------
    text : str
        JSON of whoever wrote it.
    tensors : dict of numpy arrays
        By their names.
    is_sealed : bool
        Whether there is a SHA-256, which then fits; older models have none.
    """

    text: str
    tensors: Tensors
    is_sealed: bool


def encode(text: str, tensors: Tensors) -> bytes:
    """Content of a file; the same bytes for the same text and tensors."""
    from safetensors.numpy import save

    data: bytes = save(tensors, metadata={_TEXT: text, _SEAL: digest(text, tensors)})
    # the library writes the keys of the metadata in an order that differs from call to call
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    ordered = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    ordered += b" " * (-len(ordered) % 8)
    return b"".join([len(ordered).to_bytes(8, "little"), ordered, memoryview(data)[8 + size :]])


def decode(content: bytes) -> Content:
    """Read what :func:`encode` made and nobody has touched."""
    from safetensors.numpy import load

    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return Content(header["__metadata__"][_TEXT], load(content), is_sealed=True)


def read(path: Path) -> Content:
    """Read a file and hold its SHA-256 against what it holds.

    Raises
    ------
    ValueError
        If it is damaged or holds something else, in one line. No code in it is run.
    OSError
        If it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    with disk.opened(path):
        pass  # a pipe would be waited for
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        text, seal = metadata[_TEXT], metadata.get(_SEAL)
        if seal is not None and digest(text, tensors) != seal:
            msg = "its SHA-256 does not fit"
            raise ValueError(msg)
    except (SafetensorError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(one_line(error)) from error
    return Content(text, tensors, seal is not None)


def digest(text: str, tensors: Tensors) -> str:
    """SHA-256 over a text and the names, types, shapes and bytes of tensors, in hexadecimal."""
    taken = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        array = tensors[name]
        taken.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        taken.update(np.ascontiguousarray(array).data)
    return taken.hexdigest()

"""Safetensors files of a text and tensors, with a SHA-256 over both, for models and checkpoints.

The format itself detects a header that does not fit its file, but no changed number.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bpnet.errors import one_line
from bpnet.storage import disk

_TEXT, _SHA256 = "bpnet", "sha256"
"""Keys of the metadata."""

Tensors = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Content:
    """A file's text, JSON as its writer encoded it, and its tensors by their names.

    ``has_checksum`` says whether the file has a SHA-256, which then fits; older models have none.
    """

    text: str
    tensors: Tensors
    has_checksum: bool


def encode(text: str, tensors: Tensors) -> bytes:
    """Content of a file; the same bytes for the same text and tensors."""
    from safetensors.numpy import save

    data: bytes = save(tensors, metadata={_TEXT: text, _SHA256: digest(text, tensors)})
    # the library writes the keys of the metadata in an order that differs from call to call
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    ordered = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    # The format aligns tensors to 8 bytes.
    ordered += b" " * (-len(ordered) % 8)
    return b"".join([len(ordered).to_bytes(8, "little"), ordered, memoryview(data)[8 + size :]])


def decode(content: bytes) -> Content:
    """Decode bytes of :func:`encode` that come from this run, so that no checksum is compared."""
    from safetensors.numpy import load

    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return Content(header["__metadata__"][_TEXT], load(content), has_checksum=True)


def read(path: Path) -> Content:
    """Read a file and compare its SHA-256 with its content, of which no code is run.

    A file that is damaged or of another format is a ``ValueError`` of one line.
    """
    from safetensors import SafetensorError, safe_open

    with disk.opened(path):
        pass  # refuses a pipe, for which safe_open would wait
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        text, checksum = metadata[_TEXT], metadata.get(_SHA256)
        if checksum is not None and digest(text, tensors) != checksum:
            msg = "its SHA-256 does not fit"
            raise ValueError(msg)
    except (SafetensorError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(one_line(error)) from error
    return Content(text, tensors, checksum is not None)


def digest(text: str, tensors: Tensors) -> str:
    """SHA-256 over a text and the names, types, shapes and bytes of tensors, in hexadecimal."""
    sha256 = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        array = tensors[name]
        # NUL between the fields keeps two different lists of fields from being the same bytes.
        sha256.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        sha256.update(np.ascontiguousarray(array).data)
    return sha256.hexdigest()

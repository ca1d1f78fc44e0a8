"""NumPy's own formats, ``.npy`` and ``.npz``, read without pickles and with checked sizes."""

import io
import math
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from bpnet.data.dataset import check_lengths
from bpnet.data.reading import check_entry, check_size, read_exactly, refuse_growth, refusing
from bpnet.errors import InputError

Host = npt.NDArray[Any]

_LONGEST_HEADER = 10_000  # NumPy's own limit, which holds before a header is read
# Version 3 exists for names of record fields in UTF-8 alone, and records are refused.
_HEADERS: dict[bytes, Any] = {
    b"\1\0": np.lib.format.read_array_header_1_0, b"\2\0": np.lib.format.read_array_header_2_0,
}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """Header of a ``.npy`` stream: type, shape, order, and the byte where the data begins."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_fortran: bool
    start: int

    @property
    def size(self) -> int:
        """Bytes of data."""
        return math.prod(self.shape) * self.dtype.itemsize

    def shaped(self, values: Host) -> Host:
        """View of the flat values in the shape of the header."""
        return values.reshape(self.shape[::-1]).T if self.is_fortran else values.reshape(self.shape)


def read_header(stream: IO[bytes], what: str) -> Header:
    """Read the header of a ``.npy`` stream; Python objects, which are pickles, are refused."""
    magic = stream.read(8)
    if magic[:6] != b"\x93NUMPY" or len(magic) < 8:
        raise InputError(
            f"{what} is not a .npy file: it starts with {magic[:6].hex() or 'nothing'}"
        )
    if magic[6:] not in _HEADERS:
        message = f"{what}: .npy version {magic[6]}.{magic[7]} is for tables of records: "
        raise InputError(f"{message}give a plain array")
    head = io.BytesIO(stream.read(4 + _LONGEST_HEADER))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy warns of headers that Python 2 wrote
        shape, is_fortran, dtype = _HEADERS[magic[6:]](head, max_header_size=_LONGEST_HEADER)
    # NumPy's parser accepts negative sizes, and True as a whole number.
    if not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 32:
        raise InputError(f"{what} is damaged: its header claims the shape {str(shape)[:60]}")
    if dtype.hasobject:
        message = f"{what} holds Python objects (a pickle), which are never loaded: save numbers"
        raise InputError(message)
    # NumPy's parser also accepts aliases such as 'float', which no writer of .npy files uses.
    is_plain = dtype.names is None and dtype.subdtype is None and dtype.itemsize
    if not is_plain or dtype.str.encode() not in head.getvalue()[: head.tell()]:
        raise InputError(f"{what} has type {str(dtype)[:60]}: give a plain array")
    return Header(dtype, shape, is_fortran, 8 + head.tell())


def read_npz(path: Path, *, need_target: bool) -> dict[str, Host]:
    """Read the arrays ``x``, ``y`` and, if present, ``x_test``, ``y_test``, ``scale``, as stored.

    All headers are checked before any data is read.
    """
    with refusing(str(path)), zipfile.ZipFile(path) as archive:
        entries = {i.filename.removesuffix(".npy"): i for i in archive.infolist()}
        needed = ["x", "y"] if need_target else ["x"]
        lacking = [f"'{name}'" for name in needed if name not in entries]
        if lacking:
            those = ", ".join(f"'{name}'" for name in list(entries)[:10]) or "nothing"
            raise InputError(f"{path} lacks {' and '.join(lacking)}: it holds {those}")
        if need_target and ("x_test" in entries) != ("y_test" in entries):
            raise InputError(f"{path} holds one of 'x_test' and 'y_test': give both or none")
        optional = ("x_test", "y_test", "scale") if need_target else ("scale",)
        names = [*needed, *(name for name in optional if name in entries)]
        headers = {name: _entry_header(archive, entries[name], path) for name in names}
        refuse_growth(sum(h.size for h in headers.values()), path.stat().st_size, str(path))
        arrays = {}
        for name, header in headers.items():
            with archive.open(entries[name]) as stream:
                stream.read(header.start)
                values = read_exactly(stream, header.size, f"{path}: {entries[name].filename}")
            arrays[name] = header.shaped(values.view(header.dtype))
        return arrays


def _entry_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Header:
    what = f"{path}: {info.filename}"
    check_entry(info, what)
    with archive.open(info) as stream:
        header = read_header(stream, what)
    check_size(header.size, info.file_size - header.start, what)
    return header


def flat(x: Host, name: str, where: str) -> tuple[Host, tuple[int, ...] | None]:
    """Return examples with pictures flattened, and a picture's shape, without reading a value."""
    # More than 8 bytes is longdouble, which differs by platform and which no backend has.
    if x.dtype.kind not in "biuf" or x.dtype.itemsize > 8:
        raise InputError(f"{where}: {name} has type {x.dtype}: give booleans, integers or floats")
    if x.ndim < 2 or not x.size:
        message = f"{where}: {name} has shape {x.shape}: give one example a row, (examples, values)"
        raise InputError(message)
    return x.reshape(len(x), -1), x.shape[1:] if x.ndim > 2 else None


def check_targets(y: Any, rows: int, name: str, where: str) -> None:
    """Refuse targets of the wrong type or shape, without reading a value."""
    check_lengths(rows, y.shape, f"{where}: {name}")
    if y.dtype.kind not in "biufUS" or (y.dtype.kind == "f" and y.dtype.itemsize > 8):
        raise InputError(f"{where}: {name} has type {y.dtype}: give labels or numbers")
    if y.ndim == 2 and not y.shape[1]:
        raise InputError(f"{where}: {name} has shape {y.shape}: give at least one output")


def native(values: Host, what: str) -> Host:
    """Convert a contiguous view of a file's bytes to the machine's byte order; check its values."""
    dtype = values.dtype
    if dtype == np.bool_:
        return np.asarray(values.view(np.uint8) != 0)  # a byte neither 0 nor 1 would be no bool
    if dtype.kind == "U":
        # A code point beyond Unicode would fail later, wherever the text is first used.
        points = values.view(dtype.byteorder.replace("|", "=") + "u4")
        if points.max(initial=0) > 0x10FFFF:
            raise InputError(f"{what} is damaged: it holds text that is not Unicode")
    return values.astype(dtype.newbyteorder("="), copy=False)

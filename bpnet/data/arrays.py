"""NumPy's own files, ``.npy`` and ``.npz``, read with suspicion: no pickle, no surprise in size."""

import io
import math
import os
import tokenize
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from bpnet.data.dataset import Dataset
from bpnet.data.reading import check_entry, check_finite, read_exactly, refuse_growth, refusing
from bpnet.errors import InputError

_LONGEST_HEADER = 10_000  # NumPy's own limit, held before the header is read


@dataclass(frozen=True)
class Header:
    """What a ``.npy`` file says of itself: type, shape, order, and where the data begins."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_fortran: bool
    start: int

    @property
    def size(self) -> int:
        """Bytes of data."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy(path: Path) -> npt.NDArray[Any]:
    """Read one array from a ``.npy`` file, in C order and the machine's byte order.

    Python objects, which are pickle in disguise, are never loaded.
    """
    with refusing(str(path)), path.open("rb") as stream:
        header = read_header(stream, str(path))
        check_size(header, os.fstat(stream.fileno()).st_size, str(path))
        return _read_values(stream, header, str(path))


def read_npz(path: Path, *, need_target: bool = True) -> Dataset:
    """Read ``x``, ``y`` and, where they are, ``x_test``, ``y_test``, ``scale`` of a ``.npz``."""
    where = str(path)
    with refusing(where), zipfile.ZipFile(path) as archive:
        held = {i.filename.removesuffix(".npy"): i for i in archive.infolist()}
        wanted = ("x", "y") if need_target else ("x",)
        lacking = [f"'{name}'" for name in wanted if name not in held]
        if lacking:
            names = ", ".join(f"'{name}'" for name in list(held)[:10]) or "nothing"
            message = f"{where} lacks {' and '.join(lacking)}: it holds {names}"
            raise InputError(message)
        if need_target and ("x_test" in held) != ("y_test" in held):
            message = f"{where} holds one of 'x_test' and 'y_test': give both or none"
            raise InputError(message)
        tests = ("x_test", "y_test") if need_target and "x_test" in held else ()
        wanted = (*wanted, *tests, *(("scale",) if "scale" in held else ()))
        # every header is judged before any data is read
        headers = {name: _member_header(archive, held[name], where) for name in wanted}
        refuse_growth(sum(h.size for h in headers.values()), path.stat().st_size, where)
        for x_name, y_name in (("x", "y"), ("x_test", "y_test")):
            if y_name in headers:
                _check_lengths(headers[x_name].shape, headers[y_name].shape, y_name, where)
        arrays = {
            name: _member_values(archive, held[name], headers[name], where) for name in wanted
        }
    return _assemble(arrays, path)


def _assemble(arrays: dict[str, npt.NDArray[Any]], path: Path) -> Dataset:
    where = str(path)
    x, shape = _examples(arrays["x"], "x", where)
    y = _targets(arrays["y"], len(x), "y", where) if "y" in arrays else None
    test = None
    if "x_test" in arrays:
        x_test, test_shape = _examples(arrays["x_test"], "x_test", where)
        if x_test.shape[1] != x.shape[1] or test_shape != shape:
            message = f"{where}: an example of x_test has another shape than one of x"
            raise InputError(message)
        test = (x_test, _targets(arrays["y_test"], len(x_test), "y_test", where))
    scale = _scale(arrays["scale"], where) if "scale" in arrays else None
    return Dataset(x, y, scale=scale, test=test, name=path.stem, shape=shape)


def _scale(scale: npt.NDArray[Any], where: str) -> float:
    if scale.size != 1 or scale.dtype.kind not in "iuf":
        message = f"{where}: scale has shape {scale.shape}, type {scale.dtype}: give one number"
        raise InputError(message)
    return float(scale.reshape(-1)[0])


def _examples(
    x: npt.NDArray[Any], name: str, where: str
) -> tuple[npt.NDArray[Any], tuple[int, ...] | None]:
    x, shape = flat(x, name, where)
    check_finite(x, name, where)
    return x, shape


def flat(
    x: npt.NDArray[Any], name: str, where: str
) -> tuple[npt.NDArray[Any], tuple[int, ...] | None]:
    """Flatten pictures, and return their shape with them; nothing is read of the values."""
    if x.dtype.kind not in "biuf" or x.dtype.itemsize > 8:
        message = f"{where}: {name} has type {x.dtype}: give booleans, integers or floats"
        raise InputError(message)
    if x.ndim < 2 or not x.size:
        message = f"{where}: {name} has shape {x.shape}: give one example a row, (examples, values)"
        raise InputError(message)
    shape = x.shape[1:] if x.ndim > 2 else None
    return x.reshape(len(x), -1), shape


def _targets(y: npt.NDArray[Any], rows: int, name: str, where: str) -> npt.NDArray[Any]:
    check_targets(y, rows, name, where)
    if y.dtype.kind == "S":
        with refusing(f"{where}: {name}"):
            return np.char.decode(y, "utf-8")
    check_finite(y, name, where)
    return y


def check_targets(y: Any, rows: int, name: str, where: str) -> None:
    """Refuse targets of the wrong type or shape; nothing is read of the values."""
    _check_lengths((rows,), y.shape, name, where)
    if y.dtype.kind not in "biufUS" or (y.dtype.kind == "f" and y.dtype.itemsize > 8):
        message = f"{where}: {name} has type {y.dtype}: give labels or numbers"
        raise InputError(message)
    if y.ndim == 2 and not y.shape[1]:
        message = f"{where}: {name} has shape {y.shape}: give at least one output"
        raise InputError(message)


def _check_lengths(
    x_shape: tuple[int, ...], y_shape: tuple[int, ...], name: str, where: str
) -> None:
    rows = x_shape[0] if x_shape else 0
    if len(y_shape) not in {1, 2} or y_shape[0] != rows:
        message = (
            f"{where}: {name} of shape {y_shape} does not fit {rows} examples: "
            f"give ({rows},) or ({rows}, outputs)"
        )
        raise InputError(message)


def read_header(stream: IO[bytes], what: str) -> Header:
    """Read what comes before the data."""
    first = stream.read(8)
    if first[:6] != b"\x93NUMPY" or len(first) < 8:
        message = f"{what} is not a .npy file: it starts with {first[:6].hex() or 'nothing'}"
        raise InputError(message)
    width = {1: 2, 2: 4}.get(first[6])
    if width is None or first[7]:
        version = f"{first[6]}.{first[7]}"
        message = f"{what}: .npy version {version} is for tables of records: give a plain array"
        raise InputError(message)
    length = stream.read(width)
    claimed = int.from_bytes(length, "little")
    if claimed > _LONGEST_HEADER:
        message = f"{what} is damaged: its header claims {claimed:,} bytes"
        raise InputError(message)
    held = io.BytesIO(length + stream.read(claimed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers that Python 2 wrote
        try:
            shape, is_fortran, dtype = _HEADERS[first[6]](held, max_header_size=_LONGEST_HEADER)
        except tokenize.TokenError as error:
            raise ValueError(*error.args) from error
    if not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 32:
        message = f"{what} is damaged: its header claims the shape {str(shape)[:60]}"
        raise InputError(message)
    if dtype.hasobject:
        message = f"{what} holds Python objects (a pickle), which are never loaded: save numbers"
        raise InputError(message)
    is_plain = dtype.names is None and dtype.subdtype is None and dtype.itemsize
    if not is_plain or dtype.str.encode() not in held.getvalue():
        message = f"{what} has type {str(dtype)[:60]}: give a plain array"
        raise InputError(message)
    return Header(dtype, shape, is_fortran, 8 + width + claimed)


_HEADERS: dict[int, Any] = {
    1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0,
}  # fmt: skip


def check_size(header: Header, found: int, what: str) -> None:
    """Refuse a file that is shorter or longer than its header says."""
    wanted = header.start + header.size
    if found != wanted:
        kind = "truncated" if found < wanted else "too long"
        message = (
            f"{what} is {kind}: its header speaks of {header.size:,} bytes of data, "
            f"shape {header.shape}, and {found - header.start:,} follow; get it again"
        )
        raise InputError(message)


def _read_values(stream: IO[bytes], header: Header, what: str) -> npt.NDArray[Any]:
    values = native(read_exactly(stream, header.size, what).view(header.dtype), what)
    if header.is_fortran:
        return np.ascontiguousarray(values.reshape(header.shape[::-1]).T)
    return values.reshape(header.shape)


def native(values: npt.NDArray[Any], what: str) -> npt.NDArray[Any]:
    """Bytes of a file, contiguous and viewed as their type, as an array that is safe to use."""
    dtype = values.dtype
    if dtype == np.bool_:
        return np.asarray(values.view(np.uint8) != 0)  # a byte neither 0 nor 1 would be no bool
    if dtype.kind == "U":
        points = values.view(dtype.byteorder.replace("|", "=") + "u4")
        if points.max(initial=0) > 0x10FFFF:
            message = f"{what} is damaged: it holds text that is not Unicode"
            raise InputError(message)
    return values.astype(dtype.newbyteorder("="), copy=False)


def _member_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> Header:
    what = f"{where}: {info.filename}"
    check_entry(info, what)
    with archive.open(info) as stream:
        header = read_header(stream, what)
    check_size(header, info.file_size, what)
    return header


def _member_values(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, header: Header, where: str
) -> npt.NDArray[Any]:
    what = f"{where}: {info.filename}"
    with archive.open(info) as stream:
        stream.read(header.start)
        return _read_values(stream, header, what)

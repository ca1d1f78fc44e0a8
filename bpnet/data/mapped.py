"""Arrays in ``.npy`` and IDX files that are mapped into memory: a row is read when it is taken."""

import gzip
import math
import mmap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.data import arrays, draws, idx, reading
from bpnet.data.host_rows import HostRows
from bpnet.data.moments import Moments, merged
from bpnet.data.reading import Stamp, refusing
from bpnet.errors import InputError
from bpnet.shown import pasted

Host = npt.NDArray[Any]

_PIECE = 1 << 22  # numbers that are read at a time in a pass over all rows


@dataclass(frozen=True, eq=False)
class Part:
    """One file as it was when it was opened, and its values, (m, ...), a view of mapped bytes.

    ``mapping`` is None where the file is compressed, and its values in memory; ``start`` is the
    byte where the values begin.
    """

    stamp: Stamp
    array: Host
    mapping: mmap.mmap | None
    start: int

    def read(self, rows: Host | None, name: str) -> Host:
        """Read rows by their numbers, or all: in native byte order, decoded, and all finite."""
        self.stamp.check()  # a page that is no longer there would end the process
        array = np.ascontiguousarray(self.array) if rows is None else np.take(self.array, rows, 0)
        self.stamp.check()
        path = str(self.stamp.path)
        values = arrays.native(array, path)
        if values.dtype.kind == "S":
            with refusing(f"{path}: {name}"):
                return np.char.decode(values, "utf-8")
        reading.check_finite(values, name, path, rows)
        return values

    def will_need(self, first: int, last: int) -> None:
        """Ask the system to read the rows ``first`` to ``last`` - 1 in one go."""
        # madvise takes only an offset at the start of a page.
        row = self.array.strides[0]
        begin = (self.start + first * row) // mmap.PAGESIZE * mmap.PAGESIZE
        if self.mapping is not None and hasattr(mmap, "MADV_WILLNEED"):
            self.mapping.madvise(mmap.MADV_WILLNEED, begin, self.start + last * row - begin)


@dataclass(frozen=True, eq=False, repr=False)
class Mapped(HostRows):
    """The rows of one or more files of one type and width, one file after another.

    ``index`` says which rows of the files these are, by default all; ``name``, "x" or "y", what
    they are called in an error. ``chunk`` and ``buffer`` are rows where they are shuffled by
    blocks, and 0 where all are mixed; by ``moments`` they are standardized.
    """

    parts: tuple[Part, ...]
    name: str
    index: Host | None = None
    chunk: int = 0
    buffer: int = 0
    moments: Moments | None = None

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Number of all rows, and the axes of each."""
        m = int(self._starts[-1]) if self.index is None else len(self.index)
        return m, *self.parts[0].array.shape[1:]

    @property
    def dtype(self) -> Any:  # type: ignore[override]
        """Type of the rows that :meth:`take` returns."""
        stored = self.parts[0].array.dtype
        if self.moments is not None:
            return np.dtype(np.float64 if stored.itemsize > 4 else np.float32)
        return stored.newbyteorder("=")

    @property
    def _starts(self) -> Host:
        return np.cumsum([0, *(len(part.array) for part in self.parts)])

    def __getitem__(self, rows: Host) -> "Mapped":
        return replace(self, index=rows if self.index is None else self.index[rows])

    def take(self, rows: Host) -> Host:
        """Rows by their numbers, read now; a file that changed, or holds a nan, is refused."""
        numbers = rows if self.index is None else self.index[rows]
        if len(rows) and not 0 <= int(numbers.min()) <= int(numbers.max()) < self._starts[-1]:
            raise IndexError(f"rows {rows.min()} to {rows.max()} were asked of {len(self)}")
        if self.chunk:  # whole chunks are read anyway; fully mixed rows lie all over the file
            self._will_need(rows)
        values = self._gather(numbers)
        return values if self.moments is None else self.moments.standardize(values, self.dtype)

    def whole(self) -> Host:
        """All rows, in memory and in C order."""
        if self.index is not None or self.moments is not None:
            return super().whole()
        # Mapped bytes are copied, as the array would change or end with its file.
        values = [part.read(None, self.name) for part in self.parts]
        return values[0] if self.parts[0].mapping is None else np.concatenate(values)

    def order(self, seed: int, epoch: int) -> Any:
        """All rows mixed with all, or by blocks."""
        if not self.chunk:
            return draws.order(seed, epoch, len(self))
        starts = np.append(np.arange(0, len(self), self.chunk), len(self))
        return draws.BlockOrder(seed, epoch, starts, self.buffer)

    def identity(self) -> str:
        """Sizes of the files and samples of them, and what is done with the rows."""
        files = [part.stamp.sample() for part in self.parts]
        index = None if self.index is None else [len(self.index), *self.index[:: 1 << 16].tolist()]
        return f"{self.shape} {self.dtype} {files} {index} {self.chunk} {self.buffer}"

    def learn(self) -> Moments:
        """Moments of the columns, in one pass over the rows."""
        return merged(Moments.of(self.take(rows)) for rows in self.pieces(_PIECE))

    def _gather(self, numbers: Host) -> Host:
        if len(self.parts) == 1:
            return self.parts[0].read(numbers, self.name)
        stored = self.parts[0].array
        out = np.empty((len(numbers), *stored.shape[1:]), stored.dtype.newbyteorder("="))
        which = np.searchsorted(self._starts, numbers, side="right") - 1
        for i in np.unique(which):
            here = np.flatnonzero(which == i)
            out[here] = self.parts[i].read(numbers[here] - self._starts[i], self.name)
        return out

    def _will_need(self, rows: Host) -> None:
        for chunk in np.unique(rows // self.chunk).tolist():
            # The index is sorted: the rows of a chunk lie between its first and its last.
            ends = np.array([chunk * self.chunk, min((chunk + 1) * self.chunk, len(self)) - 1])
            first, last = ends if self.index is None else self.index[ends]
            for part, start in zip(self.parts, self._starts, strict=False):
                low, high = max(first - start, 0), min(last + 1 - start, len(part.array))
                if low < high:
                    part.will_need(int(low), int(high))


def open_npy(paths: Sequence[Path], name: str) -> Mapped:
    """Map ``.npy`` files that hold the rows of one array, one file after another."""
    first, *others = parts = [_map_npy(path) for path in paths]
    for part in others:
        kinds = [(p.array.dtype, p.array.shape[1:]) for p in (first, part)]
        if kinds[0] != kinds[1]:
            raise InputError(
                f"{part.stamp.path} holds rows of shape {kinds[1][1]}, type {kinds[1][0]}, and "
                f"{first.stamp.path} of {kinds[0][1]}, {kinds[0][0]}: give files alike"
            )
    return Mapped(tuple(parts), name)


def open_idx(path: Path, name: str) -> Mapped:
    """Map an IDX file; the values of one that is compressed are read into memory."""
    stamp = Stamp.of(path)
    with refusing(str(path)), path.open("rb") as file:
        is_gzip = file.read(2) == idx.GZIP
        file.seek(0)
        stream: Any = gzip.GzipFile(fileobj=file) if is_gzip else file
        dtype, shape, start = idx.read_header(stream, path)
        size = math.prod(shape) * dtype.itemsize
        most = stamp.size * reading.MOST_DEFLATED if is_gzip else stamp.size - start
        reading.check_size(size, most, str(path), is_exact=not is_gzip)
        if not is_gzip:
            return Mapped((_view(file.fileno(), stamp, dtype, shape, start),), name)
        reading.refuse_growth(size, stamp.size, str(path))
        values = reading.read_exactly(stream, size, str(path)).view(dtype).reshape(shape)
        return Mapped((Part(stamp, values, None, 0),), name)


def check_mapped(rows: Mapped) -> None:
    """Refuse rows that cannot be read one by one."""
    for part in rows.parts:
        path = part.stamp.path
        if part.mapping is None:
            message = f"{path} is compressed and can't be mapped: unpack it, gunzip -k "
            raise InputError(message + pasted(path))
        if part.array.ndim > 1 and not part.array.flags.c_contiguous:
            raise InputError(
                f"{path} is stored column by column, so that no row can be read by itself: save it "
                "with numpy.ascontiguousarray"
            )


def _map_npy(path: Path) -> Part:
    stamp = Stamp.of(path)
    with refusing(str(path)), path.open("rb") as file:
        header = arrays.read_header(file, str(path))
        reading.check_size(header.size, stamp.size - header.start, str(path))
        if not header.size or not header.shape:
            raise InputError(f"{path} has shape {header.shape}: give examples")
        shape = (math.prod(header.shape),)
        part = _view(file.fileno(), stamp, header.dtype, shape, header.start)
        return replace(part, array=header.shaped(part.array))


def _view(file: int, stamp: Stamp, dtype: Any, shape: tuple[int, ...], start: int) -> Part:
    mapping = mmap.mmap(file, 0, access=mmap.ACCESS_READ)
    array = np.frombuffer(mapping, dtype, math.prod(shape), start).reshape(shape)
    return Part(stamp, array, mapping, start)

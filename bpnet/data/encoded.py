"""Examples of a table, encoded run by run when they are taken."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.data import draws, told
from bpnet.data.columns import Columns
from bpnet.data.encoding import encode
from bpnet.data.frames import Run, Table
from bpnet.data.host_rows import HostRows
from bpnet.data.learning import picked
from bpnet.data.shuffling import BlockOrder
from bpnet.data.told import Tally

Host = npt.NDArray[Any]

_BUFFER = 1 << 25
"""Numbers in a buffer."""

_CHUNKS = 8
"""Runs of a table that fill a buffer."""


@dataclass(frozen=True, eq=False, repr=False)
class Encoded(HostRows):
    """Examples in float32, (m, n), of which as many as fill a buffer are kept.

    Parameters
    ----------
    table : Table
        Where the rows are.
    columns : Columns
        How they are encoded.
    index : array of int, (m,), or None
        Which rows of the table these are, sorted; all by default.
    buffer, chunk : int
        Rows that are mixed with one another, and rows of a run.
    full : bool
        Whether all rows are mixed with all.
    """

    table: Table
    columns: Columns
    index: Host | None
    buffer: int
    chunk: int
    full: bool
    runs: tuple[Run, ...]
    starts: Host
    _kept: "OrderedDict[int, Host]" = field(default_factory=OrderedDict)
    _tallies: dict[int, Tally] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.Lock)

    @classmethod
    def of(
        cls, table: Table, columns: Columns, index: Host | None, buffer: int | None, full: bool
    ) -> "Encoded":
        """Rows of a table, with a buffer of about 2^25 numbers where none is given."""
        buffer = buffer or max(1, _BUFFER // len(columns.features))
        chunk = max(1, buffer // _CHUNKS)
        runs = tuple(table.runs(chunk))
        starts = _starts(runs, index)
        return cls(table, columns, index, buffer, chunk, full, runs, starts)

    def part(self, index: Host) -> "Encoded":
        """Other rows of the same table."""
        return replace(
            self, index=index, starts=_starts(self.runs, index), _kept=OrderedDict(), _tallies={},
            _lock=threading.Lock(),
        )  # fmt: skip

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Of all rows."""
        return int(self.starts[-1]), len(self.columns.features)

    @property
    def dtype(self) -> Any:  # type: ignore[override]
        """Of the rows that are taken."""
        return np.dtype(np.float32)

    def take(self, rows: Host) -> Host:
        """Rows by their numbers; the runs that hold them are read unless they are kept.

        Raises
        ------
        InputError
            If a file changed or is damaged, or a cell can't be used.
        """
        out = np.empty((len(rows), self.shape[1]), np.float32)
        runs = np.searchsorted(self.starts, rows, side="right") - 1
        by_run = np.argsort(runs, kind="stable")
        cuts = np.flatnonzero(np.diff(runs[by_run], prepend=-1))
        groups = {int(runs[at[0]]): at for at in np.split(by_run, cuts[1:])} if len(rows) else {}
        with self._lock:
            for i in sorted(groups, key=lambda i: i not in self._kept):
                out[groups[i]] = self._values(i)[rows[groups[i]] - self.starts[i]]
        return out

    def whole(self) -> Host:
        """All rows, none of which is kept here."""
        out = np.empty(self.shape, np.float32)
        for i in range(len(self.runs)):
            out[self.starts[i] : self.starts[i + 1]] = self._read(i)
        return out

    def _values(self, i: int) -> Host:
        if i in self._kept:
            self._kept.move_to_end(i)
            return self._kept[i]
        self._kept[i] = values = self._read(i)
        rows = sum(map(len, self._kept.values()))
        while rows > self.buffer + self.chunk and len(self._kept) > 1:
            rows -= len(self._kept.popitem(last=False)[1])
        return values

    def _read(self, i: int) -> Host:
        run = self.runs[i]
        frame = self.table.read(run, [column.name for column in self.columns.inputs])
        picks = picked(self.index, run.begin, run.rows)
        where = self.table.parts[run.part].where
        first: Any = run.first
        if picks is not None:
            frame, first = frame[picks], run.first + picks
        x, self._tallies[i] = encode(frame, self.columns, where, first)
        return x

    def order(self, seed: int, epoch: int) -> Any:
        """All rows mixed with all, or by blocks: a run is a chunk."""
        if self.full:
            return draws.order(seed, epoch, len(self))
        return BlockOrder(seed, epoch, self.starts, self.buffer)

    def replaced(self) -> tuple[str, ...]:
        """Lines on the cells that were replaced in the rows that were read so far."""
        return told.replaced(self.columns, self.tally())

    def tally(self) -> Tally:
        """Counts of the same, by column."""
        return told.merged(self._tallies.values())

    def some(self, k: int) -> Host:
        """The first rows: they lie in as few runs as there can be."""
        return np.arange(k)

    def identity(self) -> str:
        """Sizes of the files and samples of them, and what is done with the rows."""
        files = [part.sample() for part in self.table.parts]
        index = None if self.index is None else [len(self.index), *self.index[:: 1 << 16].tolist()]
        return f"{self.shape} {files} {self.columns} {index} {self.chunk} {self.buffer} {self.full}"


def _starts(runs: tuple[Run, ...], index: Host | None) -> Host:
    """Rows before each run, and the number of all."""
    ends = np.array([0, *(run.begin + run.rows for run in runs)])
    return ends if index is None else np.searchsorted(index, ends)


def tally_of(data: Any) -> Tally:
    """Cells that were replaced in all parts of a data set, by column, after they were read."""
    parts = [data.x, *(pair[0] for pair in (data.validation, data.test) if pair is not None)]
    return told.merged(x.tally() for x in parts)

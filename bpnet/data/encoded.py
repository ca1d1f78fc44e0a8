"""Examples of a table, encoded run by run when they are taken."""

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
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

_log = logging.getLogger("bpnet")

_BUFFER = 1 << 25
"""Numbers in a buffer."""

_CHUNKS = 8
"""Runs of a table that fill a buffer."""


@dataclass(frozen=True, eq=False, repr=False)
class Encoded(HostRows):
    """Examples in float32, (m, n), of which as many as fill a buffer are kept.

    They are the rows ``index`` of a table, sorted, or all. ``buffer`` rows are mixed with one
    another, or, in ``full``, all with all; an eighth of a buffer is read at a time. Said ``aloud``,
    cells that were replaced are logged once all rows have been read.
    """

    table: Table
    columns: Columns
    index: Host | None
    buffer: int
    full: bool
    aloud: bool = False
    runs: tuple[Run, ...] = field(init=False)
    starts: Host = field(init=False)
    _kept: "OrderedDict[int, Host]" = field(init=False, default_factory=OrderedDict)
    _tallies: dict[int, Tally] = field(init=False, default_factory=dict)
    _lock: Any = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        runs = tuple(self.table.runs(self.chunk))
        starts = np.array([0, *(run.begin + run.rows for run in runs)])
        if self.index is not None:
            starts = np.searchsorted(self.index, starts)
        object.__setattr__(self, "runs", runs)
        object.__setattr__(self, "starts", starts)

    @classmethod
    def of(
        cls, table: Table, columns: Columns, index: Host | None, buffer: int | None, full: bool
    ) -> "Encoded":
        """Rows of a table, with a buffer of about 2^25 numbers where none is given."""
        return cls(table, columns, index, buffer or max(1, _BUFFER // len(columns.features)), full)

    @property
    def chunk(self) -> int:
        """Rows of a run."""
        return max(1, self.buffer // _CHUNKS)

    def __getitem__(self, rows: Host) -> "Encoded":
        index = rows if self.index is None else self.index[rows]
        return Encoded(self.table, self.columns, index, self.buffer, self.full, self.aloud)

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Of all rows."""
        return int(self.starts[-1]), len(self.columns.features)

    @property
    def dtype(self) -> Any:  # type: ignore[override]
        """Of the rows that are taken."""
        return np.dtype(np.float32)

    def take(self, rows: Host) -> Host:
        """Rows by their numbers; the runs that hold them are read unless they are kept."""
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
        x, tally = encode(frame, self.columns, where, first)
        is_new = i not in self._tallies
        self._tallies[i] = tally
        if self.aloud and is_new and len(self._tallies) == np.count_nonzero(np.diff(self.starts)):
            for line in self.replaced():
                _log.warning("%s", line)
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
        return f"{self.shape} {files} {self.columns} {index} {self.buffer} {self.full}"

"""Examples of a table, encoded run by run when they are taken."""

import logging
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.data import draws, replacements
from bpnet.data.columns import Columns
from bpnet.data.encoding import encode
from bpnet.data.frames import Run, Table
from bpnet.data.host_rows import HostRows
from bpnet.data.learning import picked
from bpnet.data.replacements import Tally

Host = npt.NDArray[Any]

_log = logging.getLogger("bpnet")

_BUFFER = 1 << 25  # numbers in a buffer
_CHUNKS = 8  # runs of a table that fill a buffer


@dataclass(frozen=True, eq=False, repr=False)
class Encoded(HostRows):
    """Examples in float32, (m, n), of which as many as fill a buffer are kept.

    They are the rows ``index`` of a table, sorted, or all. ``buffer`` rows, by default about 2^25
    numbers, are mixed with one another, or, in ``full``, all with all; an eighth of a buffer is
    read at a time. With ``aloud``, replaced cells are logged once all rows have been read.
    """

    table: Table
    columns: Columns
    index: Host | None = None
    buffer: int = 0
    full: bool = True
    aloud: bool = False
    runs: tuple[Run, ...] = field(init=False)
    starts: Host = field(init=False)
    _kept: dict[int, Host] = field(init=False, default_factory=dict)  # the last used comes last
    _tallies: dict[int, Tally] = field(init=False, default_factory=dict)
    _lock: Any = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if not self.buffer:
            size = max(1, _BUFFER // len(self.columns.features))
            object.__setattr__(self, "buffer", size)
        runs = tuple(self.table.runs(self.chunk))
        starts = np.array([0, *(run.begin + run.rows for run in runs)])
        if self.index is not None:
            starts = np.searchsorted(self.index, starts)
        object.__setattr__(self, "runs", runs)
        object.__setattr__(self, "starts", starts)

    @property
    def chunk(self) -> int:
        """Rows of a run."""
        return max(1, self.buffer // _CHUNKS)

    def __getitem__(self, rows: Host) -> "Encoded":
        index = rows if self.index is None else self.index[rows]
        return Encoded(self.table, self.columns, index, self.buffer, self.full, self.aloud)

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Number of all rows, and of the inputs of each."""
        return int(self.starts[-1]), len(self.columns.features)

    @property
    def dtype(self) -> Any:  # type: ignore[override]
        """Type of the rows that :meth:`take` returns."""
        return np.dtype(np.float32)

    def take(self, rows: Host) -> Host:
        """Rows by their numbers; the runs that hold them are read unless they are kept."""
        out = np.empty((len(rows), self.shape[1]), np.float32)
        # Rows are grouped by run, so that each run is read and encoded once.
        runs = np.searchsorted(self.starts, rows, side="right") - 1
        by_run = np.argsort(runs, kind="stable")
        cuts = np.flatnonzero(np.diff(runs[by_run], prepend=-1))
        groups = {int(runs[at[0]]): at for at in np.split(by_run, cuts[1:])} if len(rows) else {}
        with self._lock:
            # Kept runs are served first: a run that is read may push one of them out.
            for i in sorted(groups, key=lambda i: i not in self._kept):
                self._kept[i] = values = self._kept.pop(i) if i in self._kept else self._read(i)
                out[groups[i]] = values[rows[groups[i]] - self.starts[i]]
                kept = sum(map(len, self._kept.values()))
                # A group of `BlockOrder` has fewer than buffer + chunk rows, and all of it is kept.
                while kept > self.buffer + self.chunk and len(self._kept) > 1:
                    kept -= len(self._kept.pop(next(iter(self._kept))))
        return out

    def whole(self) -> Host:
        """All rows in one array; none is added to the rows that are kept."""
        out = np.empty(self.shape, np.float32)
        for i in range(len(self.runs)):
            out[self.starts[i] : self.starts[i + 1]] = self._read(i)
        return out

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
        self._tallies[i] = tally  # by run, so that a run that is read again counts once
        # Runs without a row of the index are never read, and so are not waited for.
        if self.aloud and is_new and len(self._tallies) == np.count_nonzero(np.diff(self.starts)):
            for line in replacements.lines(self.columns, self.tally()):
                _log.warning("%s", line)
        return x

    def order(self, seed: int, epoch: int) -> Any:
        """All rows mixed with all, or by blocks: a run is a chunk."""
        if self.full:
            return draws.order(seed, epoch, len(self))
        return draws.BlockOrder(seed, epoch, self.starts, self.buffer)

    def tally(self) -> Tally:
        """Replaced cells of the rows that were read so far, by column."""
        return replacements.merged(self._tallies.values())

    def some(self, k: int) -> Host:
        """Numbers of the first ``k`` rows, which lie in as few runs as possible."""
        return np.arange(k)

    def identity(self) -> str:
        """Return text on samples of the files, the encoding, the rows and the way of shuffling."""
        files = [part.sample() for part in self.table.parts]
        index = None if self.index is None else [len(self.index), *self.index[:: 1 << 16].tolist()]
        return f"{self.shape} {files} {self.columns} {index} {self.buffer} {self.full}"

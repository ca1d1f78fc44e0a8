"""Examples and targets of a table of many files, read and encoded run by run."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.data import facts, told
from bpnet.data.columns import Columns
from bpnet.data.encoding import encode, encode_target
from bpnet.data.host_rows import HostRows
from bpnet.data.shuffling import BlockOrder
from bpnet.data.table_files import Run, Share, TableFiles
from bpnet.data.told import Tally

Host = npt.NDArray[Any]


@dataclass(eq=False)
class Table:
    """A table whose runs are encoded when they are needed; as many as fill a buffer are kept.

    Parameters
    ----------
    files : TableFiles
        Where the rows are.
    columns : Columns
        How they are encoded.
    share : Share
        Which rows are meant.
    buffer, chunk : int
        Rows that are mixed with one another, and rows of a run.
    """

    files: TableFiles
    columns: Columns
    share: Share
    buffer: int
    chunk: int
    _runs: list[Run] = field(default_factory=list)
    _kept: "dict[str, OrderedDict[int, Host]]" = field(default_factory=dict)
    _tallies: dict[int, Tally] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._runs = list(self.files.runs(self.chunk))
        self._kept = {"x": OrderedDict(), "y": OrderedDict()}
        counts = [self._count(run) for run in self._runs]
        self.starts = np.cumsum([0, *counts])

    def part(self, share: Share) -> "Table":
        """Other rows of the same files."""
        return replace(self, share=share, _tallies={}, _lock=threading.Lock())

    def replaced(self) -> tuple[str, ...]:
        """Lines on the cells that were replaced in the rows that were read so far."""
        return told.replaced(self.columns, self.tally())

    def tally(self) -> Tally:
        """Counts of the same, by column."""
        return told.merged(self._tallies.values())

    def _count(self, run: Run) -> int:
        picked = self.share.pick(run.begin, run.rows)
        return run.rows if picked is None else len(picked)

    def take(self, rows: Host, which: str) -> Host:
        """Encoded examples, "x", or targets, "y", of rows by their numbers.

        Raises
        ------
        InputError
            If a file changed or is damaged, or a cell can't be used.
        """
        runs = np.searchsorted(self.starts, rows, side="right") - 1
        by_run = np.argsort(runs, kind="stable")
        cuts = np.flatnonzero(np.diff(runs[by_run], prepend=-1))
        groups = {int(runs[at[0]]): at for at in np.split(by_run, cuts[1:])} if len(rows) else {}
        out: Host | None = None
        with self._lock:
            for i in sorted(groups, key=lambda i: i not in self._kept[which]):
                values = self._values(i, which)
                if out is None:
                    out = np.empty((len(rows), *values.shape[1:]), self.dtype(which))
                out[groups[i]] = values[rows[groups[i]] - self.starts[i]]
        return np.empty((0,), self.dtype(which)) if out is None else out

    def dtype(self, which: str) -> Any:
        """Of the examples or the targets."""
        if which == "x" or self.columns.task == "regress":
            return np.dtype(np.float32)
        return np.array(self.columns.classes).dtype

    def _values(self, i: int, which: str) -> Host:
        held, other = self._kept[which], self._kept["y"]
        if i in held:
            held.move_to_end(i)
            return held[i]
        x, y = self._read(i, inputs=which == "x")
        held[i] = x if which == "x" else y
        if which == "x" and y is not None:
            other[i] = y
        # targets are asked for after the examples, when the oldest of these may be gone
        _forget(self._kept["x"], self.buffer + self.chunk)
        _forget(self._kept["y"], 2 * (self.buffer + self.chunk))
        return held[i]

    def _read(self, i: int, *, inputs: bool) -> Any:
        run, columns = self._runs[i], self.columns
        where = str(self.files.stamps[run.file].path)
        names = [column.name for column in columns.inputs] if inputs else []
        targeted = columns.target in self.files.kinds
        frame = self.files.read(run, [*names, *[columns.target] * targeted], self.share)
        x = None
        if inputs:
            x, self._tallies[i] = encode(frame, columns, where, run.first)
        y = encode_target(frame[columns.target], columns, where, run.first) if targeted else None
        return x, y


def _forget(held: "OrderedDict[int, Host]", most: int) -> None:
    """Let go of what was used longest ago, until no more than so many rows are left."""
    rows = sum(len(values) for values in held.values())
    while rows > most and len(held) > 1:
        rows -= len(held.popitem(last=False)[1])


@dataclass(frozen=True, eq=False, repr=False)
class Encoded(HostRows):
    """One side of a table.

    Parameters
    ----------
    table : Table
        Both sides.
    which : {"x", "y"}
        Examples in float32, (m, n), or targets, (m,).
    """

    table: Table
    which: str

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Of all rows."""
        m = int(self.table.starts[-1])
        return (m, len(self.table.columns.features)) if self.which == "x" else (m,)

    @property
    def dtype(self) -> Any:  # type: ignore[override]
        """Of the rows that are taken."""
        return self.table.dtype(self.which)

    @cached_property
    def facts(self) -> tuple[Host, Host]:
        """Of targets: the classes; of numbers, as for all rows."""
        if self.table.columns.task == "regress":
            return facts.gather(self)
        classes = np.array(self.table.columns.classes)
        return classes, np.zeros(len(classes), np.int64)

    def take(self, rows: Host) -> Host:
        """Rows by their numbers; the runs that hold them are read unless they are kept."""
        return self.table.take(rows, self.which)

    def order(self, seed: int, epoch: int) -> BlockOrder:
        """All rows, mixed by blocks: a run of a file is a chunk."""
        return BlockOrder(seed, epoch, self.table.starts, self.table.buffer)

    def replaced(self) -> tuple[str, ...]:
        """Lines on the cells that were replaced in the rows that were read so far."""
        return self.table.replaced()

    def tally(self) -> Tally:
        """Counts of the same, by column."""
        return self.table.tally()

    def some(self, k: int) -> Host:
        """The first rows: they lie in as few runs as there can be."""
        return np.arange(k)

    def identity(self) -> str:
        """Sizes of the files and samples of them, and what is done with the rows."""
        table = self.table
        files = [stamp.sample() for stamp in table.files.stamps]
        return (
            f"{self.shape} {files} {table.columns} {table.share} {table.chunk} {table.buffer}"
            + (f" above {table.share.above}" if table.share.above else "")
        )

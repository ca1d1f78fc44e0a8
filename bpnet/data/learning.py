"""What a table of many files has in its columns, learned in one pass over its rows."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bpnet.data import told
from bpnet.data.cells import labels_of
from bpnet.data.columns import Columns
from bpnet.data.encoding import (
    MOST_CATEGORIES,
    NUMERIC,
    as_text,
    category_column,
    number_column,
    numbers_of,
    units,
)
from bpnet.data.moments import Moments
from bpnet.data.table_files import Share, TableFiles
from bpnet.data.tables import check_count
from bpnet.data.targets import settle
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

_PIECE = 1 << 22
"""Cells that are read at a time."""

_LABELS = 1 << 16
"""Different labels after which they are not counted on; ``check_count`` allows fewer."""


@dataclass(eq=False)
class _Seen:
    """What was seen of one column so far."""

    rows: int = 0
    missing: int = 0
    moments: Moments | None = None
    values: set[Any] = field(default_factory=set)

    def numbers(self, series: "pl.Series") -> None:
        values = numbers_of(series).drop_nulls().to_numpy()
        self._count(series)
        if len(values):
            found = Moments.of(values)
            self.moments = found if self.moments is None else self.moments.merged(found)

    def texts(self, series: "pl.Series") -> None:
        self._count(series)
        if len(self.values) <= MOST_CATEGORIES:  # more are refused at the end
            self.values.update(as_text(series).unique().to_list())

    def labels(self, series: "pl.Series", where: str, first: int) -> None:
        values = labels_of(series, where, first)
        (self.numbers if values.dtype.kind in "iuf" else self._count)(series)
        if len(self.values) < _LABELS:
            self.values.update(np.unique(values).tolist())

    def _count(self, series: "pl.Series") -> None:
        self.rows += len(series)
        self.missing += series.null_count()


def learn(
    files: TableFiles, target: str, task: str, share: Share
) -> tuple[Columns, tuple[str, ...]]:
    """Learn means, deviations, categories and classes from the rows of a share.

    Parameters
    ----------
    files : TableFiles
        The table.
    target : str
        The target's column.
    task : {"auto", "classify", "regress"}
        What is done with it.
    share : Share
        Which rows to learn from.

    Returns
    -------
    columns : Columns
        As `bpnet.data.encoding.learn` gives them, to rounding.
    notes : tuple of str
        What becomes of missing values and of constant columns.

    Raises
    ------
    InputError
        If a column can't be used.
    """
    where = str(files.stamps[0].path)
    names = list(files.kinds)
    seen = {name: _Seen() for name in names}
    for run in files.runs(max(1, _PIECE // len(names))):
        frame = files.read(run, names, share)
        path = str(files.stamps[run.file].path)
        for name in names:
            if name == target:
                seen[name].labels(frame[name], path, run.first)
            elif files.kinds[name] in NUMERIC:
                seen[name].numbers(frame[name])
            else:
                seen[name].texts(frame[name])
    found = seen.pop(target)
    if not found.rows:
        message = f"{where}: no rows are left to learn from: hold fewer out"
        raise InputError(message)
    task = _settle(found, task, f"{where}, target '{target}'", target)
    made = {name: _column(name, files.kinds[name], s, where) for name, s in seen.items()}
    inputs = tuple(column for column in made.values() if column is not None)
    left_out = tuple(name for name, column in made.items() if column is None)
    if not inputs:
        message = f"{where}: no column but '{target}' varies: give inputs that say something"
        raise InputError(message)
    kind = files.kinds[target]
    classes: tuple[Any, ...] = ()
    mean, std = 0.0, 1.0
    if task == "classify":
        classes = tuple(np.unique(list(found.values)).tolist())
    elif found.moments is not None:
        mean, std = units(found.moments, target, where)
    columns = Columns(inputs, left_out, target, kind, task, classes, mean, std)
    tally = {name: told.Replaced(missing=column.missing) for name, column in seen.items()}
    return columns, (*told.replaced(columns, tally), *told.guessed(columns))


def _settle(found: _Seen, task: str, where: str, target: str) -> str:
    _, chosen = settle(np.array(sorted(found.values)), task, where, found.rows)
    if chosen == "classify" and task == "auto" and isinstance(next(iter(found.values)), str):
        check_count(len(found.values), found.rows, target, where)
    if chosen == "classify" and len(found.values) >= _LABELS:
        message = f"{where}: it has {_LABELS} different values or more: give --task regress"
        raise InputError(message)
    return chosen


def _column(name: str, kind: str, seen: _Seen, where: str) -> Any:
    if kind in NUMERIC:
        return number_column(name, kind, seen.moments, where)
    return category_column(name, kind or "text", seen.values, seen.rows, where)

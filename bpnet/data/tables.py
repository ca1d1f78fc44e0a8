"""Tables to data sets: rows are held out, columns learned, and rows encoded when they are taken."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpnet.data import cells, told
from bpnet.data.columns import Columns
from bpnet.data.dataset import Dataset
from bpnet.data.encoded import Encoded
from bpnet.data.encoding import encode_target, target_cells
from bpnet.data.frames import Table, refusing_tables
from bpnet.data.learning import FEW, Seen, check_units, learn
from bpnet.data.moments import Moments
from bpnet.data.splits import split
from bpnet.data.taking import Taking
from bpnet.data.targets import settle
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

Host = npt.NDArray[Any]

_PIECE = 1 << 22
"""Rows of targets that are read at a time."""


def data_of(
    table: Table,
    *,
    target: str | None,
    task: str,
    columns: Columns | None,
    taking: Taking,
    validation: float,
    seed: int,
    need_target: bool,
    buffer: int | None = None,
    full: bool = True,
) -> Dataset:
    """Data set of a table, whose rows are encoded when they are taken.

    Parameters
    ----------
    table : Table
        The rows.
    target : str or None
        The target's column, or several with commas.
    task : {"auto", "classify", "regress"}
        As in :func:`bpnet.data.load`.
    columns : Columns, optional
        What was learned before; without it, it is learned of the rows that are not held out.
    taking : Taking
        What columns are said to be.
    validation : float
        The share of rows to hold out before anything is learned, 0 for none.
    seed : int
        Key of that draw.
    need_target : bool
        If False, the target is not looked at, and y is None.
    buffer : int, optional
        Rows that are mixed with one another where not all are, and of encoded rows that are kept.
    full : bool
        Whether all rows are mixed with all.

    Returns
    -------
    Dataset
        x float32; y the labels, or standardized values in float32.

    Raises
    ------
    InputError
        If a column can't be used, or nothing is left to learn from.
    """
    with refusing_tables(table.where):
        if columns is None:
            return _learned(table, target, task, taking, validation, seed, buffer, full)
        wanted = [c.name for c in columns.inputs]
        wanted += list(columns.target_names) if need_target else []
        check_learned(wanted, list(table.names), table.where)
        if not need_target:
            x = Encoded.of(table, columns, None, buffer, full)
            return Dataset(x, None, task=columns.task, name=table.name, columns=columns)
        kinds = [(columns.target_kind, columns.target_format)] * len(columns.target_names)
        found = _targets(table, columns.target_names, kinds)
        present, notes = _present(found, columns.target_names, table)
        y = _encoded(found, present, columns, table.where)
        kept, held, said = _split(y, present, validation, seed, columns.task)
        notes += said
        return _data(table, columns, y, present, kept, held, notes, buffer, full)


def _learned(
    table: Table, target: str | None, task: str, taking: Taking, validation: float, seed: int,
    buffer: int | None, full: bool,
) -> Dataset:  # fmt: skip
    """Data set whose columns are learned of the rows that are not held out."""
    names, where = list(table.names), table.where
    targets = find_targets(target, names, where)
    taking = taking.resolved(names, targets, where)
    kinds = [_kind(table, name, task) for name in targets]
    found = _targets(table, targets, kinds)
    present, notes = _present(found, targets, table)
    labels = [cells.labels_of(one.gather(present)) for one in found]
    joined = ",".join(targets)
    if len(targets) > 1:
        values, task = _several(labels, targets, task, where), "regress"
    else:
        dated = kinds[0][0] == "date"
        task = "regress" if dated and task == "auto" else task
        values, task = settle(labels[0], task, f"{where}, target '{joined}'")
        notes += _many_classes(values, task, joined)
    kept, held, said = _split(values, present, validation, seed, task)
    notes += said
    index = None if len(kept) == len(table) else present[kept]
    inputs = [name for name in names if name not in targets and name not in taking.drop]
    every = learn(table, inputs, index, taking)
    if all(one.column is None for one in every.values()):
        every = learn(table, inputs, index, taking, keep=True)
    columns = _columns(table, every, targets, kinds, values[kept], task, taking)
    y = _encoded(found, present, columns, where)
    data = _data(table, columns, y, present, kept, held, notes, buffer, full)
    dropped = tuple(f"column '{name}' is left out: it was dropped" for name in taking.drop)
    notes = (*table.notes, *notes, *told.left_out(list(every.values())), *dropped)
    return replace(data, notes=notes, taken=told.taken(list(every.values())))


def _columns(
    table: Table, every: dict[str, Any], targets: Sequence[str],
    kinds: Sequence[tuple[str, str]], values: Host, task: str, taking: Taking,
) -> Columns:  # fmt: skip
    """What is learned of a table."""
    inputs = tuple(one.column for one in every.values() if one.column is not None)
    joined = ",".join(targets)
    if not inputs:
        why = "; ".join(f"'{name}': {one.why}" for name, one in list(every.items())[:5])
        message = f"{table.where}: no column but '{joined}' varies: give inputs that say something"
        raise InputError(f"{message} ({why})" if why else message)
    left = (*(name for name, one in every.items() if one.column is None), *taking.drop)
    classes: tuple[Any, ...] = ()
    mean: Any = 0.0
    std: Any = 1.0
    if task == "classify":
        classes = tuple(np.unique(values).tolist())
    else:
        moments = Moments.of(values)
        means, stds = (np.atleast_1d(v).tolist() for v in (moments.mean, moments.std))
        for name, one, other in zip(targets, means, stds, strict=True):
            check_units(one, other, name, table.where)
        mean, std = (tuple(means), tuple(stds)) if len(targets) > 1 else (means[0], stds[0])
    kind, style = kinds[0] if len(targets) == 1 else ("real", "")
    return Columns(
        inputs, left, joined, kind, task, classes, mean, std,
        tuple(targets) if len(targets) > 1 else (), style, taking.separator or "",
    )  # fmt: skip


def _data(
    table: Table, columns: Columns, y: Host, present: Host, kept: Host, held: Host,
    notes: tuple[str, ...], buffer: int | None, full: bool,
) -> Dataset:  # fmt: skip
    """Data set of rows that are kept, and of those held out."""
    whole = len(kept) == len(table)
    index = None if whole else present[kept]
    x = Encoded.of(table, columns, index, buffer, full)
    pair, places = None, {}
    if len(held):
        pair, places = (x.part(present[held]), y[held]), {"validation": present[held]}
    return Dataset(
        x, y[kept], task=columns.task, name=table.name, columns=columns, validation=pair,
        rows=index, notes=(*table.notes, *notes), source_rows=len(table), places=places,
    )  # fmt: skip


def _kind(table: Table, name: str, task: str) -> tuple[str, str]:
    """Type of a target's values, and how its text is read."""
    seen = Seen(name, comma=table.separator in {";", "\t"})
    coded = False
    for run in table.runs(_PIECE):
        found = cells.plain(table.read(run, [name])[name], table.parts[run.part].where, run.first)
        if cells.kind(found) == "text":
            coded = coded or (task != "regress" and cells.has_codes(found))
        seen.add(found, None, run.first, run.begin)
    kind, style = seen.taken_as()
    if kind == "text" or coded:
        return "text", ""
    if kind != "number":
        return kind, style
    return "integer" if seen.is_whole(style) else "real", style


def _targets(
    table: Table, names: Sequence[str], kinds: Sequence[tuple[str, str]]
) -> "list[pl.Series]":
    """All cells of targets, in the types that they have, null where there is no value."""
    import polars as pl

    parts: list[list[pl.Series]] = [[] for _ in names]
    for run in table.runs(_PIECE):
        frame, where = table.read(run, names), table.parts[run.part].where
        for j, name in enumerate(names):
            parts[j].append(target_cells(frame[name], *kinds[j], where, run.first))
    found = []
    for pieces in parts:
        frames = [piece.to_frame() for piece in pieces]
        found.append(pl.concat(frames, how="vertical_relaxed").to_series())
    return found


def _present(
    found: "list[pl.Series]", names: Sequence[str], table: Table
) -> tuple[Host, tuple[str, ...]]:
    """Rows that have a target, and what is said of the others."""
    lacking = np.zeros(len(table), np.bool_)
    for one in found:
        lacking |= one.is_null().to_numpy()
    count = int(lacking.sum())
    if not count:
        return np.arange(len(table)), ()
    listed = "', '".join(names)
    first = int(np.argmax(lacking)) + 1
    if count == len(table):
        message = (
            f"{table.where}: the target '{listed}' is missing in {count} rows, which are all: "
            "name another"
        )
        raise InputError(message)
    rows = f"{count:,} row{'s' * (count > 1)}"
    note = f"{rows} left out: the target '{listed}' is missing, first in data row {first}"
    return np.flatnonzero(~lacking), (note,)


def _encoded(found: "list[pl.Series]", present: Host, columns: Columns, where: str) -> Host:
    """Targets of the rows that have one, as a network learns them."""
    y = [encode_target(one.gather(present), columns, j, where) for j, one in enumerate(found)]
    return y[0] if len(y) == 1 else np.stack(y, axis=1)


def _several(labels: Sequence[Host], names: Sequence[str], task: str, where: str) -> Host:
    """Amounts of several targets, (m, k).

    Raises
    ------
    InputError
        If one holds no numbers.
    """
    if task == "classify":
        message = f"task 'classify' has one target, and there are {len(names)}: give one"
        raise InputError(message)
    values = [
        settle(one, "regress", f"{where}, target '{name}'")[0]
        for one, name in zip(labels, names, strict=True)
    ]
    return np.stack(values, axis=1)


def _many_classes(y: Host, task: str, target: str) -> tuple[str, ...]:
    """What is said of text that has a different value in most rows."""
    count = len(np.unique(y)) if task == "classify" and y.ndim == 1 else 0
    if count <= max(FEW, len(y) // 2):
        return ()
    return (f"the target '{target}' has {count:,} different classes in {len(y):,} rows",)


def _split(
    y: Host, present: Host, fraction: float, seed: int, task: str
) -> tuple[Host, Host, tuple[str, ...]]:
    """Numbers, among the rows that have a target, of those kept and those held out."""
    if not fraction:
        return np.arange(len(present)), np.arange(0), ()
    stratify = task == "classify"
    if stratify and y.ndim == 1 and len(np.unique(y)) == len(y):
        note = "no rows are held out: each class has only one"
        return np.arange(len(present)), np.arange(0), (note,)
    return *split(y, fraction, seed, stratify=stratify), ()


def check_learned(wanted: list[str], names: list[str], where: str) -> None:
    """Refuse a table that lacks columns of those that were learned."""
    lacking = [f"'{name}'" for name in wanted if name not in names]
    if lacking:
        listed = ", ".join(lacking[:5]) + ", ..." * (len(lacking) > 5)
        message = f"{where} lacks {listed}, which the model was trained on; it has {_listed(names)}"
        raise InputError(message)


def find_targets(target: str | None, names: list[str], where: str) -> list[str]:
    """Names of the targets' columns, of which there is one, or several with commas.

    Raises
    ------
    InputError
        If one is no column, or no other column is left.
    """
    if target is None:
        message = f"{where} is a table: name its target with --target, one of {_listed(names)}"
        raise InputError(message)
    found = [target] if target in names else [part.strip() for part in target.split(",")]
    for name in found:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            message = f"{where} has no column '{name}': {hint}it has {_listed(names)}"
            raise InputError(message)
        if found.count(name) > 1:
            message = f"target '{target}' names '{name}' twice: name it once"
            raise InputError(message)
    if len(names) <= len(found):
        message = f"{where} has no column but '{target}': give inputs too, separated by commas"
        raise InputError(message)
    return found


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:20]) + ", ..." * (len(names) > 20)

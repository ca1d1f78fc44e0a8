"""Tables to data sets: rows are held out, columns learned, and rows encoded when they are taken."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpnet.data import cells, told
from bpnet.data.asked import Asked
from bpnet.data.columns import Columns
from bpnet.data.dataset import Dataset
from bpnet.data.encoded import Encoded
from bpnet.data.encoding import encode_target, target_cells
from bpnet.data.frames import Table, refusing_tables
from bpnet.data.learning import Taken, check_units, learn
from bpnet.data.moments import Moments
from bpnet.data.naming import listed, no_column
from bpnet.data.seen import Seen
from bpnet.data.splits import split
from bpnet.data.targets import FEW, settle
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

Host = npt.NDArray[Any]
Kind = tuple[str, str]
"""Type of a target's values, and how its text is read."""

_PIECE = 1 << 22
"""Rows of targets that are read at a time."""


def data_of(table: Table, asked: Asked, buffer: int | None = None, full: bool = True) -> Dataset:
    """Data set of a table, whose rows are encoded when they are taken.

    Labels stay as they are, amounts are standardized. ``buffer`` and ``full`` say how rows are
    mixed, as in :class:`Encoded`.
    """
    with refusing_tables(table.where):
        columns = asked.known(table.where)
        if columns is None:
            return _learned(table, asked, buffer, full)
        targets = columns.target_names if asked.need_target else ()
        check_learned([*(c.name for c in columns.inputs), *targets], table)
        if not targets:
            x = Encoded.of(table, columns, None, buffer, full)
            return Dataset(x, None, task=columns.task, name=table.name, columns=columns)
        kinds = [(columns.target_kind, columns.target_format)] * len(targets)
        present, found, notes = _targets(table, targets, kinds)
        y = encode_target(found, columns, table.where)
        kept, held, said = _split(y, asked, columns.task)
        notes += said
        return _data(table, asked, columns, y, present, kept, held, notes, buffer, full)


def _learned(table: Table, asked: Asked, buffer: int | None, full: bool) -> Dataset:
    """Data set whose columns are learned of the rows that are not held out."""
    targets = find_targets(asked.target, table)
    taking = asked.taking.resolved(table.names, targets, table.where)
    kinds = [_kind(table, name, asked.task) for name in targets]
    present, found, notes = _targets(table, targets, kinds)
    values, task = _settled(found, targets, kinds, asked.task, table.where)
    notes += _many_classes(values, task, targets[0])
    kept, held, said = _split(values, asked, task)
    index = None if len(kept) == len(table) else present[kept]
    inputs = [name for name in table.names if name not in targets and name not in taking.drop]
    every = learn(table, inputs, index, taking)
    if all(one.column is None for one in every):
        every = learn(table, inputs, index, taking, keep=True)
    columns = replace(
        _columns(table, every, targets, kinds, values[kept], task),
        left_out=(*(one.seen.name for one in every if one.column is None), *taking.drop),
        separator=taking.separator or "",
    )
    y = encode_target(found, columns, table.where)
    dropped = [f"column '{name}' is left out: it was dropped" for name in taking.drop]
    notes += (*said, *told.left_out(every), *dropped)
    data = _data(table, asked, columns, y, present, kept, held, notes, buffer, full)
    tally = {one.seen.name: one.replaced for one in every if one.column is not None}
    return replace(data, taken=told.taken(every), tallies={"": tally})


def _columns(
    table: Table, every: Sequence[Taken], targets: Sequence[str], kinds: Sequence[Kind],
    values: Host, task: str,
) -> Columns:  # fmt: skip
    """What is learned of a table."""
    inputs = tuple(one.column for one in every if one.column is not None)
    joined, several = ",".join(targets), tuple(targets) if len(targets) > 1 else ()
    if not inputs:
        why = "; ".join(f"'{one.seen.name}': {one.why}" for one in every[:5])
        message = f"{table.where}: no column but '{joined}' varies: give inputs that say something"
        raise InputError(f"{message} ({why})" if why else message)
    kind, style = ("real", "") if several else kinds[0]
    if task == "classify":
        classes = tuple(np.unique(values).tolist())
        return Columns(inputs, (), joined, kind, task, classes, target_format=style)
    moments = Moments.of(values)
    means, stds = (np.atleast_1d(v).tolist() for v in (moments.mean, moments.std))
    for name, one, unit in zip(targets, means, stds, strict=True):
        check_units(one, unit, name, table.where)
    mean, std = (tuple(means), tuple(stds)) if several else (means[0], stds[0])
    return Columns(inputs, (), joined, kind, task, (), mean, std, several, style)


def _data(
    table: Table, asked: Asked, columns: Columns, y: Host, present: Host, kept: Host, held: Host,
    notes: tuple[str, ...], buffer: int | None, full: bool,
) -> Dataset:  # fmt: skip
    """Data set of rows that are kept, and of those held out."""
    index = None if len(kept) == len(table) else present[kept]
    data = Dataset(
        Encoded.of(table, columns, index, buffer, full), y[kept], task=columns.task,
        name=table.name, columns=columns, rows=index, notes=(*table.notes, *notes),
        source_rows=len(table),
    )  # fmt: skip
    if not len(held):
        return data
    others = Encoded.of(table, columns, present[held], buffer, full)
    places = {"validation": present[held]}
    return asked.divided(replace(data, validation=(others, y[held]), places=places))


def _kind(table: Table, name: str, task: str) -> Kind:
    """What a target's values are: those of text with codes are classes, unless amounts are wanted.

    Codes are digits with zeros in front, which numbers would lose.
    """
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
    table: Table, names: Sequence[str], kinds: Sequence[Kind]
) -> "tuple[Host, list[pl.Series], tuple[str, ...]]":
    """Rows that have a value of each target, these values, and what is said of the other rows."""
    import polars as pl

    pieces = []
    for run in table.runs(_PIECE):
        frame, where = table.read(run, names), table.parts[run.part].where
        pieces.append(pl.DataFrame([
            target_cells(frame[name], *kind, where, run.first)
            for name, kind in zip(names, kinds, strict=True)
        ]))  # fmt: skip
    found = pl.concat(pieces, how="vertical_relaxed")
    lacking = found.select(pl.any_horizontal(pl.all().is_null())).to_series().to_numpy()
    count, joined = int(lacking.sum()), "', '".join(names)
    if not count:
        return np.arange(len(table)), found.get_columns(), ()
    if count == len(table):
        message = (
            f"{table.where}: the target '{joined}' is missing in {count} rows, which are all: "
            "name another"
        )
        raise InputError(message)
    rows = f"{count:,} row{'s' * (count > 1)}"
    first = int(np.argmax(lacking)) + 1
    note = f"{rows} left out: the target '{joined}' is missing, first in data row {first}"
    return np.flatnonzero(~lacking), found.filter(~lacking).get_columns(), (note,)


def _settled(
    found: "list[pl.Series]", names: Sequence[str], kinds: Sequence[Kind], task: str, where: str
) -> tuple[Host, str]:
    """Values of the targets, (m,) or (m, k), and the task that they set."""
    if len(names) > 1 and task == "classify":
        message = f"task 'classify' has one target, and there are {len(names)}: give one"
        raise InputError(message)
    if task == "auto" and (len(names) > 1 or kinds[0][0] == "date"):
        task = "regress"
    values = []
    for one, name in zip(found, names, strict=True):
        y, task = settle(cells.labels_of(one), task, f"{where}, target '{name}'")
        values.append(y)
    return (values[0] if len(names) == 1 else np.stack(values, axis=1)), task


def _many_classes(y: Host, task: str, target: str) -> tuple[str, ...]:
    """What is said of text that has a different value in most rows."""
    count = len(np.unique(y)) if task == "classify" and y.ndim == 1 else 0
    if count <= max(FEW, len(y) // 2):
        return ()
    return (f"the target '{target}' has {count:,} different classes in {len(y):,} rows",)


def _split(y: Host, asked: Asked, task: str) -> tuple[Host, Host, tuple[str, ...]]:
    """Numbers, among the rows that have a target, of those kept and those held out."""
    if not (fraction := asked.held_out()):
        return np.arange(len(y)), np.arange(0), ()
    stratify = task == "classify"
    if stratify and y.ndim == 1 and len(np.unique(y)) == len(y):
        note = "no rows are held out: each class has only one"
        return np.arange(len(y)), np.arange(0), (note,)
    return *split(y, fraction, asked.seed, stratify=stratify), ()


def check_learned(wanted: Sequence[str], table: Table) -> None:
    """Refuse a table that lacks columns of those that were learned."""
    lacking = [name for name in wanted if name not in table.names]
    if lacking:
        message = f"{table.where} lacks {listed(lacking, 5)}, which the model was trained on; it "
        raise InputError(f"{message}has {listed(table.names)}")


def find_targets(target: str | None, table: Table) -> list[str]:
    """Names of the targets' columns, of which there is one, or several with commas."""
    names, where = table.names, table.where
    if target is None:
        message = f"{where} is a table: name its target with --target (in Python target=), one of"
        raise InputError(f"{message} {listed(names)}")
    found = [target] if target in names else [part.strip() for part in target.split(",")]
    for name in found:
        if name not in names:
            raise no_column(where, name, names)
        if found.count(name) > 1:
            message = f"target '{target}' names '{name}' twice: name it once"
            raise InputError(message)
    if len(names) <= len(found):
        message = f"{where} has no column but '{target}': give inputs too, separated by commas"
        raise InputError(message)
    return found

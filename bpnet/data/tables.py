"""Tables to data sets: rows are held out, columns learned, and rows encoded when they are taken."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpnet.data import cells, replacements
from bpnet.data.columns import Columns
from bpnet.data.dataset import Dataset
from bpnet.data.encoded import Encoded
from bpnet.data.encoding import encode_target, target_cells
from bpnet.data.frames import Table, refusing_tables
from bpnet.data.learning import Learned, check_units, learn
from bpnet.data.moments import Moments
from bpnet.data.naming import listed, named_columns
from bpnet.data.options import ReadOptions
from bpnet.data.scan import Place, Scan
from bpnet.data.targets import FEW, settle
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

Host = npt.NDArray[Any]
Kind = tuple[str, str]  # type of a target's values, and how its text is read
_PIECE = 1 << 22  # rows of targets that are read at a time


def data_of(table: Table, options: ReadOptions, **how: Any) -> Dataset:
    """Data set of a table, whose rows are encoded when they are taken.

    Labels stay as they are, amounts are standardized. ``how`` says how rows are mixed: ``buffer``
    and ``full`` of :class:`Encoded`.
    """
    with refusing_tables(table.where):
        columns = options.learned(table.where)
        if columns is None:
            return _learn(table, options, how)
        targets = columns.target_names if options.need_target else ()
        needed = (*(column.name for column in columns.inputs), *targets)
        lacking = [name for name in needed if name not in table.names]
        if lacking:
            message = f"{table.where} lacks {listed(lacking, 5)}, which the model was trained on; "
            raise InputError(f"{message}it has {listed(table.names)}")
        if not targets:
            x = Encoded(table, columns, **how)
            return Dataset(x, None, task=columns.task, name=table.name, columns=columns)
        kinds = [(columns.target_kind, columns.target_format)] * len(targets)
        present, values, notes = _targets(table, targets, kinds)
        y = encode_target(values, columns, table.where)
        parts, said = options.divide(y, columns.task)
        return _data(table, columns, y, present, parts, options, (*notes, *said), how)


def _learn(table: Table, options: ReadOptions, how: dict[str, Any]) -> Dataset:
    """Data set whose columns are learned from the rows that are not held out."""
    targets = find_targets(options.target, table)
    roles = options.column_options.resolved(table.names, targets, table.where)
    kinds = [_kind(table, name, options.task) for name in targets]
    present, values, notes = _targets(table, targets, kinds)
    labels, task = _settled(values, targets, kinds, options.task, table.where)
    count = len(np.unique(labels)) if task == "classify" and labels.ndim == 1 else 0
    if count > max(FEW, len(labels) // 2):
        rows = f"{count:,} different classes in {len(labels):,} rows"
        notes = (*notes, f"the target '{targets[0]}' has {rows}")
    parts, said = options.divide(labels, task)
    kept = parts[""]
    # None stands for all rows: whole runs are then read without picking rows.
    index = None if len(kept) == len(table) else present[kept]
    inputs = [name for name in table.names if name not in targets and name not in roles.drop]
    every = learn(table, inputs, index, roles)
    if all(one.column is None for one in every):
        every = learn(table, inputs, index, roles, keep=True)
    columns = replace(
        _columns(table, every, targets, kinds, labels[kept], task),
        left_out=(*(one.scan.name for one in every if one.column is None), *roles.drop),
        separator=roles.separator or "",
    )
    y = encode_target(values, columns, table.where)
    dropped = [f"column '{name}' is left out: it was dropped" for name in roles.drop]
    notes = (*notes, *said, *replacements.column_notes(every), *dropped)
    data = _data(table, columns, y, present, parts, options, notes, how)
    tally = {one.scan.name: one.replaced for one in every if one.column is not None}
    return replace(data, taken=replacements.column_table(every), tallies={"": tally})


def _columns(
    table: Table, every: Sequence[Learned], targets: Sequence[str], kinds: Sequence[Kind],
    values: Host, task: str,
) -> Columns:  # fmt: skip
    """Columns that were learned, with the statistics of the targets."""
    inputs = tuple(one.column for one in every if one.column is not None)
    joined, several = ",".join(targets), tuple(targets) if len(targets) > 1 else ()
    if not inputs:
        why = "; ".join(f"'{one.scan.name}': {one.why}" for one in every[:5])
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
    table: Table, columns: Columns, y: Host, present: Host, parts: dict[str, Host],
    options: ReadOptions, notes: tuple[str, ...], how: dict[str, Any],
) -> Dataset:  # fmt: skip
    """Data set of a training part and of parts that are held out."""
    places = {name: present[rows] for name, rows in parts.items()}
    index = None if len(parts[""]) == len(table) else places[""]
    del places[""]
    pairs: Any = {
        n: (Encoded(table, columns, rows, **how), y[parts[n]]) for n, rows in places.items()
    }
    return Dataset(
        Encoded(table, columns, index, **how), y[parts[""]], **pairs, places=places,
        task=columns.task, name=table.name, columns=columns, rows=index,
        notes=(*table.notes, *notes), source_rows=len(table),
        test_share=options.shares()[1] if "test" in parts else 0.0,
    )  # fmt: skip


def _kind(table: Table, name: str, task: str) -> Kind:
    """Type of a target's values: text with codes is classes, unless amounts are wanted.

    Codes are digits that numbers would lose: zeros in front, integers beyond 64 bits.
    """
    scan = Scan(name, comma=table.separator in {";", "\t"})
    coded = False
    for run in table.runs(_PIECE):
        plain = cells.plain(table.read(run, [name])[name], table.parts[run.part].where, run.first)
        if cells.kind(plain) == "text" and task != "regress":
            coded = coded or cells.has_codes(plain)
        # All rows count: rows are held out by class, and so only after the type is known.
        scan.add(plain, Place(None, run.first, run.begin))
    kind, style = scan.taken_as()
    if kind == "text" or coded:
        return "text", ""
    if kind != "number":
        return kind, style
    return "integer" if scan.readings["number", style].is_whole else "real", style


def _targets(
    table: Table, names: Sequence[str], kinds: Sequence[Kind]
) -> "tuple[Host, list[pl.Series], tuple[str, ...]]":
    """Rows that have a value of each target, these values, and a note on the rows that lack one."""
    import polars as pl

    pieces = []
    for run in table.runs(_PIECE):
        frame, where = table.read(run, names), table.parts[run.part].where
        pieces.append(pl.DataFrame([
            target_cells(frame[name], *kind, where, run.first)
            for name, kind in zip(names, kinds, strict=True)
        ]))  # fmt: skip
    # Relaxed, as whole numbers may be Int64 in one run and Float64 in another.
    values = pl.concat(pieces, how="vertical_relaxed")
    lacking = values.select(pl.any_horizontal(pl.all().is_null())).to_series().to_numpy()
    count, joined = int(lacking.sum()), "', '".join(names)
    if not count:
        return np.arange(len(table)), values.get_columns(), ()
    if count == len(table):
        raise InputError(
            f"{table.where}: the target '{joined}' is missing in {count} rows, which are all: "
            "name another"
        )
    rows = f"{count:,} row{'s' * (count > 1)}"
    first = int(np.argmax(lacking)) + 1
    note = f"{rows} left out: the target '{joined}' is missing, first in data row {first}"
    return np.flatnonzero(~lacking), values.filter(~lacking).get_columns(), (note,)


def _settled(
    columns: "list[pl.Series]", names: Sequence[str], kinds: Sequence[Kind], task: str, where: str
) -> tuple[Host, str]:
    """Values of the targets, (m,) or (m, k), and the task that follows from them."""
    if len(names) > 1 and task == "classify":
        raise InputError(f"task 'classify' has one target, and there are {len(names)}: give one")
    if task == "auto" and (len(names) > 1 or kinds[0][0] == "date"):
        task = "regress"
    values = []
    for one, name in zip(columns, names, strict=True):
        y, task = settle(cells.labels_of(one), task, f"{where}, target '{name}'")
        values.append(y)
    return (values[0] if len(names) == 1 else np.stack(values, axis=1)), task


def find_targets(target: str | None, table: Table) -> list[str]:
    """Names of the targets' columns, of which there is one, or several with commas."""
    names, where = table.names, table.where
    if target is None:
        message = f"{where} is a table: name its target with --target (in Python target=), one of"
        raise InputError(f"{message} {listed(names)}")
    targets = named_columns(target, names, where)
    for name in targets:
        if targets.count(name) > 1:
            raise InputError(f"target '{target}' names '{name}' twice: name it once")
    if len(names) <= len(targets):
        message = f"{where} has no column but '{target}': give inputs too, separated by commas"
        raise InputError(message)
    return targets

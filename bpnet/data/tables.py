"""Tables to data sets: what is asked of them, held against what they have."""

from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.data import told
from bpnet.data.cells import labels_of, to_plain
from bpnet.data.columns import Columns
from bpnet.data.dataset import Dataset
from bpnet.data.encoding import FEW_CATEGORIES, encode, encode_target, learn
from bpnet.data.frames import column_names, read_frame, refusing_tables
from bpnet.data.splits import split
from bpnet.data.targets import settle
from bpnet.errors import InputError


def read_table(
    path: Path, *, target: str | None, task: str, validation: float, seed: int
) -> Dataset:
    """Read a table and learn its columns.

    Parameters
    ----------
    path : Path
        A ``.csv`` or ``.parquet`` file.
    target : str or None
        The target's column.
    task : {"auto", "classify", "regress"}
        With "auto", text and booleans are classes, numbers too where there are at most 20
        different whole ones, and amounts else.
    validation : float
        The share of rows to hold out before anything is learned, 0 for none.
    seed : int
        Key of that draw.

    Returns
    -------
    Dataset
        x in float32; y the labels, or standardized values in float32.

    Raises
    ------
    InputError
        If the file is damaged, or a column can't be used.
    """
    where = str(path)
    names = column_names(path)
    target = find_target(target, names, where)
    with refusing_tables(where):
        is_csv = path.suffix.lower() == ".csv"
        labels_in = "" if task == "regress" else target
        frame = to_plain(read_frame(path, names, names), where, infer=is_csv, target=labels_in)
        series = frame[target]
        labels, task = _settle(labels_of(series, where), task, target, where)
        kept, held = np.arange(frame.height), np.arange(0)
        if validation:
            kept, held = split(labels, validation, seed, stratify=task == "classify")
        inputs = frame.drop(target)
        columns = learn(inputs[kept], labels[kept], series, task, where)
        x, tally = encode(inputs, columns, where)
        y = encode_target(series, columns, where)
    notes = (*told.replaced(columns, tally), *told.guessed(columns))
    data = Dataset(x, y, task=task, name=path.stem, columns=columns, notes=notes, tally=tally)
    return hold_out(data, kept, held) if validation else data


def read_table_as(
    path: Path, columns: Columns, *, validation: float, seed: int, need_target: bool
) -> Dataset:
    """Read a table and encode its rows with what was learned before.

    Parameters
    ----------
    path : Path
        A ``.csv`` or ``.parquet`` file; columns that were not learned are ignored.
    columns : Columns
        What was learned.
    validation : float
        The share of rows to hold out, 0 for none.
    seed : int
        Key of that draw.
    need_target : bool
        If False, the target is not looked at, and y is None.

    Returns
    -------
    Dataset
        As `read_table` gives it.

    Raises
    ------
    InputError
        If the file is damaged or lacks a column, or a cell can't be used.
    """
    where = str(path)
    names = column_names(path)
    wanted = [c.name for c in columns.inputs] + [columns.target] * need_target
    check_learned(wanted, names, where)
    with refusing_tables(where):
        frame = to_plain(read_frame(path, names, wanted), where, infer=False)
        x, tally = encode(frame, columns, where)
        y = encode_target(frame[columns.target], columns, where) if need_target else None
    notes = told.replaced(columns, tally)
    data = Dataset(
        x, y, task=columns.task, name=path.stem, columns=columns, notes=notes, tally=tally
    )
    if not validation or y is None:
        return data
    return hold_out(data, *split(y, validation, seed, stratify=columns.task == "classify"))


def check_learned(wanted: list[str], names: list[str], where: str) -> None:
    """Refuse a table that lacks columns of those that were learned."""
    lacking = [f"'{name}'" for name in wanted if name not in names]
    if lacking:
        listed = ", ".join(lacking[:5]) + ", ..." * (len(lacking) > 5)
        message = (
            f"{where} lacks {listed}, which the model was trained on; it has {in_words(names)}"
        )
        raise InputError(message)


def hold_out(data: Dataset, kept: npt.NDArray[np.intp], held: npt.NDArray[np.intp]) -> Dataset:
    """Move the rows `held` of a data set to its validation pair."""
    y: Any = data.y
    held_out = (data.x[held], y[held])
    return replace(data, x=data.x[kept], y=y[kept], validation=held_out, rows=kept)


def _settle(
    labels: npt.NDArray[Any], task: str, target: str, where: str
) -> tuple[npt.NDArray[Any], str]:
    labels, chosen = settle(labels, task, f"{where}, target '{target}'")
    if chosen == "classify" and task == "auto" and labels.dtype.kind == "U":
        check_count(len(np.unique(labels)), len(labels), target, where)
    return labels, chosen


def check_count(count: int, rows: int, target: str, where: str) -> None:
    """Refuse text that nobody called classes and that has a different value in most rows."""
    if count > max(FEW_CATEGORIES, rows // 2):
        message = (
            f"{where}: the target '{target}' is text with {count} different values in {rows} "
            "rows: give --task classify if they are classes, numbers if they are amounts"
        )
        raise InputError(message)


def find_target(target: str | None, names: list[str], where: str) -> str:
    """Return the target's name, which must be that of one column of several.

    Raises
    ------
    InputError
        If it is not.
    """
    if target is None:
        message = f"{where} is a table: name its target with --target, one of {in_words(names)}"
        raise InputError(message)
    if target not in names:
        near = get_close_matches(target, names, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        message = f"{where} has no column '{target}': {hint}it has {in_words(names)}"
        raise InputError(message)
    if len(names) < 2:
        message = f"{where} has no column but '{target}': give inputs too, separated by commas"
        raise InputError(message)
    return target


def in_words(names: list[str]) -> str:
    """Names of columns, the first of many."""
    return ", ".join(f"'{name}'" for name in names[:20]) + ", ..." * (len(names) > 20)

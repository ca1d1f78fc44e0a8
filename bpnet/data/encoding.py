"""Columns to numbers: what was learned of training rows, applied to any rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpnet.data.cells import (
    Rows,
    as_numbers,
    check_finite,
    data_row,
    date_parts,
    dates,
    days,
    kind,
    labels_of,
    numbers,
    plain,
    typed_as,
    without_marks,
    without_zeros,
)
from bpnet.data.columns import DATE_PARTS, MISSING, NUMBERS, OTHER, Column, Columns
from bpnet.data.told import Replaced, Tally
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

FEW_BAD = 0.1
"""Share of the cells of a column of numbers that may be none: these count as missing."""


def as_text(series: "pl.Series") -> "pl.Series":
    """Plain column as text, the whole ones of its numbers without a point."""
    import polars as pl

    if series.dtype == pl.Float64 and (series.drop_nulls() % 1 == 0).all():
        series = series.cast(pl.Int64, strict=False)
    return series.cast(pl.String)


def encode(
    frame: "pl.DataFrame", columns: Columns, where: str, first: Rows = 0
) -> tuple[npt.NDArray[np.float32], Tally]:
    """Encode cells as stored, of the columns in ``columns.inputs`` at least, as they were learned.

    Returned are x in float32, (m, n), with one input for each of ``columns.features``, and the
    cells that were replaced or lie far outside of the range of training, by column. Refused is a
    column of numbers of which more than one cell in ten is none, and a number beyond float32.
    """
    x = np.zeros((frame.height, len(columns.features)), np.float32)
    tally: dict[str, Replaced] = {}
    at = 0
    for column in columns.inputs:
        piece = x[:, at : at + len(column.features)]
        cells = plain(frame[column.name], where, first)
        if column.kind in NUMBERS:
            found = _encode_numbers(cells, column, piece, where, first)
        else:
            found = _encode_categories(cells, column, piece)
        if found != Replaced():
            tally[column.name] = found
        at += len(column.features)
    return x, tally


def _encode_numbers(
    cells: "pl.Series", column: Column, out: npt.NDArray[Any], where: str, first: Rows
) -> Replaced:
    values, bad = as_numbers(cells, column, where, first)
    count = int(bad.sum())
    if count and not column.lenient and count > FEW_BAD * (len(cells) - cells.null_count()):
        _refuse_first(cells, bad, column, where, first)
    every = date_parts(values) if column.kind == "date" else values.to_numpy()[:, None]
    for j, (name, mean, std) in enumerate(column.units):
        values_of = every[:, DATE_PARTS.index(name) + 1 if name else 0]
        with np.errstate(over="ignore"):
            out[:, j] = (values_of - mean) / std
    numeric = out[:, : len(column.units)]
    missing = np.isnan(every[:, 0])
    if missing.any():
        numeric[missing] = 0.0
    if column.indicator:
        out[:, -1] = missing
    if not np.isfinite(numeric).all():
        row = int(np.argmin(np.isfinite(numeric).all(axis=1)))
        message = (
            f"{where}: column '{column.name}' is {values[row]} in data row {data_row(first, row)}, "
            "beyond float32 once standardized: correct it"
        )
        raise InputError(message)
    low, high = column.usual
    outside = int(((every[:, 0] < low) | (every[:, 0] > high)).sum())
    example = bad_example(cells, bad, first)
    return Replaced(int(missing.sum()) - count, 0, (), count, example, outside)


def bad_example(cells: "pl.Series", bad: "pl.Series", first: Rows) -> str:
    """The first cell that could not be used, and its row."""
    if not bad.any():
        return ""
    row = bad.arg_max() or 0
    return f"{str(cells[row])!r} in data row {data_row(first, row)}"


def _refuse_first(
    cells: "pl.Series", bad: "pl.Series", column: Column, where: str, first: Rows
) -> None:
    wanted = "dates were learned: give one such as 2024-12-31"
    if column.kind == "number":
        wanted = "numbers were learned: give a number"
    message = f"{where}: column '{column.name}' is {bad_example(cells, bad, first)}, where {wanted}"
    raise InputError(message)


def _encode_categories(
    cells: "pl.Series", column: Column, out: npt.NDArray[np.float32]
) -> Replaced:
    import polars as pl

    text = as_text(cells).fill_null(MISSING)
    if column.kind == "boolean":
        text = text.str.to_lowercase()
    learned = pl.Enum(column.categories)
    codes = text.cast(learned, strict=False)
    if codes.null_count():
        other = _same_number(text, column.categories)
        codes = codes.zip_with(codes.is_not_null(), other.cast(learned, strict=False))
    known = codes.is_not_null()
    rows = np.flatnonzero(known.to_numpy())
    out[rows, codes.to_physical().filter(known).to_numpy()] = 1
    if column.rare:
        out[~known.to_numpy(), column.categories.index(OTHER)] = 1
    missing = cells.null_count() if MISSING in column.categories else 0
    names = text.filter(~known)
    found = Replaced(missing, len(names), tuple(names.unique().sort().to_list()))
    return Replaced().merged(found)  # which keeps a few examples


def _same_number(text: "pl.Series", categories: Sequence[str]) -> "pl.Series":
    """Text, with the category of the same number or date where only zeros at the end differ.

    A column of numbers is text as soon as one cell is no number, so that one cell may be 2 and 2.0,
    by what stands in the other rows of its file.
    """
    import polars as pl

    names = pl.Series(categories)
    return without_zeros(text).replace(dict(zip(without_zeros(names), names, strict=True)))


def target_cells(
    series: "pl.Series", target_kind: str, style: str, where: str, first: int = 0
) -> "pl.Series":
    """Plain cells of a target in the type that was learned, null where they have no value."""
    cells = plain(series, where, first)
    if target_kind == "date":
        cells = days(cells if kind(cells) == "date" else dates(as_text(cells), style))
    elif target_kind in {"integer", "real"} and kind(cells) == "text":
        bare = without_marks(cells)
        values = numbers(bare, style)
        check_finite(values, where, first)
        bad = values.null_count() - bare.null_count()
        cells = values if bad <= FEW_BAD * (len(bare) - bare.null_count()) else bare
    elif target_kind == "boolean":
        cells = typed_as(cells, "boolean")
    return cells


def encode_target(found: "Sequence[pl.Series]", columns: Columns, where: str) -> npt.NDArray[Any]:
    """Encode targets without nulls: labels as they are, (m,), amounts standardized in float32."""
    if columns.task == "regress":
        amounts = [_amounts(cells, columns, j, where) for j, cells in enumerate(found)]
        return amounts[0] if len(amounts) == 1 else np.stack(amounts, axis=1)
    y = labels_of(typed_as(found[0], columns.target_kind))
    known = np.array(columns.classes)
    strange = np.setdiff1d(y, known) if y.dtype.kind == known.dtype.kind else np.unique(y)
    if len(strange):
        message = (
            f"{where}: '{columns.target}' holds {strange[0].item()!r}, a class that training did "
            "not have: correct it or leave it out"
        )
        raise InputError(message)
    return y


def _amounts(cells: "pl.Series", columns: Columns, j: int, where: str) -> npt.NDArray[np.float32]:
    import polars as pl

    values = cells.cast(pl.Float64, strict=False)
    if values.null_count():
        name, bad = columns.target_names[j], cells.filter(values.is_null())[0]
        message = f"{where}: target '{name}' is {bad!r}, where numbers were learned: give one"
        raise InputError(message)
    mean, std = np.atleast_1d(columns.mean)[j], np.atleast_1d(columns.std)[j]
    return np.asarray((values.to_numpy() - mean) / std, np.float32)

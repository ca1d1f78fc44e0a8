"""Columns to numbers: what was learned from training rows, applied to any rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpnet.data import cells
from bpnet.data.columns import DATE_PARTS, MISSING, NUMBERS, OTHER, Column, Columns
from bpnet.data.replacements import Replaced, Tally
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

Floats = npt.NDArray[np.float32]
FEW_BAD = 0.1  # share of the cells of a column of numbers that may be none: these count as missing


def as_text(plain: "pl.Series") -> "pl.Series":
    """Plain column as text, whole numbers without a point."""
    import polars as pl

    if plain.dtype == pl.Float64 and (plain.drop_nulls() % 1 == 0).all():
        plain = plain.cast(pl.Int64, strict=False)
    return plain.cast(pl.String)


def encode(
    frame: "pl.DataFrame", columns: Columns, where: str, first: cells.Rows = 0
) -> tuple[Floats, Tally]:
    """Encode the stored cells of ``columns.inputs`` in float32, (m, n), as they were learned.

    Beside the numbers stands the tally of the cells that were replaced. A column of numbers of
    which more than one cell in ten is none, and a number beyond float32, is refused.
    """
    x = np.zeros((frame.height, len(columns.features)), np.float32)
    tally: dict[str, Replaced] = {}
    at = 0
    for column in columns.inputs:
        out = x[:, at : at + len(column.features)]
        plain = cells.plain(frame[column.name], where, first)
        if column.kind in NUMBERS:
            replaced = _encode_numbers(plain, column, out, where, first)
        else:
            replaced = _encode_categories(plain, column, out)
        if replaced != Replaced():
            tally[column.name] = replaced
        at += len(column.features)
    return x, tally


def _encode_numbers(
    plain: "pl.Series", column: Column, out: Floats, where: str, first: cells.Rows
) -> Replaced:
    values, is_bad = cells.as_numbers(plain, column, where, first)
    bad, example = int(is_bad.sum()), bad_example(plain, is_bad, first)
    if bad and not column.lenient and bad > FEW_BAD * (len(plain) - plain.null_count()):
        cure = "dates were learned: give one such as 2024-12-31"
        cure = "numbers were learned: give a number" if column.kind == "number" else cure
        raise InputError(f"{where}: column '{column.name}' is {example}, where {cure}")
    # Column 0 has the number or the days, the further columns have the parts of dates.
    parts = cells.date_parts(values) if column.kind == "date" else values.to_numpy()[:, None]
    for j, (name, mean, std) in enumerate(column.units):
        part = parts[:, DATE_PARTS.index(name) + 1 if name else 0]
        with np.errstate(over="ignore"):  # an overflow is refused below, with its row
            out[:, j] = (part - mean) / std
    numeric = out[:, : len(column.units)]
    missing = np.isnan(parts[:, 0])
    if missing.any():
        numeric[missing] = 0.0  # the mean, once standardized
    if column.indicator:
        out[:, -1] = missing
    if not np.isfinite(numeric).all():
        row = int(np.argmin(np.isfinite(numeric).all(axis=1)))
        place = f"data row {cells.data_row(first, row)}"
        raise InputError(
            f"{where}: column '{column.name}' is {values[row]} in {place}, beyond float32 once "
            "standardized: correct it"
        )
    low, high = column.usual
    outside = int(((parts[:, 0] < low) | (parts[:, 0] > high)).sum())
    # Unusable cells are nan too, and have a count of their own.
    return Replaced(int(missing.sum()) - bad, 0, (), bad, example, outside)


def bad_example(plain: "pl.Series", is_bad: "pl.Series", first: cells.Rows) -> str:
    """The first cell that could not be used, and its row; empty where all could."""
    if not is_bad.any():
        return ""
    row = is_bad.arg_max() or 0
    return f"{str(plain[row])!r} in data row {cells.data_row(first, row)}"


def _encode_categories(plain: "pl.Series", column: Column, out: Floats) -> Replaced:
    import polars as pl

    text = as_text(plain).fill_null(MISSING)
    if column.kind == "boolean":
        text = text.str.to_lowercase()
    learned = pl.Enum(column.categories)
    codes = text.cast(learned, strict=False)
    if codes.null_count():
        other = _same_number(text, column.categories)
        codes = codes.zip_with(codes.is_not_null(), other.cast(learned, strict=False))
    known = codes.is_not_null()
    out[np.flatnonzero(known.to_numpy()), codes.to_physical().filter(known).to_numpy()] = 1
    if column.rare:
        out[~known.to_numpy(), column.categories.index(OTHER)] = 1
    missing = plain.null_count() if MISSING in column.categories else 0
    unseen = text.filter(~known)
    replaced = Replaced(missing, len(unseen), tuple(unseen.unique().sort().to_list()))
    return Replaced().merged(replaced)  # which keeps a few examples


def _same_number(text: "pl.Series", categories: Sequence[str]) -> "pl.Series":
    """Text, with the category of the same number or date where only zeros at the end differ.

    A column of numbers is text as soon as one cell is no number, so that one cell may be 2 and 2.0,
    by what stands in the other rows of its file.
    """
    import polars as pl

    names = pl.Series(categories)
    return cells.without_zeros(text).replace(
        dict(zip(cells.without_zeros(names), names, strict=True))
    )


def target_cells(
    series: "pl.Series", target_kind: str, style: str, where: str, first: int = 0
) -> "pl.Series":
    """Plain cells of a target in the type that was learned, null where they have no value."""
    plain = cells.plain(series, where, first)
    kind = cells.kind(plain)
    if target_kind == "date":
        return cells.days(plain if kind == "date" else cells.dates(as_text(plain), style))
    if target_kind in {"integer", "real"} and kind == "text":
        bare = cells.without_marks(plain)
        values = cells.numbers(bare, style)
        cells.check_finite(values, where, first)
        bad = values.null_count() - bare.null_count()
        return values if bad <= FEW_BAD * (len(bare) - bare.null_count()) else bare
    return cells.typed_as(plain, "boolean") if target_kind == "boolean" else plain


def encode_target(targets: "Sequence[pl.Series]", columns: Columns, where: str) -> npt.NDArray[Any]:
    """Encode targets without nulls: labels as they are, (m,), amounts standardized in float32."""
    import polars as pl

    if columns.task == "regress":
        amounts, units = [], zip(*map(np.atleast_1d, (columns.mean, columns.std)), strict=True)
        for plain, name, (mean, std) in zip(targets, columns.target_names, units, strict=True):
            values = plain.cast(pl.Float64, strict=False)
            if values.null_count():
                bad = plain.filter(values.is_null())[0]
                message = f"{where}: target '{name}' is {bad!r}, where numbers were learned: "
                raise InputError(f"{message}give one")
            amounts.append(np.asarray((values.to_numpy() - mean) / std, np.float32))
        return amounts[0] if len(amounts) == 1 else np.stack(amounts, axis=1)
    y = cells.labels_of(cells.typed_as(targets[0], columns.target_kind))
    known = np.array(columns.classes)
    # Labels of another type are all unknown; NumPy would compare numbers with text as text.
    strange = np.setdiff1d(y, known) if y.dtype.kind == known.dtype.kind else np.unique(y)
    if len(strange):
        raise InputError(
            f"{where}: '{columns.target}' holds {strange[0].item()!r}, a class that training did "
            "not have: correct it or leave it out"
        )
    return y

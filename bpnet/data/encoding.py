"""Columns to numbers: what is learned of training rows, and its use on any rows."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpnet.data.cells import as_days, as_numbers, kind, labels_of, typed_as
from bpnet.data.columns import MISSING, NUMBERS, Column, Columns
from bpnet.data.moments import Moments
from bpnet.data.told import Replaced, Tally
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

MOST_CATEGORIES = 1000
FEW_CATEGORIES = 20  # so many are fine however few the rows


def learn(
    frame: "pl.DataFrame", y: npt.NDArray[Any], target: "pl.Series", task: str, where: str
) -> Columns:
    """Learn means, deviations and categories from training rows.

    Parameters
    ----------
    frame : polars.DataFrame
        The input columns of the training rows, plain.
    y : ndarray, shape (m,)
        The targets of these rows.
    target : polars.Series
        The column that they come from, for its name and type.
    task : {"classify", "regress"}
        What is done with them.
    where : str
        The source, for messages.

    Returns
    -------
    Columns
        What `encode` needs.

    Raises
    ------
    InputError
        If a text column has too many categories, the values of a column are too large to
        be standardized, or all columns are constant.
    """
    learned = {series.name: _learn_column(series, where) for series in frame}
    inputs = tuple(column for column in learned.values() if column is not None)
    left_out = tuple(name for name, column in learned.items() if column is None)
    if not inputs:
        message = f"{where}: no column but '{target.name}' varies: give inputs that say something"
        raise InputError(message)
    classes: tuple[Any, ...] = ()
    mean, std = 0.0, 1.0
    if task == "classify":
        classes = tuple(np.unique(y).tolist())
    else:
        mean, std = units(Moments.of(y), target.name, where)
    return Columns(inputs, left_out, target.name, kind(target), task, classes, mean, std)


def _learn_column(series: "pl.Series", where: str) -> Column | None:
    """Return None for a constant column."""
    if kind(series) in NUMERIC:
        values = numbers_of(series).drop_nulls().to_numpy()
        moments = Moments.of(values) if len(values) else None
        return number_column(series.name, kind(series), moments, where)
    categories = as_text(series).unique().to_list()
    return category_column(series.name, kind(series), categories, len(series), where)


NUMERIC = ("integer", "real", "date")
"""What columns hold of which mean and deviation are learned."""


def numbers_of(series: "pl.Series") -> "pl.Series":
    """Numbers of a plain column: of dates their days."""
    return as_days(series, "") if kind(series) == "date" else series


def number_column(name: str, kind: str, moments: Moments | None, where: str) -> Column | None:
    """Column of numbers, or of dates, from their moments; None of a constant one.

    Raises
    ------
    InputError
        If the values are too large to be standardized.
    """
    if moments is None or moments.low == moments.high:
        return None
    what, ends = "date" if kind == "date" else "number", (float(moments.low), float(moments.high))
    return Column(name, what, *units(moments, name, where), (), *ends)


def category_column(
    name: str, kind: str, categories: Iterable[str], rows: int, where: str
) -> Column | None:
    """Column of categories that were found in so many rows; None of a constant one.

    Raises
    ------
    InputError
        If there are too many.
    """
    found = tuple(sorted(categories))
    if len(found) < 2:
        return None
    most = min(MOST_CATEGORIES, max(FEW_CATEGORIES, rows // 2))
    if len(found) > most:
        message = (
            f"{where}: text column '{name}' has {len(found)} different values in "
            f"{rows} rows, like a name or a number: remove it, or give at most {most}"
        )
        raise InputError(message)
    return Column(name, kind, categories=found)


def units(moments: Moments, name: str, where: str) -> tuple[float, float]:
    """Mean and deviation of a column.

    Raises
    ------
    InputError
        If it cannot be standardized.
    """
    mean, std = float(moments.mean), float(moments.std)
    if not (np.isfinite(std) and std > 0):
        message = (
            f"{where}: column '{name}' can't be standardized, its deviation is {std}: rescale it"
        )
        raise InputError(message)
    return mean, std


def as_text(series: "pl.Series") -> "pl.Series":
    """Column of categories as text, with one that stands for no value."""
    import polars as pl

    return series.cast(pl.String).fill_null(MISSING)


def encode(
    frame: "pl.DataFrame", columns: Columns, where: str, first: int = 0
) -> tuple[npt.NDArray[np.float32], Tally]:
    """Encode rows with what was learned.

    Parameters
    ----------
    frame : polars.DataFrame
        A plain frame that holds the columns in `columns.inputs`.
    columns : Columns
        What was learned.
    where : str
        The source, for messages.
    first : int
        Rows of the source before these, for messages.

    Returns
    -------
    x : ndarray of float32, shape (m, n)
        One input for each of ``columns.features``.
    tally : dict
        From the name of a column to the cells that were replaced: missing ones, and categories
        not seen in training; and to those far outside of its range.

    Raises
    ------
    InputError
        If a cell of a numeric column is no number, or beyond float32.
    """
    x = np.zeros((frame.height, len(columns.features)), np.float32)
    tally: dict[str, Replaced] = {}
    at = 0
    for column in columns.inputs:
        width = len(column.categories) or 1
        piece = x[:, at : at + width]
        if column.kind in NUMBERS:
            found = _encode_number(frame[column.name], column, piece[:, 0], where, first)
        else:
            found = _encode_categories(frame[column.name], column, piece)
        if found != Replaced():
            tally[column.name] = found
        at += width
    return x, tally


def _encode_number(
    series: "pl.Series",
    column: Column,
    out: npt.NDArray[np.float32],
    where: str,
    first: int,
) -> Replaced:
    numbers = (as_days if column.kind == "date" else as_numbers)(series, where, first)
    with np.errstate(over="ignore"):
        out[:] = (numbers.fill_null(column.mean).to_numpy() - column.mean) / column.std
    if not np.isfinite(out).all():
        row = int(np.argmin(np.isfinite(out)))
        message = (
            f"{where}: column '{column.name}' is {numbers[row]} in data row {first + row + 1}, "
            "beyond float32 once standardized: correct it"
        )
        raise InputError(message)
    low, high = column.usual
    outside = int(((numbers < low) | (numbers > high)).sum())
    return Replaced(missing=numbers.null_count(), outside=outside)


def _encode_categories(
    series: "pl.Series", column: Column, out: npt.NDArray[np.float32]
) -> Replaced:
    import polars as pl

    text = as_text(series)
    if column.kind == "boolean":
        text = text.str.to_lowercase()
    codes = text.cast(pl.Enum(column.categories), strict=False)
    known = codes.is_not_null()
    rows = np.flatnonzero(known.to_numpy())
    out[rows, codes.to_physical().filter(known).to_numpy()] = 1
    missing = series.null_count() if MISSING in column.categories else 0
    names = text.filter(~known)
    found = Replaced(missing, len(names), tuple(names.unique().sort().to_list()))
    return Replaced().merged(found)  # which keeps a few examples


def encode_target(
    series: "pl.Series", columns: Columns, where: str, first: int = 0
) -> npt.NDArray[Any]:
    """Encode a plain target column: labels as they are, values standardized in float32.

    Parameters
    ----------
    series : polars.Series
        The column.
    columns : Columns
        What was learned.
    where : str
        The source, for messages.
    first : int
        Rows of the source before these, for messages.

    Returns
    -------
    ndarray, shape (m,)
        Labels of the type that was learned, or float32 values.

    Raises
    ------
    InputError
        If a value is missing, is no number in regression, or is a label that training
        did not have.
    """
    if columns.task == "regress":
        if columns.target_kind == "boolean":
            series = typed_as(series, "boolean")
        values = labels_of(as_numbers(series, where, first), where, first).astype(np.float64)
        return ((values - columns.mean) / columns.std).astype(np.float32)
    y = labels_of(typed_as(series, columns.target_kind), where, first)
    _check_classes(y, columns.classes, series.name, where)
    return y


def _check_classes(y: npt.NDArray[Any], classes: Sequence[Any], name: str, where: str) -> None:
    known = np.array(classes)
    strange = np.setdiff1d(y, known) if y.dtype.kind == known.dtype.kind else np.unique(y)
    if len(strange):
        label = strange[0].item()
        message = (
            f"{where}: '{name}' holds {label!r}, a class that training did not have: correct it "
            "or leave it out"
        )
        raise InputError(message)

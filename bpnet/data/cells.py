"""Cells of a table, brought to four types: whole numbers, floats, text and booleans."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

NO_VALUE = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?")
"""Text that stands for a missing value in a table."""

_KINDS = {"Int64": "integer", "Float64": "real", "String": "text", "Boolean": "boolean"}


def kind(series: "pl.Series") -> str:
    """Return what a column of a plain frame holds: integer, real, text or boolean."""
    return _KINDS[str(series.dtype)]


def to_plain(frame: "pl.DataFrame", where: str, *, infer: bool, first: int = 0) -> "pl.DataFrame":
    """Reduce all columns to four types, Int64, Float64, String and Boolean, with nulls.

    Parameters
    ----------
    frame : polars.DataFrame
        Cells as read.
    where : str
        The source, for messages.
    infer : bool
        Whether text may turn out to be numbers or booleans, as in CSV.
    first : int
        Rows of the source before these, for messages.

    Returns
    -------
    polars.DataFrame
        Text without spaces around it; text that stands for no value, and nan, are null.

    Raises
    ------
    InputError
        If a column holds dates, lists or the like, or a number is infinite.
    """
    import polars as pl

    plain = []
    for series in frame:
        dtype = series.dtype
        if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
            text = series.cast(pl.String).str.strip_chars()
            text = text.set(text.is_in(NO_VALUE), None)
            column = _infer(text) if infer else text
        elif dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128):
            column = series.cast(pl.Int64)
        elif dtype.is_numeric():
            column = series.cast(pl.Float64)
        elif dtype == pl.Boolean:
            column = series
        else:
            message = (
                f"{where}: column '{series.name}' holds {dtype}: give numbers, text or booleans"
            )
            raise InputError(message)
        if column.dtype == pl.Float64:
            column = column.fill_nan(None)
            _check_finite(column, where, first)
        plain.append(column)
    return pl.DataFrame(plain)


def _infer(text: "pl.Series") -> "pl.Series":
    import polars as pl

    if text.null_count() == len(text):
        return text
    lower = text.str.to_lowercase()
    if lower.drop_nulls().is_in(["true", "false"]).all():
        return lower == "true"
    for dtype in (pl.Int64, pl.Float64):
        numbers = text.cast(dtype, strict=False)
        if numbers.null_count() == text.null_count():
            return numbers
    return text


def _check_finite(column: "pl.Series", where: str, first: int) -> None:
    is_bad = column.is_infinite().fill_null(value=False)
    if is_bad.any():
        row = is_bad.arg_max()
        message = (
            f"{where}: column '{column.name}' is infinite in data row {first + (row or 0) + 1}: "
            "give numbers"
        )
        raise InputError(message)


def labels_of(series: "pl.Series", where: str, first: int = 0) -> npt.NDArray[Any]:
    """Return a target column of a plain frame as an array, refusing missing values.

    Parameters
    ----------
    series : polars.Series
        The column.
    where : str
        The source, for messages.
    first : int
        Rows of the source before these, for messages.

    Returns
    -------
    ndarray, shape (m,)
        Text, booleans, int64 or float64.

    Raises
    ------
    InputError
        If a value is missing.
    """
    if series.null_count():
        row = series.is_null().arg_max() or 0
        message = (
            f"{where}: the target '{series.name}' is missing in {series.null_count()} rows, first "
            f"in data row {first + row + 1}: fill these in or remove them"
        )
        raise InputError(message)
    if kind(series) == "text":
        return np.array(series.to_list(), np.str_)
    return series.to_numpy()


def as_numbers(series: "pl.Series", where: str, first: int = 0) -> "pl.Series":
    """Return a column as Float64, or name the first cell that is no number."""
    import polars as pl

    numbers = series.cast(pl.Float64, strict=False)
    if numbers.null_count() > series.null_count():
        row = (numbers.is_null() & series.is_not_null()).arg_max() or 0
        message = (
            f"{where}: column '{series.name}' is {series[row]!r} in data row {first + row + 1}, "
            "where numbers were learned: give a number"
        )
        raise InputError(message)
    numbers = numbers.fill_nan(None)
    _check_finite(numbers, where, first)
    return numbers


def typed_as(series: "pl.Series", target_kind: str) -> "pl.Series":
    """Bring a label column to the type that training had, where its values allow it."""
    import polars as pl

    if target_kind == "boolean" and series.dtype == pl.String:
        lower = series.str.to_lowercase()
        return lower == "true" if lower.drop_nulls().is_in(["true", "false"]).all() else series
    wanted = {"integer": pl.Int64, "real": pl.Float64, "text": pl.String, "boolean": pl.Boolean}
    typed = series.cast(wanted[target_kind], strict=False)
    if typed.null_count() > series.null_count():
        return series
    if target_kind == "integer" and series.dtype == pl.Float64 and (typed != series).any():
        return series  # the cast drops fractions without a word
    return typed

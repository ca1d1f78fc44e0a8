"""Cells of a table, brought to four types: whole numbers, floats, text and booleans."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

NO_VALUE = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?")
"""Text that stands for a missing value in a table."""

_MARKS = (
    "-", "--", ".", "none", "n/a", "n.a.", "na", "nat", "nan", "null", "<na>", "#n/a", "#na",
    "#div/0!", "#value!", "#ref!", "#null!", "#num!", "#name?",
)  # fmt: skip
"""Text in small letters that stands for no value where all else are numbers or dates."""

_CODE = r"^0\d+$"
"""Digits that no number keeps: of a label they are part of its name."""

_KINDS = {"Int64": "integer", "Float64": "real", "String": "text", "Boolean": "boolean"}


def kind(series: "pl.Series") -> str:
    """Return what a column of a plain frame holds: integer, real, text, boolean or date."""
    return _KINDS.get(str(series.dtype), "date")


def to_plain(
    frame: "pl.DataFrame", where: str, *, infer: bool, first: int = 0, target: str = ""
) -> "pl.DataFrame":
    """Reduce all columns to five types, Int64, Float64, String, Boolean, Datetime, with nulls.

    Parameters
    ----------
    frame : polars.DataFrame
        Cells as read.
    where : str
        The source, for messages.
    infer : bool
        Whether text may turn out to be numbers, booleans or dates, as in CSV.
    first : int
        Rows of the source before these, for messages.
    target : str
        A column of labels: such as ``007`` are no numbers.

    Returns
    -------
    polars.DataFrame
        Text without spaces around it; text that stands for no value, and nan, are null. Dates
        and times are those of UTC where they have a zone.

    Raises
    ------
    InputError
        If a column holds lists or the like, or a number is infinite.
    """
    import polars as pl

    plain = []
    for series in frame:
        dtype = series.dtype
        if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
            text = series.cast(pl.String).str.strip_chars()
            text = text.set(text.is_in(NO_VALUE), None)
            coded = series.name == target and text.str.contains(_CODE).any()
            column = _infer(text) if infer and not coded else text
        elif dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128):
            column = series.cast(pl.Int64)
        elif dtype.is_numeric():
            column = series.cast(pl.Float64)
        elif dtype == pl.Boolean:
            column = series
        elif dtype in (pl.Date, pl.Datetime):
            zoned = getattr(dtype, "time_zone", None) is not None
            local = series.dt.convert_time_zone("UTC") if zoned else series.cast(pl.Datetime("us"))
            column = local.dt.replace_time_zone(None).cast(pl.Datetime("us"))
        else:
            message = (
                f"{where}: column '{series.name}' holds {dtype}: give numbers, text, booleans or "
                "dates"
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
    bare = _without_marks(text)
    for read in (lambda t: t.cast(pl.Int64, strict=False), _floats, _dates):
        values = read(bare)
        if values.null_count() == bare.null_count() and _may_lack(text, bare, values):
            return values
    return text


def _floats(text: "pl.Series") -> "pl.Series":
    import polars as pl

    return text.cast(pl.Float64, strict=False)


def _without_marks(text: "pl.Series") -> "pl.Series":
    return text.set(text.str.to_lowercase().is_in(_MARKS), None)


def _may_lack(text: "pl.Series", bare: "pl.Series", values: "pl.Series") -> bool:
    """Whether marks in a column are gaps among its values, not a category beside one or two."""
    return bare.null_count() == text.null_count() or values.drop_nulls().n_unique() > 2


_DATE = (
    r"^(?<day>\d{4}-\d{2}-\d{2})(?:[T ](?<time>\d{2}:\d{2})(?<seconds>:\d{2}(?:\.\d+)?)?"
    r"(?<zone>Z|[+-]\d{2}:?\d{2})?)?$"
)


def _dates(text: "pl.Series") -> "pl.Series":
    """Dates and times of ISO 8601, ``2024-12-31`` or ``2024-12-31T23:59:59Z``; null where none."""
    import polars as pl

    part = text.str.extract_groups(_DATE).struct.unnest()
    zone = pl.col("zone").replace("Z", "+0000").str.replace(":", "").fill_null("+0000")
    whole = pl.concat_str(
        "day", pl.lit(" "), pl.col("time").fill_null("00:00"),
        pl.col("seconds").fill_null(":00"), zone,
    )  # fmt: skip
    read = whole.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", strict=False)
    return part.select(read.dt.replace_time_zone(None).alias(text.name)).to_series()


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
    if kind(series) == "date":
        message = (
            f"{where}: the target '{series.name}' holds dates: give classes as other text, or "
            "amounts as numbers, such as days"
        )
        raise InputError(message)
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

    if kind(series) == "text":
        series = _without_marks(series)
    dates = kind(series) == "date"
    numbers = _nothing(series, pl.Float64) if dates else series.cast(pl.Float64, strict=False)
    _check_all(series, numbers, "numbers were learned: give a number", where, first)
    numbers = numbers.fill_nan(None)
    _check_finite(numbers, where, first)
    return numbers


def as_days(series: "pl.Series", where: str, first: int = 0) -> "pl.Series":
    """Return a column of dates as Float64, days since 1970-01-01, or name the first cell."""
    import polars as pl

    found = kind(series)
    if found == "text":
        series = _without_marks(series)
    dates = _dates(series) if found == "text" else series
    if found not in {"text", "date"}:
        dates = _nothing(series, pl.Datetime("us"))
    _check_all(series, dates, "dates were learned: give one such as 2024-12-31", where, first)
    return dates.dt.epoch("us") / _DAY


_DAY = 86_400_000_000
"""Microseconds."""


def _nothing(series: "pl.Series", dtype: Any) -> "pl.Series":
    import polars as pl

    return pl.Series(series.name, [None] * len(series), dtype)


def _check_all(
    series: "pl.Series", values: "pl.Series", wanted: str, where: str, first: int
) -> None:
    """Refuse a column of which a cell has a value and could not be read as one."""
    if values.null_count() > series.null_count():
        row = (values.is_null() & series.is_not_null()).arg_max() or 0
        message = (
            f"{where}: column '{series.name}' is {str(series[row])!r} in data row "
            f"{first + row + 1}, where {wanted}"
        )
        raise InputError(message)


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

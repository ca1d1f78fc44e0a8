"""Cells of a table: the types they are brought to, and how text is read as numbers and dates."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpnet.data.columns import DATE_PARTS, Column
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

NO_VALUE = (
    "", "NA", "N/A", "NaN", "nan", "null", "NULL", "?", "#N/A", "#N/A N/A", "#NA", "-1.#IND",
    "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "None", "n/a",
)  # fmt: skip
"""Text that stands for a missing value in a table: the marks of pandas, and a question mark."""

_MARKS = (
    "-", "--", ".", "none", "n.a.", "na", "nat", "nil", "missing", "unknown", "#div/0!", "#value!",
    "#ref!", "#null!", "#num!", "#name?",
)  # fmt: skip
"""Text in small letters that stands for no value where all else are numbers or dates."""

# Digits that no number keeps, zeros in front and integers beyond 64 bits: they are a label's name.
_CODE = r"^(?:0\d+|-?\d{19,})$"
# A Datetime is not listed, as its name includes its unit: what is no other plain type is a date.
_KINDS = {"Int64": "integer", "Float64": "real", "String": "text", "Boolean": "boolean"}


def kind(series: "pl.Series") -> str:
    """Return what a plain column holds: integer, real, text, boolean or date."""
    return _KINDS.get(str(series.dtype), "date")


Rows = int | npt.NDArray[Any]
"""Rows of a source before some cells, or the number of each, counted from 0; for messages."""


def data_row(first: Rows, row: int | None) -> int:
    """Number of a row in its source, counted from 1, for messages."""
    row = row or 0
    return (first + row if isinstance(first, int) else int(first[row])) + 1


def group(dtype: Any) -> str:
    """Return the kind of a stored type: number, text, boolean or date; "" for a type of nulls."""
    import polars as pl

    if dtype == pl.Null:
        return ""
    if dtype.is_numeric() or dtype in (pl.Time, pl.Duration):
        return "number"
    if dtype in (pl.Date, pl.Datetime):
        return "date"
    return "boolean" if dtype == pl.Boolean else "text"


def is_categorical(dtype: Any) -> bool:
    """Return whether a column was stored as one of categories."""
    import polars as pl

    return dtype in (pl.Categorical, pl.Enum)


def plain(series: "pl.Series", where: str, first: Rows = 0) -> "pl.Series":
    """Reduce a column to one of five types, Int64, Float64, String, Boolean, Datetime, with nulls.

    Text has no spaces around it; text that stands for no value, and nan, are null. Dates and times
    are those of UTC where they have a zone; times of day and durations are hours. Lists and the
    like are refused, and infinite numbers, whose row is counted after ``first``.
    """
    import polars as pl

    dtype = series.dtype
    if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        text = series.cast(pl.String).str.strip_chars()
        return text.set(text.is_in(NO_VALUE), None)
    if dtype == pl.Boolean:
        return series
    if dtype in (pl.Date, pl.Datetime):
        zoned = getattr(dtype, "time_zone", None) is not None
        local = series.dt.convert_time_zone("UTC") if zoned else series.cast(pl.Datetime("us"))
        return local.dt.replace_time_zone(None).cast(pl.Datetime("us"))
    if dtype in (pl.Time, pl.Duration):
        return series.cast(pl.Duration("us")).dt.total_microseconds() / _HOUR
    if not dtype.is_numeric():
        message = f"{where}: column '{series.name}' holds {dtype}: drop it, or give numbers, text, "
        raise InputError(message + "booleans or dates")
    if dtype.is_integer():
        # Text keeps every digit of integers beyond 64 bits, which may be labels.
        whole = series.cast(pl.Int64, strict=False)
        return whole if whole.null_count() == series.null_count() else series.cast(pl.String)
    numbers = series.cast(pl.Float64).fill_nan(None)
    check_finite(numbers, where, first)
    return numbers


_HOUR, _DAY = 3_600_000_000, 86_400_000_000  # microseconds


def infinite(column: "pl.Series") -> int | None:
    """Row of the first infinite number, if there is one."""
    if not column.dtype.is_float():
        return None
    is_bad = column.is_infinite().fill_null(value=False)
    return is_bad.arg_max() if is_bad.any() else None


def check_finite(column: "pl.Series", where: str, first: Rows) -> None:
    """Refuse infinite numbers, and name the first."""
    row = infinite(column)
    if row is not None:
        row = data_row(first, row)
        message = f"{where}: column '{column.name}' is infinite in data row {row}: give numbers"
        raise InputError(message)


def without_marks(text: "pl.Series") -> "pl.Series":
    """Text in which marks of a missing number or date, such as "n.a.", are null."""
    return text.set(text.str.to_lowercase().is_in(_MARKS), None)


def without_zeros(text: "pl.Series") -> "pl.Series":
    """Text whose numbers and dates have no zeros at their end: 2.50 is 2.5, 2.0 is 2."""
    # The first pattern is how polars writes a Datetime at midnight.
    bare = text.str.replace(r"^(\d{4}-\d\d-\d\d) 00:00:00\.000000$", "$1")
    bare = bare.str.replace(r"^([+-]?\d+)\.0+$", "$1")
    return bare.str.replace(r"^([+-]?\d+\.\d*[1-9])0+$", "$1")


def has_codes(text: "pl.Series") -> bool:
    """Return whether text has digits that a number would lose."""
    import polars as pl

    codes = text.filter(text.str.contains(_CODE))
    # some integers of 19 digits fit into 64 bits
    too_wide = codes.cast(pl.Int64, strict=False).null_count() > 0
    return too_wide or bool(codes.str.starts_with("0").any())


_SIGNS = "$€£¥%\u00a0 "
_GROUPED = {
    "": (r"^[+-]?\d{1,3}(?:[,'’\u00a0\u202f ]\d{3})+(?:\.\d+)?$", r"[,'’\u00a0\u202f ]"),
    ",": (r"^[+-]?(?:\d{1,3}(?:[.'’\u00a0\u202f ]\d{3})+|\d+)(?:,\d+)?$", r"[.'’\u00a0\u202f ]"),
}
"""Numbers as people write them, and what stands between their thousands."""


def numbers(text: "pl.Series", style: str = "") -> "pl.Series":
    """Read plain text as Int64 or Float64, null where there is no number.

    The style is the decimal separator: "" for a point, "," for a comma. Thousands may have
    separators, and signs of currencies and percents may stand around a number.
    """
    import polars as pl

    # Int64 is tried first, since a float loses digits of whole numbers beyond 2^53.
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() == text.null_count():
        return whole
    values = text.cast(pl.Float64, strict=False).fill_nan(None)
    if style == "" and values.null_count() == text.null_count():
        return values
    pattern, thousands = _GROUPED[style]
    bare = text.str.strip_chars(_SIGNS)
    grouped = bare.str.contains(pattern)
    written = bare.set(~grouped.fill_null(value=False), None).str.replace_all(thousands, "")
    read = written.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    if style == "":  # "12 %" and "$5" have no thousands
        simple = bare.set(~bare.str.contains(r"^[+-]?[\d.]").fill_null(value=False), None)
        read = read.fill_null(simple.cast(pl.Float64, strict=False))
    # With decimal commas 1.234 is 1234, so the grouped reading takes precedence over the cast.
    values = values.fill_null(read) if style == "" else read.fill_null(values)
    # A decimal separator or an exponent makes the column real, even where all values are whole.
    if text.str.contains(r"[eE.]" if style == "" else ",").any():
        return values
    whole = values.cast(pl.Int64, strict=False)  # null beyond 64 bits, and where it is infinite
    return whole if whole.null_count() == values.null_count() else values


_ISO = (
    r"^(?<day>\d{4}-\d{2}-\d{2})(?:[T ](?<time>\d{2}:\d{2})(?<seconds>:\d{2}(?:\.\d+)?)?"
    r"(?<zone>Z|[+-]\d{2}:?\d{2})?)?$"
)
_DAYS = (
    "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y",
    "%b %d %Y", "%b %d, %Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%B %d, %Y", "%d %B %Y",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
DATE_STYLES = ("", *(f"{day}{time}" for day in _DAYS for time in _TIMES))
"""Patterns of dates for ``strptime``, of which the first that fits is taken; "" is ISO 8601."""


def dates(text: "pl.Series", style: str = "") -> "pl.Series":
    """Read plain text as Datetime, null where there is none, in one of ``DATE_STYLES``.

    The empty style is ISO 8601, ``2024-12-31`` or ``2024-12-31T23:59:59Z``.
    """
    import polars as pl

    if style:
        if "%M" not in style:
            return text.str.to_date(style, strict=False).cast(pl.Datetime("us"))
        return text.str.to_datetime(style, time_unit="us", strict=False)
    days = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    if days.null_count() == text.null_count():
        return days
    # strptime knows no optional parts, so each missing one is filled in before the text is parsed.
    part = text.str.extract_groups(_ISO).struct.unnest()
    zone = pl.col("zone").replace("Z", "+0000").str.replace(":", "").fill_null("+0000")
    whole = pl.concat_str(
        "day", pl.lit(" "), pl.col("time").fill_null("00:00"),
        pl.col("seconds").fill_null(":00"), zone,
    )  # fmt: skip
    parsed = whole.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", strict=False)
    return part.select(parsed.dt.replace_time_zone(None).alias(text.name)).to_series()


def days(series: "pl.Series") -> "pl.Series":
    """Days since 1970-01-01 of a column of dates, with fractions."""
    return series.dt.epoch("us") / _DAY


def date_parts(series: "pl.Series") -> npt.NDArray[np.float64]:
    """Days, years, months, days of the month and weekdays of dates, (m, 5); nan where missing."""
    parts = [days(series), *(getattr(series.dt, name)() for name in DATE_PARTS)]
    return np.stack([part.cast(float).to_numpy() for part in parts]).T  # columns are contiguous


def as_numbers(
    series: "pl.Series", column: Column, where: str, first: Rows = 0
) -> "tuple[pl.Series, pl.Series]":
    """Numbers or dates of a plain column, read as training learned, and a mask of unusable cells.

    The first series is null where a cell is missing or unusable; the second is True only where a
    cell has a value that is no number or date.
    """
    import polars as pl

    is_date = column.kind == "date"
    if kind(series) == "text":
        series = without_marks(series)
        values = (dates if is_date else numbers)(series, column.format)
        if is_date and column.format:
            values = values.fill_null(dates(series))  # another file may be in ISO 8601
    elif is_date is (kind(series) == "date"):
        values = series
    else:  # the file stores another type, such as numbers for a date: no cell can be used
        dtype = pl.Datetime("us") if is_date else pl.Float64
        values = pl.Series(series.name, [None], dtype).new_from_index(0, len(series))
    if not is_date:
        values = values.cast(pl.Float64, strict=False).fill_nan(None)
        check_finite(values, where, first)
    return values, values.is_null() & series.is_not_null()


def labels_of(series: "pl.Series") -> npt.NDArray[Any]:
    """A plain column without nulls as text, booleans, int64 or float64, (m,)."""
    import polars as pl

    if kind(series) != "text":
        return series.to_numpy()
    names = series.unique().sort()
    if 2 * len(names) >= len(series):
        return np.array(series.to_list(), np.str_)
    codes = series.cast(pl.Enum(names)).to_physical()  # a name is made once, not once a row
    return np.asarray(np.array(names.to_list(), np.str_)[codes.to_numpy()])


def typed_as(series: "pl.Series", target_kind: str) -> "pl.Series":
    """Bring a label column to the type that training had, where its values allow it."""
    import polars as pl

    if target_kind == "boolean" and series.dtype == pl.String:
        lower = series.str.to_lowercase()
        return lower == "true" if lower.drop_nulls().is_in(["true", "false"]).all() else series
    types = {"integer": pl.Int64, "real": pl.Float64, "text": pl.String, "boolean": pl.Boolean}
    typed = series.cast(types[target_kind], strict=False)
    if typed.null_count() > series.null_count():
        return series
    if target_kind == "integer" and series.dtype == pl.Float64 and (typed != series).any():
        return series  # the cast drops fractions without a word
    return typed

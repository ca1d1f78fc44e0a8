"""Encodings of a table's columns in a graph, as ``bpnet.data.encoding`` encodes rows."""

from bpnet._typing import Array
from bpnet.core import special
from bpnet.data import Columns
from bpnet.data.cells import NO_VALUE
from bpnet.data.columns import MISSING, NUMBERS, OTHER, Column
from bpnet.errors import InputError
from bpnet.export.trace import Namespace


def check(columns: Columns, n: int) -> None:
    """Refuse columns that do not give the ``n`` inputs of the network."""
    if len(columns.features) != n:
        msg = f"the columns make {len(columns.features)} values and the network takes {n}"
        raise InputError(f"{msg}; give those that it was trained with")


def inputs(columns: Columns, xp: Namespace) -> dict[str, Array]:
    """Inputs of the graph by their columns' names, each (batch,): float64, or strings."""
    return {
        column.name: xp.input(("batch",), "float64" if column.kind in NUMBERS else "utf8")
        for column in columns.inputs
    }


def encode(inputs: dict[str, Array], columns: Columns, xp: Namespace) -> Array:
    """Encode the columns, (batch, n), float32.

    Numbers are standardized, and so are dates, days since 1970-01-01, with their parts. A missing
    number becomes the mean, and 1 in an indicator where training had missing ones. Text becomes
    one value for each category; a category unknown to training becomes zeros, or the category of
    rare ones. Spaces around text are not removed.
    """
    pieces = []
    for column in columns.inputs:
        x = inputs[column.name]
        if column.kind in NUMBERS:
            missing = xp.isnan(x)
            # nan cannot be cast to the whole days that the calendar needs
            known = xp.where(missing, xp.zeros_like(x), x)
            parts = _date_parts(known, xp) if column.parts else {}
            for name, mean, std in column.units:
                # the first unit has no name: it is the number itself, or the days of a date
                z = (parts.get(name, known) - mean) / std
                z = xp.astype(xp.where(missing, xp.zeros_like(z), z), xp.float32)
                pieces.append(z[:, None])
            if column.indicator:
                pieces.append(xp.astype(missing, xp.float32)[:, None])
        else:
            # -1 is no category's number, so that all values are zero
            unseen = column.categories.index(OTHER) if column.rare else -1
            code = xp.extensions.static_map(x, _codes(column), default=unseen)
            numbers = xp.arange(len(column.categories), dtype=xp.int64)
            pieces.append(special.one_hot(code, numbers, xp.float32, xp=xp))
    return xp.concat(pieces, axis=1)


def _date_parts(days: Array, xp: Namespace) -> dict[str, Array]:
    """Year, month, day and weekday of days since 1970-01-01, as in the proleptic calendar.

    Years are counted from March on, so that a leap day is the last of its year, in eras of 400
    years, which have 146,097 days each.
    """
    day = xp.astype(xp.floor(days), xp.int64)
    weekday = (day + 3) % 7 + 1  # 1970-01-01 was a Thursday
    day = day + 719_468  # since 0000-03-01
    era = day // 146_097
    of_era = day - era * 146_097
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153  # March is 0
    of_month = of_year - (153 * month + 2) // 5 + 1
    # January and February belong to the next year, which began in March here
    late = xp.astype(month > 9, xp.int64)
    parts = {
        "year": year + 400 * era + late, "month": month + 3 - 12 * late, "day": of_month,
        "weekday": weekday,
    }  # fmt: skip
    return {name: xp.astype(part, days.dtype) for name, part in parts.items()}


def _codes(column: Column) -> dict[str, int]:
    """Category number of each text that means a category."""
    codes = {category: j for j, category in enumerate(column.categories)}
    # the spellings that a reader of files accepts for a missing value and for a boolean
    if MISSING in codes:
        codes = {**dict.fromkeys(NO_VALUE, codes[MISSING]), **codes}
    if column.kind == "boolean":
        spelled = [(f(c), j) for c, j in codes.items() for f in (str.capitalize, str.upper)]
        codes = {**dict(spelled), **codes}
    return codes

"""Encodings of a table's columns as part of a graph: what ``bpnet.data.encoding`` does to rows."""

from bpnet._typing import Array
from bpnet.core import special
from bpnet.data import Columns
from bpnet.data.cells import NO_VALUE
from bpnet.data.columns import MISSING, NUMBERS, Column
from bpnet.errors import InputError
from bpnet.export.trace import Namespace


def check(columns: Columns, n: int) -> None:
    """Refuse columns that are not those of the network.

    Raises
    ------
    InputError
        If they make another number of values than it takes.
    """
    if len(columns.features) != n:
        msg = f"the columns make {len(columns.features)} values and the network takes {n}"
        raise InputError(f"{msg}; give those that it was trained with")


def inputs(columns: Columns, xp: Namespace) -> dict[str, Array]:
    """Inputs of the graph by their columns' names, each (batch,): float64, or strings."""
    return {
        column.name: xp.input(("batch",), "float64" if column.kind in NUMBERS else "utf8")
        for column in columns.inputs
    }


def encode(taken: dict[str, Array], columns: Columns, xp: Namespace) -> Array:
    """Encode the columns, (batch, n), float32.

    Numbers are standardized, and dates, as days since 1970-01-01; a missing one is the mean; text
    becomes one value a category, all 0 for one that training had not seen. Text is taken as it is,
    without spaces around it.
    """
    pieces = []
    for column in columns.inputs:
        x = taken[column.name]
        if column.kind in NUMBERS:
            z = (x - column.mean) / column.std
            z = xp.astype(xp.where(xp.isnan(z), xp.zeros_like(z), z), xp.float32)
            pieces.append(z[:, None])
        else:
            code = xp.extensions.static_map(x, _codes(column), default=-1)
            numbers = xp.arange(len(column.categories), dtype=xp.int64)
            pieces.append(special.one_hot(code, numbers, xp.float32, xp=xp))
    return xp.concat(pieces, axis=1)


def _codes(column: Column) -> dict[str, int]:
    """Number of each text that stands for a category."""
    codes = {category: j for j, category in enumerate(column.categories)}
    if MISSING in codes:
        codes = {**dict.fromkeys(NO_VALUE, codes[MISSING]), **codes}
    if column.kind == "boolean":
        spelled = [(f(c), j) for c, j in codes.items() for f in (str.capitalize, str.upper)]
        codes = {**dict(spelled), **codes}
    return codes

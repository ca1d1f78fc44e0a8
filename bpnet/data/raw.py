"""Rows of a table with named columns: frames, dicts, lists of dicts, and names of files."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bpnet.data.columns import Columns
from bpnet.data.frames import is_frame, open_table, refusing_tables
from bpnet.data.loading import load
from bpnet.data.naming import named_columns
from bpnet.data.sources import find
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl


def is_raw(rows: Any) -> bool:
    """Return whether rows have named columns, as those of a table, and are no array of numbers."""
    listed = isinstance(rows, list | tuple) and len(rows) and isinstance(rows[0], Mapping)
    return bool(listed) or isinstance(rows, str | Path | Mapping) or is_frame(rows)


def encoded(rows: Any, columns: Columns) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """Rows with what was learned of a table's columns, (m, n), and lines on replaced cells.

    The rows are a frame of pandas or polars, a dict of columns or of one row, a list of dicts, or
    the name of a file; other columns may be there.
    """
    if isinstance(rows, list | tuple | Mapping):
        with refusing_tables("the rows"):
            rows = frame_of(rows)
    data = load(rows, columns=columns, need_target=False)
    return np.asarray(data.x), data.notes


def frame_of(rows: Any) -> "pl.DataFrame":
    """Dicts as a frame of polars."""
    import polars as pl

    if not isinstance(rows, Mapping):
        # None has all rows decide on the types, where polars looks at the first hundred.
        return pl.from_dicts(list(rows), infer_schema_length=None, strict=False)
    values = {str(n): v.tolist() if hasattr(v, "tolist") else v for n, v in rows.items()}
    if all(isinstance(v, str) or not hasattr(v, "__len__") for v in values.values()):  # one row
        values = {name: [cell] for name, cell in values.items()}
    return pl.DataFrame(values, strict=False)


def columns_of(source: str, names: str, columns: Columns | None) -> "pl.DataFrame":
    """Columns of a table as they stand in its files, by one name, or several with commas."""
    import polars as pl

    files = find(source, need_target=False)
    if files.kind != "table" or source == "-":
        message = f"{source} is no table in a file, of which columns could be kept: "
        raise InputError(f"{message}leave --keep out")
    separator = None if columns is None else columns.separator or None
    table = open_table(files.paths, separator=separator, in_memory=False)
    kept = named_columns(names, table.names, table.where, " to keep")
    kept = list(dict.fromkeys(kept))  # a name that comes twice is one column
    with refusing_tables(table.where):
        runs = table.runs(1 << 20)
        return pl.concat([table.read(run, kept) for run in runs], how="vertical_relaxed")

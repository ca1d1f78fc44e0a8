"""Rows of a table as people hold them in Python: frames, dicts, lists of dicts, files."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bpnet.data.columns import Columns
from bpnet.data.frames import is_frame, open_table, refusing_tables
from bpnet.data.loading import load
from bpnet.data.naming import no_column
from bpnet.data.sources import find
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl


def is_raw(rows: Any) -> bool:
    """Whether rows are those of a table with named columns, and not an array of numbers."""
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
        return pl.from_dicts(list(rows), infer_schema_length=None, strict=False)
    values = {str(n): v.tolist() if hasattr(v, "tolist") else v for n, v in rows.items()}
    if not any(np.ndim(cells) or hasattr(cells, "__len__") for cells in values.values()
               if not isinstance(cells, str)):  # fmt: skip
        values = {name: [cell] for name, cell in values.items()}  # one row
    return pl.DataFrame(values, strict=False)


def columns_of(source: str, names: str, columns: Columns | None) -> "pl.DataFrame":
    """Columns of a table as they stand in its files, by one name, or several with commas."""
    import polars as pl

    found = find(source, need_target=False)
    if found.kind != "table" or source == "-":
        message = (
            f"{source} is no table in a file, of which columns could be kept: leave --keep out"
        )
        raise InputError(message)
    separator = None if columns is None else columns.separator or None
    table = open_table(found.paths, separator=separator, in_memory=False)
    listed = [names] if names in table.names else map(str.strip, names.split(","))
    wanted = list(dict.fromkeys(listed))  # a name that comes twice is one column
    lacking = next((name for name in wanted if name not in table.names), None)
    if lacking is not None:
        raise no_column(table.where, lacking, table.names, " to keep")
    with refusing_tables(table.where):
        runs = table.runs(1 << 20)
        return pl.concat([table.read(run, wanted) for run in runs], how="vertical_relaxed")

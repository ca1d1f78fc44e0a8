"""Rows of a table as people hold them in Python: frames, dicts, lists of dicts, files."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bpnet.data.columns import Columns
from bpnet.data.frames import is_frame, open_table, refusing_tables
from bpnet.data.sources import find, load
from bpnet.data.tables import in_words
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl


def is_raw(rows: Any) -> bool:
    """Whether rows are those of a table with named columns, and not an array of numbers."""
    listed = isinstance(rows, list | tuple) and len(rows) and isinstance(rows[0], Mapping)
    return bool(listed) or isinstance(rows, str | Path | Mapping) or hasattr(rows, "columns")


def encoded(rows: Any, columns: Columns) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """Rows with what was learned of a table's columns.

    Parameters
    ----------
    rows : frame of pandas or polars, dict, list of dict, str or Path
        Columns by their names, of a dict also one row; or the name of a file.
    columns : Columns
        What was learned; other columns may be there.

    Returns
    -------
    x : array of float32, (m, n)
        One input for each of ``columns.features``.
    notes : tuple of str
        Lines on the cells that were replaced.

    Raises
    ------
    InputError
        If a column is missing, or a cell can't be used.
    """
    source = rows if isinstance(rows, str | Path) or is_frame(rows) else _as_frame(rows)
    data = load(source, columns=columns, need_target=False)
    return np.asarray(data.x), data.notes


def _as_frame(rows: Any) -> "pl.DataFrame":
    """Rows of a dict, or of a list of dicts, as a frame of polars."""
    what = f"the {type(rows).__name__}"
    with refusing_tables(what):
        import polars as pl

        if isinstance(rows, Mapping):
            values = {str(n): v.tolist() if hasattr(v, "tolist") else v for n, v in rows.items()}
            is_one = not any(isinstance(cells, list | tuple) for cells in values.values())
            values = {n: [cell] for n, cell in values.items()} if is_one else values
            return pl.DataFrame(values, strict=False)
        return pl.from_dicts(list(rows), infer_schema_length=None, strict=False)


def columns_of(source: str, names: str, *, streamed: bool) -> "pl.DataFrame":
    """Columns of a table as they stand in its files.

    Parameters
    ----------
    source : str
        As :func:`bpnet.data.load` takes it.
    names : str
        One name, or several with commas.
    streamed : bool
        Whether the source is streamed, as :func:`bpnet.data.stream` takes it.

    Raises
    ------
    InputError
        If the source is no table, or has no such column.
    """
    found = find(source, need_target=False, patterns=streamed)
    if found.kind != "table":
        message = f"{source} is no table, of which columns could be kept: leave --keep out"
        raise InputError(message)
    table = open_table(found.paths, in_memory=not streamed)
    wanted = [names] if names in table.names else [name.strip() for name in names.split(",")]
    lacking = next((name for name in wanted if name not in table.names), None)
    if lacking is not None:
        have = in_words(list(table.names))
        message = f"{source} has no column '{lacking}' to keep: it has {have}"
        raise InputError(message)
    import polars as pl

    return pl.concat([part.read(0, part.rows, wanted) for part in table.parts])


def check_polars(what: str) -> None:
    """Refuse to write a table where the library for it is missing."""
    with refusing_tables(what):
        pass

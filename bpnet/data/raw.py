"""Rows of a table as people hold them in Python: frames, dicts, lists of dicts, files."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bpnet.data import told
from bpnet.data.cells import to_plain
from bpnet.data.columns import Columns
from bpnet.data.encoding import encode
from bpnet.data.frames import (
    STREAMED,
    SUFFIXES,
    column_names,
    read_frame,
    refusing_tables,
    scan,
)
from bpnet.data.sources import load
from bpnet.data.streams import find
from bpnet.data.tables import check_learned, in_words
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
    if isinstance(rows, str | Path):
        data = load(rows, columns=columns, need_target=False)
        return np.asarray(data.x), data.notes
    where = f"the {type(rows).__name__}"
    with refusing_tables(where):
        frame = as_frame(rows)
        names = [column.name for column in columns.inputs]
        check_learned(names, frame.columns, where)
        if not frame.height:
            message = f"{where} has no rows: give examples"
            raise InputError(message)
        x, tally = encode(to_plain(frame.select(names), where, infer=False), columns, where)
    return x, told.replaced(columns, tally)


def as_frame(rows: Any) -> "pl.DataFrame":
    """Rows as a frame of polars, whose columns are as they were given."""
    import polars as pl

    if isinstance(rows, pl.DataFrame):
        return rows
    if isinstance(rows, list | tuple):
        return pl.from_dicts(list(rows), infer_schema_length=None, strict=False)
    if isinstance(rows, Mapping):
        values = {str(n): v.tolist() if hasattr(v, "tolist") else v for n, v in rows.items()}
        if not any(np.ndim(cells) or hasattr(cells, "__len__") for cells in values.values()
                   if not isinstance(cells, str)):  # fmt: skip
            values = {name: [cell] for name, cell in values.items()}  # one row
        return pl.DataFrame(values, strict=False)
    named = {str(name): rows[name] for name in rows.columns}
    # of pandas: pyarrow, which polars would take, need not be there
    cells = {n: c.astype(object).where(c.notna(), None).tolist() for n, c in named.items()}
    return pl.DataFrame(cells, strict=False)


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
    import polars as pl

    kind, paths = find(source, need_target=False) if streamed else ("table", [Path(source)])
    if kind != "table" or paths[0].suffix.lower() not in {*SUFFIXES, *STREAMED}:
        message = f"{source} is no table, of which columns could be kept: leave --keep out"
        raise InputError(message)
    there = column_names(paths[0])
    wanted = [names] if names in there else [name.strip() for name in names.split(",")]
    lacking = next((name for name in wanted if name not in there), None)
    if lacking is not None:
        message = f"{paths[0]} has no column '{lacking}' to keep: it has {in_words(there)}"
        raise InputError(message)
    if streamed:
        return pl.concat([scan(path).select(wanted) for path in paths]).collect()
    return read_frame(paths[0], there, wanted)


def check_polars(what: str) -> None:
    """Refuse to write a table where the library for it is missing."""
    with refusing_tables(what):
        pass

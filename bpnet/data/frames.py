"""Table files to polars frames, with the checks that polars leaves out."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bpnet.data import parquet
from bpnet.data.reading import refusing
from bpnet.errors import InputError, one_line
from bpnet.requirements import install

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".csv", ".parquet")

ARROW = (".arrow", ".feather", ".ipc")

STREAMED = (".parquet", *ARROW)
"""Tables that can be read piece by piece."""


@contextmanager
def refusing_tables(what: str) -> Iterator[None]:
    """Turn what polars raises into one line; its panics are no `Exception`."""
    try:
        import polars as pl
    except ImportError:
        message = f"{what}: tables need polars, which is not installed: {install('polars')}"
        raise InputError(message) from None
    try:
        with refusing(what):
            yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, csv.Error) as error:
        message = f"{what} is damaged or not what its name says: {one_line(error)}"
        raise InputError(message) from error


def column_names(path: Path) -> list[str]:
    """Return the names of a table's columns, reading no more than its header.

    Parameters
    ----------
    path : Path
        A ``.csv`` or ``.parquet`` file.

    Returns
    -------
    list of str
        In the table's order, without spaces around them.

    Raises
    ------
    InputError
        If the file can't be read, or names are empty or used twice.
    """
    with refusing_tables(str(path)):
        if path.suffix.lower() == ".parquet":
            names = parquet.names(path)
        elif path.suffix.lower() in ARROW:
            names = scan(path).collect_schema().names()
        else:
            names = next((row for _, row in _records(path) if row), [])
            _check_separator(names, path)
    names = [name.strip() for name in names]
    if not names:
        message = f"{path} is empty: give a header with the columns' names, and rows"
        raise InputError(message)
    if "" in names:
        message = (
            f"{path}: column {names.index('') + 1} has no name: give it one (pandas leaves its "
            "row index out with index=False)"
        )
        raise InputError(message)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        message = f"{path} has two columns named '{twice}': rename one"
        raise InputError(message)
    return names


def scan(path: Path) -> "pl.LazyFrame":
    """Parquet or Arrow file of which only what is asked for is read.

    Parameters
    ----------
    path : Path
        A ``.parquet``, ``.arrow``, ``.feather`` or ``.ipc`` file.

    Returns
    -------
    polars.LazyFrame
        Its columns as stored, without spaces around their names.
    """
    import polars as pl

    with path.open("rb") as file:  # by its name polars might take it for a pattern
        frame = (pl.scan_ipc if path.suffix.lower() in ARROW else pl.scan_parquet)(file)
        names = frame.collect_schema().names()
    return frame.rename({name: name.strip() for name in names if name != name.strip()})


def read_frame(path: Path, names: Sequence[str], wanted: Sequence[str]) -> "pl.DataFrame":
    """Read some columns of a table.

    Parameters
    ----------
    path : Path
        A ``.csv`` or ``.parquet`` file.
    names : sequence of str
        All of its columns, from `column_names`.
    wanted : sequence of str
        Those to return, in this order.

    Returns
    -------
    polars.DataFrame
        The cells of a CSV file as text, those of a Parquet file as stored.

    Raises
    ------
    InputError
        If the file is damaged or ragged, or has no rows.
    """
    with refusing_tables(str(path)):
        is_parquet = path.suffix.lower() == ".parquet"
        frame = parquet.read(path, wanted) if is_parquet else _read_csv(path, names)
    if not frame.height:
        message = f"{path} has a header and no rows: give examples"
        raise InputError(message)
    return frame.select(wanted)


def _read_csv(path: Path, names: Sequence[str]) -> "pl.DataFrame":
    import polars as pl

    rows, blank = _survey(path, len(names))
    with path.open("rb") as file:
        frame = pl.read_csv(file, infer_schema=False)
    if frame.height != rows or frame.width != len(names):
        message = (
            f"{path} reads as {frame.height} rows of {frame.width} columns and as {rows} of "
            f"{len(names)}, by the way quotes and line ends are taken: write it anew as plain CSV"
        )
        raise InputError(message)
    frame.columns = list(names)
    if blank:  # polars takes a blank line for a row without values
        frame = frame.with_row_index("").filter(~pl.col("").is_in(blank)).drop("")
    return frame


def _survey(path: Path, width: int) -> tuple[int, list[int]]:
    """Count the rows, blank ones too, and refuse ragged ones; polars fills short rows unasked."""
    rows, blank = -1, []
    for line, row in _records(path):
        if len(row) != width:
            if row:
                message = (
                    f"{path}: line {line} has {len(row)} fields and the header "
                    f"{width}: give every row the same number"
                )
                raise InputError(message)
            if rows < 0:
                continue  # before the header
            blank.append(rows)
        rows += 1
    return rows, blank


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of a CSV file, each with the number of its last line.

    Raises
    ------
    InputError
        If it is no CSV, or no UTF-8.
    """
    _check_encoding(path)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            reason = f"is not CSV: {one_line(error)}"
            if "field limit" in str(error):
                reason = (
                    f"has a cell longer than {csv.field_size_limit():,} characters: close its "
                    "quotes, or shorten the text"
                )
            message = f"{path}: line {reader.line_num} {reason}"
            raise InputError(message) from error
        except UnicodeDecodeError as error:
            raise InputError(_not_utf_8(path)) from error


_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # UTF-32 begins with the same
_SAVE = "save it in the encoding UTF-8 ('CSV UTF-8' in a spreadsheet)"


def _check_encoding(path: Path) -> None:
    """Refuse text of two or four bytes a character."""
    with path.open("rb") as file:
        start = file.read(1 << 12)
    if start.startswith(_UTF_16) or b"\0" in start:
        message = f"{path} is not UTF-8, but UTF-16, damaged or no text: {_SAVE}"
        raise InputError(message)


def _not_utf_8(path: Path) -> str:
    """Message that names the first byte that is no UTF-8, and its line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                byte = line[error.start]
                return f"{path} is not UTF-8: line {number} has the byte 0x{byte:02x}: {_SAVE}"
    return f"{path} is not UTF-8: {_SAVE}"


_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def _check_separator(names: Sequence[str], path: Path) -> None:
    """Refuse a line of names that is none by commas and several by another separator."""
    for sign, name in _SEPARATORS.items():
        if len(names) == 1 and sign in names[0]:
            message = (
                f"{path} is separated by {name}, and commas are wanted: save it with the separator "
                "comma, and points in its numbers"
            )
            raise InputError(message)

"""Delimited text, such as CSV, to frames of text, with the checks that polars leaves out."""

import bz2
import codecs
import csv
import gzip
import io
import itertools
import lzma
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bpnet.data.cells import has_codes, plain
from bpnet.data.reading import refuse_growth
from bpnet.errors import InputError, one_line

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".csv", ".tsv", ".tab")

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

SEPARATORS = (",", ";", "\t", "|")  # those that are recognized
_LINES = 50  # lines by which a separator is recognized
_PIECE = 1 << 24


def suffix(path: Path) -> str:
    """Ending that tells the format, without that of a compression; "-" is CSV on standard input.

    Examples
    --------
    >>> suffix(Path("a.CSV.gz")), suffix(Path("b.parquet")), suffix(Path("-"))
    ('.csv', '.parquet', '.csv')
    """
    if str(path) == "-":
        return ".csv"
    *before, last = ["", *(one.lower() for one in path.suffixes)]
    return before[-1] if last in _OPENERS and before[-1] in SUFFIXES else last


def read(path: Path, separator: str | None) -> "tuple[pl.DataFrame, str, tuple[str, ...]]":
    """Read a text file; return its frame, the separator that was used, and notes on the encoding.

    Columns of the frame have the names that :func:`check_names` gives them, and hold text, or
    numbers or days where all of their cells are such. A ragged file, and one whose encoding is not
    known, is refused. The path "-" is standard input.
    """
    import polars as pl

    where = "standard input" if str(path) == "-" else str(path)
    data, notes = _decoded(_bytes(path), where)
    if re.match(rb"(?i)sep=.(?:[\r\n]|$)", data):  # written by spreadsheets
        separator, data = separator or chr(data[4]), data[5:].lstrip(b"\r\n")
    separator = separator or _separator(data, path, where)
    names, rows, blank = _survey(data, where, separator)
    if not rows:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String)), separator, notes
    # polars would infer types from the first rows alone; `_typed` looks at all cells.
    frame = pl.read_csv(data, infer_schema=False, separator=separator)
    if frame.height != rows or frame.width != len(names):
        raise InputError(
            f"{where} reads as {frame.height} rows of {frame.width} columns and as {rows} of "
            f"{len(names)}, by the way quotes and line ends are taken: write it anew as plain CSV"
        )
    frame.columns = list(names)
    if blank:  # polars takes a blank line for a row without values
        frame = frame.with_row_index("").filter(~pl.col("").is_in(blank)).drop("")
    return pl.DataFrame([_typed(text) for text in frame]), separator, notes


def _typed(text: "pl.Series") -> "pl.Series":
    """Convert a column to numbers or days where all of its cells are such, so each is parsed once.

    Digits with zeros in front, and those beyond 64 bits, stay text: they may be codes.
    """
    import polars as pl

    if text.null_count() == len(text):
        return text
    numbers = text.cast(pl.Float64, strict=False)
    # A few cells that are no numbers may be marks of missing values, which `plain` makes null.
    if 0 < numbers.null_count() - text.null_count() < len(text) / 2:
        text = plain(text, "")
        numbers = text.cast(pl.Float64, strict=False)
    if numbers.null_count() == text.null_count():
        if has_codes(text):
            return text
        whole = text.cast(pl.Int64, strict=False)
        return numbers if whole.null_count() > text.null_count() else whole
    # The first hundred cells show that most columns of text hold no dates, without reading all.
    days = text.drop_nulls().head(100).str.to_date("%Y-%m-%d", strict=False)
    if days.null_count():
        return text
    days = text.str.to_date("%Y-%m-%d", strict=False)
    return text if days.null_count() > text.null_count() else days


def check_names(names: Sequence[str], where: object) -> list[str]:
    """Names of columns without spaces around them; those without a name are numbered.

    Examples
    --------
    >>> check_names(["", " area "], "a.csv")
    ['Unnamed: 0', 'area']
    """
    if not names:
        raise InputError(f"{where} is empty: give a header with the columns' names, and rows")
    names = [name.strip() or f"Unnamed: {i}" for i, name in enumerate(names)]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{where} has two columns named '{name}': rename one")
    return names


def _bytes(path: Path) -> bytes:
    """Content of a file or of standard input; a compressed file that grows too large is refused."""
    if str(path) == "-":
        return sys.stdin.buffer.read()
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        return path.read_bytes()
    size, parts = path.stat().st_size, []
    with opener(path, "rb") as stream:
        while piece := stream.read(_PIECE):
            parts.append(piece)
            refuse_growth(sum(map(len, parts)), size, str(path))
    return b"".join(parts)


_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # UTF-32 begins with the same
_SAVE = "save it in the encoding UTF-8 ('CSV UTF-8' in a spreadsheet)"


def _decoded(data: bytes, where: str) -> tuple[bytes, tuple[str, ...]]:
    """Convert text to UTF-8 without a byte-order mark; return it with notes on the encoding."""
    if data.startswith(_UTF_16) and not data.startswith(codecs.BOM_UTF32_LE):
        try:
            return data.decode("utf-16").encode(), (f"{where} is read as UTF-16",)
        except UnicodeError as error:
            raise InputError(f"{where} is damaged UTF-16 ({one_line(error)}): {_SAVE}") from error
    if b"\0" in data[: 1 << 12]:
        raise InputError(f"{where} is not UTF-8, but UTF-16, damaged or no text: {_SAVE}")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        place = f"line {data[: error.start].count(10) + 1} has the byte 0x{data[error.start]:02x}"
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError:
            raise InputError(f"{where} is not UTF-8: {place}: {_SAVE}") from error
        note = f"{where} is not UTF-8 ({place}): read as Windows-1252, which Latin-1 is a part of"
        return text.encode(), (note,)
    return data, ()


def _records(data: bytes, where: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of a text, each with the number of its last line."""
    # newline="" leaves line ends to the csv reader, which keeps those within quotes.
    stream: IO[str] = io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")
    reader = csv.reader(stream, strict=True, delimiter=separator)
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
        raise InputError(f"{where}: line {reader.line_num} {reason}") from error


def _separator(data: bytes, path: Path, where: str) -> str:
    """Separator that divides the first lines into the most cells, the same number in each line.

    Where no separator does, it is the one that divides the header into the most cells; rows of
    different lengths are refused later.
    """
    if suffix(path) in {".tsv", ".tab"}:
        return "\t"
    best, header = (1, ","), (1, ",")
    for sign in SEPARATORS:
        try:
            lines = [r for _, r in itertools.islice(_records(data, where, sign), _LINES) if r]
        except InputError:
            continue
        widths = {len(row) for row in lines}
        if len(widths) == 1 and max(widths) > best[0]:
            best = max(widths), sign
        if lines and len(lines[0]) > header[0]:
            header = len(lines[0]), sign
    return best[1] if best[0] > 1 else header[1]


def _survey(data: bytes, where: str, separator: str) -> tuple[list[str], int, list[int]]:
    """Names of the columns, the number of rows, blank ones too, and which rows are blank.

    Ragged rows are refused: polars fills short ones without a word.
    """
    names: list[str] = []
    rows, blank = 0, []
    for line, row in _records(data, where, separator):
        if not names:
            names = check_names(row, where) if row else names
            continue
        if len(row) != len(names):
            if row:  # the csv reader returns an empty list for a blank line
                raise InputError(
                    f"{where}: line {line} has {len(row)} fields and the header "
                    f"{len(names)}: give every row the same number"
                )
            blank.append(rows)
        rows += 1
    return names or check_names([], where), rows, blank

"""Tables to runs of rows: text, Parquet and Arrow files, and frames of pandas and polars."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpnet.data import decoder, delimited
from bpnet.data.cells import group
from bpnet.data.delimited import check_names
from bpnet.data.reading import Stamp, most_bytes, refuse_growth, refusing
from bpnet.errors import InputError, one_line
from bpnet.requirements import install

if TYPE_CHECKING:
    import polars as pl

ARROW = (".arrow", ".feather", ".ipc")

STREAMED = (".parquet", *ARROW)  # tables that can be read piece by piece
SUFFIXES = (*delimited.SUFFIXES, *STREAMED)

_WAIT = 300  # seconds, and one more for each megabyte of a file, after which a decoder is given up


@contextmanager
def refusing_tables(what: str) -> Iterator[None]:
    """Turn errors of polars into messages of one line; its panics are no `Exception`."""
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


def is_table(path: Path) -> bool:
    """Return whether a file is a table by its ending."""
    return delimited.suffix(path) in SUFFIXES


def is_frame(source: Any) -> bool:
    """Return whether a source is a frame of pandas or polars."""
    # The class is examined, as reading `columns` of a LazyFrame would resolve its schema.
    return hasattr(type(source), "columns") and hasattr(type(source), "dtypes")


@dataclass(frozen=True)
class Run:
    """Rows ``first`` to ``first + rows`` - 1 of a part, after ``begin`` rows of the table."""

    part: int
    first: int
    rows: int
    begin: int


@dataclass(frozen=True)
class Part:
    """One file, or one frame: its name for messages, its rows, and the names of its columns.

    The cells are in ``frame`` where they are in memory, else in the file of ``stamp``.
    """

    where: str
    rows: int
    names: tuple[str, ...]
    frame: "pl.DataFrame | None" = None
    stamp: Stamp | None = None

    def sample(self) -> str:
        """Fingerprint of the cells, computed without reading all of a file."""
        if self.stamp is not None:
            return self.stamp.sample()
        assert self.frame is not None
        return hashlib.blake2b(self.frame.write_csv().encode(), digest_size=16).hexdigest()

    def read(self, first: int, rows: int, names: Sequence[str]) -> "pl.DataFrame":
        """Some columns of some rows, as they are stored."""
        if self.frame is not None:
            return self.frame.select(names).slice(first, rows)
        assert self.stamp is not None
        self.stamp.check()  # a page that is no longer there would end the process
        with refusing_tables(self.where):
            frame = _scan(self.stamp.path).slice(first, rows).select(names).collect()
        self.stamp.check()  # a change meanwhile would mix cells of two versions
        return frame


@dataclass(frozen=True)
class Table:
    """Parts with the same columns, one after another.

    Reports name the table by ``name``, messages by ``where``; ``separator`` stands between the
    cells of text, and ``notes`` say what was assumed, such as an encoding.
    """

    parts: tuple[Part, ...]
    names: tuple[str, ...]
    name: str
    where: str
    separator: str = ","
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(part.rows for part in self.parts)

    def runs(self, size: int) -> Iterator[Run]:
        """Yield all rows in runs of at most ``size``, none of which crosses parts."""
        before = 0
        for number, part in enumerate(self.parts):
            for first in range(0, part.rows, size):
                yield Run(number, first, min(size, part.rows - first), before + first)
            before += part.rows

    def read(self, run: Run, names: Sequence[str]) -> "pl.DataFrame":
        """Some columns of a run, as they are stored."""
        return self.parts[run.part].read(run.first, run.rows, names)


def open_table(
    paths: Sequence[Path], *, separator: str | None = None, in_memory: bool = True
) -> Table:
    """Open files as one table, whose rows follow one another in the order of the files."""
    first = paths[0]
    parts: list[Part] = []
    notes: list[str] = []
    known: dict[str, str] = {}
    used = ","
    for path in paths:
        with refusing_tables(str(path)):
            if delimited.suffix(path) in delimited.SUFFIXES:
                frame, used, said = delimited.read(path, separator)
                notes += said
                stamp = None if str(path) == "-" else Stamp.of(path)
                part = Part(str(path), frame.height, tuple(frame.columns), frame, stamp)
                kinds = dict.fromkeys(part.names, "")  # kinds of text are learned from all files
            else:
                part, kinds = _columnar(path, in_memory=in_memory)
        if parts:
            _check_alike(kinds, known, path, first)
        # A column of nulls has no kind, so a kind is learned from whichever file has one.
        known = {**kinds, **{name: kind for name, kind in known.items() if kind}}
        parts.append(part)
    if not sum(part.rows for part in parts):
        raise InputError(f"{first} has a header and no rows: give examples")
    is_plain = delimited.suffix(first) == first.suffix.lower()  # no ending of a compression
    name = first.stem if is_plain else Path(first.stem).stem
    name = name if len(paths) == 1 else first.parent.name
    return Table(tuple(parts), parts[0].names, name, str(first), used, tuple(notes))


def of_frame(frame: Any) -> Table:
    """Open a frame of pandas or polars."""
    with refusing_tables("the frame"):
        import polars as pl

        if isinstance(frame, pl.LazyFrame):
            frame = frame.collect()
        names = check_names([str(name) for name in frame.columns], "the frame")
        if isinstance(frame, pl.DataFrame):
            frame = frame.rename(dict(zip(frame.columns, names, strict=True)))
        else:
            columns = (_of_pandas(frame.iloc[:, i]) for i in range(frame.shape[1]))
            frame = pl.DataFrame(dict(zip(names, columns, strict=True)))
    if not frame.height:
        raise InputError("the frame has no rows: give examples")
    part = Part("the frame", frame.height, tuple(frame.columns), frame)
    return Table((part,), part.names, "frame", part.where)


def _of_pandas(column: Any) -> "pl.Series":
    """Column of pandas as a series of polars, without pyarrow, which both libraries would need."""
    import polars as pl

    kind = getattr(column.dtype, "kind", "O")
    if kind in "biuf" and type(column.dtype).__module__.startswith("numpy"):
        return pl.Series(column.to_numpy())
    if kind == "M":
        zoned = getattr(column.dtype, "tz", None) is not None
        column = column.dt.tz_convert("UTC").dt.tz_localize(None) if zoned else column
        return pl.Series(column.to_numpy().astype("datetime64[us]"))
    values = [None if gap else value for value, gap in zip(column, column.isna(), strict=True)]
    types = {type(value) for value in values if value is not None}
    is_categorical = type(column.dtype).__name__ == "CategoricalDtype"
    # A column of polars has one type, so values of mixed types become text.
    if is_categorical or (len(types) > 1 and not types <= {int, float, bool}):
        values = [None if value is None else str(value) for value in values]
    series = pl.Series(values, strict=False)
    return series.cast(pl.Categorical) if is_categorical else series


def _columnar(path: Path, *, in_memory: bool) -> tuple[Part, dict[str, str]]:
    """Open a Parquet or Arrow file that another process could decode; return its columns' kinds."""
    stamp = Stamp.of(path)
    rows = _decodable(path, stamp.size)
    frame = _scan(path)
    schema = frame.collect_schema()
    kinds = {name: group(dtype) for name, dtype in schema.items()}
    cells = frame.collect() if in_memory else None
    stamp.check()
    return Part(str(path), rows, tuple(schema), cells, stamp), kinds


def _scan(path: Path) -> "pl.LazyFrame":
    """Parquet or Arrow file, of which only the columns and rows that are collected are read."""
    import polars as pl

    with path.open("rb") as file:  # by its name polars might take it for a pattern
        frame = (pl.scan_ipc if path.suffix.lower() in ARROW else pl.scan_parquet)(file)
        names = frame.collect_schema().names()
    named = dict(zip(names, check_names(names, path), strict=True))
    return frame.rename({old: new for old, new in named.items() if old != new})


def _decodable(path: Path, size: int) -> int:
    """Number of rows of a file, which a process with limited memory and time has decoded."""
    kind = "ipc" if path.suffix.lower() in ARROW else "parquet"
    # -P keeps the folder of decoder.py off sys.path, where its modules could shadow others.
    command = [sys.executable, "-P", decoder.__file__, str(path), kind, str(most_bytes(size))]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False,
            timeout=_WAIT + size / 1e6,
        )  # fmt: skip
        # A process that was ended by its limits has written nothing.
        said = json.loads(done.stdout) if done.stdout.startswith(b"{") else {}
    except subprocess.TimeoutExpired:
        said = {}
    if "claimed" in said:
        refuse_growth(int(said["claimed"]), size, str(path))
    if "error" in said:
        raise InputError(f"{path} is damaged or not what its name says: {said['error']}")
    if "rows" not in said:
        message = f"{path} takes more memory or time to decode than its {size:,} bytes should"
        raise InputError(f"{message}; if you trust it, set BPNET_MAX_BYTES=0")
    return int(said["rows"])


def _check_alike(kinds: dict[str, str], known: dict[str, str], path: Path, first: Path) -> None:
    for name in (*known, *kinds):
        if name not in kinds or name not in known:
            one, other = (first, path) if name in kinds else (path, first)
            message = f"{one} lacks the column '{name}', which {other} has: give files alike"
            raise InputError(message)
    for name, kind in kinds.items():
        if kind and known[name] and kind != known[name]:
            raise InputError(
                f"{path}: column '{name}' holds {kind} values and in {first} {known[name]} ones: "
                "give files alike"
            )

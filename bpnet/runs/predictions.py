"""Predictions as CSV or Parquet: classes with probabilities or scores, or amounts."""

import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from bpnet.core import metrics
from bpnet.data import Columns
from bpnet.data.frames import refusing_tables
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError
from bpnet.model.ensemble import Model
from bpnet.shown import plain
from bpnet.storage import disk

if TYPE_CHECKING:
    import polars as pl

Host = np.ndarray[Any, Any]

Piece = dict[str, Any]
"""Columns of some rows, NumPy arrays or polars series, by their names."""

_PIECE = 1 << 23
"""Numbers in the examples of a piece."""


def check(path: Path, reads: Iterable[str | Path]) -> None:
    """Refuse, before any work is done, a file that cannot be written or is an input file."""
    if str(path) == "-":
        return
    disk.writable(path, reads)
    if path.suffix.lower() == ".parquet":
        with refusing_tables(str(path)):
            pass  # without polars, it is refused


def outputs(network: Model, x: Any, backend: Any) -> Iterator[Host]:
    """Yield outputs of examples: piece by piece where these are streamed, else at once."""
    if not isinstance(x, HostRows):
        yield network.predict(x, backend=backend)
        return
    for rows in x.pieces(_PIECE):
        yield network.predict(x.take(rows), backend=backend)


def write(
    path: Path,
    network: Model,
    outputs: Iterable[Host],
    columns: Columns | None,
    kept: "pl.DataFrame | None" = None,
) -> int:
    """Write predictions to a Parquet file, a CSV file or, for "-", the screen; return their count.

    ``outputs`` yields the network's outputs, (rows, n_L). ``kept`` are columns of the table that
    are written before the predictions. A number of CSV has the fewest digits that read back as the
    same float32 or float64.
    """
    pieces = _beside(kept, (_named(network, a, columns) for a in outputs))
    if str(path) == "-":
        screen: Any = _Terminal() if sys.stdout.isatty() else sys.stdout
        return _write(screen, pieces)
    if path.suffix.lower() == ".parquet":
        import polars as pl

        frame = pl.concat([pl.DataFrame(piece) for piece in pieces])
        with disk.writing(path) as binary:
            frame.write_parquet(binary)
        return frame.height
    with disk.writing(path, text=True) as file:
        return _write(file, pieces)


def _named(network: Model, a: Host, columns: Columns | None) -> Piece:
    """Columns of predictions: class and probabilities or scores; or amounts in their unit."""
    if network.classes is None:
        # Decoding computes in float64; the file has the digits of the network's own dtype.
        values = a if columns is None else columns.decode_target(a).astype(a.dtype)
        values = values.reshape(len(a), -1)
        if values.shape[1] == 1:
            return {"prediction": values[:, 0]}
        targets = range(values.shape[1]) if columns is None else columns.target_names
        return {f"prediction_{name}": v for name, v in zip(targets, values.T, strict=True)}
    classes, names, word = network.decide(a), network.classes, "p"
    if not metrics.is_probability(network.output):
        word, names = "score", names if a.shape[1] > 1 else names[1:]  # outputs of hinge
    elif a.shape[1] == 1:  # one sigmoid output is the probability of the second class
        a = np.hstack([1 - a, a])
    return {"class": classes, **{f"{word}_{n}": v for n, v in zip(names, a.T, strict=True)}}


def _beside(kept: "pl.DataFrame | None", pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield predictions with the table's kept columns before them."""
    first = 0
    for piece in pieces:
        count = len(next(iter(piece.values())))
        cells = {} if kept is None else kept.slice(first, count).to_dict()
        clash = next((name for name in cells if name in piece), None)
        if clash is not None:
            msg = f"the predictions have a column {clash!r} of their own; leave it out of --keep"
            raise InputError(msg)
        yield {**cells, **piece}
        first += count


class _Terminal:
    """A terminal, which must not obey control sequences in the names of classes."""

    def write(self, text: str) -> None:
        """Write the visible characters of a line."""
        sys.stdout.write(plain(text, keep="\n"))


def _write(file: TextIO, pieces: Iterable[Piece]) -> int:
    writer, count = csv.writer(file, lineterminator="\n"), 0
    for piece in pieces:
        if not count:
            writer.writerow(piece)
        rows = list(zip(*map(_cells, piece.values()), strict=True))
        writer.writerows(rows)
        count += len(rows)
    return count


def _cells(values: Any) -> list[Any]:
    """Cells of a column; NumPy writes a float with the fewest digits that its dtype needs."""
    if not isinstance(values, np.ndarray):
        return _as_text(values)
    if values.dtype != np.float32:  # Python itself writes a float64 with the fewest digits
        return list(values.tolist())
    texts: list[str] = values.astype(str).tolist()
    # people write these without an exponent
    plain_power = (np.abs(values) >= 1e-5) & (np.abs(values) < 1e16)
    for i in np.flatnonzero(plain_power).tolist():
        if "e" in texts[i]:
            texts[i] = np.format_float_positional(values[i], trim="0")
    return list(texts)


def _as_text(series: "pl.Series") -> list[Any]:
    import polars as pl

    return list(series.cast(pl.String).to_list())

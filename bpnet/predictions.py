"""Predictions as CSV: class and probabilities or scores, or numbers."""

import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from bpnet import disk
from bpnet.core import metrics
from bpnet.data import Columns
from bpnet.data.host_rows import HostRows
from bpnet.network import Network
from bpnet.shown import plain

_PIECE = 1 << 23
"""Numbers in the examples of a piece."""


def check(path: Path, reads: Iterable[str | Path]) -> None:
    """Refuse a file that cannot be written, or is what is read, before any work is done.

    Raises
    ------
    InputError
        Saying why.
    """
    if str(path) != "-":
        disk.writable(path, reads)


def outputs(network: Network, x: Any, backend: Any) -> Iterator[np.ndarray[Any, Any]]:
    """Yield outputs of examples, those that are not in memory piece by piece."""
    if not isinstance(x, HostRows):
        yield network.predict(x, backend=backend)
        return
    for rows in x.pieces(_PIECE):
        yield network.predict(x.take(rows), backend=backend)


def write(
    path: Path,
    network: Network,
    outputs: Iterable[np.ndarray[Any, Any]],
    columns: Columns | None,
) -> int:
    """Write outputs, each (rows, n_L), as CSV: class and probabilities or scores, or numbers.

    Returns
    -------
    int
        How many rows.
    """
    if str(path) == "-":
        screen: Any = _Terminal() if sys.stdout.isatty() else sys.stdout
        return _write(screen, network, outputs, columns)
    with disk.writing(path, text=True) as file:
        return _write(file, network, outputs, columns)


class _Terminal:
    """Standard output where a person reads it: names of classes are no sequences there."""

    def write(self, text: str) -> None:
        """Write what can be seen of a line."""
        sys.stdout.write(plain(text, keep="\n"))


def _write(file: TextIO, network: Network, outputs: Iterable[Any], columns: Any) -> int:
    writer, count = csv.writer(file, lineterminator="\n"), 0
    for piece in outputs:
        header, rows = _prediction_rows(network, piece, columns)
        writer.writerows(rows if count else [header, *rows])
        count += len(rows)
    return count


def _prediction_rows(
    network: Network, outputs: np.ndarray[Any, Any], columns: Columns | None
) -> tuple[list[str], list[list[Any]]]:
    if network.classes is None:
        values = outputs if columns is None else columns.decode_target(outputs)
        values = values.reshape(len(outputs), -1)
        names = (
            ["prediction"]
            if values.shape[1] == 1
            else [f"prediction_{j}" for j in range(values.shape[1])]
        )
        return names, values.tolist()
    decided = network.decide(outputs)
    if not metrics.is_probability(network.output):
        scored = network.classes if outputs.shape[1] > 1 else network.classes[1:]
        header = ["class", *(f"score_{name}" for name in scored)]  # of hinge: no probabilities
    else:
        if outputs.shape[1] == 1:
            outputs = np.hstack([1 - outputs, outputs])
        header = ["class", *(f"p_{name}" for name in network.classes)]
    return header, [[c, *row] for c, row in zip(decided.tolist(), outputs.tolist(), strict=True)]

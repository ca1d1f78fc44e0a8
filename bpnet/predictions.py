"""Predictions as CSV: class and probabilities or scores, or numbers."""

import csv
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bpnet.core import activations
from bpnet.data import Columns
from bpnet.errors import InputError
from bpnet.network import Network


def check_output(path: Path) -> None:
    """Refuse a file that cannot be written, before any work is done."""
    if str(path) != "-" and (path.is_dir() or not os.access(path.absolute().parent, os.W_OK)):
        msg = f"{path} can't be written; give a file in a folder that can"
        raise InputError(msg)


def write(
    path: Path, network: Network, outputs: np.ndarray[Any, Any], columns: Columns | None
) -> int:
    """Write outputs, (m, n_L), as CSV: class and probabilities or scores, or numbers.

    Returns
    -------
    int
        How many rows.
    """
    header, rows = _prediction_rows(network, outputs, columns)
    if str(path) == "-":
        csv.writer(sys.stdout, lineterminator="\n").writerows([header, *rows])
        return len(rows)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return len(rows)


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
    if not isinstance(network.output, activations.Sigmoid | activations.Softmax):
        scored = network.classes if outputs.shape[1] > 1 else network.classes[1:]
        header = ["class", *(f"score_{name}" for name in scored)]  # of hinge: no probabilities
    else:
        if outputs.shape[1] == 1:
            outputs = np.hstack([1 - outputs, outputs])
        header = ["class", *(f"p_{name}" for name in network.classes)]
    return header, [[c, *row] for c, row in zip(decided.tolist(), outputs.tolist(), strict=True)]

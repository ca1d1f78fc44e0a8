"""Networks read from bpnet's own safetensors files, and from the JSON of Nielsen's network2."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bpnet.arguments import checked
from bpnet.core import activations, layers
from bpnet.core.layers import Dense
from bpnet.data import Columns
from bpnet.errors import InputError, one_line
from bpnet.model.network import Network
from bpnet.model.saving import FORMAT, NAMES, VERSION
from bpnet.storage import checksummed, disk, strict_json

_CHECKSUMMED = 2
"""First version of the format whose files have a SHA-256."""

_DEEP = (RecursionError, OverflowError)
"""Errors that JSON of a million brackets or digits causes."""

_LIMIT = 1 << 31
"""Most bytes of a JSON file."""


@checked
def load(path: str | Path) -> Network:
    """Read a network that ``Network.save`` wrote, or the JSON of Nielsen's ``network2``.

    Parameters
    ----------
    path : str or Path
        A ``.safetensors`` or ``.json`` file, or the folder of a run.

    Returns
    -------
    Network
        With its weights, classes and scale, and the encodings of a table's columns.

    Raises
    ------
    InputError
        If the file is missing, damaged or holds something else. No code in it is run.
    """
    path, columns = Path(path), None
    if path.is_dir():  # older runs have the encodings beside the model
        path, columns = path / "model.safetensors", path / "columns.json"
    read: Callable[[Path], Network] = (
        _load_network2 if path.suffix == ".json" else _load_safetensors
    )
    network: Network = explained(read, path)
    if network.columns is None and columns is not None and columns.is_file():
        network.columns = explained(lambda file: Columns.from_json(disk.text(file)), columns)
    return network


def explained(read: Callable[[Path], Any], path: Path) -> Any:
    """Result of ``read(path)``; errors over a missing or damaged file become one of one line."""
    if not path.is_file():
        msg = f"there is no model at {path}; give a .safetensors file or the folder of a run"
        raise InputError(msg)
    try:
        return read(path)
    except (LookupError, TypeError, ValueError, AttributeError, OSError, *_DEEP) as error:
        if isinstance(error, InputError):
            raise InputError(f"{path}: {error}") from error
        msg = f"{path} is damaged or not a bpnet model ({one_line(error)}); give another file"
        raise InputError(msg) from error


def _load_safetensors(path: Path) -> Network:
    content = checksummed.read(path)
    described = strict_json.loads(content.text)
    check_format(described, FORMAT)
    if isinstance(described["version"], bool) or not described["version"] >= 1:
        msg = f"it is of version {described['version']!r}"
        raise ValueError(msg)
    if described["version"] > VERSION:
        msg = f"written by a later version ({described['version']}); update bpnet"
        raise InputError(msg)
    if described["version"] >= _CHECKSUMMED and not content.has_checksum:
        msg = "it has no SHA-256"
        raise ValueError(msg)
    return rebuild(described, content.tensors)


def check_format(described: dict[str, Any], expected: str) -> None:
    """Refuse, with a ``ValueError``, a file of another format."""
    if described["format"] != expected:
        msg = f"it holds a {described['format']!r}, not a {expected!r}"
        raise ValueError(msg)


def rebuild(described: dict[str, Any], tensors: checksummed.Tensors) -> Network:
    """Network from the result of :func:`~bpnet.model.saving.describe`.

    A damaged one is a ``ValueError``, ``LookupError`` or ``TypeError``.
    """
    kinds = [layers.rebuild(layer) for layer in described["layers"]]
    expected = {
        f"{l}.{name}": shape[::-1]
        for l, layer in enumerate(kinds)
        for name, shape in zip(NAMES, layer.shapes, strict=False)
    }
    shapes = {name: array.shape for name, array in tensors.items()}
    if shapes != expected:
        msg = f"its tensors have shapes {shapes} where its layers need {expected}"
        raise InputError(msg)
    init = [
        tuple(tensors[f"{l}.{name}"] for name, _ in zip(NAMES, layer.shapes, strict=False))
        for l, layer in enumerate(kinds)
    ]
    network = Network(kinds, init=init)
    network.classes, network.scale = described["classes"], described["scale"]
    network.labels = described.get("labels", False)
    columns = described.get("columns")
    network.columns = None if columns is None else Columns.from_json(columns)
    return network


def _load_network2(path: Path) -> Network:
    """Network that ``network2.Network.save`` wrote: all its neurons are sigmoids.

    Several outputs are classes, of which the one with the largest output is the answer.
    """
    if path.stat().st_size > _LIMIT:
        msg = "larger than 2 GB; give a smaller file"
        raise InputError(msg)
    saved = strict_json.loads(path.read_text(encoding="utf-8"))
    sizes = saved["sizes"]
    dense = [Dense(n, m, activations.Sigmoid()) for n, m in pairwise(sizes)]
    pairs = zip(saved["weights"], saved["biases"], strict=True)
    init = [(np.asarray(W, float), np.asarray(b, float).reshape(-1)) for W, b in pairs]
    network = Network(dense, init=init)
    network.classes = np.arange(sizes[-1]) if sizes[-1] > 1 else None
    return network

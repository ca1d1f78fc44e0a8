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

_SEALED = 2
"""Version from which a file has a SHA-256."""

_DEEP = (RecursionError, OverflowError)
"""What JSON of a million brackets or digits raises."""

_LIMIT = 1 << 31
"""Bytes of a JSON file above which it is refused."""


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
        With its weights, classes and scale, and what was learned of a table's columns.

    Raises
    ------
    InputError
        If the file is missing, damaged or holds something else. No code in it is run.
    """
    path, learned = Path(path), None
    if path.is_dir():
        path, learned = path / "model.safetensors", path / "columns.json"
    read: Callable[[Path], Network] = (
        _load_network2 if path.suffix == ".json" else _load_safetensors
    )
    network: Network = explained(read, path)
    if network.columns is None and learned is not None and learned.is_file():
        network.columns = explained(lambda file: Columns.from_json(disk.text(file)), learned)
    return network


def explained(read: Callable[[Path], Any], path: Path) -> Any:
    """What ``read`` makes of a file.

    Raises
    ------
    InputError
        In place of whatever it raises for a file that is missing or damaged.
    """
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
    held = checksummed.read(path)
    described = strict_json.loads(held.text)
    check_format(described, FORMAT)
    if isinstance(described["version"], bool) or not described["version"] >= 1:
        msg = f"it is of version {described['version']!r}"
        raise ValueError(msg)
    if described["version"] > VERSION:
        msg = f"written by a later version ({described['version']}); update bpnet"
        raise InputError(msg)
    if described["version"] >= _SEALED and not held.has_checksum:
        msg = "it has no SHA-256"
        raise ValueError(msg)
    return rebuild(described, held.tensors)


def check_format(described: dict[str, Any], wanted: str) -> None:
    """Refuse a file of another format.

    Raises
    ------
    ValueError
        Naming both.
    """
    if described["format"] != wanted:
        msg = f"it holds a {described['format']!r}, not a {wanted!r}"
        raise ValueError(msg)


def rebuild(described: dict[str, Any], tensors: checksummed.Tensors) -> Network:
    """Network that :func:`~bpnet.model.saving.describe` described.

    Raises
    ------
    ValueError, LookupError, TypeError
        If it cannot be one.
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
    """Sizes, weights and biases of ``network2.Network.save``; all its neurons are sigmoids.

    Several outputs are classes there, of which the largest is taken.
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

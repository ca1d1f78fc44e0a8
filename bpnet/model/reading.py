"""Networks from the content of their files, and errors for files that hold no network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bpnet.core import layers
from bpnet.data import Columns
from bpnet.errors import InputError, one_line
from bpnet.model.network import Network
from bpnet.model.saving import NAMES
from bpnet.storage import checksummed

MODEL = "model.safetensors"
"""Name of the file in the folder of a run."""

_DEEP = (RecursionError, OverflowError)
"""Errors of JSON with a million brackets or digits."""


def explained(read: Callable[[Path], Any], path: Path) -> Any:
    """Read a file with ``read``, with errors of one line that name the file.

    Raises
    ------
    InputError
        If the file is missing or damaged.
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


def check_format(described: dict[str, Any], expected: str) -> None:
    """Refuse a file of another format with a ``ValueError`` that names both formats."""
    if described["format"] != expected:
        msg = f"it holds a {described['format']!r}, not a {expected!r}"
        raise ValueError(msg)


def rebuild(described: dict[str, Any], tensors: checksummed.Tensors) -> Network:
    """Return the network of what :func:`~bpnet.model.saving.describe` returned.

    Raises
    ------
    ValueError, LookupError, TypeError
        If the description is not that of a network, or the arrays do not fit.
    """
    kinds = [layers.rebuild(layer) for layer in described["layers"]]
    # files have W in the paper's orientation, layers the shape that core stores
    expected = {
        f"{l}.{name}": shape[::-1]
        for l, layer in enumerate(kinds)
        # a layer has as many of the names as it has arrays
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
    # labels are written only where they are true
    network.labels = described.get("labels", False)
    columns = described.get("columns")
    network.columns = None if columns is None else Columns.from_json(columns)
    return network

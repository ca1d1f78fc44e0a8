"""Writing networks to bpnet's own safetensors files.

A file has ``N.weight``, (n_out, n_in), and ``N.bias``, (n_out,), of each dense layer N, and the
arrays of each normalization, with the names and orientation of PyTorch's ``Sequential``. Its
metadata has the rest as JSON, and a SHA-256 over JSON and arrays.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bpnet.core import layers
from bpnet.errors import InputError
from bpnet.model import assembly
from bpnet.storage import checksummed, disk

if TYPE_CHECKING:
    from bpnet.model.network import Network

FORMAT = "bpnet network"
VERSION = 2

NAMES = ("weight", "bias", "running_mean", "running_var")
"""Names of a layer's arrays in PyTorch: gamma is a normalization's weight, beta its bias."""


def save_network(network: "Network", path: str | Path) -> Path:
    """Write a network to ``path``, which must end in ``.safetensors``; return the path.

    The file appears under its name only when it is complete.
    """
    path = writable(path)
    described, tensors = describe(network)
    text = json.dumps({"format": FORMAT, "version": VERSION, **described})
    disk.write(path, checksummed.encode(text, tensors))
    return path


def writable(path: str | Path, reads: Iterable[str | Path] = ()) -> Path:
    """Check that a path ends in ``.safetensors``, can be written and is no input file."""
    path = Path(path)
    if path.suffix != ".safetensors":
        msg = f"a model is saved as .safetensors, not as {path.name!r}; rename it"
        raise InputError(msg)
    return disk.writable(path, reads)


def describe(network: "Network") -> tuple[dict[str, Any], checksummed.Tensors]:
    """Return a network's layers, classes and scale as plain data, and its arrays by their names.

    Refuse layers and activations that are not bpnet's own, and arrays with which
    :func:`~bpnet.model.reading.rebuild` could not make a network.
    """
    tensors = {}
    try:
        for l, (layer, arrays) in enumerate(zip(network.layers, network.parameters, strict=True)):
            # the checks of reading, so that no file is written that cannot be read
            copies = assembly.checked_copies(layer, arrays, l)
            for name, array in zip(NAMES, copies, strict=False):
                # a file has the rows of an array one after another, and a transpose is a view
                tensors[f"{l}.{name}"] = np.ascontiguousarray(array.T)
    except ValueError as error:
        msg = f"the network can't be saved: {error}; mend it first"
        raise InputError(msg) from error
    described = {
        "layers": [layers.describe(layer) for layer in network.layers],
        "classes": None if network.classes is None else network.classes.tolist(),
        "scale": network.scale,
        # entries that say nothing are left out: such a file has the bytes that it had before them
        **({"labels": network.labels} if network.labels else {}),
        **({} if network.columns is None else {"columns": network.columns.to_json()}),
    }
    return described, tensors

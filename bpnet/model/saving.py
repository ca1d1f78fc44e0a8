"""Networks written to bpnet's own safetensors files.

A file holds ``N.weight``, (n_out, n_in), and ``N.bias``, (n_out,), of each dense layer N, and what
a normalization has, with the names and orientation that PyTorch's ``Sequential`` uses; the rest is
JSON in its metadata, beside a SHA-256 over all of it.
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
"""Of a layer's arrays, as in PyTorch; a normalization's weight is its gamma, its bias its beta."""


def save_network(network: "Network", path: str | Path) -> Path:
    """Write a network; the file appears under its name only when it is complete.

    Parameters
    ----------
    network : Network
        What to write.
    path : str or Path
        A name that ends in ``.safetensors``.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    InputError
        If the name has another ending, the folder is missing, or a layer's activation is not
        one of bpnet's own.
    """
    path = writable(path)
    described, tensors = describe(network)
    text = json.dumps({"format": FORMAT, "version": VERSION, **described})
    disk.write(path, checksummed.encode(text, tensors))
    return path


def writable(path: str | Path, reads: Iterable[str | Path] = ()) -> Path:
    """Path of a model that is to be written, none of those that are read for it.

    Raises
    ------
    InputError
        If the name has another ending than ``.safetensors``, or it cannot be written.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        msg = f"a model is saved as .safetensors, not as {path.name!r}; rename it"
        raise InputError(msg)
    return disk.writable(path, reads)


def describe(network: "Network") -> tuple[dict[str, Any], checksummed.Tensors]:
    """Layers, class names and scale of a network as plain data, and its arrays by their names.

    Raises
    ------
    InputError
        If a layer or its activation is not one of bpnet's own, or its arrays make no sense, so
        that :func:`rebuild` would refuse them.
    """
    tensors = {}
    try:
        for l, (layer, held) in enumerate(zip(network.layers, network.parameters, strict=True)):
            for name, array in zip(NAMES, assembly.given(layer, held, l), strict=False):
                tensors[f"{l}.{name}"] = np.ascontiguousarray(array.T)
    except ValueError as error:
        msg = f"the network can't be saved: {error}; mend it first"
        raise InputError(msg) from error
    described = {
        "layers": [layers.describe(layer) for layer in network.layers],
        "classes": None if network.classes is None else network.classes.tolist(),
        "scale": network.scale,
        **({"labels": network.labels} if network.labels else {}),
        **({} if network.columns is None else {"columns": network.columns.to_json()}),
    }
    return described, tensors

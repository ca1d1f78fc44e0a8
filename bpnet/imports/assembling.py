"""A network put together from what another library calls its layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpnet import assembly
from bpnet.core.activations import Activation
from bpnet.core.layers import Dense
from bpnet.data import batches
from bpnet.errors import InputError
from bpnet.network import Network


def network_of(
    weights: Sequence[Any],
    biases: Sequence[Any],
    sigmas: Sequence[str | Activation],
    names: Sequence[str],
    classes: Any = None,
) -> Network:
    """Network of dense layers.

    Parameters
    ----------
    weights : sequence of arrays, (n_out, n_in)
        Of each layer.
    biases : sequence of arrays, (n_out,), or None
        Of each layer; None where it has none.
    sigmas : sequence of str or Activation
        Of each layer.
    names : sequence of str
        What the layers are called where they come from.
    classes : sequence, optional
        Names of the classes, one an output; two with one output.

    Raises
    ------
    InputError
        If an array has another shape, the layers do not fit together, or the classes do not.
    """
    layers: list[Dense] = []
    init: list[Any] = []
    for given, shift, sigma, name in zip(weights, biases, sigmas, names, strict=True):
        W = assembly.as_float(given, f"{name}'s weights")
        if W.ndim != 2:
            msg = f"{name}'s weights have shape {W.shape}; give dense layers, (n_out, n_in)"
            raise InputError(msg)
        n_out, n_in = W.shape
        if layers and layers[-1].n_out != n_in:
            msg = f"{name} takes {n_in} values and the layer before it gives {layers[-1].n_out}"
            raise InputError(f"{msg}; give the layers in their order")
        b = np.zeros(n_out, W.dtype)
        if shift is not None:
            b = assembly.as_float(shift, f"{name}'s biases")
        layers.append(Dense(n_in, n_out, sigma))  # type: ignore[arg-type]
        init.append((W, b))
    network = Network(layers, init=init)
    network.classes = None if classes is None else _checked(classes, max(network.sizes[-1], 2))
    return network


def _checked(classes: Any, n: int) -> np.ndarray[Any, Any]:
    names: np.ndarray[Any, Any] = batches.as_array(classes, "classes")
    if names.dtype == object:
        names = names.astype(str)
    if names.shape != (n,) or len(np.unique(names)) != n:
        msg = f"classes are {str(classes)[:60]}; the outputs need {n} different names"
        raise InputError(msg)
    return names

"""Assembly of a network from the layers of another library."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.core.activations import Activation
from bpnet.core.layers import Dense, Dropout
from bpnet.errors import InputError
from bpnet.model import assembly
from bpnet.model.network import Network


@dataclass(frozen=True)
class Linear:
    """A dense layer of another library: name, W, (n_out, n_in), b, (n_out,) or None, and sigma."""

    name: str
    W: Any
    b: Any
    sigma: str | Activation


def build_network(parts: Sequence[Linear | Dropout], classes: Any = None) -> Network:
    """Network of dense layers, first to last, with dropout between them.

    ``classes`` are the names of the classes, one for each output, or two with one output.
    """
    layers: list[Dense | Dropout] = []
    init: list[Any] = []
    width: int | None = None
    for part in parts:
        if isinstance(part, Dropout):
            # dropout has neither arrays nor a width
            layers.append(part)
            init.append("auto")
            continue
        W, b = _arrays(part)
        n_out, n_in = W.shape
        if width not in (None, n_in):
            msg = f"{part.name} takes {n_in} values and the layer before it gives {width}"
            raise InputError(f"{msg}; give the layers in their order")
        width = n_out
        layers.append(Dense(n_in, n_out, part.sigma))  # type: ignore[arg-type]
        init.append((W, b))
    network = Network(layers, init=init)
    network.classes = classes
    return network


def _arrays(part: Linear) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Weights and biases of a layer, with matching shapes."""
    W = assembly.as_float(part.W, f"{part.name}'s weights")
    if W.ndim != 2:
        msg = f"{part.name}'s weights have shape {W.shape}; give dense layers, (n_out, n_in)"
        raise InputError(msg)
    if part.b is None:
        # a dense layer has a bias, and zeros leave its outputs as they are
        return W, np.zeros(W.shape[0], W.dtype)
    b = assembly.as_float(part.b, f"{part.name}'s biases")
    if b.shape != W.shape[:1]:
        msg = f"the weights and biases of {part.name} have shapes {W.shape} and {b.shape}"
        raise InputError(f"{msg}; give (n_out, n_in) and (n_out,), transposed where they are not")
    return W, b

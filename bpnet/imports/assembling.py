"""A network put together from what another library calls its layers."""

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
    """A dense layer as it is elsewhere.

    Parameters
    ----------
    name : str
        What it is called there.
    W : array, (n_out, n_in)
        Its weights.
    b : array, (n_out,), or None
        Its biases, if it has some.
    sigma : str or Activation
        Its activation.
    """

    name: str
    W: Any
    b: Any
    sigma: str | Activation


def network_of(parts: Sequence[Linear | Dropout], classes: Any = None) -> Network:
    """Network of dense layers and of dropout between them.

    Parameters
    ----------
    parts : sequence of Linear or Dropout
        First to last.
    classes : sequence, optional
        Names of the classes, one an output; two with one output.

    Raises
    ------
    InputError
        If an array has another shape, the layers do not fit together, or the classes do not.
    """
    layers: list[Dense | Dropout] = []
    init: list[Any] = []
    before: int | None = None
    for part in parts:
        if isinstance(part, Dropout):
            layers.append(part)
            init.append("auto")
            continue
        W, b = _arrays(part)
        n_out, n_in = W.shape
        if before not in (None, n_in):
            msg = f"{part.name} takes {n_in} values and the layer before it gives {before}"
            raise InputError(f"{msg}; give the layers in their order")
        before = n_out
        layers.append(Dense(n_in, n_out, part.sigma))  # type: ignore[arg-type]
        init.append((W, b))
    network = Network(layers, init=init)
    network.classes = classes
    return network


def _arrays(part: Linear) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Weights and biases of a layer, of shapes that go together."""
    W = assembly.as_float(part.W, f"{part.name}'s weights")
    if W.ndim != 2:
        msg = f"{part.name}'s weights have shape {W.shape}; give dense layers, (n_out, n_in)"
        raise InputError(msg)
    if part.b is None:
        return W, np.zeros(W.shape[0], W.dtype)
    b = assembly.as_float(part.b, f"{part.name}'s biases")
    if b.shape != W.shape[:1]:
        msg = f"the weights and biases of {part.name} have shapes {W.shape} and {b.shape}"
        raise InputError(f"{msg}; give (n_out, n_in) and (n_out,), transposed where they are not")
    return W, b

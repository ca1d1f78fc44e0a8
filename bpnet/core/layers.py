"""Layers: ``forward`` returns what ``backward`` needs; state is passed, never kept.

A layer is a frozen dataclass with

* ``shapes``: the shapes of its arrays,
* ``forward(arrays, a, xp=, key=) -> (a, cache)``,
* ``error(dC_da, cache, xp=) -> delta``: from dC/da of its output to the error at its core,
* ``backward(arrays, cache, delta, below, xp=) -> (gradients, dC_da)``: dC/da of its input, or
  None where ``below`` is False and nobody asks for it.
"""

from dataclasses import dataclass, field
from typing import Any

from bpnet._typing import Array, Namespace
from bpnet.core import activations, feedforward, initializers
from bpnet.core.activations import Activation
from bpnet.core.initializers import Initializer
from bpnet.errors import InputError

Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Dense:
    """A fully connected layer, a^l = sigma(W^l a^(l-1) + b^l).

    Parameters
    ----------
    n_in, n_out : int
        Neurons of the layer below and of this one.
    activation : str or Activation
        sigma.
    init : str or Initializer, optional
        How the first weights are drawn; the default suits the activation.
    """

    n_in: int
    n_out: int
    activation: Activation = field(default="sigmoid")  # type: ignore[assignment]
    init: Initializer = field(default="auto")  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name in ("n_in", "n_out"):
            n = getattr(self, name)
            if isinstance(n, bool) or not isinstance(n, int) or n < 1:
                msg = f"a layer has {name} = {n!r} neurons; give a whole number of at least 1"
                raise InputError(msg)
        object.__setattr__(self, "activation", activations.get(self.activation))
        object.__setattr__(self, "init", initializers.get(self.init, self.activation))

    @property
    def shapes(self) -> Shapes:
        """Shapes of ``W`` and ``b``."""
        return (self.n_in, self.n_out), (self.n_out,)

    def forward(
        self, arrays: tuple[Array, ...], a: Array, *, xp: Namespace, key: Any = None
    ) -> tuple[Array, Any]:
        """Return a^l, ``(..., batch, n_out)``, and the cache."""
        W, b = arrays
        z = feedforward.weighted_input(W, b, a)
        a_out = feedforward.activate(self.activation, z, xp=xp)
        return a_out, (a, z, a_out)

    def error(self, dC_da: Array, cache: Any, *, xp: Namespace) -> Array:
        """Return delta^l, ``(..., batch, n_out)``."""
        _, z, a = cache
        return feedforward.hidden_error(self.activation, dC_da, z, a, xp=xp)

    def backward(
        self, arrays: tuple[Array, ...], cache: Any, delta: Array, below: bool, *, xp: Namespace
    ) -> tuple[tuple[Array, ...], Array | None]:
        """Return (dC/dW, dC/db) and dC/da^(l-1), ``(..., batch, n_in)``."""
        a = cache[0]
        dW = feedforward.weight_gradient(a, delta, xp=xp)
        db = feedforward.bias_gradient(delta, xp=xp)
        return (dW, db), feedforward.propagate(arrays[0], delta, xp=xp) if below else None

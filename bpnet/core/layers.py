"""Layers: ``forward`` returns what ``backward`` needs; state is passed, never kept.

A layer is a frozen dataclass with

* ``shapes``: the shapes of its arrays; ``averages``: how many of the last ones are not learned,
* ``forward(arrays, a, xp=, key=) -> (a, cache)``,
* ``error(dC_da, cache, xp=) -> delta``: from dC/da of its output to the error at its core,
* ``backward(arrays, cache, delta, below, xp=) -> (gradients, dC_da)``: dC/da of its input, or
  None where ``below`` is False and nobody asks for it; the last gradients of a layer with
  averages are what these follow.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

from bpnet._typing import Array, Namespace
from bpnet.arguments import finite_number
from bpnet.core import activations, feedforward, initializers, lookup, random
from bpnet.core.activations import Activation
from bpnet.core.feedforward import Parameters
from bpnet.core.initializers import Initializer
from bpnet.core.normalization import NORMS, BatchNorm, LayerNorm, Shapes
from bpnet.errors import InputError
from bpnet.public import listing

__all__ = ["LAYERS", "NORMS", "BatchNorm", "Dense", "Dropout", "LayerNorm"]
__dir__ = listing(__all__)

_MOST = 1 << 48
"""Weights that no layer has, and no library can make."""


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
    averages: ClassVar[int] = 0

    def __post_init__(self) -> None:
        for name in ("n_in", "n_out"):
            n = finite_number(getattr(self, name))
            if not isinstance(n, int) or n < 1:
                given = getattr(self, name)
                msg = f"a layer has {name} = {given!r} neurons; give a whole number of at least 1"
                raise InputError(msg)
            object.__setattr__(self, name, n)
        if self.n_in * self.n_out >= _MOST:
            msg = f"a layer has {self.n_in} times {self.n_out} weights, more than any memory holds"
            raise InputError(f"{msg}; give fewer neurons")
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
        z = feedforward.weighted_input(W, b, a, xp=xp)
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


@dataclass(frozen=True)
class Dropout:
    """Inverted dropout (Srivastava et al. 2014), while training only.

    A value is dropped with probability ``rate`` and the others are scaled up so that the mean
    stays; which ones is a function of seed, step, layer and example.

    Parameters
    ----------
    rate : float
        0 <= rate < 1, kept in steps of 2^-16.
    """

    rate: float
    start: ClassVar[tuple[float, ...]] = ()
    averages: ClassVar[int] = 0

    def __post_init__(self) -> None:
        rate = finite_number(self.rate)
        if rate is None or not 0 <= rate < 1 or random.drop_steps(rate) == 65536:
            msg = f"the dropout rate is {self.rate!r}; give a number from 0 to below 1"
            raise InputError(msg)
        object.__setattr__(self, "rate", rate)

    @property
    def shapes(self) -> Shapes:
        """No arrays."""
        return ()

    def forward(
        self, arrays: tuple[Array, ...], a: Array, *, xp: Namespace, key: Any = None
    ) -> tuple[Array, Any]:
        """Return ``a`` with dropped values, ``(..., batch, n)``, and the factors."""
        steps, scale = self.drops()
        if key is None or steps == 0:
            return a, None
        if key.drops:
            steps, scale = key.drops[key.layer]
        factors = xp.astype(random.keep_mask(key, a.shape[-1], steps, xp=xp), a.dtype)
        factors *= scale
        return a * factors, factors

    def drops(self) -> tuple[int, float]:
        """Return the rate in steps of 2^-16, and what the others are scaled up by."""
        steps = random.drop_steps(self.rate)
        return steps, 1 / (1 - steps / random.drop_steps(1))

    def error(self, dC_da: Array, cache: Any, *, xp: Namespace) -> Array:
        """Return ``dC_da`` itself: the core of this layer is its output."""
        return dC_da

    def backward(
        self, arrays: tuple[Array, ...], cache: Any, delta: Array, below: bool, *, xp: Namespace
    ) -> tuple[tuple[Array, ...], Array | None]:
        """Return no gradients and dC/da of the input, ``(..., batch, n)``; delta is donated."""
        if cache is not None:
            delta *= cache
        return (), delta


LAYERS: dict[str, type[Any]] = lookup.table(
    {"dense": Dense, "dropout": Dropout, "batch_norm": BatchNorm, "layer_norm": LayerNorm}
)
"""Every kind of layer by its name."""


def with_norm(layers: Sequence[Dense], norm: str | None) -> tuple[Any, ...]:
    """Dense layers with a normalization between each hidden one and its activation."""
    if norm is None:
        return tuple(layers)
    kind = lookup.by_name("norm", NORMS, norm)
    added: list[Any] = []
    for layer in layers[:-1]:
        added += [
            Dense(layer.n_in, layer.n_out, activations.Identity(), layer.init),
            kind(layer.n_out, layer.activation),
        ]
    return (*added, layers[-1])


def with_dropout(layers: Sequence[Any], rate: float) -> tuple[Any, ...]:
    """Layers with dropout after each hidden dense one, behind its normalization if it has one."""
    added: list[Any] = []
    for layer, above in pairwise(layers):
        added.append(layer)
        if not isinstance(layer, Dropout) and not isinstance(above, BatchNorm | LayerNorm):
            added.append(Dropout(rate))
    return (*added, layers[-1])


def differs_in_training(layers: Sequence[Any]) -> bool:
    """Whether a layer does something else in training: it draws at random, or sees the batch."""
    return draws(layers) or any(isinstance(layer, BatchNorm) for layer in layers)


def draws(layers: Sequence[Any]) -> bool:
    """Whether a layer draws at random."""
    return any(isinstance(layer, Dropout) and layer.rate > 0 for layer in layers)


def fixed(layers: Sequence[Any]) -> tuple[int, ...]:
    """How many of the last arrays of each layer no optimizer moves.

    They are the averages, and a shift, ``b`` or beta, that a batch normalization above takes away
    again. Such a shift has the gradient zero in training; what is computed for it is rounding
    noise, which Adam, RMSprop and Adagrad would scale up to whole steps.

    Examples
    --------
    >>> fixed(with_norm([Dense(4, 3, "relu"), Dense(3, 2)], "batch"))
    (1, 2, 0)
    """
    counts: list[int] = []
    centered = False  # whether what is above takes away a constant added to this layer's output
    for layer in reversed(layers):
        if isinstance(layer, Dropout):
            counts.append(0)
            centered = centered and random.drop_steps(layer.rate) == 0
            continue
        activation = getattr(layer, "activation", None)
        shift = centered and isinstance(activation, activations.Identity)
        counts.append(layer.averages + shift)
        centered = isinstance(layer, BatchNorm) or (shift and isinstance(layer, Dense))
    return tuple(reversed(counts))


def check_batch(layers: Sequence[Any], k: int) -> None:
    """Refuse batches of one example, in which a batch normalization finds no variance."""
    if k < 2 and any(layer.averages for layer in layers):
        msg = "batch normalization was given one example a batch, which has no variance; give a "
        raise InputError(f"{msg}batch_size of at least 2 and as many examples, or norm='layer'")


def learned(layers: Sequence[Any], parameters: Parameters) -> Parameters:
    """Arrays that an optimizer moves: all but those of :func:`fixed`."""
    pairs = zip(fixed(layers), parameters, strict=True)
    return tuple(arrays[: len(arrays) - count] for count, arrays in pairs)


def unlearned(layers: Sequence[Any], parameters: Parameters) -> Parameters:
    """Arrays that no optimizer moves: those of :func:`fixed`."""
    pairs = zip(fixed(layers), parameters, strict=True)
    return tuple(arrays[len(arrays) - count :] for count, arrays in pairs)


def after_step(layers: Sequence[Any], before: Parameters, seen: Parameters) -> Parameters:
    """Unlearned arrays after a step: shifts as before, averages moved.

    ``before`` are all arrays before the step, ``seen`` their gradients with what the averages
    follow.
    """
    found = []
    for layer, count, old, new in zip(layers, fixed(layers), before, seen, strict=True):
        n = len(old) - layer.averages
        pairs = zip(old[n:], new[n:], strict=True)
        averages = (p + layer.momentum * (q - p) for p, q in pairs)
        found.append((*old[len(old) - count : n], *averages))
    return tuple(found)


def describe(layer: Any) -> dict[str, Any]:
    """Kind and parameters of a layer, as plain data."""
    kind = next((name for name, known in LAYERS.items() if type(layer) is known), None)
    if kind is None:
        msg = f"{layer!r} is no layer of bpnet's own and can't be written to a file by name"
        raise InputError(msg)
    options = {f.name: getattr(layer, f.name) for f in dataclasses.fields(layer)}
    options.pop("init", None)
    if "activation" in options:
        options["activation"] = lookup.describe(layer.activation, activations.ACTIVATIONS)
    return {"kind": kind, **options}


def rebuild(described: Mapping[str, Any]) -> Any:
    """Layer that :func:`describe` described, of a kind and with parameters that are known."""
    options = {key: value for key, value in described.items() if key != "kind"}
    kind = lookup.by_name("layer", LAYERS, str(described.get("kind")))
    if "activation" in options:
        options["activation"] = lookup.rebuild(
            "activation", activations.ACTIVATIONS, options["activation"]
        )
    try:
        return kind(**options)
    except TypeError as error:
        msg = f"a layer of kind {described.get('kind')!r} does not take {sorted(options)}"
        raise InputError(msg) from error

"""Layers: ``forward`` returns the cache that ``backward`` needs; a layer keeps no state.

A layer is a frozen dataclass with

* ``shapes``: the shapes of its arrays; ``averages``: how many of the last ones are not learned,
* ``forward(arrays, a, xp=, key=) -> (a, cache)``,
* ``error(dC_da, cache, xp=) -> delta``: from dC/da of its output to the error at its core,
* ``backward(arrays, cache, delta, below, xp=) -> (gradients, dC_da)``: dC/da of its input, or
  None where ``below`` is False and no layer needs it; in place of the gradients of its averages
  a layer returns the new values that these follow.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

from bpnet._typing import Array, Namespace
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
"""Number of weights from which a layer fits into no memory."""


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
            message = f"a layer has {name} = {{!r}} neurons; give a whole number of at least 1"
            lookup.check_number(self, name, message, lambda n: n >= 1, int)
        if self.n_in * self.n_out >= _MOST:
            msg = f"a layer has {self.n_in} times {self.n_out} weights, more than any memory holds"
            raise InputError(f"{msg}; give fewer neurons")
        # a frozen dataclass can't assign to its fields; init is second, as its default needs sigma
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
    """Inverted dropout (Srivastava et al. 2014), in training only.

    A value is dropped with probability ``rate``, and the others are scaled up to keep the mean. The
    choice is a function of seed, step, layer and example.

    Parameters
    ----------
    rate : float
        0 <= rate < 1, rounded to a multiple of 2^-16.
    """

    rate: float
    start: ClassVar[tuple[float, ...]] = ()  # first value of each array, of which there are none
    averages: ClassVar[int] = 0

    def __post_init__(self) -> None:
        message = "the dropout rate is {!r}; give a number from 0 to below 1"
        # a rate below 1 may round to 1, for which the factor would be infinite
        full = random.drop_steps(1)
        lookup.check_number(
            self, "rate", message, lambda r: 0 <= r < 1 and random.drop_steps(r) < full
        )

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
        # rates that differ between members replace the layer's own
        if key.drops:
            steps, scale = key.drops[key.layer]
        factors = xp.astype(random.keep_mask(key, a.shape[-1], steps, xp=xp), a.dtype)
        factors *= scale
        return a * factors, factors

    def drops(self) -> tuple[int, float]:
        """Return the rate in steps of 2^-16, and the factor of the values that are kept."""
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
            # sigma moves behind the normalization, which is of z
            Dense(layer.n_in, layer.n_out, activations.Identity(), layer.init),
            kind(layer.n_out, layer.activation),
        ]
    return (*added, layers[-1])


def with_dropout(layers: Sequence[Any], rate: float) -> tuple[Any, ...]:
    """Layers with dropout after each hidden dense one, or after its normalization."""
    added: list[Any] = []
    # no dropout after the output layer, nor between a dense layer and its normalization
    for layer, above in pairwise(layers):
        added.append(layer)
        if not isinstance(layer, Dropout) and not isinstance(above, BatchNorm | LayerNorm):
            added.append(Dropout(rate))
    return (*added, layers[-1])


def differs_in_training(layers: Sequence[Any]) -> bool:
    """Whether a layer works in another way in training: dropout and batch normalization do."""
    return draws(layers) or any(isinstance(layer, BatchNorm) for layer in layers)


def draws(layers: Sequence[Any]) -> bool:
    """Whether a layer draws at random."""
    return any(isinstance(layer, Dropout) and layer.rate > 0 for layer in layers)


def fixed(layers: Sequence[Any]) -> tuple[int, ...]:
    """Number of the last arrays of each layer that the optimizer does not update.

    These are the averages, and a shift, ``b`` or beta, that a batch normalization above subtracts
    again. The gradient of such a shift is zero in training. Its computed value is rounding noise,
    which Adam, RMSprop and Adagrad would scale up to whole steps.

    Examples
    --------
    >>> fixed(with_norm([Dense(4, 3, "relu"), Dense(3, 2)], "batch"))
    (1, 2, 0)
    """
    counts: list[int] = []
    centered = False  # whether the layers above subtract a constant added to this layer's output
    for layer in reversed(layers):
        if isinstance(layer, Dropout):
            counts.append(0)
            # dropped values differ between examples, and a shift below is then no constant
            centered = centered and random.drop_steps(layer.rate) == 0
            continue
        activation = getattr(layer, "activation", None)
        # another sigma than the identity would turn the shift into something that varies
        shift = centered and isinstance(activation, activations.Identity)
        counts.append(layer.averages + shift)
        # a dense layer without sigma turns a constant into a constant; others need not
        centered = isinstance(layer, BatchNorm) or (shift and isinstance(layer, Dense))
    return tuple(reversed(counts))


def check_batch(layers: Sequence[Any], k: int) -> None:
    """Raise an InputError for batches of one example, if there is a batch normalization."""
    if k < 2 and any(layer.averages for layer in layers):
        msg = "batch normalization was given one example a batch, which has no variance; give a "
        raise InputError(f"{msg}batch_size of at least 2 and as many examples, or norm='layer'")


def learned(layers: Sequence[Any], parameters: Parameters) -> Parameters:
    """Arrays that an optimizer updates: all but those of :func:`fixed`."""
    pairs = zip(fixed(layers), parameters, strict=True)
    return tuple(arrays[: len(arrays) - count] for count, arrays in pairs)


def unlearned(layers: Sequence[Any], parameters: Parameters) -> Parameters:
    """Arrays that no optimizer updates: those of :func:`fixed`."""
    pairs = zip(fixed(layers), parameters, strict=True)
    return tuple(arrays[len(arrays) - count :] for count, arrays in pairs)


def after_step(layers: Sequence[Any], before: Parameters, gradients: Parameters) -> Parameters:
    """Unlearned arrays after a step: shifts as before, averages updated.

    ``before`` are all arrays before the step; ``gradients`` those of ``backward``, with the values
    that the averages follow.
    """
    after = []
    for layer, count, old, new in zip(layers, fixed(layers), before, gradients, strict=True):
        n = len(old) - layer.averages
        pairs = zip(old[n:], new[n:], strict=True)
        # the averages are last among the arrays, after the shift if that is fixed, too
        averages = (p + layer.momentum * (q - p) for p, q in pairs)
        after.append((*old[len(old) - count : n], *averages))
    return tuple(after)


def describe(layer: Any) -> dict[str, Any]:
    """Kind and parameters of a layer, as plain data."""
    kind = next((name for name, known in LAYERS.items() if type(layer) is known), None)
    if kind is None:
        msg = f"{layer!r} is no layer of bpnet's own and can't be written to a file by name"
        raise InputError(msg)
    options = {f.name: getattr(layer, f.name) for f in dataclasses.fields(layer)}
    # the weights are stored, so nobody needs to know how the first ones were drawn
    options.pop("init", None)
    if "activation" in options:
        options["activation"] = lookup.describe(layer.activation, activations.ACTIVATIONS)
    return {"kind": kind, **options}


def rebuild(described: Mapping[str, Any]) -> Any:
    """Layer from its description by :func:`describe`; unknown kinds and parameters are errors."""
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

"""Assembly of a network: layers from sizes, first parameters from initializers or arrays."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpnet import backends
from bpnet._typing import Array
from bpnet.backends import hardware
from bpnet.core import activations, initializers, layers
from bpnet.core.feedforward import Parameters
from bpnet.core.layers import Dense
from bpnet.data import batches, draws
from bpnet.errors import InputError


def layers_of(sizes: Sequence[Any], hidden: Any, output: Any, norm: str | None) -> tuple[Any, ...]:
    """Return the layers of a network: ``sizes`` if it has layers, or dense ones with ``norm``.

    An ``output`` of None is a softmax, for classes, or of one neuron the identity, for an amount.
    """
    if sizes and all(hasattr(layer, "forward") for layer in sizes):
        options = {"hidden": hidden, "output": output, "norm": norm}
        names = " and ".join(name for name, value in options.items() if value is not None)
        if names:
            msg = f"sizes is a list of layers, with activations and norms, and {names} was given"
            raise InputError(f"{msg} too; leave {names} out")
        return tuple(sizes)
    hidden = "relu" if hidden is None else hidden
    if len(sizes) < 2:
        msg = f"sizes is {sizes!r}; give at least an input and an output, such as [784, 30, 10]"
        raise InputError(msg)
    one_each = isinstance(hidden, Sequence) and not isinstance(hidden, str)
    if not one_each:
        activations.get(hidden)  # refuses an unknown name where no hidden layer would
    sigmas = [*hidden] if one_each else [hidden] * (len(sizes) - 2)
    if len(sigmas) != len(sizes) - 2:
        msg = f"hidden has {len(sigmas)} activations for {len(sizes) - 2} hidden layers; match them"
        raise InputError(msg)
    if output is None:
        output = "identity" if sizes[-1] == 1 else "softmax"
    dense = [
        Dense(n_in, n_out, sigma)
        for n_in, n_out, sigma in zip(sizes[:-1], sizes[1:], [*sigmas, output], strict=True)
    ]
    return layers.with_norm(dense, norm)


def check_chain(chain: Sequence[Any]) -> None:
    """Refuse a chain of layers in which a layer takes another width than its predecessor gives."""
    if not chain or not isinstance(chain[-1], Dense):
        msg = "the last layer must be Dense: its activation is the network's output"
        raise InputError(msg)
    dense = [layer for layer in chain if isinstance(layer, Dense)]
    width = dense[0].n_in
    for l, layer in enumerate(chain):
        # dropout has no width of its own
        n_in = getattr(layer, "n_in", getattr(layer, "n", width))
        if n_in != width:
            msg = f"layer {l} gives {width} values and layer {l + 1} takes {n_in}"
            raise InputError(f"{msg}; make them equal")
        width = getattr(layer, "n_out", width)
    for l, layer in enumerate(dense[:-1], start=1):
        if isinstance(layer.activation, activations.Softmax) and layer.n_out == 1:
            msg = f"hidden layer {l} is a softmax of one neuron, always 1; choose another"
            raise InputError(msg)
    if isinstance(dense[-1].activation, activations.Softmax) and dense[-1].n_out == 1:
        msg = "the output is a softmax of one neuron, always 1; use sigmoid for two classes"
        raise InputError(msg)


def _check_size(chain: Sequence[Any], rules: Sequence[Any]) -> None:
    """Refuse layers whose weights do not fit in memory, before any are drawn.

    Weights that are given as arrays are in memory already.
    """
    # the first weights are drawn in float64, of 8 bytes
    drawn = [l for l, rule in zip(chain, rules, strict=False) if not isinstance(rule, tuple | list)]
    count = sum(math.prod(shape) for layer in drawn for shape in getattr(layer, "shapes", ()))
    memory = hardware.memory()
    if memory is not None and 8 * count > memory:
        msg = f"the network has {count:,} weights, {8 * count / 1e9:,.0f} GB, and this machine"
        raise InputError(f"{msg} {memory / 1e9:,.0f} GB of memory; give smaller layers")


def first_parameters(chain: Sequence[Any], init: Any, seed: int) -> Parameters:
    """Return the first arrays of each layer: drawn, given, or the constants of a normalization.

    ``init`` is as in :class:`bpnet.Network`; the draws of a layer are a function of the seed and
    the layer's number.
    """
    one_each = isinstance(init, Sequence) and not isinstance(init, str)
    rules = [*init] if one_each else [init] * len(chain)
    dense = [isinstance(layer, Dense) for layer in chain]
    # one rule for each dense layer: the other layers have no choice
    if one_each and len(rules) == sum(dense):
        remaining = iter(rules)
        rules = [next(remaining) if has_weights else "auto" for has_weights in dense]
    if len(rules) != len(chain):
        msg = f"init has {len(rules)} entries for {len(chain)} layers; match them"
        raise InputError(msg)
    _check_size(chain, rules)
    return tuple(
        _draw(layer, rule, draws.HostDraw(draws.generator(seed, "weights", l)), l)
        for l, (layer, rule) in enumerate(zip(chain, rules, strict=True))
    )


def _draw(layer: Any, rule: Any, draw: draws.HostDraw, l: int) -> tuple[Array, ...]:
    if not isinstance(layer, Dense):
        return _constants(layer, rule, l)
    if isinstance(rule, tuple | list) and len(rule) == 2:
        W, b = (as_float(array, f"init[{l}]") for array in rule)
        if W.shape != layer.shapes[0][::-1] or b.shape != layer.shapes[1]:
            msg = f"init[{l}] has shapes {W.shape} and {b.shape}; layer {l} takes "
            raise InputError(msg + f"{layer.shapes[0][::-1]} and {layer.shapes[1]}")
        # core stores W transposed, (n_in, n_out)
        return np.ascontiguousarray(W.T), b
    make: Callable[..., Any] = (
        layer.init
        if isinstance(rule, str) and rule == "auto"
        else initializers.get(rule, layer.activation)
    )
    W, b = make(draw, layer.n_in, layer.n_out, xp=np)
    if (W.shape, b.shape) != layer.shapes:
        msg = f"the initializer of layer {l} gave shapes {W.shape} and {b.shape}; it must give "
        raise InputError(
            msg + f"{layer.shapes[0]} and {layer.shapes[1]}, (n_in, n_out) and (n_out,)"
        )
    return np.ascontiguousarray(W), b


def _constants(layer: Any, rule: Any, l: int) -> tuple[Array, ...]:
    """Return the arrays of a normalization: those given, or its constants."""
    if not isinstance(rule, tuple) or not rule:
        pairs = zip(layer.shapes, layer.start, strict=True)
        return tuple(np.full(shape, value) for shape, value in pairs)
    return checked_copies(layer, rule, l)


def checked_copies(layer: Any, arrays: Sequence[Array], l: int) -> tuple[Array, ...]:
    """Return copies of a layer's arrays.

    Refuse an array of another shape, of values that are not finite, or of variances below 0.
    """
    arrays = tuple(as_float(array, f"init[{l}]") for array in arrays)
    shapes = tuple(array.shape for array in arrays)
    if shapes != layer.shapes:
        msg = f"init[{l}] has shapes {shapes}; layer {l} takes {layer.shapes}"
        raise InputError(msg)
    if layer.averages and arrays[-1].min() < 0:
        msg = f"init[{l}] has the running variance {arrays[-1].min():g}; give 0 or more"
        raise InputError(msg)
    return arrays


def as_float(value: Array, name: str) -> np.ndarray[Any, Any]:
    """Return a NumPy copy of finite numbers: float32 of floats up to 32 bits, else float64."""
    array = np.array(backends.to_numpy(batches.as_array(value, name)))
    if array.dtype.name == "bfloat16":  # from ml_dtypes; NumPy sees bytes
        array = array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        msg = f"{name} was given {array.dtype}; give real numbers"
        raise InputError(msg)
    # whole numbers may need float64 to be exact
    is_narrow = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    array = array.astype(np.float32 if is_narrow else np.float64, copy=False)
    if not np.isfinite(array).all():
        msg = f"{name} has a value that is not finite; give finite numbers"
        raise InputError(msg)
    return array

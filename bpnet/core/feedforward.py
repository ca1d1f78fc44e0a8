"""The network forward and backward: feedforward, backpropagation and the gradients.

A layer (see :mod:`bpnet.core.layers`) has ``forward``, ``error`` and ``backward``; the last
one is dense and its activation belongs to the cost, which starts from z^L.
"""

from collections.abc import Sequence
from typing import Any

from bpnet._typing import Array, Namespace
from bpnet.core import costs, special
from bpnet.core.activations import Activation
from bpnet.core.costs import Cost

Parameters = tuple[tuple[Array, ...], ...]
"""For each layer its arrays: ``(W, b)`` of a dense one, ``()`` of one that learns nothing."""


def weighted_input(W: Array, b: Array, a: Array, *, xp: Namespace) -> Array:
    """z^l = W^l a^(l-1) + b^l, of one layer, ``(..., batch, n_out)``.

    ``W``, (..., n_in, n_out), is the transpose of the paper's, so that the product runs along
    memory; ``b`` is (..., n_out), and ``a``, (..., batch, n_in), the output of the layer below.

    Equations: (12), (13).
    """
    z = xp.matmul(a, W)
    # the product is a new array, which may be written to
    z += b[..., None, :]
    return z


def activate(activation: Activation, z: Array, *, xp: Namespace) -> Array:
    """a^l = sigma(z^l), ``(..., batch, n)`` like ``z``.

    The paper's (10) prints the sum outside sigma; (12)-(14) are right and are what is computed.

    Equations: (10), (11), (14).
    """
    return activation.sigma(z, xp=xp)


def hidden_error(activation: Activation, dC_da: Array, z: Array, a: Array, *, xp: Namespace) -> Any:
    """delta^l = ((W^(l+1))^T delta^(l+1)) * sigma'(z^l), the error of a hidden layer.

    ``dC_da``, the first factor of (22), is from :func:`propagate` of the layer above, and donated.
    It, layer l's ``z`` and ``a``, and the result dC/dz^l are (..., batch, n).

    Equations: (15), (18)-(22).
    """
    return activation.backward(dC_da, z, a, xp=xp)


def propagate(W: Array, delta: Array, *, xp: Namespace) -> Array:
    """dC/da^(l-1) = (W^l)^T delta^l, ``(..., batch, n_in)``: the error carried one layer down."""
    return xp.matmul(delta, xp.matrix_transpose(W))


def bias_gradient(delta: Array, *, xp: Namespace) -> Array:
    """dC/db^l = delta^l, summed over the batch, ``(..., n_out)``.

    The paper prints a_j^(l-1) under the sum of (23); it is a_k^(l-1).

    Equation: (23).
    """
    return special.accumulate(delta, axis=-2, xp=xp)


def weight_gradient(a: Array, delta: Array, *, xp: Namespace) -> Array:
    """dC/dw_jk^l = delta_j^l a_k^(l-1), summed over the batch, ``(..., n_in, n_out)``.

    Equation: (24).
    """
    return xp.matmul(xp.matrix_transpose(a), delta)


def batch_error(
    delta: Array, weights: Array | None = None, total: Any = None, *, xp: Namespace
) -> Array:
    """Each example's error with its share in the batch: 1/k, or its weight over their sum.

    The gradient of a mini-batch is the mean of its examples' gradients, so dividing delta^L,
    (..., batch, n), which is donated, once makes every sum over the batch that follows a mean.
    ``total`` is the size or weight of the batch that these examples are a part of; the default is
    theirs.

    Equation: (6).
    """
    if weights is None:
        # divided here once, and not each gradient after its sum over the batch
        delta /= delta.shape[-2] if total is None else total
    else:
        total = xp.sum(weights, axis=-1, keepdims=True) if total is None else total
        delta *= (weights / special.or_one(total, xp=xp))[..., None]
    return delta


def forward(
    layers: Sequence[Any], parameters: Parameters, x: Array, *, xp: Namespace, key: Any = None
) -> tuple[Array, list[Any]]:
    """Feedforward up to z^L, with the caches that each layer's ``backward`` needs.

    Parameters
    ----------
    layers : sequence of layers
        The last one dense.
    parameters : tuple of tuples of arrays
        For each layer, ``W`` of shape (..., n_in, n_out) and ``b`` of shape (..., n_out).
    x : array, (..., batch, n_0)
        Examples.
    key : random.Key, optional
        Key of the random numbers of dropout; None when not training.

    Returns
    -------
    z : array, (..., batch, n_L)
        Weighted input of the output layer.
    caches : list
        One entry a layer.
    """
    a, caches = x, []
    for l, (layer, arrays) in enumerate(zip(layers[:-1], parameters[:-1], strict=True)):
        at = None if key is None else key.at(l)
        a, cache = layer.forward(arrays, a, xp=xp, key=at)
        caches.append(cache)
    # sigma of the output layer is left to the cost, which is computed from z^L
    W, b = parameters[-1]
    # backward of the last layer reads its input alone; costs have z and a of their own
    return weighted_input(W, b, a, xp=xp), [*caches, (a,)]


def feedforward(layers: Sequence[Any], parameters: Parameters, x: Array, *, xp: Namespace) -> Any:
    """a^L, the network's output for ``x``, ``(..., batch, n_L)``."""
    z, _ = forward(layers, parameters, x, xp=xp)
    return activate(layers[-1].activation, z, xp=xp)


def backprop(
    layers: Sequence[Any], parameters: Parameters, caches: Sequence[Any], delta: Array,
    *, xp: Namespace,
) -> Parameters:  # fmt: skip
    """Gradients of all parameters, shaped like these, from the error of the output layer.

    ``delta`` is delta^L, (..., batch, n_L), each example with its share of the mean
    (:func:`batch_error`); the caches are those of :func:`forward`.
    """
    gradients: list[tuple[Array, ...]] = [()] * len(layers)
    for l in reversed(range(len(layers))):
        # nothing needs the gradient of the examples, so the lowest layer saves the product for it
        gradients[l], dC_da = layers[l].backward(parameters[l], caches[l], delta, l > 0, xp=xp)
        if l > 0:
            delta = layers[l - 1].error(dC_da, caches[l - 1], xp=xp)
    return tuple(gradients)


def cost_and_gradients(
    layers: Sequence[Any], parameters: Parameters, x: Array, y: Array, cost: Cost,
    weights: Array | None = None, total: Any = None, *, xp: Namespace, key: Any = None,
) -> tuple[Array, Array, Parameters]:  # fmt: skip
    """One pass forward and one back.

    Parameters
    ----------
    layers, parameters, x, key
        As in :func:`forward`.
    y : array, (..., batch, n_L)
        Targets.
    cost : Cost
        ``value`` and ``delta``.
    weights, total : optional
        As in :func:`batch_error`.

    Returns
    -------
    z : array, (..., batch, n_L)
        Weighted input of the output layer.
    values : array, (..., batch)
        Cost of each example.
    gradients : tuple of tuples of arrays
        Of the mean cost of the batch, shaped like the parameters.
    """
    z, caches = forward(layers, parameters, x, xp=xp, key=key)
    output = layers[-1].activation
    values, delta = costs.value_and_delta(cost, z, y, output, xp=xp)
    delta = batch_error(delta, weights, total, xp=xp)
    return z, values, backprop(layers, parameters, caches, delta, xp=xp)

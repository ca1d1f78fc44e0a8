"""Nothing is written to that is not documented as donated; the strictest namespace is enough."""

import itertools

import array_api_compat.numpy as xp
import numpy as np
import pytest

from bpnet import backends
from bpnet.core import (
    activations,
    costs,
    descent,
    feedforward,
    initializers,
    layers,
    metrics,
    optimizers,
    random,
    regularizers,
    special,
)
from tests.core import oracles
from tests.core.oracles import ACTIVATIONS, BOUND, PAIRS


def locked(a, dtype=float):
    """An array that refuses to be written to."""
    a = np.array(a, dtype=dtype)
    a.flags.writeable = False
    return a


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_a_pass_forward_and_back_writes_to_none_of_its_arguments(hidden):
    for cost, output in PAIRS:
        case, _, desired = oracles.exact(hidden, output, cost)
        parameters = tuple((locked(W), locked(b)) for W, b in case.parameters)
        x, y, weights = locked(case.x), locked(case.y), locked(np.ones(len(case.x)))
        z, _, slopes = feedforward.cost_and_gradients(
            case.layers, parameters, x, y, case.cost, weights, xp=xp
        )
        assert oracles.distance([g for pair in slopes for g in pair], desired) < BOUND["float64"]
        again, _ = feedforward.forward(case.layers, parameters, x, xp=xp)
        np.testing.assert_array_equal(z, again)  # nor does the way back write to z
        case.cost.value(locked(z), y, case.layers[-1].activation, xp=xp)
        delta = locked(case.cost.delta(locked(z), y, case.layers[-1].activation, xp=xp))
        _, caches = feedforward.forward(case.layers, parameters, x, xp=xp)
        feedforward.backprop(case.layers, parameters, caches, delta, xp=xp)
        feedforward.feedforward(case.layers, parameters, x, xp=xp)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_write_to_none_of_their_arguments(name, rng):
    """dC_da alone is donated."""
    sigma = activations.get(name)
    z = locked(rng.normal(size=(4, 3)))
    a = locked(sigma.sigma(z, xp=xp))
    sigma.backward(rng.normal(size=(4, 3)), z, a, xp=xp)


def test_other_functions_write_to_none_of_their_arguments(rng):
    z = locked(rng.normal(size=(4, 3)))
    for f in (
        special.erfc,
        special.normal_cdf,
        special.normal_pdf,
        special.softplus,
        special.positive_part,
    ):
        f(z, xp=xp)
    special.logsumexp(z, xp=xp)
    special.accumulate(z, axis=0, xp=xp)
    classes = locked(range(3), np.int32)
    special.one_hot(locked([0, 2], int), classes, np.float64, xp=xp)
    special.argmax(z, classes, xp=xp)
    for kind in ("class", "threshold"):
        metrics.count_correct(z, locked(np.eye(3)[[0, 1, 2, 0]]), classes, kind, 0.0, xp=xp)
    metrics.r2(z, locked(rng.normal(size=(4, 3))))
    costs.mean_cost(locked(np.ones(4)), locked(np.ones(4)), xp=xp)
    W, b, a = locked(rng.normal(size=(3, 2))), locked(rng.normal(size=2)), z
    delta = locked(feedforward.weighted_input(W, b, a, xp=xp))
    feedforward.propagate(W, delta, xp=xp)
    feedforward.bias_gradient(delta, xp=xp)
    feedforward.weight_gradient(a, delta, xp=xp)
    feedforward.batch_error(np.array(delta), locked(np.ones(4)), xp=xp)  # delta is donated
    descent.directional_derivative(z, z)
    descent.steepest_descent(z)
    descent.gradient_descent(lambda w: 2 * w, z, eta=0.1, steps=3)
    random.keep_mask(random.Key((1, 2), locked(range(4), np.int32)), 5, 1 << 15, xp=xp)


def test_dropout_writes_to_none_of_its_arguments(rng):
    """Delta alone is donated."""
    layer, key = layers.Dropout(0.5), random.Key((1, 2), locked(range(4), np.int32))
    a, dC_da = locked(rng.normal(size=(4, 3))), locked(rng.normal(size=(4, 3)))
    for at in (key, None):
        _, cache = layer.forward((), a, xp=xp, key=at)
        layer.backward((), cache, np.array(layer.error(dC_da, cache, xp=xp)), True, xp=xp)


def test_regularization_donates_gradients_only(rng):
    parameters = ((locked(rng.normal(size=(3, 2))), locked(rng.normal(size=2))), ())
    gradients = ((np.ones((3, 2)), np.ones(2)), ())
    regularizers.l2_cost(parameters, 0.5, 10, xp=xp)
    regularizers.l2_gradient(parameters, gradients, 0.5, 10)


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_optimizers_start_without_writing(name, rng):
    """``update`` is given its arrays to write to; ``init`` is not."""
    p = locked(rng.normal(size=(3, 2)))
    for slot in optimizers.get(name).init(p, xp=xp):
        assert slot.flags.writeable
        assert not slot.any()


class Locked:
    """Draws that may not be written to."""

    def normal(self, shape):
        return locked(np.random.default_rng(1).normal(size=shape))

    def uniform(self, shape):
        return locked(np.random.default_rng(1).uniform(-1, 1, shape))


@pytest.mark.parametrize("name", initializers.INITIALIZERS)
def test_initializers_do_not_write_to_draws(name):
    initializers.INITIALIZERS[name](Locked(), 4, 3, xp=xp)


@pytest.mark.parametrize("version", ["2023.12", "2024.12"])
def test_the_standard_at_its_strictest_is_enough(version):
    """No boolean indexing, no shape that depends on data, no extension, an old version.

    Every activation, every cost, every optimizer, L2 and dropout.
    """
    strict = pytest.importorskip("array_api_strict")
    flags = strict.ArrayAPIStrictFlags(
        api_version=version,
        boolean_indexing=False,
        data_dependent_shapes=False,
        enabled_extensions=(),
    )
    backend = backends.get("array_api_strict:device1")
    with flags:
        for i, (cost, output) in enumerate(PAIRS):
            case, _, desired = oracles.exact(ACTIVATIONS[i % len(ACTIVATIONS)], output, cost)
            _, actual = oracles.gradients(backend, case, "float64")
            assert oracles.distance(actual, desired) < BOUND["float64"]
        rows = backend.asarray(np.arange(4, dtype=np.int32))
        key = random.Key(random.step_words(1, 4, 2), rows)
        case, _, _ = oracles.exact("tanh", "softmax", "cross_entropy")
        parameters, x, y = case.on(backend, "float64")
        hidden, output = case.layers
        net, arrays = layers.with_dropout((hidden, output), 0.3), (parameters[0], (), parameters[1])
        _, _, slopes = feedforward.cost_and_gradients(
            net, arrays, x, y, case.cost, xp=strict, key=key
        )
        slopes = regularizers.l2_gradient(arrays, slopes, 0.1, 10)
        regularizers.l2_cost(arrays, 0.1, 10, xp=strict)
        for name in optimizers.OPTIMIZERS:
            optimizer = optimizers.get(name)
            state = optimizers.init(optimizer, arrays, xp=strict)
            copies = [
                tuple(tuple(strict.asarray(a, copy=True) for a in layer) for layer in tree)
                for tree in (arrays, slopes)
            ]
            numbers = optimizer.coefficients(1, 0.1)
            moved, _ = optimizers.update(optimizer, *copies, state, numbers, xp=strict)
            for p, q in zip(itertools.chain(*moved), itertools.chain(*arrays), strict=True):
                assert backends.of(p) == backend
                assert p.dtype == q.dtype
                assert p.shape == q.shape

"""Leading axes are members: a stack of networks gives what each alone gives."""

import itertools

import numpy as np
import pytest

from bpnet.core import (
    activations,
    costs,
    descent,
    feedforward,
    layers,
    metrics,
    optimizers,
    random,
    regularizers,
    special,
)
from tests.core import oracles
from tests.core.oracles import ACTIVATIONS, PAIRS

MEMBERS, BATCH, N = 3, 5, 4
BOUND = {"float64": 1e-14, "float32": 1e-6}


@pytest.fixture
def numbers():
    return np.random.default_rng(11)


class Stack:
    """Computes on a stack and on each member alone, and compares."""

    def __init__(self, backend):
        self.backend, self.dtype = backend, backend.dtypes()[0]

    def put(self, a):
        # copies: some of what is compared here writes to donated arrays
        return self.backend.asarray(np.array(a, float), dtype=self.dtype, copy=True)

    def compare(self, f, *stacked, shared=()):
        """``f`` of all members at once against ``f`` of each; ``shared`` has no member axis."""
        with self.backend.session(self.dtype):
            common = [self.put(a) for a in shared]
            whole = self._host(f(*map(self.put, stacked), *common))
            for i in range(MEMBERS):
                common = [self.put(a) for a in shared]
                alone = self._host(f(*(self.put(a[i]) for a in stacked), *common))
                assert oracles.distance([w[i] for w in whole], alone) <= BOUND[self.dtype]

    def _host(self, arrays):
        arrays = arrays if isinstance(arrays, list | tuple) else [arrays]
        return [self.backend.to_numpy(a) for a in arrays]


@pytest.fixture
def stack(backend):
    return Stack(backend)


def weights(rng, *sizes):
    """W and b of each layer, with a leading axis of members, in one flat list."""
    return [
        rng.normal(0, 1, shape)
        for n_in, n_out in itertools.pairwise(sizes)
        for shape in ((MEMBERS, n_in, n_out), (MEMBERS, n_out))
    ]


def paired(arrays):
    return tuple(zip(arrays[::2], arrays[1::2], strict=True))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(stack, numbers, name):
    sigma, xp = activations.get(name), stack.backend.xp

    def both(z, dC_da):
        a = sigma.sigma(z, xp=xp)
        return a, sigma.backward(dC_da, z, a, xp=xp)

    stack.compare(both, *numbers.normal(0, 2, (2, MEMBERS, BATCH, N)))


@pytest.mark.parametrize(("cost", "output"), PAIRS)
def test_cost(stack, numbers, cost, output):
    sigma, xp = activations.get(output), stack.backend.xp
    C = costs.get(cost, sigma)
    z = numbers.normal(0, 1, (MEMBERS, BATCH, N))
    y = oracles.targets(cost, output, (BATCH, N), numbers)

    def both(z, y):
        values = C.value(z, y, sigma, xp=xp)
        return values, costs.mean_cost(values, xp=xp), C.delta(z, y, sigma, xp=xp)

    stack.compare(both, z, shared=[y])


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_optimizer(stack, numbers, name):
    optimizer, xp = optimizers.get(name), stack.backend.xp

    def three_steps(p, *gradients):
        slots = optimizer.init(p, xp=xp)
        for t, g in enumerate(gradients, start=1):
            coefficients = optimizer.coefficients(t, 0.1)
            p, slots = optimizer.update(p, g, slots, coefficients, xp=xp)
        return p, *slots

    stack.compare(three_steps, *numbers.normal(0, 1, (4, MEMBERS, N, 2)))


@pytest.mark.parametrize("shared", [False, True], ids=["each its batch", "one batch"])
@pytest.mark.parametrize("hidden", ["tanh", "softmax"])
def test_backprop(stack, numbers, hidden, shared):
    """The whole pass, with a batch for each member or one for all."""
    xp = stack.backend.xp
    net = (layers.Dense(N, 6, hidden), layers.Dense(6, 3, "softmax"))

    def everything(*arrays):
        *flat, x, y = arrays
        parameters = paired(flat)
        z, values, gradients = feedforward.cost_and_gradients(
            net, parameters, x, y, costs.CrossEntropy(), xp=xp
        )
        slopes = regularizers.l2_gradient(parameters, gradients, 0.3, 50)
        penalty = regularizers.l2_cost(parameters, 0.3, 50, xp=xp)
        output = feedforward.feedforward(net, parameters, x, xp=xp)
        return z, values, output, penalty, *(g for pair in slopes for g in pair)

    lead = () if shared else (MEMBERS,)
    x, y = numbers.normal(0, 1, (*lead, BATCH, N)), numbers.dirichlet([1] * 3, (*lead, BATCH))
    if shared:
        stack.compare(everything, *weights(numbers, N, 6, 3), shared=[x, y])
    else:
        stack.compare(everything, *weights(numbers, N, 6, 3), x, y)


def test_dense_layer(stack, numbers):
    layer, xp = layers.Dense(N, 3, "tanh"), stack.backend.xp

    def there_and_back(W, b, a, dC_da):
        out, cache = layer.forward((W, b), a, xp=xp)
        delta = layer.error(dC_da, cache, xp=xp)
        (dW, db), below = layer.backward((W, b), cache, delta, True, xp=xp)
        return out, delta, dW, db, below

    a = numbers.normal(0, 1, (MEMBERS, BATCH, N))
    dC_da = numbers.normal(0, 1, (MEMBERS, BATCH, 3))
    stack.compare(there_and_back, *weights(numbers, N, 3), a, dC_da)


def test_dropout_layer(stack, numbers):
    """All members drop the same values of an example."""
    layer, xp = layers.Dropout(0.4), stack.backend.xp
    rows = stack.backend.asarray(np.arange(BATCH, dtype=np.int32))
    key = random.Key(random.step_words(3, 4, 0), rows)

    def there_and_back(a, dC_da):
        out, cache = layer.forward((), a, xp=xp, key=key)
        delta = layer.error(dC_da, cache, xp=xp)
        return out, layer.backward((), cache, delta, True, xp=xp)[1]

    stack.compare(there_and_back, *numbers.normal(0, 1, (2, MEMBERS, BATCH, N)))


def test_weights_of_examples(stack, numbers):
    xp = stack.backend.xp
    stack.compare(
        lambda delta, weights: feedforward.batch_error(delta, weights, xp=xp),
        numbers.normal(0, 1, (MEMBERS, BATCH, N)),
        shared=[numbers.uniform(0, 1, BATCH)],
    )


def test_special_functions(stack, numbers):
    xp = stack.backend.xp
    for f in (special.erfc, special.normal_cdf, special.softplus, special.logsumexp):
        stack.compare(lambda z, f=f: f(z, xp=xp), numbers.normal(0, 2, (MEMBERS, BATCH, N)))


def test_descent(stack, numbers):
    gradient, v = numbers.normal(0, 1, (2, MEMBERS, N))
    stack.compare(descent.directional_derivative, gradient, v)
    stack.compare(descent.steepest_descent, gradient)


@pytest.mark.parametrize("kind", ["class", "threshold"])
def test_count_of_right_answers(stack, numbers, kind):
    xp = stack.backend.xp
    z = numbers.normal(0, 1, (MEMBERS, BATCH, N))
    y = np.eye(N)[numbers.integers(0, N, (MEMBERS, BATCH))]
    classes = stack.backend.asarray(np.arange(N), dtype=stack.backend.index_dtype)
    stack.compare(lambda z, y: metrics.count_correct(z, y, classes, kind, 0.0, xp=xp), z, y)

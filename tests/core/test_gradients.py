"""Backpropagation against reference.py and central differences: every sigma with every cost."""

import itertools

import numpy as np
import pytest

from bpnet.core import activations, costs
from bpnet.core.layers import Dense
from bpnet.errors import InputError
from tests.core import oracles
from tests.core.oracles import ACTIVATIONS, BOUND, PAIRS

COMBINATIONS = [
    pytest.param(hidden, cost, id=f"{hidden}-{cost}")
    for hidden, cost in itertools.product(ACTIVATIONS, costs.COSTS)
]


def outputs_of(backend, hidden, cost):
    """Outputs to try with a cost; on slow dpnp each is tried behind one hidden sigma in six."""
    outputs = [output for name, output in PAIRS if name == cost]
    if backend.name != "dpnp":
        return outputs
    i = ACTIVATIONS.index(hidden)
    return [o for o in outputs if (i + ACTIVATIONS.index(o)) % 6 == 0]


def best_dtype(backend):
    """float64, or float32 where the device has no more."""
    return backend.dtypes()[0]


@pytest.mark.parametrize(("hidden", "cost"), COMBINATIONS)
def test_gradients_are_those_of_the_paper_in_plain_python(backend, hidden, cost):
    dtype = best_dtype(backend)
    for output in outputs_of(backend, hidden, cost):
        case, C, desired = oracles.exact(hidden, output, cost)
        value, actual = oracles.gradients(backend, case, dtype)
        assert value == pytest.approx(C, rel=BOUND[dtype]), output
        assert oracles.distance(actual, desired) < BOUND[dtype], output


@pytest.mark.parametrize(("hidden", "cost"), COMBINATIONS)
def test_gradients_are_central_differences_of_the_cost(backend, hidden, cost):
    if best_dtype(backend) != "float64":
        pytest.skip("differences need float64")
    for output in outputs_of(backend, hidden, cost):
        case, _, _ = oracles.exact(hidden, output, cost)
        _, gradients = oracles.gradients(backend, case, "float64")
        slopes = oracles.central_differences(backend, case, oracles.every_axis(case.parameters))
        assert oracles.distance(gradients, oracles.split(slopes, gradients)) < 1e-7, output


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_gradients_in_fewer_bits(backend, hidden, dtype):
    """All costs and outputs; the case holds numbers that each of the dtypes has exactly."""
    if dtype not in backend.dtypes():
        pytest.skip(f"{backend.spec} has no {dtype}")
    for cost in costs.COSTS:
        for output in outputs_of(backend, hidden, cost):
            case, C, desired = oracles.exact(hidden, output, cost)
            value, actual = oracles.gradients(backend, case, dtype)
            assert oracles.distance(actual, desired) < BOUND[dtype], (cost, output)
            assert value == pytest.approx(C, rel=BOUND[dtype]), (cost, output)


@pytest.mark.parametrize(
    ("hidden", "output", "cost"),
    [
        ("sigmoid", "sigmoid", "quadratic"),
        ("tanh", "softmax", "cross_entropy"),
        ("gelu", "exp", "poisson"),
        ("softmax", "identity", "huber"),
    ],
)
def test_a_larger_network_along_random_directions(backend, hidden, output, cost):
    if best_dtype(backend) != "float64":
        pytest.skip("differences need float64")
    rng = np.random.default_rng(7)
    sizes = (30, 20, 25, 10)
    parameters = tuple(
        (rng.normal(0, n_in**-0.5, (n_in, n_out)), rng.normal(0, 0.3, n_out))
        for n_in, n_out in itertools.pairwise(sizes)
    )
    x, y = rng.normal(0, 1, (16, 30)), oracles.targets(cost, output, (16, 10), rng)
    case = oracles.Case(hidden, output, cost, parameters, x, y)
    directions = tuple(tuple(rng.normal(0, 1, (8, *p.shape)) for p in pair) for pair in parameters)
    _, gradients = oracles.gradients(backend, case, "float64")
    along = sum(
        np.sum(v * g, axis=tuple(range(1, v.ndim)))
        for v, g in zip(itertools.chain(*directions), gradients, strict=True)
    )
    slopes = oracles.central_differences(backend, case, directions)
    assert oracles.distance([along], [slopes]) < 1e-7


def test_weights_of_examples_weigh_the_gradients(backend):
    """Weights 2 and 0 give what counting an example twice and leaving one out gives."""
    from bpnet.core import feedforward

    case, _, _ = oracles.exact("tanh", "softmax", "cross_entropy")
    dtype = best_dtype(backend)
    chosen = [0, 0, 1, 3]
    twice = oracles.Case(
        case.hidden, case.output, case.cost_name, case.parameters, case.x[chosen], case.y[chosen]
    )
    C, desired = oracles.gradients(backend, twice, dtype)
    with backend.session(dtype):
        parameters, x, y = case.on(backend, dtype)
        weights = backend.asarray(np.asarray([2.0, 1.0, 0.0, 1.0]), dtype=dtype)
        _, values, slopes = feedforward.cost_and_gradients(
            case.layers, parameters, x, y, case.cost, weights, xp=backend.xp
        )
        mean = backend.to_numpy(costs.mean_cost(values, weights, xp=backend.xp))
        actual = [backend.to_numpy(g) for pair in slopes for g in pair]
    assert oracles.distance(actual, desired) < BOUND[dtype]
    assert float(mean) == pytest.approx(C, rel=BOUND[dtype])


@pytest.mark.parametrize("cost", costs.COSTS)
@pytest.mark.parametrize("output", ACTIVATIONS)
def test_a_cost_is_taken_or_refused_by_the_output(cost, output):
    sigma = activations.get(output)
    if (cost, output) in PAIRS:
        assert type(costs.get(cost, sigma)) is costs.COSTS[cost]
        return
    with pytest.raises(InputError) as refusal:
        costs.get(cost, sigma)
    message = str(refusal.value)
    assert costs.COSTS[cost].__name__ in message
    assert type(sigma).__name__ in message
    assert "\n" not in message
    for name, allowed in PAIRS:  # the cure: which outputs would do
        if name == cost:
            assert activations.ACTIVATIONS[allowed].__name__ in message


class Cubic:
    """A user's cost, C_x = sum_j |a_j - y_j|^3 / 3 for identity outputs, that knows no xp."""

    def value(self, z, y, output):
        return (abs(z - y) ** 3 / 3).sum(-1)

    def delta(self, z, y, output):
        return abs(z - y) * (z - y)


def test_a_cost_of_the_user_is_taken():
    from bpnet.backends.numpy import NumPy

    case, _, _ = oracles.exact("tanh", "identity", "quadratic")
    mine = oracles.Case(case.hidden, case.output, Cubic(), case.parameters, case.x, case.y)
    _, gradients = oracles.gradients(NumPy(), mine, "float64")
    slopes = oracles.central_differences(NumPy(), mine, oracles.every_axis(mine.parameters))
    assert oracles.distance(gradients, oracles.split(slopes, gradients)) < 1e-7


@pytest.mark.parametrize("thing", [3, None, object(), type("Half", (), {"value": print})()])
def test_what_is_no_cost_is_refused(thing):
    with pytest.raises(InputError, match="value and delta"):
        costs.get(thing, activations.get("identity"))


def test_the_error_stops_at_the_input():
    """``backward`` of the first layer computes no dC/dx that nobody asks for."""
    layer = Dense(3, 2, "tanh")
    rng = np.random.default_rng(0)
    import array_api_compat.numpy as xp

    arrays = rng.normal(size=(3, 2)), rng.normal(size=2)
    _, cache = layer.forward(arrays, rng.normal(size=(4, 3)), xp=xp)
    delta = rng.normal(size=(4, 2))
    assert layer.backward(arrays, cache, delta, False, xp=xp)[1] is None
    _, below = layer.backward(arrays, cache, delta, True, xp=xp)
    np.testing.assert_allclose(below, delta @ arrays[0].T, rtol=1e-14)

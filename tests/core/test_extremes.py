"""Very large, very small and no numbers: no overflow on the way to a result that fits."""

import math

import array_api_compat.numpy as xp
import numpy as np
import pytest

from bpnet.core import activations, costs
from tests.core.oracles import ACTIVATIONS, PAIRS

DTYPES = ("float64", "float32", "float16")


def finite(dtype):
    """Numbers of each size, zeros and subnormals of both signs."""
    info = np.finfo(dtype)
    large = min(1e38, float(info.max) * 0.9)
    sizes = [large, 1e4, 700.0, 88.0, 11.0, 1.0, 1e-3, info.tiny, info.smallest_subnormal, 0.0]
    return np.asarray([s * v for v in sizes for s in (1, -1)], dtype=dtype)


def loudly():
    """Whatever NumPy can warn of is an error, but that a number is too small to tell from 0."""
    return np.errstate(over="raise", invalid="raise", divide="raise", under="ignore")


def both_ways(name, z, dC_da=None):
    sigma = activations.get(name)
    a = sigma.sigma(z, xp=xp)
    dC_da = np.ones_like(z) if dC_da is None else dC_da
    return a, sigma.backward(dC_da, z, a, xp=xp)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_extreme_numbers(name, dtype):
    z = finite(dtype)
    if name == "softmax":  # each extreme beside a 0
        z = np.stack([z, np.zeros_like(z)], axis=-1)
    with loudly():
        a, slope = both_ways(name, z)
    assert a.dtype == slope.dtype == np.dtype(dtype)
    assert np.isfinite(a).all()
    assert np.isfinite(slope).all()


# sigma and sigma' at -inf and at +inf; exp is held at a large finite number
LIMITS = {
    "identity": (-math.inf, math.inf, 1, 1),
    "sigmoid": (0, 1, 0, 0),
    "tanh": (-1, 1, 0, 0),
    "relu": (0, math.inf, 0, 1),
    "leaky_relu": (-math.inf, math.inf, 0.01, 1),
    "elu": (-1, math.inf, 0, 1),
    "selu": (-1.7580993408473766, math.inf, 0, 1.0507009873554805),
    "softplus": (0, math.inf, 0, 1),
    "gelu": (0, math.inf, 0, 1),
    "silu": (0, math.inf, 0, 1),
    "exp": (0, None, 0, None),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LIMITS)
def test_activations_at_infinity(name, dtype):
    with loudly():
        a, slope = both_ways(name, np.asarray([-math.inf, math.inf], dtype=dtype))
    for actual, limit in zip([*a, *slope], LIMITS[name], strict=True):
        if limit is None:
            assert 0.5 * math.log(np.finfo(dtype).max) < math.log(actual) < math.inf
        else:
            assert float(actual) == pytest.approx(limit, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_nan_stays_nan_and_keeps_to_its_row(name, dtype):
    z = np.asarray([[math.nan, 1.0], [0.5, -0.5]], dtype=dtype)
    with loudly():
        a, slope = both_ways(name, z)
    assert np.isnan(a[0, 0])
    assert np.isfinite(a[1]).all()
    assert np.isfinite(slope[1]).all()


def test_nan_stays_nan_on_every_backend(backend):
    dtype = backend.dtypes()[-1]
    with backend.session(dtype):
        z = backend.asarray(np.asarray([[math.nan, 1.0], [0.5, -0.5]]), dtype=dtype)
        for name in ACTIVATIONS:
            a = backend.to_numpy(activations.get(name).sigma(z, xp=backend.xp))
            assert np.isnan(a[0, 0]), name
            assert np.isfinite(a[1]).all(), name
        for cost, output in PAIRS:
            sigma = activations.get(output)
            y = backend.asarray(np.asarray([[0.0, 1.0], [1.0, 0.0]]), dtype=dtype)
            C = backend.to_numpy(costs.get(cost, sigma).value(z, y, sigma, xp=backend.xp))
            assert np.isnan(C).tolist() == [True, False], (cost, output)


UNBOUNDED = {"identity", "relu", "leaky_relu", "elu", "selu", "softplus", "gelu", "silu", "exp"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("cost", "output"), PAIRS)
def test_costs_of_extreme_numbers(cost, output, dtype):
    """Only the square of what cannot be squared overflows, and is infinite then."""
    sigma = activations.get(output)
    C = costs.get(cost, sigma)
    extreme = finite(dtype)
    z = np.stack([extreme, np.zeros_like(extreme)], axis=-1)
    for row in ([0.0, 1.0], [1.0, 0.0]):
        y = np.broadcast_to(np.asarray(row, dtype=dtype), z.shape)
        squares = cost == "quadratic" and output in UNBOUNDED
        with loudly(), np.errstate(over="ignore" if squares else "raise"):
            value = C.value(z, y, sigma, xp=xp)
            delta = C.delta(z, y, sigma, xp=xp)
        assert value.dtype == delta.dtype == np.dtype(dtype)
        assert not np.isnan(value).any()
        assert not np.isnan(delta).any()
        assert (value >= 0).all()
        if not squares:
            assert np.isfinite(value).all()
            assert np.isfinite(delta).all()


@pytest.mark.parametrize(("cost", "output"), PAIRS)
def test_infinite_inputs_give_no_wrong_finite_cost(cost, output):
    """Either the cost at the limit or nothing finite, so that training stops."""
    sigma = activations.get(output)
    C = costs.get(cost, sigma)
    for sign in (-1, 1):
        z = np.asarray([[sign * math.inf, 0.0]])
        near = np.asarray([[sign * 600.0, 0.0]])
        for row in ([0.0, 1.0], [1.0, 0.0]):
            y = np.asarray([row])
            with np.errstate(all="ignore"):
                value = float(C.value(z, y, sigma, xp=xp)[0])
                limit = float(C.value(near, y, sigma, xp=xp)[0])
            if math.isfinite(value) and output != "exp":
                assert value == pytest.approx(limit, abs=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_cross_entropy_far_from_zero_is_exact(dtype):
    """Adding 4096 to all z of a softmax changes nothing; nor does saturation cost digits."""
    z = np.asarray([[0.5, -0.25, 1.0]], dtype=dtype)
    y = np.asarray([[0.0, 1.0, 0.0]], dtype=dtype)
    cost, softmax = costs.CrossEntropy(), activations.Softmax()
    near = cost.value(z, y, softmax, xp=xp)
    far = cost.value(z + np.asarray(4096, dtype), y, softmax, xp=xp)
    assert near.tolist() == far.tolist()
    exact = math.log(math.exp(0.5) + math.exp(-0.25) + math.exp(1)) + 0.25
    assert float(near[0]) == pytest.approx(exact, rel=4 * float(np.finfo(dtype).eps))
    tail = np.asarray([[40.0]], dtype=dtype)
    right = cost.value(tail, np.ones_like(tail), activations.Sigmoid(), xp=xp)
    assert float(right[0]) == pytest.approx(math.exp(-40), rel=1e-6)


def test_an_example_that_is_met_costs_nothing():
    y = np.asarray([[0.0, 2.0, 5.0]])
    z = np.log(np.maximum(y, 1e-300))
    assert costs.Poisson().value(z, y, activations.Exp(), xp=xp)[0] == pytest.approx(0, abs=1e-14)
    rng = np.random.default_rng(0)
    for cost in ("quadratic", "mae", "huber"):
        for output in ACTIVATIONS:
            sigma = activations.get(output)
            z = rng.normal(size=(2, 3))
            a = sigma.sigma(z, xp=xp)
            assert costs.get(cost, sigma).value(z, a, sigma, xp=xp).tolist() == [0, 0]


@pytest.mark.parametrize("threshold", [0, -1.0, math.nan, math.inf])
def test_hubers_threshold_must_be_positive(threshold):
    from bpnet.errors import InputError

    with pytest.raises(InputError, match="huber's threshold is"):
        costs.Huber(threshold)


@pytest.mark.parametrize("threshold", [0.25, 3.0])
def test_huber_with_another_threshold(threshold):
    """r^2/2 inside, t (|r| - t/2) outside, by hand."""
    r = np.asarray([[-4.0], [-0.5], [0.0], [0.125], [2.0], [8.0]])
    sigma = activations.Identity()
    inside = np.abs(r[:, 0]) <= threshold
    desired = np.where(inside, r[:, 0] ** 2 / 2, threshold * (np.abs(r[:, 0]) - threshold / 2))
    y = np.zeros_like(r)
    np.testing.assert_allclose(costs.Huber(threshold).value(r, y, sigma, xp=xp), desired)
    delta = costs.Huber(threshold).delta(r, y, sigma, xp=xp)[:, 0]
    np.testing.assert_allclose(delta, np.where(inside, r[:, 0], threshold * np.sign(r[:, 0])))


@pytest.mark.parametrize(
    ("sigma", "z", "a", "slope"),
    [
        (activations.LeakyReLU(0.25), [-2.0, 3.0], [-0.5, 3.0], [0.25, 1.0]),
        (
            activations.ELU(2.0),
            [-1.0, 3.0],
            [2 * (math.exp(-1) - 1), 3.0],
            [2 * math.exp(-1), 1.0],
        ),
    ],
)
def test_activations_with_parameters_of_their_own(sigma, z, a, slope):
    z = np.asarray(z)
    np.testing.assert_allclose(sigma.sigma(z, xp=xp), a, rtol=1e-15)
    out = sigma.backward(np.ones(2), z, sigma.sigma(z, xp=xp), xp=xp)
    np.testing.assert_allclose(out, slope, rtol=1e-15)


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_slope_at_the_kink(name):
    """At exactly 0 the slope is that of the negative side."""
    _, slope = both_ways(name, np.zeros(1))
    assert slope.tolist() == [{"relu": 0.0, "leaky_relu": 0.01}[name]]


def test_all_costs_are_tried():
    assert {cost for cost, _ in PAIRS} == set(costs.COSTS)

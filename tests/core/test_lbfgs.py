"""L-BFGS: minima of known functions, and the iterates of SciPy's L-BFGS-B."""

import numpy as np
import pytest
from scipy.optimize import minimize as scipy_minimize
from scipy.optimize import rosen, rosen_der

from bpnet import backends
from bpnet.core import optimizers
from bpnet.core.lbfgs import LBFGS
from bpnet.errors import InputError
from tests.core import searching


def valley(w, xp):
    """Rosenbrock's function and its gradient, on any array."""
    a, b = w[:-1], w[1:]
    gap = b - a * a
    f = xp.sum(100.0 * gap * gap + (1 - a) ** 2)
    end = xp.zeros_like(w[:1])
    g = xp.concat([-400.0 * a * gap - 2 * (1 - a), end]) + xp.concat([end, 200.0 * gap])
    return f, g


def run(backend, dtype, w, objective=valley, *, iterations=500, settings=None, **options):
    xp = backend.xp
    with backend.session(dtype):
        actual = searching.minimize(
            lambda v: objective(v, xp),
            backend.asarray(np.asarray(w), dtype=dtype),
            settings=settings or LBFGS(),
            max_iterations=iterations,
            read=lambda a: backend.to_numpy(a).tolist(),
            xp=xp,
            **options,
        )
        return actual, backend.to_numpy(actual.w)


START = [-1.2, 1.0]


def test_minimum_of_the_valley(backend):
    dtype = "float64" if "float64" in backend.dtypes() else "float32"
    actual, w = run(backend, dtype, START, iterations=60 if backend.name == "dpnp" else 500)
    np.testing.assert_allclose(w, 1.0, atol=1e-4 if dtype == "float64" else 1e-2)
    assert actual.converged
    assert actual.round_trips == actual.evaluations
    assert w.dtype == dtype


@pytest.mark.parametrize("n", [2, 5, 20])
def test_iterates_are_those_of_scipy(n):
    w = np.random.default_rng(n).normal(size=n) * 2
    theirs, ours = [], []
    want = scipy_minimize(
        rosen, w, jac=rosen_der, method="L-BFGS-B", options={"gtol": 1e-5},
        callback=lambda x: theirs.append(x.copy()),
    )  # fmt: skip
    actual, _ = run(
        backends.get("numpy"), "float64", w, lambda v, _: (np.asarray(rosen(v)), rosen_der(v)),
        on_iteration=lambda at: ours.append(at.w.copy()) or False,
    )  # fmt: skip
    for a, b in zip(theirs[:20], ours[:20], strict=True):
        np.testing.assert_allclose(b, a, atol=1e-8)
    assert actual.iterations == pytest.approx(want.nit, abs=3)
    assert actual.f == pytest.approx(want.fun, rel=1e-6, abs=1e-8)


def test_the_first_step_is_of_length_one():
    """As in L-BFGS-B, also where the gradient is shorter than 1."""
    places = []
    run(
        backends.get("numpy"), "float64", [0.1, 0.1], lambda w, xp: (xp.sum(w * w) / 2e3, w / 1e3),
        on_iteration=lambda at: places.append(at.w.copy()) or True, settings=LBFGS(tolerance=0.0),
    )  # fmt: skip
    assert np.linalg.norm(places[0] - 0.1) < 1.0  # the line search came back from there


def test_a_bowl_takes_few_steps():
    scale = np.asarray([1.0, 10.0, 100.0])
    actual, w = run(
        backends.get("numpy"), "float64", [3.0, -2.0, 1.0],
        lambda w, xp: (xp.sum(scale * w * w) / 2, scale * w), settings=LBFGS(tolerance=1e-10),
    )  # fmt: skip
    np.testing.assert_allclose(w, 0, atol=1e-7)
    assert actual.iterations < 20


def test_it_stops_when_told_and_says_why():
    numpy = backends.get("numpy")
    actual, _ = run(numpy, "float64", START, iterations=3)
    assert (actual.iterations, actual.converged) == (3, False)
    assert "as many iterations as allowed, 3" in actual.reason
    actual, _ = run(numpy, "float64", START, settings=LBFGS(max_evaluations=4))
    assert actual.evaluations >= 4
    assert "as many evaluations as allowed, 4" in actual.reason
    actual, _ = run(numpy, "float64", START, on_iteration=lambda at: at.iterations == 2)
    assert (actual.iterations, actual.reason) == (2, "stopped")
    actual, _ = run(numpy, "float64", [1.0, 1.0])
    assert (actual.iterations, actual.converged) == (0, True)
    actual, _ = run(numpy, "float64", [np.inf, 1.0])
    assert "not finite" in actual.reason


def test_a_function_that_only_rises_is_given_up():
    actual, w = run(
        backends.get("numpy"), "float64", [1.0, 1.0], lambda w, xp: (xp.sum(w), -xp.ones_like(w))
    )
    assert not actual.converged
    assert "no step" in actual.reason
    np.testing.assert_array_equal(w, [1.0, 1.0])


def test_settings():
    assert optimizers.get("lbfgs") == LBFGS()
    assert optimizers.get(LBFGS(memory=3)).memory == 3
    with pytest.raises(InputError, match=r"learning_rate is 0.1 and lbfgs finds its own"):
        optimizers.get("lbfgs", 0.1)
    for bad in ({"memory": 0}, {"memory": True}, {"max_evaluations": 1.5}):
        with pytest.raises(InputError, match="give a whole number of at least 1"):
            LBFGS(**bad)
    with pytest.raises(InputError, match="tolerance is -1; give a number of 0 or more"):
        LBFGS(tolerance=-1)

"""Defaults, boundaries and rare turns of the mathematics that no other test reaches."""

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der

from bpnet import backends
from bpnet.core import (
    activations,
    costs,
    feedforward,
    line_search,
    metrics,
    optimizers,
    random,
)
from bpnet.core.lbfgs import LBFGS
from bpnet.errors import InputError
from tests.core import searching


def test_a_users_cost_may_say_which_outputs_it_is_defined_with():
    class Own(costs.Quadratic):
        outputs = (activations.Sigmoid,)

    assert isinstance(costs.get(Own(), activations.Sigmoid()), costs.UserCost)
    with pytest.raises(InputError, match="Own is not defined for the output Softmax; use Sigmoid"):
        costs.get(Own(), activations.Softmax())


def test_an_activation_is_given_as_an_object_not_as_its_class():
    with pytest.raises(InputError, match="give a name or an object with sigma and backward"):
        activations.get(activations.Tanh)


def test_of_an_output_that_does_not_vary_nothing_is_explained_unless_it_is_met():
    target = np.asarray([[3.0, 3.0, 1.0], [3.0, 3.0, 2.0]])
    classes = np.asarray([[1.0, 3.0, 1.0], [2.0, 3.0, 2.0]])
    assert metrics.r2(classes, target) == (0 + 1 + 1) / 3


@pytest.mark.parametrize("half", range(4))
def test_a_value_is_kept_from_the_rate_on_that_its_own_bits_are(backend, half):
    """Its 16 bits, the highest turned, are held against the rate: kept at it, dropped above."""
    key, row, layer = (7, 2**31 - 9), 11, 2
    word = random.threefry_of_words(key, row, layer << 20)[half // 2]
    bits = (word >> 16 * (half % 2)) % 2**16 ^ 2**15
    rows = backend.asarray(np.asarray([row], np.int32))
    kept = [
        bool(backend.to_numpy(random.keep_mask(drawn, 4, steps, xp=backend.xp))[0, half])
        for drawn in [random.Key(key, rows, layer)]
        for steps in (bits, bits + 1)
    ]
    assert kept == [True, False]


def find(objective, w, iterations, after=None, **settings):
    return searching.minimize(
        objective, np.asarray(w), settings=LBFGS(**settings), max_iterations=iterations,
        read=np.ndarray.tolist, on_iteration=after, xp=backends.get("numpy").xp,
    )  # fmt: skip


def test_the_settings_of_lbfgs_are_scipys():
    """``m`` of 10, ``gtol`` of 1e-5, ``maxfun`` of 15000 in the documentation of L-BFGS-B."""
    assert vars(LBFGS()) == {"memory": 10, "tolerance": 1e-5, "max_evaluations": 15000}


@pytest.mark.parametrize("most", range(2, 16))
def test_as_many_evaluations_as_scipy_takes_under_the_same_limit(most):
    options = {"maxfun": most, "maxiter": 500, "gtol": 1e-5}
    expected = minimize(rosen, [-1.2, 1.0], jac=rosen_der, method="L-BFGS-B", options=options)
    actual = find(
        lambda w: (np.asarray(rosen(w)), rosen_der(w)), [-1.2, 1.0], 500, max_evaluations=most
    )
    assert (actual.iterations, actual.evaluations) == (expected.nit, expected.nfev)


def test_steps_along_which_the_slope_stays_tell_nothing_of_the_curvature():
    """The change of the gradient is 0 along a line that falls for ever, and has no inverse."""
    slope = np.asarray([3.0, -4.0])
    actual = find(lambda w: (w @ slope, slope.copy()), [0.0, 0.0], 3)
    assert actual.iterations == 3
    np.testing.assert_allclose(actual.w / np.linalg.norm(actual.w), -slope / 5, rtol=1e-12)


def test_where_no_step_can_be_taken_the_memory_is_forgotten_and_the_gradient_tried():
    """A bowl that for one search after the first step has no value anywhere."""
    calls, first = 0, None

    def bowl(w):
        nonlocal calls
        calls += 1
        here = first is None or calls > first + line_search.EVALUATIONS
        value = 0.5 * (w[0] ** 2 + 9 * w[1] ** 2) if here else np.asarray(np.nan)
        return value, w * np.asarray([1.0, 9.0])

    def after(actual):
        nonlocal first
        first = first or calls
        return False

    actual = find(bowl, [2.0, 1.0], 50, after)
    assert first is not None
    assert (actual.converged, actual.iterations > 1) == (True, True)
    np.testing.assert_allclose(actual.w, 0, atol=1e-4)


def test_lbfgs_is_given_no_rate_not_even_0():
    with pytest.raises(InputError, match=r"learning_rate is 0\.0 and lbfgs finds its own"):
        optimizers.get("lbfgs", 0.0)


def test_a_start_without_any_slope_is_a_minimum():
    actual = find(lambda w: (0.5 * (w @ w), w.copy()), [0.0, 0.0], 5, tolerance=0.0)
    assert (actual.iterations, actual.converged) == (0, True)


def test_each_example_of_a_batch_has_its_share_of_the_batchs_weight(backend):
    dtype = backend.dtypes()[0]
    with backend.session(dtype):
        delta, weights = (
            backend.asarray(np.asarray(a), dtype=dtype, copy=True)
            for a in (np.ones((3, 2)), [1.0, 2.0, 5.0])
        )
        actual = backend.to_numpy(feedforward.batch_error(delta, weights, xp=backend.xp))
    assert actual.tolist() == [[1 / 8, 1 / 8], [2 / 8, 2 / 8], [5 / 8, 5 / 8]]

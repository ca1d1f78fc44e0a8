"""The experiments, beside what the paper's formulas say of them."""

import numpy as np
import pytest

from bpnet import backends
from bpnet.paper import experiments, formulas, learning
from bpnet.paper.lab import Lab


@pytest.fixture
def lab(backend):
    """The backend in its widest dtype, its session open."""
    lab = Lab(backend)
    with backend.session(lab.dtype):
        yield lab


@pytest.fixture
def near(lab):
    """Compares arrays as exactly as the dtype allows."""
    bound = 1e-12 if lab.dtype == "float64" else 1e-5

    def compare(actual, expected):
        np.testing.assert_allclose(actual, expected, rtol=bound, atol=bound)

    return compare


@pytest.fixture(scope="module")
def learned():
    """What the experiments that train find on NumPy."""
    lab = Lab(backends.get("numpy"))
    return {f.__name__: f(lab) for f in (learning.saturation, learning.spread, learning.decay)}


def test_descent_on_the_bowl_multiplies_by_a_constant(lab, near):
    results = formulas.descents(lab)
    steps = np.arange(31)[:, None]
    for name, eta in formulas.RATES.items():
        path = np.asarray(formulas.START) * (1 - 2 * eta) ** steps
        near(results.curves[name], path)
    assert results.numbers["C after 30 steps, too large"] > 4


def test_the_slope_is_a_cosine_and_lowest_against_the_gradient(lab, near):
    results = formulas.directions(lab)
    x, y = formulas.START
    against = np.degrees(np.arctan2(-y, -x))
    near(results.curves["slope"], 4 * np.cos(np.radians(results.curves["angle"] - against) + np.pi))
    assert results.numbers["angle of steepest descent"] == pytest.approx(against, abs=1e-4)
    assert results.numbers["its angle"] == pytest.approx(against, abs=0.5)


def test_the_sigmoid_and_its_derivative(lab, near):
    curves = formulas.sigmoid(lab).curves
    a = 1 / (1 + np.exp(-curves["z"]))
    near(curves["a"], a)
    near(curves["prime"], a * (1 - a))


def test_figure_4_is_the_sum_that_the_paper_writes_out(lab, near):
    results = formulas.network(lab)
    near(results.numbers["a_4^2"], results.numbers["a_4^2 written out"])
    assert results.curves["W2"].shape == (4, 5)
    assert results.curves["W3"].shape == (1, 4)


def test_figures_5_and_6_are_logarithms(lab, near):
    curves = formulas.logarithms(lab).curves
    near(curves["y = 1"], -np.log(curves["a"]))
    near(curves["y = 0"], -np.log(1 - curves["a"]))


def test_a_saturated_neuron_learns_with_cross_entropy_long_before_quadratic(learned):
    results = learned["saturation"]
    a = 1 / (1 + np.exp(-results.curves["z"]))
    np.testing.assert_allclose(results.curves["delta cross_entropy"], a - 1, rtol=1e-12)
    np.testing.assert_allclose(results.curves["delta quadratic"], (a - 1) * a * (1 - a), rtol=1e-12)
    start = 1 / (1 + np.exp(-learning.SATURATED))
    for name in ("quadratic", "cross_entropy"):
        assert results.curves[f"a {name}"][0] == pytest.approx(start, rel=1e-9)
    slow, fast = (results.numbers[f"steps to a = 0.5, {n}"] for n in ("quadratic", "cross_entropy"))
    assert slow > 20 * fast > 0


def test_the_outputs_follow_the_papers_step_by_step(learned):
    for name, derivative in {
        "cross_entropy": lambda a: 1.0,
        "quadratic": lambda a: a * (1 - a),
    }.items():
        w, b, outputs = learning.SATURATED + 3, -3.0, []
        for _ in range(300):
            a = 1 / (1 + np.exp(-(w + b)))
            delta = (a - 1) * derivative(a)
            outputs.append(a)
            w, b = w - 0.5 * delta, b - 0.5 * delta
        np.testing.assert_allclose(learned["saturation"].curves[f"a {name}"], outputs, rtol=1e-9)


def test_the_spread_falls_as_one_over_the_square_root(learned):
    results = learned["spread"]
    assert results.numbers["exponent of k"] == pytest.approx(-0.5, abs=0.03)
    law = results.curves["without replacement"]
    np.testing.assert_allclose(results.curves["measured"], law, rtol=0.06)
    assert results.curves["k"].tolist() == list(learning.SIZES)


def test_decay_shrinks_weights_and_spares_biases(learned):
    curves = learned["decay"].curves
    np.testing.assert_allclose(curves["w"], 0.95 ** np.arange(61), rtol=1e-12)
    assert set(curves["b"]) == {1.0}
    ends = [curves[f"alpha = {alpha:g}"][-1] for alpha in learning.ALPHAS]
    starts = {curves[f"alpha = {alpha:g}"][0] for alpha in learning.ALPHAS}
    assert len(starts) == 1
    assert ends[0] > starts.pop() > ends[2]
    assert ends[0] > ends[1] > ends[2]


@pytest.mark.parametrize("other", ["torch", "array_api_strict:no_float64"])
def test_another_backend_finds_the_same(learned, other):
    library = other.partition(":")[0]
    pytest.importorskip(library)
    results = experiments.run(backends.get(other))
    assert list(results) == list(experiments.EXPERIMENTS)
    for name, expected in learned.items():
        for what, value in expected.numbers.items():
            assert results[name].numbers[what] == pytest.approx(value, rel=1e-3), what

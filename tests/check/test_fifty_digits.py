"""The same source at 50 digits, on mparray, whose numbers are as long as one asks.

Fifty digits tell a formula that is right from one that is right to float64's rounding: what is
computed is held against the paper in plain Python at 50 digits, against differences whose error
is 10^-40, and then serves as the oracle that float64 is held against to its last digits.
"""

from pathlib import Path

import numpy as np
import pytest

import bpnet
from bpnet import backends
from bpnet.check import cases, equations, jobs, reference
from bpnet.check.report import difference
from bpnet.core import costs, feedforward, optimizers, regularizers
from bpnet.errors import InputError
from tests.optional import library

DIGITS = 50
H = 2.0**-40  # beside parameters of 8 bits it is exact in float64 too

IN_FLOAT64 = {"gelu", "leaky_relu", "selu"}
"""Whose formulas have numbers of the host's: fitted for float64, or two settings in one."""

HIDDEN = [(hidden, "sigmoid", "quadratic") for hidden in cases.ACTIVATIONS]
OUTPUTS = [("tanh", output, cost) for cost, output in cases.PAIRS]


@pytest.fixture(scope="module")
def fifty():
    xp, mpmath = library("mparray"), library("mpmath")
    with mpmath.workdps(DIGITS):
        yield backends.get(xp)


@pytest.fixture(scope="module")
def paper(fifty):
    """The paper in plain Python, with mpmath in the place of math."""
    text = Path(reference.__file__).read_text("utf-8")
    assert "\nimport math\n" in text
    names = {"math": library("mpmath").mp}
    exec(text.replace("\nimport math\n", "\n"), names)
    return names


def digits(actual, expected, xp):
    """Largest difference over the largest number wanted; both are of mparray, or lists."""
    expected = xp.asarray(expected, dtype=xp.float64)
    assert actual.shape == expected.shape
    size = xp.max(xp.abs(expected))
    assert size > 0
    return float(xp.max(xp.abs(actual - expected)) / size)


def computed(backend, case):
    """Mean cost and gradients, in the library's own numbers."""
    parameters, x, y = case.on(backend, "float64")
    _, values, slopes = feedforward.cost_and_gradients(
        case.layers, parameters, x, y, case.cost, xp=backend.xp
    )
    return costs.mean_cost(values, xp=backend.xp), [g for pair in slopes for g in pair]


def plain(case, mpf):
    """The case for the paper in plain Python: a network, X, y and the cost's name."""
    names = [case.hidden] * (len(case.parameters) - 1) + [case.output]
    numbers = lambda a: reference.combine(mpf, a.tolist())  # noqa: E731
    network = [
        (numbers(W.T), numbers(b), name)
        for (W, b), name in zip(case.parameters, names, strict=True)
    ]
    cost = reference.cost_name(case.cost_name, case.output)
    return network, numbers(case.x), numbers(case.y), cost


@pytest.mark.parametrize(("hidden", "output", "cost"), HIDDEN + OUTPUTS)
def test_costs_and_gradients_are_the_papers(fifty, paper, hidden, output, cost):
    """(4)-(26) by themselves, one example at a time, at 50 digits."""
    xp = fifty.xp
    bound = 1e-15 if IN_FLOAT64 & {hidden, output} else 1e-44
    case = cases.small(hidden, output, cost)
    C, gradients = computed(fifty, case)
    network, X, Y, name = plain(case, paper["math"].mpf)
    assert digits(C, paper["batch_cost"](network, X, Y, name), xp) < bound
    expected = paper["batch_gradients"](network, X, Y, name)
    for (W, b), (dW, db) in zip(zip(*[iter(gradients)] * 2, strict=True), expected, strict=True):
        assert digits(xp.matrix_transpose(W), dW, xp) < bound
        assert digits(b, db, xp) < bound


@pytest.mark.parametrize(("hidden", "output", "cost"), [*HIDDEN, *OUTPUTS[::4]])
def test_gradients_are_what_the_cost_changes_by(fifty, hidden, output, cost):
    """Central differences to the order h^4, here 10^-48, which know nothing of the formulas."""
    xp = fifty.xp
    case = cases.small(hidden, output, cost)
    _, gradients = computed(fifty, case)
    steps = np.asarray([2 * H, H, -H, -2 * H])
    members = tuple(
        tuple(
            (p + np.multiply.outer(steps, v)).reshape(-1, *p.shape)
            for p, v in zip(pair, axes, strict=True)
        )
        for pair, axes in zip(case.parameters, cases.every_axis(case.parameters), strict=True)
    )
    moved = case.moved(members)
    parameters, x, y = moved.on(fifty, "float64")
    z, _ = feedforward.forward(case.layers, parameters, x, xp=xp)
    values = case.cost.value(z, y, case.layers[-1].activation, xp=xp)
    C = xp.reshape(costs.mean_cost(values, xp=xp), (4, -1))
    slopes = (8 * (C[1, ...] - C[2, ...]) - (C[0, ...] - C[3, ...])) / (12 * H)
    actual = xp.concat([xp.reshape(g, (-1,)) for g in gradients])
    bound = 1e-14 if IN_FLOAT64 & {hidden, output} else 1e-34
    assert digits(actual, slopes, xp) < bound


@pytest.mark.parametrize(("hidden", "output", "cost"), HIDDEN + OUTPUTS)
def test_float64_keeps_its_digits(fifty, hidden, output, cost):
    """What check holds to 10^-7, the error of float64's differences, is right to 10^-14."""
    case = cases.small(hidden, output, cost)
    C, gradients = cases.gradients(backends.get("numpy"), case, "float64")
    C_wanted, expected = computed(fifty, case)
    assert difference(C, fifty.to_numpy(C_wanted)) < 1e-14
    for actual, right in zip(gradients, expected, strict=True):
        assert difference(actual, fifty.to_numpy(right)) < 1e-14


def test_every_equation_holds(fifty):
    for dtype in fifty.dtypes():
        assert [str(row) for row in equations.rows(fifty, dtype) if not row.passed] == []


def test_steps_and_regularization_are_the_papers(fifty, paper):
    """(3), (7), (27)-(29) at 50 digits."""
    xp, mpf = fifty.xp, paper["math"].mpf
    case = cases.small("sigmoid", "sigmoid", "cross_entropy")
    network, X, Y, name = plain(case, mpf)
    eta, alpha, m = 0.25, 0.375, 16
    parameters, _, _ = case.on(fifty, "float64")
    actual = regularizers.l2_cost(parameters, alpha, m, xp=xp)
    assert digits(actual, paper["l2_term"](network, mpf(alpha), m), xp) < 1e-44
    sgd = optimizers.SGD(eta)
    _, flat = computed(fifty, case)
    slopes = tuple(zip(*[iter(flat)] * 2, strict=True))
    slopes = regularizers.l2_gradient(parameters, slopes, alpha, m)
    state = optimizers.init(sgd, parameters, xp=xp)
    moved, _ = optimizers.update(sgd, parameters, slopes, state, (eta,), xp=xp)
    gradients = paper["batch_gradients"](network, X, Y, name)
    expected = paper["step"](network, gradients, mpf(eta), mpf(alpha), m)
    for (W, b), (W_wanted, b_wanted, _) in zip(moved, expected, strict=True):
        assert digits(xp.matrix_transpose(W), W_wanted, xp) < 1e-44
        assert digits(b, b_wanted, xp) < 1e-44


def test_it_trains_as_numpy_does(fifty):
    job = jobs.Job(optimizers.Adam(learning_rate=1e-2), "tanh", dropout=0.0)
    actual, expected = (job.run(name, "float64", epochs=1) for name in (fifty, "numpy"))
    for pair in zip(actual.weights, expected.weights, strict=True):
        assert difference(*pair) < 1e-13


def test_dropout_is_refused_as_its_integers_never_overflow(fifty):
    data = np.ones((4, 3), np.float32), np.asarray([0, 1, 0, 1])
    with pytest.raises(InputError, match="mparray can't draw dropout's masks"):
        bpnet.train(bpnet.Network([3, 4, 2]), data, dropout=0.5, backend=fifty)

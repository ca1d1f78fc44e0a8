"""The paper in plain Python is compared with derivatives by their definition."""

import math

import pytest

from bpnet.check import reference
from bpnet.check.equations import NETWORK, X, Y
from tests.core import oracles


def test_the_complex_step_is_a_derivative():
    at = [0.3, -2.0]
    slopes = reference.derivative(lambda z: 2 * reference.sigmoid(z[0]) + 5 * z[1] ** 3, at)
    a = 1 / (1 + math.exp(-0.3))
    assert slopes == pytest.approx([2 * a * (1 - a), 60.0], rel=1e-15)


@pytest.mark.parametrize("cost", ["quadratic", "binary"])
def test_backpropagation_is_the_derivative_of_the_cost(cost):
    """Each gradient of each layer, to rounding."""
    x, y = X[0], Y[0]
    for l, gradients in enumerate(reference.backprop(NETWORK, x, y, cost)):
        W, b, sigma = NETWORK[l]

        def cost_of(W, b, l=l, sigma=sigma):
            network = [*NETWORK[:l], (W, b, sigma), *NETWORK[l + 1 :]]
            return reference.cost_of_example(cost, reference.feedforward(network, x)[1][-1], y)

        for j, row in enumerate(W):
            slopes = reference.derivative(
                lambda w, j=j, W=W, b=b: cost_of([*W[:j], w, *W[j + 1 :]], b), row
            )
            assert gradients[0][j] == pytest.approx(slopes, rel=1e-13)
        slopes = reference.derivative(lambda b, W=W: cost_of(W, b), b)
        assert gradients[1] == pytest.approx(slopes, rel=1e-13)


def test_every_gradient_is_the_difference_of_costs():
    for cost, output in oracles.PAIRS:
        case, _, _ = oracles.exact("sigmoid", output, cost)
        network, X, Y, name = oracles.in_plain_python(case)
        (W, b, sigma), last = network
        gradients = reference.batch_gradients(network, X, Y, name)
        for j, k in ((0, 0), (3, 2)):
            C = []
            for h in (1e-5, -1e-5):
                moved = [list(row) for row in W]
                moved[j][k] += h
                C.append(reference.batch_cost([(moved, b, sigma), last], X, Y, name))
            assert (C[0] - C[1]) / 2e-5 == pytest.approx(gradients[0][0][j][k], rel=1e-6, abs=1e-9)

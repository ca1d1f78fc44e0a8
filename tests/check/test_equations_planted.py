"""A fault in the function of an equation fails the check of that equation, and not of others."""

import pytest

from bpnet import backends
from bpnet.check import equations
from bpnet.core import costs, descent, feedforward, regularizers


def failing():
    """Numbers of the equations whose checks fail on NumPy."""
    rows = zip(equations.EQUATIONS, equations.rows(backends.get("numpy"), "float64"), strict=True)
    return {number for number, row in rows if not row.passed}


def doubled(function):
    return lambda *arguments, **keywords: 2 * function(*arguments, **keywords)


STEPS = {6, 7, 28, 29}
"""Equations whose checks take whole gradients."""


@pytest.mark.parametrize(
    ("holder", "name", "own", "others"),
    [
        (descent, "directional_derivative", {1}, set()),
        (descent, "steepest_descent", {2}, set()),
        (descent, "descend", {3}, set()),
        (costs, "mean_cost", {4, 9}, set()),
        (costs.Quadratic, "value", {4, 5, 9}, set()),
        (feedforward, "bias_gradient", {23}, STEPS),
        (feedforward, "weight_gradient", {24}, STEPS),
        (feedforward, "propagate", {15, 18, 19, 20, 21, 22}, {23, 24, *STEPS}),
        (feedforward, "hidden_error", {15, 18, 19, 20, 21, 22}, {23, 24, *STEPS}),
        (costs.CrossEntropy, "value", {25}, set()),
        (costs.CrossEntropy, "delta", {26}, {28, 29}),
        (regularizers, "l2_cost", {27}, set()),
    ],
)
def test_a_function_that_gives_twice_as_much(monkeypatch, holder, name, own, others):
    monkeypatch.setattr(holder, name, doubled(getattr(holder, name)))
    assert own <= failing() <= own | others


def test_an_error_that_one_neuron_of_the_next_layer_alone_hands_down(monkeypatch):
    monkeypatch.setattr(
        feedforward, "propagate",
        lambda W, delta, *, xp: delta[..., :1] @ xp.matrix_transpose(W)[:1],
    )  # fmt: skip
    assert {18, 19, 20, 21, 22} <= failing()


def test_a_quadratic_cost_that_takes_every_output_for_a_sigmoid(monkeypatch):
    value = costs.Quadratic.value
    monkeypatch.setattr(
        costs.Quadratic, "value",
        lambda self, z, y, output, *, xp: value(self, z, y, equations.SIGMOID, xp=xp),
    )  # fmt: skip
    assert failing() == {4, 9}

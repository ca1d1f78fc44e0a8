"""Parts of a report on inputs that its example runs do not have."""

from types import SimpleNamespace

import numpy as np

import bpnet
from bpnet.data.columns import Column, Columns
from bpnet.pages.content import percent
from bpnet.report import curves, detail, layers, rows


def test_a_confidence_between_two_bins_is_of_the_lower_one():
    """Guo et al. 2017, section 2: the m-th of M bins is the interval ((m - 1)/M, m/M]."""
    edges = np.linspace(0, 1, detail.BINS + 1)
    found = detail.calibrate(edges[1:], np.ones(detail.BINS, bool))
    assert found.counts.tolist() == [1] * detail.BINS
    np.testing.assert_array_equal(found.confidence, edges[1:])


def test_a_category_that_training_had_not_seen_is_shown_as_unknown():
    inputs = (Column("size", "number", 3.0, 2.0), Column("color", "text", categories=("a", "b")))
    columns = Columns(inputs, (), "y", "text", "classify", ("no", "yes"))
    assert rows._decoded(columns, np.asarray([0.5, 0.0, 1.0]), frozenset()) == ["4", "b"]
    assert rows._decoded(columns, np.asarray([-1.0, 0.0, 0.0]), frozenset()) == ["1", "unknown"]


def test_the_best_of_a_curve_is_the_largest_accuracy_and_the_least_cost():
    history = {"accuracy": [0.5, 0.875, 0.75], "cost": [1.0, 0.25, 0.5]}
    subject = SimpleNamespace(history=history)
    assert f"best {percent(0.875)} at epoch 2" in curves._alt(subject, "accuracy")
    assert "best 0.25 at epoch 2" in curves._alt(subject, "cost")


def test_of_many_neurons_those_with_most_weight_are_drawn():
    net = bpnet.Network([4, 50, 2], seed=0)
    net.weights[0] = np.outer(np.arange(50), np.ones(4))
    section = layers._weights(SimpleNamespace(network=net, members=(net,), shape=(2, 2)))
    shown = [int(row[0]) for row in section.blocks[0].table.rows]
    assert shown == list(range(50, 2, -1))

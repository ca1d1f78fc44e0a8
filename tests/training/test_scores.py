"""Metrics against their definitions, counted out by hand."""

import numpy as np
import pytest

import bpnet
from bpnet.core import activations
from bpnet.errors import InputError
from bpnet.training import scores
from bpnet.training.targets import Targets

A = np.asarray(
    [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.5, 0.2], [0.2, 0.3, 0.5], [0.4, 0.35, 0.25]]
)
Y = np.asarray([0, 1, 0, 2, 2])
SIGMOID = activations.Sigmoid()


def judged(name, y=Y, a=A, kind="class", output=SIGMOID):
    expected = Targets(np.asarray(y), kind, None)
    return scores.compute(scores.names_of(name), expected, a, output)[name]


def test_of_classes():
    assert judged("accuracy") == 3 / 5
    assert judged("top_2") == 4 / 5
    assert judged("balanced_accuracy") == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    # by class: precision 1/2, 1/2, 1; recall 1/2, 1, 1/2
    assert judged("f1") == pytest.approx((0.5 + 2 / 3 + 2 / 3) / 3)
    assert judged("log_loss") == pytest.approx(-np.log([0.7, 0.6, 0.3, 0.5, 0.25]).mean())
    ranks = []
    for c in range(3):
        inside, outside = A[c == Y, c], A[c != Y, c]
        ranks.append(np.mean([(p > q) + 0.5 * (p == q) for p in inside for q in outside]))
    assert judged("auc") == pytest.approx(np.mean(ranks))


def test_of_one_output_and_of_labels():
    p, y = np.asarray([[0.9], [0.4], [0.6], [0.2]]), np.asarray([[1.0], [1.0], [0.0], [0.0]])
    assert judged("auc", y, p, "threshold") == 3 / 4
    assert judged("accuracy", y, p, "threshold") == 2 / 4
    rows, a = np.asarray([[1.0, 0.0], [1.0, 1.0]]), np.asarray([[0.9, 0.6], [0.2, 0.8]])
    # label 0: precision 1, recall 1/2; label 1: precision 1/2, recall 1
    assert judged("f1", rows, a, "threshold") == pytest.approx(2 / 3)


def test_auc_of_labels_is_the_mean_over_the_labels():
    """Shares of the pairs that are in order: 2 of 2, 1 of 2 and 1 of 2."""
    rows = [[1, 0, 1], [0, 1, 0], [1, 1, 0]]
    a = np.asarray([[0.9, 0.3, 0.7], [0.2, 0.2, 0.1], [0.8, 0.6, 0.8]])
    assert judged("auc", rows, a, "threshold") == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)


def test_of_numbers():
    y, a = np.asarray([[1.0], [2.0], [4.0]]), np.asarray([[1.5], [2.0], [3.0]])
    assert judged("mse", y, a, None) == pytest.approx(1.25 / 3)
    assert judged("mae", y, a, None) == pytest.approx(0.5)
    assert judged("r2", y, a, None) == pytest.approx(1 - 1.25 / ((y - y.mean()) ** 2).sum())


def test_probabilities_of_float32_count_as_sums_to_one():
    """Thirds of float32 have the sum 1 + 3e-8, at which scikit-learn warns."""
    thirds = np.full((3, 3), 1 / 3, np.float32)
    assert judged("log_loss", [0, 1, 2], thirds, "class") == pytest.approx(np.log(3), abs=1e-12)


@pytest.mark.parametrize("metrics", [(), ("mse",)])
def test_evaluate_gives_the_cost_and_the_figures_of_numbers(metrics):
    net = bpnet.Network([1, 1], output="identity")
    net.weights[0], net.biases[0] = [[2.0]], [1.0]
    X, y = np.asarray([[0.0], [1.0], [2.0]]), np.asarray([1.5, 3.0, 4.0])  # outputs 1, 3 and 5
    squares, spread = 0.25 + 1.0, (4 / 3) ** 2 + (1 / 6) ** 2 + (7 / 6) ** 2
    wanted = {
        "cost": squares / 6, "r2": 1 - squares / spread, "mae": 0.5, "rmse": (squares / 3) ** 0.5,
        **dict.fromkeys(metrics, squares / 3),
    }  # fmt: skip
    assert bpnet.evaluate(net, (X, y), metrics=metrics) == pytest.approx(wanted, rel=1e-6)


def test_in_evaluate_history_and_early_stopping():
    data = bpnet.data.load("digits")
    X, y = data.x[:300] / 16, np.asarray(data.y[:300])
    net = bpnet.Network([64, 8, 10], hidden="sigmoid", seed=0)
    names = ["f1", "auc", "top-3", "balanced_accuracy"]
    stopping = bpnet.EarlyStopping(3, metric="validation_f1")
    held = X[200:], y[200:]
    adam = bpnet.optimizers.Adam(0.05)
    history = bpnet.train(
        net, (X[:200], y[:200]), optimizer=adam, validation=held, metrics=names, epochs=40,
        callbacks=[stopping],
    )  # fmt: skip
    assert stopping.best == max(history["validation_f1"])
    assert len(history["validation_top_3"]) == len(history["cost"])
    actual = bpnet.evaluate(net, held, metrics=names)
    assert actual["f1"] == pytest.approx(stopping.best)
    assert actual["top_3"] >= actual["accuracy"]


def test_on_every_backend(backend):
    X, y = np.linspace(-1, 1, 40).reshape(20, 2), np.arange(20) % 2
    net = bpnet.Network([2, 3, 2], hidden="sigmoid", seed=0)
    actual = bpnet.evaluate(net, (X, y), metrics="log_loss", backend=backend, dtype="float32")
    assert actual["log_loss"] == pytest.approx(actual["cost"], rel=1e-5)


@pytest.mark.filterwarnings("ignore:R")
def test_what_is_not_defined_is_told():
    """scikit-learn gives nan for the R2 of one example, which no checkpoint can hold."""
    with pytest.raises(InputError, match="r2 is not defined"):
        judged("r2", [[1.0]], np.asarray([[0.5]]), None)


def test_bad_requests():
    net = bpnet.Network([2, 2], seed=0)
    data = np.zeros((4, 2)), [0, 1, 0, 1]
    with pytest.raises(InputError, match="there is no metric 'f2'; choose one of accuracy"):
        bpnet.evaluate(net, data, metrics="f2")
    with pytest.raises(
        InputError, match="the metric 'f1' is computed on validation examples; give v"
    ):
        bpnet.train(net, data, metrics="f1")
    numbers = bpnet.Network([2, 1], output="identity", seed=0)
    with pytest.raises(InputError, match="f1 needs classes, and these targets are numbers"):
        bpnet.evaluate(numbers, (np.zeros((4, 2)), np.arange(4.0)), metrics="f1")
    with pytest.raises(InputError, match="auc is not defined here"):
        bpnet.evaluate(bpnet.Network([2, 3], seed=0), (np.zeros((2, 2)), [0, 0]), metrics="auc")

"""Metrics that cannot be told are refused before a network is trained."""

import numpy as np
import pytest

import bpnet
from bpnet.errors import InputError
from bpnet.training import scores
from bpnet.training.targets import Targets

X = np.random.default_rng(0).normal(size=(24, 3))
CLASSES, NUMBERS, ONE = np.arange(24) % 3, X[:, :1].copy(), (np.arange(24) % 2)
ROWS = (X > 0).astype(float)
ROWS[:4] = [[1, 1, 0], [0, 0, 0], [0, 1, 1], [1, 1, 1]]

REFUSED = {
    "f1 of numbers": (NUMBERS, "identity", None, "f1", "f1 needs classes, and these"),
    "auc of numbers": (NUMBERS, "identity", None, "auc", "auc needs classes, and these"),
    "top of numbers": (NUMBERS, "identity", None, "top_2", "top_2 needs classes, and these"),
    "auc without a class": (CLASSES, "softmax", None, "auc", "auc is not defined here: a class"),
    "auc without one of two": (ONE, "sigmoid", None, "auc", "auc is not defined here: a class"),
    "auc of three sigmoids": (CLASSES, "sigmoid", None, "auc", "auc is not defined here: Target"),
    "auc of hinge": (CLASSES, "identity", "hinge", "auc", "auc is not defined here: Target"),
    "log_loss of hinge": (CLASSES, "identity", "hinge", "log_loss", "log_loss needs probabilit"),
    "log_loss of one": (ONE, "identity", "hinge", "log_loss", "log_loss needs probabilities"),
    "top of all": (CLASSES, "softmax", None, "top_3", "top_3 of 3 classes is always 1"),
    "top of more": (CLASSES, "softmax", None, "top_9", "top_9 of 3 classes is always 1"),
    "top of two": (ONE, "sigmoid", None, "top_2", "top_2 of 2 classes is always 1"),
    "top of labels": (ROWS, "sigmoid", None, "top_1", "top_1 needs classes that exclude each"),
}


class Untouched(bpnet.Callback):
    """Fails where a run has begun."""

    def on_train_begin(self, run):
        msg = "the run began"
        raise AssertionError(msg)


def network(y, output):
    n = 3 if y is CLASSES or y is ROWS else 1
    return bpnet.Network([3, 4, n], hidden="tanh", output=output, seed=0)


def held(name, y):
    """Rows to judge by; of one class only where that is the point."""
    return np.flatnonzero(y == 1) if "without" in name else np.arange(24)


@pytest.mark.parametrize("way", ["one", "set", "folds"])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_the_first_step(name, way, tmp_path):
    y, output, cost, metric, message = REFUSED[name]
    net, rows = network(y, output), held(name, y)
    options = {"cost": cost, "metrics": ["mse", metric], "callbacks": [Untouched()]}
    if way == "folds":
        options["folds"] = [(np.arange(24), rows)]
    else:
        options["validation"] = (X[rows], y[rows])
    if way == "one":
        options["checkpoint"] = tmp_path / "run"
    with pytest.raises(InputError, match=message):
        bpnet.train(net if way == "one" else [net], (X, y), **options)
    assert not list(tmp_path.iterdir())
    if "without" not in name:
        with pytest.raises(InputError, match=message):
            bpnet.evaluate(net, (X, y), cost=cost, metrics=metric)


TOLD = {
    "classes": (CLASSES, "softmax", None, ["f1", "auc", "log_loss", "top_2", "mse", "r2"]),
    "one output": (ONE, "sigmoid", None, ["f1", "auc", "log_loss", "top_1", "mse", "mae"]),
    "three sigmoids": (CLASSES, "sigmoid", None, ["f1", "accuracy", "top_2", "balanced_accuracy"]),
    "hinge": (CLASSES, "identity", "hinge", ["f1", "balanced_accuracy", "top_1"]),
    "one of hinge": (ONE, "identity", "hinge", ["f1", "auc", "top_1"]),
    "labels": (ROWS, "sigmoid", None, ["f1", "auc", "accuracy", "mse"]),
    "numbers": (NUMBERS, "identity", None, ["mse", "mae", "r2"]),
}


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
@pytest.mark.parametrize("name", TOLD)
def test_those_that_can_be_told_are(name):
    y, output, cost, metrics = TOLD[name]
    history = bpnet.train(
        network(y, output), (X, y), cost=cost, epochs=1, validation=(X, y), metrics=metrics
    )
    assert all(np.isfinite(history[f"validation_{metric}"]).all() for metric in metrics)


def test_what_is_computed_beforehand_is_for_z_of_0():
    expected = Targets(np.asarray([0, 1, 2]), "class", None)
    net = network(CLASSES, "softmax")
    with pytest.raises(InputError, match="balanced_accuracy"):
        scores.rehearse(["balanced_accuracy"], Targets(np.zeros((3, 1)), None, None), 1, net.output)
    scores.rehearse(["log_loss", "auc"], expected, 3, net.output)
    scores.rehearse([], Targets(np.zeros((3, 1)), None, None), 1, net.output)

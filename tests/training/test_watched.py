"""Early stopping by what the history will not have is refused before a network is trained."""

import numpy as np
import pytest

import bpnet
from bpnet.errors import InputError

X = np.random.default_rng(0).normal(size=(24, 3))
Y, NUMBERS = np.arange(24) % 2, X[:, :1]


def run(metric, *callbacks, y=Y, sets=False, **options):
    classes = y is Y
    net = bpnet.Network([3, 4, 2] if classes else [3, 4, 1], hidden="tanh", seed=0,
                        output="softmax" if classes else "identity")  # fmt: skip
    before = net.weights[0].copy()
    stopping = bpnet.EarlyStopping(5, metric=metric)
    try:
        bpnet.train([net] if sets else net, (X, y), epochs=2, callbacks=[stopping, *callbacks],
                    **options)  # fmt: skip
    except InputError:
        np.testing.assert_array_equal(net.weights[0], before)
        raise
    return stopping


HELD = {"validation": (X, Y)}
FOLDS = {"sets": True, "folds": [(np.arange(20), np.arange(20, 24))]}


@pytest.mark.parametrize("sets", [False, True])
@pytest.mark.parametrize(
    ("metric", "options"),
    [
        ("validation_cost", {}), ("validation_accuracy", {}), ("validation_f1", HELD),
        ("f1", {**HELD, "metrics": "f1"}), ("acuracy", HELD), ("accuracy", {"y": NUMBERS}),
        ("validation_r2", {"y": NUMBERS, "validation": (X, NUMBERS), "metrics": "mse"}),
    ],
)  # fmt: skip
def test_refused_before_the_first_step(metric, options, sets):
    with pytest.raises(
        InputError, match=f"watches '{metric}', which the history lacks; it has cost"
    ):
        run(metric, sets=sets, **options)


@pytest.mark.parametrize(
    ("metric", "options"),
    [
        (None, {}), ("cost", {}), ("accuracy", {}), ("seconds", {}), ("learning_rate", {}),
        ("validation_accuracy", HELD), ("validation_f1", {**HELD, "metrics": "f1"}),
        ("validation_cost", FOLDS), ("validation_f1", {**FOLDS, "metrics": "f1"}),
        ("cost", {"optimizer": "lbfgs", "batch_size": None}),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:y_pred contains classes")
def test_what_the_history_has_is_watched(metric, options):
    stopping = run(metric, **options)
    assert options.get("sets") or stopping.best is not None


class Norm(bpnet.Callback):
    """Writes a value of its own into the history."""

    def on_epoch_end(self, run):
        run.history.setdefault("norm", []).append(float(run.epoch))


def test_a_users_callback_may_write_what_is_watched():
    net = bpnet.Network([3, 4, 2], seed=0)
    stopping = bpnet.EarlyStopping(5, metric="norm")
    bpnet.train(net, (X, Y), epochs=3, callbacks=[Norm(), stopping])
    assert stopping.best == 2.0

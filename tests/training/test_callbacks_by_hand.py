"""Callbacks: early stopping, figures that are watched, reasons to stop, the place of a run."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.core import optimizers
from bpnet.storage import checkpoint
from bpnet.training import callbacks, opening, scores
from bpnet.training.callbacks import EarlyStopping, Run, check_watched
from bpnet.training.objective import Objective
from tests.assertions import error_message

RANDOM = np.random.default_rng(5)


X = RANDOM.normal(size=(40, 3))


Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


class Count(bpnet.Callback):
    """Counts the epochs that it is told of."""

    def __init__(self):
        self.told = []

    def for_member(self):
        return Count()

    def on_epoch_end(self, run):
        self.told.append(run.epoch)


def running(**about):
    run = Run(bpnet.Network([3, 3], seed=1), 9, 4, 16, "numpy")
    for name, value in about.items():
        setattr(run, name, value)
    run.pull = lambda: None
    return run


def followed(stopping, values, name="cost"):
    """The epoch at which a run of such values is stopped, counted from 0."""
    run = running(history={name: []})
    stopping.on_train_begin(run)
    for run.epoch, value in enumerate(values):
        run.history[name].append(value)
        stopping.on_epoch_end(run)
        if run.stopped:
            return run.epoch, run.stopped
    return None


def step(chain=None, **more):
    chain = tuple(chain or bpnet.Network([3, 4, 2], seed=0).layers)
    judge = Objective(chain, bpnet.costs.CrossEntropy(), None, "class", np.dtype("f8"), np)
    from bpnet.training.step import TrainingStep

    return TrainingStep(judge, optimizers.SGD(), 40, **more)


def test_pictures_are_scaled_before_metrics_are_told():
    """Bytes with a scale: metrics are those of the same numbers as floats."""
    pixels = RANDOM.integers(0, 256, (40, 3), dtype=np.uint8)
    histories = []
    for x, scale in ((pixels, 1 / 255), (pixels / 255, None)):
        data = bpnet.data.Dataset(x[:30], Y[:30], scale=scale, validation=(x[30:], Y[30:]))
        net = bpnet.Network([3, 4, 3], hidden="tanh", seed=1)
        histories.append(bpnet.train(
            net, data, validation=(x[30:], Y[30:]), epochs=2, metrics=["log_loss", "f1"],
            dtype="float64", seed=1,
        ))  # fmt: skip
    one, other = histories
    for name in ("validation_log_loss", "validation_f1", "validation_cost"):
        assert one[name] == pytest.approx(other[name], rel=1e-9), name
    assert one["validation_log_loss"] == pytest.approx(one["validation_cost"], rel=1e-9)


def test_a_validation_cost_that_is_not_finite_is_told_as_such_though_metrics_are_asked_for():
    net = bpnet.Network([3, 3], output="identity", seed=1)
    far = X.copy()
    far[0] = 1e200
    with pytest.raises(bpnet.Diverged, match="the validation cost is not finite after epoch 1"):
        bpnet.train(net, (X, np.eye(3)[Y]), validation=(far * 1e10, np.eye(3)[Y]), epochs=1,
                    metrics="mse", cost="quadratic", dtype="float64")  # fmt: skip


@pytest.mark.parametrize("count", [1, 3])
def test_an_epoch_after_which_a_network_diverged_is_told_to_nobody(count):
    nets = [bpnet.Network([3, 3], output="identity", seed=i) for i in range(count)]
    callbacks = [[Count()] for _ in nets]
    far = (X * 1e210, np.eye(3)[Y])
    options = {"cost": "quadratic", "dtype": "float64", "epochs": 2, "validation": far}
    with pytest.raises(bpnet.Diverged):
        bpnet.train(nets, (X, np.eye(3)[Y]), callbacks=callbacks, **options)
    assert [one.told for (one,) in callbacks] == [[]] * count


@pytest.mark.parametrize(
    ("name", "grows"),
    [("cost", False), ("validation_cost", False), ("validation_log_loss", False), ("mse", False),
     ("rmse", False), ("validation_mae", False), ("accuracy", True), ("validation_r2", True),
     ("f1", True), ("auc", True), ("top_5", True)],
)  # fmt: skip
def test_what_grows_as_a_network_gets_better(name, grows):
    assert scores.grows(name) is grows


@pytest.mark.parametrize(
    ("values", "patience", "least", "epoch"),
    [
        ([3, 2, 2, 2], 2, 0.0, 3), ([3, 2, 2, 1.5, 2], 2, 0.0, None), ([3, 2, 2], 1, 0.0, 2),
        ([3, 2.5, 2.5, 2.5], 2, 0.5, 2), ([3, 2.5, 2.4, 2.3], 2, 0.5, None),
        ([3, 2.4, 2, 2], 2, 0.5, 3),
        ([math.nan, 1, 2], 1, 0.0, 2), ([math.nan] * 3, 1, 0.0, 1), ([3, 2, 2, 2], 3, 0.0, None),
    ],
)  # fmt: skip
def test_early_stopping_counts_epochs_since_the_best(values, patience, least, epoch):
    actual = followed(EarlyStopping(patience, least=least), values)
    assert actual == (None if epoch is None else (epoch, f"no better cost for {patience} epochs"))


def test_early_stopping_of_what_grows_and_by_default_of_the_validation_cost():
    assert followed(EarlyStopping(1, "f1"), [0.5, 0.75, 0.5], "f1") == (
        2, "no better f1 for 1 epochs"
    )  # fmt: skip
    assert followed(EarlyStopping(1), [2, 1, 3], "validation_cost")[1] == (
        "no better validation_cost for 1 epochs"
    )
    stopping = EarlyStopping(2)
    followed(stopping, [3, 1, 2])
    assert (stopping.best, stopping.best_epoch) == (1, 1)
    assert stopping.state()[0] == {"best": 1, "best_epoch": 1}
    stopping.on_train_begin(running())
    assert (stopping.best, stopping.best_epoch, stopping.state()[1]) == (None, None, None)
    run = running()
    stopping.take_back({"best": 0.5, "best_epoch": 3}, run.network.parameters)
    stopping.on_train_end(run)
    assert (stopping.best, stopping.best_epoch) == (0.5, 3)
    assert run.result is run.network.parameters
    last = EarlyStopping(2, restore=False)
    followed(last, [3, 1, 2])
    last.on_train_end(run := running())
    assert run.result is None


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: EarlyStopping(0), "patience is 0; give a whole number of at least 1"),
        (lambda: EarlyStopping(1.5), "patience is 1.5; give a whole number of at least 1"),
        (lambda: EarlyStopping(3, least=-0.1), "least is -0.1; give a number of 0 or more"),
        (lambda: EarlyStopping(3, least=math.nan), "least is nan; give a number of 0 or more"),
        (lambda: check_watched(3, ["cost"]), "metric is 3; give a name or leave it out"),
        (lambda: check_watched("f1", ["cost", "mae"]),
         "early stopping watches 'f1', which the history lacks; it has cost, mae; "
         "give validation or metrics for more"),
        (lambda: EarlyStopping().take_back({"best": "x", "best_epoch": 1}, None),
         "the checkpoint does not say which epoch was the best; start another run"),
        (lambda: EarlyStopping().take_back({"best": 1.0}, None),
         "the checkpoint does not say which epoch was the best; start another run"),
        (lambda: checkpoint.fitting((np.ones(2),), (np.ones(3),), "parameters"),
         "the parameters in the checkpoint are not those of this network and optimizer; "
         "resume it as it was begun, or start another"),
        (lambda: checkpoint.fitting((np.ones(2),), (np.ones(2, int),), "x"),
         "the x in the checkpoint are not those of this network and optimizer; "
         "resume it as it was begun, or start another"),
    ],
)  # fmt: skip
def test_what_a_refusal_says(make, text):
    assert error_message(make) == text


@pytest.mark.parametrize(
    ("metric", "validated", "metrics", "kind", "known"),
    [
        ("cost", False, (), "class", True), ("accuracy", False, (), "class", True),
        ("accuracy", False, (), None, False), ("validation_cost", True, (), None, True),
        ("validation_cost", False, (), None, False),
        ("validation_f1", True, ("f1",), "class", True),
        ("validation_f1", False, ("f1",), "class", False), ("f1", True, ("f1",), "class", False),
        ("validation_f1", True, (), "class", False), ("seconds", False, (), None, True),
        ("validation_accuracy", True, (), None, False), (None, False, (), None, True),
    ],
)  # fmt: skip
def test_what_the_history_will_not_have_cannot_be_watched(metric, validated, metrics, kind, known):
    judge, recipe = SimpleNamespace(kind=kind), SimpleNamespace(metrics=metrics)
    plan = SimpleNamespace(callbacks=[EarlyStopping(3, metric)], recipe=recipe)
    if known:
        opening._check_watched(plan, judge, validated=validated)
        return
    text = error_message(opening._check_watched, plan, judge, validated=validated)
    assert text.startswith(
        f"early stopping watches {metric!r}, which the history lacks; it has cost"
    )

    class Own(bpnet.Callback):
        """Which may write more into it."""

    plan.callbacks.append(Own())
    opening._check_watched(plan, judge, validated=validated)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [(None, "SIGINT", "SIGINT"), ("patience", "SIGINT", "patience"), ("SIGINT", "done", "done"),
     ("SIGTERM", "interrupted", "SIGTERM"), ("patience", "enough", "enough")],
)  # fmt: skip
def test_a_signal_does_not_take_the_place_of_another_reason(first, second, kept):
    run = running(stopped=first)
    run.stop(second)
    assert run.stopped == kept


@pytest.mark.parametrize(
    ("epoch", "step", "ended", "position", "at"),
    [(0, 0, 0, (0, 0), 7), (2, 3, 2, (2, 3), 18), (2, 4, 3, (3, 0), 19), (0, 4, 1, (1, 0), 11)],
)
def test_the_place_of_a_run(epoch, step, ended, position, at):
    run = running(epoch=epoch, step=step, before=7, history={"cost": [0.0] * ended})
    assert (run.position, run.at) == (position, at)


def test_callbacks_of_one_class_are_told_apart():
    one, other = bpnet.Callback(), EarlyStopping()
    names = [name for name, _ in callbacks.named([one, other, EarlyStopping(), bpnet.Callback()])]
    assert names == ["Callback", "EarlyStopping", "EarlyStopping 2", "Callback 2"]

"""Resets, boundaries and endings of training that no other test reaches."""

import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.core.activations import Softmax
from bpnet.core.costs import CrossEntropy
from bpnet.core.optimizers import SGD
from bpnet.errors import InputError
from bpnet.storage.checkpoint import Snapshot
from bpnet.training import Run, checkpoints, ranks, resuming, targets
from bpnet.training.planning import plan

X = np.random.default_rng(5).normal(size=(24, 3))
Y = np.argmax(X, axis=1)


def net():
    return bpnet.Network([3, 3], seed=0)


def test_a_callback_of_early_stopping_knows_nothing_of_the_run_before():
    """A second run that is worse in every epoch has a best epoch of its own."""
    stopping = bpnet.EarlyStopping(patience=5)
    bpnet.train(net(), (X, Y), epochs=9, optimizer=SGD(1.0), batch_size=1, callbacks=[stopping])
    before = stopping.best
    history = bpnet.train(net(), (X, Y), epochs=3, optimizer=SGD(1e-3), callbacks=[stopping])
    assert before < min(history["cost"])
    assert (stopping.best, stopping.best_epoch) == (min(history["cost"]), 2)


def test_the_cost_that_suits_an_exponential_output_is_poissons():
    """Half the deviance, y ln(y/a) - y + a, where no cost is named."""
    network = bpnet.Network([1, 1], output="exp", init=[([[1.0]], [0.0])])
    a, y = np.exp([0.5, -1.0]), np.asarray([2.0, 0.0])
    actual = bpnet.evaluate(network, ([[0.5], [-1.0]], y), dtype="float64")
    wanted = (2 * np.log(2 / a[0]) - 2 + a[0] + a[1]) / 2
    assert actual["cost"] == pytest.approx(wanted, rel=1e-12)


class StopAfter(bpnet.Callback):
    """Stops after a number of steps of an epoch."""

    def __init__(self, steps):
        self.steps = steps

    def on_block_end(self, run):
        if run.step >= self.steps:
            run.stop("enough")


@pytest.mark.parametrize(("steps", "epochs"), [(100, 1), (50, 0)])
def test_a_run_that_stops_with_the_last_step_of_an_epoch_has_that_epoch(steps, epochs):
    """A block has 50 steps at least, and the epoch a hundred."""
    rows = np.arange(100) % 24
    history = bpnet.train(net(), (X[rows], Y[rows]), epochs=3, batch_size=1, optimizer=SGD(0.01),
                          callbacks=[StopAfter(steps)])  # fmt: skip
    assert len(history.get("cost", ())) == epochs


class Handler(bpnet.Callback):
    def on_epoch_end(self, run):
        self.during = signal.getsignal(signal.SIGINT)


@pytest.mark.parametrize("networks", [1, 4])
def test_ctrl_c_is_what_it_was_after_a_run(networks):
    usual, seen = signal.getsignal(signal.SIGINT), Handler()
    assert usual is signal.default_int_handler
    given = net() if networks == 1 else [net() for _ in range(networks)]
    bpnet.train(given, (X, Y), epochs=1, callbacks=[seen])
    assert seen.during is not usual
    assert signal.getsignal(signal.SIGINT) is usual


@pytest.mark.parametrize("part", [0, 1])
def test_the_row_behind_the_last_one_is_in_no_fold(part):
    fold = [np.arange(12), np.arange(12, 24)]
    fold[part] = np.append(fold[part], 24)
    with pytest.raises(InputError, match=r"folds\[0\] has row 24 and the data 24 examples"):
        bpnet.train([net()], (X, Y), folds=[fold])


def test_checkpoints_come_after_every_so_many_epochs(tmp_path):
    """After epochs 2 and 4, and at the end; the newest two are kept."""
    saver = bpnet.Checkpoint(tmp_path, epochs=2)
    bpnet.train(net(), (X, Y), epochs=5, batch_size=8, checkpoint=saver)
    kept = sorted(int(file.stem.removeprefix("step-")) for file in tmp_path.glob("step-*"))
    assert kept == [4 * 3, 5 * 3]


def test_the_same_weights_for_other_examples_are_another_run(tmp_path):
    def go(given, epochs, *, resume):
        return bpnet.train(net(), (X, Y), epochs=epochs, sample_weight=given, checkpoint=tmp_path,
                           resume=resume)  # fmt: skip

    given = np.linspace(0.5, 2.0, 24)
    go(given, 1, resume=False)
    with pytest.raises(InputError, match=r"the run in .* has weights = "):
        go(given[::-1].copy(), 2, resume=True)
    assert len(go(given, 2, resume=True)["cost"]) == 2


def test_threads_that_are_asked_for_count_more_than_those_of_the_checkpoint():
    held = Snapshot({}, {"backend": "numpy", "networks": {"1": {"threads": 2}}})
    assert resuming.threads_of(held, 1, "numpy", 1) == 1
    assert resuming.threads_of(held, 1, "numpy", None) == 2
    assert resuming.threads_of(held, 0, "numpy", None) is None  # it had not begun
    assert resuming.threads_of(held, 1, "torch:cpu", None) is None
    assert resuming.threads_of(None, 1, "numpy", 3) == 3


def wanted(y, classes=None):
    """Targets for three softmax outputs."""
    return targets.make_targets(y, len(y), 3, Softmax(), CrossEntropy(), classes, learn=True)


def test_labels_have_the_numbers_of_names_in_any_order():
    """Such as those of a network that was imported."""
    named = np.asarray(["low", "high", "mid"])
    actual = wanted(["mid", "low", "high", "low"], named)
    assert actual.values.tolist() == [2, 0, 1, 0]
    assert actual.classes.tolist() == named.tolist()


def test_labels_below_zero_are_names():
    actual = wanted([0, -1, 1, -1])
    assert actual.values.tolist() == [1, 0, 2, 0]
    assert actual.classes.tolist() == [-1, 0, 1]


def test_rows_for_a_softmax_sum_to_1_within_a_thousandth():
    rows = np.asarray([[0.5, 0.25, 0.25], [0.5, 0.25, 0.2505]])
    assert wanted(rows).values.tolist() == rows.tolist()
    rows[1, 2] = 0.26
    with pytest.raises(InputError, match=r"a row with sum 1\.01, row 1"):
        wanted(rows)


class StopInEpoch(bpnet.Callback):
    def on_epoch_end(self, run):
        if run.epoch == 1:
            run.stop("enough")


def test_a_callback_ends_lbfgs():
    history = bpnet.train(net(), (X, Y), epochs=9, batch_size=None, optimizer="lbfgs",
                          callbacks=[StopInEpoch()])  # fmt: skip
    assert len(history["cost"]) == 2


def test_of_the_gradients_those_that_are_not_zero_are_described():
    """Weights of inputs that are always 0 have none: half of those here."""
    seen, inputs = bpnet.training.Distributions(), np.hstack([X, np.zeros_like(X)])
    bpnet.train(bpnet.Network([6, 3], seed=0), (inputs, Y), epochs=1, callbacks=[seen])
    (layer,) = seen.records[0]["layers"]
    assert layer["still"] == 0.5
    assert min(layer["gradients"]) > 0


def test_distributions_are_those_of_the_last_run():
    seen = bpnet.training.Distributions()
    for epochs in (3, 2):
        bpnet.train(net(), (X, Y), epochs=epochs, callbacks=[seen])
    assert [record["epoch"] for record in seen.records] == [1, 2]


def test_a_run_that_goes_on_with_other_threads_says_so(caplog):
    """Products of one and of two differ in bits."""
    numpy = bpnet.backends.get("numpy")
    told = {"backend": "numpy", "machine": resuming.machine(numpy)}
    held = Snapshot({}, {**told, "networks": {"0": {"threads": 2}}})
    resuming.compare(held, 0, numpy, 2)
    assert not caplog.messages
    resuming.compare(held, 0, numpy, 1)
    (said,) = caplog.messages
    assert "begun with threads 2 and goes on with threads 1: its weights will be equal" in said


@pytest.mark.parametrize(
    ("shards", "given", "used"), [(4, None, 1), (4, 3, 3), (None, None, None), (None, 3, 3)]
)
def test_shards_are_computed_with_one_thread_unless_more_are_asked_for(shards, given, used):
    """The same number for any number of ranks, and so the same bits."""
    divided = ranks.split(None, "ordered", shards)
    assert divided.threads(bpnet.backends.get("numpy"), given) == used


def test_the_accuracy_of_lbfgs_is_a_share():
    network = net()
    history = bpnet.train(network, (X, Y), epochs=3, batch_size=None, optimizer="lbfgs")
    assert history["accuracy"][-1] == bpnet.evaluate(network, (X, Y))["accuracy"]


class Interrupt(bpnet.Callback):
    def on_epoch_end(self, run):
        run.stop("interrupted")


def test_ctrl_c_in_a_set_ends_the_call_with_what_was_learned():
    nets = [net() for _ in range(4)]
    with pytest.raises(KeyboardInterrupt):
        bpnet.train(nets, (X, Y), epochs=3, callbacks=[Interrupt()])
    assert all((one.weights[0] != net().weights[0]).any() for one in nets)


@pytest.mark.parametrize(("epochs", "records"), [(50, 50), (100, 51), (101, 35)])
def test_about_fifty_epochs_are_looked_at(epochs, records):
    """Every one up to 50, then every second or third, and the first and the last."""
    seen = bpnet.training.Distributions()
    run = Run(net(), epochs, 1, 1, "numpy")
    run.probe = list
    for run.epoch in range(epochs):
        seen.on_epoch_end(run)
    actual = [record["epoch"] for record in seen.records]
    assert (actual[0], actual[-1], len(actual)) == (1, epochs, records)


class Falling:
    """A schedule that goes below zero."""

    def rate(self, eta, at):
        return eta - 0.05 * at.step


def test_a_schedule_that_goes_below_zero_is_refused():
    with pytest.raises(InputError, match=r"Falling gave the learning rate -0\.0\d*; give 0 or"):
        bpnet.train(net(), (X, Y), epochs=4, batch_size=8, schedule=Falling())


def test_folds_that_hold_out_more_or_fewer_are_each_judged_by_their_own():
    folds = [(np.arange(12), np.arange(12, 12 + held)) for held in (4, 6, 4, 6)]
    nets = [net() for _ in folds]
    actual = bpnet.train(nets, (X, Y), epochs=2, folds=folds, dtype="float64")
    for (rows, held), history in zip(folds, actual, strict=True):
        alone = bpnet.train(net(), (X[rows], Y[rows]), epochs=2, dtype="float64",
                            validation=(X[held], Y[held]))  # fmt: skip
        assert history["validation_cost"] == pytest.approx(alone["validation_cost"], rel=1e-12)


def test_an_object_is_the_same_run_wherever_it_lies_in_memory():
    both = [object(), object()]
    call = plan(bpnet.Network([2, 1]), ([[0.0, 1.0]], [[1.0]]), checkpoint="folder")
    call = replace(call, plans=[replace(call.plans[0], step=SimpleNamespace(m=1))])
    first, second = (
        checkpoints.settings(call, SimpleNamespace(cost=one, scale=None)) for one in both
    )
    assert repr(both[0]) != repr(both[1])
    assert first == second

"""A set that is stopped by a signal keeps what each network learned, and goes on to the same."""

from pathlib import Path

import numpy as np
import pytest

import bpnet
from bpnet.storage import checkpoint
from bpnet.training import blocks

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4)).astype("f4")
Y = (X[:, 0] > 0).astype(int)
OPTIONS = {"epochs": 6, "batch_size": 10, "backend": "numpy"}


class Stop(bpnet.Callback):
    """Stops a run in an epoch, at its first block or at its end."""

    def __init__(self, epoch, reason, where="epoch"):
        self.epoch, self.reason, self.where = epoch, reason, where

    def on_block_end(self, run):
        if self.where == "block" and run.epoch == self.epoch:
            run.stop(self.reason)

    def on_epoch_end(self, run):
        if self.where == "epoch" and run.epoch == self.epoch:
            run.stop(self.reason)


def networks(count=5):
    return [bpnet.Network([4, 5, 2], seed=s) for s in range(count)]


def trained(nets, callbacks=(), **options):
    try:
        return bpnet.train(nets, (X, Y), callbacks=callbacks, **{**OPTIONS, **options})
    except KeyboardInterrupt:
        return None


def same(nets, others):
    pairs = zip(nets, others, strict=True)
    return [all(map(np.array_equal, a.weights, b.weights)) for a, b in pairs]


@pytest.mark.parametrize("reason", ["interrupted", "SIGTERM"])
@pytest.mark.parametrize("where", ["block", "epoch"])
@pytest.mark.parametrize("signalled", [[1], range(5)], ids=["one is told", "all are told"])
@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("early", [0, 2, 4])
def test_beside_one_that_has_ended_by_itself(
    tmp_path, monkeypatch, early, epoch, signalled, where, reason
):
    monkeypatch.setattr(blocks, "_STEPS", 2)

    def callbacks(*, stopped):
        own = [[Stop(1, "enough")] if i == early else [] for i in range(5)]
        if stopped:
            for i in signalled:
                own[i].append(Stop(epoch, reason, where))
        return own

    nets, others = networks(), networks()
    expected = trained(nets, callbacks(stopped=False))
    first = trained(networks(), callbacks(stopped=True), checkpoint=tmp_path)
    assert (first is None) == (reason == "interrupted")
    actual = trained(others, callbacks(stopped=False), checkpoint=tmp_path, resume=True)
    assert same(nets, others) == [True] * 5
    assert [one["cost"] for one in actual] == [one["cost"] for one in expected]
    assert actual.stacks == expected.stacks == [5]


def test_no_epoch_is_done_again(tmp_path):
    trained(networks(), [Stop(3, "interrupted")], checkpoint=tmp_path)
    under_way = checkpoint.latest(Path(tmp_path)).numbers["networks"]
    assert {i: (n["epoch"], n["step"]) for i, n in under_way.items()} == dict.fromkeys(
        map(str, range(5)), (4, 0)
    )


def test_networks_that_come_later_are_not_begun():
    nets, first = networks(2), networks(2)
    histories = trained(nets, [Stop(1, "SIGTERM")], micro_batch=5)
    assert [len(one.get("cost", ())) for one in histories] == [2, 0]
    assert same(nets, first) == [False, True]


def test_a_signal_does_not_take_back_that_a_run_is_over(tmp_path):
    net = bpnet.Network([4, 5, 2])
    bpnet.train(
        net, (X, Y), checkpoint=tmp_path, callbacks=[Stop(1, "enough"), Stop(1, "SIGTERM")],
        **OPTIONS,
    )  # fmt: skip
    assert checkpoint.latest(Path(tmp_path)).numbers["networks"]["0"]["done"]


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_checkpoints_are_due_after_the_epochs_that_have_ended(tmp_path, epochs):
    seen = []

    class Look(bpnet.Callback):
        def on_epoch_end(self, run):
            seen.append(len(list(tmp_path.glob("*.safetensors"))))

    writer = bpnet.Checkpoint(tmp_path, epochs=epochs)
    trained(networks(1), [Look()], checkpoint=writer)
    assert seen == [min(ended // epochs, 2) for ended in range(6)]

"""What networks are judged by: sums over parts of what is held out."""

import numpy as np
import pytest

import bpnet
from bpnet.data import batches
from bpnet.errors import InputError

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


@pytest.mark.parametrize("room", [20, 3])
@pytest.mark.parametrize("folds", [None, [(range(20 + i), range(37, 60)) for i in range(4)]])
def test_what_is_held_out_may_be_judged_in_parts(folds, room, monkeypatch):
    """The means are those over all at once.

    Batches have five examples, the last three; or one, where there is no room for one of each of
    the four networks.
    """
    monkeypatch.setattr(batches, "chunk", lambda _: room)
    nets = [bpnet.Network([4, 5, 3], seed=seed) for seed in range(4)]
    validation = None if folds else (X[37:], Y[37:])
    actual = bpnet.train(
        nets, (X, Y), epochs=1, dtype="float64", backend="numpy", folds=folds,
        validation=validation,
    )  # fmt: skip
    for net, history in zip(nets, actual, strict=True):
        a = net.predict(X[37:], dtype="float64")
        cost = -np.log(a[np.arange(23), Y[37:]]).mean()
        assert history["validation_cost"] == pytest.approx([cost], rel=1e-12)
        assert history["validation_accuracy"] == [np.mean(a.argmax(axis=1) == Y[37:])]


@pytest.mark.parametrize("count", [1, 4])
def test_rows_of_labels_with_one_each_are_labels_all_the_same(count):
    """Of a network that learns labels which go together: a row is right where all of it is."""
    several = np.stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 0], axis=1).astype(float)
    held = X[:30], np.eye(3)[np.arange(30) % 3]
    nets = [bpnet.Network([4, 5, 3], output="sigmoid", seed=seed) for seed in range(count)]
    actual = bpnet.train(nets, (X, several), epochs=2, validation=held, metrics="f1")
    for net, history in zip(nets, actual, strict=True):
        right = (net.predict(held[0]) > 0.5) == held[1]
        assert history["validation_accuracy"][-1] == pytest.approx(right.all(axis=1).mean())
        judged = bpnet.evaluate(net, held, metrics="f1")  # which asks the network what it learned
        assert history["validation_f1"][-1] == pytest.approx(judged["f1"])


def test_a_fold_without_rows_to_judge_by_has_no_metrics():
    """One is enough to refuse them for all."""
    nets = [bpnet.Network([4, 5, 3], seed=seed) for seed in range(2)]
    folds = [(range(40), range(40, 60)), (range(40), [])]
    with pytest.raises(InputError, match="give validation, or validation rows in every fold"):
        bpnet.train(nets, (X, Y), folds=folds, metrics="f1")
    actual = bpnet.train(nets, (X, Y), folds=folds, epochs=1)
    assert ["validation_cost" in history for history in actual] == [True, False]

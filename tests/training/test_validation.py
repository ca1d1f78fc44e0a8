"""What networks are judged by: sums over parts of what is held out."""

import numpy as np
import pytest

import bpnet
from bpnet.data import batches

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


@pytest.mark.parametrize("folds", [None, [(range(20 + i), range(37, 60)) for i in range(4)]])
def test_what_is_held_out_may_be_judged_in_parts(folds, monkeypatch):
    """Batches of five examples, the last of three: the means are those over all at once."""
    monkeypatch.setattr(batches, "chunk", lambda _: 20)
    nets = [bpnet.Network([4, 5, 3], seed=seed) for seed in range(4)]
    validation = None if folds else (X[37:], Y[37:])
    found = bpnet.train(
        nets, (X, Y), epochs=1, dtype="float64", backend="numpy", folds=folds,
        validation=validation,
    )  # fmt: skip
    for net, history in zip(nets, found, strict=True):
        a = net.predict(X[37:], dtype="float64")
        cost = -np.log(a[np.arange(23), Y[37:]]).mean()
        assert history["validation_cost"] == pytest.approx([cost], rel=1e-12)
        assert history["validation_accuracy"] == [np.mean(a.argmax(axis=1) == Y[37:])]

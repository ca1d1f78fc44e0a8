"""What optimizers remember ends at 0: subnormal numbers would slow a processor down."""

import numpy as np
import pytest

import bpnet
from bpnet.core import special
from bpnet.data import draws
from bpnet.storage import checkpoint
from bpnet.training import blocks, opening, planning, session

TINY = float(np.finfo(np.float32).smallest_normal)
M = 1600
"""Steps of an epoch, in one of which the second input is seen."""


class Look(bpnet.Callback):
    """Wants to look in, which makes blocks short."""

    def on_block_end(self, run):
        """Nothing is to be seen."""


def examples():
    X = np.ones((M, 2), np.float32)
    X[:, 1] = 0
    X[draws.order(0, 0, M)[10], 1] = 1  # early in the first epoch
    return X, np.arange(M, dtype=np.float32)[:, None] % 2


def state(folder, optimizer, callbacks=(), epochs=1, backend="numpy", **options):
    """Slots of the optimizer after some epochs, and the weights."""
    net = bpnet.Network([2, 1], output="identity", seed=0)
    bpnet.train(
        net, examples(), optimizer=optimizer, batch_size=1, epochs=epochs, backend=backend,
        checkpoint=folder, callbacks=callbacks, **options,
    )  # fmt: skip
    ((slots, *_), *_) = checkpoint.latest(folder).arrays["0 state"]
    return slots, net.weights[0]


def subnormal(a):
    return (np.abs(a) < TINY) & (a != 0)


def test_numbers_below_the_smallest_normal_one_are_0(backend):
    names = {"float32", "float64"} & set(backend.dtypes())
    for name in names:
        least = float(np.finfo(name).smallest_normal)
        given = np.asarray([least / 2, -least / 8, least, -least, 0.0, 3.0, np.inf], name)
        expected = np.asarray([0, 0, least, -least, 0.0, 3.0, np.inf], name)
        with backend.session(name):
            actual = special.without_subnormals(backend.asarray(given, dtype=name), xp=backend.xp)
            np.testing.assert_array_equal(backend.to_numpy(actual), expected)


@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_a_moment_of_an_input_that_is_seen_no_more_ends_at_0(tmp_path, monkeypatch, optimizer):
    """0.9 to the power of 1,000 steps, times a gradient, is below 1.2e-38."""
    slots, weights = state(tmp_path / "cleared", optimizer)
    assert slots[0][1, 0] == 0
    assert slots[0][0, 0] != 0
    monkeypatch.setattr(blocks, "_CLEARED", 1 << 30)
    kept, same = state(tmp_path / "kept", optimizer)
    assert subnormal(kept[0][1, 0])  # where nothing clears it, it stays for good
    np.testing.assert_array_equal(weights, same)


def test_when_they_are_cleared_does_not_depend_on_who_looks_in(tmp_path):
    plain, _ = state(tmp_path / "plain", "adam", epochs=2)
    looked, _ = state(tmp_path / "looked", "adam", [Look()], epochs=2)
    for one, other in zip(plain, looked, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("most", [3, 50, 77, 10_000])
@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("steps", [40, 250, 251, 1200, 1600, 5001, 60_000])
def test_blocks_end_where_they_are_cleared(monkeypatch, steps, looks, most):
    """Every 250 steps or a little less, however many of them a block may have."""
    period = blocks.clearing(steps)
    assert 200 < period <= 250
    monkeypatch.setattr(session, "batches_at_once", lambda *_: most)
    net = bpnet.Network([2, 1], output="identity")
    callbacks = [Look()] if looks else []
    for optimizer in ("adam", "sgd"):
        recipe = bpnet.Recipe(optimizer=optimizer, batch_size=1)
        call = planning.plan(
            net, examples(), recipe, bpnet.Place(backend="numpy"), callbacks=callbacks
        )
        size = opening.opened(call).session([0], 1, [None])._block_size(steps)
        assert 1 <= size <= min(most, max(steps, 50))
        if optimizer == "adam" and steps > period:
            assert period % size == 0
        elif not looks:  # an epoch that ends before, or nothing is remembered
            assert size == min(most, steps)


def test_a_users_optimizer_keeps_what_it_remembers(tmp_path):
    class Own(bpnet.optimizers.Momentum):
        __module__ = "elsewhere"

    slots, _ = state(tmp_path, Own())
    assert subnormal(slots[0][1, 0])

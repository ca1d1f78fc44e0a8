"""The loop over epochs: where it ends, and what Ctrl-C does to it."""

import signal

import numpy as np
import pytest

import bpnet
from bpnet.training import epochs

RANDOM = np.random.default_rng(2)
X = RANDOM.normal(size=(40, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


def networks(count):
    return [bpnet.Network([4, 5, 3], seed=seed) for seed in range(count)]


class Fails(bpnet.Callback):
    """Ends the process, as it were, when the last epoch is over and its checkpoint written."""

    def on_train_end(self, run):
        raise OSError


class IsOver(bpnet.Callback):
    """Holds that there are no more than two epochs."""

    def on_epoch_end(self, run):
        assert run.epoch < 2


@pytest.mark.parametrize("count", [1, 4])
def test_a_run_that_ends_behind_its_last_epoch_is_not_trained_on(count, tmp_path):
    nets, others, again = networks(count), networks(count), networks(count)
    one = lambda nets: nets[0] if count == 1 else nets  # noqa: E731
    options = {"epochs": 2, "batch_size": 16, "callbacks": [IsOver()]}
    bpnet.train(one(nets), (X, Y), **options)
    with pytest.raises(OSError, match=r"^$"):
        bpnet.train(one(others), (X, Y), checkpoint=tmp_path, **{**options, "callbacks": [Fails()]})
    actual = bpnet.train(one(again), (X, Y), checkpoint=tmp_path, resume=True, **options)
    for history in [actual] if count == 1 else actual:
        assert len(history["cost"]) == 2
    for net, other in zip(nets, again, strict=True):
        np.testing.assert_array_equal(net.weights[0], other.weights[0])


class Stopped:
    reason = None

    def stop(self, reason):
        self.reason = reason


@pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is not signal.default_int_handler, reason="Ctrl-C is taken"
)
def test_the_second_ctrl_c_is_at_once():
    session = Stopped()
    with epochs.deferred_interrupt(session):
        signal.raise_signal(signal.SIGINT)
        assert session.reason == "interrupted"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_callers_own_stays_as_it_is():
    def own(_signal, _frame):
        """A program's own way to end."""

    before = signal.signal(signal.SIGINT, own)
    try:
        with epochs.deferred_interrupt(Stopped()):
            assert signal.getsignal(signal.SIGINT) is own
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)

"""What reaches a backend: dtypes as asked for, data as stored, copies to the host counted."""

from dataclasses import dataclass, field

import numpy as np
import pytest

import bpnet
from bpnet.backends.numpy import NumPy


@dataclass(frozen=True)
class Spy(NumPy):
    """NumPy that writes down what is sent to it and what is fetched."""

    sent: list = field(default_factory=list, compare=False)
    fetched: list = field(default_factory=list, compare=False)

    def asarray(self, x, dtype=None, copy=None):
        a = super().asarray(x, dtype, copy)
        self.sent.append(a.dtype.name)
        return a

    def to_numpy(self, a):
        self.fetched.append(a.shape)
        return super().to_numpy(a)


def run(spy, X, y, **options):
    net = bpnet.Network([X.shape[1], 8, 3], hidden="sigmoid", seed=0)
    return bpnet.train(net, (X, y), backend=spy, validation=(X, y), **options)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.uint8, np.int64])
def test_no_float64_reaches_the_backend_in_a_float32_run(kind):
    rng = np.random.default_rng(0)
    X = (rng.uniform(size=(90, 5)) * 200).astype(kind)
    spy = Spy()
    run(spy, X, np.arange(90) % 3, epochs=2, l2=0.1, dropout=0.1)
    assert "float64" not in spy.sent
    assert "float32" in spy.sent


def test_pixels_stay_uint8_on_the_device():
    X = np.random.default_rng(0).integers(0, 256, (90, 5), dtype=np.uint8)
    spy = Spy()
    run(spy, X, np.arange(90) % 3, epochs=1)
    assert spy.sent.count("uint8") == 2  # the examples and those of the validation


def test_one_small_copy_to_the_host_at_the_end_of_an_epoch():
    """Cost and count of each step, in one copy; one more for the validation."""
    X, y = np.random.default_rng(0).normal(size=(90, 5)), np.arange(90) % 3
    spies = [Spy(), Spy()]
    for spy, epochs in zip(spies, (1, 4), strict=True):
        run(spy, X, y, epochs=epochs, batch_size=10)
    added = len(spies[1].fetched) - len(spies[0].fetched)
    assert added == 3 * 2
    assert (2, 9) in spies[0].fetched

"""``compiled=False`` calls every step of a set too, as it does of one network."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import bpnet
from bpnet.core.activations import Tanh
from bpnet.errors import InputError

CALLS: list[int] = []


@dataclass(frozen=True)
class Counting(Tanh):
    """Tanh that is counted whenever it is called with arrays of the run, and says it is pure."""

    pure: ClassVar[bool] = True

    def sigma(self, z, *, xp):
        CALLS.append(1)
        return super().sigma(z, xp=xp)


def calls(count, **options):
    """How often an activation is called in 200 steps of a network, or of a set."""
    X, y = np.random.default_rng(0).normal(size=(400, 3)), np.arange(400) % 2
    nets = [bpnet.Network([3, 4, 2], hidden=Counting(), seed=s) for s in range(max(count, 1))]
    CALLS.clear()
    bpnet.train(nets if count else nets[0], (X, y), epochs=2, batch_size=4, backend="numpy",
                **options)  # fmt: skip
    return len(CALLS)


@pytest.mark.parametrize("micro", [None, 4], ids=["stacked", "one by one"])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_every_step_is_called(count, micro):
    steps = 200 * (max(count, 1) if micro else 1)
    assert calls(count, compiled=False, micro_batch=micro) == steps
    assert calls(count, micro_batch=micro) < steps / 10  # written down once, and replayed


def test_what_a_set_cannot_have_is_refused(backend):
    X, y = np.zeros((4, 3)), np.arange(4) % 2
    nets = [bpnet.Network([3, 2], seed=s) for s in range(2)]
    with pytest.raises(InputError, match="compiled is for one network, and this is a set of 2"):
        bpnet.train(nets, (X, y), compiled=True, backend=backend)
    if backend.compiles:
        with pytest.raises(InputError, match=r"compiled is False and .* compiles every step"):
            bpnet.train(nets, (X, y), compiled=False, backend=backend)

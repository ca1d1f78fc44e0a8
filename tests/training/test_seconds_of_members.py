"""Seconds of networks that are trained together: each has its share of what all took."""

from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.training import epochs


@pytest.mark.parametrize("networks", [4, 6])
def test_the_seconds_of_a_set_add_up_to_those_it_took(networks, monkeypatch):
    ticks = count()
    clock = SimpleNamespace(perf_counter=lambda: 3.0 * next(ticks))  # an epoch asks it twice
    monkeypatch.setattr(epochs, "time", clock)
    x, y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 2
    nets = [bpnet.Network([3, 4, 2], seed=seed) for seed in range(networks)]
    histories = bpnet.train(nets, (x, y), epochs=2, batch_size=4, backend="numpy")
    assert histories.stacks == [networks]
    seconds = np.asarray([history["seconds"] for history in histories])
    assert seconds.sum(axis=0) == pytest.approx([3.0, 3.0])
    assert seconds == pytest.approx(3.0 / networks)

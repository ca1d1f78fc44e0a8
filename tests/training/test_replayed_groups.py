"""Steps that are replayed in several groups, each with the numbers of its own steps."""

import numpy as np
import pytest

import bpnet


@pytest.mark.parametrize("options", [{"optimizer": "adam"}, {"schedule": "cosine"}], ids=str)
def test_a_replay_of_many_wide_batches_gives_the_bits_of_the_plain_loop(options):
    """Batches of 4 are gathered 64 at a time, where more of 600 values would leave the cache."""
    x = np.random.default_rng(0).normal(size=(1200, 600)).astype(np.float32)
    y, actual = np.arange(1200) % 3, []
    for compiled in (None, False):  # False calls every step
        net = bpnet.Network([600, 4, 3], hidden="tanh", seed=0)
        history = bpnet.train(
            net, (x, y), epochs=1, batch_size=4, backend="numpy", compiled=compiled, **options
        )
        actual.append([history["cost"], [W.tolist() for W in net.weights]])
    assert actual[0] == actual[1]

"""Numbers that are not finite, and words of large seeds: on the way, not in what is told."""

import numpy as np
import pytest

import bpnet
from bpnet.core import random
from bpnet.errors import Diverged
from bpnet.training import distributions, member


def test_quantiles_are_of_the_finite_values():
    values = np.asarray([1.0, np.inf, 2.0, np.nan, 3.0, -np.inf])
    expected = [float(f"{q:.4g}") for q in np.quantile([1.0, 2.0, 3.0], distributions.QUANTILES)]
    assert distributions._quantiles(values) == expected
    assert distributions._quantiles(np.asarray([np.nan, np.inf])) == [0.0] * 5


@pytest.mark.parametrize("seed", [0, 2**32 - 1, 2**32, 2**32 + 1, 2**64 - 1])
def test_words_of_every_step_are_of_the_whole_seed(seed):
    steps = range(2**32 - 2, 2**32 + 2)
    expected = [random.step_words(seed, member.MASKS, step) for step in steps]
    assert [tuple(words) for words in member._words(seed, steps).tolist()] == expected


@pytest.mark.parametrize("count", [1, 4])
def test_outputs_that_overflow_are_divergence_before_they_are_judged(count):
    """No metric is asked about them, which would blame the data."""
    x, y = np.asarray([[0.1, 0.2], [0.2, 0.1], [0.3, 0.1]]), np.asarray([0.1, 0.2, 0.3])
    nets = [bpnet.Network([2, 1], output="identity", seed=seed) for seed in range(count)]
    for net in nets:
        net.weights[0] = [[3.0, 3.0]]
    held = np.full((2, 2), 3e38, np.float32), np.asarray([0.0, 1.0])
    with pytest.raises(Diverged, match="the validation cost is not finite after epoch 1"):
        bpnet.train(
            nets if count > 1 else nets[0], (x, y), epochs=1, validation=held, metrics=["mse"],
            optimizer="sgd", backend="numpy",
        )  # fmt: skip

"""Words of a step's masks in a graph: those that a training run draws, whatever the seed."""

import array_api_compat.numpy as xp
import numpy as np
import pytest

from bpnet.core import random
from bpnet.export.training import _words


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**32, 2**40 + 7, 2**64 - 1])
def test_words_of_a_graph_are_those_of_a_run(seed):
    for step in (1, 2, 1000):
        words = _words(seed, np.asarray(step, np.int64), xp)
        assert tuple(int(word) for word in words) == random.step_words(seed, 4, step)

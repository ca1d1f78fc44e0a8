"""Counts at their edges: parts of a batch, the best so many."""

from types import SimpleNamespace

import numpy as np
import pytest

from bpnet.core import activations
from bpnet.core.optimizers import SGD
from bpnet.errors import InputError
from bpnet.training import scores
from bpnet.training.step import TrainingStep
from bpnet.training.targets import Targets

SOFTMAX = activations.Softmax()


@pytest.mark.parametrize(("micro", "left"), [(0, 8), (6, 3), (16, 8), (64, 8)])
def test_where_memory_runs_out_half_of_what_was_taken_is_taken(micro, left):
    """A batch of 16 is taken whole by a micro-batch of 64 too."""
    judge = SimpleNamespace(layers=())
    step = TrainingStep(judge, SGD(0.1), 40, micro=micro)
    assert step.smaller(16, MemoryError()).micro == left


@pytest.mark.parametrize(("k", "refused"), [(2, False), (3, True), (4, True)])
def test_the_best_k_of_k_classes_are_always_right(k, refused):
    a, y = np.eye(3), Targets(np.asarray([0, 1, 1]), "class", None)
    if not refused:
        assert scores.compute([f"top_{k}"], y, a, SOFTMAX) == {f"top_{k}": 1.0}
        return
    with pytest.raises(InputError, match=f"top_{k} of 3 classes is always 1"):
        scores.compute([f"top_{k}"], y, a, SOFTMAX)


def test_log_loss_of_examples_that_lack_a_class():
    a = np.asarray([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    y = Targets(np.asarray([0, 1]), "class", None)
    actual = scores.compute(["log_loss"], y, a, SOFTMAX)
    assert actual["log_loss"] == pytest.approx(np.log(2))

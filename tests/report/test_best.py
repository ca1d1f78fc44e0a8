"""The best epoch of a run: by the validation cost where there is one."""

from pathlib import Path

import pytest

import bpnet
from bpnet.report.subject import Subject


@pytest.mark.parametrize(
    ("history", "best"),
    [
        ({"cost": [3.0, 2.0, 1.0], "validation_cost": [2.0, 1.0, 3.0]}, 1),
        ({"cost": [1.0, 2.0, 3.0], "validation_cost": [2.0, 3.0, 1.0]}, 2),
        ({"cost": [3.0, 1.0, 2.0]}, 1),
    ],
)
def test_the_best_epoch_is_that_of_the_least_validation_cost(history, best):
    net = bpnet.Network([2, 2], seed=0)
    assert Subject(Path("run"), {}, history, [], net, None, None).best == best

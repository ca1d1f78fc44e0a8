"""What a schedule does that is named alone."""

import pytest

from bpnet.core import schedules

DEFAULTS = {
    "constant": {},
    "step": {"every": 10, "factor": 0.5},
    "exponential": {"decay": 0.95},
    "inverse_scaling": {"power": 0.5},
    "cosine": {"final": 0.0},
    "warm_up": {"epochs": 1.0, "then": schedules.Constant()},
    "one_cycle": {"rise": 0.3, "start": 1 / 25, "final": 1 / 25 / 1e4},  # as PyTorch's
    "on_plateau": {"factor": 0.5, "patience": 5, "least": 1e-4},
}


@pytest.mark.parametrize("name", schedules.SCHEDULES)
def test_the_settings_of_a_schedule_that_is_named_alone(name):
    assert vars(schedules.get(name)) == pytest.approx(DEFAULTS[name])

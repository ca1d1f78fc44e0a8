"""Dates that come back from float32, which holds days to a thousandth."""

import numpy as np
import pytest

from bpnet.data.columns import Column


@pytest.mark.parametrize(
    ("days", "date"),
    [
        (19723.0, "2024-01-01"),
        (float(np.nextafter(np.float64(19723.0), 0.0)), "2024-01-01"),
        (19723.0 - 9e-4, "2024-01-01"),  # half the distance of float32's numbers there
        (19723.0 - 3e-3, "2023-12-31"),
        (19723.5, "2024-01-01"),
        (-0.5, "1969-12-31"),
        (0.0, "1970-01-01"),
    ],
)
def test_midnight_is_of_the_day_that_begins(days, date):
    assert Column.date_of(days) == date

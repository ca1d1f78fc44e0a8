"""Intervals of the accuracies in a reliability diagram: Wilson's, as SciPy has them."""

import numpy as np
import pytest
from scipy.stats import binomtest

from bpnet.report import detail


@pytest.mark.parametrize(("right", "n"), [(5, 10), (9, 10), (0, 10), (1, 1), (0, 2), (73, 200)])
def test_the_interval_of_a_bin_is_wilsons(right, n):
    found = detail.calibrate(np.full(n, 0.75), np.arange(n) < right)
    wanted = binomtest(right, n).proportion_ci(method="wilson")
    assert found.counts.tolist() == [0] * 7 + [n] + [0] * 2
    assert found.accuracy[7] == right / n
    assert (found.low[7], found.high[7]) == pytest.approx((wanted.low, wanted.high), abs=1e-6)

"""R2 from its definition, whichever of the shapes it takes the targets have."""

import numpy as np
import pytest

from bpnet.core import metrics


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_r2_of_one_output(shape):
    y, a = np.asarray([1.0, 2.0, 4.0, 5.0]), np.asarray([[1.0], [3.0], [4.0], [4.0]])
    # missed: 0 + 1 + 0 + 1; around the mean 3: 4 + 1 + 1 + 4
    assert metrics.r2(a, y.reshape(shape)) == pytest.approx(1 - 2 / 10)
    assert metrics.r2(y.reshape(shape), y) == 1.0

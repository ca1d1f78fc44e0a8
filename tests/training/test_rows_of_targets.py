"""The row of targets that do not sum to 1, where a few rows stand for all."""

import numpy as np
import pytest

from bpnet.core.activations import Softmax
from bpnet.core.costs import CrossEntropy
from bpnet.data import mapped
from bpnet.errors import InputError
from bpnet.training import targets


def test_it_is_counted_in_the_data():
    y = np.asarray([[0.5, 0.5], [0.5, 0.25], [0.25, 0.75]])
    with pytest.raises(InputError, match=r"y has a row with sum 0\.75, row 1;"):
        targets.make_targets(y, 3, 2, Softmax(), CrossEntropy(), None)


def test_it_is_counted_in_a_file_too(tmp_path):
    y = np.full((500, 2), 0.5)
    y[412, 1] = 0.25
    np.save(tmp_path / "y.npy", y)
    held = mapped.open_npy([tmp_path / "y.npy"], "y")
    with pytest.raises(InputError, match=r"y has a row with sum 0\.75, row 412;"):
        targets.make_targets(held, 500, 2, Softmax(), CrossEntropy(), None)

"""Names of files whose endings are in capitals."""

import numpy as np
import pytest

import bpnet
from bpnet.data import sources


@pytest.mark.parametrize("ending", [".npy", ".NPY", ".Npy"])
def test_a_pair_of_arrays_whatever_the_case_of_its_endings(ending, tmp_path):
    x, y = np.arange(12.0).reshape(6, 2), np.asarray([0, 1, 0, 1, 0, 1])
    names = [str(tmp_path / f"{name}{ending}") for name in "xy"]
    for name, values in zip(names, (x, y), strict=True):
        with open(name, "wb") as file:
            np.save(file, values)
    data = bpnet.data.load(",".join(names))
    np.testing.assert_array_equal(data.x, x)
    np.testing.assert_array_equal(data.y, y)
    assert sources.absolute(",".join(names)) == ",".join(names)
    assert sources.read_from(",".join(names)) == names

"""Arrays that other libraries leave out."""

import numpy as np
import pytest

from bpnet.imports import from_torch


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_biases_that_a_layer_has_not_are_zeros_of_the_weights_dtype(dtype):
    net = from_torch({"0.weight": np.ones((3, 2), dtype)}, hidden="relu", output="identity")
    assert net.dtype == net.biases[0].dtype == dtype
    assert net.biases[0].tolist() == [0, 0, 0]

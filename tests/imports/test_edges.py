"""Arrays that other libraries leave out, and the order that they do not tell."""

import numpy as np
import pytest

from bpnet.errors import InputError
from bpnet.imports import from_torch


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_biases_that_a_layer_has_not_are_zeros_of_the_weights_dtype(dtype):
    net = from_torch({"0.weight": np.ones((3, 2), dtype)}, hidden="relu", output="identity")
    assert net.dtype == net.biases[0].dtype == dtype
    assert net.biases[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("order", [["up", "up"], ["up"], ["up", "down", "up"], ["up", "on"]])
def test_an_order_names_each_layer_once(order):
    state = {"up.weight": np.ones((2, 2)), "down.weight": np.ones((2, 2))}
    with pytest.raises(InputError, match=r"the layers are \['down', 'up'\]; name each once"):
        from_torch(state, hidden="relu", output="identity", order=order)

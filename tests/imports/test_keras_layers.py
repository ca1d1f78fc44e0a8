"""What stands behind the last dense layer of a model, where a network ends."""

import pytest

from bpnet.core.activations import Softmax
from bpnet.core.layers import Dropout
from bpnet.imports.keras_layers import Chain, DenseLayer, finish


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_dropout_after_the_last_dense_layer_is_left_out_however_often(count):
    first, last = (DenseLayer(name, 3, has_bias=True, sigma=Softmax()) for name in "ab")
    chain = Chain([first, Dropout(0.5), last, *[Dropout(0.1)] * count])
    finish(chain)
    assert chain.parts == [first, Dropout(0.5), last]
    assert chain.left_out == ["Dropout after the last dense layer"] * count

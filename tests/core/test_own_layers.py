"""Layers of a user's own class: what a file could not give back is not written to it."""

import dataclasses

import pytest

import bpnet
from bpnet.core import layers
from bpnet.errors import InputError


@dataclasses.dataclass(frozen=True)
class Doubled(layers.Dense):
    def forward(self, arrays, a, *, xp, key=None):
        return super().forward(arrays, 2 * a, xp=xp, key=key)


def test_a_class_on_a_layer_is_no_layer_by_that_name(tmp_path):
    with pytest.raises(InputError, match="is no layer of bpnet's own"):
        layers.describe(Doubled(2, 2))
    net = bpnet.Network([Doubled(2, 2), bpnet.layers.Dense(2, 2, "softmax")])
    with pytest.raises(InputError, match="is no layer of bpnet's own"):
        net.save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())

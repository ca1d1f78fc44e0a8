"""What ``bpnet.train`` and ``bpnet.gradients`` refuse, in one line."""

import numpy as np
import pytest

import bpnet
from bpnet.training import Callback
from tests.training.test_train import blobs

BAD = {
    "epochs": ({"epochs": 0}, "epochs is 0"),
    "epochs text": ({"epochs": "3"}, "epochs is '3'"),
    "batch": ({"batch_size": -2}, "batch_size is -2"),
    "l2": ({"l2": float("nan")}, "l2 is nan"),
    "dropout": ({"dropout": 1.0}, "dropout rate is 1.0"),
    "cost": ({"cost": 3}, "cost is 3"),
    "optimizer": ({"optimizer": object()}, "optimizer is"),
    "dtype": ({"dtype": "int8"}, "int8"),
    "seed": ({"seed": -1}, "seed is -1"),
    "validation": ({"validation": 3}, "validation is int"),
}


TARGETS = {
    "too few": (np.arange(5) % 3, "5 entries"),
    "four classes": (np.arange(300) % 4, "4 classes"),
    "one class": (np.zeros(300, int), "one class"),
    "wide rows": (np.zeros((300, 4)), r"\(300, 4\)"),
    "rows that do not sum to 1": (np.full((300, 3), 0.5), "sum"),
    "NaN": (np.full((300, 3), np.nan), "row 0"),
    "negative": (np.full((300, 3), -1.0), "from 0 to 1"),
    "mixed": (np.asarray([1, "a", 2.5] * 100, dtype=object), "mixes"),
}


REFUSED = {
    "seed -1": ({"seed": -1}, "seed is -1"),
    "seed text, one batch": ({"seed": "a", "batch_size": None}, "seed is 'a'"),
    "callback": ({"callbacks": Callback()}, "callbacks is"),
    "no callback": ({"callbacks": [print]}, "callbacks holds"),
    "cost class": ({"cost": bpnet.costs.Huber}, r"Huber\(\)"),
    "dates": ({"y": np.arange(300).astype("M8[D]")}, "datetime64"),
}


@pytest.mark.parametrize(("options", "text"), BAD.values(), ids=BAD.keys())
def test_bad_options_are_refused(options, text):
    X, y = blobs()
    with pytest.raises(bpnet.InputError, match=text):
        bpnet.train(bpnet.Network([6, 3]), (X, y), backend="numpy", **options)


@pytest.mark.parametrize(("y", "text"), TARGETS.values(), ids=TARGETS.keys())
def test_bad_targets_are_refused(y, text):
    X, _ = blobs()
    with pytest.raises(bpnet.InputError, match=text):
        bpnet.train(bpnet.Network([6, 3]), (X, y), backend="numpy")


@pytest.mark.parametrize(("options", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_what_training_cannot_use_is_refused(options, text):
    X, y = blobs()
    options = dict(options)
    with pytest.raises(bpnet.InputError, match=text):
        bpnet.train(
            bpnet.Network([6, 8, 3], hidden="sigmoid"),
            (X, options.pop("y", y)),
            backend="numpy",
            **options,
        )


def test_data_before_the_network_is_refused():
    X, y = blobs()
    with pytest.raises(bpnet.InputError, match=r"bpnet\.Network"):
        bpnet.train((X, y), bpnet.Network([6, 3]))


def test_gradients_refuse_a_negative_l2():
    X, y = blobs()
    with pytest.raises(bpnet.InputError, match="l2 is -1"):
        bpnet.gradients(bpnet.Network([6, 3]), X, y, l2=-1)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("value", lambda z: (z - 1) ** 2),
        ("delta", lambda z: z[..., 0]),
        ("value", lambda z: 0.5),
    ],
)
def test_a_users_cost_of_a_wrong_shape_is_told_so(name, given):
    class Mine:
        def value(self, z, y, output):
            return given(z) if name == "value" else z[..., 0]

        def delta(self, z, y, output):
            return given(z) if name == "delta" else z

    X, y = blobs()
    net = bpnet.Network([6, 3], output="identity", seed=0)
    with pytest.raises(bpnet.InputError, match=rf"^Mine.{name} gave .*; give \(64"):
        bpnet.train(net, (X, y), cost=Mine(), backend="numpy")


@pytest.mark.parametrize("thing", [[None], np.tanh, bpnet.activations.Tanh, 3])
def test_what_is_no_activation_is_refused(thing):
    with pytest.raises(bpnet.InputError, match="give a name or an object with sigma and backward"):
        bpnet.Network([2, 3, 2], hidden=thing)

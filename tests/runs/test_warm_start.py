"""Networks that begin with the weights of another run."""

import numpy as np
import pytest

import bpnet
from bpnet.data import Dataset
from bpnet.runs import warm_start
from tests.assertions import error_message

X = np.arange(24.0).reshape(12, 2)

Y = np.arange(12) % 3


@pytest.mark.parametrize(
    ("options", "layout"),
    [
        ({"hidden": "tanh"}, {"hidden": [4, 5], "activation": "tanh", "output": "softmax",
                              "norm": None}),
        ({"hidden": ["tanh", "leaky-relu"], "norm": "batch", "output": "sigmoid"},
         {"hidden": [4, 5], "activation": ["identity", "identity"], "output": "sigmoid",
          "norm": "batch"}),
    ],
)  # fmt: skip
def test_the_layout_of_a_network_to_begin_with(options, layout):
    described = warm_start.layout(bpnet.Network([3, 4, 5, 2], **options))
    if "norm" in options:  # which has the activations
        del described["activation"], layout["activation"]
    assert described == layout


def test_a_network_to_begin_with_fits_the_data():
    first = bpnet.Network([2, 5, 3], hidden="tanh", seed=8)
    options = {"output": "softmax", "norm": None, "init": "auto", "seed": 0, "hidden": [5],
             "activation": "tanh"}  # fmt: skip
    start = warm_start.WarmStart((first,), None, ("hidden",))
    assert warm_start.make_network(start, Dataset(X, Y), options) is first
    assert error_message(warm_start.make_network, start, Dataset(X[:, :1], Y), options) == (
        "the trained network has 2 inputs, and the data need 1; "
        "give data like that run's, or another init"
    )
    assert error_message(warm_start.make_network, start, Dataset(X, Y % 2), options) == (
        "the trained network has 3 outputs, and the data need 2; "
        "give data like that run's, or another init"
    )
    text = error_message(warm_start.make_network, start, Dataset(X, Y), {**options, "hidden": [4]})
    assert text.startswith("layer 1 of the trained network is dense 2 to 5 tanh, not dense 2 to 4 ")
    assert text.endswith("leave --hidden out")
    assert warm_start.make_network(warm_start.WarmStart(), Dataset(X, Y), options).sizes == [
        2,
        5,
        3,
    ]


@pytest.mark.parametrize("init", ["auto", "he", "he-normal", "he_normal", "zeros"])
def test_names_of_first_weights_are_no_runs(init, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / init).mkdir()
    assert warm_start.WarmStart.of({"init": init}, ()).networks == ()
    assert error_message(warm_start.WarmStart.of, {"init": "runs/gone"}, ()) == (
        "there is no run at runs/gone; give the folder that `bpnet train` printed"
    )

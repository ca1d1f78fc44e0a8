"""``bpnet.Network`` with nothing said is the network of ``bpnet train`` with nothing said."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import bpnet
from bpnet.cli import main
from bpnet.runs.configuration import Layout, RunOptions
from bpnet.training.recipe import Place, Ranks, Recipe

WHAT_IS_LEFT_OUT = {
    Recipe: {
        "cost": None, "optimizer": bpnet.optimizers.Adam(1e-3), "epochs": 20, "batch_size": 64,
        "micro_batch": None, "schedule": bpnet.schedules.Constant(), "l2": 0.0, "l1": 0.0,
        "max_norm": 0.0, "clip_norm": 0.0,
        "dropout": 0.0, "label_smoothing": 0.0, "class_weight": None, "metrics": (), "seed": 0,
    },
    Place: {
        "backend": None, "device": None, "dtype": "float32", "threads": None, "precision": None,
        "compiled": None,
    },
    Ranks: {"communicator": None, "reduce": "ordered", "shards": None},
    Layout: {"hidden": (128, 64), "activation": "relu", "output": None, "norm": None,
             "init": "auto"},
    RunOptions: {
        "recipe": None, "members": None, "learning_rate": None, "momentum": None,
        "patience": None, "sample_weight": None,
        "checkpoint_minutes": 15 / 60, "on_error": "stop",  # 15 seconds: docs/runs.md
    },
}  # fmt: skip
"""What the README and the pages of the site say of a run of which nothing else is said."""

STILL = ("--learning-rate", "1e-30", "--epochs", "1", "--backend", "numpy", "-q")
"""A run that leaves every float32 where it was, but for zeros."""


def table(path, targets):
    x = np.random.default_rng(0).normal(size=(len(targets), 3))
    lines = [f"{a:.3f},{b:.3f},{c:.3f},{t}" for (a, b, c), t in zip(x, targets, strict=True)]
    path.write_text("\n".join(("a,b,c,target", *lines)))
    return str(path)


@pytest.mark.parametrize(
    ("targets", "sizes"),
    [
        (None, [64, 128, 64, 10]),
        (np.random.default_rng(1).normal(size=60), [3, 128, 64, 1]),
        (["yes", "no"] * 30, [3, 128, 64, 2]),
    ],
    ids=["digits", "amounts", "two classes"],
)
def test_python_and_the_command_line_begin_with_the_same(tmp_path, targets, sizes):
    source = "digits" if targets is None else table(tmp_path / "t.csv", targets)
    more = () if targets is None else ("--target", "target", "--recipe", "none")
    assert not main(["train", source, *more, *STILL, "--out", str(tmp_path / "run")])
    network = bpnet.load(tmp_path / "run" / "model.safetensors")
    net = bpnet.Network(sizes)
    assert network.layers == net.layers
    for got, want in zip(network.weights, net.weights, strict=True):
        assert_array_equal(got, want.astype(np.float32))
    assert max(np.abs(b).max() for b in network.biases) < 1e-20  # of 0 the steps are left


@pytest.mark.parametrize(
    ("outputs", "options", "want"),
    [
        (3, {}, ["ReLU", "ReLU", "Softmax"]),
        (2, {}, ["ReLU", "ReLU", "Softmax"]),
        (1, {}, ["ReLU", "ReLU", "Identity"]),
        (1, {"output": "sigmoid"}, ["ReLU", "ReLU", "Sigmoid"]),
        (1, {"hidden": "sigmoid"}, ["Sigmoid", "Sigmoid", "Identity"]),
    ],
)
def test_what_is_left_out_is_relu_then_classes_or_an_amount(outputs, options, want):
    net = bpnet.Network([5, 4, 4, outputs], **options)
    assert [type(layer.activation).__name__ for layer in net.layers] == want
    assert net.guessed == ("output" not in options)


def test_first_weights_suit_the_activation():
    """He's variance for ReLU is 2 over the inputs, which its truncation does not change."""
    W = bpnet.Network([400, 300, 10], seed=2).weights[0]
    assert W.var() == pytest.approx(2 / 400, rel=0.02)
    W = bpnet.Network([400, 300, 10], hidden="sigmoid", seed=2).weights[0]
    assert W.var() == pytest.approx(2 / 700, rel=0.02)  # Glorot's, over inputs and outputs


def test_what_is_made_of_layers_or_loaded_is_no_guess(tmp_path):
    path = bpnet.Network([3, 4, 1]).save(tmp_path / "net.safetensors")
    assert not bpnet.load(path).guessed
    assert not bpnet.Network([bpnet.layers.Dense(3, 1, "identity")]).guessed


@pytest.mark.parametrize("kind", WHAT_IS_LEFT_OUT)
def test_an_option_that_is_left_out_is_what_the_documentation_says(kind):
    assert vars(kind()) == WHAT_IS_LEFT_OUT[kind]

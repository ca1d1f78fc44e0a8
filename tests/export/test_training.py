"""The training step as an ONNX file: ONNX Runtime trains as ``bpnet.train`` does."""

import copy

import numpy as np
import pytest

import bpnet
from bpnet.data import draws
from bpnet.errors import InputError
from bpnet.export import training_to_onnx
from tests.export.sessions import Session, error

BOUND = 1e-5
EPOCHS, BATCH = 10, 64


@pytest.fixture(scope="module")
def digits():
    """630 examples: ten batches an epoch, the last one smaller."""
    data = bpnet.data.load("digits")
    return (data.x[:630] * data.scale).astype(np.float32), data.y[:630].astype(np.int64)


def trained(session, x, y, epochs=EPOCHS):
    """Weights and state after the epochs, and the mean cost and right answers of the last one."""
    carried = {}
    for epoch in range(epochs):
        order, costs, right = draws.order(0, epoch, len(x)), 0.0, 0
        for i in range(0, len(x), BATCH):
            rows = order[i : i + BATCH]
            more = {"rows": rows.astype(np.int64)} if "rows" in session.inputs else {}
            outputs = session(x=x[rows], y=y[rows], **more, **carried)
            carried = {name[:-4]: outputs[name] for name in outputs if name.endswith(".new")}
            costs += float(outputs["cost"]) * len(rows)
            right += int(outputs.get("correct", 0))
    return carried, costs / len(x), right / len(x)


def follows(net, data, folder, optimizer, **options):
    """Train 100 steps with both and compare everything that is learned."""
    session = Session(
        training_to_onnx(net, folder / "step.onnx", optimizer=optimizer, examples=630, **options)
    )
    other = copy.deepcopy(net)
    history = bpnet.train(
        other,
        data,
        optimizer=optimizer,
        epochs=EPOCHS,
        batch_size=BATCH,
        backend="numpy",
        **options,
    )
    carried, cost, accuracy = trained(session, *data)
    assert int(carried["step"]) == 101
    assert cost == pytest.approx(history["cost"][-1], rel=BOUND)
    if "accuracy" in history:
        assert accuracy == pytest.approx(history["accuracy"][-1], abs=1e-9)
    for l, arrays in enumerate(other.parameters):
        kinds = (
            ("W", "b") if arrays and arrays[0].ndim == 2 else ("gamma", "beta", "mean", "variance")
        )
        for kind, expected in zip(kinds, arrays, strict=False):
            assert error(carried[f"{kind}.{l}"], expected) <= BOUND, f"{kind}.{l}"
    assert any(np.any(a != b) for a, b in zip(other.weights, net.weights, strict=True))
    return session


def network(**options):
    return bpnet.Network([64, 24, 10], hidden="relu", seed=3, **options)


def test_inputs_and_outputs_have_the_names_that_are_documented(tmp_path):
    net = bpnet.Network([6, 5, 3], hidden="relu", norm="batch", seed=0)
    path = training_to_onnx(net, tmp_path / "step.onnx", optimizer="adam", dropout=0.5)
    session, learned = Session(path), ("W.0", "gamma.1", "beta.1", "W.2", "b.2")
    handed_on = {"step", "b.0", "mean.1", "variance.1", *learned}  # no step moves b.0
    handed_on |= {f"{name}.slot{i}" for name in learned for i in (0, 1)}
    inputs = {entry.name for entry in session.model.graph.input}
    assert inputs == {"x", "y", "rows", "learning_rate", *handed_on}
    assert set(session.outputs) == {"cost", "correct", *(f"{name}.new" for name in handed_on)}


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_hundred_steps_follow_train(tmp_path, digits, optimizer):
    session = follows(network(), digits, tmp_path, optimizer)
    products = [node for node in session.model.graph.node if node.op_type in ("MatMul", "Gemm")]
    assert len(products) == 5  # two forward, two for the gradients, one to carry the error down
    assert not {"If", "Loop", "Size"} & set(session.operators)


def test_regularization_and_limits(tmp_path, digits):
    options = {"l2": 0.5, "l1": 0.1, "clip_norm": 0.5, "max_norm": 1.0}
    follows(network(), digits, tmp_path, "adamw", **options)


def test_dropout_draws_the_masks_of_train(tmp_path, digits):
    session = follows(network(), digits, tmp_path, "sgd", dropout=0.3, seed=0)
    assert "rows" in session.inputs


@pytest.mark.parametrize("labels", ["softmax", "sigmoid"])
def test_label_smoothing(tmp_path, digits, labels):
    x, y = digits
    net = network() if labels == "softmax" else bpnet.Network([64, 8, 1], output="sigmoid", seed=1)
    targets = y if labels == "softmax" else (y > 4).astype(np.float32)[:, None]
    follows(net, (x, targets), tmp_path, "sgd", label_smoothing=0.2)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_normalization_with_its_averages(tmp_path, digits, norm):
    follows(network(norm=norm), digits, tmp_path, "momentum")


def test_rows_of_real_targets(tmp_path, digits):
    x = digits[0]
    y = np.stack([x[:, :32].sum(axis=1), x[:, 32:].sum(axis=1)], axis=1) / 10
    net = bpnet.Network([64, 8, 2], hidden="tanh", output="identity", seed=1)
    session = follows(net, (x, y), tmp_path, "nesterov", cost="huber")
    assert "correct" not in session.outputs


def test_one_sigmoid_output(tmp_path, digits):
    x, y = digits
    net = bpnet.Network([64, 8, 1], hidden="tanh", output="sigmoid", seed=1)
    rows = (y > 4).astype(np.float32)[:, None]
    follows(net, (x, rows), tmp_path, "rmsprop")


def test_the_learning_rate_may_be_an_input(tmp_path, digits):
    x, y = digits
    sgd = bpnet.optimizers.SGD(learning_rate=0.25)
    session = Session(training_to_onnx(network(), tmp_path / "step.onnx", optimizer=sgd))
    left_out = session(x=x, y=y)["W.0.new"]
    updated = session(x=x, y=y, learning_rate=np.asarray(0.25, np.float32))["W.0.new"]
    np.testing.assert_array_equal(left_out, updated)
    still = session(x=x, y=y, learning_rate=np.asarray(0, np.float32))["W.0.new"]
    np.testing.assert_array_equal(still, network().weights[0].T.astype(np.float32))
    assert np.any(still != updated)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"optimizer": "lbfgs"}, "lbfgs"),
        ({"optimizer": "adm"}, "'adam'"),
        ({"l2": 0.1}, "size of the training set"),
        ({"l2": 0.1, "examples": 0}, "size of the training set"),
        ({"cost": "poisson"}, "Softmax"),
        ({"dropout": 1}, "dropout"),
        ({"seed": -1}, "seed"),
        ({"schedule": "cosine"}, "schedule is Cosine.* a single step has none; leave schedule out"),
        ({"class_weight": "balanced"}, "class_weight is 'balanced'.* leave class_weight out"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(tmp_path, options, word):
    with pytest.raises(InputError, match=word):
        training_to_onnx(network(), tmp_path / "step.onnx", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_says_the_same_as_keywords(tmp_path):
    recipe = bpnet.Recipe(optimizer="sgd", clip_norm=2.0, dropout=0.1, epochs=3)
    made = [
        training_to_onnx(network(), tmp_path / "a.onnx", recipe, seed=5),
        training_to_onnx(
            network(), tmp_path / "b.onnx", optimizer="sgd", clip_norm=2.0, dropout=0.1, seed=5
        ),
    ]
    assert made[0].read_bytes() == made[1].read_bytes()

"""Networks and their files: first weights by layer, what comes back, and what a refusal says."""

import json

import numpy as np
import pytest

import bpnet
from bpnet.core import initializers, layers
from bpnet.data import draws
from bpnet.data.columns import Column, Columns
from bpnet.errors import InputError
from bpnet.model import assembly, loading
from bpnet.model.base import class_numbers
from bpnet.model.ensemble import Ensemble
from bpnet.model.network import Network, check_alike
from bpnet.storage import checksummed
from tests.assertions import error_message

XP = bpnet.backends.get("numpy").xp
NEGATIVE = np.asarray([1, -0.5])


def turned(draw, n_in, n_out, *, xp):
    """An initializer that takes the axes for one another."""
    return xp.ones((n_out, n_in)), xp.zeros(n_out)


COLUMNS = Columns(
    (Column("a", "number", 1.0, 2.0), Column("b", "number", 3.0, 4.0)), (), "y", "text",
    "classify", ("no", "yes"),
)  # fmt: skip


def test_each_layer_draws_a_stream_of_its_own():
    net = Network([3, 3, 3, 2], hidden="tanh", seed=5, init="normal")
    for l, (W, b) in enumerate(net.parameters):
        source = draws.generator(5, "weights", l)
        np.testing.assert_array_equal(W, source.standard_normal(W.shape) / np.sqrt(3))
        np.testing.assert_array_equal(b, source.standard_normal(b.shape))
    normed = Network([3, 3, 2], seed=5, init="normal", norm="layer")
    np.testing.assert_array_equal(
        normed.weights[1].T * np.sqrt(3), draws.generator(5, "weights", 2).standard_normal((3, 2))
    )
    assert (Network([3, 4, 2], seed=6).weights[0] != Network([3, 4, 2], seed=5).weights[0]).all()


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_initializers_may_be_one_for_each_dense_layer(norm):
    net = Network([3, 4, 2], init=["zeros", "orthogonal"], norm=norm, seed=1)
    assert not net.weights[0].any()
    np.testing.assert_allclose(net.weights[1] @ net.weights[1].T, np.eye(2), atol=1e-12)
    count = 2 if norm is None else 3
    for wrong in (1, 4):
        assert error_message(Network, [3, 4, 2], init=["zeros"] * wrong, norm=norm) == (
            f"init has {wrong} entries for {count} layers; match them"
        )


@pytest.mark.parametrize(
    ("hidden", "init"),
    [("relu", "he"), ("tanh", "glorot"), ("selu", "lecun"), ("gelu", "he"), ("sigmoid", "glorot")],
)
def test_auto_suits_the_activation(hidden, init):
    made = Network([5, 4, 2], hidden=hidden, seed=3)
    expected = Network([5, 4, 2], hidden=hidden, seed=3, init=[init, "glorot"])
    for a, b in zip(made.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.concatenate(list(made.biases)).any()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Network([5]),
         "sizes is [5]; give at least an input and an output, such as [784, 30, 10]"),
        (lambda: Network("5,3"),
         "sizes is '5,3'; give the neurons of each layer, such as [784, 30, 10]"),
        (lambda: Network([5, 4, 3], hidden=["relu", "tanh"]),
         "hidden has 2 activations for 1 hidden layers; match them"),
        (lambda: Network([layers.Dense(3, 2)], hidden="relu", norm="batch"),
         "sizes is a list of layers, with activations and norms, and hidden and norm was given "
         "too; leave hidden and norm out"),
        (lambda: Network([layers.Dense(3, 2), layers.Dense(3, 2)]),
         "layer 1 gives 2 values and layer 2 takes 3; make them equal"),
        (lambda: Network([layers.Dense(3, 2), layers.BatchNorm(3), layers.Dense(2, 2)]),
         "layer 1 gives 2 values and layer 2 takes 3; make them equal"),
        (lambda: Network([layers.Dense(3, 2), layers.Dropout(0.5)]),
         "the last layer must be Dense: its activation is the network's output"),
        (lambda: Network([5, 1, 2], hidden="softmax"),
         "hidden layer 1 is a softmax of one neuron, always 1; choose another"),
        (lambda: Network([5, 3, 1], output="softmax"),
         "the output is a softmax of one neuron, always 1; use sigmoid for two classes"),
        (lambda: Network([2, 2], init=[(np.zeros((2, 3)), np.zeros(2))]),
         "init[0] has shapes (2, 3) and (2,); layer 0 takes (2, 2) and (2,)"),
        (lambda: Network([3, 2], init=[(np.zeros((2, 3)), np.zeros(3))]),
         "init[0] has shapes (2, 3) and (3,); layer 0 takes (2, 3) and (2,)"),
        (lambda: Network([2, 2], init=[(np.full((2, 2), np.nan), np.zeros(2))]),
         "init[0] has a value that is not finite; give finite numbers"),
        (lambda: Network([2, 2], init=[(np.zeros((2, 2), complex), np.zeros(2))]),
         "init[0] was given complex128; give real numbers"),
        (lambda: Network([3, 2], init=turned),
         "the initializer of layer 0 gave shapes (2, 3) and (2,); it must give (3, 2) and (2,), "
         "(n_in, n_out) and (n_out,)"),
        (lambda: assembly.checked_copies(layers.BatchNorm(2), [np.ones(2)] * 3, 1),
         "init[1] has shapes ((2,), (2,), (2,)); layer 1 takes ((2,), (2,), (2,), (2,))"),
        (lambda: assembly.checked_copies(layers.BatchNorm(2), [*[np.ones(2)] * 3, NEGATIVE], 1),
         "init[1] has the running variance -0.5; give 0 or more"),
        (lambda: setattr(Network([2, 3]), "classes", ["a", "b"]),
         "classes are ['a', 'b']; the outputs need 3 different names"),
        (lambda: setattr(Network([2, 1], output="sigmoid"), "classes", ["a"]),
         "classes are ['a']; the outputs need 2 different names"),
        (lambda: setattr(Network([3, 2]), "columns", COLUMNS),
         "columns make 2 inputs and the network has 3; give those that it was trained with"),
        (lambda: setattr(Network([1, 2]), "columns", COLUMNS),
         "columns make 2 inputs and the network has 1; give those that it was trained with"),
        (lambda: Network([2, 2]).encode([{"a": 1}]),
         "the network was not trained on a table; give an array of inputs to predict"),
        (lambda: Network([2, 2]).weights.__setitem__(0, np.zeros((2, 3))),
         "weights[0] was given shape (2, 3); its layer takes (2, 2)"),
        (lambda: Network([2, 2]).biases.__setitem__(slice(0, 1), [np.zeros(2)]),
         "biases can be set one layer at a time, not as a slice; give its number"),
        (lambda: Network([2, 2]).save("m.npz"),
         "a model is saved as .safetensors, not as 'm.npz'; rename it"),
        (lambda: Ensemble([]), "an ensemble needs at least one network; give some"),
        (lambda: Ensemble([3]), "an ensemble was given int; give bpnet.Network objects"),
    ],
)  # fmt: skip
def test_what_a_refusal_says(call, text):
    assert error_message(call) == text


def test_labels_and_classes_exclude_one_another():
    net = Network([2, 2], output="sigmoid")
    net.labels = True
    net.classes = ["a", "b"]
    assert not net.labels
    assert error_message(setattr, net, "labels", True) == (
        "labels is True beside the classes ['a', 'b'], which exclude one another; "
        "set classes to None first"
    )
    net.classes = None
    net.labels = True
    assert net.labels


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda: Network([3, 2]), "inputs 3 and the first 2"),
        (lambda: Network([2, 3]), "outputs 3 and the first 2"),
        (lambda: Network([2, 2], output="sigmoid"), "output activation Sigmoid() and the first "),
        (lambda: scaled(0.5), "scale 0.5 and the first None"),
        (lambda: called(["a", "b"]), "class names ['a', 'b'] and the first None"),
    ],
)
def test_networks_of_a_set_answer_the_same_question(change, what):
    alike = [Network([2, 2]), Network([2, 5, 2])]
    check_alike(alike, "set")
    text = error_message(check_alike, [*alike, change()], "set")
    assert text.startswith(f"network 3 of the set has {what}")
    assert text.endswith("; make them the same")


def scaled(scale):
    net = Network([2, 2])
    net.scale = scale
    return net


def called(names):
    net = Network([2, 2])
    net.classes = names
    return net


@pytest.mark.parametrize(
    ("sizes", "output", "labels", "classes", "expected"),
    [
        ([2, 3], "softmax", False, None, [1, 0]), ([2, 3], "identity", False, None, [1, 0]),
        ([2, 3], "sigmoid", False, None, [[0, 1, 0], [1, 0, 1]]),
        ([2, 3], "sigmoid", False, ["a", "b", "c"], [1, 0]),
        ([2, 3], "tanh", True, None, [[1, 1, 1], [1, 0, 1]]),
        ([2, 1], "sigmoid", False, None, [0, 1]), ([2, 1], "tanh", False, None, [1, 1]),
    ],
)  # fmt: skip
def test_classes_of_outputs(sizes, output, labels, classes, expected):
    net = Network(sizes, output=output)
    net.labels = labels
    if classes:
        net.classes = classes
    a = np.asarray([[0.3, 0.6, 0.1], [0.9, -0.2, 0.7]])[:, : sizes[-1]]
    assert class_numbers(net, a, xp=XP).tolist() == expected
    if classes:
        assert net.decide(a).tolist() == ["b", "a"]


def whole(labels=False):
    """A network with everything that a file has."""
    net = Network([2, 3, 2], output="sigmoid", norm="batch", seed=4)
    net.parameters = tuple(
        tuple(np.abs(a) + 0.25 * (i + 1) for i, a in enumerate(arrays)) for arrays in net.parameters
    )
    net.scale, net.columns, net.labels = 0.125, COLUMNS, labels
    if not labels:
        net.classes = ["no", "yes"]
    return net


@pytest.mark.parametrize("labels", [False, True])
def test_everything_comes_back(tmp_path, labels):
    net = whole(labels)
    same = bpnet.load(net.save(tmp_path / "m.safetensors"))
    assert [*map(layers.describe, same.layers)] == [*map(layers.describe, net.layers)]
    assert (same.scale, same.columns, same.labels) == (0.125, COLUMNS, labels)
    assert (same.classes is None) is labels
    for a, b in zip(same.parameters, net.parameters, strict=True):
        for one, other in zip(a, b, strict=True):
            np.testing.assert_array_equal(one, other)
    x = np.asarray([[0.5, -1.0], [2.0, 0.25]])
    np.testing.assert_array_equal(same.predict(x), net.predict(x))
    both = Ensemble.load(Ensemble([net, net]).save(tmp_path / "e.safetensors"))
    assert [n.labels for n in both.networks] == [labels] * 2
    assert both.networks[1].columns == COLUMNS


def test_what_is_beside_a_model_does_not_take_the_place_of_what_is_in_it(tmp_path):
    net = whole()
    net.save(tmp_path / "model.safetensors")
    changed = COLUMNS.to_json().replace('"a"', '"c"')
    (tmp_path / "columns.json").write_text(changed)
    assert bpnet.load(tmp_path).columns == COLUMNS
    net.columns = None
    net.save(tmp_path / "model.safetensors")
    assert bpnet.load(tmp_path).columns == Columns.from_json(changed)
    assert bpnet.load(tmp_path / "model.safetensors").columns is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": "other"}, "it holds a 'other', not a 'bpnet network'"),
        ({"version": 0}, "it is of version 0"), ({"version": True}, "it is of version True"),
        ({"version": 3}, "written by a later version (3); update bpnet"),
        ({"layers": []}, "its tensors have shapes"), ({"scale": "x"}, "scale is 'x'"),
        ({"classes": ["a"]}, "the outputs need 2 different names"),
        ({"layers": [{"kind": "dense", "n_in": 2}]}, "does not take"),
    ],
)  # fmt: skip
def test_an_error_says_why_a_file_is_no_model(tmp_path, change, text):
    path = whole().save(tmp_path / "m.safetensors")
    content = checksummed.read(path)
    described = {**json.loads(content.text), **change}
    path.write_bytes(checksummed.encode(json.dumps(described), content.tensors))
    message = error_message(bpnet.load, path)
    assert message.startswith(str(path))
    assert text in message


@pytest.mark.parametrize("version", [1, 2])
def test_only_the_first_version_had_no_seal(tmp_path, version):
    from safetensors.numpy import save

    path = whole().save(tmp_path / "m.safetensors")
    content = checksummed.read(path)
    described = {**json.loads(content.text), "version": version}
    path.write_bytes(save(content.tensors, metadata={"bpnet": json.dumps(described)}))
    if version == 1:
        assert bpnet.load(path).scale == 0.125
    else:
        assert "it has no SHA-256" in error_message(bpnet.load, path)


def test_files_of_the_book_have_sigmoids_and_numbers_for_classes(tmp_path):
    path = tmp_path / "net.json"
    saved = {"sizes": [2, 3, 2], "weights": [[[1, 2], [3, 4], [5, 6]], [[1, 2, 3], [4, 5, 6]]],
            "biases": [[[1], [2], [3]], [[4], [5]]], "cost": "CrossEntropyCost"}  # fmt: skip
    path.write_text(json.dumps(saved))
    net = bpnet.load(path)
    assert [layer.activation for layer in net.layers] == [bpnet.activations.Sigmoid()] * 2
    assert net.weights[0].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert net.biases[1].tolist() == [4, 5]
    assert net.classes.tolist() == [0, 1]
    saved |= {"sizes": [2, 1], "weights": [[[1, 2]]], "biases": [[[1]]]}
    path.write_text(json.dumps(saved))
    assert bpnet.load(path).classes is None


def test_an_ensemble_answers_with_the_mean_and_its_spread():
    nets = [Network([2, 3, 2], seed=seed) for seed in range(3)]
    for net in nets:
        net.classes = ["no", "yes"]
    x = np.random.default_rng(0).normal(size=(5, 2))
    each = np.stack([net.predict(x) for net in nets])
    both = Ensemble(nets)
    np.testing.assert_allclose(both.outputs(x), each, rtol=1e-12)
    np.testing.assert_allclose(both.predict(x), each.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(both.spread(x), each.std(axis=0), rtol=1e-12)
    expected = np.asarray(["no", "yes"])[each.mean(axis=0).argmax(axis=1)]
    assert both.classify(x).tolist() == expected.tolist()
    assert len(both) == 3
    assert "Ensemble(3 x Network([2, 3, 2]" in repr(both)


@pytest.mark.parametrize(
    ("name", "std"),
    [("he_normal", np.sqrt(2 / 300)), ("lecun_normal", np.sqrt(1 / 300)),
     ("glorot_normal", np.sqrt(2 / 500)), ("he_uniform", np.sqrt(2 / 300)),
     ("lecun_uniform", np.sqrt(1 / 300)), ("glorot_uniform", np.sqrt(2 / 500)),
     ("he", np.sqrt(2 / 300)), ("glorot", np.sqrt(2 / 500)), ("lecun", np.sqrt(1 / 300)),
     ("normal", np.sqrt(1 / 300))],
)  # fmt: skip
def test_first_weights_have_the_deviation_of_their_rule(name, std):
    rule = initializers.get(name, bpnet.activations.Tanh())
    W, b = rule(draws.HostDraw(draws.generator(1, "weights", 0)), 300, 200, xp=np)
    assert W.std() == pytest.approx(std, rel=0.02)
    assert (np.abs(W).max() <= np.sqrt(3) * std) == ("uniform" in name or name == "glorot")
    assert bool(b.any()) == (name == "normal")


def test_an_error_on_a_file_that_is_no_model_names_its_path(tmp_path):
    assert error_message(bpnet.load, tmp_path / "m.safetensors") == (
        f"there is no model at {tmp_path / 'm.safetensors'}; "
        "give a .safetensors file or the folder of a run"
    )
    (tmp_path / "m.json").write_text("{}")
    assert error_message(bpnet.load, tmp_path / "m.json") == (
        f"{tmp_path / 'm.json'} is damaged or not a bpnet model ('sizes'); give another file"
    )
    with pytest.raises(InputError, match="is damaged or not a bpnet model"):
        loading.load(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("change", "has_sum", "text"),
    [({}, True, ""), ({}, False, "it is of version 1, or has no SHA-256"),
     ({"version": 2}, True, "it is of version 2, or has no SHA-256"),
     ({"format": "bpnet network"}, True, "it holds a 'bpnet network', not a 'bpnet ensemble'")],
)  # fmt: skip
def test_an_ensemble_of_another_version_or_without_a_seal_is_refused(
    tmp_path, change, has_sum, text
):
    from safetensors.numpy import save

    path = Ensemble([whole(), whole()]).save(tmp_path / "e.safetensors")
    content = checksummed.read(path)
    described = json.dumps({**json.loads(content.text), **change})
    without = save(content.tensors, metadata={"bpnet": described})
    path.write_bytes(checksummed.encode(described, content.tensors) if has_sum else without)
    if text:
        assert text in error_message(Ensemble.load, path)
    else:
        assert len(Ensemble.load(path)) == 2


def test_where_a_network_answers_is_handed_on(monkeypatch):
    seen = []
    net = Network([2, 3])

    def predict(self, X, backend=None, device=None, dtype=None):
        seen.append((backend, device))
        return np.eye(3)[:2]

    monkeypatch.setattr(Network, "predict", predict)
    assert net.classify([[1, 2]] * 2, "numpy", "cpu").tolist() == [0, 1]
    monkeypatch.undo()
    both = Ensemble([net, net])

    def outputs(self, X, backend=None, device=None, dtype=None):
        seen.append((backend, device))
        return np.stack([np.eye(3)[:2]] * 2)

    monkeypatch.setattr(Ensemble, "outputs", outputs)
    for ask in (both.predict, both.spread, both.classify):
        ask([[1, 2]] * 2, "numpy", "cpu")
    assert seen == [("numpy", "cpu")] * 4


@pytest.mark.parametrize("ask", ["predict", "classify"])
def test_a_device_that_there_is_not_is_refused(ask):
    for net in (Network([2, 3]), Ensemble([Network([2, 3])])):
        text = error_message(getattr(net, ask), np.ones((1, 2)), "numpy", "cuda")
        assert text.startswith("numpy has no device 'cuda'")
    assert Network([2, 3]).predict(np.ones((1, 2)), dtype="float32").dtype == np.float32
    assert Ensemble([Network([2, 3])]).outputs(np.ones((1, 2)), dtype="float32").dtype == np.float32

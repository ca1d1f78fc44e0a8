"""Network: shapes, weights in the paper's orientation, files."""

import json

import numpy as np
import pytest

import bpnet
from bpnet.storage import checksummed


def test_weights_are_the_papers():
    net = bpnet.Network([3, 4, 2], seed=1)
    assert [W.shape for W in net.weights] == [(4, 3), (2, 4)]
    assert [b.shape for b in net.biases] == [(4,), (2,)]
    assert net.parameters[0][0].shape == (3, 4)


def test_a_weight_matrix_can_be_set_and_used():
    net = bpnet.Network([2, 2], output="identity", seed=0)
    net.weights[0] = [[1, 2], [3, 4]]
    net.biases[0] = [10, 20]
    np.testing.assert_array_equal(net.predict([[1.0, 1.0]]), [[13, 27]])


def test_setting_another_shape_names_both():
    net = bpnet.Network([2, 3])
    with pytest.raises(bpnet.InputError, match=r"\(2, 3\).*\(3, 2\)"):
        net.weights[0] = np.zeros((2, 3))


def test_layers_and_sizes_make_the_same_network():
    Dense = bpnet.layers.Dense
    one = bpnet.Network([4, 5, 3], hidden="relu", seed=2)
    two = bpnet.Network([Dense(4, 5, "relu"), Dense(5, 3, "softmax")], seed=2)
    X = np.ones((2, 4))
    assert np.array_equal(one.predict(X), two.predict(X))


def test_sizes_of_numpys_integers():
    assert bpnet.Network(np.asarray([4, 3])).sizes == [4, 3]
    assert bpnet.Network([4, np.max([1, 2]) + 1]).sizes == [4, 3]


def test_outputs_have_the_widest_dtype_of_the_weights():
    net = bpnet.Network([3, 4, 2])
    net.weights[0], net.biases[0] = np.ones((4, 3), "f4"), np.ones(4, "f4")
    assert net.predict(np.ones((1, 3))).dtype == np.float64


def test_one_activation_per_hidden_layer():
    net = bpnet.Network([4, 5, 6, 3], hidden=["relu", "tanh"])
    assert [type(layer.activation).__name__ for layer in net.layers] == ["ReLU", "Tanh", "Softmax"]


BAD = {
    "one size": (lambda: bpnet.Network([3]), "at least"),
    "zero": (lambda: bpnet.Network([3, 0, 2]), "n_out = 0"),
    "fraction": (lambda: bpnet.Network([3, 2.5, 2]), "2.5"),
    "activation": (lambda: bpnet.Network([3, 2], output="sigmid"), "'sigmoid'"),
    "hidden, of no layer": (lambda: bpnet.Network([3, 2], hidden="rleu"), "'relu'"),
    "count": (lambda: bpnet.Network([3, 4, 2], hidden=["relu", "tanh"]), "2 activations"),
    "init": (lambda: bpnet.Network([3, 2], init="hee"), "'he'"),
    "init shapes": (
        lambda: bpnet.Network([3, 2], init=[(np.zeros((3, 2)), np.zeros(2))]),
        r"\(2, 3\)",
    ),
    "chain": (
        lambda: bpnet.Network([bpnet.layers.Dense(3, 4), bpnet.layers.Dense(5, 2)]),
        "gives 4 values and layer 2 takes 5",
    ),
    "chain through a normalization": (
        lambda: bpnet.Network(
            [bpnet.layers.Dense(3, 4), bpnet.layers.BatchNorm(5), bpnet.layers.Dense(5, 2)]
        ),
        "layer 1 gives 4 values and layer 2 takes 5",
    ),
    "chain from a normalization": (
        lambda: bpnet.Network(
            [bpnet.layers.Dense(3, 4), bpnet.layers.LayerNorm(4), bpnet.layers.Dense(5, 2)]
        ),
        "layer 2 gives 4 values and layer 3 takes 5",
    ),
    "softmax of one": (lambda: bpnet.Network([3, 1], output="softmax"), "softmax"),
    "number": (lambda: bpnet.Network(5), "sizes is 5"),
    "init arrays": (lambda: bpnet.Network([3, 2], init=[np.zeros((2, 3))]), "init is"),
    "init of other shapes": (
        lambda: bpnet.Network([3, 2], init=lambda _, n, m, xp: (xp.ones((m, n)), xp.ones(m))),
        r"must give \(3, 2\)",
    ),
    "slice": (lambda: bpnet.Network([3, 2]).weights.__setitem__(slice(1), 0), "one layer"),
    "seed": (lambda: bpnet.Network([3, 2], seed=-1), "seed"),
    "width": (lambda: bpnet.Network([3, 2]).predict(np.zeros((4, 5))), "5 values"),
    "one axis": (lambda: bpnet.Network([3, 2]).predict(np.zeros(3)), r"\(3,\)"),
    "NaN": (lambda: bpnet.Network([2, 2]).predict([[1.0, np.nan]]), "row 0, column 1"),
    "text": (lambda: bpnet.Network([2, 2]).predict([["a", "b"]]), "real numbers"),
}


@pytest.mark.parametrize(("call", "text"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused(call, text):
    with pytest.raises(bpnet.InputError, match=text):
        call()


def trained():
    """Network with names of classes, a scale, two kinds of parameters."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 255, (60, 4), dtype=np.uint8)
    y = np.asarray(["ant", "bee", "cat"] * 20)
    net = bpnet.Network([4, 5, 3], hidden=bpnet.activations.LeakyReLU(0.2), seed=1)
    bpnet.train(net, bpnet.data.Dataset(X, y, scale=1 / 255), epochs=2, backend="numpy")
    return net, X


def test_save_and_load_keep_everything(tmp_path):
    net, X = trained()
    path = net.save(tmp_path / "model.safetensors")
    same = bpnet.load(path)
    assert np.array_equal(same.predict(X), net.predict(X))
    assert same.classify(X).tolist() == net.classify(X).tolist()
    assert same.scale == net.scale
    assert same.layers[0].activation == bpnet.activations.LeakyReLU(0.2)
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_the_same_network_is_the_same_file(tmp_path):
    net, _ = trained()
    files = {net.save(tmp_path / f"{i}.safetensors").read_bytes() for i in range(20)}
    assert len(files) == 1


def test_files_use_the_papers_orientation_and_plain_names(tmp_path):
    from safetensors.numpy import load_file

    net, _ = trained()
    tensors = load_file(net.save(tmp_path / "m.safetensors"))
    assert set(tensors) == {"0.weight", "0.bias", "1.weight", "1.bias"}
    assert np.array_equal(tensors["0.weight"], net.weights[0])


def test_every_truncation_of_a_model_is_refused(tmp_path):
    net, _ = trained()
    whole = net.save(tmp_path / "m.safetensors").read_bytes()
    path = tmp_path / "cut.safetensors"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(bpnet.InputError, match=r"cut\.safetensors"):
            bpnet.load(path)


def test_a_model_whose_layers_do_not_fit_its_tensors_is_refused(tmp_path):
    from safetensors.numpy import load_file, save_file

    net, _ = trained()
    path = net.save(tmp_path / "m.safetensors")
    tensors = load_file(path)
    meta = {
        "format": "bpnet network",
        "version": 1,
        "layers": [bpnet.layers.describe(layer) for layer in net.layers],
        "classes": None,
        "scale": None,
    }
    meta["layers"][0]["n_out"] = 6
    meta["layers"][1]["n_in"] = 6
    save_file(tensors, path, metadata={"bpnet": json.dumps(meta)})
    with pytest.raises(bpnet.InputError, match="shapes"):
        bpnet.load(path)


def test_network2_json_can_be_read(tmp_path):
    """The format of Nielsen's network2.Network.save: biases are columns."""
    W = [[[0.5, -1.0], [1.5, 2.0], [0.0, 1.0]], [[1.0, -1.0, 0.5]]]
    b = [[[0.1], [0.2], [0.3]], [[-0.5]]]
    path = tmp_path / "net.json"
    path.write_text(
        json.dumps({"sizes": [2, 3, 1], "weights": W, "biases": b, "cost": "CrossEntropyCost"})
    )
    net = bpnet.load(path)

    x = np.asarray([[0.3, -0.7]])
    sigma = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    hidden = sigma(x @ np.asarray(W[0]).T + np.ravel(b[0]))
    expected = sigma(hidden @ np.asarray(W[1]).T + np.ravel(b[1]))
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"sizes": [2, 1], "weights": [], "biases": []}', '{"sizes": 3}']
)
def test_broken_network2_json_is_refused(tmp_path, text):
    path = tmp_path / "net.json"
    path.write_text(text)
    with pytest.raises(bpnet.InputError, match=r"net\.json"):
        bpnet.load(path)


def test_a_file_that_is_missing_or_of_another_kind_is_refused(tmp_path):
    with pytest.raises(bpnet.InputError, match="no model"):
        bpnet.load(tmp_path / "no.safetensors")
    with pytest.raises(bpnet.InputError, match="safetensors"):
        bpnet.Network([2, 2]).save(tmp_path / "model.h5")


def test_a_users_activation_cannot_be_saved_by_name(tmp_path):
    class Mine(bpnet.activations.Elementwise):
        def sigma(self, z, *, xp):
            return z * 2

        def prime(self, z, a, *, xp):
            return xp.ones_like(z) * 2

    net = bpnet.Network([2, 2, 2], hidden=Mine())
    with pytest.raises(bpnet.InputError, match="Mine"):
        net.save(tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


DEEP = "[" * 100_000
WRONG = {
    "two names for three classes": {"classes": ["ant", "bee"]},
    "a name twice": {"classes": ["ant", "ant", "bee"]},
    "names of two types": {"classes": ["ant", 1, 2]},
    "names of nothing": {"classes": [None] * 3},
    "names as text": {"classes": "abc"},
    "no names": {"classes": []},
    "scale": {"scale": -1},
    "scale nan": {"scale": float("nan")},
    "slope": {"slope": "x"},
    "slope nan": {"slope": float("nan")},
    "format": {"format": "something else"},
    "deep": {"raw": DEEP},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_a_model_with_wrong_metadata_is_refused(tmp_path, change):
    net, _ = trained()
    path = net.save(tmp_path / "m.safetensors")
    content = checksummed.read(path)
    meta = json.loads(content.text)
    change = dict(change)
    text = change.pop("raw", None)
    if "slope" in change:
        meta["layers"][0]["activation"]["slope"] = change.pop("slope")
    meta.update(change)
    path.write_bytes(checksummed.encode(text or json.dumps(meta), content.tensors))
    with pytest.raises(bpnet.InputError, match=r"m\.safetensors") as caught:
        bpnet.load(path)
    assert "SHA-256" not in str(caught.value)


def test_every_changed_bit_of_a_model_is_noticed(tmp_path):
    net = bpnet.Network([2, 1], output="sigmoid", seed=0)
    path = net.save(tmp_path / "m.safetensors")
    whole = path.read_bytes()
    refused = 0
    bits = range(0, 8 * len(whole), 3)
    for i in bits:
        changed = bytearray(whole)
        changed[i // 8] ^= 1 << i % 8
        path.write_bytes(changed)
        try:
            same = bpnet.load(path)
        except bpnet.InputError:
            refused += 1
            continue
        assert np.array_equal(same.weights[0], net.weights[0])  # padding, or another spelling
        assert same.layers == net.layers
    assert refused > 0.95 * len(bits)


@pytest.mark.parametrize("version", [1, 2])
def test_models_of_before_the_hash_load_and_later_ones_need_it(tmp_path, version):
    from safetensors.numpy import save_file

    net, X = trained()
    path = net.save(tmp_path / "m.safetensors")
    content = checksummed.read(path)
    meta = {**json.loads(content.text), "version": version}
    save_file(content.tensors, path, metadata={"bpnet": json.dumps(meta)})
    if version == 1:
        assert np.array_equal(bpnet.load(path).predict(X), net.predict(X))
    else:
        with pytest.raises(bpnet.InputError, match="it has no SHA-256"):
            bpnet.load(path)


@pytest.mark.parametrize("text", [DEEP, '{"sizes": [1, 2], "weights": [[[1e999]]]}', "3", ""])
def test_json_that_is_no_network2_is_refused(tmp_path, text):
    path = tmp_path / "net.json"
    path.write_text(text)
    with pytest.raises(bpnet.InputError, match=r"net\.json"):
        bpnet.load(path)


def test_network2_classifies_by_the_largest_output(tmp_path):
    path = tmp_path / "net.json"
    W, b = [[[2.0], [3.0], [1.0]]], [[[0.0], [0.0], [0.0]]]
    path.write_text(json.dumps({"sizes": [1, 3], "weights": W, "biases": b}))
    assert bpnet.load(path).classify([[1.0], [-1.0]]).tolist() == [1, 2]


@pytest.mark.parametrize("n", [2**48, 2**63, 10**30])
def test_a_layer_that_no_memory_holds_is_refused(n):
    with pytest.raises(bpnet.InputError, match="more than any memory holds; give fewer neurons"):
        bpnet.Network([4, n, 2])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"hidden": "relu"}, "hidden"), ({"hidden": "sigmoid"}, "hidden"),
        ({"hidden": []}, "hidden"),
        ({"output": "softmax"}, "output"), ({"norm": "batch"}, "norm"),
        ({"hidden": "relu", "norm": "layer"}, "hidden and norm"),
    ],
)  # fmt: skip
def test_options_that_layers_have_are_refused_beside_them(options, named):
    chain = [bpnet.layers.Dense(2, 3, "tanh"), bpnet.layers.Dense(3, 2, "softmax")]
    with pytest.raises(bpnet.InputError, match=f"activations and norms, and {named} was given too"):
        bpnet.Network(chain, **options)
    assert repr(bpnet.Network(chain)) == "Network([2, 3, 2], Tanh, Softmax)"
    assert repr(bpnet.Network([2, 3, 2])) == "Network([2, 3, 2], ReLU, Softmax)"

"""PyTorch's Linear layers as networks, by equal predictions."""

from itertools import pairwise

import numpy as np
import pytest
from safetensors.numpy import save_file

import bpnet
from bpnet.errors import InputError
from bpnet.imports import from_torch
from tests.optional import library

X = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)


def arrays(*sizes):
    """A state_dict of NumPy arrays, of an ``nn.Sequential`` with activations between."""
    generator, state = np.random.default_rng(1), {}
    for l, (n, m) in enumerate(pairwise(sizes)):
        state[f"{2 * l}.weight"] = generator.normal(size=(m, n)).astype(np.float32)
        state[f"{2 * l}.bias"] = generator.normal(size=m).astype(np.float32)
    return state


@pytest.mark.parametrize("as_file", [True, False])
def test_a_sequential_of_pytorch(tmp_path, as_file):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    module = nn.Sequential(
        nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 6, bias=False), nn.GELU(), nn.Linear(6, 3),
        nn.Softmax(-1),
    )  # fmt: skip
    state = module.state_dict()
    if as_file:
        path = tmp_path / "w.safetensors"
        library("safetensors.torch").save_file(state, path)
        state = path
    net = from_torch(state, hidden=["relu", "gelu"], output="softmax", classes=["a", "b", "c"])
    with torch.no_grad():
        expected = module(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(net.predict(X), expected, rtol=0, atol=1e-6)
    assert net.classify(X).tolist() == [["a", "b", "c"][j] for j in expected.argmax(axis=1)]


def test_more_than_ten_layers_are_taken_by_number(tmp_path):
    state = arrays(5, *range(6, 16), 3)
    save_file(state, tmp_path / "w.safetensors")
    net = from_torch(tmp_path / "w.safetensors", hidden="tanh", output="identity")
    assert net.sizes == [5, *range(6, 16), 3]
    a = X
    for l in range(11):
        a = a @ state[f"{2 * l}.weight"].T + state[f"{2 * l}.bias"]
        a = np.tanh(a) if l < 10 else a
    np.testing.assert_allclose(net.predict(X), a, rtol=0, atol=1e-4)


def test_names_without_an_order_need_one():
    state = {"last.weight": np.eye(5), "first.weight": 2 * np.eye(5), "first.bias": np.ones(5)}
    with pytest.raises(InputError, match="first, last do not say the order"):
        from_torch(state, hidden="identity", output="identity")
    net = from_torch(state, hidden="identity", output="identity", order=["first", "last"])
    np.testing.assert_allclose(net.predict(X), 2 * X + 1, rtol=0, atol=1e-6)
    with pytest.raises(InputError, match="name each once"):
        from_torch(state, hidden="identity", output="identity", order=["first"])


def test_one_linear_alone():
    state = {"weight": np.ones((1, 5)), "bias": np.ones(1)}
    net = from_torch(state, hidden=[], output="sigmoid")
    expected = 1 / (1 + np.exp(-X.astype(float).sum(axis=1, keepdims=True) - 1))
    np.testing.assert_allclose(net.predict(X), expected, rtol=0, atol=1e-12)


BAD = {
    "a convolution": ({"0.weight": np.ones((2, 2, 3, 3))}, {}, "not that of a Linear"),
    "a normalization": ({"0.weight": np.ones(2), "0.bias": np.ones(2)}, {}, "not that of a Linear"),
    "averages": ({"0.running_mean": np.ones(2)}, {}, "0.running_mean"),
    "a bias alone": ({"0.bias": np.ones(2)}, {}, "no weight"),
    "nothing": ({}, {}, "empty"),
    "another order": ({"0.weight": np.ones((2, 3)), "1.weight": np.ones((2, 3))}, {}, "gives 2"),
    "a bias too long": ({"0.weight": np.ones((2, 3)), "0.bias": np.ones(3)}, {}, "shapes"),
    "not finite": ({"0.weight": np.full((2, 3), np.nan)}, {}, "finite"),
    "hidden too many": (arrays(5, 4, 3), {"hidden": ["relu", "relu"]}, "hidden names 2"),
    "no activation": (arrays(5, 4, 3), {"hidden": "rleu"}, "'relu'"),
    "classes too few": (arrays(5, 4, 3), {"classes": ["a", "b"]}, "3 different names"),
    "classes twice": (arrays(5, 4, 3), {"classes": ["a", "b", "b"]}, "3 different names"),
}


@pytest.mark.parametrize(("state", "options", "word"), BAD.values(), ids=BAD.keys())
def test_what_is_no_dense_network_is_refused(state, options, word):
    with pytest.raises(InputError, match=word):
        from_torch(state, **{"hidden": "relu", "output": "softmax", **options})


def test_files_that_are_none(tmp_path):
    for name, content in {"junk": b"junk", "empty": b""}.items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(content)
        with pytest.raises(InputError, match="can't be read as safetensors"):
            from_torch(path, hidden="relu", output="softmax")
    with pytest.raises(InputError, match="there is no"):
        from_torch(tmp_path / "no.safetensors", hidden="relu", output="softmax")
    own = bpnet.Network([2, 2]).save(tmp_path / "own.safetensors")
    with pytest.raises(InputError, match=r"bpnet\.load"):
        from_torch(own, hidden="relu", output="softmax")

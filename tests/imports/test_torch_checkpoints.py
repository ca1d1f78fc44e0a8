"""What stands around, before and beside the ``Linear`` layers of a ``state_dict``."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from bpnet.errors import InputError
from bpnet.imports import from_torch
from tests.imports.test_state_dict import X, arrays

ACTIVATIONS = {"hidden": "relu", "output": "identity"}
STATE = arrays(5, 8, 3)


def check_equal(net, state=STATE):
    (W1, b1), (W2, b2) = ((state[f"{l}.weight"], state[f"{l}.bias"]) for l in (0, 2))
    expected = np.maximum(X @ W1.T + b1, 0) @ W2.T + b2
    np.testing.assert_allclose(net.predict(X), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "model._orig_mod.net2."])
def test_what_wrappers_put_before_the_names(tmp_path, prefix):
    state = {prefix + name: a for name, a in STATE.items()}
    save_file(state, tmp_path / "w.safetensors")
    for source in (state, tmp_path / "w.safetensors"):
        check_equal(from_torch(source, **ACTIVATIONS))


AROUND = {
    "with more": ({"epoch": 3, "model": STATE, "optimizer": {"lr": 1}}, r"state\['model'\]"),
    "alone": ({"state_dict": STATE}, r"state\['state_dict'\]"),
    "Lightning's": ({"loops": {}, "state_dict": STATE, "x": None}, r"state\['state_dict'\]"),
    "a number": ({**STATE, "epoch": 3}, "'epoch' is a int"),
    "a number for a name": ({0: STATE["0.weight"]}, "0 is a ndarray"),
    "a list": ([STATE], "a list is no state_dict"),
    "nothing": (None, "a NoneType is no state_dict"),
}  # fmt: skip


@pytest.mark.parametrize(("state", "word"), AROUND.values(), ids=AROUND.keys())
def test_what_stands_around_a_state_dict_is_named(state, word):
    with pytest.raises(InputError, match=word):
        from_torch(state, **ACTIVATIONS)


FACTORS = {"0.weight_g": np.ones((8, 1)), "0.weight_v": STATE["0.weight"]}
BESIDE = {
    "weight_norm": (FACTORS, r"0\.weight_[gv].*remove_weight_norm"),
    "parametrizations": (
        {"0.parametrizations.weight.original0": np.ones((8, 1))},
        "remove_parametrizations",
    ),
    "LoRA": ({"0.lora_A.default.weight": np.ones((2, 5))}, r"0\.lora_A.*merge_and_unload"),
    "under an adapter": ({"4.base_layer.weight": np.ones((3, 3))}, "merge_and_unload"),
    "averages": ({"1.running_var": np.ones(8)}, "fuse_linear_bn_eval"),
    "a count": ({"1.num_batches_tracked": np.asarray(3)}, "fuse_linear_bn_eval"),
    "gamma alone": ({"1.weight": np.ones(8)}, r"1\.weight, of shape \(8,\)"),
    "a convolution": ({"1.weight": np.ones((8, 8, 1))}, r"1\.weight, of shape \(8, 8, 1\)"),
    "a parameter": ({"1.in_proj_weight": np.ones((3, 3))}, "in_proj_weight"),
    "a tied decoder": ({"decoder_bias": np.ones(5)}, "decoder_bias"),
    "quantized": ({"4.weight": np.ones((3, 3), np.int8)}, r"4\.weight.* type int8.*not quantized"),
    "transposed": ({"2.weight": STATE["2.weight"].T}, r"2 have shapes \(8, 3\) .*transposed"),
}


@pytest.mark.parametrize(("more", "word"), BESIDE.values(), ids=BESIDE.keys())
def test_an_array_that_no_linear_has_is_refused_by_name(tmp_path, more, word):
    state = {**STATE, **more}
    save_file({k: np.ascontiguousarray(a) for k, a in state.items()}, tmp_path / "w.safetensors")
    for source in (state, tmp_path / "w.safetensors"):
        with pytest.raises(InputError, match=word):
            from_torch(source, **ACTIVATIONS)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"hidden": None}, "hidden is None"),
        ({"hidden": 3}, "hidden is 3"),
        ({"output": None}, "activation is None"),
        ({"order": "0"}, "order is '0'; give a list"),
        ({"classes": 3}, "classes is 3; give a list"),
        ({"classes": "abc"}, "classes is 'abc'; give a list"),
        ({"classes": ["a", "b", 3]}, "mixes int, str; give labels of one type"),
    ],
)
def test_options_of_another_type(options, word):
    with pytest.raises(InputError, match=word):
        from_torch(STATE, **{**ACTIVATIONS, **options})


def test_modules_and_tensors_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    linear = torch.nn.Linear(5, 3)
    with pytest.raises(InputError, match=r"Linear is no state_dict; give module\.state_dict\(\)"):
        from_torch(linear, **ACTIVATIONS)
    with pytest.raises(InputError, match="hidden is ReLU"):
        from_torch(linear.state_dict(), hidden=torch.nn.ReLU(), output="identity")
    tied = torch.nn.Sequential(*[linear := torch.nn.Linear(5, 5)] * 2)
    net = from_torch(tied.state_dict(), hidden="identity", output="identity")
    expected = tied(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(net.predict(X), expected, rtol=0, atol=1e-6)
    normed = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(5, 3))
    with pytest.raises(InputError, match="original0"):
        from_torch(normed.state_dict(), **ACTIVATIONS)
    with pytest.raises(InputError, match="meta"):
        from_torch(torch.nn.Linear(5, 3, device="meta").state_dict(), **ACTIVATIONS)
    sparse = {"weight": torch.nn.Linear(5, 3).weight.detach().to_sparse()}
    with pytest.raises(InputError, match="weight has values that can't be read"):
        from_torch(sparse, **ACTIVATIONS)
    torch.save(linear.state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"of torch\.save, and may run code; save the weights"):
        from_torch(tmp_path / "w.safetensors", **ACTIVATIONS)


@pytest.mark.parametrize(("length", "start"), [(640, b"\x80\x02"), (19280, b"PK")])
def test_the_length_of_a_header_may_look_like_a_pickle(tmp_path, length, start):
    from safetensors.numpy import save_file

    weights, path = {"weight": np.eye(3, 5, dtype="f4"), "bias": np.ones(3, "f4")}, tmp_path / "w"
    save_file(weights, path, metadata={"x": ""})
    bare = int.from_bytes(path.read_bytes()[:8], "little")
    save_file(weights, path, metadata={"x": "x" * (length - bare)})
    assert path.read_bytes()[:2] == start
    net = from_torch(path, hidden="identity", output="identity")
    np.testing.assert_array_equal(net.weights[0], weights["weight"])


HALVES = np.asarray([1.0, -2.5, 2.0**-14, 65504.0, 2.0**-24, 0.333251953125], np.float16)
"""Numbers of float16, the largest and the smallest among them."""


def test_halves_of_numpy_are_the_same_numbers_in_float32(tmp_path):
    state = {"weight": HALVES.reshape(2, 3), "bias": HALVES[:2]}
    save_file(state, tmp_path / "w.safetensors")
    for source in (state, tmp_path / "w.safetensors"):
        net = from_torch(source, hidden=[], output="identity")
        assert net.dtype == "float32"
        assert net.weights[0].tolist() == HALVES.reshape(2, 3).tolist()
        assert net.biases[0].tolist() == HALVES[:2].tolist()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_every_dtype_of_pytorch_keeps_its_numbers(tmp_path, dtype):
    torch = pytest.importorskip("torch")
    save = pytest.importorskip("safetensors.torch").save_file
    linear = torch.nn.Linear(5, 3).to(getattr(torch, dtype))
    save(linear.state_dict(), tmp_path / "w.safetensors")
    for source in (linear.state_dict(), tmp_path / "w.safetensors"):
        net = from_torch(source, hidden=[], output="identity")
        assert net.dtype == ("float64" if dtype == "float64" else "float32")
        assert net.weights[0].tolist() == linear.weight.tolist()
        assert net.biases[0].tolist() == linear.bias.tolist()

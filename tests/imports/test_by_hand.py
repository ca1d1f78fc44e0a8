"""Imports without the other library: what a refusal says, orders, layouts and activations."""

import itertools
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.core.layers import Dropout
from bpnet.imports import assembling, from_file, from_keras, from_sklearn, from_torch, keras
from bpnet.imports.assembling import Linear
from tests.assertions import error_message

RANDOM = np.random.default_rng(3)


def linear(*sizes, prefix="{}", bias=True):
    """A state_dict of layers of such sizes, as PyTorch lays them out: (n_out, n_in)."""
    state = {}
    for l, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        name = prefix.format(l)
        state[f"{name}.weight"] = RANDOM.normal(size=(n_out, n_in)).astype("f4")
        if bias:
            state[f"{name}.bias"] = RANDOM.normal(size=n_out).astype("f4")
    return state


ONE = linear(3, 4, 2)
W = np.zeros((4, 3), "f4")


@pytest.mark.parametrize(
    ("state", "options", "text"),
    [
        ([1], {}, "a list is no state_dict; give what state_dict() gives"),
        ({}, {}, "the state_dict is empty; give a state_dict of Linear layers"),
        ({"model": ONE, "epoch": 3}, {},
         "the weights are the entry 'model' of the state; give that entry alone: "
         "state['model']"),
        ({"epoch": 3}, {}, "'epoch' is a int, where a state_dict has names and arrays; "
                           "give what module.state_dict() gives"),
        ({"a.bias": W[:, 0]}, {},
         "'a' has a bias and no weight; give a state_dict of Linear layers"),
        ({"a.weight": W[0]}, {},
         "a.weight, of shape (3,) and type float32, is not that of a Linear layer; "
         "give a state_dict of Linear layers only"),
        ({"a.weight": W.astype("i8")}, {},
         "a.weight, of shape (4, 3) and type int64, is not that of a Linear layer; "
         "give numbers of float64, float32, float16, bfloat16, not quantized ones"),
        ({"a.weight_g": W}, {},
         "a.weight_g, of shape (4, 3) and type float32, is not that of a Linear layer; "
         "remove it first: torch.nn.utils.remove_weight_norm(layer)"),
        ({"a.lora_A.weight": W}, {},
         "a.lora_A.weight, of shape (4, 3) and type float32, is not that of a Linear layer; "
         "merge it first: model.merge_and_unload()"),
        ({"a.running_mean": W[0]}, {},
         "a.running_mean, of shape (3,) and type float32, is not that of a Linear layer; it is of "
         "a normalization, whose factors belong into the Linear before it: "
         "torch.nn.utils.fusion.fuse_linear_bn_eval"),
        (ONE, {"order": ["1", "1"]}, "order is ['1', '1'] and the layers are ['0', '1']; "
                                     "name each once"),
        (ONE, {"order": ["0", "1", "1"]}, "order is ['0', '1', '1'] and the layers are ['0', '1']; "
                                          "name each once"),
        (ONE, {"order": ["1", "0"]}, "0 takes 3 values and the layer before it gives 2; "
                                     "give the layers in their order"),
        ({"in.weight": W, "out.weight": W.T}, {},
         "the names in, out do not say the order of the layers; give it: "
         "order=[first, ..., last], on the command line --order first,...,last"),
        (ONE, {"hidden": ["relu", "tanh"]},
         "hidden names 2 activations and the hidden layers are ['0']; "
         "give one for each, or one name"),
        (ONE, {"hidden": 3},
         "hidden is 3; give the name of an activation, or a list with one for each of the hidden "
         "layers ['0']"),
        ({"1" * 19 + ".weight": W}, {},
         f"the name {'1' * 19}... has a number of 19 digits, no layer's; give the order of the "
         "layers: order=[first, ..., last]"),
    ],
)  # fmt: skip
def test_weights_that_are_not_of_linear_layers(state, options, text):
    keywords = {"hidden": "relu", "output": "softmax", **options}
    assert error_message(from_torch, state, **keywords) == text


def test_layers_are_in_the_order_of_their_numbers():
    state = linear(*range(2, 15), prefix="net.{}")
    turned = dict(sorted(state.items(), reverse=True))
    net = from_torch(turned, hidden="tanh", output="identity")
    assert net.sizes == list(range(2, 15))
    for l, W in enumerate(net.weights):
        np.testing.assert_array_equal(W, state[f"net.{l}.weight"])
        np.testing.assert_array_equal(net.biases[l], state[f"net.{l}.bias"])
    nested = linear(3, 4, 5, 2, prefix="block.1.{}")
    assert from_torch(nested, hidden="relu", output="softmax").sizes == [3, 4, 5, 2]


def test_layers_may_have_no_biases_and_names_of_their_own():
    state = {"first.weight": W, "last.weight": W.T + 1}
    net = from_torch(
        state, hidden=["tanh"], output="sigmoid", order=["first", "last"], classes=["a", "b", "c"]
    )
    assert net.sizes == [3, 4, 3]
    assert not np.concatenate(list(net.biases)).any()
    assert net.classes.tolist() == ["a", "b", "c"]
    assert [type(layer.activation).__name__ for layer in net.layers] == ["Tanh", "Sigmoid"]
    lone = from_torch({"weight": W, "bias": W[:, 0]}, hidden=[], output="softmax")
    assert lone.sizes == [3, 4]


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("m.keras", {"order": ["a"]}, "says its activations and the order of its layers; "
                                      "leave them out"),
        ("m.keras", {"hidden": "relu"}, "says its activations and the order of its layers; "
                                        "leave them out"),
        ("m.keras", {"output": "relu"}, "says its activations and the order of its layers; "
                                        "leave them out"),
        ("m.pkl", {}, "is not read, as it may hold code or lack activations; open it where you "
                      "trust it: bpnet.imports.from_sklearn"),
        ("m.H5", {}, "is not read, as it may hold code or lack activations; save the whole model "
                     "anew: model.save('model.keras')"),
        ("m.txt", {}, "is not read, as it may hold code or lack activations; "
                      "give a .keras or a .safetensors file"),
    ],
)  # fmt: skip
def test_files_that_are_not_read(tmp_path, name, options, text):
    (tmp_path / name).touch()
    assert error_message(from_file, tmp_path / name, **options) == f"{tmp_path / name} {text}"


@pytest.mark.parametrize(
    ("sizes", "options", "lacking"),
    [
        ((3, 4, 2), {}, "hidden and output"), ((3, 4, 2), {"hidden": "relu"}, "output"),
        ((3, 4, 2), {"output": "relu"}, "hidden"), ((3, 2), {}, "output"),
        ((3, 2), {"output": "softmax"}, ""), ((3, 4, 2), {"hidden": "relu", "output": "relu"}, ""),
    ],
)  # fmt: skip
def test_tensors_do_not_say_their_activations(tmp_path, sizes, options, lacking):
    from safetensors.numpy import save_file

    path = tmp_path / "m.safetensors"
    save_file(linear(*sizes), path)
    if lacking:
        assert error_message(from_file, path, **options).startswith(
            f"{path} does not say its activations; give {lacking} ("
        )
    else:
        assert from_file(path, **options).sizes == list(sizes)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([Linear("a", W[0], None, "relu")],
         "a's weights have shape (3,); give dense layers, (n_out, n_in)"),
        ([Linear("a", W, W[0], "relu")],
         "the weights and biases of a have shapes (4, 3) and (3,); give (n_out, n_in) and "
         "(n_out,), transposed where they are not"),
        ([Linear("a", W, None, "relu"), Dropout(0.5), Linear("b", W, None, "relu")],
         "b takes 3 values and the layer before it gives 4; give the layers in their order"),
        ([Linear("a", W + np.nan, None, "relu")],
         "a's weights has a value that is not finite; give finite numbers"),
        ([Linear("a", W, W[:, 0] + np.inf, "relu")],
         "a's biases has a value that is not finite; give finite numbers"),
    ],
)  # fmt: skip
def test_layers_that_do_not_fit(parts, text):
    assert error_message(assembling.build_network, parts) == text


def test_dropout_stays_between_its_layers():
    parts = [Linear("a", W, None, "relu"), Dropout(0.25), Linear("b", W.T, None, "softmax")]
    net = assembling.build_network(parts)
    assert [type(layer).__name__ for layer in net.layers] == ["Dense", "Dropout", "Dense"]
    assert net.layers[1].rate == 0.25


@pytest.mark.parametrize(
    ("estimator", "text"),
    [
        (SimpleNamespace(), "SimpleNamespace has no weights; "
                            "give a fitted MLPClassifier or MLPRegressor"),
        (SimpleNamespace(steps=[]), "SimpleNamespace has other steps beside the network; give the "
         "network alone, from its attribute steps, and apply the other steps to the data"),
        (SimpleNamespace(best_estimator_=1, estimator=1),
         "SimpleNamespace has other steps beside the network; give the network alone, from its "
         "attribute best_estimator_, and apply the other steps to the data"),
        (SimpleNamespace(coefs_=[W.T], classes_=["a"]),
         "the estimator knows one class, 'a'; fit it to two or more"),
    ],
)  # fmt: skip
def test_estimators_that_are_no_network(estimator, text):
    assert error_message(from_sklearn, estimator) == text


@pytest.mark.parametrize(
    ("out", "n", "labels", "kinds"),
    [("softmax", 3, False, ["Sigmoid", "Softmax"]), ("logistic", 3, True, ["Sigmoid", "Sigmoid"]),
     ("logistic", 1, False, ["Sigmoid", "Sigmoid"])],
)  # fmt: skip
def test_estimators_by_their_attributes(out, n, labels, kinds):
    coefs = [RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(4, n))]
    est = SimpleNamespace(
        coefs_=coefs, intercepts_=[np.arange(4.0), np.arange(float(n))], activation="logistic",
        out_activation_=out, n_outputs_=n, classes_=np.arange(max(n, 2)),
    )  # fmt: skip
    net = from_sklearn(est)
    np.testing.assert_array_equal(net.weights[1], coefs[1].T)
    assert net.biases[0].tolist() == [0, 1, 2, 3]
    assert [type(layer.activation).__name__ for layer in net.layers] == kinds
    assert net.labels is labels
    assert (net.classes is None) is labels


def dense(name, units, sigma="relu", **more):
    config = {"name": name, "units": units, "activation": sigma, "use_bias": True,
              "dtype": "float32", "trainable": True, **more}  # fmt: skip
    return {"class_name": "Dense", "module": "keras.layers", "config": config}


def model(*layers, kind="Sequential", module="keras", **more):
    start = {"class_name": "InputLayer", "module": "keras.layers",
             "config": {"name": "in", "batch_shape": [None, 3], "dtype": "float32"}}  # fmt: skip
    config = {"layers": [start, *layers], **more}
    return {"class_name": kind, "module": module, "config": config}


def read(described, shapes=((3, 4), (4, 2))):
    arrays = [[np.full(shape, 1.0), np.arange(float(shape[1]))] for shape in shapes]
    return keras._network(described, lambda dense: arrays[: len(dense)], None)


def test_a_chain_of_keras_layers():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = read(model(dense("a", 4, "tanh"), dense("b", 2, "softmax")))
    assert net.sizes == [3, 4, 2]
    assert [type(layer.activation).__name__ for layer in net.layers] == ["Tanh", "Softmax"]
    assert net.biases[1].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("described", "text"),
    [
        (model(dense("a", 4), kind="Model"),
         "the model is a Model of keras; give a Sequential or a Functional one of Keras"),
        (model(dense("a", 4), module="mine.models"),
         "the model is a Sequential of mine.models; "
         "give a Sequential or a Functional one of Keras"),
        (model(), "the model has no dense layers; give a built model of dense layers"),
        (model(dense("a", 5)),
         "'a' has arrays of shapes [(3, 4), (4,)] for 5 neurons; "
         "give a model that is built, without LoRA"),
        (model(dense("a", 4, use_bias=False)),
         "'a' has arrays of shapes [(3, 4), (4,)] for 4 neurons; "
         "give a model that is built, without LoRA"),
    ],
)  # fmt: skip
def test_models_of_keras_that_are_not_followed(described, text):
    assert error_message(read, described) == text


def functional(*names, inputs="in", outputs=None, **kwargs):
    """A model whose layers come each after the one before, but for those named otherwise."""
    layers = []
    for before, name in zip(("in", *names), names, strict=False):
        origin = [{"class_name": "T", "config": {"keras_history": [before, 0, 0]}}]
        layers.append({**dense(name, 4), "inbound_nodes": [{"args": origin, "kwargs": kwargs}]})
    return model(*layers, kind="Functional", input_layers=[[inputs, 0, 0]],
                 output_layers=[[outputs or names[-1], 0, 0]])  # fmt: skip


def test_functional_models_are_chains_from_their_input_to_their_output():
    net = read(functional("a", "b"), ((3, 4), (4, 4)))
    assert net.sizes == [3, 4, 4]
    crossed = functional("a", "b")
    nodes = crossed["config"]["layers"][2]["inbound_nodes"][0]
    nodes["args"][0]["config"]["keras_history"] = ["in", 0, 0]
    assert error_message(read, crossed) == (
        "'b' comes after in; give a model whose layers follow one another"
    )
    assert error_message(read, functional("a", "b", outputs="a")) == (
        "its outputs are a, its last layer is b; give a model with one input and one output"
    )
    assert error_message(read, functional("a", training=True)) == (
        "'a' is called with training = True; give a model that calls its layers without it"
    )
    assert read(functional("a", training=False, mask=None), ((3, 4),)).sizes == [3, 4]


def test_what_is_no_model_of_keras():
    assert error_message(from_keras, 3) == "int is no Keras model; give one, or a .keras file"
    unbuilt = SimpleNamespace(get_config=dict, layers=[], built=False, name="m")
    assert error_message(from_keras, unbuilt) == "'m' is not built; build it, or call it, before"
    own = SimpleNamespace(name="a", activation=np.tanh)
    own.activation = type("Own", (), {"__module__": "mine", "__name__": "own"})()
    assert error_message(keras._check_own, SimpleNamespace(layers=[own])) == (
        "'a' has the activation own of mine, which is not Keras's own; "
        "give a model with one of Keras's"
    )
    assert bpnet.imports.from_keras is from_keras

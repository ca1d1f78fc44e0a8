"""Keras models as networks, by equal predictions, from files and from models that are there."""

import io
import json
import zipfile

import numpy as np
import pytest

from bpnet.errors import InputError
from bpnet.imports import from_keras
from tests.optional import library

# of Keras's own variables, in its own functions
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)


def sequential(keras, *layers):
    model = keras.Sequential([keras.Input((5,)), *layers])
    for l, layer in enumerate(model.layers):  # biases that are not zero
        if layer.get_weights():
            generator = np.random.default_rng(l)
            layer.set_weights([generator.normal(size=a.shape) / 2 for a in layer.get_weights()])
    return model


def as_predicted(model, net):
    expected = np.asarray(model(X, training=False))
    np.testing.assert_allclose(
        net.predict(X), expected, rtol=0, atol=1e-6 * max(1, abs(expected).max())
    )


@pytest.fixture(scope="module")
def model(keras):
    """Dense layers with names, without bias, with activations in layers of their own."""
    dense = keras.layers.Dense
    return sequential(
        keras, dense(7, activation="relu", name="first"), keras.layers.Dropout(0.5),
        dense(6, use_bias=False), keras.layers.Activation("gelu"), dense(6),
        keras.layers.LeakyReLU(negative_slope=0.3), dense(3), keras.layers.Softmax(),
    )  # fmt: skip


def test_a_model_and_its_file(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    for source in (model, path, str(path)):
        net = from_keras(source, classes=["a", "b", "c"])
        assert net.sizes == [5, 7, 6, 6, 3]
        as_predicted(model, net)
        assert net.classes.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    "name",
    [
        *("linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus", "gelu"),
        *("silu", "swish", "exponential", "softmax"),
    ],
)
def test_every_activation(keras, name):
    dense = keras.layers.Dense
    model = sequential(keras, dense(4, activation=name), dense(2, activation=name))
    as_predicted(model, from_keras(model))


def test_a_functional_model_and_more_than_ten_layers(keras, tmp_path):
    a = inputs = keras.Input((5,))
    for n in range(12):
        a = keras.layers.Dense(4 + n, activation="tanh")(a)
    model = keras.Model(inputs, a)
    model.save(tmp_path / "m.keras")
    for source in (model, tmp_path / "m.keras"):
        as_predicted(model, from_keras(source))


def test_what_has_no_place_here_is_refused(keras):
    layers, dense = keras.layers, keras.layers.Dense
    both = keras.Input((5,))
    branched = keras.Model(both, layers.Add()([dense(3)(both), dense(3)(both)]))
    cases = {
        "BatchNormalization": sequential(keras, dense(3), layers.BatchNormalization(), dense(2)),
        "mish": sequential(keras, dense(3, activation="mish")),
        "second activation": sequential(keras, dense(3, activation="relu"), layers.Softmax()),
        "settings of its own": sequential(keras, dense(3), layers.ReLU(max_value=6)),
        "follow one another": branched,
        "Dense, which": keras.Sequential([keras.Input((4, 5)), dense(3)]),
        "no Keras model": object(),
        "dense layers": sequential(keras, layers.Dropout(0.5)),
    }
    for word, model in cases.items():
        with pytest.raises(InputError, match=word):
            from_keras(model)
    with pytest.raises(InputError, match="built"):
        from_keras(keras.Sequential([dense(3)]))


def test_a_picture_is_flattened(keras):
    layers = keras.layers
    model = keras.Sequential([keras.Input((2, 3)), layers.Flatten(), layers.Dense(4)])
    x = np.random.default_rng(3).normal(size=(9, 2, 3)).astype(np.float32)
    expected = np.asarray(model(x))
    np.testing.assert_allclose(from_keras(model).predict(x), expected, rtol=0, atol=1e-6)


def rewritten(path, **entries):
    """The file with other entries; an entry of None is left out."""
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    parts.update(entries)
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            if content is not None:
                file.writestr(name, content)
    return path


def weights(build):
    """Content of an HDF5 file that ``build`` fills."""
    content = io.BytesIO()
    with library("h5py").File(content, "w") as file:
        build(file)
    return content.getvalue()


def test_damaged_and_hostile_files(model, tmp_path):
    h5py = library("h5py")
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["w"] = np.ones((5, 7), np.float32)

    def linked(file):
        file.create_group("layers/dense/vars")["0"] = h5py.ExternalLink(str(secret), "w")

    def external(file):
        place = [(str(secret), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("layers/dense/vars/0", (5, 7), "<f4", external=place)

    cases = {
        "no zip": None,
        "no configuration": {"config.json": None},
        "no weights": {"model.weights.h5": None},
        "no JSON": {"config.json": b"{"},
        "another thing": {"config.json": json.dumps({"class_name": "Sequential", "config": 3})},
        "deep": {"config.json": b"[" * 100_000},
        "no HDF5": {"model.weights.h5": b"junk"},
        "a link to another file": {"model.weights.h5": weights(linked)},
        "bytes of another file": {"model.weights.h5": weights(external)},
    }
    for name, entries in cases.items():
        path = tmp_path / "m.keras"
        model.save(path)
        if entries is None:
            path.write_bytes(b"junk")
        else:
            rewritten(path, **entries)
        word = "lies outside" if "another file" in name else "damaged"
        with pytest.raises(InputError, match=rf"m\.keras .*{word}"):
            from_keras(path)
    with pytest.raises(InputError, match="there is no"):
        from_keras(tmp_path / "nowhere.keras")

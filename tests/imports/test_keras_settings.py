"""Each setting of a Keras layer: followed, told as left out, or refused by the layer's name."""

import numpy as np
import pytest

import bpnet
from bpnet.cli import main
from bpnet.core.layers import Dropout
from bpnet.errors import InputError
from bpnet.imports import from_keras

# of Keras's own variables, in its own functions
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)


def built(keras, *layers, shape=(5,)):
    return filled(keras.Sequential([keras.Input(shape), *layers]))


def filled(model):
    """The model with weights and biases that are not zero."""
    generator = np.random.default_rng(1)
    for layer in model.layers:
        layer.set_weights([generator.normal(size=a.shape) / 2 for a in layer.get_weights()])
    return model


@pytest.fixture
def imported(tmp_path):
    """Networks of a model and of its file."""

    def both(model):
        model.save(tmp_path / "m.keras")
        return [from_keras(source) for source in (model, tmp_path / "m.keras")]

    return both


def check_equal(model, nets, x=X, atol=2e-6):
    expected = np.asarray(model(x)).astype(np.float64)
    for net in nets:
        np.testing.assert_allclose(net.predict(x), expected, rtol=0, atol=atol)


def test_a_flatten_keeps_the_order_of_a_picture_or_is_refused(keras, imported):
    layers, x = keras.layers, np.random.default_rng(2).normal(size=(9, 3, 4, 2)).astype("f4")
    last = layers.Flatten(data_format="channels_last")
    first = layers.Flatten(data_format="channels_first", name="flat")
    model = built(keras, last, layers.Dense(4), shape=x.shape[1:])
    check_equal(model, imported(model), x)
    with pytest.raises(InputError, match=r"'flat' .* is channels_first"):
        from_keras(built(keras, first, layers.Dense(4), shape=x.shape[1:]))
    model = built(keras, layers.Dense(4), layers.Flatten(data_format="channels_first"))
    check_equal(model, imported(model))  # one axis has one order


def test_activations_that_are_layers_or_objects(keras, imported):
    layers, dense = keras.layers, keras.layers.Dense
    leaky = [layers.LeakyReLU(negative_slope=slope) for slope in (0.3, 0.1)]
    model = built(
        keras, dense(6, activation=leaky[0]), layers.Activation("linear"),
        dense(6, activation=layers.ELU(alpha=0.4)), dense(6), layers.ReLU(negative_slope=0.2),
        dense(6), layers.Activation(leaky[1]),
        dense(6, activation=keras.activations.silu, use_bias=False), dense(3),
        layers.Softmax(axis=1),
    )  # fmt: skip
    check_equal(model, imported(model))


def test_dropout_stays_and_trains(keras, imported):
    layers = keras.layers
    model = built(
        keras, layers.Dropout(0.25), layers.Dense(6, activation="relu"), layers.Dropout(0.5),
        layers.Dense(3),
    )  # fmt: skip
    for net in imported(model):
        assert [getattr(layer, "rate", None) for layer in net.layers] == [0.25, None, 0.5, None]
        assert all(isinstance(layer, Dropout) for layer in net.layers[::2])
        before = net.weights[0].copy()
        bpnet.train(net, (X, X[:, :3]), cost="quadratic", epochs=1, batch_size=8, backend="numpy")
        assert (net.weights[0] != before).any()


def test_what_acts_in_training_only_causes_a_warning(keras, imported):
    layers, dense = keras.layers, keras.layers.Dense
    spread = layers.Dropout(0.1, noise_shape=(1, 3), name="n")
    cases = {
        "'noise' .GaussianNoise": [layers.GaussianNoise(0.1, name="noise"), dense(3)],
        "'g' .GaussianDropout": [layers.GaussianDropout(0.1, name="g"), dense(3)],
        "'a' .AlphaDropout": [dense(3), layers.AlphaDropout(0.1, name="a"), dense(3)],
        "'r' .ActivityReg": [dense(3), layers.ActivityRegularization(0.1, name="r"), dense(3)],
        "kernel_regularizer of 'd'": [dense(3, kernel_regularizer="l2", name="d")],
        "bias_regularizer of 'd'": [dense(3, bias_regularizer="l1", name="d")],
        "activity_regularizer of 'd'": [dense(3, activity_regularizer="l2", name="d")],
        "kernel_constraint of 'd'": [dense(3, kernel_constraint="max_norm", name="d")],
        "bias_constraint of 'd'": [dense(3, bias_constraint="non_neg", name="d")],
        "noise_shape of 'n'": [dense(3), spread, dense(2)],
        "trainable = False of 'd'": [dense(3, trainable=False, name="d")],
        "after the last": [dense(3), layers.Dropout(0.1)],
        "before the activation 'r'": [dense(3), layers.Dropout(0.1), layers.ReLU(name="r")],
    }  # fmt: skip
    for word, chain in cases.items():
        model = built(keras, *chain)
        with pytest.warns(UserWarning, match=f"left out, as it acts in training only: .*{word}"):
            nets = imported(model)
        check_equal(model, nets)


def test_the_command_line_prints_what_is_left_out_of_a_keras_model(
    keras, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    noise = keras.layers.GaussianNoise(0.5, name="noise")
    layers = [keras.Input((4,)), noise, keras.layers.Dense(3)]
    keras.Sequential(layers).save("left.keras")
    assert main(["import", "left.keras", "m.safetensors"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "network: Network([4, 3], Identity)",
        "note: left out, as it acts in training only: 'noise' (GaussianNoise)",
        "model: m.safetensors",
    ]


def graph(keras, build):
    inputs = keras.Input((5,), name="in")
    return keras.Model(inputs, build(inputs))


def graphs(keras):
    """Functional models that are no chain, or call a layer otherwise than plainly."""
    layers, dense, ops = keras.layers, keras.layers.Dense, keras.ops
    shared, hidden = dense(5, name="shared"), dense(4, name="hidden")
    wet = layers.Dropout(0.5, name="wet")

    def several(x):
        h = hidden(x)
        return [h, dense(3)(h)]

    models = {
        "its outputs are hidden, ": several,
        "'.*' comes after in, ": lambda x: dense(3)(layers.Concatenate()([x, dense(3)(x)])),
        "'shared' comes after in, shared": lambda x: shared(shared(x)),
        "'wet' is called with training = True": lambda x: dense(3)(wet(x, training=True)),
        "is a layer Relu": lambda x: ops.relu(dense(3)(x)),
        "is a layer Softmax of": lambda x: ops.softmax(dense(3)(x), axis=0),
    }
    one, two = keras.Input((5,), name="one"), keras.Input((5,), name="two")
    added = keras.Model([one, two], dense(3)(layers.Add()([one, two])))
    return {"'two' comes after nothing": added} | {w: graph(keras, f) for w, f in models.items()}


def own(keras):
    """Models with somebody's own code in them, under names of Keras's."""

    def relu(z):
        return -z

    class Dense(keras.layers.Dense):
        def call(self, x):
            return -super().call(x)

    class Sequential(keras.Sequential):
        def call(self, x, training=None, mask=None):
            return -super().call(x)

    dense = keras.layers.Dense
    return {
        "'f' has the activation relu": built(keras, dense(3, activation=relu, name="f")),
        "'l' .* <lambda>": built(keras, dense(3, activation=lambda z: z, name="l")),
        "'d' is a layer Dense": built(keras, Dense(3, name="d")),
        "is a Sequential of ": Sequential([keras.Input((5,)), dense(3)]),
    }


def chains(keras):
    """Layers that have no equal, or settings that have none."""
    layers = keras.layers

    def dense():
        return layers.Dense(3)

    inner = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)], name="inner")
    six = layers.ReLU(max_value=6.0, name="m")
    flat = {
        "'s' is a Softmax with settings": [dense(), layers.Softmax(axis=0, name="s")],
        "'r' is a ReLU with settings": [dense(), layers.ReLU(threshold=0.5, name="r")],
        "'m' is a ReLU with settings": [layers.Dense(3, activation=six)],
        "'p' is a layer PReLU": [dense(), layers.PReLU(name="p")],
        "'b' is a layer Batch": [layers.BatchNormalization(scale=False, name="b"), dense()],
        "'l' is a layer LayerNorm": [layers.LayerNormalization(name="l"), dense()],
        "'n' is a layer Norm": [layers.Normalization(mean=1.0, variance=2.0, name="n"), dense()],
        "'c' is a layer Rescaling": [layers.Rescaling(2.0, name="c"), dense()],
        "'x' is a layer Lambda": [layers.Lambda(abs, output_shape=(5,), name="x"), dense()],
        "'u' is a layer UnitNorm": [layers.UnitNormalization(name="u"), dense()],
        "'inner' is a layer Sequential": [inner],
        "'first' .* before the first dense": [layers.ReLU(name="first"), dense()],
        "'y' has the activation 'mish'": [dense(), layers.Activation("mish", name="y")],
        "'v' is a layer RepeatVector": [
            layers.RepeatVector(2, name="v"),
            layers.Flatten(),
            dense(),
        ],
    }
    wide = {
        "'k' is a layer Masking": [layers.Masking(name="k")],
        "'t' is a layer Permute": [layers.Permute((2, 1), name="t"), layers.Flatten()],
        "'h' is a layer Reshape": [layers.Reshape((20,), name="h")],
        "'w' .* more than one axis": [layers.Dense(3, name="w")],
    }
    models = {word: built(keras, *chain) for word, chain in flat.items()}
    for word, chain in wide.items():
        models[word] = built(keras, *chain, layers.Dense(3), shape=(4, 5))
    return models


@pytest.mark.filterwarnings("ignore:.*lambda:UserWarning")
@pytest.mark.parametrize("kind", [graphs, own, chains])
def test_what_changes_a_prediction_is_refused_by_name(keras, kind):
    for word, model in kind(keras).items():
        with pytest.raises(InputError, match=word):
            from_keras(model)


def test_a_branch_that_is_not_used_is_no_part_of_a_model(keras, imported):
    def middle(x):
        h = keras.layers.Dense(4)(x)
        keras.layers.Dense(3)(h)
        return h

    model = filled(graph(keras, middle))
    check_equal(model, imported(model))


def test_an_adapted_or_a_quantized_layer_is_refused(keras):
    model = built(keras, keras.layers.Dense(3, name="q"))
    model.layers[0].enable_lora(2)
    with pytest.raises(InputError, match=r"'q' .* lora_rank = 2"):
        from_keras(model)
    model = built(keras, keras.layers.Dense(3, name="q"))
    model.layers[0].quantize("int8")
    with pytest.raises(InputError, match=r"'q' .*quantization_config|'q' has the dtype"):
        from_keras(model)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_float16", "mixed_bfloat16"])
def test_half_precision_is_float32(keras, imported, dtype):
    dense = keras.layers.Dense
    model = built(keras, dense(4, "tanh", dtype=dtype), dense(3, dtype=dtype))
    kept = [np.asarray(a).astype(np.float32) for a in model.layers[1].get_weights()]
    with pytest.warns(UserWarning, match=f"computes in {dtype}, the network in the dtype of its"):
        nets = imported(model)
    for net in nets:
        assert net.dtype == "float32"
        np.testing.assert_array_equal(net.weights[1], kept[0].T)
        np.testing.assert_array_equal(net.biases[1], kept[1])
    check_equal(model, nets, atol=0.05)


def test_a_setting_of_a_later_keras_is_refused_unless_it_is_off(keras):
    model = built(keras, keras.layers.Dense(3, name="later"))
    config = model.get_config()

    class Later(type(model)):
        def get_config(self):
            return config

    Later.__module__, Later.__name__ = "keras.later", "Sequential"
    later = Later([keras.Input((5,)), keras.layers.Dense(3, name="later")])
    settings = config["layers"][1]["config"]
    settings["gate"] = None
    check_equal(later, [from_keras(later)])
    settings["gate"] = False
    with pytest.raises(InputError, match=r"'later' .* gate = False"):
        from_keras(later)

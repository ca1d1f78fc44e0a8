"""Numbers in a model's file: those that make no sense are neither read nor written."""

import json
import warnings

import numpy as np
import pytest

import bpnet
from bpnet.core import activations, costs, initializers, layers, lbfgs, optimizers, schedules
from bpnet.errors import InputError
from bpnet.sklearn import MLPClassifier
from bpnet.storage import checksummed


def data():
    X = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    return X, np.arange(30) % 2


def network():
    parts = [
        layers.Dense(3, 4, activations.LeakyReLU(0.2)), layers.BatchNorm(4, activations.ELU(0.5)),
        layers.Dropout(0.25), layers.Dense(4, 4), layers.LayerNorm(4),
        layers.Dense(4, 1, "sigmoid"),
    ]  # fmt: skip
    return bpnet.Network(parts, seed=0)


def changed(path, change):
    """The file with its metadata and arrays changed, and a SHA-256 over them."""
    content = checksummed.read(path)
    described, tensors = json.loads(content.text), dict(content.tensors)
    change(described, tensors)
    path.write_bytes(checksummed.encode(json.dumps(described), tensors))
    return path


HUGE = 10**400
NUMBERS = ["0.1", None, True, float("nan"), float("inf"), -float("inf"), HUGE, [0.1], {"a": 1}]
PLACES = {
    "slope": lambda d, value: d["layers"][0]["activation"].update(slope=value),
    "alpha": lambda d, value: d["layers"][1]["activation"].update(alpha=value),
    "batch epsilon": lambda d, value: d["layers"][1].update(epsilon=value),
    "momentum": lambda d, value: d["layers"][1].update(momentum=value),
    "rate": lambda d, value: d["layers"][2].update(rate=value),
    "layer epsilon": lambda d, value: d["layers"][4].update(epsilon=value),
    "n_in": lambda d, value: d["layers"][3].update(n_in=value),
    "n": lambda d, value: d["layers"][4].update(n=value),
    "scale": lambda d, value: d.update(scale=[value] if value is None else value),
    "class": lambda d, value: d.update(classes=[0.5, value]),
}


@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: repr(value)[:8])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_number_is_not_read(tmp_path, place, value):
    path = network().save(tmp_path / "m.safetensors")
    changed(path, lambda described, _: PLACES[place](described, value))
    with pytest.raises(InputError, match=r"m\.safetensors") as caught:
        bpnet.load(path)
    assert "SHA-256" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *[(name, value) for name in ("batch epsilon", "layer epsilon") for value in (0, -1e-5)],
        ("batch epsilon", 1e-60), ("layer epsilon", 1e60),  # 0 and infinite in float32
        ("momentum", 0), ("momentum", 1.5), ("rate", -0.1), ("rate", 1.0), ("scale", 0.0),
        ("scale", -1.0), ("n", 0), ("n", 4.0), ("class", 0.5),
    ],
)  # fmt: skip
def test_numbers_out_of_range_are_not_read(tmp_path, place, value):
    path = network().save(tmp_path / "m.safetensors")
    changed(path, lambda described, _: PLACES[place](described, value))
    with pytest.raises(InputError, match=r"m\.safetensors"):
        bpnet.load(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("0.weight", np.nan), ("0.bias", np.inf), ("1.weight", np.nan), ("1.running_mean", -np.inf),
     ("1.running_var", -1e-3), ("1.running_var", np.nan), ("4.bias", np.inf)],
)  # fmt: skip
@pytest.mark.parametrize("kind", [bpnet.Network, bpnet.Ensemble])
def test_arrays_without_sense_are_neither_read_nor_written(tmp_path, name, value, kind):
    def spoil(_described, tensors):
        tensors[inside] = tensors[inside].copy()
        tensors[inside].flat[0] = value

    net, path = network(), tmp_path / "m.safetensors"
    saved, inside = (net, name) if kind is bpnet.Network else (bpnet.Ensemble([net]), f"0.{name}")
    saved.save(path)
    changed(path, spoil)
    read = bpnet.load if kind is bpnet.Network else bpnet.Ensemble.load
    with pytest.raises(InputError, match=r"m\.safetensors: init\["):
        read(path)
    path.unlink()
    l, which = name.split(".")
    at = ("weight", "bias", "running_mean", "running_var").index(which)
    net.parameters[int(l)][at].flat[0] = value
    with pytest.raises(InputError, match=r"the network can't be saved: init\["):
        saved.save(path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value"),
    [("scale", 0), ("scale", "x"), ("scale", np.nan),
     ("scale", True), ("scale", -1), ("scale", np.asarray([0.5])),
     ("classes", np.asarray([1.0, np.nan])), ("classes", np.asarray(["a", "a"])),
     ("classes", ["a", "b", "c"]), ("labels", "yes"), ("labels", 1), ("labels", None)],
)  # fmt: skip
def test_what_could_not_be_read_again_is_refused_when_it_is_set(tmp_path, name, value):
    net = network()
    before = net.save(tmp_path / "m.safetensors").read_bytes()
    with pytest.raises(InputError, match=name):
        setattr(net, name, value)
    assert net.save(tmp_path / "m.safetensors").read_bytes() == before


def test_labels_and_names_of_classes_exclude_one_another():
    net = network()
    net.classes = ["a", "b"]
    with pytest.raises(InputError, match="labels is True beside the classes"):
        net.labels = True
    net.classes = None
    net.labels = np.True_
    assert net.labels is True
    net.classes = ["a", "b"]
    assert net.labels is False


@pytest.mark.parametrize("kind", [bpnet.Network, bpnet.Ensemble])
def test_a_network_is_written_without_another_being_built(tmp_path, monkeypatch, kind):
    net = network()
    saved = net if kind is bpnet.Network else bpnet.Ensemble([net])
    monkeypatch.setattr(bpnet.Network, "__init__", None)
    saved.save(tmp_path / "m.safetensors")
    monkeypatch.undo()
    again = (
        kind.load(tmp_path / "m.safetensors")
        if kind is bpnet.Ensemble
        else bpnet.load(tmp_path / "m.safetensors")
    )
    assert again.predict(data()[0]).tolist() == saved.predict(data()[0]).tolist()


def test_arrays_of_another_shape_are_not_written(tmp_path):
    net = network()
    net.parameters = ((np.zeros((2, 2)), np.zeros(4)), *net.parameters[1:])
    with pytest.raises(InputError, match=r"the network can't be saved: init\[0\] has shapes"):
        net.save(tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def test_names_of_several_types_are_not_taken():
    with pytest.raises(InputError, match="classes mixes int, str; give labels of one type"):
        network().classes = np.asarray([1, "a"], object)


KINDS = {
    "leaky_relu": activations.LeakyReLU,
    "elu": activations.ELU,
    "huber": costs.Huber,
    "orthogonal": initializers.Orthogonal,
    "batch epsilon": lambda value: layers.BatchNorm(4, epsilon=value),
    "batch momentum": lambda value: layers.BatchNorm(4, momentum=value),
    "layer epsilon": lambda value: layers.LayerNorm(4, epsilon=value),
    "dropout": layers.Dropout,
    "sgd": optimizers.SGD,
    "adam": lambda value: optimizers.Adam(beta1=value),
    "exponential": schedules.Exponential,
    "warm_up": schedules.WarmUp,
    "lbfgs": lambda value: lbfgs.LBFGS(tolerance=value),
}


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_numpy_become_plain_ones(kind):
    plain = KINDS[kind](0.25)
    for value in (np.float32(0.25), np.float64(0.25), np.float16(0.25)):
        made = KINDS[kind](value)
        assert made == plain
        assert {type(v) for v in vars(made).values()} == {type(v) for v in vars(plain).values()}
        assert not any(isinstance(v, np.generic) for v in vars(made).values())


@pytest.mark.parametrize("value", [*NUMBERS, np.float32("nan"), np.asarray([0.1]), 1j], ids=repr)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_number_is_refused_when_it_is_set(kind, value):
    with pytest.raises(InputError, match="give a "):
        KINDS[kind](value)


def test_trained_with_numbers_of_numpy_it_is_saved_and_loaded(tmp_path):
    X, y = data()
    parts = [
        layers.Dense(3, 4, activations.LeakyReLU(np.float32(0.2))),
        layers.BatchNorm(np.int64(4), activations.ELU(np.float16(0.5)), epsilon=np.float32(1e-3),
                         momentum=np.float32(0.5)),
        layers.Dropout(np.float32(0.25)), layers.Dense(np.int32(4), 2, "softmax"),
    ]  # fmt: skip
    net = bpnet.Network(parts)
    bpnet.train(
        net, (X, y), epochs=np.int64(2), batch_size=np.int32(8), micro_batch=None,
        seed=np.int64(3), threads=np.int64(1), checkpoint=tmp_path / "run", l1=np.float32(0.01),
        max_norm=np.float32(2), class_weight={0: np.float32(1), 1: np.float16(2)},
        callbacks=[bpnet.EarlyStopping(np.int64(3), least=np.float32(0.01))],
    )  # fmt: skip
    bpnet.train(bpnet.Network([3, 2]), (X, y), epochs=1, shards=np.int64(2))
    bpnet.train([bpnet.Network([3, 2])], (X, y), epochs=np.int64(1), threads=np.int64(1),
                micro_batch=np.int64(4), batch_size=np.int64(8))  # fmt: skip
    net.scale = np.float32(0.5)
    again = bpnet.load(net.save(tmp_path / "m.safetensors"))
    assert again.layers == net.layers
    assert again.scale == 0.5
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
    est = MLPClassifier((4,), max_iter=2, activation=activations.ELU(np.float32(0.5)),
                        norm="layer", dropout=np.float32(0.5))  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        est.fit(X, y)
    again = bpnet.load(est.to_network().save(tmp_path / "est.safetensors"))
    np.testing.assert_array_equal(again.predict(X), est.to_network().predict(X))


@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: repr(value)[:8])
def test_options_that_are_no_numbers_are_refused_before_training(value):
    for make in (
        lambda: bpnet.EarlyStopping(3, least=value),
        lambda: bpnet.EarlyStopping(value),
        lambda: bpnet.train(bpnet.Network([3, 2]), data(), l2=value),
        lambda: bpnet.train(bpnet.Network([3, 2]), data(), class_weight={0: value, 1: 1}),
        lambda: bpnet.train(bpnet.Network([3, 2]), data(), shards=2.5 if value is None else value),
    ):
        with pytest.raises(InputError, match="give a "):
            make()


def test_labels_of_more_than_64_bits_are_refused():
    with pytest.raises(InputError, match=r"y holds .*, which no integer of 64 bits is; give text"):
        bpnet.train(bpnet.Network([3, 2]), (data()[0], [2**70, 2**71] * 15))


def test_a_normalization_of_one_value_is_refused():
    with pytest.raises(InputError, match="LayerNorm of one value has no variance"):
        bpnet.Network([3, 1, 2], norm="layer")
    bpnet.Network([3, 1, 2], norm="batch")

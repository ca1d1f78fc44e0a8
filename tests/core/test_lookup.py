"""Things by name, and plain data for files; the namespace that arrays share."""

import dataclasses
import json

import numpy as np
import pytest

from bpnet import backends
from bpnet.backends import libraries
from bpnet.core import activations, costs, layers, lookup, optimizers
from bpnet.core.namespace import library_of, namespace_of
from bpnet.errors import ArrayMismatch, InputError

TABLES = {
    "activation": activations.ACTIVATIONS,
    "cost": costs.COSTS,
    "optimizer": optimizers.OPTIMIZERS,
}
ENTRIES = [pytest.param(kind, name, id=name) for kind, table in TABLES.items() for name in table]


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_hyphens_case_and_spaces_do_not_matter(kind, name):
    table = TABLES[kind]
    for spelling in (name, name.replace("_", "-"), name.upper(), f" {name} "):
        assert lookup.by_name(kind, table, spelling) is table[name]


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_an_object_is_rebuilt_from_its_description(kind, name):
    """Through JSON, as in a file, and with parameters other than the defaults."""
    maker, table = TABLES[kind], TABLES[kind]
    parameters = {f.name: 0.0625 * (i + 1) for i, f in enumerate(dataclasses.fields(table[name]))}
    for thing in (table[name](), table[name](**parameters)):
        described = json.loads(json.dumps(lookup.describe(thing, table)))
        assert described["name"] == name
        again = lookup.rebuild(kind, maker, described)
        assert again == thing
        assert type(again) is type(thing)


@pytest.mark.parametrize(
    ("kind", "spelling", "near"),
    [
        ("activation", "sigmod", "sigmoid"),
        ("activation", "leakyrelu", "leaky_relu"),
        ("cost", "crossentropy", "cross_entropy"),
        ("cost", "mea", "mae"),
        ("optimizer", "adamm", "adam"),
        ("optimizer", "rms_prop", "rmsprop"),
    ],
)
def test_a_mistyped_name_is_answered_with_the_near_one(kind, spelling, near):
    with pytest.raises(InputError) as refusal:
        lookup.by_name(kind, TABLES[kind], spelling)
    assert str(refusal.value) == f"unknown {kind} {spelling!r}; did you mean {near!r}?"


@pytest.mark.parametrize("kind", TABLES)
def test_a_strange_name_is_answered_with_all(kind):
    with pytest.raises(InputError) as refusal:
        lookup.by_name(kind, TABLES[kind], "qqqq")
    assert all(name in str(refusal.value) for name in TABLES[kind])


class Mine(activations.Tanh):
    """A user's own: not the Tanh that a file would bring back."""


def test_what_could_not_be_rebuilt_is_not_described():
    for thing in (Mine(), object(), "tanh"):
        with pytest.raises(InputError, match="can't be written to a file by name"):
            lookup.describe(thing, activations.ACTIVATIONS)


def test_descriptions_that_do_not_fit_are_refused():
    rebuild = lambda **d: lookup.rebuild("activation", activations.ACTIVATIONS, d)  # noqa: E731
    with pytest.raises(InputError, match="did you mean 'relu'"):
        rebuild(name="rel")
    with pytest.raises(InputError, match=r"'tanh' does not take \['slope'\]"):
        rebuild(name="tanh", slope=0.1)
    with pytest.raises(InputError, match="unknown activation"):
        rebuild(slope=0.1)
    with pytest.raises(InputError, match="learning_rate"):
        lookup.rebuild("optimizer", optimizers.OPTIMIZERS, {"name": "sgd", "learning_rate": -1})


@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_get_takes_names_and_objects(name):
    actual = activations.get(name)
    assert type(actual) is activations.ACTIVATIONS[name]
    assert activations.get(actual) is actual


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(3, 4, "relu"),
        layers.Dense(1, 2, activations.LeakyReLU(0.3)),
        layers.Dropout(0.25),
    ],
    ids=repr,
)
def test_layers_are_rebuilt_from_their_description(layer):
    again = layers.rebuild(json.loads(json.dumps(layers.describe(layer))))
    assert layers.describe(again) == layers.describe(layer)
    assert type(again) is type(layer)
    assert again.shapes == layer.shapes


@pytest.mark.parametrize(
    ("described", "complaint"),
    [
        ({"kind": "dens"}, "did you mean 'dense'"),
        ({"kind": "dropout", "rate": 1.5}, "dropout rate is 1.5"),
        ({"kind": "dropout", "rate": 0.5, "seed": 1}, "does not take"),
        ({"kind": "dense", "n_in": 3, "n_out": 0}, "n_out = 0"),
        ({"kind": "dense", "n_in": 3, "n_out": 2, "activation": {"name": "x"}}, "unknown act"),
        ({}, "unknown layer"),
    ],
)
def test_layers_that_do_not_fit_are_refused(described, complaint):
    with pytest.raises(InputError, match=complaint):
        layers.rebuild(described)


def test_arrays_of_one_library_share_its_namespace(backend):
    a, b = (backend.asarray(np.ones(2, np.float32)) for _ in range(2))
    assert libraries.library_of(namespace_of(a, b, a)) == backend.name
    assert library_of(a) == backend.name


def test_two_libraries_are_refused_with_the_call_that_moves_one(backend):
    ours, theirs = np.ones(2), backend.asarray(np.ones(2, np.float32))
    if backend.name == "numpy":
        pytest.skip("NumPy with itself")
    for first, second, home in ((ours, theirs, "numpy"), (theirs, ours, backend.name)):
        with pytest.raises(ArrayMismatch) as refusal:
            namespace_of(first, first, second)
        message = str(refusal.value)
        assert "numpy" in message
        assert backend.name in message
        assert f'bpnet.to_device(array, "{home}")' in message
        assert backends.get(home).name == home  # what it says to call exists
        assert "\n" not in message


def test_two_devices_are_refused_with_the_call_that_moves_one():
    pytest.importorskip("array_api_strict")
    one = backends.get("array_api_strict:device1").asarray(np.ones(2, np.float32))
    two = backends.get("array_api_strict:device2").asarray(np.ones(2, np.float32))
    with pytest.raises(ArrayMismatch) as refusal:
        namespace_of(one, two)
    message = str(refusal.value)
    assert "device1" in message
    assert "device2" in message
    assert "bpnet.to_device(array, bpnet.backends.of(other))" in message
    namespace_of(backends.to_device(one, backends.of(two)), two)


def test_traced_arrays_are_of_the_same_library():
    """Under jax.jit one array may be traced and another not."""
    jax = pytest.importorskip("jax")
    ones = jax.numpy.ones(2)
    assert jax.jit(lambda a: namespace_of(a, ones).sum(a * ones))(ones) == 2


@pytest.mark.parametrize("thing", [[1.0, 2.0], "text", None])
def test_what_is_no_array_is_refused(thing):
    with pytest.raises(InputError, match="is no array"):
        namespace_of(np.ones(2), thing)
    with pytest.raises(InputError, match="is no array"):
        namespace_of(thing)

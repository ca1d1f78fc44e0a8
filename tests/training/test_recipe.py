"""Options of training are declared once, and all that reads them follows the declaration."""

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Unpack, get_overloads, get_type_hints

import numpy as np
import pytest

import bpnet
from bpnet.errors import ArgumentError, InputError
from bpnet.storage import checkpoint
from bpnet.training import recipe as declared
from bpnet.training import train
from bpnet.training.recipe import OPTIONS, Keywords

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.arange(60) % 3
KINDS = (bpnet.Recipe, bpnet.Place, bpnet.Ranks)


def net(seed=0):
    return bpnet.Network([3, 5, 3], hidden="tanh", seed=seed)


def trained(*arguments, **options):
    network = net()
    history = bpnet.train(network, (X, Y), *arguments, **options)
    return network.weights[0].tobytes(), history["cost"]


def test_the_signature_of_train_is_that_of_the_declaration():
    parameters = inspect.signature(bpnet.train).parameters
    for kind in KINDS:
        for field in dataclasses.fields(kind):
            assert parameters[field.name].default == field.default
            assert parameters[field.name].kind is inspect.Parameter.KEYWORD_ONLY
    named = {f.name for kind in KINDS for f in dataclasses.fields(kind)}
    assert named == {*OPTIONS} == {*get_type_hints(Keywords)}
    call = {"place", "ranks", "sample_weight", "validation", "checkpoint", "resume", "callbacks"}
    assert {*parameters} - named == {"network", "data", "recipe", "folds", "verbose", *call}


def test_keywords_are_typed_as_the_fields_and_a_list_of_such_where_networks_may_differ():
    keywords = get_type_hints(Keywords)
    for kind in KINDS:
        for name, hint in get_type_hints(kind).items():
            expected = hint | Sequence[hint] if OPTIONS[name].each else hint
            assert keywords[name] == expected, name
    typed = get_overloads(inspect.unwrap(train))
    assert [one.__annotations__["keywords"] for one in typed] == [Unpack[Keywords]] * 2


def test_what_an_editor_shows_as_a_default_is_the_default():
    shown = inspect.signature(train).parameters
    for typed in get_overloads(inspect.unwrap(train)):
        for name, parameter in inspect.signature(typed).parameters.items():
            if parameter.default is not parameter.empty:
                assert parameter.default == shown[name].default
                assert parameter.default == inspect.unwrap(train).__kwdefaults__.get(name)
    assert shown["validation"].default == "auto"


def test_defaults_of_the_finder_are_those_of_the_recipe():
    for name, parameter in inspect.signature(bpnet.find_learning_rate).parameters.items():
        if name in OPTIONS:
            assert parameter.default == OPTIONS[name].default


def test_one_set_of_defaults():
    """Section 3 of the design: adam at 1e-3, batches of 64, 20 epochs."""
    usual = bpnet.Recipe()
    assert usual.optimizer == bpnet.optimizers.Adam(learning_rate=1e-3)
    assert (usual.batch_size, usual.epochs) == (64, 20)
    assert len(trained()[1]) == 20


def test_a_recipe_is_the_keywords_and_keywords_come_before_it():
    options = {"optimizer": "momentum", "epochs": 3, "batch_size": 8, "l2": 0.1, "seed": 4}
    expected = trained(**options, dtype="float64", shards=2)
    place, ranks = bpnet.Place(dtype="float64"), bpnet.Ranks(shards=2)
    assert trained(bpnet.Recipe(**options), place=place, ranks=ranks) == expected
    other = bpnet.Recipe(**{**options, "l2": 5.0, "epochs": 1})
    single = bpnet.Place(dtype="float32")
    halves = {"place": single, "dtype": "float64", "ranks": bpnet.Ranks(), "shards": 2}
    assert trained(other, l2=0.1, epochs=3, **halves) == expected
    assert trained(recipe=other, **halves) != expected


def test_recipes_are_values():
    one = bpnet.Recipe(optimizer="sgd", cost="quadratic", schedule="cosine", metrics="f1", l2=1)
    same = bpnet.Recipe(
        optimizer=bpnet.optimizers.SGD(), cost=bpnet.costs.Quadratic(), metrics=["f1"], l2=1.0,
        schedule=bpnet.schedules.Cosine(),
    )  # fmt: skip
    assert one == same
    assert repr(one) == repr(same)  # which a checkpoint holds of it
    assert one != dataclasses.replace(one, l2=2.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.l2 = 2.0


def test_a_set_takes_a_recipe_for_all_or_one_each():
    recipes = [bpnet.Recipe(epochs=2, l2=l2, batch_size=20) for l2 in (0.0, 3.0)]
    nets = [net(), net()]
    bpnet.train(nets, (X, Y), recipes)
    for one, recipe in zip(nets, recipes, strict=True):
        alone = net()
        bpnet.train(alone, (X, Y), recipe)
        np.testing.assert_allclose(one.weights[0], alone.weights[0], atol=1e-6)
    again = [net(), net()]
    bpnet.train(again, (X, Y), recipes[0], l2=[0.0, 3.0])
    for one, other in zip(nets, again, strict=True):
        np.testing.assert_array_equal(one.weights[0], other.weights[0])


BAD = {
    "an option": ({"recipe": {"l2": -1}}, "l2 is -1; give a number of 0 or more"),
    "a type": ({"recipe": {"epochs": "ten"}}, "epochs is 'ten'; give a whole number of at least 1"),
    "no epoch": ({"recipe": {"epochs": 0}}, "epochs is 0; give a whole number of at least 1"),
    "a whole share": (
        {"recipe": {"label_smoothing": 1}},
        "label_smoothing is 1; give a number from 0 to below 1",
    ),
    "a share and more": (
        {"recipe": {"label_smoothing": 1.5}},
        "label_smoothing is 1.5; give a number from 0 to below 1",
    ),
    "nothing": ({"recipe": {"epochs": None}}, "epochs is None; give a whole number of at least 1"),
    "too many": (
        {"recipe": {"batch_size": 1 << 40}},
        "batch_size is 1099511627776; give a whole number from 1 to 2,147,483,648",
    ),
    "a name": ({"recipe": {"optimizer": "adamm"}}, "unknown optimizer 'adamm'; did you mean"),
    "a cost": ({"recipe": {"cost": "mse"}}, "unknown cost 'mse'; did you mean 'quadratic'?"),
    "a dtype": ({"place": {"dtype": "int8"}}, "dtype is 'int8'; choose one of float64"),
    "threads": ({"place": {"threads": 0}}, "threads is 0; give a whole number of at least 1"),
    "a precision": ({"place": {"precision": "tf16"}}, "precision is 'tf16'; give 'tf32'"),
    "no order": ({"ranks": {"reduce": ""}}, "reduce is ''; give 'ordered' or 'fast'"),
    "an order": ({"ranks": {"reduce": "quick"}}, "reduce is 'quick'; give 'ordered' or 'fast'"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "said"), BAD.values(), ids=BAD)
def test_what_is_out_of_range_is_refused_as_a_value_and_as_a_keyword(asked, said):
    makers = dict(zip(("recipe", "place", "ranks"), KINDS, strict=True))
    for kind, options in asked.items():
        calls = [lambda kind=kind, options=options: makers[kind](**options)]
        calls += [lambda options=options: bpnet.train(net(), (X, Y), **options)]
        calls += [lambda options=options: bpnet.train([net()], (X, Y), **options)]
        for call in calls:
            with pytest.raises(InputError) as refusal:
                call()
            assert str(refusal.value).startswith(said)
            assert "\n" not in str(refusal.value)


NO_RECIPE = {
    "y": (lambda: bpnet.train(net(), X, Y), "give X and y as a pair: (X, y)"),
    "a dict": (lambda: bpnet.train(net(), (X, Y), {"l2": 1}), "recipe is {'l2': 1}; give"),
    "a number": (lambda: bpnet.train(net(), (X, Y), 3), "recipe is 3; give a bpnet.Recipe or"),
    "several for one": (
        lambda: bpnet.train(net(), (X, Y), [bpnet.Recipe()]),
        "recipe is a list of 1, and network is one; give one bpnet.Recipe",
    ),
    "too few": (
        lambda: bpnet.train([net(), net()], (X, Y), [bpnet.Recipe()]),
        "recipe has 1 values for 2 networks; give one for all, or one for each",
    ),
    "what a set shares": (
        lambda: bpnet.train([net(), net()], (X, Y), [bpnet.Recipe(cost=c) for c in ("mae", None)]),
        "cost is not the same in all recipes, and networks of a set share it; give one value",
    ),
    "a list for one": (
        lambda: bpnet.train(net(), (X, Y), l2=[0.1]), "l2 is [0.1]; give a number of 0 or more",
    ),
    "a list of what is shared": (
        lambda: bpnet.train([net(), net()], (X, Y), dtype=["float32", "float64"]),
        "dtype is ['float32', 'float64']; give one of float64, float32, float16, bfloat16",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "said"), NO_RECIPE.values(), ids=NO_RECIPE)
def test_what_is_no_recipe_is_refused_in_a_line(call, said):
    with pytest.raises(InputError) as refusal:
        call()
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_is_no_argument_is_told_by_the_names_of_the_fields():
    with pytest.raises(ArgumentError, match="Recipe has no argument 'lr'"):
        bpnet.Recipe(lr=0.1)
    with pytest.raises(ArgumentError, match="Recipe has no argument 'epoch'; did you mean epochs"):
        bpnet.Recipe(epoch=3)
    with pytest.raises(ArgumentError, match="did you mean clip_norm"):
        bpnet.Recipe(max_grad_norm=3)
    with pytest.raises(ArgumentError, match="did you mean threads"):
        bpnet.Place(n_jobs=3)


COMPARED = sorted(name for name, about in OPTIONS.items() if about.compared)


@pytest.mark.parametrize("name", COMPARED)
def test_a_checkpoint_of_a_version_without_an_option_was_trained_with_its_default(tmp_path, name):
    """It is taken up with the default, and refused with anything else."""
    other = {
        "optimizer": "sgd", "schedule": "cosine", "micro_batch": 3, "seed": 7, "dtype": "float64",
        "precision": "tf32",
    }.get(name, 0.5)  # fmt: skip
    network = net()
    bpnet.train(network, (X, Y), epochs=1, checkpoint=tmp_path)
    (actual,) = [path for path in tmp_path.iterdir() if path.name.startswith("step-")]
    old = checkpoint.latest(tmp_path)
    old.numbers["asked"].pop(name)
    actual.unlink()
    checkpoint.write(tmp_path, old)
    with pytest.raises(InputError, match=f"has {name} = "):
        bpnet.train(net(), (X, Y), epochs=2, checkpoint=tmp_path, resume=True, **{name: other})
    history = bpnet.train(net(), (X, Y), epochs=2, checkpoint=tmp_path, resume=True)
    assert len(history["cost"]) == 2


def test_the_names_are_public():
    assert {"Recipe", "Place", "Ranks"} <= {*bpnet.__all__}
    assert declared.Recipe is bpnet.Recipe

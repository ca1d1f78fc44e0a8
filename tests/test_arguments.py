"""Arguments of a wrong type, or that are not there, are refused in one line, whoever takes them."""

import decimal
import fractions
import inspect
from pathlib import Path

import numpy as np
import pytest

import bpnet
from bpnet import arguments, export, imports
from bpnet.arguments import checked
from bpnet.core.lbfgs import LBFGS
from bpnet.errors import ArgumentError, ArrayMismatch, BackendUnavailable, InputError
from bpnet.tensorboard import TensorBoard

X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.arange(12) % 3
STATE = {"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3), "2.weight": np.ones((1, 3))}


def net(seed=0):
    return bpnet.Network([3, 4, 3], hidden="relu", seed=seed)


class Thing:
    """Nothing that bpnet knows."""


STRANGE = [
    None, 5, -1, True, 10**30, 10**400, float("nan"), float("inf"), fractions.Fraction(1, 3),
    decimal.Decimal("0.5"), 1j, "x", "", "a\0b", b"x", [1, 2], [], [[1], [2, 3]], {"a": 1}, {1},
    np.ones(2), np.float64(0.5), np.int64(3), Thing(), Thing, len, ["a", 1],
]  # fmt: skip
EDGES = {
    "train": (bpnet.train, {"network": net, "data": (X, Y), "epochs": 1}),
    "train, a set": (
        bpnet.train,
        {"network": lambda: [net(), net(1)], "data": (X, Y), "epochs": 1},
    ),
    "evaluate": (bpnet.evaluate, {"network": net, "data": (X, Y)}),
    "gradients": (bpnet.gradients, {"network": net, "X": X, "y": Y}),
    "find_learning_rate": (
        bpnet.find_learning_rate,
        {"network": net, "data": (X, Y), "steps": 20},
    ),
    "Network": (bpnet.Network, {"sizes": [3, 4, 3]}),
    "Network.predict": (bpnet.Network.predict, {"self": net, "X": X}),
    "Network.classify": (bpnet.Network.classify, {"self": net, "X": X}),
    "Network.save": (bpnet.Network.save, {"self": net, "path": "n.safetensors"}),
    "load": (bpnet.load, {"path": "n.safetensors"}),
    "Ensemble": (bpnet.Ensemble, {"networks": lambda: [net()]}),
    "Ensemble.outputs": (
        bpnet.Ensemble.outputs,
        {"self": lambda: bpnet.Ensemble([net()]), "X": X},
    ),
    "Ensemble.load": (bpnet.Ensemble.load, {"path": "e.safetensors"}),
    "EarlyStopping": (bpnet.EarlyStopping, {}),
    "Checkpoint": (bpnet.Checkpoint, {"folder": "c"}),
    "TensorBoard": (TensorBoard, {"folder": "t"}),
    "Dataset": (bpnet.data.Dataset, {"x": X, "y": Y}),
    "data.load": (bpnet.data.load, {"source": "digits"}),
    "data.fetch": (bpnet.data.fetch, {"name": "digits"}),
    "data.stream": (bpnet.data.stream, {"source": "x.npy,y.npy"}),
    "data.split": (bpnet.data.split, {"y": Y, "fraction": 0.5, "seed": 0, "stratify": True}),
    "data.folds": (bpnet.data.folds, {"y": Y, "count": 3, "seed": 0, "stratify": True}),
    "backends.get": (bpnet.backends.get, {"spec": "numpy"}),
    "backends.select": (bpnet.backends.select, {}),
    "to_device": (bpnet.to_device, {"tree": X, "backend": "numpy"}),
    "to_numpy": (bpnet.to_numpy, {"tree": X}),
    "from_file": (imports.from_file, {"path": "n.safetensors"}),
    "from_keras": (imports.from_keras, {"model": "m.keras"}),
    "from_sklearn": (imports.from_sklearn, {"estimator": 5}),
    "from_torch": (
        imports.from_torch,
        {"state": STATE, "hidden": "relu", "output": "identity"},
    ),
    "to_onnx": (export.to_onnx, {"network": 5, "path": "m.onnx"}),
    "training_to_onnx": (export.training_to_onnx, {"network": 5, "path": "m.onnx"}),
    "LBFGS": (LBFGS, {}),
    **{f"optimizers.{n}": (kind, {}) for n, kind in bpnet.optimizers.OPTIMIZERS.items()},
    **{f"schedules.{n}": (kind, {}) for n, kind in bpnet.schedules.SCHEDULES.items()},
    **{f"costs.{n}": (kind, {}) for n, kind in bpnet.costs.COSTS.items()},
    **{f"activations.{n}": (kind, {}) for n, kind in bpnet.activations.ACTIVATIONS.items()},
    "layers.dense": (bpnet.layers.Dense, {"n_in": 3, "n_out": 4}),
    "layers.dropout": (bpnet.layers.Dropout, {"rate": 0.1}),
    "layers.batch_norm": (bpnet.layers.BatchNorm, {"n": 4}),
    "layers.layer_norm": (bpnet.layers.LayerNorm, {"n": 4}),
}
REFUSED = (InputError, BackendUnavailable, ArrayMismatch, bpnet.Diverged)


def parameters(edge):
    return [name for name in inspect.signature(edge).parameters if name != "self"]


def made(good):
    return {name: one() if callable(one) else one for name, one in good.items()}


@pytest.mark.filterwarnings("ignore")  # of NumPy, about values that are refused afterwards
@pytest.mark.parametrize("name", EDGES)
def test_strange_values_are_taken_or_refused_in_a_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    edge, good = EDGES[name]
    for argument in parameters(edge):
        for value in STRANGE:
            try:
                edge(**{**made(good), argument: value})
            except REFUSED as error:
                lines = str(error).splitlines()
                if len(lines) != 1:
                    pytest.fail(f"{name}({argument}=...): {lines}")
            except Exception as error:
                where = f"{name}({argument}={arguments.shown(value)})"
                pytest.fail(f"{where}: {type(error).__name__}: {error}")


@pytest.mark.parametrize("name", EDGES)
def test_an_argument_that_is_not_there_is_refused_and_so_are_too_many(name):
    edge, good = EDGES[name]
    owner = [good["self"]()] if "self" in good else []
    with pytest.raises(ArgumentError, match="'qqqq'"):
        edge(*owner, qqqq=1)
    with pytest.raises(ArgumentError, match="and was given"):
        edge(*[None] * 60)
    assert issubclass(ArgumentError, InputError)
    assert issubclass(ArgumentError, TypeError)


RESULTS = {
    "Backend", "BackendStatus", "Callback", "Columns", "DeviceInfo", "Entry", "Selection",
    "available", "names", "of", "require_one", "catalog", "status",
}  # fmt: skip
"""What users are given, and functions of what they were given."""


@pytest.mark.parametrize("module", [bpnet, bpnet.data, bpnet.backends, imports, export])
def test_all_that_users_call_holds_its_arguments_against_its_signature(module):
    for name in module.__all__:
        thing = getattr(module, name)
        if name in RESULTS or not callable(thing):
            continue
        if isinstance(thing, type) and issubclass(thing, Exception):
            continue
        guarded = thing.__init__ if isinstance(thing, type) else thing
        assert getattr(guarded, "__checked__", False), f"{module.__name__}.{name}"


ARGUMENTS = [
    (
        lambda: bpnet.train(net(), (X, Y), lr=0.1),
        "train has no argument 'lr'; did you mean "
        "optimizer=bpnet.optimizers.Adam(learning_rate=0.001)?",
    ),
    (
        lambda: bpnet.train(net(), (X, Y), learning_rate=0.1),
        "train has no argument 'learning_rate'; did you mean "
        "optimizer=bpnet.optimizers.Adam(learning_rate=0.001)?",
    ),
    (
        lambda: bpnet.evaluate(net(), (X, Y), verbose=1),
        "evaluate has no argument 'verbose'; choose one of network, data, cost,",
    ),
    (
        lambda: bpnet.train(net(), (X, Y), loss="mse"),
        "train has no argument 'loss'; did you mean cost?",
    ),
    (
        lambda: bpnet.train(net(), (X, Y), weight_decay=0.1),
        "train has no argument 'weight_decay'; did you mean l2? "
        "(which is weight decay times the number of examples)",
    ),
    (
        lambda: bpnet.train(net(), X, Y),
        "train takes network, data, then keywords, and was given 3 arguments; "
        "give X and y as a pair: (X, y)",
    ),
    (
        lambda: bpnet.evaluate(net(), X, Y),
        "evaluate takes network, data, then keywords, and was given 3 arguments; "
        "give X and y as a pair: (X, y)",
    ),
    (
        lambda: bpnet.optimizers.Adam(lr=0.1),
        "Adam has no argument 'lr'; did you mean learning_rate?",
    ),
    (
        lambda: bpnet.optimizers.RMSprop(eps=1e-7),
        "RMSprop has no argument 'eps'; did you mean epsilon?",
    ),
    (
        lambda: bpnet.Network([3, 2], activation="relu"),
        "Network has no argument 'activation'; did you mean hidden?",
    ),
    (
        lambda: bpnet.train(net()),
        "train: missing a required argument: 'data'; its arguments are network, data,",
    ),
]


@pytest.mark.parametrize(("call", "said"), ARGUMENTS)
def test_an_error_on_a_call_names_what_would_fit(call, said):
    with pytest.raises(ArgumentError) as refusal:
        call()
    assert str(refusal.value).startswith(said)


FLOATS = "one of float64, float32, float16, bfloat16"
VALUES = [
    (
        lambda: bpnet.train(net(), (X, Y), epochs="3"),
        "epochs is '3'; give a whole number of at least 1",
    ),
    (
        lambda: bpnet.train(net(), (X, Y), epochs=True),
        "epochs is True; give a whole number of at least 1",
    ),
    (
        lambda: bpnet.train(net(), (X, Y), metrics=5),
        "metrics is 5; give a name or a list, each a name",
    ),
    (
        lambda: bpnet.train(net(), (X, Y), class_weight=[1, 2]),
        "class_weight is [1, 2]; give a dict, 'balanced' or leave it out",
    ),
    (
        lambda: bpnet.train([net(), net(1)], (X, Y), class_weight=[{0: 1, 1: 2}] * 2),
        "class_weight is [{0: 1, 1: 2}, {0: 1, 1: 2}]; give a dict, 'balanced' or leave it out",
    ),
    (
        lambda: bpnet.train([net(), net(1)], (X, Y), class_weight=["balanced", None]),
        "class_weight is ['balanced', None]; give a dict, 'balanced' or leave it out",
    ),
    (
        lambda: bpnet.train([net(), net(1)], (X, Y), metrics=[["f1"], ["auc"]]),
        "metrics holds ['f1']; give a name or a list, each a name",
    ),
    (
        lambda: bpnet.train([net(), net(1)], (X, Y), dtype=["float32", "float64"]),
        f"dtype is ['float32', 'float64']; give {FLOATS}",
    ),
    (lambda: bpnet.train(net(), (X, Y), dtype=16), f"dtype is 16; give {FLOATS}"),
    (lambda: net().predict(X, dtype=16), f"dtype is 16; give {FLOATS} or leave it out"),
    (lambda: bpnet.train(net(), (X, Y), dtype="half"), "dtype is 'half'; did you mean 'float16'?"),
    (
        lambda: net().predict(X, dtype="int8"),
        "dtype is 'int8'; choose one of float64, float32, float16, bfloat16",
    ),
    (
        lambda: bpnet.train(net(), (X, Y), precision=3),
        "precision is 3; give 'tf32' or leave it out",
    ),
    (
        lambda: bpnet.train(net(), (X, Y), reduce=3),
        "reduce is 3; give 'ordered' or 'fast'",
    ),
    (
        lambda: bpnet.Network([3, 4, 2], norm=True),
        "norm is True; give 'batch' or 'layer' or leave it out",
    ),
    (
        lambda: bpnet.train(net(), (X, Y), callbacks=np.asarray([print])),
        "callbacks holds <built-in function print>; give a list, each a Callback",
    ),
    (
        lambda: bpnet.train(net(), (X, Y), epochs=1, callbacks=[bpnet.EarlyStopping(metric=5)]),
        "metric is 5; give a name or leave it out",
    ),
    (
        lambda: bpnet.gradients(net(), X, Y, l2="x"),
        "l2 is 'x'; give a number of 0 or more",
    ),
    (
        lambda: bpnet.train(net(), (X, Y), callbacks=[print]),
        "callbacks holds <built-in function print>; give a list, each a Callback",
    ),
    (
        lambda: bpnet.train([net(), net(1)], (X, Y), l2=[0.1, "x"]),
        "l2[1] is 'x'; give a number of 0 or more",
    ),
    (
        lambda: bpnet.train(net(), (X, Y), checkpoint=5),
        "checkpoint is 5; give a path, a Checkpoint or leave it out",
    ),
    (lambda: bpnet.load(None), "path is None; give a path"),
    (lambda: bpnet.load("a\0b"), "path is 'a\\x00b'; give a path"),
    (lambda: bpnet.costs.Huber("1"), "huber's threshold is '1'; give a positive number"),
    (
        lambda: bpnet.train(net(), (np.ma.array(X, mask=X > 0), Y)),
        "X is a masked array, and a network takes every value; give X.filled(0), or leave the "
        "rows out",
    ),
    (
        lambda: bpnet.train(net(), (X, [10**20, 1, 2] * 4)),
        "y holds 100000000000000000000, which no integer of 64 bits is; give text",
    ),
    (
        lambda: bpnet.train(
            net(), (X, Y), epochs=1, callbacks=[bpnet.EarlyStopping(metric=["cost"])]
        ),
        "metric is ['cost']; give a name or leave it out",
    ),
    (
        lambda: bpnet.Network([3, 2], hidden="rely"),
        "unknown activation 'rely'; did you mean 'relu'?",
    ),
    (
        lambda: imports.from_torch({"epoch": 3, "model": STATE}, hidden="relu", output="identity"),
        "the weights are the entry 'model' of the state; give that entry alone: state['model']",
    ),
]


@pytest.mark.parametrize(("call", "said"), VALUES)
def test_a_value_that_cannot_be_used_is_named_with_what_can(call, said):
    with pytest.raises(InputError) as refusal:
        call()
    assert str(refusal.value) == said


def test_numbers_of_other_kinds_become_pythons_own():
    @checked
    def edge(count: int, rate: float, most: float | None = None):
        return count, rate, most

    numbers = edge(np.int64(3), np.float32(0.5), fractions.Fraction(1, 4))
    assert numbers == (3, 0.5, 0.25)
    assert [type(one) for one in numbers] == [int, float, float]
    assert bpnet.layers.LayerNorm(4, "relu", epsilon=fractions.Fraction(1, 1000)).epsilon == 1e-3


def test_a_signature_stays_as_it_was_for_who_asks():
    assert list(inspect.signature(bpnet.train).parameters)[:3] == ["network", "data", "recipe"]
    assert bpnet.train.__doc__.startswith("Train a network in place")
    assert bpnet.train.__module__ == "bpnet.training.train"


def test_a_schedule_after_a_warm_up_may_be_a_name():
    warm = bpnet.schedules.WarmUp(2.0, then="cosine")
    assert warm == bpnet.schedules.WarmUp(2.0, then=bpnet.schedules.Cosine())
    with pytest.raises(InputError, match="did you mean 'cosine'"):
        bpnet.schedules.WarmUp(then="cosin")


def test_the_rate_of_a_steep_inverse_scaling_is_0_and_comes_at_once():
    at = bpnet.schedules.Moment(step=9)
    for power in (1e308, 10**19):
        assert bpnet.schedules.InverseScaling(power).rate(0.1, at) == 0.0
    assert bpnet.schedules.InverseScaling(2).rate(0.5, at) == 0.005


def test_labels_of_numpys_younger_text_are_labels():
    words = np.array(["a", "b", "c"])[Y]
    trained = net()
    bpnet.train(trained, (X, words), epochs=1)
    younger = words.astype(np.dtypes.StringDType())
    assert bpnet.evaluate(trained, (X, younger)) == bpnet.evaluate(trained, (X, words))


def test_one_place_makes_a_number_of_numpy_pythons_own():
    package = Path(arguments.__file__).parent
    sources = {path.name: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    alone = {name for name, code in sources.items() if "import Integral" in code}
    assert alone == {"arguments.py", "conventions.py"}  # that of scikit-learn's own validation
    numbers = (np.int8(3), np.float16(0.5), fractions.Fraction(1, 2), 3, 0.5)
    assert [*map(arguments.finite_number, numbers)] == [3, 0.5, 0.5, 3, 0.5]
    assert {type(arguments.finite_number(value)) for value in numbers} == {int, float}
    none = (np.nan, np.float32(np.inf), 10**400, True, np.True_, "1", None, 1j, np.asarray([1.0]))
    assert [*map(arguments.finite_number, none)] == [None] * len(none)

"""Batches, halves and stacks of networks, folds and rows without weight."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.core import layers, optimizers
from bpnet.core.regularizers import UNBOUND, Regularization
from bpnet.errors import OutOfMemory
from bpnet.training import stacking
from bpnet.training.objective import Objective
from tests.assertions import error_message

NUMPY = bpnet.backends.get("numpy")


RANDOM = np.random.default_rng(5)


X = RANDOM.normal(size=(40, 3))


Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


SOFTMAX, SIGMOID, LINE = (bpnet.activations.get(n) for n in ("softmax", "sigmoid", "identity"))


class Error(Exception):
    pass


def parts(works, count, kind=Error):
    """How a part of so many networks is taken where memory holds only some at a time."""
    log = []

    def train(part):
        log.append(("train", len(part)))
        if len(part) > works:
            raise kind
        return sum(part)

    backend = SimpleNamespace(
        out_of_memory=lambda error: isinstance(error, Error), free_unused=lambda: log.append("free")
    )
    undo = lambda part: log.append(("undo", len(part)))  # noqa: E731
    return list(stacking.in_parts(list(range(count)), train, undo, backend)), log


def step(chain=None, **more):
    chain = tuple(chain or bpnet.Network([3, 4, 2], seed=0).layers)
    judge = Objective(chain, bpnet.costs.CrossEntropy(), None, "class", np.dtype("f8"), np)
    from bpnet.training.step import TrainingStep

    return TrainingStep(judge, optimizers.SGD(), 40, **more)


def member(rate, l2=None, l1=None, places=None, given=None, keyed=True):
    chain = [layers.Dense(3, 4), layers.Dropout(rate), layers.Dense(4, 2)]
    numbers = lambda first, n: (np.full((n, 2), l2 or 0.0), np.full((n, 2), first))  # noqa: E731
    return SimpleNamespace(
        step=step(chain, regularization=Regularization(l2=l2, l1=l1)), places=places,
        weights=given, keyed=keyed, numbers=numbers,
    )  # fmt: skip


FOLDS = [([*range(20)], [*range(20, 40)]), ([*range(10, 40)], [*range(10)])]


FIRST, LAST = [*range(20)], [*range(20, 40)]


HELD = (X[:8], Y[:8])


class Kill(bpnet.Callback):
    def on_epoch_end(self, run):
        if run.epoch == 1:
            raise Error


def test_a_stack_is_halved_until_it_fits():
    actual, log = parts(2, 7)
    assert [part for part, _ in actual] == [[0], [1, 2], [3, 4], [5, 6]]
    assert [total for _, total in actual] == [0, 3, 7, 11]
    assert log[:3] == [("train", 7), ("undo", 7), "free"]
    assert parts(9, 7)[1] == [("train", 7)]
    with pytest.raises(Error):
        parts(0, 3)
    with pytest.raises(KeyError):
        parts(2, 7, KeyError)


@pytest.mark.parametrize(
    ("micro", "batch", "then"), [(0, 32, 16), (8, 32, 4), (0, 3, 1), (64, 10, 5), (2, 9, 1)]
)
def test_a_batch_is_taken_in_halves_where_memory_ran_out(micro, batch, then):
    assert step(micro=micro).smaller(batch, Error()).micro == then


@pytest.mark.parametrize(
    ("norm", "micro", "batch", "text"),
    [(None, 0, 1, "memory ran out with one example at a time; use a smaller network, or another"),
     (None, 1, 8, "memory ran out with one example at a time"),
     ("batch", 0, 8, "memory ran out in a batch of 8, and batch normalization needs it whole; "
                     "use a smaller batch_size, or norm='layer'")],
)  # fmt: skip
def test_memory_that_is_not_enough(norm, micro, batch, text):
    chain = bpnet.Network([3, 4, 2], norm=norm, seed=0).layers
    with pytest.raises(OutOfMemory) as refused:
        step(chain, micro=micro).smaller(batch, Error())
    assert str(refused.value).startswith(text)


@pytest.mark.parametrize(
    ("spec", "k", "size"),
    [("numpy", 1, 32), ("numpy", 12_500, 32), ("numpy", 12_501, 31), ("numpy", 100_000, 4),
     ("numpy", 100_001, 1), ("torch:cpu", 12_501, 31), ("torch:cuda", 100_001, 256),
     ("cupy", 1, 256)],
)  # fmt: skip
def test_how_many_networks_are_trained_at_once(spec, k, size):
    """8 million products of weights and examples on a processor, of 12 + 8 weights here."""
    backend = SimpleNamespace(name=spec.partition(":")[0], spec=spec)
    assert stacking.size(backend, step(), k) == size


def test_networks_of_one_kind_are_one_group_in_their_order():
    assert stacking.grouped(["a", "b", "a", [1], "b", [1]]) == [[0, 2], [1, 4], [3, 5]]
    one = step(regularization=Regularization(l2=0.5))
    other = step(regularization=Regularization(l1=0.25))
    assert stacking.common(one) == stacking.common(other)
    drop = [layers.Dense(3, 4), layers.Dropout(0.25), layers.Dense(4, 2)]
    more = [layers.Dense(3, 4), layers.Dropout(0.75), layers.Dense(4, 2)]
    none = [layers.Dense(3, 4), layers.Dropout(0.0), layers.Dense(4, 2)]
    assert stacking.common(step(drop)) == stacking.common(step(more))
    assert stacking.common(step(drop)) != stacking.common(step(none))


def test_numbers_of_members_stand_side_by_side():
    actual = stacking.per_member([member(0.25, l2=0.5), member(0.5), member(0.75, l2=2.0)])
    assert actual.regularization.l2.tolist() == [0.5, UNBOUND.l2, 2.0]
    assert actual.regularization.l1 is actual.regularization.max_norm is None
    steps, scales = actual.drops[1]
    assert steps.reshape(-1).tolist() == [16384, 32768, 49152]
    np.testing.assert_allclose(scales.reshape(-1), [1 / 0.75, 2.0, 4.0])
    assert steps.shape == (3, 1, 1)


def test_a_batch_of_a_stack():
    rows = np.asarray([[0, 2], [1, 3]])
    alike = stacking.batch([member(0.5, l2=1.0), member(0.5, l2=2.0)], [rows, rows.copy()], 9)
    assert alike["rows"] is rows
    assert alike["coefficients"].shape == (2, 2, 2)
    assert alike["coefficients"][0, 0].tolist() == [1.0, 2.0]
    assert alike["words"][0, 0].tolist() == [9, 9]
    assert set(alike) == {"rows", "coefficients", "words"}
    places = np.asarray([5, 6, 7, 8])
    weighed = np.asarray([1.0, 2.0, 3.0, 4.0])
    apart = [member(0.5, places=places), member(0.5, given=weighed)]
    actual = stacking.batch(apart, [rows, rows[::-1]], 9)
    assert actual["rows"][:, 0].tolist() == rows.tolist()
    assert actual["rows"][:, 1].tolist() == rows[::-1].tolist()
    assert actual["numbers"][0].tolist() == [[5, 7], [1, 3]]
    assert actual["weights"][0].tolist() == [[1.0, 1.0], [2.0, 4.0]]
    plain = stacking.batch([member(0.5, places=places, keyed=False)] * 2, [rows, rows], 1)
    assert set(plain) == {"rows", "coefficients"}


@pytest.mark.parametrize("padded", [False, True])
def test_rows_that_are_none_weigh_nothing(padded):
    judge = Objective(
        bpnet.Network([2, 3], seed=0).layers, bpnet.costs.CrossEntropy(), None, "class",
        np.dtype("f8"), NUMPY.xp, padded,
    )  # fmt: skip
    data = (np.arange(8.0).reshape(4, 2), np.asarray([0, 1, 2, 1]), np.arange(3))
    rows = np.asarray([2, 0, -1 if padded else 3])
    held = judge.batch(rows, data)
    assert held.targets.tolist() == [2, 0, 0 if padded else 1]
    np.testing.assert_array_equal(held.y, np.eye(3)[held.targets])
    np.testing.assert_array_equal(held.x[:2], data[0][[2, 0]])
    assert held.numbers is rows
    assert held.weights is None if not padded else held.weights.tolist() == [1, 1, 0]
    weighed = judge.batch(rows, (*data, np.asarray([2.0, 3.0, 4.0, 5.0])))
    assert weighed.weights.tolist() == [4.0, 2.0, 0.0 if padded else 5.0]
    numbered = judge.batch(rows, (*data, None, np.asarray([9, 8, 7, 6])))
    assert numbered.numbers.tolist() == [7, 9, 9 if padded else 6]


@pytest.mark.parametrize(
    ("begun", "change", "what"),
    [
        ({"sample_weight": np.ones(40)}, {"sample_weight": np.arange(40.0)}, "sample_weight"),
        ({"sample_weight": np.ones(40)}, {"sample_weight": None}, "sample_weight"),
        ({"folds": FOLDS}, {"folds": [(FOLDS[0][0][::-1], FOLDS[0][1]), FOLDS[1]]}, "folds"),
        ({"folds": FOLDS}, {"folds": [(FOLDS[0][0], FOLDS[0][1][::-1]), FOLDS[1]]}, "folds"),
        ({"class_weight": {0: 2.0}}, {"class_weight": {0: 3.0}}, "class_weight"),
        ({"validation": HELD, "metrics": ["f1"]}, {"metrics": ["auc"]}, "metrics"),
        ({"validation": HELD}, {"validation": (X[8:16], Y[8:16])}, "validation"),
        ({"l2": [0.0, 0.5]}, {"l2": [0.5, 0.0]}, "l2"),
        ({"seed": [1, 2]}, {"seed": [2, 1]}, "seed"),
        ({"batch_size": 8}, {"batch_size": 16}, "batch_size"), ({}, {"cost": "quadratic"}, "cost"),
        ({"dtype": "float64"}, {"dtype": "float32"}, "dtype"),
    ],
)  # fmt: skip
def test_a_set_goes_on_as_it_was_begun_or_not_at_all(tmp_path, begun, change, what):
    def train(options, **more):
        nets = [bpnet.Network([3, 4, 3], seed=i) for i in range(2)]
        kept = bpnet.Checkpoint(tmp_path, epochs=1)
        given = {"epochs": 3, "batch_size": 8, **options}
        return bpnet.train(nets, (X, Y), checkpoint=kept, **given, **more)

    with pytest.raises(Error):
        train(begun, callbacks=[Kill()])
    if not list(tmp_path.glob("step-*")):
        pytest.fail("no checkpoint was written")
    assert what in error_message(train, {**begun, **change}, resume=True)
    assert len(train(begun, resume=True)[0]["cost"]) == 3


@pytest.mark.parametrize("folds", [FOLDS, [(LAST, FIRST), (FIRST, LAST)]])
def test_metrics_of_a_fold_are_of_its_own_rows(folds):
    nets = [bpnet.Network([3, 4, 3], hidden="tanh", seed=i) for i in range(2)]
    actual = bpnet.train(
        nets, (X, Y), folds=folds, metrics=["f1", "log_loss"], epochs=2, dtype="float64"
    )
    for net, history, (_, rows) in zip(nets, actual, folds, strict=True):
        held = (X[rows], Y[rows])
        told = bpnet.evaluate(net, held, metrics=["f1", "log_loss"], dtype="float64")
        assert history["validation_cost"][-1] == pytest.approx(told["cost"], rel=1e-9)
        for name in ("f1", "log_loss"):
            assert history[f"validation_{name}"][-1] == pytest.approx(told[name], rel=1e-9)


@pytest.mark.parametrize("sizes", [[3, 3], [3, 4, 3]])
@pytest.mark.parametrize("rate", [1.0, 0.999999, -0.1])
def test_a_rate_of_dropout_is_refused_where_there_is_nothing_to_drop_too(sizes, rate):
    text = error_message(bpnet.train, bpnet.Network(sizes), (X, Y), dropout=rate, epochs=1)
    assert f"{rate}" in text
    own = bpnet.Network([layers.Dense(3, 4), layers.Dropout(0.5), layers.Dense(4, 3, "softmax")])
    assert error_message(bpnet.train, own, (X, Y), dropout=0.25, epochs=1) == (
        "dropout=0.25 was given to a network with Dropout layers of its own; use one"
    )


@pytest.mark.parametrize("cost", [0.5, math.nan, math.inf])
@pytest.mark.parametrize("kind", ["class", None])
def test_after_a_cost_that_is_not_finite_no_metrics_are_counted(cost, kind):
    from bpnet.training.validation import Validation

    held = SimpleNamespace(metrics=("f1",), _metrics=lambda *_: {"validation_f1": 1.0})
    judge = SimpleNamespace(kind=kind)
    actual = Validation._figures(held, judge, (), None, cost, 0.25)
    assert actual.pop("validation_f1", None) == (1.0 if math.isfinite(cost) else None)
    assert actual.pop("validation_accuracy") == (None if kind is None else 0.25)
    assert [*actual] == ["validation_cost"]
    assert actual["validation_cost"] is cost

"""Weights, targets and baselines before training: what is computed and what is refused."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.training import prepare, scores
from bpnet.training import targets as making
from tests.assertions import error_message


def wanted(y, n, output="softmax", classes=None, cost="cross_entropy", **more):
    sigma = bpnet.activations.get(output) if isinstance(output, str) else output
    return making.make_targets(
        np.asarray(y), len(y), n, sigma, bpnet.costs.get(cost, sigma), classes, "y", **more
    )


SOFTMAX, SIGMOID, LINE = (bpnet.activations.get(n) for n in ("softmax", "sigmoid", "identity"))


@pytest.mark.parametrize("row", [0, 1, 3])
@pytest.mark.parametrize("value", [-0.5, math.nan, math.inf])
def test_the_row_of_a_weight_that_is_none_is_named(row, value):
    given = np.ones(4)
    given[row] = value
    assert error_message(making.checked_weights, given, 4) == (
        f"sample_weight has {value:g} in row {row}, no number of 0 or more; give such"
    )
    given[3] = -1.0
    assert f"in row {row}," in error_message(making.checked_weights, given, 4)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([1.0, 2.0], "sample_weight has shape (2,) and X 3 examples; give one weight each"),
        ([[1.0]] * 3, "sample_weight has shape (3, 1) and X 3 examples; give one weight each"),
        (["a"] * 3, "sample_weight has dtype <U1, no number of 0 or more; give such"),
    ],
)
def test_weights_that_are_none(given, text):
    assert error_message(making.checked_weights, given, 3) == text
    assert making.checked_weights([0.0, 1, 2], 3).tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("sample_weight", "class_weight", "made"),
    [
        (None, None, None), ([1, 2, 3, 6], None, [1 / 3, 2 / 3, 1, 2]),
        (None, "balanced", [2 / 3, 2 / 3, 2 / 3, 2]), (None, {1: 3}, [2 / 3, 2 / 3, 2 / 3, 2]),
        ([2, 1, 0, 1], {1: 3}, [8 / 6, 4 / 6, 0, 2]), (None, {0: 0.0}, [0, 0, 0, 4]),
    ],
)  # fmt: skip
def test_weights_have_the_mean_1(sample_weight, class_weight, made):
    actual = making.weigh(sample_weight, class_weight, wanted([0, 0, 0, 1], 2), 4)
    if made is None:
        assert actual is None
    else:
        np.testing.assert_allclose(actual, made, rtol=1e-12)


@pytest.mark.parametrize(
    ("class_weight", "text"),
    [
        ({"c": 1.0}, "class_weight names 'c'; the classes are a, b"),
        ({"a": -1.0}, "class_weight of 'a' is -1.0; give a number of 0 or more"),
        ({"a": math.nan}, "class_weight of 'a' is nan; give a number of 0 or more"),
        ({"a": 0, "b": 0.0}, "all examples have the weight 0; give at least one a weight"),
    ],
)
def test_weights_of_classes_that_are_none(class_weight, text):
    held = making.make_targets(
        np.asarray(["a", "a", "b"]), 3, 2, bpnet.activations.Softmax(),
        bpnet.costs.CrossEntropy(), None, "y", learn=True,
    )  # fmt: skip
    assert error_message(making.weigh, None, class_weight, held, 3) == text


@pytest.mark.parametrize(
    ("kind", "y", "n", "said_"),
    [
        ("classify", [0, 1], 1, "the targets are classes and the network has one output, Identity; "
         "give output='sigmoid' for two classes, or one output for each class"),
        ("regress", [0.5, 1.5], 2, "the targets are one amount for each example and the network "
         "has 2 outputs; give it one, output='identity', or the data task='classify'"),
        ("classify", [0, 1], 2, ""), ("regress", [0.5, 1.5], 1, ""),
        ("regress", [[0.5, 1], [1.5, 1]], 2, ""), (None, [0.5, 1.5], 2, ""),
    ],
)  # fmt: skip
def test_outputs_that_cannot_tell_the_task(kind, y, n, said_):
    net = bpnet.Network([3, n], output="identity")
    data = SimpleNamespace(task=kind, y=np.asarray(y))
    if said_:
        assert error_message(prepare._check_task, net, data, bpnet.costs.Quadratic()) == said_
    else:
        prepare._check_task(net, data, bpnet.costs.Quadratic())
    prepare._check_task(bpnet.Network([3, 1], output="identity"), SimpleNamespace(task="classify"),
               bpnet.costs.Hinge())  # fmt: skip


@pytest.mark.parametrize(
    ("names", "y", "n", "output", "text"),
    [
        (["f1"], [0.5, 1.5], 1, LINE,
         "f1 needs classes, and these targets are numbers; use mse, rmse, mae, r2"),
        (["log_loss"], [0, 1], 2, LINE,
         "log_loss needs probabilities; use the output softmax or sigmoid, or another metric"),
        (["top_2"], [0, 1], 2, SOFTMAX,
         "top_2 of 2 classes is always 1; give a number below that of the classes"),
        (["top_1"], [[0.0, 1.0], [1.0, 1.0]], 2, SIGMOID,
         "top_1 needs classes that exclude each other, and these targets are rows of labels; "
         "use accuracy, f1 or auc"),
        (["r2"], [[0.5]], 1, LINE,
         "r2 is not defined for these targets; "
         "give more examples"),
    ],
)  # fmt: skip
def test_metrics_that_cannot_be_told(names, y, n, output, text):
    cost = "cross_entropy" if output in (SOFTMAX, SIGMOID) else "quadratic"
    held = wanted(y, n, output, cost=cost)
    assert error_message(scores.rehearse, names, held, n, output) == text


@pytest.mark.parametrize(
    ("asked", "names"),
    [("f1", ("f1",)), (["balanced-accuracy", "top-3"], ("balanced_accuracy", "top_3")), ((), ())],
)
def test_names_of_metrics(asked, names):
    assert scores.names_of(asked) == names
    for wrong in ("top_0", "top_", "acc", "top_1234567890"):
        assert error_message(scores.names_of, wrong).startswith(f"there is no metric '{wrong}'; ")


def test_numbers_of_classes_and_of_amounts():
    a = np.asarray([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.3, 0.4, 0.3], [0.5, 0.3, 0.2]])
    y = np.asarray([0, 1, 1, 2])
    actual = scores.compute(
        ["accuracy", "balanced_accuracy", "top_2", "mse"], wanted(y, 3), a, SOFTMAX
    )
    assert actual["accuracy"] == 0.5
    assert actual["balanced_accuracy"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert actual["top_2"] == 0.75
    assert actual["mse"] == pytest.approx(((a - np.eye(3)[y]) ** 2).mean())
    held = wanted([[1.0, 4.0], [3.0, 0.0]], 2, LINE, cost="quadratic")
    told = scores.compute(["mse", "rmse", "mae"], held, np.asarray([[2.0, 4.0], [3.0, 2.0]]), LINE)
    assert told == {"mse": 5 / 4, "rmse": math.sqrt(5 / 4), "mae": 3 / 4}


def test_the_baseline_of_classes_is_the_commonest():
    held = wanted([0, 2, 2, 1, 2], 3)
    actual = scores.of_classes(0.8, held)
    assert actual["baseline"] == {"accuracy": 0.6, "answer": 2}
    low, high = actual["interval"]["accuracy"]
    n, p, z = 5, 0.8, 1.959964
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert (low, high) == pytest.approx(
        [(middle + s * half) / (1 + z * z / n) for s in (-1, 1)], rel=1e-9
    )


def test_the_baseline_of_amounts_is_their_mean():
    y = np.asarray([[1.0], [2.0], [6.0]])
    figures, more = scores.of_numbers(y + 1, y)
    assert figures == pytest.approx({"r2": 1 - 3 / 14, "mae": 1.0, "rmse": 1.0})
    baseline = more["baseline"]
    assert baseline["answer"] == "the mean"
    assert (baseline["r2"], baseline["mae"]) == (0.0, pytest.approx(2.0))
    assert baseline["rmse"] == pytest.approx(math.sqrt(14 / 3))
    for name, (low, high) in more["interval"].items():
        assert low <= figures[name] <= high
    exact = scores.of_numbers(y, y)
    assert exact[0] == {"r2": 1.0, "mae": 0.0, "rmse": 0.0}
    assert exact[1]["interval"] == {"r2": (1.0, 1.0), "mae": (0.0, 0.0), "rmse": (0.0, 0.0)}


@pytest.mark.parametrize(
    ("y", "n", "classes", "is_so"),
    [
        ([0.0, 1.0], 1, None, True), ([0.5, 2.5], 3, None, True), ([1.0, 2.0], 1, None, True),
        ([0.2, 0.7], 1, None, False), ([1.0, 2.0, 3.0], 1, None, False),
        ([3.5, 9.5, 1.5], 1, [3.5, 9.5], True), ([3.0, 9.0], 1, [3, 9], True),
        ([3.0, 9.5], 1, [3, 9], False), ([3.0, 9.5, 1.0], 1, ["p", "q"], False),
    ],
)  # fmt: skip
def test_numbers_that_are_labels_of_one_output(y, n, classes, is_so):
    """Two different numbers are, those of known classes, and 0 and 1; a probability is not."""
    known = None if classes is None else np.asarray(classes)
    assert making._are_labels(np.asarray(y), n, known) is is_so

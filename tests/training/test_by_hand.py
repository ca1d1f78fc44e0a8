"""Parts of training by themselves: refusals, bounds, what is counted, kept, grouped and judged."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.core import layers, optimizers
from bpnet.core.regularizers import UNBOUND, Regularization
from bpnet.errors import InputError, OutOfMemory
from bpnet.storage import checkpoint
from bpnet.training import callbacks, opening, prepare, scores, stacking
from bpnet.training import targets as making
from bpnet.training.callbacks import EarlyStopping, Run, check_watched
from bpnet.training.objective import Objective

NUMPY = bpnet.backends.get("numpy")
RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


def said(make, *arguments, **named):
    """The refusal of a call, whole."""
    with pytest.raises(InputError) as refused:
        make(*arguments, **named)
    return str(refused.value)


def wanted(y, n, output="softmax", classes=None, cost="cross_entropy", **more):
    sigma = bpnet.activations.get(output) if isinstance(output, str) else output
    return making.make_targets(
        np.asarray(y), len(y), n, sigma, bpnet.costs.get(cost, sigma), classes, "y", **more
    )


@pytest.mark.parametrize("row", [0, 1, 3])
@pytest.mark.parametrize("value", [-0.5, math.nan, math.inf])
def test_the_row_of_a_weight_that_is_none_is_named(row, value):
    given = np.ones(4)
    given[row] = value
    assert said(making.checked_weights, given, 4) == (
        f"sample_weight has {value:g} in row {row}, no number of 0 or more; give such"
    )
    given[3] = -1.0
    assert f"in row {row}," in said(making.checked_weights, given, 4)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([1.0, 2.0], "sample_weight has shape (2,) and X 3 examples; give one weight each"),
        ([[1.0]] * 3, "sample_weight has shape (3, 1) and X 3 examples; give one weight each"),
        (["a"] * 3, "sample_weight has dtype <U1, no number of 0 or more; give such"),
    ],
)
def test_weights_that_are_none(given, text):
    assert said(making.checked_weights, given, 3) == text
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
    assert said(making.weigh, None, class_weight, held, 3) == text


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
        assert said(prepare._check_task, net, data, bpnet.costs.Quadratic()) == said_
    else:
        prepare._check_task(net, data, bpnet.costs.Quadratic())
    prepare._check_task(bpnet.Network([3, 1], output="identity"), SimpleNamespace(task="classify"),
               bpnet.costs.Hinge())  # fmt: skip


def test_pictures_are_scaled_before_metrics_are_told():
    """Bytes with a scale: metrics are those of the same numbers as floats."""
    pixels = RANDOM.integers(0, 256, (40, 3), dtype=np.uint8)
    histories = []
    for x, scale in ((pixels, 1 / 255), (pixels / 255, None)):
        data = bpnet.data.Dataset(x[:30], Y[:30], scale=scale, validation=(x[30:], Y[30:]))
        net = bpnet.Network([3, 4, 3], hidden="tanh", seed=1)
        histories.append(bpnet.train(
            net, data, validation=(x[30:], Y[30:]), epochs=2, metrics=["log_loss", "f1"],
            dtype="float64", seed=1,
        ))  # fmt: skip
    one, other = histories
    for name in ("validation_log_loss", "validation_f1", "validation_cost"):
        assert one[name] == pytest.approx(other[name], rel=1e-9), name
    assert one["validation_log_loss"] == pytest.approx(one["validation_cost"], rel=1e-9)


def test_a_validation_cost_that_is_not_finite_is_told_as_such_though_metrics_are_asked_for():
    net = bpnet.Network([3, 3], output="identity", seed=1)
    far = X.copy()
    far[0] = 1e200
    with pytest.raises(bpnet.Diverged, match="the validation cost is not finite after epoch 1"):
        bpnet.train(net, (X, np.eye(3)[Y]), validation=(far * 1e10, np.eye(3)[Y]), epochs=1,
                    metrics="mse", cost="quadratic", dtype="float64")  # fmt: skip


class Count(bpnet.Callback):
    """Counts the epochs that it is told of."""

    def __init__(self):
        self.told = []

    def for_member(self):
        return Count()

    def on_epoch_end(self, run):
        self.told.append(run.epoch)


@pytest.mark.parametrize("count", [1, 3])
def test_an_epoch_after_which_a_network_diverged_is_told_to_nobody(count):
    nets = [bpnet.Network([3, 3], output="identity", seed=i) for i in range(count)]
    callbacks = [[Count()] for _ in nets]
    far = (X * 1e210, np.eye(3)[Y])
    options = {"cost": "quadratic", "dtype": "float64", "epochs": 2, "validation": far}
    with pytest.raises(bpnet.Diverged):
        bpnet.train(nets, (X, np.eye(3)[Y]), callbacks=callbacks, **options)
    assert [one.told for (one,) in callbacks] == [[]] * count


@pytest.mark.parametrize(
    ("name", "grows"),
    [("cost", False), ("validation_cost", False), ("validation_log_loss", False), ("mse", False),
     ("rmse", False), ("validation_mae", False), ("accuracy", True), ("validation_r2", True),
     ("f1", True), ("auc", True), ("top_5", True)],
)  # fmt: skip
def test_what_grows_as_a_network_gets_better(name, grows):
    assert scores.grows(name) is grows


SOFTMAX, SIGMOID, LINE = (bpnet.activations.get(n) for n in ("softmax", "sigmoid", "identity"))


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
    assert said(scores.rehearse, names, held, n, output) == text


@pytest.mark.parametrize(
    ("asked", "names"),
    [("f1", ("f1",)), (["balanced-accuracy", "top-3"], ("balanced_accuracy", "top_3")), ((), ())],
)
def test_names_of_metrics(asked, names):
    assert scores.names_of(asked) == names
    for wrong in ("top_0", "top_", "acc", "top_1234567890"):
        assert said(scores.names_of, wrong).startswith(f"there is no metric '{wrong}'; ")


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


def running(**about):
    run = Run(bpnet.Network([3, 3], seed=1), 9, 4, 16, "numpy")
    for name, value in about.items():
        setattr(run, name, value)
    run.pull = lambda: None
    return run


def followed(stopping, values, name="cost"):
    """The epoch at which a run of such values is stopped, counted from 0."""
    run = running(history={name: []})
    stopping.on_train_begin(run)
    for run.epoch, value in enumerate(values):
        run.history[name].append(value)
        stopping.on_epoch_end(run)
        if run.stopped:
            return run.epoch, run.stopped
    return None


@pytest.mark.parametrize(
    ("values", "patience", "least", "epoch"),
    [
        ([3, 2, 2, 2], 2, 0.0, 3), ([3, 2, 2, 1.5, 2], 2, 0.0, None), ([3, 2, 2], 1, 0.0, 2),
        ([3, 2.5, 2.5, 2.5], 2, 0.5, 2), ([3, 2.5, 2.4, 2.3], 2, 0.5, None),
        ([3, 2.4, 2, 2], 2, 0.5, 3),
        ([math.nan, 1, 2], 1, 0.0, 2), ([math.nan] * 3, 1, 0.0, 1), ([3, 2, 2, 2], 3, 0.0, None),
    ],
)  # fmt: skip
def test_early_stopping_counts_epochs_since_the_best(values, patience, least, epoch):
    actual = followed(EarlyStopping(patience, least=least), values)
    assert actual == (None if epoch is None else (epoch, f"no better cost for {patience} epochs"))


def test_early_stopping_of_what_grows_and_by_default_of_the_validation_cost():
    assert followed(EarlyStopping(1, "f1"), [0.5, 0.75, 0.5], "f1") == (
        2, "no better f1 for 1 epochs"
    )  # fmt: skip
    assert followed(EarlyStopping(1), [2, 1, 3], "validation_cost")[1] == (
        "no better validation_cost for 1 epochs"
    )
    stopping = EarlyStopping(2)
    followed(stopping, [3, 1, 2])
    assert (stopping.best, stopping.best_epoch) == (1, 1)
    assert stopping.state()[0] == {"best": 1, "best_epoch": 1}
    stopping.on_train_begin(running())
    assert (stopping.best, stopping.best_epoch, stopping.state()[1]) == (None, None, None)
    run = running()
    stopping.take_back({"best": 0.5, "best_epoch": 3}, run.network.parameters)
    stopping.on_train_end(run)
    assert (stopping.best, stopping.best_epoch) == (0.5, 3)
    assert run.result is run.network.parameters
    last = EarlyStopping(2, restore=False)
    followed(last, [3, 1, 2])
    last.on_train_end(run := running())
    assert run.result is None


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: EarlyStopping(0), "patience is 0; give a whole number of at least 1"),
        (lambda: EarlyStopping(1.5), "patience is 1.5; give a whole number of at least 1"),
        (lambda: EarlyStopping(3, least=-0.1), "least is -0.1; give a number of 0 or more"),
        (lambda: EarlyStopping(3, least=math.nan), "least is nan; give a number of 0 or more"),
        (lambda: check_watched(3, ["cost"]), "metric is 3; give a name or leave it out"),
        (lambda: check_watched("f1", ["cost", "mae"]),
         "early stopping watches 'f1', which the history lacks; it has cost, mae; "
         "give validation or metrics for more"),
        (lambda: EarlyStopping().take_back({"best": "x", "best_epoch": 1}, None),
         "the checkpoint does not say which epoch was the best; start another run"),
        (lambda: EarlyStopping().take_back({"best": 1.0}, None),
         "the checkpoint does not say which epoch was the best; start another run"),
        (lambda: checkpoint.fitting((np.ones(2),), (np.ones(3),), "parameters"),
         "the parameters in the checkpoint are not those of this network and optimizer; "
         "resume it as it was begun, or start another"),
        (lambda: checkpoint.fitting((np.ones(2),), (np.ones(2, int),), "x"),
         "the x in the checkpoint are not those of this network and optimizer; "
         "resume it as it was begun, or start another"),
    ],
)  # fmt: skip
def test_what_a_refusal_says(make, text):
    assert said(make) == text


@pytest.mark.parametrize(
    ("metric", "validated", "metrics", "kind", "known"),
    [
        ("cost", False, (), "class", True), ("accuracy", False, (), "class", True),
        ("accuracy", False, (), None, False), ("validation_cost", True, (), None, True),
        ("validation_cost", False, (), None, False),
        ("validation_f1", True, ("f1",), "class", True),
        ("validation_f1", False, ("f1",), "class", False), ("f1", True, ("f1",), "class", False),
        ("validation_f1", True, (), "class", False), ("seconds", False, (), None, True),
        ("validation_accuracy", True, (), None, False), (None, False, (), None, True),
    ],
)  # fmt: skip
def test_what_the_history_will_not_have_cannot_be_watched(metric, validated, metrics, kind, known):
    judge, recipe = SimpleNamespace(kind=kind), SimpleNamespace(metrics=metrics)
    plan = SimpleNamespace(callbacks=[EarlyStopping(3, metric)], recipe=recipe)
    if known:
        opening._check_watched(plan, judge, validated=validated)
        return
    text = said(opening._check_watched, plan, judge, validated=validated)
    assert text.startswith(
        f"early stopping watches {metric!r}, which the history lacks; it has cost"
    )

    class Own(bpnet.Callback):
        """Which may write more into it."""

    plan.callbacks.append(Own())
    opening._check_watched(plan, judge, validated=validated)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [(None, "SIGINT", "SIGINT"), ("patience", "SIGINT", "patience"), ("SIGINT", "done", "done"),
     ("SIGTERM", "interrupted", "SIGTERM"), ("patience", "enough", "enough")],
)  # fmt: skip
def test_a_signal_does_not_take_the_place_of_another_reason(first, second, kept):
    run = running(stopped=first)
    run.stop(second)
    assert run.stopped == kept


@pytest.mark.parametrize(
    ("epoch", "step", "ended", "position", "at"),
    [(0, 0, 0, (0, 0), 7), (2, 3, 2, (2, 3), 18), (2, 4, 3, (3, 0), 19), (0, 4, 1, (1, 0), 11)],
)
def test_the_place_of_a_run(epoch, step, ended, position, at):
    run = running(epoch=epoch, step=step, before=7, history={"cost": [0.0] * ended})
    assert (run.position, run.at) == (position, at)


def test_callbacks_of_one_class_are_told_apart():
    one, other = bpnet.Callback(), EarlyStopping()
    names = [name for name, _ in callbacks.named([one, other, EarlyStopping(), bpnet.Callback()])]
    assert names == ["Callback", "EarlyStopping", "EarlyStopping 2", "Callback 2"]


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


def step(chain=None, **more):
    chain = tuple(chain or bpnet.Network([3, 4, 2], seed=0).layers)
    judge = Objective(chain, bpnet.costs.CrossEntropy(), None, "class", np.dtype("f8"), np)
    from bpnet.training.step import TrainingStep

    return TrainingStep(judge, optimizers.SGD(), 40, **more)


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


def member(rate, l2=None, l1=None, places=None, given=None, keyed=True):
    chain = [layers.Dense(3, 4), layers.Dropout(rate), layers.Dense(4, 2)]
    numbers = lambda first, n: (np.full((n, 2), l2 or 0.0), np.full((n, 2), first))  # noqa: E731
    return SimpleNamespace(
        step=step(chain, regularization=Regularization(l2=l2, l1=l1)), places=places,
        weights=given, keyed=keyed, numbers=numbers,
    )  # fmt: skip


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


FOLDS = [([*range(20)], [*range(20, 40)]), ([*range(10, 40)], [*range(10)])]
FIRST, LAST = [*range(20)], [*range(20, 40)]
HELD = (X[:8], Y[:8])


class Kill(bpnet.Callback):
    def on_epoch_end(self, run):
        if run.epoch == 1:
            raise Error


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
    assert what in said(train, {**begun, **change}, resume=True)
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
    text = said(bpnet.train, bpnet.Network(sizes), (X, Y), dropout=rate, epochs=1)
    assert f"{rate}" in text
    own = bpnet.Network([layers.Dense(3, 4), layers.Dropout(0.5), layers.Dense(4, 3, "softmax")])
    assert said(bpnet.train, own, (X, Y), dropout=0.25, epochs=1) == (
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

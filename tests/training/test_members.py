"""A set of networks trained at once: each ends as the same network trained alone."""

import logging
from dataclasses import dataclass

import numpy as np
import pytest

import bpnet
from bpnet.backends.trace import replay
from bpnet.core import costs
from bpnet.core.optimizers import Optimizer
from bpnet.training import stacking
from bpnet.training.step import Stacked

RATES = ((0.1, 0.0), (0.02, 0.1), (0.003, 0.5))
BOUND = {"float64": 1e-12, "float32": 2e-5}
M, N, CLASSES = 45, 5, 3


def examples(task="classes"):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(M, N))
    if task == "rows":
        return X, np.stack([X[:, 0] + X[:, 1], X[:, 2] ** 2], axis=1)
    return X, (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


def networks(count=3, outputs=CLASSES, **options):
    options = {"hidden": "tanh", "seed": 0, **options}
    first = options.pop("seed")
    return [bpnet.Network([N, 7, outputs], seed=first + i, **options) for i in range(count)]


def alone(nets, data, options, folds=None):
    """The same networks, one after another, each with its own of what is a list."""
    X, y = data
    histories = []
    for i, net in enumerate(nets):
        own = {n: v[i] if isinstance(v, list) else v for n, v in options.items()}
        given = data
        if folds is not None:
            rows, held = folds[i]
            given, own["validation"] = (X[rows], y[rows]), (X[held], y[held])
            if "sample_weight" in own:
                own["sample_weight"] = own["sample_weight"][rows]
        histories.append(bpnet.train(net, given, **own))
    return histories


def distance(nets, others):
    flat = [[a for net in part for pair in net.parameters for a in pair] for part in (nets, others)]
    return max(np.abs(p - q).max() for p, q in zip(*flat, strict=True))


def assert_equal(dtype, nets, histories, others, reference):
    assert distance(nets, others) <= BOUND[dtype]
    for history, expected in zip(histories, reference, strict=True):
        assert history.keys() == expected.keys()
        for name in set(history) - {"seconds"}:
            np.testing.assert_allclose(history[name], expected[name], atol=BOUND[dtype] * 10)


def compare(backend, data, options, folds=None, stacks=None, **shape):
    dtype = backend.dtypes()[0]
    options = {
        "backend": backend, "dtype": dtype, "epochs": 2, "batch_size": 8,
        "optimizer": bpnet.optimizers.Momentum(0.1), **options,
    }  # fmt: skip
    nets, others = networks(**shape), networks(**shape)
    histories = bpnet.train(nets, data, folds=folds, **options)
    assert histories.stacks == (stacks or [len(nets)])
    reference = alone(others, data, options, folds)
    assert_equal(dtype, nets, histories, others, reference)
    return nets, histories


OWN = {
    "seeds, rates and weight decay": {
        "seed": [0, 1, 1],
        "optimizer": [bpnet.optimizers.AdamW(e, weight_decay=d) for e, d in RATES],
    },
    "all that may differ": {
        "optimizer": [bpnet.optimizers.Nesterov(0.1, mu) for mu in (0.0, 0.5, 0.9)],
        "l2": [0.0, 0.5, 1.0],
        "l1": [0.3, 0.0, 0.1],
        "max_norm": [0.0, 0.8, 0.5],
        "clip_norm": [0.05, 0.0, 0.1],
        "dropout": [0.1, 0.3, 0.9],
        "seed": [3, 3, 4],
    },
    "one order for all": {"l2": [0.0, 0.1, 0.2], "dropout": [0.2, 0.2, 0.4]},
}
OTHERS = {
    "schedules": {"schedule": ["constant", bpnet.schedules.Step(1, 0.3), "one_cycle"]},
    "whole sets": {"batch_size": None, "l2": [0.0, 0.1, 0.2]},
    "Adam": {"optimizer": [bpnet.optimizers.Adam(e, e, 1 - e, e) for e, _ in RATES]},
    "RMSprop": {"optimizer": [bpnet.optimizers.RMSprop(e) for e, _ in RATES], "seed": [0, 1, 2]},
    "Adagrad": {"optimizer": [bpnet.optimizers.Adagrad(e) for e, _ in RATES]},
    "SGD": {"optimizer": [bpnet.optimizers.SGD(e) for e, _ in RATES], "seed": [0, 1, 2]},
    "Momentum": {"optimizer": [bpnet.optimizers.Momentum(e, 9 * e) for e, _ in RATES]},
}


@pytest.mark.parametrize("own", OWN.values(), ids=OWN)
def test_each_member_equals_the_network_alone(backend, own):
    X, y = examples()
    compare(backend, (X, y), {"validation": (X[:20], y[:20]), **own})


@pytest.mark.parametrize("own", OTHERS.values(), ids=OTHERS)
def test_so_it_does_with_other_rules_and_schedules(own):
    compare(bpnet.backends.get("numpy"), examples(), own)


FOLDS = [
    (np.arange(M)[np.arange(M) % 4 != i][:33], np.arange(M)[np.arange(M) % 4 == i][:11])
    for i in range(3)
]


@pytest.mark.parametrize(
    "own",
    [
        {"dropout": 0.3, "seed": [0, 0, 1]},
        {"sample_weight": np.linspace(0.2, 3, M), "l2": [0.1, 0.2, 0.0]},
        {"metrics": ("f1", "log_loss"), "class_weight": "balanced"},
    ],
    ids=["dropout", "sample weights", "metrics and class weights"],
)
def test_a_fold_equals_a_set_of_its_own(backend, own):
    compare(backend, examples(), own, folds=FOLDS)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_normalization(backend, norm):
    X, y = examples()
    compare(backend, (X, y), {"seed": [0, 1, 2], "validation": (X, y)}, norm=norm)


@pytest.mark.parametrize("seed", [0, [0, 1, 2]], ids=["one order", "orders"])
def test_rows_as_targets(backend, seed):
    data = examples("rows")
    options = {"seed": seed, "validation": data, "metrics": "r2", "class_weight": None}
    compare(backend, data, options, outputs=2, output="identity")


def test_one_hot_rows_have_an_accuracy(backend):
    X, y = examples()
    rows = np.eye(CLASSES)[y]
    compare(backend, (X, rows), {"seed": 3, "validation": (X, rows)})


def test_each_member_stops_by_itself_and_gets_its_best_epoch(backend):
    """A member that has stopped no longer changes, whatever the others go on to do."""
    X, _ = examples()
    noise = np.random.default_rng(0).integers(0, CLASSES, M)
    options = {
        "validation": (X[30:], noise[30:]), "epochs": 12,
        "optimizer": [bpnet.optimizers.Adam(eta) for eta in (0.2, 0.01, 1e-5)],
        "callbacks": (bpnet.EarlyStopping(2),),
    }  # fmt: skip
    _, histories = compare(backend, (X[:30], noise[:30]), options)
    lengths = [len(history["cost"]) for history in histories]
    assert lengths[0] < 12
    assert lengths[-1] == 12
    assert lengths[0] != lengths[1]


def test_a_list_of_callbacks_for_each():
    seen = []

    class Watch(bpnet.Callback):
        def __init__(self, name):
            self.name = name

        def on_block_end(self, run):
            seen.append((self.name, run.epoch, run.step))
            if self.name == "b" and run.epoch == 1:
                run.stop("enough")

    nets = networks(2)
    options = {"epochs": 3, "batch_size": 1, "callbacks": [[Watch("a")], [Watch("b")]]}
    X, y = examples()
    histories = bpnet.train(nets, (np.tile(X, (3, 1)), np.tile(y, 3)), **options)
    assert [len(history["cost"]) for history in histories] == [3, 1]
    assert ("b", 1, 50) in seen
    assert not any(name == "b" and (epoch, step) > (1, 50) for name, epoch, step in seen)
    assert ("a", 2, 135) in seen


def test_a_member_that_diverges_leaves_the_others_as_they_would_be(backend, caplog):
    X, y = examples("rows")
    rates = [bpnet.optimizers.SGD(eta) for eta in (0.01, 1e30, 0.02)]
    options = {
        "optimizer": rates, "backend": backend, "batch_size": 8, "epochs": 3, "cost": "quadratic",
    }  # fmt: skip
    shape = {"hidden": "relu", "output": "identity", "outputs": 2}
    nets, others, before = (networks(**shape) for _ in range(3))
    with caplog.at_level(logging.WARNING, "bpnet"):
        histories = bpnet.train(nets, (X, y), **options)
    assert list(histories.diverged) == [1]
    assert "network 2 of 3: training diverged at step" in caplog.text
    with pytest.raises(bpnet.Diverged) as told:
        bpnet.train(others[1], (X, y), **{**options, "optimizer": rates[1]})
    assert str(told.value) == str(histories.diverged[1])
    assert distance(nets[1:2], before[1:2]) == 0
    assert not histories[1]
    for i in (0, 2):
        reference = bpnet.train(others[i], (X, y), **{**options, "optimizer": rates[i]})
        assert_equal("float32", [nets[i]], [histories[i]], [others[i]], [reference])


def test_one_that_diverges_on_the_validation_set_leaves_the_others_their_metrics():
    X, y = examples("rows")
    far = np.full((3, N), 1e38)
    nets = networks(2, outputs=2, hidden="relu", output="identity", init="zeros")
    nets[1].weights[0], nets[1].weights[1] = np.ones((7, N)), np.ones((2, 7))
    options = {"optimizer": bpnet.optimizers.SGD(1e-30), "metrics": "mse"}
    histories = bpnet.train(nets, (X, y), validation=(far, y[:3]), **options)
    assert list(histories.diverged) == [1]
    assert histories[0]["validation_mse"][-1] == pytest.approx((y[:3] ** 2).mean())
    with pytest.raises(bpnet.Diverged, match="the validation cost is not finite"):
        bpnet.train(nets[1], (X, y), validation=(far, y[:3]), **options)


def test_where_all_diverge_it_is_an_error():
    X, y = examples("rows")
    nets = networks(outputs=2, output="identity", hidden="relu")
    with pytest.raises(bpnet.Diverged, match="training diverged at step 2 of epoch 1"):
        bpnet.train(nets, (X, y), optimizer=bpnet.optimizers.SGD(1e30), batch_size=8)


def test_networks_of_several_kinds_are_trained_kind_by_kind():
    data = examples()
    options = {"epochs": 2, "dropout": [0.0, 0.2] * 5, "batch_size": 8}
    make = lambda: [*networks(8), *networks(2, hidden="relu")]  # noqa: E731
    nets, others = make(), make()
    histories = bpnet.train(nets, data, **options)
    assert histories.stacks == [4, 4, 1, 1]
    assert_equal("float32", nets, histories, others, alone(others, data, options))


@dataclass(frozen=True)
class ByItsOwnRate(Optimizer):
    """Descent that looks at its field, not at the rate of the step."""

    def update(self, p, g, slots, coefficients, *, xp):
        p -= self.learning_rate * g
        return p, ()


def test_an_optimizer_may_look_at_its_own_rate(backend):
    """So that networks whose optimizers differ are not in one stack."""
    rules = [ByItsOwnRate(eta) for eta in (0.05, 0.2, 0.1)]
    compare(backend, examples(), {"optimizer": rules}, stacks=[1, 1, 1])
    compare(backend, examples(), {"optimizer": ByItsOwnRate(0.2)})


def test_large_networks_are_trained_one_after_another(monkeypatch):
    """The rule looks at shapes; what it decides changes nothing but the time."""
    data = examples()
    options = {"epochs": 2, "seed": [0, 1, 2], "batch_size": 8, "dropout": 0.2}
    nets, others = networks(), networks()
    histories = bpnet.train(nets, data, folds=FOLDS, **options)
    monkeypatch.setattr(stacking, "_WORK", 100)
    reference = bpnet.train(others, data, folds=FOLDS, **options)
    assert (histories.stacks, reference.stacks) == ([3], [1, 1, 1])
    assert_equal("float32", nets, histories, others, reference)


@pytest.mark.parametrize(
    ("n", "k", "size"), [(30, 10, 32), (30, 80, 4), (30, 100, 1), (512, 128, 1)]
)
def test_the_rule(n, k, size):
    from bpnet.training.objective import Objective
    from bpnet.training.step import TrainingStep

    net = bpnet.Network([784, n, 10])
    judge = Objective(net.layers, costs.CrossEntropy(), None, "class", None, None)
    step = TrainingStep(judge, bpnet.optimizers.SGD(), m=100)
    assert stacking.size(bpnet.backends.get("numpy"), step, k) == size


def test_memory_that_runs_out_later_begins_anew_from_the_first_weights(monkeypatch):
    """Early stopping has written what it learned into the networks by then."""
    data = examples()
    nets, others = networks(8), networks(8)
    usual, calls = Stacked.__call__, []

    def hungry(self, carry, *rest):
        calls.append(None)
        if len(calls) == 5:
            raise MemoryError
        return usual(self, carry, *rest)

    monkeypatch.setattr(Stacked, "__call__", hungry)
    monkeypatch.setattr(replay, "WORTH", 100)  # a step that is replayed is not called
    options = {"epochs": 3, "batch_size": 15, "seed": list(range(8)), "backend": "numpy"}
    histories = bpnet.train(nets, data, **options, callbacks=[bpnet.EarlyStopping(9, "cost")])
    assert histories.stacks == [4, 4]
    assert_equal("float32", nets, histories, others, alone(others, data, options))


def test_memory_that_runs_out_halves_the_stack(monkeypatch, caplog):
    data = examples()
    nets, others = networks(8), networks(8)
    usual = Stacked.__call__

    def hungry(self, carry, batch, *rest):
        if carry[0][0][0].shape[0] > 4:
            raise MemoryError
        return usual(self, carry, batch, *rest)

    monkeypatch.setattr(Stacked, "__call__", hungry)
    options = {"epochs": 2, "seed": list(range(8)), "backend": "numpy"}
    with caplog.at_level(logging.WARNING, "bpnet"):
        histories = bpnet.train(nets, data, **options)
    assert histories.stacks == [4, 4]
    assert "memory ran out with 8 networks at a time" in caplog.text
    assert_equal("float32", nets, histories, others, alone(others, data, options))


@pytest.mark.parametrize(
    "options", [{"micro_batch": 3}, {"dtype": "float16"}], ids=["parts", "half"]
)
def test_some_sets_are_trained_one_after_another(options):
    """Halves, batches taken in parts and sparse examples."""
    nets, others = networks(), networks()
    options = {"epochs": 2, "seed": [0, 1, 2], "validation": examples(), **options}
    histories = bpnet.train(nets, examples(), **options)
    assert histories.stacks == [1] * 3
    assert_equal("float32", nets, histories, others, alone(others, examples(), options))


REFUSED = {
    "nothing": (lambda: ([], {}), "the set of networks is empty"),
    "no network": (lambda: ([*networks(1), 3], {}), "network is int"),
    "one twice": (lambda: (networks(1) * 2, {}), "in the set twice"),
    "other outputs": (
        lambda: ([*networks(1), bpnet.Network([N, 7, 4], hidden="sigmoid")], {}),
        "network 2 of the set has outputs 4 and the first 3",
    ),
    "too few values": (lambda: (networks(3), {"l2": [0.1, 0.2]}), "l2 has 2 values for 3 networks"),
    "a bad value": (lambda: (networks(2), {"l2": [0.1, -1]}), "l2 is -1"),
    "resume without a folder": (lambda: (networks(2), {"resume": True}), "give checkpoint=folder"),
    "shards": (
        lambda: (networks(2), {"shards": 2}),
        "shards is for one network",
    ),
    "a checkpoint's callback": (
        lambda: (networks(2), {"callbacks": [bpnet.Checkpoint("x")]}),
        "Checkpoint is for one network",
    ),
    "lbfgs": (lambda: (networks(2), {"optimizer": "lbfgs"}), "one network at a time"),
    "too few folds": (lambda: (networks(2), {"folds": FOLDS[:1]}), "folds has 1 entries"),
    "rows beyond the data": (
        lambda: (networks(2), {"folds": [([0, 1], [2]), ([0, 99], [2])]}),
        r"folds\[1\] has row 99",
    ),
    "no rows": (lambda: (networks(1), {"folds": [([], [2])]}), "no row to train with"),
    "rows that are none": (lambda: (networks(1), {"folds": [([0.5], [2])]}), "dtype float64"),
    "validation twice": (
        lambda: (networks(2), {"folds": FOLDS[:2], "validation": examples()}),
        "validation was given too",
    ),
    "metrics of nothing": (lambda: (networks(2), {"metrics": "f1"}), "give validation"),
    "lists of callbacks": (lambda: (networks(3), {"callbacks": [[], []]}), "callbacks has 2"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input(make, message):
    nets, options = make()
    with pytest.raises(bpnet.InputError, match=message):
        bpnet.train(nets, examples(), **options)


def test_folds_are_for_sets():
    with pytest.raises(bpnet.InputError, match="folds are for a set"):
        bpnet.train(networks(1)[0], examples(), folds=FOLDS[:1])


def test_those_that_diverge_are_named_in_the_order_of_the_set():
    """It is not that in which networks of one batch size are trained together."""
    rates = [1e35, 1e35, 1e35, 0.01]
    rules = [bpnet.optimizers.SGD(eta) for eta in rates]
    actual = bpnet.train(
        networks(4, hidden="relu"), examples(), optimizer=rules,
        batch_size=[10, 20, 10, 20], epochs=2,
    )  # fmt: skip
    assert list(actual.diverged) == [0, 1, 2]

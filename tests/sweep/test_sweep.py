"""A sweep: what it ranks, against networks trained one by one; and the run that it leaves."""

import numpy as np
import pytest

import bpnet
from bpnet import runs, sweep

NUMPY = bpnet.backends.get("numpy")


def data(validation=True, task=None):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(90, 4))
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0) if task is None else X[:, 0] * X[:, 1]
    held = (X[60:], y[60:]) if validation else None
    return bpnet.data.Dataset(X[:60], y[:60], validation=held, task=task, name="made up")


def plan(**options):
    given = {
        "grid": {"learning_rate": [0.003, 0.03], "l2": [0.0, 0.5], "batch_size": [16]},
        "network": {"sizes": [6], "hidden": "tanh", "output": None, "init": "auto", "norm": None},
        "training": {"epochs": 4},
    }  # fmt: skip
    return sweep.Plan(**{**given, **options})


def alone(asked, configuration, seed, given, validation, callbacks=()):
    net = sweep.network(given, asked, seed)
    own = asked.options(configuration)
    history = bpnet.train(
        net, given, validation=validation, seed=seed, backend=NUMPY, callbacks=callbacks,
        **{**asked.training, **own},
    )  # fmt: skip
    return net, history


def test_scores_are_those_of_networks_trained_alone_on_each_fold():
    asked, given = plan(folds=3, seeds=[4, 5]), data(validation=False)
    found = sweep.run(given, asked, backend=NUMPY)
    assert found.score == "validation_accuracy"
    assert len(found.ranking) == 4
    parts = bpnet.data.folds(given.y, 3, 4, stratify=True)
    for ranked in found.ranking:
        wanted = np.zeros((2, 3))
        for i, seed in enumerate((4, 5)):
            for j, (rows, held) in enumerate(parts):
                part = bpnet.data.Dataset(given.x[rows], given.y[rows])
                pair = (given.x[held], given.y[held])
                _, history = alone(asked, ranked.configuration, seed, part, pair)
                wanted[i, j] = history["validation_accuracy"][-1]
        np.testing.assert_allclose(ranked.scores, wanted, atol=1e-12)
        assert ranked.mean == pytest.approx(wanted.mean())
        assert ranked.deviation == pytest.approx(np.std(wanted, ddof=1))
    means = [ranked.mean for ranked in found.ranking]
    assert means == sorted(means, reverse=True)


def test_costs_rank_the_other_way_round():
    found = sweep.run(data(task="regress"), plan(), backend=NUMPY)
    assert found.score == "validation_cost"
    means = [ranked.mean for ranked in found.ranking]
    assert means == sorted(means)
    assert means[0] < means[-1]


def finished(tmp_path, asked, given):
    found = sweep.run(given, asked, backend=NUMPY)
    config = {
        "data": {"source": "made up", "validation": 0.0, "seed": 0},
        "network": {"hidden": [6]},
        "training": {},
    }
    sweep.finish(found, given, folder=tmp_path / "run", config=config, backend=NUMPY)
    return found, runs.open_run(tmp_path / "run")


def test_the_run_is_the_best_network_with_its_best_epoch(tmp_path):
    asked, given = plan(seeds=[0, 1, 2], patience=2, training={"epochs": 15}), data()
    found, (net, config, _) = finished(tmp_path, asked, given)
    best = found.best
    i = int(np.argmax(best.scores[:, 0]))
    assert found.seed == i
    stopping = bpnet.EarlyStopping(2, "validation_accuracy")
    wanted, _ = alone(asked, best.configuration, i, given, given.validation, [stopping])
    np.testing.assert_array_equal(net.weights[0], wanted.weights[0])
    assert stopping.best == best.scores[i, 0]
    assert stopping.best_epoch + 1 == best.epochs[i, 0]
    assert config["network"]["seed"] == config["training"]["seed"] == i
    assert config["training"]["learning_rate"] == best.configuration["learning_rate"]


def test_with_folds_the_best_is_trained_on_all_examples(tmp_path):
    asked, given = plan(folds=3, patience=2, training={"epochs": 15}), data(validation=False)
    found, (net, config, _) = finished(tmp_path, asked, given)
    epochs = int(np.median(found.best.epochs))
    assert config["training"]["epochs"] == epochs
    again = plan(training={"epochs": epochs})
    wanted, _ = alone(again, found.best.configuration, 0, given, None)
    np.testing.assert_array_equal(net.weights[0], wanted.weights[0])


def test_combinations_that_diverge_come_last():
    asked = plan(
        grid={"learning_rate": [1e30, 0.01], "batch_size": [16]}, optimizer="sgd", folds=2,
        network={"sizes": [6], "hidden": "relu", "output": None, "init": "auto", "norm": None},
    )  # fmt: skip
    found = sweep.run(data(task="regress", validation=False), asked, backend=NUMPY)
    assert [ranked.diverged for ranked in found.ranking] == [0, 2]
    assert found.rows()[1]["mean"] is None
    worse = plan(grid={"learning_rate": [1e30], "batch_size": [16]}, optimizer="sgd")
    with pytest.raises(bpnet.Diverged):
        sweep.run(data(task="regress"), worse, backend=NUMPY)


@pytest.mark.parametrize("count", [2, 7, 60])
def test_folds_hold_each_row_out_once_and_spread_the_classes(count):
    y = np.asarray([0] * 33 + [1] * 20 + [2] * 7)
    parts = bpnet.data.folds(y, count, seed=3, stratify=True)
    held = np.concatenate([h for _, h in parts])
    assert sorted(held.tolist()) == list(range(60))
    assert all(not set(kept) & set(h) and len(kept) + len(h) == 60 for kept, h in parts)
    sizes = [len(h) for _, h in parts]
    assert max(sizes) - min(sizes) <= 1
    for label in range(3):
        counts = [int((y[h] == label).sum()) for _, h in parts]
        assert max(counts) - min(counts) <= 1
    other = bpnet.data.folds(y, count, seed=4, stratify=True)
    assert any((a != b).any() for (_, a), (_, b) in zip(parts, other, strict=True))


@pytest.mark.parametrize("count", [2.0, True])
def test_folds_that_are_no_whole_number(count):
    with pytest.raises(bpnet.InputError, match=r"count is .*; give a whole number"):
        bpnet.data.folds(np.zeros(60), count, seed=0, stratify=False)


@pytest.mark.parametrize("count", [1, 0, 61])
def test_folds_that_cannot_be(count):
    with pytest.raises(bpnet.InputError, match="from 2 to the 60 rows"):
        bpnet.data.folds(np.zeros(60), count, seed=0, stratify=False)

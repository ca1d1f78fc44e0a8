"""Successive halving: which combinations are pruned, against halving by hand, also after a stop."""

import csv
import json
import math
import shutil
import sys

import numpy as np
import pytest

import bpnet
from bpnet import sweep
from bpnet.cli import main
from bpnet.errors import InputError
from bpnet.report import repeat
from bpnet.runs import configuration
from bpnet.sweep import pruning
from bpnet.training import stacking

optuna = pytest.importorskip("optuna")

NUMPY = bpnet.backends.get("numpy")
RNG = np.random.default_rng(5)
X = RNG.normal(size=(120, 6))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
DATA = bpnet.data.Dataset(X[:80], Y[:80], validation=(X[80:], Y[80:]), name="made up")
EPOCHS = 6


def plan(**options):
    rates = [round(10.0**e, 6) for e in np.linspace(-4, 0, 11)]
    usual = {
        "grid": {"learning_rate": rates, "batch_size": [16]}, "prune": 1, "score": "cost",
        "network": {"sizes": [5], "hidden": "tanh", "output": None, "init": "auto", "norm": None},
        "training": {"epochs": EPOCHS},
    }  # fmt: skip
    return sweep.Plan(**{**usual, **options})


def run(asked, data=DATA, ledger=None):
    return sweep.run(data, asked, backend=NUMPY, ledger=ledger)


def by_trial(ranked_sweep):
    ranking = sorted(ranked_sweep.ranking, key=lambda one: one.trial)
    return [(one.pruned, one.scores.tolist(), one.epochs.tolist()) for one in ranking]


def halved(curves, order, rungs):
    """Epoch after which each curve of costs is pruned: in the best quarter of a rung, or out.

    Of fewer than eight costs the best quarter is the least one.
    """
    ends = dict.fromkeys(order)
    seen = {rung: [] for rung in rungs}
    for rung in rungs:
        for i in order:
            if ends[i] is not None:
                continue
            seen[rung].append(curves[i][rung - 1])
            best = sorted(seen[rung])[: max(len(seen[rung]) // 4, 1)]
            if curves[i][rung - 1] > best[-1]:
                ends[i] = rung
    return ends


@pytest.mark.parametrize("at_once", [True, False], ids=["stack", "one after another"])
@pytest.mark.parametrize("score", ["cost", "accuracy"])
def test_trials_are_pruned_as_halving_by_hand_says(monkeypatch, at_once, score):
    if not at_once:
        monkeypatch.setattr(stacking, "size", lambda *_: 1)
    asked = plan(score=score)
    curves = []
    for chosen in asked.configurations:
        net = bpnet.Network([6, 5, 2], hidden="tanh", output="softmax", seed=0)
        rule = bpnet.optimizers.Adam(chosen["learning_rate"])
        history = bpnet.train(
            net, DATA, optimizer=rule, epochs=EPOCHS, batch_size=16, seed=0, backend="numpy"
        )
        sign = 1 if score == "cost" else -1
        curves.append([sign * value for value in history[f"validation_{score}"]])
    ends = halved(curves, pruning.order(asked), [1, 4])
    ranked = run(asked)
    assert {one.trial - 1: one.pruned for one in ranked.ranking} == ends
    assert {1, 4, None} == {*ends.values()}
    for one in ranked.ranking:
        epoch = one.pruned or EPOCHS
        assert one.epochs.tolist() == [[epoch]]
        assert abs(one.mean) == pytest.approx(abs(curves[one.trial - 1][epoch - 1]), rel=1e-5)
    states = [one.pruned for one in ranked.ranking]
    assert states == sorted(states, key=lambda end: -(end or EPOCHS))  # pruned ones stand behind


def test_other_seeds_and_folds_are_trained_where_the_first_was_not_pruned():
    whole = bpnet.data.Dataset(X, Y, name="made up")
    asked = plan(seeds=[3, 4], folds=3, patience=2)
    ledger = sweep.Ledger()
    ranked = run(asked, whole, ledger)
    sizes = {one.scores.shape for one in ranked.ranking if one.pruned is None}
    assert sizes == {(2, 3)}
    pruned = [one for one in ranked.ranking if one.pruned]
    assert {one.scores.shape for one in pruned} == {(1, 1)}
    assert len(ledger.trained) == sum(one.scores.size for one in ranked.ranking)
    assert ranked.summary()["networks"] == len(ledger.trained) == sum(ranked.stacks)
    to_the_end = run(plan(seeds=[3, 4], folds=3, patience=2, prune=0), whole)
    every = {one.trial: one for one in to_the_end.ranking}
    for one in ranked.ranking:
        if one.pruned is None:  # as without pruning
            np.testing.assert_allclose(one.scores, every[one.trial].scores, rtol=1e-5)


@pytest.mark.parametrize("stop", range(1, 19, 2))
@pytest.mark.parametrize("at_once", [4, 1])
def test_a_sweep_that_was_ended_prunes_the_same_trials_when_it_is_resumed(
    tmp_path, monkeypatch, stop, at_once
):
    monkeypatch.setattr(stacking, "size", lambda *_: at_once)
    grid = {"hidden": [[5], [4]], "learning_rate": [1e-3, 0.3, 1e-2, 0.1, 0.03]}
    asked = plan(grid=grid, seeds=[0, 1])
    whole = by_trial(run(asked))
    ledger = sweep.Ledger(tmp_path / "run", {"source": "made up"})
    calls, is_pruned = [], pruning.Study.is_pruned

    def ending(self, *arguments):
        calls.append(arguments)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return is_pruned(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(pruning.Study, "is_pruned", ending)
        try:
            run(asked, ledger=ledger)
        except KeyboardInterrupt:
            assert not json.loads((tmp_path / "run" / "sweep.json").read_text())["finished"]
        else:
            assert len(calls) < stop
    resumed = by_trial(run(asked, ledger=sweep.Ledger.read(tmp_path / "run")))
    assert [(pruned, epochs) for pruned, _, epochs in resumed] == [
        (pruned, epochs) for pruned, _, epochs in whole
    ]
    for (_, scores, _), (_, before, _) in zip(resumed, whole, strict=True):
        np.testing.assert_allclose(scores, before, rtol=1e-5)  # of a stack of another size


def test_the_order_is_drawn_and_keeps_networks_of_one_shape_together():
    asked = plan(grid={"hidden": [[5], [4]], "learning_rate": [0.1, 0.2, 0.3, 0.4]})
    order = pruning.order(asked)
    assert sorted(order) == [*range(8)]
    assert order == pruning.order(asked)
    assert [*map(tuple, ({*order[:4]}, {*order[4:]}))] in [
        [(0, 1, 2, 3), (4, 5, 6, 7)], [(4, 5, 6, 7), (0, 1, 2, 3)],
    ]  # fmt: skip
    orders = {tuple(pruning.order(plan(grid=asked.grid, seeds=[s]))) for s in range(20)}
    assert len(orders) > 10


def test_rungs_are_four_times_as_far_each_and_before_the_last_epoch():
    for prune, epochs, rungs in [(1, 2, [1]), (1, 20, [1, 4, 16]), (2, 8, [2]), (2, 9, [2, 8]),
                                 (3, 100, [3, 12, 48])]:  # fmt: skip
        assert plan(prune=prune, training={"epochs": epochs}).rungs == rungs
    assert plan(prune=0).rungs == []


@pytest.mark.parametrize("prune", [-1, EPOCHS, EPOCHS + 1])
def test_epochs_after_which_nothing_can_be_pruned_are_refused(prune):
    with pytest.raises(InputError) as refused:
        plan(prune=prune)
    assert str(refused.value) == (
        f"prune is {prune}; give at least 1 and fewer than the 6 epochs of a network, or 0 to "
        "prune none"
    )


def test_without_optuna_pruning_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match="pruning needs optuna; pip install"):
        run(plan())
    assert len(run(plan(prune=0, training={"epochs": 1})).ranking) == 11  # a plain grid goes on


def test_trials_that_diverge_are_trained_with_no_other_seed():
    data = bpnet.data.Dataset(X[:80], X[:80, 0], validation=(X[80:], X[80:, 0]), task="regress")
    network = {"sizes": [6], "hidden": "relu", "output": None, "init": "auto", "norm": None}
    grid = {"learning_rate": [1e30, 0.01, 0.02], "batch_size": [16]}
    asked = plan(grid=grid, optimizer="sgd", network=network, seeds=[0, 1, 2])
    ranked = run(asked, data)
    last = ranked.ranking[-1]
    assert (last.configuration["learning_rate"], last.diverged, last.pruned) == (1e30, 1, None)
    assert last.scores.shape == (1, 1)
    assert ranked.best.scores.shape == (3, 1)


PRUNING = [
    "digits", "--hidden", "6", "--epochs", "5", "--learning-rate", "1e-4,3e-4,1e-3,1e-2,3e-2",
    "--batch-size", "128", "--prune", "1", "--seeds", "2", "--backend", "numpy",
]  # fmt: skip


def test_the_command_marks_what_it_pruned_in_table_and_files_and_can_be_repeated(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["sweep", *PRUNING, "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "sweep: 5 combinations, 2 seeds, a validation split: at most 10 networks" in lines
    assert "pruning: the best quarter goes on after epochs 1, 4" in lines
    summary = json.loads((out / "sweep.json").read_text())
    rows = summary["configurations"]
    pruned = [row for row in rows if row["pruned"]]
    assert 0 < len(pruned) < 5
    assert rows[-len(pruned) :] == pruned
    assert all(np.shape(row["scores"]) == (1, 1) for row in pruned)
    assert summary["networks"] == 2 * (5 - len(pruned)) + len(pruned)
    start = next(i for i, line in enumerate(lines) if line.startswith("rank"))
    assert lines[start].endswith("pruned")
    for line, row in zip(lines[start + 1 : start + 6], rows, strict=True):
        assert line.endswith(f"after {row['pruned']}") == bool(row["pruned"])
    with (out / "sweep.csv").open() as file:
        assert [row["pruned"] for row in csv.DictReader(file)] == [
            str(row["pruned"] or "") for row in rows
        ]
    config = configuration.from_toml((out / "config.toml").read_text())
    assert config["sweep"]["prune"] == 1
    assert "--prune 1" in repeat.command(config)
    shutil.rmtree(out / "checkpoints")
    for name in ("config.toml", "model.safetensors"):
        (out / name).unlink()
    assert main(["sweep", "--resume", str(out)]) == 0
    again = capsys.readouterr().out.splitlines()
    assert {*lines[start : start + 6]} < {*again}
    assert f"trained before: {summary['networks']} of {summary['networks']} networks" in again
    assert json.loads((out / "sweep.json").read_text())["configurations"] == rows


def test_a_resumed_sweep_expects_no_networks_of_combinations_that_were_pruned_before():
    """The networks of the combinations are 0 and 1, 2 and 3, and so on."""
    trained = {0: (0.5, 1), 2: (math.nan, 0), 4: (0.25, 6)}
    ledger = sweep.Ledger(trained=trained, pruned={0: 1})
    grid = {"learning_rate": [0.1, 0.2, 0.3, 0.4]}
    assert ledger.expected(plan(grid=grid, seeds=[0, 1])) == 1 + 1 + 2 + 2
    assert ledger.expected(plan(grid=grid, seeds=[0, 1], prune=0)) == 8


@pytest.mark.parametrize("prune", ["5", "-1", "1.5"])
def test_the_command_refuses_to_prune_after_so_many_epochs(tmp_path, capsys, prune):
    out = tmp_path / "run"
    asked = [prune if word == "1" else word for word in PRUNING]
    assert main(["sweep", *asked, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert "prune" in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_the_command_without_optuna_refuses_to_prune_before_it_prints(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main(["sweep", *PRUNING, "--out", str(tmp_path / "run")]) == 2
    captured = capsys.readouterr()
    assert "pruning needs optuna; pip install" in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not (tmp_path / "run").exists()

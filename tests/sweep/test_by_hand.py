"""A sweep without training: its plan, what is ranked and how, what is written and told."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet import sweep
from bpnet.errors import InputError
from bpnet.sweep import finishing, ranking, running
from bpnet.sweep import ledger as ledgers
from bpnet.sweep import plan as plans
from bpnet.sweep.ranking import Ranked, Sweep
from tests.assertions import error_message

DATA = bpnet.data.Dataset(np.zeros((8, 2)), np.arange(8) % 2, name="made up")


def plan(**options):
    given = {
        "grid": {"learning_rate": [0.1, 0.2], "l2": [0.0, 0.5], "batch_size": [None]},
        "network": {"sizes": [6], "hidden": "tanh", "output": None, "init": "auto", "norm": None},
        "training": {"epochs": 4},
    }  # fmt: skip
    return sweep.Plan(**{**given, **options})


def test_combinations_are_every_value_with_every_other_the_last_changing_fastest():
    assert plan().configurations == [
        {"learning_rate": rate, "l2": l2, "batch_size": None}
        for rate in (0.1, 0.2) for l2 in (0.0, 0.5)
    ]  # fmt: skip
    assert plan(grid={}).configurations == [{}]


def test_what_belongs_to_the_optimizer_is_in_its_rule():
    asked = plan(optimizer="nesterov")
    chosen = {"learning_rate": 0.5, "momentum": 0.25, "l2": 0.125}
    rule = bpnet.optimizers.Nesterov(0.5, 0.25)
    assert asked.rule(chosen) == rule
    assert asked.options(chosen) == {"l2": 0.125, "optimizer": rule}
    assert asked.rule({}) == bpnet.optimizers.Nesterov()
    assert plan().rule({"learning_rate": 0.5}) == bpnet.optimizers.Adam(0.5)


@pytest.mark.parametrize(
    ("count", "seeds", "folds"), [(10, 10_000, 0), (1000, 100, 0), (100, 100, 10), (100, 1, 1000)]
)
def test_as_many_networks_as_a_sweep_may_have(count, seeds, folds, monkeypatch):
    monkeypatch.setattr(plans, "merged", lambda *_: None)
    grid = {"l2": [0.0] * count}
    plan(grid=grid, seeds=range(seeds), folds=folds)
    over = {"l2": [0.0] * (count + 1)}
    number = (count + 1) * seeds * max(folds, 1)
    assert error_message(plan, grid=over, seeds=range(seeds), folds=folds) == (
        f"the sweep has {number:,} networks; give fewer values, seeds or folds: at most 100,000"
    )


@pytest.mark.parametrize(
    "options",
    [{"grid": {"l2": [0.0, -1.0]}}, {"grid": {"dropout": [1.0]}}, {"grid": {"batch_size": [-3]}},
     {"grid": {"learning_rate": [0.0]}}, {"patience": 0},
     {"optimizer": "lbfgs"}, {"training": {"l1": -1.0}}, {"training": {"dtype": "int8"}}],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_with_the_plan(options):
    with pytest.raises(InputError):
        plan(**options)


@pytest.mark.parametrize(
    ("first", "count", "seeds"), [(0, 1, [0]), (4, 3, [4, 5, 6]), (2**64 - 2, 2, None)]
)
def test_seeds(first, count, seeds):
    assert plans.seeds(first, count) == (seeds or [first, first + 1])


@pytest.mark.parametrize(
    ("first", "count", "text"),
    [
        (0, 0, "seeds is 0; give how many, at least 1 and at most 100000"),
        (0, 100_001, "seeds is 100001; give how many, at least 1 and at most 100000"),
        (2**64 - 2, 3, f"seed is {2**64}; give a whole number from 0 to 2^64 - 1"),
    ],
)
def test_seeds_that_cannot_be(first, count, text):
    assert error_message(plans.seeds, first, count) == text
    assert len(plans.seeds(0, 100_000)) == 100_000


@pytest.mark.parametrize(
    ("score", "metrics"),
    [(None, []), ("accuracy", []), ("validation-cost", []), ("validation_accuracy", []),
     ("f1", ["f1"]), ("balanced-accuracy", ["balanced_accuracy"]), ("validation_r2", ["r2"])],
)  # fmt: skip
def test_metrics_that_a_score_needs(score, metrics):
    assert plans.metrics_of(score) == metrics


NAN = math.nan


def ranked(scores, epochs=None, **configuration):
    scores = np.asarray(scores, float)
    epochs = np.full(scores.shape, 4) if epochs is None else np.asarray(epochs)
    return Ranked(configuration, scores, epochs)


def test_mean_deviation_and_count_of_scores():
    one = ranked([[0.5, 0.75], [0.25, 1.0]])
    assert one.mean == 0.625
    assert one.deviation == pytest.approx(np.std([0.5, 0.75, 0.25, 1.0], ddof=1))
    assert one.diverged == 0
    assert ranked([[0.5]]).deviation == 0.0
    gone = ranked([[0.5, NAN], [NAN, 1.0]])
    assert gone.diverged == 2
    assert math.isnan(gone.mean)


@pytest.mark.parametrize(
    ("score", "scores", "seed"),
    [
        ("validation_accuracy", [[0.5, 0.5], [0.75, 0.5], [0.5, 0.25]], 5),
        ("validation_cost", [[0.5, 0.5], [0.75, 0.5], [0.5, 0.25]], 6),
        ("validation_accuracy", [[0.5, NAN], [0.25, 0.25], [0.0, 0.25]], 5),
        ("validation_accuracy", [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]], 4),
    ],
)
def test_the_seed_of_the_best_is_that_with_the_best_mean(score, scores, seed):
    made = Sweep(plan(seeds=[4, 5, 6], folds=2), score, [ranked(scores)], "numpy", 1.0)
    assert made.seed == seed


@pytest.mark.parametrize(
    ("score", "order"),
    [("validation_accuracy", [0.2, 0.1, 0.3]), ("validation_cost", [0.1, 0.2, 0.3])],
)
def test_the_best_is_first_and_what_diverged_last(score, order):
    asked = plan(grid={"l2": [0.1, 0.2, 0.3, 0.4]}, seeds=[0, 1])
    ends = [(0.5, 1), (0.5, 2), (0.75, 3), (0.75, 4), (9.0, 5), (NAN, 0), (0.1, 1)]
    found = ranking.ranking(asked, score, dict(enumerate(ends)), {})
    assert [one.configuration["l2"] for one in found] == order  # of 0.4 one is not trained yet
    by = {one.configuration["l2"]: one for one in found}
    assert by[0.2].scores.tolist() == [[0.75], [0.75]]
    assert by[0.2].epochs.tolist() == [[3], [4]]


def test_scores_of_folds_stand_beside_each_other_and_seeds_below():
    asked = plan(grid={"l2": [0.1, 0.2]}, seeds=[0, 1], folds=3)
    ends = {i: (float(i), i) for i in range(12)}
    first, second = ranking.ranking(asked, "validation_cost", ends, {})
    assert first.scores.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert second.epochs.tolist() == [[6, 7, 8], [9, 10, 11]]


@pytest.mark.parametrize(
    ("asked", "task", "score"),
    [(None, "classify", "validation_accuracy"), (None, "regress", "validation_cost"),
     ("f1", "classify", "validation_f1"), ("validation-cost", "classify", "validation_cost"),
     ("r2", "regress", "validation_r2")],
)  # fmt: skip
def test_the_score_that_suits_the_task(asked, task, score):
    assert running._score(SimpleNamespace(task=task), SimpleNamespace(score=asked)) == score
    text = error_message(
        running._score, SimpleNamespace(task="regress"), SimpleNamespace(score="accuracy")
    )
    assert text.startswith("the score accuracy is of classes, and numbers are predicted; use cost")


@pytest.mark.parametrize(
    ("score", "patience", "end"),
    [("validation_accuracy", None, (0.5, 4)), ("validation_accuracy", 2, (0.75, 2)),
     ("validation_cost", None, (3.0, 4)), ("validation_cost", 2, (1.0, 3))],
)  # fmt: skip
def test_a_network_ends_with_its_last_score_or_with_patience_its_best(score, patience, end):
    history = {
        "validation_accuracy": [0.25, 0.75, 0.75, 0.5], "validation_cost": [4.0, 2.0, 1.0, 3.0],
    }  # fmt: skip
    asked = SimpleNamespace(patience=patience)
    assert running._end(history, score, asked) == end
    assert error_message(running._end, history, "validation_f1", asked) == (
        "the score 'validation_f1' is not in the history, which has validation_accuracy, "
        "validation_cost; use one of these"
    )


def test_without_a_held_out_part_there_is_nothing_to_rank_by():
    assert error_message(running.check, DATA, plan()) == (
        "there is nothing to rank by; give folds, or a validation share"
    )
    score, parts = running.check(DATA, plan(folds=2, seeds=[3]))
    assert score == "validation_accuracy"
    assert len(parts) == 2
    for (kept, held), (a, b) in zip(parts, bpnet.data.folds(DATA.y, 2, 3, True), strict=True):
        np.testing.assert_array_equal(kept, a)
        np.testing.assert_array_equal(held, b)
    with_part = bpnet.data.Dataset(DATA.x, DATA.y, validation=(DATA.x, DATA.y))
    assert running.check(with_part, plan()) == ("validation_accuracy", [None])


def made(score="validation_accuracy", stacks=(3, 1), **options):
    best = ranked([[0.5], [0.75]], [[2], [5]], learning_rate=0.1, l2=0.0, batch_size=16)
    other = ranked([[0.25], [NAN]], [[4], [0]], learning_rate=0.1, l2=0.5, batch_size=16)
    grid = {"learning_rate": [0.1], "l2": [0.0, 0.5], "batch_size": [16]}
    asked = plan(grid=grid, seeds=[4, 5], **options)
    return Sweep(asked, score, [best, other], "numpy", 2.0, list(stacks))


def test_a_table_shows_what_was_varied():
    head, first, second, end = ranking.table(made())
    assert head.split() == ["rank", "l2", "validation", "accuracy", "%", "+-", "epochs", "diverged"]
    assert first.split() == ["1", "0.0", "62.50", "17.68", "3.5"]
    assert second.split()[:2] + second.split()[-2:] == ["2", "0.5", "2", "1"]
    assert end == "4 networks in 2.0 s, 2.0 a second, at most 3 at once"
    assert len(ranking.table(made(stacks=()))) == 3  # all were trained before
    head, first, *_ = ranking.table(made("validation_cost"))
    assert head.split()[2:4] == ["validation", "cost"]
    assert first.split() == ["1", "0.0", "0.625", "0.17678", "3.5"]


def test_of_epochs_the_median_is_shown():
    held = made()
    held.ranking[:] = [ranked([[0.5]] * 3, [[1], [2], [9]], l2=0.0)]
    assert ranking.table(held)[1].split()[-1] == "2"


def test_what_is_written_of_a_sweep():
    summary = made(folds=0).summary()
    assert summary["networks"] == 4
    assert {name: summary[name] for name in ("score", "seeds", "folds", "backend", "stacks")} == {
        "score": "validation_accuracy", "seeds": [4, 5], "folds": 0, "backend": "numpy",
        "stacks": [3, 1],
    }  # fmt: skip
    first, second = summary["configurations"]
    assert first["scores"] == [[0.5], [0.75]]
    assert (second["mean"], second["scores"], second["diverged"]) == (None, [[0.25], [None]], 1)
    json.dumps(summary, allow_nan=False)
    lines = ranking.as_csv(made()).splitlines()
    assert lines[0] == "rank,learning_rate,l2,batch_size,mean,deviation,diverged"
    assert lines[1].startswith("1,0.1,0.0,16,0.625,0.17677")
    assert lines[2] == "2,0.1,0.5,16,,,1"


@pytest.mark.parametrize(
    ("folds", "judged", "count"), [(0, "a validation split", 8), (3, "3 folds", 24)]
)
def test_the_heading(folds, judged, count):
    asked = plan(folds=folds, seeds=[1, 2])
    lines = ranking.heading(DATA, asked, "numpy, named by you", {"source": "made.csv"})
    assert lines[0].startswith("data: made up, ")
    assert lines[1].startswith("target: the targets, ")
    assert lines[-2:] == [
        f"sweep: 4 combinations, 2 seeds, {judged}: {count} networks",
        "backend: numpy, named by you",
    ]


CONFIG = {
    "data": {"source": "x"}, "network": {"hidden": [6], "seed": 0}, "training": {"cost": None},
}  # fmt: skip


@pytest.mark.parametrize(
    ("folds", "epochs", "patience"), [(0, 4, 3), (2, round(np.median([1, 2, 3, 9])), None)]
)
def test_the_best_is_a_run_like_any_other_and_says_of_what_sweep(folds, epochs, patience):
    grid = {"momentum": [0.25], "l2": [0.5], "batch_size": [None, 8], "dropout": []}
    asked = plan(folds=folds, seeds=[4, 5], patience=3, optimizer="momentum", grid=grid)
    chosen = {"momentum": 0.25, "l2": 0.5, "batch_size": None}
    best = ranked([[0.5, 0.5], [0.75, 0.5]], [[1, 2], [3, 9]], **chosen)
    held = Sweep(asked, "validation_accuracy", [best], "numpy", 1.0)
    found = finishing._config(held, CONFIG, ["f1"])
    assert found["training"] == {
        "cost": None, "epochs": epochs, "l2": 0.5, "batch_size": 0, "optimizer": "momentum",
        "learning_rate": bpnet.optimizers.Momentum().learning_rate, "momentum": 0.25, "seed": 5,
        "patience": patience, "metrics": ["f1"],
    }  # fmt: skip
    assert found["network"] == {"hidden": [6], "seed": 5}
    assert found["sweep"] == {
        "score": "validation_accuracy", "seeds": [4, 5], "folds": folds, "epochs": 4, "patience": 3,
        "momentum": [0.25], "l2": [0.5], "batch_size": [0, 8],
    }  # fmt: skip
    assert found["data"] == CONFIG["data"]


def test_each_network_of_a_set_is_noted_by_its_number_unless_it_was_stopped():
    held = sweep.Ledger()
    whole = ledgers.Noting(held, [7, 3, 5], lambda history: (history["x"], 2))
    members = [whole.for_member() for _ in range(3)]
    reasons = (None, "SIGTERM", "patience")
    for member, stopped, score in zip(members, reasons, (1, 2, 3), strict=True):
        member.on_train_end(SimpleNamespace(stopped=stopped, history={"x": score}))
    assert held.trained == {7: (1, 2), 5: (3, 2)}
    members[1].on_train_end(SimpleNamespace(stopped="SIGINT", history={"x": 2}))
    assert 3 not in held.trained


def test_a_ledger_is_written_no_oftener_than_writing_is_worth(monkeypatch):
    held, now, written = sweep.Ledger(), [10.0], []

    def write():
        written.append(dict(held.trained))
        now[0] += 0.5

    monkeypatch.setattr(held, "_write", write)
    monkeypatch.setattr(ledgers.time, "perf_counter", lambda: now[0])
    for i, at in enumerate((10.0, 10.6, 20.4, 20.5, 20.6)):
        now[0] = at
        held.note(i, (0.5, 1))
    # 20 times the half second that a write took pass before the next
    assert [max(trained) for trained in written] == [0, 3]
    assert list(held.trained) == [0, 1, 2, 3, 4]


FILE = {"asked": {"source": "digits"}, "seconds": 1.5, "data": "abc",
        "trained": [[0, 0.5, 3], [2, None, 0]]}  # fmt: skip


def test_a_ledger_is_read_as_it_was_written(tmp_path):
    (tmp_path / "sweep.json").write_text(json.dumps(FILE))
    held = sweep.Ledger.read(tmp_path)
    assert (held.options, held.seconds, held.data) == ({"source": "digits"}, 1.5, "abc")
    assert held.trained[0] == (0.5, 3)
    assert math.isnan(held.trained[2][0])
    assert not held.fresh


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"trained": [[-1, 0.5, 3]]}, "has -1 where a whole number belongs"),
        ({"trained": [[True, 0.5, 3]]}, "has True where a whole number belongs"),
        ({"trained": [[0, 0.5, 1.5]]}, "has 1.5 where a whole number belongs"),
        ({"trained": [[0, "high", 3]]}, "has the score high"),
        ({"trained": [[0, True, 3]]}, "has the score True"),
        ({"trained": [[0, 0.5]]}, "damaged"), ({"trained": 3}, "damaged"),
        ({"asked": []}, "its options or its seconds are not those of a sweep"),
        ({"seconds": -1}, "its options or its seconds are not those of a sweep"),
        ({"seconds": "x"}, "damaged"), ({"rungs": [[0, ["x"]]]}, "has the score x"),
        ({"rungs": [[0]]}, "damaged"), ({"pruned": [[0, -1]]}, "has -1 where a whole number"),
    ],
)  # fmt: skip
def test_a_ledger_that_is_none_is_refused(tmp_path, change, text):
    (tmp_path / "sweep.json").write_text(json.dumps({**FILE, **change}))
    found = error_message(sweep.Ledger.read, tmp_path)
    assert found.startswith(f"{tmp_path / 'sweep.json'} is damaged (")
    assert text in found
    assert found.endswith("); sweep again")


def test_a_folder_that_is_no_sweeps(tmp_path):
    assert error_message(sweep.Ledger.read, tmp_path) == (
        f"{tmp_path} is not the folder of a sweep: it holds no sweep.json; "
        "give the folder that `bpnet sweep` named"
    )
    older = {name: value for name, value in FILE.items() if name != "trained"}
    (tmp_path / "sweep.json").write_text(json.dumps(older))
    assert error_message(sweep.Ledger.read, tmp_path) == (
        f"{tmp_path / 'sweep.json'} is of an older bpnet, which kept no networks; sweep again"
    )


def test_other_data_are_refused_before_the_folder_is_touched(tmp_path):
    held = sweep.Ledger(tmp_path / "run", data="abc")
    assert error_message(held.begin, None, "abd") == (
        f"the data is not what the sweep in {tmp_path / 'run'} was begun with; "
        "sweep again, with another --out"
    )
    assert list(tmp_path.iterdir()) == []

"""What ``evaluate``, ``report`` and ``sweep`` say of the rows that they judge by."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import bpnet
from bpnet.cli import main
from bpnet.report import make, single

FAST = ["--recipe", "none", "--epochs", "2", "--hidden", "4", "--backend", "numpy", "-q"]


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    size = rng.uniform(40, 200, 200)
    frame = pl.DataFrame(
        {
            "size": size,
            "price": 1234.5 * size + rng.normal(0, 9e3, 200),
            "kind": np.where(size + rng.normal(0, 20, 200) > 120, "large", "small"),
        }
    )
    frame.write_csv("t.csv")
    return frame


def said(capsys, *words):
    capsys.readouterr()
    assert main(list(words)) == 0
    return capsys.readouterr()


def train(target, *more, out="run"):
    assert main(["train", "t.csv", "--target", target, *FAST, *more, "--out", out]) == 0


def test_classes_are_evaluated_on_the_test_rows(table, capsys):
    train("kind")
    output = said(capsys, "evaluate", "run")
    data = bpnet.data.load("t.csv", target="kind", validation=0.1, test=0.1)
    net = bpnet.load("run")
    right = float((net.classify(data.test[0]) == data.test[1]).mean())
    lines = output.out.splitlines()
    assert lines[0].endswith("held-out examples (test), 20 examples")
    assert lines[-1] == f"test accuracy: {100 * right:.1f} %"
    most = max((data.test[1] == kind).mean() for kind in ("large", "small"))
    assert any(line.startswith(f"baseline: accuracy {100 * most:.1f} %, by") for line in lines)
    assert lines[-2].startswith("95 % interval of the accuracy: ")
    figures = json.loads(said(capsys, "evaluate", "run", "--json").out)
    assert (figures["part"], figures["examples"], figures["accuracy"]) == ("test", 20, right)
    assert "validation" not in output.err


def test_amounts_are_evaluated_in_the_unit_of_the_target(table, capsys):
    train("price")
    figures = json.loads(said(capsys, "evaluate", "run", "--json").out)
    data = bpnet.data.load("t.csv", target="price", validation=0.1, test=0.1)
    a, y = (data.columns.decode_target(v) for v in
            (bpnet.load("run").predict(data.test[0])[:, 0], data.test[1]))  # fmt: skip
    assert figures["mae"] == pytest.approx(np.abs(a - y).mean(), rel=1e-5)
    assert figures["rmse"] == pytest.approx(np.sqrt(((a - y) ** 2).mean()), rel=1e-5)
    assert figures["baseline"]["mae"] == pytest.approx(np.abs(y - y.mean()).mean(), rel=1e-5)
    low, high = figures["interval"]["mae"]
    assert low < figures["mae"] < high
    lines = said(capsys, "evaluate", "run").out.splitlines()
    assert lines[-1] == f"test R2: {figures['r2']:.4f}"
    assert any(line.startswith(f"test MAE: {figures['mae']:,.0f} (95 %: ") for line in lines)
    history = json.loads(Path("run/history.json").read_text())
    assert {"validation_r2", "validation_mae", "validation_rmse"} <= history.keys()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--patience", "1"], "these rows chose the epoch"),
        ([], "to choose the epoch and the options"),
    ],
)
def test_rows_for_validation_are_called_so(table, capsys, more, why):
    train("kind", "--test", "0", *more)
    output = said(capsys, "evaluate", "run")
    assert output.out.splitlines()[-1].startswith("validation accuracy: ")
    assert "test accuracy" not in output.out
    assert why in output.err
    figures = json.loads(said(capsys, "evaluate", "run", "--json").out)
    assert (figures["part"], figures["examples"]) == ("validation", 20)
    subject = make.prepare(["run"])[0][0]
    names = [fact.name for fact in single.facts(subject)]
    assert "Validation accuracy" in names
    assert not any(name.startswith("Test") for name in names)
    assert any(why in fact.note for fact in single.facts(subject))


def test_a_run_of_an_older_bpnet_has_the_rows_that_it_had(table, capsys):
    train("kind", "--test", "0")
    config = Path("run/config.toml")
    config.write_text(config.read_text().replace("test = 0.0\n", ""))
    figures = json.loads(said(capsys, "evaluate", "run", "--json").out)
    assert (figures["part"], figures["examples"]) == ("validation", 20)


def test_other_data_is_a_test_as_a_whole(table, capsys):
    train("kind")
    table[:50].write_csv("other.csv")
    figures = json.loads(said(capsys, "evaluate", "run", "other.csv", "--json").out)
    assert (figures["part"], figures["examples"], figures["data"]) == ("test", 50, "other.csv")


def test_the_report_shows_interval_and_baseline(table):
    train("price")
    subject = make.prepare(["run"])[0][0]
    facts = {fact.name: fact for fact in single.facts(subject)}
    assert facts["Test MAE"].note.startswith("95 % interval ")
    assert "always the mean: " in facts["Test MAE"].note
    assert single.figures(subject)["part"] == "test"


@pytest.mark.parametrize("how", [[], ["--folds", "3"]], ids=["split", "folds"])
def test_the_best_of_a_sweep_is_evaluated_on_unused_rows(table, capsys, how):
    words = ["t.csv", "--target", "price", *FAST[2:-1], "--learning-rate", "0.01,0.1", *how]
    figures = json.loads(said(capsys, "sweep", *words, "--json", "--out", "run").out)
    assert figures["test"]["examples"] == 20
    again = json.loads(said(capsys, "evaluate", "run", "--json").out)
    assert again["part"] == "test"
    assert again["mae"] == pytest.approx(figures["test"]["mae"])
    data = bpnet.data.load("t.csv", target="price", validation=0.0 if how else 0.1, test=0.1)
    assert len(data.y) == (180 if how else 160)
    lines = said(capsys, "sweep", *words, "--out", "other").out.splitlines()
    assert any("which took no part in the ranking" in line for line in lines)
    assert lines[-2] == f"test R2: {again['r2']:.4f}"


def test_a_sweep_without_test_rows_says_so(table, capsys):
    words = ["t.csv", "--target", "price", *FAST[2:], "--test", "0", "--out", "run"]
    assert "are not a test" in said(capsys, "sweep", *words).out
    assert "these rows chose the options of the sweep" in said(capsys, "evaluate", "run").err


def test_metrics_stand_in_the_lines_and_are_remembered(table, capsys):
    words = ["t.csv", "--target", "kind", *FAST[:-1], "--metric", "f1,auc", "--out", "run"]
    lines = [line for line in said(capsys, "train", *words).out.splitlines() if "epoch " in line]
    history = json.loads(Path("run/history.json").read_text())
    for line, f1, auc in zip(
        lines, history["validation_f1"], history["validation_auc"], strict=True
    ):
        assert f"  f1 {f1:.4f}  auc {auc:.4f}  " in line
    figures = json.loads(said(capsys, "evaluate", "run", "--json").out)
    assert {"f1", "auc"} <= figures.keys()
    words = ["t.csv", "--target", "price", *FAST[:-1], "--out", "amounts"]
    line = next(li for li in said(capsys, "train", *words).out.splitlines() if "epoch 1" in li)
    history = json.loads(Path("amounts/history.json").read_text())
    assert f"  R2 {history['validation_r2'][0]:.4f}  MAE " in line
    assert f"  MAE {history['validation_mae'][0]:,.0f}  " in line


def test_counts_of_replaced_cells_are_json(table, capsys):
    train("price")
    strange = pl.DataFrame({"size": [None, 1e6, 60.0], "kind": ["odd", "large", "small"]})
    strange.write_csv("new.csv")
    output = said(capsys, "predict", "run", "new.csv", "-o", "p.csv", "--json")
    assert json.loads(output.out)["replaced"] == {
        "size": {"missing": 1, "outside": 1}, "kind": {"unseen": 1}
    }  # fmt: skip
    lines = said(capsys, "predict", "run", "new.csv", "-o", "p.csv").err.splitlines()
    data = bpnet.data.load("t.csv", target="price", validation=0.1, test=0.1)
    sizes = table["size"][data.rows.tolist()]
    outside = next(line for line in lines if "far outside" in line)
    assert outside.startswith("note: 1 value in 'size' far outside the range of training, ")
    ends = [float(end) for end in outside.rpartition(", ")[2].split(" to ")]
    assert ends == pytest.approx([sizes.min(), sizes.max()], rel=1e-3)
    strange.with_columns(price=pl.lit(1.0) * pl.int_range(3)).write_csv("judged.csv")
    counts = json.loads(said(capsys, "evaluate", "run", "judged.csv", "--json").out)["replaced"]
    assert counts["kind"] == {"unseen": 1}
    report = json.loads(said(capsys, "report", "run", "--data", "judged.csv", "--json").out)
    assert report["runs"][0]["replaced"] == counts


def test_remembered_metrics_that_are_not_defined_are_left_out(table, capsys):
    """An area under the curve of one class, and R2 of one row."""
    train("kind", "--metric", "auc")
    table.filter(pl.col("kind") == "large")[:5].write_csv("one-class.csv")
    figures = json.loads(said(capsys, "evaluate", "run", "one-class.csv", "--json").out)
    assert "auc" not in figures
    assert main(["evaluate", "run", "one-class.csv", "--metric", "auc"]) == 2
    train("price", out="amounts")
    table[:1].write_csv("one-row.csv")
    assert json.loads(said(capsys, "evaluate", "amounts", "one-row.csv", "--json").out)["mae"] > 0

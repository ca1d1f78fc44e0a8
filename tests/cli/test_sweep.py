"""``bpnet sweep`` as a user calls it."""

import csv
import json

import numpy as np
import pytest

from bpnet.cli import main

QUICK = ["--hidden", "8", "--epochs", "2", "--backend", "numpy"]


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def test_the_ranking_and_a_run_that_other_commands_take(tmp_path, capsys):
    out = str(tmp_path / "run")
    options = ["--learning-rate", "0.01,0.1", "--l2", "0,1", "--seeds", "2", "--folds", "3"]
    assert main(["sweep", "digits", *QUICK, *options, "--out", out]) == 0
    shown = lines(capsys)
    assert "4 combinations, 2 seeds, 3 folds: 24 networks" in "\n".join(shown)
    header = next(i for i, line in enumerate(shown) if line.startswith("rank"))
    ranks = [line.split() for line in shown[header + 1 : header + 5]]
    assert [line[0] for line in ranks] == ["1", "2", "3", "4"]
    means = [float(line[3]) for line in ranks]
    assert means == sorted(means, reverse=True)
    assert main(["evaluate", out]) == 0
    assert lines(capsys)[-1].startswith("test accuracy:")
    summary = json.loads((tmp_path / "run" / "sweep.json").read_text())
    assert summary["networks"] == 24
    with (tmp_path / "run" / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["mean"]) for row in rows] == [
        row["mean"] for row in summary["configurations"]
    ]
    best = summary["configurations"][0]
    assert float(ranks[0][1]) == best["learning_rate"]
    assert np.shape(best["scores"]) == (2, 3)
    assert main(["train", "--resume", out]) == 0
    assert "is finished" in lines(capsys)[0]
    model = tmp_path / "run" / "model.safetensors"
    whole = model.read_bytes()
    model.unlink()
    assert main(["train", "--resume", out]) == 0
    assert model.read_bytes() == whole


@pytest.fixture
def houses(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "houses.csv"
    size = rng.uniform(50, 200, 120)
    kind = rng.choice(["flat", "house"], 120)
    price = 2.0 * size + 30.5 * (kind == "house") + rng.normal(0, 3, 120)
    rows = [f"{s:.2f},{k},{p:.3f}" for s, k, p in zip(size, kind, price, strict=True)]
    path.write_text("\n".join(["size,kind,price", *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("target", "last", "score"),
    [("price", "test R2", "validation_cost"), ("kind", "test accuracy", "validation_accuracy")],
)
def test_tables(tmp_path, capsys, houses, target, last, score):
    out = str(tmp_path / "run")
    options = ["--target", target, "--learning-rate", "0.01,0.05", "--patience", "3", "--json"]
    assert main(["sweep", str(houses), *QUICK, *options, "--seeds", "2", "--out", out]) == 0
    output = json.loads(capsys.readouterr().out)
    assert (output["score"], output["run"], output["networks"]) == (score, out, 4)
    assert main(["evaluate", out]) == 0
    assert lines(capsys)[-1].startswith(last)
    predictions = tmp_path / "p.csv"
    assert main(["predict", out, str(houses), "-o", str(predictions)]) == 0
    assert len(predictions.read_text().splitlines()) == 121


def test_a_score_of_classes_is_refused_for_numbers_before_training(capsys, houses, monkeypatch):
    monkeypatch.setattr("bpnet.sweep.running.train", None)
    options = ["--target", "price", "--score", "validation-accuracy"]
    assert main(["sweep", str(houses), *QUICK, *options]) == 2
    message = (
        "the score accuracy is of classes, and numbers are predicted; use cost, r2, mse or mae"
    )
    assert message in capsys.readouterr().err


def test_evaluate_uses_the_held_out_rows_of_the_sweep(tmp_path, capsys, houses):
    """The split is that of the first seed, whichever was the best."""
    out = tmp_path / "run"
    options = [
        "--test",
        "0",
        "--target",
        "kind",
        "--seeds",
        "3",
        "--seed",
        "5",
        "--score",
        "cost",
        "--json",
    ]
    assert main(["sweep", str(houses), *QUICK, *options, "--out", str(out)]) == 0
    best = json.loads(capsys.readouterr().out)["configurations"][0]
    assert main(["evaluate", str(out), "--json"]) == 0
    cost = json.loads(capsys.readouterr().out)["cost"]
    assert cost == pytest.approx(min(row[0] for row in best["scores"]), rel=1e-5)


def test_quiet_says_the_result_only(tmp_path, capsys):
    options = ["--score", "f1", "--optimizer", "momentum", "--momentum", "0.5,0.9", "--quiet"]
    assert main(["sweep", "digits", *QUICK, *options, "--out", str(tmp_path / "run")]) == 0
    shown = lines(capsys)
    assert shown[0].startswith("rank")
    assert "validation f1" in shown[0]
    assert shown[-1] == f"run: {tmp_path / 'run'}"


REFUSED = {
    "rates": (["--learning-rate", "fast"], "--learning-rate is 'fast'"),
    "no batch": (["--batch-size", ""], "--batch-size is ''; give whole numbers"),
    "batches": (["--batch-size", "1.5"], "--batch-size is '1.5'; give whole numbers"),
    "a negative l2": (["--l2", "-1"], "l2 is -1.0"),
    "seeds": (["--seeds", "0"], "seeds is 0"),
    "one fold": (["--folds", "1"], "folds is 1"),
    "momentum of adam": (["--momentum", "0.9"], "adam has none"),
    "a score that is none": (["--score", "beauty"], "no metric 'beauty'"),
    "nothing held out": (["--validation", "0"], "nothing to rank by"),
    "an optimizer": (["--optimizer", "adamm"], "did you mean 'adam'"),
    "lbfgs": (["--optimizer", "lbfgs"], "lbfgs"),
    "epochs": (["--epochs", "0"], "epochs is 0"),
    "weights": (["--class-weight", "fair"], "class_weight is 'fair'"),
    "threads": (["--threads", "0"], "threads is 0"),
    "patience": (["--patience", "0"], "patience is 0"),
    "data": (["nothing.csv"], "nothing.csv"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, capsys, options, message):
    source = [] if options[0].endswith(".csv") else ["digits"]
    out = tmp_path / "run"
    assert main(["sweep", *source, *QUICK, *options, "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not out.exists()


def test_a_folder_that_is_not_empty_is_refused_before_anything_is_trained(tmp_path, capsys):
    (tmp_path / "note.txt").write_text("mine")
    assert main(["sweep", "digits", *QUICK, "--out", str(tmp_path)]) == 2
    assert "is not an empty folder" in capsys.readouterr().err

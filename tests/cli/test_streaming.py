"""``--stream``: the models and the figures of data in memory, and one line where a file is bad."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import bpnet
from bpnet.cli import main
from bpnet.training import Distributions

FAST = ["--recipe", "none", "--epochs", "2", "--hidden", "8", "--backend", "numpy", "-q"]
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Working folder with the same rows as one pair, as parts, and as two tables."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X)
    np.save("y.npy", Y)
    for i in range(2):
        np.save(f"x-{i}.npy", X[i * 100 : i * 100 + 100])
        np.save(f"y-{i}.npy", Y[i * 100 : i * 100 + 100])
    os.mkdir("parts")
    frame = pl.DataFrame({f"c{i}": X[:, i] for i in range(4)})
    frame = frame.with_columns(price=pl.Series(3.0 * X[:, 0] + 100), kind=pl.Series(Y).cast(str))
    frame[:100].write_parquet("parts/0.parquet")
    frame[100:].write_ipc("parts/1.arrow")
    return tmp_path


def said(capsys, *arguments):
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def test_arrays_leave_the_model_that_memory_leaves(place, capsys):
    sources = {"memory": ["x.npy,y.npy"], "stream": ["x.npy,y.npy", "--stream"]}
    sources["several"] = ["x-*.npy,y-*.npy", "--stream"]
    scores, predicted = set(), set()
    for name, source in sources.items():
        said(capsys, "train", *source, *FAST, "--out", name)
        scores.add(said(capsys, "evaluate", name).split("\n", 1)[1])
        said(capsys, "predict", name, "x.npy", "-o", f"{name}.csv")
        predicted.add((place / f"{name}.csv").read_text())
    models = [bpnet.load(name) for name in sources]
    for model in models[1:]:
        for a, b in zip(model.weights, models[0].weights, strict=True):
            np.testing.assert_array_equal(a, b)
    assert len(scores) == len(predicted) == 1


@pytest.mark.parametrize("target", ["price", "kind"])
def test_a_folder_of_tables(place, capsys, target, monkeypatch):
    monkeypatch.setattr("bpnet.runs.predictions._PIECE", 4 * 30)  # several pieces
    out = said(capsys, "train", "parts", "--stream", "--target", target, *FAST[:-1], "--out", "r")
    assert "shuffled by blocks" in " ".join(out.split())
    assert "held-out examples" in said(capsys, "evaluate", "r")
    assert "test " in said(capsys, "evaluate", "r", "parts/1.arrow")
    said(capsys, "predict", "r", "parts", "-o", "p.csv")
    with open("p.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    if target == "price":  # in the target's own units
        assert 90 < np.mean([float(row["prediction"]) for row in rows]) < 110


def test_a_streamed_run_goes_on(place, capsys, monkeypatch):
    arguments = ["x.npy,y.npy", "--stream", "--shuffle", "blocks", "--buffer", "40", *FAST]
    said(capsys, "train", *arguments, "--out", "whole")
    with monkeypatch.context() as patched:
        patched.setattr(Distributions, "on_epoch_end", lambda self, run: run.stop("SIGTERM"))
        main(["train", *arguments, "--out", "r"])
    assert len(json.loads((place / "r" / "history.json").read_text())["cost"]) == 1
    capsys.readouterr()
    said(capsys, "train", "--resume", "r", "-q")
    for a, b in zip(bpnet.load("r").weights, bpnet.load("whole").weights, strict=True):
        np.testing.assert_array_equal(a, b)


def change(name):
    def spoil():
        x = X.copy()
        x[150, 2] = np.nan
        np.save(name, x)

    return spoil


BAD = {
    "nan": (change("x.npy"), ["x.npy,y.npy"], "x is nan in row 150, column 2"),
    "truncated": (lambda: os.truncate("x.npy", 900), ["x.npy,y.npy"], "x.npy is truncated"),
    "truncated table": (
        lambda: os.truncate("parts/0.parquet", 900), ["parts", "--target", "kind"], "0.parquet",
    ),
    "columns differ": (
        lambda: pl.DataFrame({"c0": X[:, 0]}).write_parquet("parts/2.parquet"),
        ["parts", "--target", "kind"], "2.parquet lacks the column 'c1'",
    ),
    "no target": (lambda: None, ["parts"], "--target"),
    "unknown target": (lambda: None, ["parts", "--target", "kin"], "did you mean 'kind'"),
    "text": (lambda: Path("t.txt").write_text("a,b\n1,2\n"), ["t.txt"], "by its ending '.txt'"),
    "built-in": (lambda: None, ["digits"], "digits can't be streamed"),
    "shuffle": (lambda: None, ["x.npy,y.npy", "--shuffle", "some"], "shuffle 'some'"),
    "buffer": (lambda: None, ["x.npy,y.npy", "--shuffle", "blocks", "--buffer", "0"], "buffer 0"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_refused_in_one_line(place, capsys, kind):
    spoil, arguments, word = BAD[kind]
    spoil()

    status = main(["train", *arguments, "--stream", "--out", "run", *FAST])

    out, error = capsys.readouterr()
    assert status == 2
    assert error.count("\n") == 1
    assert word in error
    assert not out
    assert not (place / "run").exists()


def test_options_of_streaming_need_it(capsys):
    assert main(["train", "x.npy,y.npy", "--shuffle", "blocks"]) == 2
    assert "give --stream too" in capsys.readouterr().err


def test_a_folder_of_tables_is_one_table_in_memory_too(place, capsys):
    folders = []
    for more in (["--stream", "--shuffle", "full"], []):
        options = ["--target", "kind", *more, *FAST, "--out", f"run{len(folders)}"]
        assert main(["train", "parts", *options]) == 0
        folders.append(place / f"run{len(folders)}")
    models = [(folder / "model.safetensors").read_bytes() for folder in folders]
    columns = [(folder / "columns.json").read_text() for folder in folders]
    assert columns[0] == columns[1]
    assert models[0] == models[1]

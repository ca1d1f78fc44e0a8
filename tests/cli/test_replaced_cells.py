"""Cells in whose place something else is judged are told of by every command, with counts."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bpnet.cli import main
from bpnet.data import load
from bpnet.report import make
from bpnet.runs.record import open_run

FAST = ["--recipe", "none", "--epochs", "2", "--hidden", "4", "--backend", "numpy", "-q"]
NEW = {
    "color": ["RED", "green", None, "red", "teal", "pink", "red"],
    "area": [None, None, None, 1.0, 2.0, 3.0, 4.0],
    "flag": [True, None, False, True, True, True, True],
    "y": [1.5] * 7,
}
NOTES = [
    "5 values in 'color' not seen in training, encoded as zeros: 'RED', 'green', 'missing', ...",
    "3 missing values in 'area' replaced by the mean 4.5",
    "1 value in 'flag' not seen in training, encoded as zeros: 'missing'",
]


def training():
    return pl.DataFrame(
        {
            "color": ["red", "blue"] * 50,
            "area": [float(i % 10) for i in range(100)],
            "flag": [i % 3 == 0 for i in range(100)],
            "y": [i % 10 + i % 2 + 0.5 for i in range(100)],
        }
    )


def write(name, frame):
    """A file, or a folder of two."""
    path = Path(name)
    if path.suffix == ".csv":
        frame.write_csv(path)
    elif path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        path.mkdir()
        frame[:3].write_parquet(path / "0.parquet")
        frame[3:].write_ipc(path / "1.arrow")


def notes(capsys, *arguments):
    """What a command says on standard error, which is notes alone."""
    capsys.readouterr()
    assert main(list(arguments)) == 0
    output = capsys.readouterr()
    assert "note" not in output.out
    return [line.removeprefix("note: ") for line in output.err.splitlines()]


@pytest.fixture(params=["t.csv", "t.parquet", "parts"])
def new(request, tmp_path, monkeypatch):
    """Name of a table with strange cells; in a folder with a run."""
    monkeypatch.chdir(tmp_path)
    write(request.param, training())
    streamed = [] if "." in request.param else ["--stream"]
    options = ["--target", "y", "--validation", "0", *streamed, *FAST, "--out", "run"]
    assert main(["train", request.param, *options]) == 0
    write(f"new-{request.param}", pl.DataFrame(NEW))
    return f"new-{request.param}"


def test_each_column_has_one_note(new, capsys):
    assert notes(capsys, "predict", "run", new, "-o", "p.csv") == NOTES
    assert notes(capsys, "evaluate", "run", new) == NOTES
    assert notes(capsys, "evaluate", "run", new, "--json") == NOTES
    assert notes(capsys, "predict", "run", new, "-o", "p.csv", "--quiet") == []
    subject = make.prepare(["run"], data=new)[0][0]
    assert list(subject.replaced) == NOTES


def test_there_is_no_note_without_replaced_cells(new, capsys):
    old = new.removeprefix("new-")
    assert notes(capsys, "predict", "run", old, "-o", "p.csv") == []


def test_predictions_on_the_screen_stay_alone(new, capsys):
    assert main(["predict", "run", new, "-o", "-"]) == 0
    output = capsys.readouterr()
    assert output.out.splitlines()[0] == "prediction"
    assert len(output.out.splitlines()) == 8
    assert len(output.err.splitlines()) == 3


def test_the_page_of_a_report_has_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write("t.csv", training())
    write("new.csv", pl.DataFrame(NEW))
    for run in ("one", "two"):
        assert main(["train", "t.csv", "--target", "y", *FAST, "--out", run]) == 0
    for runs, out in ((["one"], "page"), (["one", "two"], "pages")):
        lines = notes(capsys, "report", *runs, "--data", "new.csv", "--out", out, "--json")
        assert len(lines) == 3 * len(runs)
        page = Path(out, "index.html").read_text("utf-8")
        assert page.count("3 missing values in &#39;area&#39;") == len(runs)


@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_of_rows_that_were_held_out_their_own_cells_are_counted(
    tmp_path, monkeypatch, capsys, stream
):
    monkeypatch.chdir(tmp_path)
    gaps = pl.when(pl.int_range(pl.len()) % 2 == 0).then(None).otherwise(pl.col("area"))
    write("t.parquet", training().with_columns(area=gaps))
    assert main(["train", "t.parquet", "--target", "y", *FAST, *stream, "--out", "run"]) == 0
    _, _, columns = open_run(Path("run"))
    test = load("t.parquet", columns=columns, validation=0.1, test=0.1).test
    gap = columns.features.index("area=missing")
    missing = int(np.asarray(test[0])[:, gap].sum())
    assert 0 < missing < len(test[1])
    (line,) = notes(capsys, "evaluate", "run")
    assert line.startswith(f"{missing} missing value")
    capsys.readouterr()
    assert main(["evaluate", "run", "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert (output["examples"], output["replaced"]) == (
        len(test[1]),
        {"area": {"missing": missing}},
    )


TASKS = {
    "text": ([f"c{i % 3}" for i in range(99)], "3 classes"),
    "few": ([i % 3 for i in range(99)], "3 classes; --task regress takes them for amounts"),
    "many": (list(range(99)), "amounts (regression); --task classify takes them for classes"),
    "real": (
        [i / 7 for i in range(99)],
        "amounts (regression); --task classify takes them for classes",
    ),
    "booleans": ([i % 2 == 0 for i in range(99)], "2 classes"),
}


@pytest.mark.parametrize(("values", "line"), TASKS.values(), ids=TASKS)
@pytest.mark.parametrize("command", ["train", "train --stream", "sweep"])
def test_training_says_what_the_target_is_taken_for(
    tmp_path, monkeypatch, capsys, values, line, command
):
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"a": range(99), "y": values}).write_parquet("t.parquet")
    words = [*command.split(), "t.parquet", "--target", "y", *FAST[2:-1], "--out", "run"]
    words[1:1] = [] if command == "sweep" else FAST[:2]
    assert main(words) == 0
    assert f"target: 'y', {line}\n" in capsys.readouterr().out
    task = "regress" if line.startswith("amounts") else "classify"
    assert main([*words[:-1], "run2", "--task", task]) == 0
    assert f"target: 'y', {line.split('; ')[0]}\n" in capsys.readouterr().out


def test_metrics_are_in_the_unit_of_the_target(tmp_path, monkeypatch, capsys):
    """Of a run, of its history and of a sweep: beside what predict writes."""
    monkeypatch.chdir(tmp_path)
    odd = pl.int_range(pl.len()) * 0.3  # no whole numbers, which would be classes
    frame = training().with_columns(pl.col("y") * 1000 + 1e6 + odd)
    write("t.csv", frame)
    words = ["t.csv", "--target", "y", *FAST[2:], "--learning-rate", "0.01", "--test", "0"]
    assert main(["train", *words, *FAST[:2], "--metric", "mae,mse,r2", "--out", "run"]) == 0
    assert main(["sweep", *words, "--score", "mae", "--out", "swept"]) == 0
    for run in ("run", "swept"):
        frame.write_csv("all.csv")
        assert main(["predict", run, "all.csv", "-o", "p.csv", "-q"]) == 0
        errors = pl.read_csv("p.csv")["prediction"] - frame["y"]
        capsys.readouterr()
        assert main(["evaluate", run, "all.csv", "--metric", "mae,mse", "--json"]) == 0
        figures = json.loads(capsys.readouterr().out)
        assert figures["mae"] == pytest.approx(errors.abs().mean(), rel=1e-4)
        assert figures["mse"] == pytest.approx((errors**2).mean(), rel=1e-4)
        assert main(["evaluate", run, "--metric", "mae", "--json"]) == 0
        held_out = json.loads(capsys.readouterr().out)
        history = json.loads(Path(run, "history.json").read_text())
        assert held_out["mae"] == pytest.approx(history["validation_mae"][-1], rel=1e-4)
        assert held_out["mae"] > 100
    ranked = json.loads(Path("swept/sweep.json").read_text())["configurations"]
    assert ranked[0]["mean"] == pytest.approx(held_out["mae"], rel=1e-4)

"""Dates in an ONNX file and in a report: days since 1970 in one, dates in the other."""

import datetime
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import bpnet
from bpnet.cli import main
from bpnet.report import make, rows

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Folder of a run on a table with dates, the table beside it."""
    monkeypatch.chdir(tmp_path)
    first = datetime.date(2023, 12, 25)
    days = [None if i == 5 else first + datetime.timedelta(i % 17) for i in range(60)]
    pl.DataFrame({"day": days, "y": ["p", "q", "q"] * 20}).write_csv("t.csv")
    words = ["t.csv", "--target", "y", "--epochs", "2", "--hidden", "4", "--out", "run", "-q"]
    assert main(["train", *words, "--recipe", "none"]) == 0
    return tmp_path / "run"


def test_a_graph_takes_days(run, capsys):
    assert main(["export", "run", "m.onnx"]) == 0
    said = capsys.readouterr().out
    assert "input day: (batch) float64\n" in said
    assert "note: dates are taken as numbers: days since 1970-01-01, with fractions\n" in said
    assert "spaces" not in said
    table = pl.read_csv("t.csv", try_parse_dates=True)
    days = table["day"].cast(pl.Int32).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    (a,) = onnxruntime.InferenceSession("m.onnx").run(["output"], {"day": days})
    data = bpnet.data.load("t.csv", columns=bpnet.runs.open_run(run)[2])
    expected = bpnet.load(run).predict(data.x)
    np.testing.assert_allclose(a, expected, atol=1e-6)


def test_a_report_shows_dates(run):
    shutil.copy("t.csv", "new.csv")
    subject = make.prepare(["run"], data="new.csv")[0][0]
    head, cells = rows._cells(subject, np.arange(len(subject.evaluation.data.x)))
    assert head == ["day"]
    expected = pl.read_csv("t.csv")["day"].fill_null("2024-01-01*")  # the mean, filled in
    assert [row[0] for row in cells] == expected.to_list()


def test_a_number_that_is_the_mean_is_not_taken_for_one_that_was_filled_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"{1 + i % 3},{i % 5},{i % 2}" for i in range(60)]
    Path("t.csv").write_text("\n".join(["a,b,c", *lines, ""]), encoding="utf-8")
    options = ["--target", "c", "--task", "regress", "--epochs", "1", "--quiet", "--out", "run"]
    assert main(["train", "t.csv", *options]) == 0
    Path("new.csv").write_text("a,b,c\n2,2,0\n1,,1\n3,0,1\n", encoding="utf-8")
    subject = make.prepare(["run"], data="new.csv")[0][0]
    head, cells = rows._cells(subject, np.arange(3))
    assert head == ["a", "b"]
    assert [row[0] for row in cells] == ["2", "1", "3"]  # the mean of a is 2
    assert [row[1].endswith("*") for row in cells][1:] == [True, False]

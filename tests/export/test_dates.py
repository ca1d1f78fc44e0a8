"""Dates in an ONNX file and in a report: days since 1970 in one, dates in the other."""

import datetime
import shutil

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
    assert main(["train", *words]) == 0
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
    wanted = bpnet.load(run).predict(data.x)
    np.testing.assert_allclose(a, wanted, atol=1e-6)


def test_a_report_shows_dates(run):
    shutil.copy("t.csv", "new.csv")
    subject = make.prepare(["run"], data="new.csv")[0][0]
    head, cells = rows._cells(subject, np.arange(len(subject.judged.data.x)))
    assert head == ["day"]
    wanted = pl.read_csv("t.csv")["day"].fill_null("2024-01-01")  # the mean
    assert [row[0] for row in cells] == wanted.to_list()

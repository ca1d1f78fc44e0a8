"""What ``bpnet predict`` writes: columns that are kept, CSV or Parquet, the digits of a float32."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import bpnet
from bpnet.cli import main
from bpnet.runs import predictions


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table of two files too, and a run on it."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "id": [f"{i:04}" for i in range(90)],
            "code": [None if i == 7 else 10 * i for i in range(90)],
            "a": rng.normal(size=90),
            "class": rng.choice(["x", "z"], 90),
        }
    ).with_columns(y=pl.col("a") * 1e8 + 0.5)
    Path("parts").mkdir()
    frame[:40].write_parquet("parts/0.parquet")
    frame[40:].write_ipc("parts/1.arrow")
    frame.write_parquet("t.parquet")
    frame.write_csv("t.csv")
    frame.drop("id", "code").write_csv("small.csv")
    words = [
        "train",
        "small.csv",
        "--target",
        "y",
        "--epochs",
        "2",
        "--hidden",
        "4",
        "-q",
        "--recipe",
        "none",
    ]
    assert main([*words, "--backend", "numpy", "--out", "run"]) == 0
    return frame


SOURCES = [["t.csv"], ["t.parquet"], ["parts", "--stream"]]


@pytest.mark.parametrize("source", SOURCES, ids=["csv", "parquet", "streamed"])
@pytest.mark.parametrize("out", ["p.csv", "p.parquet"])
def test_columns_are_kept_beside_the_predictions(table, source, out, monkeypatch):
    monkeypatch.setattr(predictions, "_PIECE", 50)  # what is streamed comes in several pieces
    assert main(["predict", "run", *source, "--keep", "id,code", "-o", out, "-q"]) == 0
    text = {"id": pl.String, "code": pl.String}
    frame = pl.read_csv(out, schema_overrides=text) if out.endswith("csv") else pl.read_parquet(out)
    assert frame.columns == ["id", "code", "prediction"]
    assert frame["id"].to_list() == table["id"].to_list()
    codes = table["code"].cast(pl.String).to_list()
    assert frame["code"].cast(pl.String).to_list() == codes
    net = bpnet.load("run")
    answers = net.predict(table)
    np.testing.assert_array_equal(frame["prediction"].cast(pl.Float32).to_numpy(), answers)


def test_a_column_that_is_named_twice_is_kept_once(table):
    assert main(["predict", "run", "t.csv", "-o", "p.csv", "-q", "--keep", "id, code,id"]) == 0
    assert pl.read_csv("p.csv").columns == ["id", "code", "prediction"]


def test_numbers_have_the_fewest_digits_that_read_back(table):
    assert main(["predict", "run", "t.csv", "-o", "p.csv", "-q"]) == 0
    texts = Path("p.csv").read_text().split()[1:]
    answers = bpnet.load("run").predict(table)
    for text, value in zip(texts, answers, strict=True):
        assert np.float32(text) == value
        digits = text.lstrip("-").replace(".", "").strip("0")
        fewer = np.format_float_scientific(value, precision=max(len(digits) - 2, 0), unique=False)
        assert np.float32(fewer) != value or len(digits) == 1
        assert "e" not in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["t.csv", "--keep", "ic"], "t.csv has no column 'ic' to keep"),
        (["x.npy", "--keep", "id"], "needs a table"),
    ],
)
def test_what_cannot_be_kept_is_refused(table, capsys, words, message):
    np.save("x.npy", np.ones((2, 3)))
    assert main(["predict", "run", *words, "-o", "p.csv"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not Path("p.csv").exists()


def test_two_columns_of_one_name_are_refused(table, capsys):
    words = [
        "train",
        "small.csv",
        "--target",
        "class",
        "--epochs",
        "1",
        "--hidden",
        "4",
        "-q",
        "--recipe",
        "none",
    ]
    assert main([*words, "--backend", "numpy", "--out", "classes"]) == 0
    assert main(["predict", "classes", "t.csv", "--keep", "class", "-o", "p.csv"]) == 2
    assert "have a column 'class' of their own" in capsys.readouterr().err
    assert not Path("p.csv").exists()

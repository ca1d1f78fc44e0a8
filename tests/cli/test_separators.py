"""What stands between the cells of a file: remembered by a run, and said anew of another file."""

from pathlib import Path

import polars as pl
import pytest

from bpnet.cli import main

FAST = ["--epochs", "2", "--hidden", "4", "--backend", "numpy", "-q"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A run on a table whose cells a sign separates that nobody recognizes, and two others."""
    monkeypatch.chdir(tmp_path)
    frame = pl.DataFrame({"a": [i % 7 for i in range(60)], "y": ["p", "q"] * 30})
    for name, sign in (("hash", "#"), ("other", "#"), ("tabs", "\t")):
        frame.write_csv(f"{name}.csv", separator=sign)
    words = ["train", "hash.csv", "--target", "y", "--separator", "#", *FAST, "--out", "run"]
    assert main(words) == 0
    return tmp_path


def test_a_run_remembers_its_separator(place):
    assert main(["evaluate", "run"]) == 0
    assert main(["evaluate", "run", "other.csv"]) == 0
    assert main(["predict", "run", "other.csv", "-o", "p.csv", "-q"]) == 0


def test_another_file_may_have_another(place, capsys):
    for command in (["evaluate", "run", "tabs.csv"], ["predict", "run", "tabs.csv", "-o", "p.csv"]):
        assert main(command) == 2
        assert "lacks 'a'" in capsys.readouterr().err
        assert main([*command, "--separator", "tab"]) == 0
    kept = ["predict", "run", "tabs.csv", "-o", "q.csv", "--keep", "a", "--separator", "tab", "-q"]
    assert main(kept) == 0
    assert Path("q.csv").read_text().splitlines()[1].startswith("0,")
    assert main(["predict", "run", "other.csv", "-o", "r.csv", "--separator", "ab"]) == 2
    assert "separator 'ab': give one sign" in capsys.readouterr().err


def test_arrays_have_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "digits", *FAST[:1], "1", *FAST[2:], "--out", "run"]) == 0
    assert main(["evaluate", "run", "--separator", ";"]) == 2
    assert "separator ';' is for a table" in capsys.readouterr().err


def test_a_sweep_begins_with_no_run(place, capsys):
    for init in ("run", "./run"):
        words = ["sweep", "hash.csv", "--target", "y", "--init", init, *FAST, "--out", "swept"]
        assert main(words) == 2
        assert f"init '{init}' is a run, and a sweep draws" in capsys.readouterr().err
    assert not Path("swept").exists()

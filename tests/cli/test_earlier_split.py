"""A run of an earlier version keeps its held-out rows, which were drawn in another order.

The folder ``earlier`` holds a run as bpnet 0.1 wrote it before its configuration had a version of
the split, and the table that it was trained on.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import bpnet
from bpnet.cli import main
from bpnet.data.splits import VERSION
from bpnet.runs.configuration import from_toml
from bpnet.sweep import Ledger

pytest.importorskip("polars")


@pytest.fixture
def earlier(tmp_path, monkeypatch):
    shutil.copytree(Path(__file__).parent / "earlier", tmp_path, dirs_exist_ok=True)
    config = tmp_path / "run" / "config.toml"
    config.write_text(config.read_text().replace("SOURCE", str(tmp_path / "t.csv")))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run"


def split_version(run):
    return from_toml((Path(run) / "config.toml").read_text())["data"].get("split_version")


def evaluated(capsys):
    capsys.readouterr()
    assert main(["evaluate", "run", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_versions_hold_out_different_rows(earlier):
    old, new = (
        bpnet.data.load("t.csv", target="price", validation=0.1, test=0.1, split_version=version)
        for version in (1, VERSION)
    )
    assert set(old.places["test"]) != set(new.places["test"])


def test_it_is_evaluated_and_reported_on_the_rows_that_it_held_out(earlier, capsys):
    found = evaluated(capsys)
    assert (found["part"], found["examples"]) == ("test", 8)
    # as the earlier version printed them
    assert found["cost"] == pytest.approx(0.2559, abs=5e-5)
    assert found["rmse"] == pytest.approx(86.011, abs=5e-4)
    assert main(["report", "run"]) == 0
    assert main(["predict", "run", "t.csv", "-o", "out.csv"]) == 0


def test_it_is_resumed_with_the_same_rows(earlier, capsys):
    assert main(["train", "--resume", "run", "--epochs", "3"]) == 0
    assert split_version("run") is None
    assert evaluated(capsys)["examples"] == 8


def test_a_new_run_draws_its_test_rows_by_the_new_version_whatever_it_begins_with(earlier):
    fast = ["--target", "price", "--epochs", "1", "--backend", "numpy"]
    assert main(["train", "t.csv", *fast, "--init", "run", "--recipe", "none", "--out", "a"]) == 0
    assert main(["train", "t.csv", *fast, "--members", "2", "--hidden", "3", "--out", "b"]) == 0
    assert split_version("a") == split_version("b") == VERSION
    shares = [{"validation": 0.1, "test": 0.1}, {"validation": 0.0, "test": 0.1}]
    one, other = (bpnet.data.load("t.csv", target="price", **share) for share in shares)
    np.testing.assert_array_equal(one.places["test"], other.places["test"])


def test_a_sweep_that_names_no_version_is_of_the_first(tmp_path):
    held = {"asked": {}, "seconds": 0.0, "data": "x", "trained": []}
    for text, version in ((held, 1), ({**held, "split_version": 2}, 2)):
        (tmp_path / "sweep.json").write_text(json.dumps(text))
        assert Ledger.read(tmp_path).split_version == version

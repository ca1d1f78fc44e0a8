"""The ledger of a sweep that fails: a new one goes again, one that was taken up stays."""

import json
import math

import numpy as np
import pytest

import bpnet
from bpnet import sweep
from bpnet.errors import Diverged, InputError
from bpnet.sweep import running

NUMPY = bpnet.backends.get("numpy")
X = np.random.default_rng(2).normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int)
DATA = bpnet.data.Dataset(X[:40], Y[:40], validation=(X[40:], Y[40:]), name="made up")
PLAN = sweep.Plan(
    grid={"l2": [0.0, 0.5]}, training={"epochs": 1},
    network={"sizes": [3], "hidden": "tanh", "output": None, "init": "auto", "norm": None},
)  # fmt: skip


@pytest.mark.parametrize("known", [{}, {3: (0.5, 2)}])
def test_what_was_trained_before_is_not_lost_with_what_fails_now(known, tmp_path):
    plan = sweep.Plan(grid={"l2": [0.0, 0.1]}, network={}, training={})
    ledger = sweep.Ledger(tmp_path, {"source": "digits"}, trained=known, data="abc" * bool(known))
    ranked = sweep.ranking.Sweep(plan, "validation_cost", [], "numpy", 1.0)
    ledger.begin(lambda: ranked, "abc")
    written = json.loads((tmp_path / "sweep.json").read_text())
    ledger.discard()
    assert not (tmp_path / ".lock").exists()
    if not known:
        assert list(tmp_path.iterdir()) == []
        return
    assert json.loads((tmp_path / "sweep.json").read_text()) == written
    assert sweep.Ledger.read(tmp_path).trained == known


@pytest.mark.parametrize("error", [InputError, Diverged])
def test_a_sweep_that_cannot_be_leaves_no_folder(error, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise error("no such sweep")

    monkeypatch.setattr(running, "train", fails)
    ledger = sweep.Ledger(tmp_path / "new", {"source": "made up"})
    with pytest.raises(error, match="no such sweep"):
        sweep.run(DATA, PLAN, backend=NUMPY, ledger=ledger)
    assert list(tmp_path.iterdir()) == []


def test_networks_that_diverge_after_others_were_trained_are_ranked_behind_them(monkeypatch):
    def diverges(*_, **__):
        raise Diverged("all of them")

    monkeypatch.setattr(running, "train", diverges)
    found = sweep.run(DATA, PLAN, backend=NUMPY, ledger=sweep.Ledger(trained={1: (0.75, 1)}))
    assert [ranked.configuration["l2"] for ranked in found.ranking] == [0.5, 0.0]
    assert found.best.mean == 0.75
    assert math.isnan(found.ranking[1].mean)
    with pytest.raises(Diverged):
        sweep.run(DATA, PLAN, backend=NUMPY, ledger=sweep.Ledger())

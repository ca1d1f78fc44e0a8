"""The ledger of a sweep that fails: a new one goes again, one that was taken up stays."""

import json

import pytest

from bpnet import sweep


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

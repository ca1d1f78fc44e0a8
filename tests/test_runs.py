"""Folders of runs: which of them are finished."""

from bpnet import runs
from bpnet.cli import main


def test_a_run_of_lbfgs_that_was_stopped_is_not_finished(tmp_path):
    run = tmp_path / "run"
    command = ["train", "--optimizer", "lbfgs", "--hidden", "4", "--epochs", "2", "-q"]
    assert main([*command, "--backend", "numpy", "--out", str(run)]) == 0
    assert runs.unfinished(run) is None
    # it writes no checkpoint; where it is stopped it leaves the folder for them, and a model
    (run / "checkpoints").mkdir()
    assert runs.unfinished(run)["training"]["optimizer"] == "lbfgs"

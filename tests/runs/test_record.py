"""Folders of runs: which of them are finished."""

import json
from types import SimpleNamespace

import pytest

import bpnet
from bpnet.cli import main
from bpnet.runs import configuration, record
from bpnet.runs import folder as run_folder
from tests.assertions import error_message
from tests.runs.tables import columns


def test_a_run_of_lbfgs_that_was_stopped_is_not_finished(tmp_path):
    run = tmp_path / "run"
    command = ["train", "--optimizer", "lbfgs", "--hidden", "4", "--epochs", "2", "-q"]
    assert main([*command, "--backend", "numpy", "--out", str(run)]) == 0
    assert record.resumable(run) is None
    # it writes no checkpoint; where it is stopped it leaves the folder for them, and a model
    (run / "checkpoints").mkdir()
    assert record.resumable(run)["training"]["optimizer"] == "lbfgs"


def test_who_has_opened_a_history_reads_it_to_its_end(tmp_path):
    """A new one takes its place at once, and is never there in part."""
    path, recorder = tmp_path / "history.json", record.Recorder(tmp_path, {})
    first, later = SimpleNamespace(history={"cost": [2.0]}), {"cost": [2.0, 1.0, 0.5]}
    recorder.on_epoch_end(first)
    with path.open() as opened:
        recorder.on_epoch_end(SimpleNamespace(history=later))
        assert json.load(opened) == first.history
    assert json.loads(path.read_text()) == later
    assert [*tmp_path.iterdir()] == [path]


def test_a_finished_run_says_so_without_what_its_table_was_encoded_by(tmp_path, capsys):
    """Its outcome and what it was asked are in files of their own."""
    table, run = tmp_path / "t.csv", tmp_path / "run"
    table.write_text("a,b,y\n" + "".join(f"{i},{i * i % 7},{i % 2}\n" for i in range(20)))
    command = [
        "train",
        str(table),
        "--target",
        "y",
        "--recipe",
        "none",
        "--hidden",
        "3",
        "--epochs",
        "1",
        "-q",
    ]
    assert main([*command, "--backend", "numpy", "--out", str(run)]) == 0
    (run / "columns.json").unlink()
    capsys.readouterr()
    assert main(["train", "--resume", str(run), "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert (output["run"], output["finished"]) == (str(run), True)
    assert len(output["history"]["cost"]) == 1
    assert main(["evaluate", str(run)]) == 2
    assert "columns.json is missing" in capsys.readouterr().err


def test_a_run_goes_where_a_link_leads(tmp_path):
    """Its files are replaced one by one; the link is not."""
    place, link = tmp_path / "place", tmp_path / "link"
    place.mkdir()
    link.symlink_to(place)
    assert run_folder.choose(link, "digits", []) == place
    assert run_folder.choose(place, "digits", []) == place


@pytest.mark.parametrize(
    ("text", "fine"),
    [('{"cost": [1.0, 2]}', True), ('{"cost": [1.0], "accuracy": [0.5]}', True), ("{}", False),
     ('{"cost": [1.0], "accuracy": []}', False), ('{"accuracy": [1.0]}', False),
     ('{"cost": [1e300]}', False), ('{"cost": [9e299]}', True), ('{"cost": ["1"]}', False),
     ('{"cost": 3}', False), ('{"cost": [true]}', False)],
)  # fmt: skip
def test_histories(tmp_path, text, fine):
    (tmp_path / "history.json").write_text(text)
    if fine:
        assert "cost" in record.read_history(tmp_path)
    else:
        assert error_message(record.read_history, tmp_path).startswith(
            f"{tmp_path / 'history.json'} is missing or damaged ("
        )


def test_each_page_of_the_recorder_is_of_its_run(tmp_path):
    recorder = record.Recorder(
        tmp_path / "run", {"data": {"source": "x"}, "training": {}, "network": {}}
    )
    run = SimpleNamespace(
        backend="numpy", threads=3, compiled=False, epochs=2, epoch=0, history={"cost": [0.5]},
        stopped=None, network=bpnet.Network([2, 3]), pull=lambda: None,
    )  # fmt: skip
    recorder.on_train_begin(run)
    config = configuration.from_toml((tmp_path / "run" / "config.toml").read_text())
    assert config["machine"]["backend"] == "numpy"
    assert config["machine"]["threads"] == 3
    assert "compiled" not in config["machine"]
    recorder.on_epoch_end(run)
    assert record.read_history(tmp_path / "run") == {"cost": [0.5]}
    run.stopped = "SIGTERM"
    recorder.on_train_end(run)
    assert (tmp_path / "run" / "checkpoints").is_dir()
    assert (tmp_path / "run" / "model.safetensors").is_file()
    run.stopped = None
    recorder.on_train_end(run)
    assert not (tmp_path / "run" / "checkpoints").exists()
    recorder.discard()
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert not (tmp_path / "run" / ".lock").exists()
    other = record.Recorder(tmp_path / "run", recorder.config)
    assert error_message(other.on_train_begin, run) == (
        f"another run has taken {tmp_path / 'run'} meanwhile; give --out another name"
    )


def test_a_run_that_comes_to_nothing_leaves_nothing(tmp_path):
    recorder = record.Recorder(tmp_path / "a" / "run", {"data": {"source": "x"}}, columns())
    run = SimpleNamespace(backend="numpy", threads=None, compiled=True)
    recorder.on_train_begin(run)
    assert (tmp_path / "a" / "run" / "columns.json").is_file()
    recorder.discard()
    assert list(tmp_path.iterdir()) == []

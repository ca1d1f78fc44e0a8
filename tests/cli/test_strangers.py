"""Folders of runs that come from a stranger: nothing is written through them, or waited for."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from bpnet import tensorboard
from bpnet.cli import main
from bpnet.runs import folder as run_folder

SHORT = ["digits", "--hidden", "4", "--epochs", "4", "--batch-size", "256", "--backend", "numpy"]
OFTEN = ["--checkpoint-minutes", "0.0000001", "--quiet"]
MINE = b"mine"
STEP = "checkpoints/step-000000000001.safetensors"
NAMES = (*run_folder.FILES, "checkpoints", "tensorboard", "checkpoints/.lock", STEP)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was killed before its last checkpoint."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    assert main(["train", *SHORT, *OFTEN, "--out", str(folder)]) == 0
    (folder / "model.safetensors").unlink()
    sorted((folder / "checkpoints").glob("step-*"))[-1].unlink()
    return folder


@pytest.fixture
def run(stopped, tmp_path, monkeypatch):
    """A copy of it, beside a file and a folder that are somebody's own."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(stopped, "run")
    (tmp_path / "victim").write_bytes(MINE)
    (tmp_path / "home").mkdir()
    for i in range(1, 5):
        (tmp_path / "home" / f"step-{i:012d}.safetensors").write_bytes(MINE)
    return tmp_path / "run"


def away(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def listen(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)
    os.rename(path.name, path)  # a path in full may be too long for a socket


KINDS = {
    "a link to a file": lambda path: path.symlink_to(Path("victim").absolute()),
    "a link to a folder": lambda path: path.symlink_to(Path("home").absolute()),
    "a link to nothing": lambda path: path.symlink_to(Path("new").absolute()),
    "a pipe": os.mkfifo,
    "a socket": listen,
    "a folder": os.mkdir,
    "a file": lambda path: path.write_bytes(MINE),
}


def others(place):
    """All that is not in the run, with what it holds."""
    return {
        path: path.read_bytes() if path.is_file() else None
        for path in place.rglob("*")
        if place / "run" not in path.parents
    }


ODD = [
    (name, kind)
    for name in NAMES
    for kind in KINDS
    if kind != ("a folder" if name in {"checkpoints", "tensorboard"} else "a file")
]


@pytest.mark.parametrize(("name", "kind"), ODD)
def test_what_is_odd_is_refused_in_a_line_and_nothing_outside_changes(run, capsys, name, kind):
    path = run / name
    away(path)
    KINDS[kind](path)
    before = others(run.parent)
    assert main(["train", "--resume", "run", "--quiet"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert path.name in error or "run is damaged" in error
    assert others(run.parent) == before


def test_a_run_of_real_files_goes_on(run):
    """The folder of the other tests is refused for what is odd, and for nothing else."""
    assert main(["train", "--resume", "run", "--quiet"]) == 0
    assert (run / "model.safetensors").is_file()


def test_a_hard_link_in_the_folder_leaves_the_other_name_as_it_is(run):
    (run / "history.json").unlink()
    os.link(run.parent / "victim", run / "history.json")
    assert main(["train", "--resume", "run", "--quiet"]) == 0
    assert (run.parent / "victim").read_bytes() == MINE


def test_what_bpnet_did_not_write_stays(run):
    """Also what looks like its own, and what a file of another program left half-written."""
    mine = ("notes.txt", ".thesis.tex.12.partial", "checkpoints/step-best.safetensors",
            "checkpoints/step-999999999999.safetensors", "checkpoints/.step-1.partial")  # fmt: skip
    for name in mine:
        (run / name).write_bytes(MINE)
    half = (".model.safetensors.12.partial", "checkpoints/.step-000000000002.safetensors.7.partial")
    for name in half:
        (run / name).write_bytes(b"half")
    assert main(["train", "--resume", "run", "--quiet"]) == 0
    assert all((run / name).read_bytes() == MINE for name in mine)
    assert not any((run / name).exists() for name in half)


def test_checkpoints_are_kept_beside_what_looks_like_later_ones(run):
    """The newest two are the one that was written and the one before it."""
    for i in (7, 8):
        (run / "checkpoints" / f"step-99999999999{i}.safetensors").write_bytes(MINE)
    assert main(["train", "--resume", "run", "--quiet"]) == 0
    (run / "model.safetensors").unlink()
    assert main(["train", "--resume", "run", "--quiet"]) == 0
    assert (run / "model.safetensors").is_file()


@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a folder", "a link to nothing"])
@pytest.mark.parametrize("name", ["model.safetensors", "config.toml", "history.json"])
def test_other_commands_refuse_it_in_a_line(run, capsys, name, kind):
    assert main(["train", "--resume", "run", "--quiet"]) == 0
    away(run / name)
    KINDS[kind](run / name)
    commands = {
        "evaluate": [], "predict": ["digits", "-o", "out.csv"], "report": [], "export": ["m.onnx"],
    }  # fmt: skip
    for command, rest in commands.items():
        if name == "history.json" and command != "report":
            continue
        capsys.readouterr()
        assert main([command, "run", *rest]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not {"out.csv", "m.onnx"} & set(os.listdir(run.parent))


def test_event_files_go_where_there_are_some_or_where_they_are_sent(tmp_path, caplog):
    """A configuration may be a stranger's, and name any folder."""
    away, run = tmp_path / "away", tmp_path / "run"
    place = tensorboard.place
    assert place(None, run, True) is None
    assert place("tensorboard", run, True) == run / "tensorboard"
    for setting in (str(away), "../away"):
        assert place(setting, run, False) == run / setting
        assert place(setting, run, True) is None
        assert "give --tensorboard-folder" in caplog.text
        assert place(setting, run, True, away) == away
    for folder in (away, run):
        folder.mkdir()
    (away / "events.out.tfevents.1.host").touch()
    assert place("../away", run, True) == run / "../away"

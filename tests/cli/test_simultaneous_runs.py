"""Trainings that begin at one moment get a folder each, and one that fails leaves none."""

import json
import os
import subprocess
import sys
import time

import pytest

from bpnet.cli import main
from bpnet.runs import folder as run_folder

QUICK = ["digits", "--hidden", "3", "--epochs", "1", "--backend", "numpy"]


@pytest.mark.parametrize("commands", [["train"] * 4, ["sweep", "train", "sweep"]])
def test_each_gets_a_folder_of_its_own(tmp_path, commands):
    """All with the name of one second."""
    clock = "import time; time.strftime = lambda *_: 'now'; import sys; from bpnet.cli import main"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", f"{clock}; sys.exit(main())", command, *QUICK, "--json"],
            stdout=subprocess.PIPE,
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for command in commands
    ]
    runs = []
    for process in started:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        runs.append(json.loads(said)["run"])
    names = {"digits-now", *(f"digits-now-{i}" for i in range(2, len(commands) + 1))}
    assert sorted(runs) == sorted(f"runs/{name}" for name in names)
    assert all((tmp_path / run / "model.safetensors").is_file() for run in runs)


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_the_name_may_be_taken_between_the_look_and_the_folder(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "strftime", lambda *_: "now")
    choose = run_folder.choose

    def late(*arguments):
        folder = choose(*arguments)
        folder.mkdir(parents=True)
        (folder / "theirs").touch()
        return folder

    monkeypatch.setattr(run_folder, "choose", late)
    assert main([command, *QUICK, "--quiet"]) == 0
    assert [p.name for p in (tmp_path / "runs" / "digits-now").iterdir()] == ["theirs"]
    assert (tmp_path / "runs" / "digits-now-2" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--patience", "0"],
        ["train", "--l2", "-1"],
        ["sweep", "--l2", "-1"],
        ["train", "--optimizer", "sgd", "--learning-rate", "1e30", "--cost", "quadratic",
         "--output", "identity"],
    ],
)  # fmt: skip
def test_a_run_that_fails_leaves_no_folder(tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    assert main([words[0], *QUICK, *words[1:]]) in {1, 2}
    assert list(tmp_path.iterdir()) == []

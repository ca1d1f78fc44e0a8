"""``ci/gpu``: what it refuses, plans and runs, and what stays of it when it is cut off."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bpnet.backends import hardware

ROOT = Path(__file__).parents[2]

WRITTEN = ("HYPOTHESIS_STORAGE_DIRECTORY", "XDG_CACHE_HOME", "XLA_PYTHON_CLIENT_PREALLOCATE")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], "the following arguments are required: FOLDER; wanted: ci/gpu"),
        (["--fast", "OUT"], "unrecognized arguments: --fast; wanted: ci/gpu"),
        (["--sec", "9", "OUT"], "wanted: ci/gpu"),  # no option is guessed from its beginning
        (["--only", "smoke,tets", "OUT"], "--only has no step 'tets'; wanted some of devices,"),
        (["--only", "", "OUT"], "--only has no step ''"),
        (["--seconds", "soon", "OUT"], "--seconds wants a number of seconds"),
        (["--seconds", "nan", "OUT"], "--seconds wants a number of seconds"),
        (["--seconds", "-1", "OUT"], "--seconds wants a number of seconds"),
        (["--seconds", "inf", "OUT"], "--seconds wants a number of seconds"),
        (["--wheels", "nowhere", "OUT"], "--wheels nowhere is no folder with *.whl in it"),
    ],
)
def test_bad_arguments_are_one_line_and_status_2(
    gpu, arguments, wanted, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        gpu.steps.asked(arguments)
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ci/gpu: ")
    assert wanted in line
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_not_written_over(gpu, tmp_path, capsys):
    (tmp_path / "report.txt").write_text("precious")
    with pytest.raises(SystemExit):
        gpu.steps.asked([str(tmp_path)])
    assert "has a report.txt already; give another folder" in capsys.readouterr().err


@pytest.mark.parametrize("driver", [hardware.NO_DRIVER, hardware.CudaDriver(12040, 0)])
def test_without_a_gpu_it_is_one_line_and_status_2(gpu, driver, monkeypatch, capsys):
    monkeypatch.setattr(hardware, "cuda_driver", lambda: driver)
    with pytest.raises(SystemExit) as end:
        gpu.steps.place(rehearse=False)
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        line == f"ci/gpu: {driver.describe()}; run this where nvidia-smi lists a GPU, or --rehearse"
    )


def test_the_script_without_a_gpu(tmp_path):
    if hardware.cuda_driver().devices:
        pytest.skip("there is a GPU here")
    run = subprocess.run(
        [ROOT / "ci" / "gpu", tmp_path / "out"],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("ci/gpu: there is no NVIDIA driver; run this where nvidia-smi")
    assert not (tmp_path / "out").exists()


def test_the_script_with_no_python(tmp_path):
    run = subprocess.run(
        [ROOT / "ci" / "gpu", tmp_path],
        env={**os.environ, "PYTHON": "/no/python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stderr.startswith("ci/gpu: /no/python is no Python 3.11 or newer")
    assert run.stderr.count("\n") == 1


def test_a_library_that_bpnet_needs_is_named(gpu, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu.steps, "NEEDED", ("numpy", "no_such_library"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("PYTHONPATH", *WRITTEN):
        monkeypatch.setenv(name, "")
    with pytest.raises(SystemExit) as end:
        gpu.steps.set_paths(tmp_path)
    assert end.value.code == 2
    assert "lacks no-such-library; give a folder of their wheels" in capsys.readouterr().err


def test_wheels_and_the_path_that_was_set_go_behind_the_checkout(gpu, tmp_path, monkeypatch):
    wheels, scratch = tmp_path / "wheels", tmp_path / "scratch"
    wheels.mkdir()
    info = "bpnet_brought-1.dist-info"
    with zipfile.ZipFile(wheels / "bpnet_brought-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("bpnet_brought.py", "here = True")
        about = "Metadata-Version: 2.1\nName: bpnet-brought\nVersion: 1\n"
        wheel.writestr(f"{info}/METADATA", about + "Requires-Dist: not-to-be-fetched\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "theirs"))
    for name in WRITTEN:
        monkeypatch.setenv(name, "")
    gpu.steps.install(wheels, scratch / "site")
    gpu.steps.set_paths(scratch)
    run = [sys.executable, "-c", "import bpnet_brought, bpnet; print(bpnet.__file__)"]
    found = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()) == ROOT / "bpnet" / "__init__.py"
    assert os.environ["PYTHONPATH"].split(os.pathsep)[-1] == str(tmp_path / "theirs")


def test_what_is_worth_most_comes_first(gpu, tmp_path):
    place = gpu.plan.Place(torch="torch:cuda", jax="jax:gpu")
    steps = gpu.plan.plan(place, tmp_path, tmp_path, 280.0)
    assert tuple(step.name for step in steps) == gpu.plan.NAMES
    by_name = {step.name: step for step in steps}
    assert by_name["check"].command[2:] == ("check_rows", "cupy")
    assert by_name["check-jax"].command[2:] == ("check_rows", "jax:gpu")
    assert by_name["benchmark"].command[2:] == ("benchmark", "cuda", "90", str(tmp_path))
    required = {"BPNET_TEST_BACKENDS": "cupy", "BPNET_TEST_CUPY": "1"}
    assert required.items() <= by_name["tests"].environment.items()
    assert [step.name for step in steps if step.partial] == ["tests"]


def test_a_step_that_is_not_possible_here_is_refused(gpu, tmp_path, capsys):
    steps = gpu.plan.plan(gpu.plan.Place(jax="jax:gpu"), tmp_path, tmp_path, 100.0)
    assert [step.name for step in gpu.steps.chosen(steps, ["check-jax"])] == ["check-jax"]
    assert gpu.steps.chosen(steps, None) == steps
    with pytest.raises(SystemExit):
        gpu.steps.chosen(steps, ["smoke", "check-torch"])
    assert "--only check-torch: its library has no GPU here" in capsys.readouterr().err


def test_a_rehearsal_has_every_step_with_a_stand_in(gpu, tmp_path):
    place = gpu.plan.Place("array_api_strict", device="rehearsal")
    steps = {step.name: step for step in gpu.plan.plan(place, tmp_path, tmp_path, 100.0)}
    assert set(gpu.plan.NAMES) - set(steps) == {"check-torch", "capture-torch", "check-jax"}
    assert not any("cupy" in step.command for step in steps.values())
    assert steps["tests"].environment["BPNET_TEST_BACKENDS"] == "array_api_strict"
    assert "BPNET_TEST_CUPY" not in steps["tests"].environment


def test_the_real_script_from_end_to_end(gpu, tmp_path):
    status = ["git", "status", "--porcelain", "--ignored"]
    before = subprocess.run(status, cwd=ROOT, capture_output=True, text=True, check=False)
    run = subprocess.run(
        [ROOT / "ci" / "gpu", "--rehearse", "--only", "smoke,parity", "out"],
        env={**os.environ, "PYTHON": sys.executable},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert [line.split()[:2] for line in run.stdout.splitlines()] == [
        ["smoke", "ok"],
        ["parity", "ok"],
    ]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    smoke, parity = (step["rows"] for step in report["steps"])
    assert [row["name"] for row in smoke] == ["one step, SGD, tanh", "one step, Adam, relu"]
    assert [row["dtype"] for row in parity] == ["float32", "float64"]
    assert sorted(os.listdir(tmp_path / "out")) == ["report.json", "report.txt"]
    after = subprocess.run(status, cwd=ROOT, capture_output=True, text=True, check=False)
    assert after.stdout == before.stdout

"""``ci/gpu`` up to the first device call: what it plans, how it runs it, what it reports."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bpnet.backends.hardware import NO_DRIVER, CudaDriver

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gpu():
    spec = importlib.util.spec_from_file_location("gpu_steps", ROOT / "ci" / "gpu_steps.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpu_steps"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["gpu_steps"]


def names(steps):
    return [step.name for step in steps]


def test_the_installed_cupy_is_kept(gpu):
    steps = gpu.plan(gpu.Facts(CudaDriver(12040, 1), ("cupy-cuda12x",)))
    assert names(steps)[:4] == ["backends", "check cupy", "parity", "suite"]
    assert sum(step.name.startswith("bench") for step in steps) == 3


@pytest.mark.parametrize(
    ("version", "wheel"), [(12040, "cupy-cuda12x[ctk]>=14"), (13000, "cupy-cuda13x[ctk]>=14")]
)
def test_without_one_the_wheel_of_the_driver_comes_first(gpu, version, wheel):
    first, *_ = gpu.plan(gpu.Facts(CudaDriver(version, 1), ()))
    assert first.name == "install"
    assert first.command[-1] == wheel
    assert first.required


def test_the_suite_requires_cupy(gpu):
    facts = gpu.Facts(CudaDriver(12040, 1), ("cupy",), ("torch:cuda", "jax:gpu"), strict=True)
    steps = {step.name: step for step in gpu.plan(facts)}
    assert steps["suite"].environment == {
        "BPNET_TEST_BACKENDS": "numpy,cupy,array_api_strict",
        "BPNET_TEST_CUPY": "1",
    }
    assert {"check torch:cuda", "check jax:gpu"} < set(steps)
    assert "numpy,cupy,torch:cuda,jax:gpu" in steps["bench 30, batch 10"].command


def python(gpu, name, code, **options):
    return gpu.Step(name, (sys.executable, "-c", code), options.pop("limit", 30), **options)


def test_steps_run_until_a_required_one_fails(gpu):
    steps = [
        python(gpu, "fine", "print('hello')"),
        python(gpu, "json", "print('[1]')", json=True),
        python(gpu, "no json", "print('oops')", json=True),
        python(gpu, "slow", "import time; print('so far', flush=True); time.sleep(60)", limit=1),
        python(
            gpu,
            "variable",
            "import os, sys; sys.exit(os.environ['X'] != '1')",
            environment={"X": "1"},
        ),
        python(gpu, "needed", "raise SystemExit('gone')", required=True),
        python(gpu, "never", ""),
    ]
    results = gpu.run(steps)
    assert [(r.name, r.status) for r in results] == [
        ("fine", 0),
        ("json", 0),
        ("no json", 1),
        ("slow", 124),
        ("variable", 0),
        ("needed", 1),
    ]
    assert results[0].output == "hello"
    assert results[1].output == [1]
    assert results[3].output == "so far\nended after 1 s"
    assert results[5].output == "gone"


def test_what_has_no_time_left_is_said_to_have_none(gpu):
    (result,) = gpu.run([python(gpu, "late", "")], limit=0.0)
    assert (result.status, result.output) == (124, "no time was left")


def test_the_report_is_written_and_the_status_tells(gpu, monkeypatch, tmp_path, capsys):
    rows = [
        {
            "group": "equations",
            "dtype": "float32",
            "name": "(8)",
            "error": 2e-6,
            "bound": 1e-5,
            "passed": True,
        },
        {
            "group": "equations",
            "dtype": "float32",
            "name": "(9)",
            "error": None,
            "bound": 0.0,
            "passed": False,
        },
    ]
    check = {"backends": [{"backend": "cupy:0", "version": "14", "seconds": 3.0, "rows": rows}]}
    timings = [
        {"backend": "cupy:0", "epoch": 0.5, "samples": 1000, "error": None},
        {"backend": "jax:cuda:0", "epoch": None, "samples": 0, "error": "no memory"},
    ]
    results = [
        gpu.Result("check cupy", "bpnet check cupy", 1, 3.0, check),
        gpu.Result("bench 30, batch 10", "bpnet bench", 0, 4.0, timings),
    ]
    monkeypatch.setattr(gpu, "run", lambda steps: results)
    facts = gpu.Facts(CudaDriver(12040, 1), ("cupy-cuda12x",))
    assert gpu.main([str(tmp_path / "out")], facts) == 1
    text = (tmp_path / "out" / "report.txt").read_text()
    assert "check cupy                  status 1, 3.0 s" in text
    assert "2 rows, the largest error at 20% of its bound; FAILED: ['(9)']" in text
    assert "0.50000 s an epoch, 2,000 samples/s" in text
    assert "failed: no memory" in text
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["steps"][0]["output"] == check
    assert report["driver"] == "the NVIDIA driver serves CUDA 12.4 and sees 1 GPUs"
    monkeypatch.setattr(gpu, "run", lambda steps: results[1:])
    assert gpu.main([str(tmp_path / "out")], facts) == 0
    capsys.readouterr()


def test_a_driver_without_a_gpu_is_one_line_and_status_2(gpu, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert gpu.main([], gpu.Facts(NO_DRIVER, ())) == 2
    assert gpu.main([], gpu.Facts(CudaDriver(12040, 0), ())) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 2
    assert error[0].startswith("ci/gpu: there is no NVIDIA driver;")
    assert list(tmp_path.iterdir()) == []


def test_the_script_without_a_gpu_is_one_line_and_status_2():
    if Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists():
        pytest.skip("there is a GPU here")
    run = subprocess.run([ROOT / "ci" / "gpu"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr == (
        "ci/gpu: no NVIDIA GPU or driver was found; run this where nvidia-smi lists a GPU\n"
    )


def test_the_facts_are_those_of_this_machine(gpu):
    facts = gpu.Facts.gather()
    assert set(facts.others) <= {"torch:cuda", "jax:gpu"}

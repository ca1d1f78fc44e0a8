"""All backends tried out at once, each in a process of its own."""

import dataclasses
import json
import subprocess
import sys
import time

import pytest

from bpnet import backends
from bpnet.backends import libraries, survey
from bpnet.errors import InputError

GOOD = backends.BackendStatus(
    "torch", True, "1.0", (backends.DeviceInfo("torch:cpu", "a CPU", 2**30),), ("float32",)
)

# what a probe may do, as the program of its process
PROGRAMS = {
    "torch": f"print('a library talks'); print({json.dumps(dataclasses.asdict(GOOD))!r})",
    "jax": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "dpnp": "import time; time.sleep(60)",
    "cupy": "raise SystemExit('out of luck')",
    "array_api_strict": "print('no answer')",
}


@pytest.fixture
def fakes(monkeypatch):
    monkeypatch.setattr(libraries, "installed", lambda _: True)
    return lambda name: [sys.executable, "-c", PROGRAMS[name]]


def test_a_crash_and_a_hang_are_rows(fakes):
    begin = time.monotonic()
    rows = {}
    for row in backends.status(timeout=3, command=fakes):
        rows[row.name] = (row, time.monotonic() - begin)
    assert sorted(rows) == sorted(backends.names())

    assert rows["torch"][0] == GOOD
    assert rows["numpy"][0].usable
    crash, hang = rows["jax"][0], rows["dpnp"][0]
    assert (crash.usable, hang.usable) == (False, False)
    assert "SIGSEGV" in crash.why
    assert "3 s" in hang.why
    assert "exit status 1 (out of luck)" in rows["cupy"][0].why
    assert "exit status 0" in rows["array_api_strict"][0].why
    for name in ("jax", "dpnp", "cupy"):
        assert f"bpnet.backends.probe {name}" in rows[name][0].cure

    # the others did not wait for the one that hangs
    assert max(t for name, (_, t) in rows.items() if name != "dpnp") < 3
    assert 3 <= rows["dpnp"][1] < 6


def test_whoever_stops_looking_leaves_no_process(fakes, monkeypatch):
    started = []
    real = subprocess.Popen

    def popen(*args, **kwargs):
        started.append(real(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(survey.subprocess, "Popen", popen)
    rows = backends.status(["dpnp", "numpy"], timeout=30, command=fakes)
    assert next(rows).name == "numpy"
    rows.close()
    (process,) = started
    assert process.wait(timeout=5) != 0


def test_what_is_not_installed_is_a_row_at_once(monkeypatch):
    monkeypatch.setattr(libraries, "installed", lambda _: False)
    monkeypatch.setattr(survey.subprocess, "Popen", None)
    rows = {row.name: row for row in backends.status()}
    assert rows["torch"].why == "torch is not installed"
    assert rows["torch"].cure == 'pip install "torch>=2.6"'
    assert rows["array_api_strict"].cure == 'pip install "array-api-strict>=2.6.1"'
    assert backends.available() == ["numpy"]


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="did you mean 'torch'"):
        list(backends.status(["torhc"]))


def test_every_backend_answers_for_real(backend, tmp_path, monkeypatch):
    """In another folder, where nothing but the path says where bpnet is."""
    monkeypatch.chdir(tmp_path)
    (row,) = backends.status([backend.name], timeout=60)
    assert row.usable, row.why
    assert row.version == backend.version
    assert list(row.dtypes) == list(backends.get(backend.name).dtypes())
    assert backend.spec in {device.spec for device in row.devices}
    assert all(device.memory for device in row.devices)
    assert backend.spec in str(next(d for d in row.devices if d.spec == backend.spec))


def test_a_driverless_cupy_is_a_row_with_its_cause(cupy):
    from bpnet.backends import hardware

    if hardware.cuda_driver().version:
        pytest.skip("there is an NVIDIA driver")
    (row,) = backends.status(["cupy"], timeout=60)
    assert not row.usable
    assert row.why.startswith("there is no NVIDIA driver")
    assert row.version


def test_available_sorts_gpus_before_numpy_before_the_rest(monkeypatch):
    def rows(*args, **kwargs):
        for name, devices in {
            "array_api_strict": ("array_api_strict:device1",),
            "jax": ("jax:cpu",),
            "torch": ("torch:cuda:0", "torch:cpu"),
            "numpy": ("numpy",),
        }.items():
            infos = tuple(backends.DeviceInfo(spec, "") for spec in devices)
            yield backends.BackendStatus(name, True, devices=infos)
        yield backends.BackendStatus("cupy", False, why="", cure="")

    monkeypatch.setattr(survey, "status", rows)
    assert backends.available() == ["torch", "numpy", "jax", "array_api_strict"]


def test_importing_the_backends_loads_no_array_library_but_numpy():
    code = (
        "import sys, bpnet.backends as b; b.select(); b.to_numpy([1]); "
        "heavy = {'torch', 'jax', 'cupy', 'dpnp', 'dpctl', 'array_api_strict'}; "
        "print(sorted(heavy & set(sys.modules)), 'numpy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[] True\n"

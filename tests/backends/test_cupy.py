"""The CuPy adapter, on a stand-in with two GPUs that refuses what CuPy refuses.

That every function it calls is one of CuPy's is held against the installed CuPy.
"""

import ast
import importlib
import inspect
import re

import numpy as np
import pytest

from bpnet import backends
from bpnet.backends import cupy as adapter
from bpnet.backends import diagnosis, hardware, libraries
from bpnet.errors import BackendUnavailable
from tests.backends.test_diagnosis import PATHFINDER
from tests.cupy_modules import installed


@pytest.fixture
def gpu(monkeypatch):
    """A machine with two GPUs."""
    with installed() as gpu:
        monkeypatch.setattr(libraries, "installed", lambda _: True)
        yield gpu


def test_a_gpu_by_number(gpu):
    assert backends.get("cupy").spec == "cupy:0"
    second = backends.get("cupy:1")
    assert second == backends.get("cupy", "cuda:1") == backends.get("cupy", 1)
    assert second.device == 1
    with pytest.raises(BackendUnavailable, match="no GPU 2 among the 2 here"):
        backends.get("cupy:2")


@pytest.mark.parametrize("function", ["exp", "zeros", "asarray"])
def test_toolkit_parts_that_miss_at_the_first_kernel_are_named(gpu, monkeypatch, function):
    def fail(*args, **kwargs):
        raise RuntimeError(PATHFINDER)

    for holder in (adapter.CuPy().xp, gpu.module):
        monkeypatch.setattr(holder, function, fail)
        if function == "zeros":
            monkeypatch.setattr(holder, "exp", fail)
    monkeypatch.setattr(diagnosis, "cupy_wheels", lambda: ("cupy-cuda12x",))
    with pytest.raises(BackendUnavailable, match="toolkit are missing") as caught:
        backends.get("cupy")
    assert caught.value.cure == 'pip install "cupy-cuda12x[ctk]"'


def test_arrays_are_made_and_moved_on_their_gpu(gpu):
    first, second = backends.get("cupy:0"), backends.get("cupy:1")
    array = second.asarray(np.ones((2, 2)), dtype="float32")
    assert backends.of(array) == second
    assert backends.of(first.asarray(array)) == first
    assert np.array_equal(second.to_numpy(array), np.ones((2, 2)))
    assert gpu.current == 0


def test_a_session_makes_its_gpu_the_current_one(gpu):
    with backends.get("cupy:1").session("float32"):
        assert gpu.current == 1
    assert gpu.current == 0


def test_synchronize_waits_for_its_gpu(gpu):
    backends.get("cupy:1").synchronize()
    assert gpu.happened == ["synchronized 1"]


def test_an_array_is_sent_from_pinned_memory_on_a_stream_of_its_own(gpu):
    """What CuPy promises of the calls is not tested here: no GPU has run this."""
    second = backends.get("cupy:1")
    gpu.waits.clear()
    wait = second.send(np.arange(3.0), dtype="float32")
    assert gpu.waits == []
    array = wait()

    assert gpu.waits == ["for an event"]
    assert array.memory.arena not in {("null", 0), ("null", 1)}
    assert backends.of(array).spec == "cupy:1"
    assert array.dtype == np.float32
    assert second.to_numpy(array).tolist() == [0, 1, 2]
    assert gpu.current == 0


def test_devices_are_listed_with_memory_and_driver(gpu):
    listed = [str(device) for device in adapter.devices()]
    assert listed == [f"cupy:{i}: Make-believe, 8.0 GiB, CUDA 12.4" for i in (0, 1)]


def test_auto_takes_cupy_on_a_machine_with_a_gpu(gpu, monkeypatch):
    monkeypatch.delenv("BPNET_BACKEND", raising=False)
    monkeypatch.setattr(hardware, "gpus", lambda: frozenset({"cuda"}))
    assert backends.select().backend.spec == "cupy:0"
    assert backends.select(device=1).backend.spec == "cupy:1"


def test_every_name_that_the_adapter_uses_is_one_of_cupys(cupy):
    used = set()
    for node in ast.walk(ast.parse(inspect.getsource(adapter))):
        text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if re.fullmatch(r"(cupyx?|runtime)[.][.\w]+", text):
            used.add(re.sub(r"^runtime", "cupy.cuda.runtime", text))
    assert {"cupy.asarray", "cupy.cuda.Device", "cupy.cuda.runtime.getDeviceCount"} <= used
    assert "cupyx.empty_pinned" in used
    for name in used:
        value = cupy if name.startswith("cupy.") else importlib.import_module("cupyx")
        for part in name.split(".")[1:]:
            value = getattr(value, part)

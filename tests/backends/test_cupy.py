"""The CuPy adapter, on a stand-in with two GPUs that refuses what CuPy refuses.

That every function it calls is one of CuPy's is held against the installed CuPy.
"""

import ast
import importlib
import inspect
import re
import sys
import types

import numpy as np
import pytest

from bpnet import backends
from bpnet.backends import cupy as adapter
from bpnet.backends import diagnosis, hardware, libraries, registry
from bpnet.errors import BackendUnavailable
from tests.backends.test_diagnosis import PATHFINDER


class Gpu:
    """Arrays and the current device of a make-believe CuPy."""

    def __init__(self):
        self.current = [0]
        self.synchronized = []

    def module(self):
        gpu = self

        class Device:
            def __init__(self, number):
                self.id = number

            def __enter__(self):
                gpu.current.append(self.id)

            def __exit__(self, *error):
                gpu.current.pop()

            def synchronize(self):
                gpu.synchronized.append(self.id)

        class ndarray(np.ndarray):
            __module__ = "cupy"
            device = None

            def __array_finalize__(self, other):
                self.device = Device(gpu.current[-1])

            def __matmul__(self, other):
                assert self.device.id == other.device.id == gpu.current[-1]
                return np.ndarray.__matmul__(self, other).view(ndarray)

            def get(self):
                assert self.device.id == gpu.current[-1]
                return np.array(self).view(np.ndarray)

        def asarray(x, dtype=None):
            return np.array(x, dtype=dtype).view(ndarray)

        properties = {"name": b"Make-believe", "totalGlobalMem": 2**33}
        runtime = types.SimpleNamespace(
            getDeviceCount=lambda: 2,
            getDevice=lambda: gpu.current[-1],
            driverGetVersion=lambda: 12040,
            getDeviceProperties=lambda i: properties,
        )
        fake = types.ModuleType("cupy")
        fake.__version__ = "14"
        fake.cuda = types.SimpleNamespace(Device=Device, runtime=runtime)
        fake.asarray, fake.ndarray = asarray, ndarray
        fake.zeros = lambda shape, dtype, device: asarray(np.zeros(shape, dtype))
        fake.astype = lambda x, dtype: x.astype(dtype)
        fake.exp, fake.float64, fake.float32 = np.exp, np.float64, np.float32
        fake.ascontiguousarray = lambda x: asarray(np.ascontiguousarray(x))
        return fake


@pytest.fixture
def gpu(monkeypatch):
    """A machine with two GPUs."""
    gpu = Gpu()
    fake = gpu.module()
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setattr(adapter.CuPy, "xp", fake)
    monkeypatch.setattr(libraries, "installed", lambda _: True)
    registry._open.cache_clear()
    yield gpu
    registry._open.cache_clear()


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

    monkeypatch.setattr(adapter.CuPy.xp, function, fail)
    if function == "zeros":
        monkeypatch.setattr(adapter.CuPy.xp, "exp", fail)
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
    assert gpu.current == [0]


def test_a_session_makes_its_gpu_the_current_one(gpu):
    with backends.get("cupy:1").session("float32"):
        assert gpu.current[-1] == 1
    assert gpu.current[-1] == 0


def test_synchronize_waits_for_its_gpu(gpu):
    backends.get("cupy:1").synchronize()
    assert gpu.synchronized == [1]


def test_an_array_is_sent_from_pinned_memory_on_a_stream_of_its_own(gpu, monkeypatch):
    """What CuPy promises of the calls is not tested here: no GPU has run this."""
    happened = []

    class Stream:
        def __init__(self, non_blocking):
            assert non_blocking  # or it would wait for the steps

        def __enter__(self):
            happened.append("stream")
            return self

        def __exit__(self, *error):
            happened.append("out of it")

        def record(self):
            happened.append("recorded")
            return types.SimpleNamespace(synchronize=lambda: happened.append("waited"))

    def pinned(shape, dtype):
        happened.append("pinned")
        return np.empty(shape, dtype)

    def empty(shape, dtype):
        array = adapter.CuPy.xp.asarray(np.empty(shape, dtype))
        type(array).set = lambda a, x, stream: a.__setitem__(..., x)
        return array

    monkeypatch.setattr(adapter.CuPy.xp.cuda, "Stream", Stream, raising=False)
    monkeypatch.setattr(adapter.CuPy.xp, "empty", empty, raising=False)
    extra = types.SimpleNamespace(empty_pinned=pinned)
    monkeypatch.setitem(sys.modules, "cupyx", extra)
    adapter._copies.cache_clear()

    wait = backends.get("cupy:1").send(np.arange(3.0), dtype="float32")
    assert happened == ["stream", "pinned", "recorded", "out of it"]
    array = wait()

    assert happened[-1] == "waited"
    assert backends.of(array).spec == "cupy:1"
    assert array.dtype == np.float32
    assert array.tolist() == [0, 1, 2]
    adapter._copies.cache_clear()


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

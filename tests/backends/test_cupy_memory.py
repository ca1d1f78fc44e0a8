"""What CuPy leaves to its callers: streams that share memory, GPUs that share a process.

On GPUs that are not there (``tests/gpus.py``), whose streams and events keep clocks.
"""

import gc
import threading
import types
from contextlib import nullcontext

import numpy as np
import pytest

from bpnet import backends
from bpnet.backends import cupy as adapter
from bpnet.backends import diagnosis
from bpnet.backends.numpy import NumPy
from bpnet.errors import InputError, OutOfMemory
from tests.cupy_modules import installed


@pytest.fixture
def gpu():
    with installed() as gpu:
        yield gpu


@pytest.fixture
def second(gpu):
    return backends.get("cupy:1")


def test_memory_that_a_step_still_reads_is_not_used_for_the_next_copy(gpu, second):
    with second.session("float32"):
        array = second.send(np.ones((4, 3), np.float32))()
        total = array + array  # launched, and not waited for
        del array
        gc.collect()
    assert gpu.races == []
    assert second.to_numpy(total).tolist() == [[2.0] * 3] * 4


def test_the_race_would_be_seen(gpu, second, monkeypatch):
    monkeypatch.setattr(adapter.CuPy, "_lend", lambda self, a: None)
    with second.session("float32"):
        array = second.send(np.ones((4, 3), np.float32))()
        array + array
        del array
        gc.collect()
    assert gpu.races == ["freed memory is used again while a stream reads it"]


def test_pinned_memory_lives_until_it_is_copied(gpu, second):
    arrays = [second.send(np.full((2, 2), i, np.float32)) for i in range(3)]
    gc.collect()
    assert [second.to_numpy(wait())[0, 0] for wait in arrays] == [0, 1, 2]
    del arrays
    gc.collect()
    assert gpu.races == []


def test_what_is_sent_is_narrowed_on_the_host(gpu, second):
    gpu.wide.clear()
    array = second.send(np.arange(3.0), dtype="float32")()
    assert gpu.wide == []
    assert array.dtype == np.float32
    assert second.send(np.arange(3, dtype=np.uint8))().dtype == np.uint8
    assert second.send(np.arange(3, dtype=">i4"), dtype="float32")().dtype == np.float32


def test_what_has_no_room_yet_is_sent_when_it_is_asked_for(gpu, second):
    x = np.ones((100, 10), np.float32)
    gpu.limit = x.nbytes - 1
    wait = second.send(x)
    gpu.limit = None
    assert np.array_equal(second.to_numpy(wait()), x)


@pytest.mark.parametrize("shape", [(1000, 3), ()], ids=["large", "one number"])
def test_an_upload_has_arrived_before_the_host_may_write_on(gpu, second, monkeypatch, shape):
    monkeypatch.setattr(adapter, "_PINNED", 8 * 1000)
    x = np.ones(shape, np.float32)
    gpu.waits.clear()
    array = second.asarray(x)
    assert len(gpu.waits) == 1
    assert backends.of(array) == second


def test_a_data_set_does_not_go_through_the_pool_of_pinned_memory(gpu, second, monkeypatch):
    monkeypatch.setattr(adapter, "_PINNED", 8 * 1000)
    gpu.pinned = 0
    x = np.arange(9000, dtype=np.float32).reshape(3, -1)
    for given in (x, x.T, x[:, ::2]):
        array = second.asarray(given)
        assert np.array_equal(second.to_numpy(array), given)
    assert gpu.pinned <= 8 * 1000


@pytest.mark.parametrize("view", [np.s_[:], np.s_[::2], np.s_[:, ::-1], np.s_[:, 1:2]])
def test_an_array_goes_from_one_gpu_to_another_when_it_is_ready(gpu, view):
    first, other = backends.get("cupy:0"), backends.get("cupy:1")
    with first.session("float32"):
        array = first.asarray(np.arange(12, dtype=np.float32).reshape(4, 3)) + 1
        array = array[view]
    moved = other.asarray(array)
    want = (np.arange(12).reshape(4, 3) + 1)[view]
    del array
    gc.collect()
    assert backends.of(moved) == other
    assert np.array_equal(other.to_numpy(moved), want)
    assert gpu.races == []


def test_threads_have_each_their_own_gpu(gpu):
    def work(spec, actual):
        backend = backends.get(spec)
        with backend.session("float32"):
            a = backend.send(np.ones((2, 2)), "float32")()
            actual[spec] = backend.to_numpy(a @ a).sum(), backends.of(a @ a).spec

    actual = {}
    threads = [threading.Thread(target=work, args=(f"cupy:{i}", actual)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert actual == {"cupy:0": (8.0, "cupy:0"), "cupy:1": (8.0, "cupy:1")}


def test_a_name_without_a_number_means_the_gpu_that_is_current_now(gpu):
    assert backends.get("cupy").spec == "cupy:0"
    with gpu.module.cuda.Device(1):
        assert backends.get("cupy").spec == "cupy:1"
        assert backends.get("cupy:0").spec == "cupy:0"
    assert backends.get("cupy").spec == "cupy:0"


def test_dtypes_are_known_without_a_kernel(gpu, second):
    launched = gpu.launches
    assert second.dtypes() == ("float64", "float32", "float16")
    assert second.index_dtype == "int64"
    assert gpu.launches == launched
    with pytest.raises(InputError, match="cupy:1 has no bfloat16; use"):
        second.dtype("bfloat16")


def test_a_dtype_is_not_said_to_be_missing_because_memory_is():
    def zeros(shape, dtype, device):
        raise MemoryError

    full = types.ModuleType("full")
    full.float16, full.zeros = np.float16, zeros

    class Full(NumPy):
        xp = full

    backend = Full()
    with pytest.raises(MemoryError):
        backend.has("float16")
    full.zeros = lambda shape, dtype, device: None
    assert backend.has("float16")


NO_MEMORY = (
    MemoryError("Out of memory allocating 4,096 bytes (allocated so far: 0 bytes)."),
    RuntimeError("cudaErrorMemoryAllocation: out of memory"),
    RuntimeError("CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
    RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"),
    RuntimeError("hipErrorOutOfMemory: out of memory"),
    RuntimeError("HIPBLAS_STATUS_ALLOC_FAILED"),
)


@pytest.mark.parametrize("error", NO_MEMORY, ids=str)
def test_whoever_is_out_of_memory_says_so_in_one_line(second, error):
    assert second.out_of_memory(error)
    assert "out of memory" in diagnosis.diagnose_cupy(error, diagnosis.CupyFacts()).why
    with pytest.raises(OutOfMemory) as caught, second.session("float32"):
        raise error
    assert str(caught.value).startswith("the memory of cupy:1 ran out (")
    assert "use a smaller batch_size" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__.__traceback__ is None


@pytest.mark.parametrize(
    "error", [RuntimeError("CUBLAS_STATUS_INVALID_VALUE"), ValueError("cudaErrorMemoryAllocation")]
)
def test_other_errors_are_not_taken_for_it(second, error):
    assert not second.out_of_memory(error)
    with pytest.raises(type(error)) as caught, second.session("float32"):
        raise error
    assert caught.value is error


def test_the_texts_are_those_of_the_installed_cupy(cupy):
    from cupy.cuda.memory import OutOfMemoryError
    from cupy_backends.cuda.api.runtime import CUDARuntimeError

    for error in (OutOfMemoryError(4096, 0, 0), CUDARuntimeError(2)):
        assert diagnosis.cupy_out_of_memory(error)
    assert not diagnosis.cupy_out_of_memory(CUDARuntimeError(1))


def test_unused_memory_is_given_back_on_its_gpu(gpu, second):
    second.free_unused()
    assert gpu.freed == [1, "pinned"]


@pytest.mark.parametrize(("capability", "has"), [("90", True), ("80", True), ("75", False)])
def test_tf32_is_for_gpus_that_have_it(gpu, second, capability, has):
    gpu.capability = capability
    refused = pytest.raises(InputError, match=r"cupy:1 has no tf32.*8\.0.*leave precision out")
    with nullcontext() if has else refused, second.precision("tf32"):
        assert gpu.products == gpu.module._core._routines_linalg.COMPUTE_TYPE_TF32
    with second.precision(None):
        assert gpu.products == gpu.module._core._routines_linalg.COMPUTE_TYPE_DEFAULT


def test_rocm_is_not_called_cuda(gpu):
    gpu.module.cuda.runtime.is_hip = True
    gpu.module.cuda.runtime.driverGetVersion = lambda: 70051831
    assert [device.driver for device in adapter.devices()] == ["ROCm 7.0"] * 2
    with pytest.raises(InputError, match="no tf32"), backends.get("cupy:0").precision("tf32"):
        pass

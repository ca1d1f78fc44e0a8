"""CuPy's modules, on the GPUs of ``gpus.py``, put in the place of those of this machine."""

import ctypes
import importlib
import sys
import types
from contextlib import contextmanager
from importlib.machinery import ModuleSpec

import numpy as np

from tests.cupy_kernels import kernels
from tests.gpus import Array, Gpus, Pinned

ABOUT_DTYPES = {"finfo", "iinfo", "isdtype", "result_type", "can_cast", "broadcast_shapes"}

IMPORTED = (
    "array_api_compat.cupy",
    "bpnet.backends.cupy_products",
    "bpnet.backends.cupy_namespace",
)
"""Modules that hold on to CuPy: they are imported anew on this one."""


def modules(gpus):
    """Modules by their names, ``cupy`` and what is imported beside it."""
    names = ("cupy", "cupy.linalg", "cupy.fft", "cupy.cuda", "cupy.cuda.device", "cupy.cuda.memory")
    names += ("cupy._core", "cupy._core._routines_linalg", "cupyx")
    names += ("nvmath", "nvmath.bindings")
    names += ("cupy_backends", "cupy_backends.cuda", "cupy_backends.cuda.libs")
    made = {name: types.ModuleType(name) for name in names}
    for name, value in made.items():
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(made[parent], last, value)
    cupy = gpus.module = made["cupy"]
    cupy.__spec__, cupy.__version__ = ModuleSpec("cupy", None), "14.2.0"
    gpus.ndarray = cupy.ndarray = type("ndarray", (Array,), {"gpus": gpus, "__module__": "cupy"})
    _functions(gpus, cupy)
    _cuda(gpus, made)
    _transfers(gpus, made)
    cupy.ElementwiseKernel = kernels(gpus)
    made["cupy_backends.cuda.libs"].cublas = cublas(gpus)
    made["nvmath.bindings"].cublas = nvmath(gpus)
    cupy.cuda.device.get_cublas_handle = lambda: 1
    return made


def cublas(gpus):
    """The one function of cuBLAS that bpnet calls by itself, in the columns of its manual."""

    def matrix(address, kind, rows, columns, ld):
        count = (columns - 1) * ld + rows
        flat = np.ndarray(count, kind, (kind * count).from_address(address))
        return np.lib.stride_tricks.as_strided(
            flat, (rows, columns), (flat.itemsize, ld * flat.itemsize)
        )

    def gemm(handle, ta, tb, m, n, k, alpha, A, at, lda, sa, B, bt, ldb, sb, beta, C, ct, ldc, sc,
             count, compute, algo):  # fmt: skip
        if gpus.captured is not None and handle != 2:
            raise NotImplementedError("calling cuBLAS API during stream capture is not supported")
        gpus.launches += 1
        gpus.happened.append(f"gemm {compute}")
        kind = {0: ctypes.c_float, 1: ctypes.c_double}[at]
        assert at == bt == ct
        assert handle in (1, 2)
        assert (kind.from_address(alpha).value, kind.from_address(beta).value) == (1, 0)
        size = ctypes.sizeof(kind)
        for i in range(count):
            a = matrix(A + i * sa * size, kind, *((k, m) if ta else (m, k)), lda)
            b = matrix(B + i * sb * size, kind, *((n, k) if tb else (k, n)), ldb)
            c = matrix(C + i * sc * size, kind, m, n, ldc)
            c[...] = (a.T if ta else a) @ (b.T if tb else b)

    return types.SimpleNamespace(
        gemmStridedBatchedEx=gemm,
        CUBLAS_COMPUTE_32F=68,
        CUBLAS_COMPUTE_64F=70,
        CUBLAS_COMPUTE_32F_FAST_TF32=77,
        CUBLAS_GEMM_DEFAULT=-1,
    )


def nvmath(gpus):
    """nvmath's cuBLAS, which takes what CuPy's does, and lets itself be captured."""
    gemm = cublas(gpus).gemmStridedBatchedEx
    streams, rooms = {}, {}

    def captured(handle, *arguments):
        assert streams[handle] == 7, "not of the stream that is captured"
        assert rooms[handle] > 0, "memory that the graph does not own"
        kind = (ctypes.c_float, ctypes.c_double)[arguments[7]]
        factors = [kind.from_buffer_copy(kind.from_address(arguments[i])) for i in (5, 14)]
        baked = [*map(ctypes.addressof, factors)]  # a capture takes them as they are now
        arguments = (*arguments[:5], baked[0], *arguments[6:14], baked[1], *arguments[15:])
        gpus.launch("gemm", lambda keep=factors: gemm(2, *arguments))

    return types.SimpleNamespace(
        create=lambda: 1,
        set_stream=streams.__setitem__,
        set_workspace=lambda handle, at, size: rooms.__setitem__(handle, size),
        gemm_strided_batched_ex=captured,
    )


def _functions(gpus, cupy):
    for name in np.__all__:
        value = getattr(np, name)
        if isinstance(value, types.ModuleType) or hasattr(cupy, name):
            continue
        if isinstance(value, type) or not callable(value) or name in ABOUT_DTYPES:
            setattr(cupy, name, value)
        else:
            setattr(cupy, name, lambda *a, n=name, f=value, **k: gpus.launch(n, f, *a, **k))
    cupy.matmul = lambda x1, x2, /, *, out=None: (
        gpus.launch("matmul", np.matmul, x1, x2)
        if out is None
        else gpus.launch("matmul", np.matmul, x1, x2, out=out)
    )
    cupy.linalg.lstsq = cupy.linalg.vector_norm = None
    linalg = cupy._core._routines_linalg
    linalg.COMPUTE_TYPE_TF32, linalg.COMPUTE_TYPE_DEFAULT, gpus.products = 7, 1, 1
    linalg.get_compute_type = lambda kind: gpus.products
    linalg.set_compute_type = lambda kind, products: setattr(gpus, "products", products)


def _transfers(gpus, made):
    cupy = made["cupy"]

    def asarray(x, dtype=None, order=None, *, copy=None, blocking=False):
        if isinstance(x, Array) and x.device.id != gpus.devices[-1]:
            if not (x.flags.c_contiguous or x.flags.f_contiguous):
                raise NotImplementedError("CuPy cannot copy non-contiguous array between devices.")
            stream, time = gpus.tick()
            if not gpus.ordered(stream, x.memory.written):
                gpus.races.append("a copy between GPUs does not wait for what it copies")
            x.memory.readers[stream] = time
            return gpus.wrap("asarray", x.host.copy())
        if isinstance(x, Array):
            return gpus.launch("asarray", lambda a: np.array(a, dtype, copy=copy), x)
        assert not getattr(gpus.local, "busy", False), "the host sends something in a step"
        array = gpus.wrap("asarray", np.array(x, dtype))
        array.memory.written = gpus.tick()
        gpus.pinned = max(gpus.pinned, array.nbytes)
        if blocking:
            gpus.wait("for a copy from the host")
        return array

    def empty_pinned(shape, dtype):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return np.ndarray(shape, dtype, Pinned(max(size, 1)))

    cupy.asarray = asarray
    cupy.array = lambda x, dtype=None, copy=True: asarray(x, dtype, copy=copy or None)
    made["cupyx"].empty_pinned = empty_pinned


def _cuda(gpus, made):
    cupy, cuda = made["cupy"], made["cupy.cuda"]

    class Device:
        def __init__(self, number=None):
            self.id = gpus.devices[-1] if number is None else int(number)

        compute_capability = property(lambda self: gpus.capability)

        def __int__(self):
            return self.id

        def __eq__(self, other):
            return self.id == other.id

        __hash__ = None

        def __enter__(self):
            gpus.devices.append(self.id)
            return self

        def __exit__(self, *error):
            gpus.devices.pop()

        def synchronize(self):
            gpus.happened.append(f"synchronized {self.id}")
            for stream in list(gpus.clock):
                gpus.wait("for a device", stream)

    class Event:
        def __init__(self, stream):
            self.stream, self.time = stream, gpus.clock[stream]

        def synchronize(self):
            gpus.wait("for an event", self.stream, self.time)

    class Stream:
        def __init__(self, non_blocking=False, key=None):
            self.key = key or (id(self), gpus.devices[-1])
            assert key or non_blocking, "it would wait for the steps, and they for it"

        def __enter__(self):
            assert self.key[1] == gpus.devices[-1], "a stream of another GPU than the current one"
            gpus.streams.append(self.key)
            return self

        def __exit__(self, *error):
            gpus.streams.pop()

        def record(self):
            assert self.key[1] == gpus.devices[-1], "an event of another GPU than its stream"
            return Event(self.key)

        def wait_event(self, event):
            pair = self.key, event.stream
            gpus.known[pair] = max(gpus.known[pair], event.time)

        def synchronize(self):
            gpus.wait("for a stream", self.key)

        ptr = property(lambda self: 7)

        def begin_capture(self):
            assert gpus.streams[-1] == self.key != ("null", gpus.devices[-1])
            gpus.begin_capture()

        def end_capture(self):
            return gpus.end_capture()

    @contextmanager
    def using_allocator(allocator):
        gpus.allocators.append(allocator)
        yield
        gpus.allocators.pop()

    class OutOfMemoryError(MemoryError):
        def __init__(self, size, total, limit=0):
            super().__init__(
                f"Out of memory allocating {size:,} bytes (allocated so far: {total})."
            )

    def current(device=None):
        with Device(device):
            return Stream(key=gpus.streams[-1])

    def pool(where):
        return types.SimpleNamespace(free_all_blocks=lambda: gpus.freed.append(where()))

    cuda.Device = made["cupy.cuda.device"].Device = Device
    cuda.Stream, cuda.Event, cuda.get_current_stream = Stream, Event, current
    cuda.memory.OutOfMemoryError, cuda.using_allocator = OutOfMemoryError, using_allocator
    cuda.MemoryPool = lambda: types.SimpleNamespace(malloc=None)
    cuda.alloc = lambda size: types.SimpleNamespace(ptr=1)
    properties = {"name": b"Make-believe", "totalGlobalMem": 2**33}
    cuda.runtime = types.SimpleNamespace(
        getDeviceCount=lambda: gpus.count,
        getDevice=lambda: gpus.devices[-1],
        driverGetVersion=lambda: 12040,
        getDeviceProperties=lambda i: properties,
        is_hip=False,
        CUDA_R_32F=0,
        CUDA_R_64F=1,
    )
    cupy.get_default_memory_pool = lambda: pool(lambda: gpus.devices[-1])
    cupy.get_default_pinned_memory_pool = lambda: pool(lambda: "pinned")


@contextmanager
def installed(count=2):
    """Have so many GPUs, and a CuPy for them; a scan of its backend must not wait.

    But for the comparison of what was recorded with the steps as they are, once for a recording.
    """
    from bpnet.backends import cupy as adapter
    from bpnet.backends import registry
    from bpnet.backends.trace import on_cupy, replay

    gpus = Gpus(count)
    caches = registry._open, adapter._copies, on_cupy.compiled
    usual, verified = adapter.CuPy.scan, replay._verified

    def scan(self, *arguments):
        with gpus.step():
            return usual(self, *arguments)

    def compared(*arguments):
        with gpus.step(busy=False):
            return verified(*arguments)

    kept = {n: sys.modules.pop(n) for n in list(sys.modules) if _replaced(n)}
    sys.modules.update(modules(gpus))
    adapter.CuPy.scan, replay._verified = scan, compared
    replay._functions.clear()
    try:
        for cache in caches:
            cache.cache_clear()
        for name in IMPORTED:
            importlib.import_module(name)
        yield gpus
    finally:
        adapter.CuPy.scan, replay._verified = usual, verified
        replay._functions.clear()
        for cache in caches:
            cache.cache_clear()
        for name in filter(_replaced, list(sys.modules)):
            del sys.modules[name]
        sys.modules.update(kept)
        for name in IMPORTED:
            parent, _, last = name.rpartition(".")
            delattr(sys.modules[parent], last)
            if name in kept:
                setattr(sys.modules[parent], last, kept[name])


def _replaced(name):
    return name.split(".")[0] in {"cupy", "cupyx", "cupy_backends", "nvmath"} or name.startswith(
        IMPORTED
    )

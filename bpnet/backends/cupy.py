"""CuPy, on GPUs of NVIDIA, and on those of AMD as far as CuPy supports them."""

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, ClassVar

from bpnet._typing import Array
from bpnet.backends import diagnosis, hardware
from bpnet.backends.base import Backend, DeviceInfo
from bpnet.backends.dtypes import check_precision
from bpnet.backends.specs import split_device
from bpnet.backends.trace.on_cupy import OnCuPy
from bpnet.backends.trace.replay import Replaying
from bpnet.errors import BackendUnavailable, InputError, OutOfMemory, one_line

_PINNED = 1 << 26
"""Bytes of the largest array that is copied to the GPU through pinned memory."""


@dataclass(frozen=True)
class CuPy(Replaying):
    """CuPy on one GPU; ``device`` is its number."""

    name: str = "cupy"
    namespace: ClassVar[str] = "bpnet.backends.cupy_namespace"
    device: int = 0

    @property
    def library(self) -> OnCuPy:
        """How CuPy replays recorded calls."""
        import cupy

        return OnCuPy(self.xp, cupy.ndarray)

    def compiling(self, requested: bool | None, steps: int = 0) -> Backend:
        """Return the backend with steps that are recorded, compiled and replayed, or not."""
        return replace(self, replays=requested is not False)

    def synchronize(self) -> None:
        """Wait for all streams of the GPU."""
        import cupy

        cupy.cuda.Device(self.device).synchronize()

    def current(self) -> "CuPy":
        """Return CuPy on this thread's current GPU."""
        import cupy

        return CuPy(device=cupy.cuda.runtime.getDevice())

    def has(self, dtype: str) -> bool:
        """Whether CuPy has a dtype: each of its own works on every GPU."""
        return hasattr(self.xp, dtype)

    @contextmanager
    def session(self, dtype: str) -> Iterator[None]:
        """Context manager with this GPU as this thread's current one, where CuPy launches kernels.

        An error for lack of memory that nothing within handles becomes an OutOfMemory.
        """
        with self._current():
            try:
                yield
            except Exception as error:
                if isinstance(error, OutOfMemory) or not self.out_of_memory(error):
                    raise
                text = one_line(error).rstrip(".")
                msg = f"the memory of {self.spec} ran out ({text}); use a smaller batch_size or "
                msg = f"{msg}network, or end what else holds it: nvidia-smi lists that"
                # a traceback would keep the arrays alive that filled the memory
                raise OutOfMemory(msg) from error.with_traceback(None)

    @contextmanager
    def precision(self, requested: str | None) -> Iterator[None]:
        """Context manager within a session with exact products, or TF32."""
        import numpy as np
        from cupy._core import _routines_linalg as products

        check_precision(requested)
        if requested and not self._has_tf32():
            msg = f"{self.spec} has no {requested}, only NVIDIA GPUs from compute capability 8.0 do"
            raise InputError(f"{msg}; leave precision out")
        kind = np.dtype(np.float32)
        before = products.get_compute_type(kind)
        tf32, exact = products.COMPUTE_TYPE_TF32, products.COMPUTE_TYPE_DEFAULT
        products.set_compute_type(kind, tf32 if requested else exact)
        try:
            yield
        finally:
            products.set_compute_type(kind, before)

    def _has_tf32(self) -> bool:
        import cupy

        capability = cupy.cuda.Device(self.device).compute_capability
        # TF32 came with Ampere, compute capability 8.0
        return not cupy.cuda.runtime.is_hip and int(capability) >= 80

    def out_of_memory(self, error: BaseException) -> bool:
        """Whether an error of CuPy's pool, CUDA, the driver or cuBLAS means that memory ran out."""
        return diagnosis.cupy_out_of_memory(error)

    def free_unused(self) -> None:
        """Empty CuPy's pools, for cuBLAS, kernels and other programs, which do not use them."""
        import cupy

        gc.collect()  # a stack of networks and its networks refer to each other
        with self._current():
            cupy.get_default_memory_pool().free_all_blocks()
        cupy.get_default_pinned_memory_pool().free_all_blocks()

    def _current(self) -> AbstractContextManager[Any]:
        import cupy

        device: AbstractContextManager[Any] = cupy.cuda.Device(self.device)
        return device

    def verify(self) -> None:
        """Run a product, an elementwise kernel and a copy back, on this GPU."""
        with self._current():
            super().verify()

    def send(self, x: Any, dtype: str | None = None) -> Callable[[], Array]:
        """Start to copy an array to the GPU, from pinned memory and on another stream.

        Where there is no memory for it yet, the array is copied when it is waited for: by then the
        previous arrays may have been freed.
        """
        target = dtype or self._sibling(x.dtype.name)
        kind = self.dtype(target)
        try:
            with self._current():
                host, a, arrived = self._begin(x, self._staged(x.dtype, target), kind)
        except Exception as error:
            if not self.out_of_memory(error):
                raise
            return partial(self.asarray, x, dtype)

        def wait(pinned: Any = host) -> Array:  # the pinned memory must live until it is copied
            arrived.synchronize()
            self._lend(a)
            return a

        return wait

    def _begin(self, x: Any, staged: Any, kind: Any) -> tuple[Any, Array, Any]:
        """Start a copy; return the pinned memory, the array on the GPU, the event at its end."""
        import cupy
        import cupyx

        with _copies(self.device) as stream:
            host = cupyx.empty_pinned(x.shape, staged)
            host[...] = x
            a = cupy.empty(x.shape, staged)
            a.set(host, stream=stream)
            # the host sends the narrower dtype, and the GPU widens it
            return host, a.astype(kind, copy=False), stream.record()

    def _lend(self, a: Array) -> None:
        """Make the stream of copies wait for the readers of an array when that is freed.

        CuPy's pool gives freed memory to the next array of the stream that it was allocated on,
        while another stream may still read it.
        """
        import cupy

        copies, reading = _copies(self.device), cupy.cuda.get_current_stream(self.device)

        def free() -> None:
            with self._current():
                copies.wait_event(reading.record())

        # at exit no other array takes the memory
        weakref.finalize(a, free).atexit = False

    def _from_host(self, x: Any, *, copy: bool) -> Array:
        """Array on this GPU, copied in full, so that the host may write to its own at once.

        Small arrays go through CuPy's pinned memory. Its pool would keep as much as the largest one
        for good, rounded up to a power of two, so the driver copies large ones, such as a data set.
        """
        import cupy

        with self._current():
            if x.nbytes <= _PINNED:
                return cupy.asarray(x, blocking=True)
            a = cupy.empty(x.shape, x.dtype)
            a.set(x)
            cupy.cuda.get_current_stream().synchronize()
            return a

    def _download(self, a: Array) -> Any:
        with a.device:
            return a.get()

    def _move(self, a: Array) -> Array:
        import cupy

        with a.device:
            a = cupy.ascontiguousarray(a)  # CuPy copies only such arrays from GPU to GPU
            cupy.cuda.get_current_stream().synchronize()  # CuPy's copy does not wait for this one
        with self._current():
            moved = cupy.asarray(a)
            cupy.cuda.get_current_stream().synchronize()  # the source may be freed after this
            return moved

    def _from_dlpack(self, x: Array) -> Array:
        import cupy

        with self._current():
            return cupy.from_dlpack(x)

    def _exportable(self, a: Array) -> Array:
        import cupy

        # a negative stride makes PyTorch end the process
        with a.device:
            return cupy.ascontiguousarray(a) if min(a.strides, default=0) < 0 else a

    def _cast(self, a: Array, dtype: str) -> Array:
        with self._current():
            return super()._cast(a, dtype)

    def _duplicate(self, a: Array) -> Array:
        with self._current():
            return a.copy()


def open_backend(device: str | None) -> CuPy:
    """Backend on a GPU, ``"1"`` or ``"cuda:1"``; None is CuPy's current one."""
    kind, index = split_device(device)
    if kind not in {None, "cuda", "gpu"}:
        msg = f"cupy has no device {device!r}, only GPUs by number; name it 'cupy:0'"
        raise InputError(msg)
    import cupy

    count = cupy.cuda.runtime.getDeviceCount()  # diagnosis reads what this raises
    if index is None:
        index = cupy.cuda.runtime.getDevice()
    if index >= count:
        spec, why = f"cupy:{index}", f"there is no GPU {index} among the {count} here"
        raise BackendUnavailable(spec, why, "use 'cupy:0'")
    return CuPy(device=index)


@lru_cache
def _copies(device: int) -> Any:
    """Stream for copies; memory that was allocated on it is reused on it alone."""
    import cupy

    return cupy.cuda.Stream(non_blocking=True)


def holding(array: Array) -> CuPy:
    """Backend of an array."""
    return CuPy(device=int(array.device.id))


def devices() -> list[DeviceInfo]:
    """All GPUs that CuPy sees."""
    import cupy

    runtime = cupy.cuda.runtime
    version = runtime.driverGetVersion()
    driver = hardware.rocm(version) if runtime.is_hip else hardware.cuda(version)
    infos = []
    for i in range(runtime.getDeviceCount()):
        properties = runtime.getDeviceProperties(i)
        name, memory = properties["name"].decode(), int(properties["totalGlobalMem"])
        infos.append(DeviceInfo(f"cupy:{i}", name, memory, driver))
    return infos

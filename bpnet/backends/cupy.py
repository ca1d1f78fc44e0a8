"""CuPy, on NVIDIA GPUs."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bpnet._typing import Array, Namespace
from bpnet.backends import hardware
from bpnet.backends.base import Backend, DeviceInfo
from bpnet.backends.dtypes import check_precision
from bpnet.backends.specs import split_device
from bpnet.errors import BackendUnavailable, InputError


@dataclass(frozen=True)
class CuPy(Backend):
    """CuPy on one GPU; ``device`` is its number."""

    name: str = "cupy"
    device: int = 0

    @property
    def xp(self) -> Namespace:
        """``array_api_compat.cupy``."""
        import array_api_compat.cupy as xp

        return xp

    @property
    def version(self) -> str:
        """Version of CuPy."""
        import cupy

        return str(cupy.__version__)

    def synchronize(self) -> None:
        """Wait for all streams of the GPU."""
        import cupy

        cupy.cuda.Device(self.device).synchronize()

    def session(self, dtype: str) -> AbstractContextManager[Any]:
        """With this GPU as the current one: CuPy launches every kernel there."""
        return self._current()

    @contextmanager
    def precision(self, asked: str | None) -> Iterator[None]:
        """Context manager within a session: exact products, or TF32."""
        import numpy as np
        from cupy._core import _routines_linalg as products

        check_precision(asked)
        kind = np.dtype(np.float32)
        before = products.get_compute_type(kind)
        tf32, exact = products.COMPUTE_TYPE_TF32, products.COMPUTE_TYPE_DEFAULT
        products.set_compute_type(kind, tf32 if asked else exact)
        try:
            yield
        finally:
            products.set_compute_type(kind, before)

    def _current(self) -> AbstractContextManager[Any]:
        import cupy

        device: AbstractContextManager[Any] = cupy.cuda.Device(self.device)
        return device

    def verify(self) -> None:
        """Run a product, an elementwise kernel and a copy back, on this GPU."""
        with self._current():
            super().verify()

    def send(self, x: Any, dtype: str | None = None) -> Callable[[], Array]:
        """Begin to bring an array to the GPU, from pinned memory and on a stream of its own."""
        import cupy
        import cupyx

        wanted = self.dtype(dtype or self._sibling(x.dtype.name))
        with self._current(), _copies(self.device) as stream:
            host = cupyx.empty_pinned(x.shape, x.dtype)
            host[...] = x
            a = cupy.empty(x.shape, x.dtype)
            a.set(host, stream=stream)
            a = a.astype(wanted, copy=False)
            arrived = stream.record()

        def wait(pinned: Any = host) -> Array:  # which must live until it is copied
            arrived.synchronize()
            return a

        return wait

    def _from_host(self, x: Any, *, copy: bool) -> Array:
        import cupy

        with self._current():
            return cupy.asarray(x)

    def _download(self, a: Array) -> Any:
        with a.device:
            return a.get()

    def _move(self, a: Array) -> Array:
        import cupy

        with self._current():
            return cupy.asarray(a)

    def _from_dlpack(self, x: Array) -> Array:
        import cupy

        with self._current():
            return cupy.from_dlpack(x)

    def _exportable(self, a: Array) -> Array:
        import cupy

        # PyTorch ends the process when it meets a negative stride
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

    count = cupy.cuda.runtime.getDeviceCount()  # raises what diagnosis.cupy reads
    if index is None:
        index = cupy.cuda.runtime.getDevice()
    if index >= count:
        spec, why = f"cupy:{index}", f"there is no GPU {index} among the {count} here"
        raise BackendUnavailable(spec, why, "use 'cupy:0'")
    return CuPy(device=index)


@lru_cache
def _copies(device: int) -> Any:
    """Stream for copies; memory that it takes is used again on it only."""
    import cupy

    return cupy.cuda.Stream(non_blocking=True)


def holding(array: Array) -> CuPy:
    """Backend of an array."""
    return CuPy(device=int(array.device.id))


def devices() -> list[DeviceInfo]:
    """All GPUs that CuPy sees."""
    import cupy

    runtime = cupy.cuda.runtime
    driver = hardware.CudaDriver(runtime.driverGetVersion())
    found = []
    for i in range(runtime.getDeviceCount()):
        properties = runtime.getDeviceProperties(i)
        found.append(
            DeviceInfo(
                f"cupy:{i}",
                properties["name"].decode(),
                int(properties["totalGlobalMem"]),
                f"CUDA {driver.serves()}",
            )
        )
    return found

"""NumPy, on the CPU."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from bpnet._typing import Array
from bpnet.backends import hardware, loop, threads
from bpnet.backends.base import Backend, DeviceInfo
from bpnet.backends.trace.on_numpy import OnNumPy
from bpnet.backends.trace.replay import Replaying
from bpnet.errors import InputError

_LIBRARY = OnNumPy()
_LARGEST = 32 * 2**20 - 2**16
"""Just under the largest block that glibc's allocator learns from."""


@dataclass(frozen=True)
class NumPy(Replaying):
    """NumPy, the host's own library."""

    name: str = "numpy"
    namespace: ClassVar[str] = "bpnet.backends.numpy_namespace"
    packs: ClassVar[int] = 1 << 15  # beyond, a call costs less than to copy the gradient
    slow_subnormals: ClassVar[bool] = True
    together: ClassVar[int] = 256  # what stays in the processor's cache

    def session(self, dtype: str) -> AbstractContextManager[Any]:
        """Without NumPy's warnings.

        Other libraries have none; training looks for a cost that is not finite by itself.
        """
        keep_freed()
        return np.errstate(all="ignore")

    def threads(self, asked: int | None, work: int) -> AbstractContextManager[int | None]:
        """Context manager around a run: threads of the BLAS, by a rule unless asked for."""
        return threads.limited(asked, work)

    def compiling(self, asked: bool | None, steps: int = 0) -> Backend:
        """Return the backend; if asked not to compile, one that calls every step itself."""
        backend = super().compiling(asked, steps)
        return backend if asked is None else replace(self, replays=False)

    @property
    def library(self) -> OnNumPy:
        """How NumPy does recorded calls."""
        return _LIBRARY

    def _rows(self, numbers: tuple[Any, ...], carry: Any) -> Iterable[tuple[Any, ...]]:
        # an array times a 0-d array takes a third of the time of one times a number of Python
        return zip(*(map(loop.apart, n) for n in self._narrow(numbers, carry)), strict=True)

    def _narrow(self, numbers: tuple[Any, ...], carry: Any) -> tuple[Any, ...]:
        """Numbers of a scan, the real ones in the dtype of what it carries."""
        real = loop.real(carry)
        return tuple(n.astype(real) if n.dtype.kind == "f" else n for n in numbers)

    def _from_host(self, x: Any, *, copy: bool) -> Array:
        return x.copy() if copy else x

    def _download(self, a: Array) -> Any:
        return np.array(a)


def keep_freed() -> None:
    """Teach the C library's allocator that large blocks come and go.

    glibc gives a freed block back to the system if it is above a size that starts at 128 KiB and
    grows to that of the largest block freed so far, and the top of its heap above twice that. Each
    array of a step is then paid for again in page faults: 30 to 45 % of a step of 784-512-512-10
    at batch 128. One block, never touched, is enough; other allocators do not mind.
    """
    np.empty(_LARGEST, dtype=np.uint8)


def open_backend(device: str | None) -> NumPy:
    """Backend on a device; there is only ``"cpu"``."""
    if device not in {None, "cpu", "cpu:0"}:
        msg = f"numpy has no device {device!r}, only 'cpu'; leave the device out"
        raise InputError(msg)
    return NumPy()


def holding(array: Array) -> NumPy:
    """Backend of an array."""
    return NumPy()


def devices() -> list[DeviceInfo]:
    """The one device."""
    return [hardware.host("numpy")]

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
    rows_per_load: ClassVar[int] = 256  # these stay in the processor's cache

    def session(self, dtype: str) -> AbstractContextManager[Any]:
        """Without NumPy's warnings.

        Other libraries have none; training looks for a cost that is not finite by itself.
        """
        keep_freed()
        return np.errstate(all="ignore")

    def threads(self, requested: int | None, work: int) -> AbstractContextManager[int | None]:
        """Context manager with the BLAS's threads for a run, by a rule unless requested."""
        return threads.limited(requested, work)

    def compiling(self, requested: bool | None, steps: int = 0) -> Backend:
        """Return the backend; on False, one that calls every step without a recording."""
        backend = super().compiling(requested, steps)
        # True was refused above, so that what remains is False
        return backend if requested is None else replace(self, replays=False)

    @property
    def library(self) -> OnNumPy:
        """How NumPy replays recorded calls."""
        return _LIBRARY

    def _rows(self, numbers: tuple[Any, ...], carry: Any) -> Iterable[tuple[Any, ...]]:
        # an array times a 0-d array takes a third of the time of one times a number of Python
        return zip(*(map(loop.elements, n) for n in self._narrow(numbers, carry)), strict=True)

    def _narrow(self, numbers: tuple[Any, ...], carry: Any) -> tuple[Any, ...]:
        """Numbers of a scan, the real ones in the dtype of the carry."""
        real = loop.real(carry)
        return tuple(n.astype(real) if n.dtype.kind == "f" else n for n in numbers)

    def _from_host(self, x: Any, *, copy: bool) -> Array:
        return x.copy() if copy else x

    def _download(self, a: Array) -> Any:
        return np.array(a)


def keep_freed() -> None:
    """Make the C library's allocator keep large blocks that are freed.

    glibc returns a freed block to the system if it is larger than a threshold, which starts at
    128 KiB and grows to the largest block freed so far. Every step would then pay for its arrays in
    page faults again: 30 to 45 % of a step of 784-512-512-10 at batch 128. To free one large block,
    never touched, raises the threshold; other allocators are not affected.
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

"""array_api_strict, the standard's own test library, with its simulated devices."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from bpnet._typing import Array
from bpnet.backends import hardware
from bpnet.backends.base import Backend, DeviceInfo
from bpnet.backends.specs import device_text
from bpnet.errors import InputError


@dataclass(frozen=True)
class Strict(Backend):
    """array_api_strict on one simulated device; ``device`` is its ``Device``."""

    name: str = "array_api_strict"
    namespace: ClassVar[str] = "array_api_strict"

    @property
    def spec(self) -> str:
        """Name and device, such as ``"array_api_strict:no_float64"``."""
        # a device shows its name in its repr alone, Device('no_float64')
        names = {str(device_text(d)): repr(d).split("'")[1] for d in _all()}
        return f"array_api_strict:{names[str(device_text(self.device))]}"

    def session(self, dtype: str) -> AbstractContextManager[Any]:
        """Return a context manager without the warnings of the NumPy underneath."""
        return np.errstate(all="ignore")

    def _from_host(self, x: Any, *, copy: bool) -> Array:
        # False would forbid a copy, None allows it
        return self.xp.asarray(x, device=self.device, copy=copy or None)

    def _from_dlpack(self, x: Array) -> Array:
        return self.xp.from_dlpack(x, device=self.device)

    def _download(self, a: Array) -> Any:
        # NumPy can read arrays of the first device alone
        return np.array(a.to_device(_all()[0]))

    def _move(self, a: Array) -> Array:
        return a.to_device(self.device)

    def _exportable(self, a: Array) -> Array:
        return a.to_device(_all()[0])


def _all() -> list[Any]:
    import array_api_strict

    return list(array_api_strict.__array_namespace_info__().devices())


def open_backend(device: str | None) -> Strict:
    """Backend on ``"CPU_DEVICE"`` (None), ``"device1"``, ``"no_float64"`` ..."""
    by_name = {str(device_text(d)): d for d in _all()}
    name = "cpu_device" if device in {None, "cpu"} else device
    if name not in by_name:
        names = ", ".join(repr(d).split("'")[1] for d in by_name.values())
        msg = f"array_api_strict has no device {device!r}; choose one of {names}"
        raise InputError(msg)
    return Strict(device=by_name[name])


def holding(array: Array) -> Strict:
    """Backend of an array."""
    return Strict(device=array.device)


def devices() -> list[DeviceInfo]:
    """The simulated devices."""
    specs = [Strict(device=d).spec for d in _all()]
    return [replace(hardware.host(spec), name="simulated device") for spec in specs]

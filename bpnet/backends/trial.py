"""One backend tried out in this process, and what came of it."""

import sys
import traceback
from dataclasses import asdict, dataclass, replace
from typing import Any

from bpnet.backends import diagnosis, libraries, registry
from bpnet.backends.base import DeviceInfo
from bpnet.errors import BackendUnavailable


@dataclass(frozen=True)
class BackendStatus:
    """What one backend can do here.

    Parameters
    ----------
    name : str
        The library.
    usable : bool
        Whether a small computation came out right.
    version : str or None
        Its version, if it could be imported.
    devices : tuple of DeviceInfo
        Devices that it sees.
    dtypes : tuple of str
        Floating dtypes of its default device.
    why, cure : str or None
        Cause and cure if it is not usable; of a usable one, something to know.
    """

    name: str
    usable: bool
    version: str | None = None
    devices: tuple[DeviceInfo, ...] = ()
    dtypes: tuple[str, ...] = ()
    why: str | None = None
    cure: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "BackendStatus":
        """The reverse of :meth:`as_dict`."""
        devices = tuple(DeviceInfo(**device) for device in data["devices"])
        return cls(**{**data, "devices": devices, "dtypes": tuple(data["dtypes"])})


def try_out(name: str) -> BackendStatus:
    """Import a library, use it and list its devices, in this process."""
    try:
        backend = registry.get(name)
    except BackendUnavailable as error:
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        version = getattr(sys.modules.get(name), "__version__", None)
        return BackendStatus(name, False, version, why=error.why, cure=error.cure)
    devices = tuple(libraries.adapter(name).devices())
    status = BackendStatus(name, True, backend.version, devices, backend.dtypes())
    caution = diagnosis.two_wheels(diagnosis.CupyFacts.gather()) if name == "cupy" else None
    return replace(status, why=caution.why, cure=caution.cure) if caution else status

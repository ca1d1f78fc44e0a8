"""Array libraries by name: one file each, imported on use.

A backend is a library on a device. :func:`get` gives the one that is named or says why not and
what mends it; :func:`select` chooses; :func:`to_device` and :func:`to_numpy` move arrays. No
backend contains network math: that is in :mod:`bpnet.core`, for all of them.
"""

from bpnet.backends.base import Backend, DeviceInfo
from bpnet.backends.registry import get, names, of, require_one
from bpnet.backends.selection import Selection, select
from bpnet.backends.survey import BackendStatus, available, status
from bpnet.backends.transfer import to_device, to_numpy
from bpnet.public import listing

__all__ = [
    "Backend",
    "BackendStatus",
    "DeviceInfo",
    "Selection",
    "available",
    "get",
    "names",
    "of",
    "require_one",
    "select",
    "status",
    "to_device",
    "to_numpy",
]

__dir__ = listing(__all__)

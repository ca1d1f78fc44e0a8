"""Routes between the host and a library that bpnet does not know, one pair for each dtype.

The standard defines what an array computes, and little of how numbers get into it and out again:
the ``asarray`` of some libraries takes nested lists only, and NumPy makes one object of the arrays
of others. So sample numbers are sent and fetched by every route, the cheapest first, and the first
pair of routes that returns them unchanged is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps as wrapping
from typing import Any, TypeVar, cast

import numpy as np

from bpnet._typing import Array, Namespace
from bpnet.backends.dtypes import DTYPES, INTEGERS, dtype_name

Upload = Callable[[Namespace, Any], Array]
Download = Callable[[Array], Any]


@dataclass(frozen=True)
class Routes:
    """Functions that copy arrays of one dtype to the library and back."""

    upload: Upload  # from the namespace and a NumPy array, whose memory may be shared
    download: Download  # NumPy array that owns its memory
    imports: bool  # whether from_dlpack takes another library's array as it is

    @property
    def exports(self) -> bool:
        """Whether arrays go out through DLPack as they are."""
        return self.download is _take_dlpack


_F = TypeVar("_F", bound=Callable[..., Any])


def remembered(function: _F) -> _F:
    """Cache the results of a function by the module, which may have no hash."""
    known: dict[Any, Any] = {}

    @wrapping(function)
    def lookup(module: Namespace, *others: Any) -> Any:
        key = (id(module), *others)
        if key not in known:
            known[key] = module, function(module, *others)  # the reference keeps the id unique
        return known[key][1]

    return cast(_F, lookup)


@remembered
def find(module: Namespace, dtype: str) -> Routes | None:
    """Routes of a dtype; None where the library lacks it, or its numbers come back changed."""
    if getattr(module, dtype, None) is None:
        return None
    if dtype == "bfloat16":  # NumPy has no bfloat16
        return _by_float32(module)
    samples = _samples(dtype)
    for upload in _UPLOADS:
        sent = _sent(module, samples, upload)
        for download in _DOWNLOADS if sent else ():
            if _returned(sent, samples, download):
                # another library's arrays come by DLPack, whichever route NumPy's take
                imported = _sent(module, samples, _send_dlpack)
                return Routes(upload, download, _returned(imported, samples, download))
    return None


def arrived(a: Array, x: Array) -> bool:
    """Whether an array has the shape and the dtype of the one that it was made of."""
    return tuple(a.shape) == tuple(x.shape) and dtype_name(a) == dtype_name(x)


@remembered
def wraps(module: Namespace) -> bool:
    """Whether int32 overflows modulo 2^32, as the random bits of a step need it."""
    routes = find(module, "int32")
    words = np.asarray([2**31 - 1, -(2**31), 0x12345678], np.int32)

    def overflow(a: Any) -> Any:
        a = a + a
        a <<= 5
        return a

    if routes is None:
        return False
    with np.errstate(all="ignore"):
        result = _attempt(lambda: routes.download(overflow(routes.upload(module, words.copy()))))
        return _equal(result, overflow(words))


def _by_float32(module: Namespace) -> Routes | None:
    routes = find(module, "float32")
    x = np.asarray([[0.5, -1.25, 384.0]], np.float32)  # bfloat16 holds these exactly
    if routes is None:
        return None

    def round_trip() -> Any:
        a = module.astype(routes.upload(module, x), module.bfloat16)
        is_narrow = dtype_name(a) == "bfloat16"
        return routes.download(module.astype(a, module.float32)) if is_narrow else None

    return routes if _equal(_attempt(round_trip), x) else None


def _samples(dtype: str) -> list[Any]:
    """Arrays of every layout, with numbers that a dtype must hold exactly."""
    numbers: Any
    if dtype == "bool":
        numbers = [True, False, False, True, True, False]
    elif dtype in INTEGERS:
        least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
        # a third of the largest has alternate bits, so that a lost one shows
        numbers = [least, most, most - 1, 0, 1, most // 3]
    else:
        # a third needs all bits of a mantissa, so that a detour by a narrower dtype shows
        numbers = [0.5, -1.25, np.inf, np.nan, 1 / 3, 6.0]
    x = np.asarray(numbers, dtype).reshape(2, 3)
    return [x, x.T, x[:, ::-1], x[:0], x[1, 2, ...], x[:1, :, None]]


def _sent(module: Namespace, samples: list[Any], upload: Upload) -> list[Array]:
    """Arrays of the library; an empty list where one of them changes on the way."""

    def send() -> list[Array]:
        sent = [upload(module, x) for x in samples]
        return sent if all(map(arrived, sent, samples)) else []

    return _attempt(send) or []


def _returned(sent: list[Array], samples: list[Any], download: Download) -> bool:
    back = _attempt(lambda: [download(a) for a in sent])
    return bool(back) and all(map(_equal, back, samples))


def _equal(actual: Any, expected: Any) -> bool:
    if not isinstance(actual, np.ndarray) or actual.dtype != expected.dtype:
        return False
    return np.array_equal(actual, expected, equal_nan=expected.dtype.kind in "fc")


def _attempt(function: Callable[[], Any]) -> Any:
    """Result of a function; None where an unknown library raises anything."""
    try:
        return function()
    except Exception:
        return None


# To the library.


def _send_whole(module: Namespace, x: Any) -> Array:
    return module.asarray(x, dtype=getattr(module, x.dtype.name))


def _send_dlpack(module: Namespace, x: Any) -> Array:
    # some libraries take no gaps or negative strides; ascontiguousarray adds an axis to 0-d
    return module.from_dlpack(np.ascontiguousarray(x).reshape(x.shape))


def _send_lists(module: Namespace, x: Any) -> Array:
    dtype = getattr(module, x.dtype.name)
    if not x.size:  # lists of nothing have no shape
        return module.zeros(x.shape, dtype=dtype)
    return module.asarray(x.tolist(), dtype=dtype)


def _send_elements(module: Namespace, x: Any) -> Array:
    dtype = getattr(module, x.dtype.name)
    if not x.size:
        return module.zeros(x.shape, dtype=dtype)
    parts = [module.full((), number, dtype=dtype) for number in x.ravel().tolist()]
    return module.reshape(module.stack(parts), x.shape)


_UPLOADS: tuple[Upload, ...] = (_send_whole, _send_dlpack, _send_lists, _send_elements)


# Back from it.


def _take_dlpack(a: Array) -> Any:
    # a sum over all axes may be a scalar of NumPy's, which does not export itself
    return np.array(a if isinstance(a, np.generic) else np.from_dlpack(a))


def _take_whole(a: Array) -> Any:
    return _native(np.array(a))  # by the buffer protocol or __array__


def _take_list(a: Array) -> Any:
    return np.asarray(a.tolist(), _host_dtype(a)).reshape(tuple(a.shape))


def _take_elements(a: Array) -> Any:
    host = np.empty(tuple(a.shape), _host_dtype(a))
    kind = {"b": bool, "f": float, "c": complex}.get(host.dtype.kind, int)
    for index in np.ndindex(host.shape):
        host[index] = kind(a[index])
    return host


_DOWNLOADS: tuple[Download, ...] = (_take_dlpack, _take_whole, _take_list, _take_elements)


def _host_dtype(a: Array) -> Any:
    name = dtype_name(a)
    # an unknown dtype fails the comparison with the samples, and raises nothing
    return np.dtype(name) if name in DTYPES else np.dtype(object)


def _native(a: Any) -> Any:
    return a if a.dtype.isnative else a.astype(a.dtype.newbyteorder("="))

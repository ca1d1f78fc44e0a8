"""CuPy's functions under the names of the standard, without any that makes the host wait.

array_api_compat writes ``clip`` and ``sign`` with boolean masks, for libraries whose own functions
differ from the standard's. On a GPU the host must then wait for the number of elements in each
mask, up to four times in each ``clip``. CuPy's own functions do what the standard says, nan
included, in one kernel.
"""

from typing import Any

import array_api_compat.cupy as _compat
import cupy

from bpnet._typing import Array
from bpnet.backends import cupy_products

# attributes of the module: a look-up through __getattr__ would cost time in every call
globals().update({name: getattr(_compat, name) for name in dir(_compat) if name[0] != "_"})

sign = cupy.sign


def __getattr__(name: str) -> Any:
    return getattr(_compat, name)


def matmul(x: Array, y: Array, /, out: Array | None = None) -> Any:
    """Matrix product; of sets of networks by one call, without copies."""
    alone = x.ndim != 3 and y.ndim != 3 and not cupy_products.is_captured()
    product = None if alone else cupy_products.batched(x, y, out)
    # CuPy's fast path for small products takes ``out`` by its name only
    return cupy.matmul(x, y, out=out) if product is None else product


def clip(x: Array, /, min: Any = None, max: Any = None) -> Any:  # noqa: A002
    """Numbers clipped to bounds."""
    return x.clip(min, max)

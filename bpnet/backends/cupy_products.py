"""Products of stacks of matrices by cuBLAS, without copies.

``cupy.matmul`` copies every transposed operand of a stack, in each step two for a layer; it makes a
list of addresses where all members share an operand, and has no TF32 for stacks. cuBLAS needs none
of this: it takes an operand as it is or transposed, with any stride from one matrix to the next, 0
for a shared one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cupy
import numpy as np
from cupy._core import _routines_linalg as products

from bpnet._typing import Array

_CAPTURING: list[tuple[Any, Any]] = []
"""cuBLAS's handle and function of each capture in progress, the innermost last."""

_WORKSPACE = 1 << 22
"""Bytes of cuBLAS's workspace while a graph is captured: it would allocate another one."""

_KINDS = {"f": "32F", "d": "64F"}


def batched(x: Array, y: Array, out: Array | None = None) -> Array | None:
    """Product of two stacks, or of a stack and a shared matrix; None where CuPy must do it.

    The stacks are (members, m, k) and (members, k, n), of float32 or float64, in C order or
    transposed from it; the product is written to ``out`` if it is given.
    """
    layouts = _layout(y), _layout(x)  # cuBLAS is column-major: it computes C^T = y^T x^T
    members = {a.shape[0] for a in (x, y) if a.ndim == 3}
    fits = x.dtype == y.dtype and x.shape[-1] == y.shape[-2] and len(members) <= 1
    if not fits or None in layouts or x.dtype.char not in _KINDS or cupy.cuda.runtime.is_hip:
        return None
    from cupy_backends.cuda.libs import cublas

    m, k, n = x.shape[-2], x.shape[-1], y.shape[-1]
    if out is None:
        out = cupy.empty((*members, m, n), x.dtype)
    handle, gemm = _CAPTURING[-1] if _CAPTURING else (None, cublas.gemmStridedBatchedEx)
    real = getattr(cupy.cuda.runtime, f"CUDA_R_{_KINDS[x.dtype.char]}")
    # cuBLAS reads both factors from the memory of the host
    one, zero = np.ones((), x.dtype), np.zeros((), x.dtype)
    left, right = ((a.data.ptr, real, *at[1:]) for a, at in zip((y, x), layouts, strict=True))
    gemm(
        handle or cupy.cuda.device.get_cublas_handle(), layouts[0][0], layouts[1][0], n, m, k,
        one.ctypes.data, *left, *right, zero.ctypes.data, out.data.ptr, real, n, m * n,
        out.size // (m * n), _precision(x.dtype, cublas), cublas.CUBLAS_GEMM_DEFAULT,
    )  # fmt: skip
    return out


@contextmanager
def captured(stream: Any) -> Iterator[None]:
    """Context manager with products of nvmath, because CuPy refuses its own during a capture."""
    from nvmath.bindings import cublas

    handle, room = cublas.create(), cupy.cuda.alloc(_WORKSPACE)
    cublas.set_stream(handle, stream.ptr)
    cublas.set_workspace(handle, room.ptr, _WORKSPACE)
    _CAPTURING.append((handle, cublas.gemm_strided_batched_ex))
    try:
        yield
    finally:
        _CAPTURING.pop()


def is_captured() -> bool:
    """Whether products are being captured."""
    return bool(_CAPTURING)


def _layout(a: Array) -> Any:
    """Layout of a matrix for cuBLAS: transposed or not, leading dimension, stride to the next."""
    rows, columns = a.shape[-2:]
    if a.ndim not in {2, 3} or not a.size:
        return None
    stride = rows * columns if a.ndim == 3 else 0
    if a.flags.c_contiguous:
        return 0, columns, stride
    return (1, rows, stride) if a.swapaxes(-1, -2).flags.c_contiguous else None


def _precision(kind: Any, cublas: Any) -> int:
    """Compute type of cuBLAS, from CuPy's own setting."""
    if products.get_compute_type(kind) == products.COMPUTE_TYPE_TF32:
        return int(cublas.CUBLAS_COMPUTE_32F_FAST_TF32)
    return int(getattr(cublas, f"CUBLAS_COMPUTE_{_KINDS[kind.char]}"))

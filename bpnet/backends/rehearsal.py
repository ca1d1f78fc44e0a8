"""Every call that training makes, on a few numbers, compared with NumPy's results.

A library that bpnet does not know is rehearsed before it is used: a function that it lacks, or
computes in another way, is an error at once and by name, not a wrong number in the middle of a run.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

from bpnet._typing import Array, Namespace
from bpnet.backends import libraries
from bpnet.backends.base import Backend
from bpnet.backends.dtypes import dtype_name
from bpnet.errors import one_line

Call = Callable[[Namespace, Any], Any]

_NUMBERS = {
    "a": np.asarray([[0.5, -1.25, 2.0], [1.5, 0.25, -0.5]], np.float32),
    "b": np.asarray([[-2.0, 0.75, 0.5], [1.0, -0.25, 3.0]], np.float32),
    "w": np.asarray([[0.5, -1.0], [0.25, 2.0], [-0.75, 1.5]], np.float32),
    "p": np.asarray([[0.5, 1.25, 2.0], [1.5, 0.25, 3.0]], np.float32),
    "i": np.asarray([[3, -4, 5], [70, 0, -1]], np.int32),
    "j": np.asarray([[1, 2, 3], [-8, 9, 64]], np.int32),
    "m": np.asarray([[True, False, True], [False, False, True]]),
    "u": np.asarray([[0, 1, 200], [255, 7, 8]], np.uint8),
    "rows": np.asarray([1, 0, 1, 1]),
}
"""Operands by name; ``rows`` are in the dtype of indices."""


def _in_place(function: Callable[[Any, Any], Any], xp: Namespace, s: Any) -> list[Array]:
    return [*_upon(function, xp, s.a, s.p), *_upon(function, xp, s.a, 0.5)]


def _upon(function: Callable[[Any, Any], Any], xp: Namespace, a: Array, b: Any) -> list[Array]:
    """Result of an augmented assignment to a copy, and the array, which must not change."""
    return [function(xp.asarray(a, copy=True), b), a]


_FUNCTIONS: dict[str, Call] = {
    "abs": lambda xp, s: xp.abs(s.a),
    "all": lambda xp, s: (xp.all(s.m, axis=1), xp.all(s.m, axis=(0, 1))),
    "arange": lambda xp, s: xp.arange(4, dtype=xp.int32, device=device(s.i)),
    "argmax": lambda xp, s: xp.astype(xp.argmax(s.a, axis=-1), xp.int32),
    "asarray with copy": lambda xp, s: (_added_to(xp.asarray(s.a, copy=True)), s.a),
    "astype": lambda xp, s: [
        *(xp.astype(x, xp.float32) for x in (s.a, s.i, s.m, s.u)),
        *(xp.astype(x, xp.int32) for x in (s.p, s.m, s.u)),
        xp.astype(s.a, xp.float32, copy=False),
    ],
    "clip": lambda xp, s: [xp.clip(s.a, x, y) for x, y in ((0.0, None), (None, 0.5), (-1.0, 1.0))],
    "concat": lambda xp, s: (xp.concat([s.a, s.b]), xp.concat([s.m, s.m], axis=-1)),
    "exp": lambda xp, s: xp.exp(s.a),
    "expm1": lambda xp, s: xp.expm1(s.a),
    "finfo": lambda xp, s: xp.clip(s.a, None, float(xp.finfo(s.a.dtype).max)),
    "full_like": lambda xp, s: xp.full_like(s.a, 2.5),
    "isdtype": lambda xp, s: [
        xp.isdtype(x.dtype, kind)
        for kind in ("real floating", "integral", "bool")
        for x in (s.a, s.i, s.m)
    ],
    "isfinite": lambda xp, s: xp.isfinite(s.a),
    "log": lambda xp, s: xp.log(s.p),
    "log1p": lambda xp, s: xp.log1p(s.p),
    "logical_and": lambda xp, s: xp.logical_and(s.m, s.i > 0),
    "matmul": lambda xp, s: xp.matmul(s.a, s.w),
    "matrix_transpose": lambda xp, s: xp.matrix_transpose(s.a),
    "max": lambda xp, s: (xp.max(s.a), xp.max(s.a, axis=-1, keepdims=True)),
    "maximum": lambda xp, s: xp.maximum(s.a, xp.zeros((), dtype=s.a.dtype, device=device(s.a))),
    "mean": lambda xp, s: xp.mean(s.a, axis=-1, keepdims=True),
    "min": lambda xp, s: xp.min(xp.where(s.m, s.i, s.j), axis=-1),
    "ones_like": lambda xp, s: xp.ones_like(s.a),
    "reshape": lambda xp, s: (xp.reshape(s.a, (-1,)), xp.reshape(s.a, (1, 3, 2))),
    "sign": lambda xp, s: xp.sign(s.a),
    "sqrt": lambda xp, s: xp.sqrt(s.p),
    "stack": lambda xp, s: xp.stack([s.a, s.b]),
    "sum": lambda xp, s: [
        *(xp.sum(s.a), xp.sum(s.a, dtype=xp.float32), xp.sum(s.i, axis=0, dtype=xp.int32)),
        *(xp.sum(s.a, axis=-1, keepdims=True), xp.sum(s.a, axis=(0, 1))),
    ],
    "take": lambda xp, s: (xp.take(s.a, s.rows, axis=0), xp.take(s.u, s.rows, axis=0)),
    "tanh": lambda xp, s: xp.tanh(s.a),
    "where": lambda xp, s: xp.where(s.m, s.a, s.b),
    "zeros": lambda xp, s: xp.zeros((2, 3), dtype=xp.float32),
    "zeros_like": lambda xp, s: (xp.zeros_like(s.a), xp.zeros_like(s.i)),
}

_OPERATORS: dict[str, Call] = {
    "+": lambda xp, s: (s.a + s.b, 2.0 + s.a, s.i + 1, s.a + s.a[0, ...]),
    "-": lambda xp, s: (s.a - s.b, 1.0 - s.a, s.a - 1.0, -s.a),
    "*": lambda xp, s: (s.a * s.b, 0.5 * s.a, s.a * 0.5),
    "/": lambda xp, s: (s.a / s.p, 1.0 / s.p, s.a / 4.0),
    "**": lambda xp, s: s.p**0.5,
    "@": lambda xp, s: s.a @ s.w,
    "comparisons": lambda xp, s: (
        *(s.a > 0.5, s.a > s.b, s.a <= 0.25, s.a < 0.25),
        *(s.i >= 3, s.i >= s.j, s.i == s.j, s.m == s.m),
    ),
    "integer operators": lambda xp, s: (s.i ^ s.j, s.i ^ 6, s.i << 2, s.i >> 1, s.i - s.j),
    "indexing": lambda xp, s: (
        *(s.a[0, ...], s.a[..., 1:], s.a[..., None], s.a[1, 2], s.a[:, 0], s.a[0:1, ...]),
        *(s.m[..., :2], s.i[..., None], s.rows[1:3]),
    ),
    **{
        f"{sign}=": partial(_in_place, function)
        for sign, function in {
            "+": operator.iadd, "-": operator.isub, "*": operator.imul, "/": operator.itruediv,
        }.items()
    },
    "integer operators in place": lambda xp, s: [
        *(_upon(f, xp, s.i, 3) for f in (operator.iand, operator.ilshift, operator.iadd)),
        *(_upon(f, xp, s.i, s.j) for f in (operator.ior, operator.ixor, operator.iadd)),
    ],
    "results as operands": lambda xp, s: xp.tanh(
        xp.matrix_transpose(xp.exp(s.a) @ s.w + xp.sum(s.a)) @ xp.maximum(s.a, s.b)
    ),
}  # fmt: skip


def refusal(backend: Backend) -> str | None:
    """Why a library can't train a network, as a clause; None where it can."""
    for dtype in ("float32", "int32", "bool"):
        if why := _unusable(backend, dtype):
            return why
    with np.errstate(all="ignore"):
        failed = {name: why for name, call in calls().items() if (why := _try(backend, call))}
    if not failed:
        return None
    (first, why), *others = failed.items()
    more = f", and {len(others)} more fail: {', '.join(dict(others))}" if others else ""
    return f"{first} {why}{more}"


def calls() -> Mapping[str, Call]:
    """Everything that is rehearsed, by name: from a namespace and operands to results."""
    return {**_FUNCTIONS, **_OPERATORS}


def _unusable(backend: Backend, dtype: str) -> str | None:
    if getattr(backend.xp, dtype, None) is None:
        return f"it has no {dtype}"
    if not backend.has(dtype):
        return (
            f"arrays of {dtype} do not come back from it as they were, whether they go by DLPack, "
            "as NumPy's, as lists or number by number"
        )
    # core finds the namespace by the arrays
    owner = libraries.owner(backend.asarray(_NUMBERS["a"].astype(dtype)))
    if owner is None:
        return "its arrays do not name their namespace (__array_namespace__)"
    return None if backend.alike(owner) else f"its arrays are of {owner.name}: give that module"


def _try(backend: Backend, call: Call) -> str | None:
    """Why a call differs from NumPy's on a backend, as a clause; None where it does not."""
    # a call may write to its operands
    numbers = SimpleNamespace(**{name: x.copy() for name, x in _NUMBERS.items()})
    expected = call(array_namespace(numbers.a), numbers)
    try:
        actual = call(backend.xp, _operands(backend))
        return next(_differences(backend, _flat(actual), _flat(expected)), None)
    except Exception as error:  # an unknown library may raise anything
        return f"raises {one_line(error, typed=True)}"


def _operands(backend: Backend) -> SimpleNamespace:
    return SimpleNamespace(**{name: backend.asarray(x, copy=True) for name, x in _NUMBERS.items()})


def _differences(backend: Backend, actual: list[Array], expected: list[Any]) -> Iterator[str]:
    for a, x in zip(actual, expected, strict=True):
        owner = libraries.owner(a)
        if isinstance(x, bool):
            yield from [f"gives {a!r}, wanted {x}"] * (a != x)
        elif owner is None or not backend.alike(owner):
            yield f"gives {type(a).__name__}, no array of its own"
        # positions may come in any integers that the library indexes with
        elif tuple(a.shape) != x.shape or (x.dtype != np.int64 and dtype_name(a) != x.dtype.name):
            yield f"gives {dtype_name(a)} of shape {tuple(a.shape)}, wanted {x.dtype} of {x.shape}"
        # functions such as exp may differ in the last bits of float32
        elif not np.allclose(backend.to_numpy(a), x, rtol=1e-5, atol=1e-6):
            yield "gives other numbers than NumPy"


def _flat(result: Any) -> list[Any]:
    if isinstance(result, list | tuple):
        return [a for part in result for a in _flat(part)]
    return [result]


def _added_to(a: Array) -> Array:
    a += 1
    return a

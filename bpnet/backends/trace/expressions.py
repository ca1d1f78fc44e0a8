"""The standard's elementwise functions as expressions of CUDA and C++.

``$0``, ``$1``, ... are the arguments in the type of the computation, ``T``. ``U`` is the unsigned
type of the same size: it overflows modulo 2^n, while the overflow of a signed type is undefined.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bpnet.backends.trace.graph import Call, Constant, Value

STORED = {
    "bool": "bool", "float16": "float16", "float32": "float", "float64": "double",
    "int8": "signed char", "int16": "short", "int32": "int", "int64": "long long",
    "uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned int",
    "uint64": "unsigned long long",
}  # fmt: skip
"""Types of C++ by the names of dtypes."""

_COMPARISONS = {
    "equal": "$0 == $1", "not_equal": "$0 != $1", "less": "$0 < $1", "less_equal": "$0 <= $1",
    "greater": "$0 > $1", "greater_equal": "$0 >= $1",
}  # fmt: skip
_CHOICES = {
    "where": "$0 ? $1 : $2",
    # the standard's results for nan, which C++'s comparisons and fmax do not give
    "maximum": "$0 != $0 ? $0 : $1 != $1 ? $1 : $0 > $1 ? $0 : $1",
    "minimum": "$0 != $0 ? $0 : $1 != $1 ? $1 : $0 < $1 ? $0 : $1",
    "sign": "$0 > T(0) ? T(1) : $0 < T(0) ? T(-1) : $0 == T(0) ? T(0) : $0",
    "positive": "$0",
    "square": "$0 * $0",
}
_FUNCTIONS = """acos acosh asin asinh atan atanh ceil cos cosh exp expm1 floor log log10 log1p log2
sin sinh sqrt tan tanh trunc"""
ROUNDED = frozenset(_FUNCTIONS.split()) - {"ceil", "floor", "sqrt", "trunc"} | {
    "pow", "atan2", "hypot",
}  # fmt: skip
"""Functions whose last bits may differ between two kernels, as the compiler chooses."""

_TABLES: dict[str, dict[str, str]] = {
    "f": {
        "add": "$0 + $1", "subtract": "$0 - $1", "multiply": "$0 * $1", "divide": "$0 / $1",
        "negative": "-$0", "abs": "fabs($0)", "reciprocal": "T(1) / $0", "pow": "pow($0, $1)",
        "atan2": "atan2($0, $1)", "hypot": "hypot($0, $1)", "isnan": "$0 != $0",
        "isfinite": "$0 - $0 == T(0)", "isinf": "$0 == $0 && $0 - $0 != T(0)", "round": "rint($0)",
        **{name: f"{name}($0)" for name in _FUNCTIONS.split()},
        **_COMPARISONS, **_CHOICES,
    },
    "i": {
        "add": "T(U($0) + U($1))", "subtract": "T(U($0) - U($1))",
        "multiply": "T(U($0) * U($1))", "negative": "T(U(0) - U($0))",
        "abs": "$0 < T(0) ? T(U(0) - U($0)) : $0", "bitwise_and": "$0 & $1",
        "bitwise_or": "$0 | $1", "bitwise_xor": "$0 ^ $1", "bitwise_invert": "~$0",
        "bitwise_left_shift": "T(U($0) << $1)", "bitwise_right_shift": "$0 >> $1",
        **_COMPARISONS, **_CHOICES,
    },
    "b": {
        "bitwise_and": "$0 && $1", "bitwise_or": "$0 || $1", "bitwise_xor": "$0 != $1",
        "bitwise_invert": "!$0", "logical_and": "$0 && $1", "logical_or": "$0 || $1",
        "logical_xor": "$0 != $1", "logical_not": "!$0", "where": "$0 ? $1 : $2",
        "equal": "$0 == $1", "not_equal": "$0 != $1",
    },
}  # fmt: skip
"""Expressions of real numbers, integers and booleans."""

_TRUTH = {*_COMPARISONS, "isnan", "isinf", "isfinite", "signbit"}


def has(call: Call, values: Sequence[Value]) -> bool:
    """Whether there is an expression of a call, for its dtypes."""
    arrays = [values[n].dtype for n in call.touched if not values[n].scalar]
    if not all(getattr(dtype, "name", "") in STORED for dtype in arrays):
        return False
    if call.name in ("astype", "clip"):
        return True
    return not call.keywords and call.name in _TABLES[_table(computed(call, values))]


def computed(call: Call, values: Sequence[Value]) -> Any:
    """Dtype that a call computes in."""
    if call.name not in _TRUTH:
        return values[call.result].dtype
    read = (values[n] for n in call.reads)
    plain = [a.value for a in call.args if isinstance(a, Constant)]
    # numbers of Python adapt to the dtype of the arrays, as in the library
    return np.result_type(*(v.dtype(0) if v.scalar else v.dtype for v in read), *plain)


def types(call: Call, values: Sequence[Value]) -> list[Any]:
    """Dtypes to which a call casts its arguments."""
    dtype = computed(call, values)
    if call.name == "astype":
        return [values[call.args[0]].dtype]
    return [np.dtype(bool) if call.name == "where" and i == 0 else dtype
            for i in range(len(call.args))]  # fmt: skip


def text(call: Call, terms: list[str], values: Sequence[Value]) -> str:
    """Expression of a call, in the type of its result."""
    dtype, result = computed(call, values), values[call.result].dtype
    if call.name == "astype":
        return cast(terms[0], values[call.args[0]].dtype, result)
    if call.name == "clip":
        low, high = (call.option(i, name) for i, name in ((1, "min"), (2, "max")))
        lower, upper = ("" if b is None else literal(b, dtype) for b in (low, high))
        clipped = f"{terms[0]} < {lower} ? {lower} : " if lower else ""
        clipped += f"{terms[0]} > {upper} ? {upper} : " if upper else ""
        return f"{clipped}{terms[0]}"
    expression = _TABLES[_table(dtype)][call.name]
    for i, term in enumerate(terms):
        expression = expression.replace(f"${i}", term)
    unsigned = STORED.get(f"u{dtype.name}", STORED[dtype.name])
    expression = expression.replace("T(", f"({_computed_in(dtype)})(")
    expression = expression.replace("U(", f"({unsigned})(")
    # rounded after each call, as when the calls run one by one
    return f"float16({expression})" if result.name == "float16" else expression


def cast(term: str, source: Any, target: Any) -> str:
    """Return a term of one dtype in another one."""
    if source == target:
        return f"float({term})" if target.name == "float16" else term
    if target.name == "bool":
        return f"({term} != {literal(0, source)})"
    number = f"float({term})" if source.name == "float16" else term
    return f"({_computed_in(target)})({number})"


def literal(value: Any, dtype: Any) -> str:
    """Return a number of Python in a dtype."""
    if dtype.kind == "b":
        return "true" if value else "false"
    if dtype.kind in "iu":
        return f"({STORED[dtype.name]})({int(value)}LL)"
    # a kernel computes halves in float
    wide = np.dtype(np.float32) if dtype.name == "float16" else dtype
    number = float(dtype.type(value))
    end = "f" if wide.itemsize == 4 else ""
    if math.isfinite(number):
        # 17 digits are enough for any float64 to come back unchanged
        digits = f"{number:.17g}"
        return f"({digits}{'' if set('.e') & set(digits) else '.0'}{end})"
    # infinity and nan have no literals in C++
    return f"({'0.0' if math.isnan(number) else math.copysign(1, number)}{end} / 0.0{end})"


def _table(dtype: Any) -> str:
    return "i" if dtype.kind == "u" else str(dtype.kind)


def _computed_in(dtype: Any) -> str:
    return "float" if dtype.name == "float16" else STORED[dtype.name]

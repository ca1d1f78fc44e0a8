"""Names of dtypes, the same for all libraries."""

from typing import Annotated

from bpnet._typing import Array
from bpnet.errors import InputError
from bpnet.synonyms import hint

FLOATS = ("float64", "float32", "float16", "bfloat16")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = (*FLOATS, *INTEGERS, "bool", "complex64", "complex128")

Float = Annotated[str, f"one of {', '.join(FLOATS)}"]
Precision = Annotated[str, "'tf32'"]
"""Types of the names, which error messages and help texts describe by these words."""

SIBLINGS = {
    "float64": "float32", "float16": "float32", "bfloat16": "float32", "int64": "int32",
    "uint64": "uint32", "complex128": "complex64",
}  # fmt: skip
"""Dtype that an array gets where the device lacks its own and the caller named none."""


def dtype_name(a: Array) -> str:
    """Name of an array's dtype."""
    # PyTorch's dtypes have no name, their text is "torch.float32"
    return str(getattr(a.dtype, "name", None) or str(a.dtype).rsplit(".", maxsplit=1)[-1])


def check_name(name: str) -> None:
    """Raise an InputError with the nearest name where a name is no dtype's."""
    if name not in DTYPES:
        msg = f"unknown dtype {name!r}; {hint('dtype', name, DTYPES)}"
        raise InputError(msg)


def check_float(name: object) -> None:
    """Raise an InputError where a name is no floating dtype's, which networks need."""
    if name not in FLOATS:
        msg = f"dtype is {name!r}; {hint('dtype', name, FLOATS)}"
        raise InputError(msg)


def check_precision(precision: object) -> None:
    """Raise an InputError where a value is no precision of matrix products."""
    if precision not in (None, "tf32"):
        msg = f"precision is {precision!r}; give 'tf32', or leave it out for exact products"
        raise InputError(msg)

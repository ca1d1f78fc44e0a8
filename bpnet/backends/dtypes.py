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
"""Names, with the words that say which."""

SIBLINGS = {
    "float64": "float32", "float16": "float32", "bfloat16": "float32", "int64": "int32",
    "uint64": "uint32", "complex128": "complex64",
}  # fmt: skip
"""What an array becomes where the device lacks its dtype and the caller asked for none."""


def dtype_name(a: Array) -> str:
    """Name of an array's dtype."""
    return str(getattr(a.dtype, "name", None) or str(a.dtype).rsplit(".", maxsplit=1)[-1])


def check_name(name: str) -> None:
    """Refuse a name that is no dtype's, with the nearest name."""
    if name not in DTYPES:
        msg = f"unknown dtype {name!r}; {hint('dtype', name, DTYPES)}"
        raise InputError(msg)


def check_float(name: object) -> None:
    """Refuse what is no floating dtype's name: a network can't be computed in it."""
    if name not in FLOATS:
        msg = f"dtype is {name!r}; {hint('dtype', name, FLOATS)}"
        raise InputError(msg)


def check_precision(asked: object) -> None:
    """Refuse what is no precision of products, with what there is."""
    if asked not in (None, "tf32"):
        msg = f"precision is {asked!r}; give 'tf32', or leave it out for exact products"
        raise InputError(msg)

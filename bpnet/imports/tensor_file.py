"""Safetensors files of others: plain arrays by their names, half precision among them."""

from pathlib import Path
from typing import Any

import numpy as np

from bpnet.errors import InputError
from bpnet.imports import foreign

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "BOOL": "?",
    **{f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)},
}
"""NumPy's names; bfloat16 is taken as the upper half of a float32."""

_PICKLES = {b"PK": "a zip", b"\x80\x02": "a pickle"}
"""What files of ``torch.save`` begin with."""

SAVE = "save the weights: safetensors.torch.save_file(module.state_dict(), 'w.safetensors')"
"""What to do in place of a file that holds code."""


def read(path: Path) -> dict[str, Any]:
    """Tensors of a safetensors file by their names; bfloat16 as float32.

    Raises
    ------
    InputError
        If the file is none, bpnet's own, or holds numbers of a type that NumPy lacks.
    """
    from safetensors import deserialize, safe_open

    foreign.check_there(path, "a .safetensors file of a state_dict")
    with foreign.refusing(path, "can't be read as safetensors", SAVE):
        with path.open("rb") as file:
            if file.read(2) in _PICKLES:
                msg = f"{path} can't be read as safetensors: it is of torch.save, and may run code"
                raise InputError(f"{msg}; {SAVE}")
        with safe_open(path, framework="numpy") as file:
            if "bpnet" in (file.metadata() or {}):
                msg = f"{path} is a model of bpnet's own, there is nothing to import; bpnet.load"
                raise InputError(f"{msg}, predict, evaluate and export take it as it is")
        held = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
        return {name: _array(name, tensor) for name, tensor in held}


def _array(name: str, held: dict[str, Any]) -> np.ndarray[Any, Any]:
    if held["dtype"] not in _DTYPES:
        msg = f"{name} is of type {held['dtype']}; give weights of {', '.join(_DTYPES)}"
        raise InputError(msg)
    array = np.frombuffer(held["data"], _DTYPES[held["dtype"]]).reshape(held["shape"])
    return as_float32(array) if held["dtype"] == "BF16" else array


def as_float32(halves: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """float32 of the bits of bfloat16, which are its upper half."""
    return (halves.astype(np.uint32) << np.uint32(16)).view(np.float32)

"""Safetensors files of other libraries: arrays by their names, half precision included."""

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
"""NumPy's names of the format's types; bfloat16 is read as the upper half of a float32."""

_PICKLES = (b"PK", b"\x80\x02")  # a zip and a pickle
"""First bytes of files of ``torch.save``."""

SAVE = "save the weights: safetensors.torch.save_file(module.state_dict(), 'w.safetensors')"
"""The cure for a file that may run code."""


def read(path: Path) -> dict[str, Any]:
    """Tensors of a safetensors file by their names, bfloat16 as float32.

    A file of another format, a model of bpnet's own, and a type that NumPy lacks are refused.
    """
    from safetensors import deserialize, safe_open

    kinds = "a .safetensors file of a state_dict", "can't be read as safetensors"
    with foreign.reading(path, *kinds, SAVE):
        with path.open("rb") as file:
            start = file.read(9)
            # The message names torch.save, of which the one of the parser would say nothing. After
            # the length of its header, which may look like a pickle, safetensors has a brace.
            if start[:2] in _PICKLES and start[8:] != b"{":
                msg = f"{path} can't be read as safetensors: it is of torch.save, and may run code"
                raise InputError(f"{msg}; {SAVE}")
        # `deserialize` below has no metadata, `safe_open` no bfloat16
        with safe_open(path, framework="numpy") as file:
            if "bpnet" in (file.metadata() or {}):
                msg = f"{path} is one of bpnet's own models, which needs no import; bpnet.load"
                raise InputError(f"{msg}, predict, evaluate and export read it")
        tensors = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
        return {name: _array(name, tensor) for name, tensor in tensors}


def _array(name: str, tensor: dict[str, Any]) -> np.ndarray[Any, Any]:
    dtype = tensor["dtype"]
    if dtype not in _DTYPES:
        msg = f"{name} is of type {dtype}; give weights of {', '.join(_DTYPES)}"
        raise InputError(msg)
    array = np.frombuffer(tensor["data"], _DTYPES[dtype]).reshape(tensor["shape"])
    return as_float32(array) if dtype == "BF16" else array


def as_float32(halves: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """float32 values from the bits of bfloat16, which are the upper half of theirs."""
    return (halves.astype(np.uint32) << np.uint32(16)).view(np.float32)

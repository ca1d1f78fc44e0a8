"""Examples on a backend's device, and the outputs of a network for them, batch by batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import is_array_api_obj

from bpnet import backends
from bpnet._typing import Array, DType, Namespace
from bpnet.backends import Backend
from bpnet.core import feedforward, special
from bpnet.core.feedforward import Parameters
from bpnet.data import finite, host_rows
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError, one_line

Host = np.ndarray[Any, Any]

_CHUNK = 1 << 22  # numbers in the widest layer of one batch, where the batch is ours to choose


def take_rows(x: Array, rows: Array, scale: float | None, dtype: DType, *, xp: Namespace) -> Array:
    """Rows of the stored examples, a new array (k, n) in the dtype of the run.

    Integers are multiplied by the scale, where there is one.
    """
    batch = xp.take(x, rows, axis=0)
    if batch.dtype == dtype:
        return batch
    batch = xp.astype(batch, dtype)
    # Stored floats count as scaled already: the scale belongs to integers such as pixels.
    if scale is not None and not special.is_floating(x.dtype, xp):
        batch *= scale
    return batch


def as_array(value: Any, name: str) -> Array:
    """Return an array of any library, or a sparse one, as it is; make a NumPy array of the rest."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        msg = f"{name} is a masked array, and a network takes every value; give {name}.filled(0)"
        raise InputError(f"{msg}, or leave the rows out")
    if is_array_api_obj(value) or host_rows.is_sparse(value) or isinstance(value, HostRows):
        return value
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        msg = f"{name} is a {type(value).__name__} that makes no array ({one_line(error)})"
        raise InputError(f"{msg}; give numbers") from error


def require_one(arrays: Mapping[str, Any]) -> None:
    """Refuse arrays of two libraries or devices; lists and arrays of text may accompany any."""
    moved = {
        name: array for name, array in arrays.items() if is_array_api_obj(array)
        and not (isinstance(array, np.ndarray) and array.dtype.kind not in "biufc")
    }  # fmt: skip
    if len(moved) > 1:
        backends.require_one(moved)


def examples(
    x: Any, n: int | None, *, backend: Backend, dtype: str, scale: float | None = None,
    name: str = "X",
) -> Array:  # fmt: skip
    """Examples as a two-dimensional array on the backend: integers as stored, floats cast.

    ``x`` is an array of any library, or nested lists, of which further axes are flattened. Integers
    too large to be stored as such are multiplied by the scale here, the others when a batch is
    taken. Examples that are not in memory, or sparse and many, become :class:`HostRows`.
    """
    columns = getattr(x, "columns", None)  # of a frame
    x = as_array(x, name)
    if len(x.shape) < 2 or 0 in x.shape:
        msg = f"{name} has shape {tuple(x.shape)}; give (examples, values), at least one of each"
        raise InputError(msg)
    width = int(np.prod([int(size) for size in x.shape[1:]]))
    if n is not None and width != n:
        msg = f"{name} has {width} values an example and the network takes {n}; match them"
        raise InputError(msg)
    if isinstance(x, HostRows):
        return Inputs(x, dtype, scale)
    if host_rows.is_sparse(x):
        x = host_rows.store_sparse(x, host_dtype(dtype), name, dtype)
        return x if isinstance(x, host_rows.SparseRows) else backend.asarray(x, dtype=dtype)
    if "complex" in str(x.dtype):
        raise InputError(f"{name} has dtype {x.dtype}; give real numbers")
    if isinstance(x, np.ndarray):
        _check_host(x, name, dtype, None if columns is None else list(columns))
        x = _narrow(x, dtype, scale)
    xp = backend.xp
    moved = backend.asarray(x, dtype=dtype if _is_float(x) else None)
    moved = xp.reshape(moved, (moved.shape[0], width))
    # An array of another library is checked on the device, and copied only to name the bad value.
    if not isinstance(x, np.ndarray) and _is_float(x) and not bool(xp.all(xp.isfinite(moved))):
        _check_host(backend.to_numpy(moved), name)
    return moved


@dataclass(frozen=True, eq=False, repr=False)
class Inputs(HostRows):
    """Examples that are not in memory, which :meth:`take` returns as :func:`examples` stores them.

    The rows that are taken are checked, and narrowed or cast for the dtype of the run.
    """

    source: HostRows
    dtype: str
    scale: float | None

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Examples and values of each."""
        return len(self.source), self.source.width

    def order(self, seed: int, epoch: int) -> Any:
        """Return the order of the source."""
        return self.source.order(seed, epoch)

    def some(self, k: int) -> Host:
        """Return some rows of the source."""
        return self.source.some(k)

    def take(self, rows: Any) -> Host:
        """Rows by their numbers: integers in a type that every library has, floats cast."""
        x = _narrow(self.source.take(rows), self.dtype, self.scale)
        finite.refuse(x, "X", self.dtype, rows=rows)
        return x.astype(host_dtype(self.dtype), copy=False) if _is_float(x) else x


def predict(
    layers: Sequence[Any], parameters: Parameters, x: Any, *, scale: float | None,
    backend: Backend, dtype: str,
) -> Host:  # fmt: skip
    """Outputs a^L for all examples, (m, n_L), computed in batches of bounded size."""
    n = next(int(layer.n_in) for layer in layers if hasattr(layer, "n_in"))  # the first dense layer
    stored = examples(x, n, backend=backend, dtype=dtype, scale=scale)
    arrays = on_device(parameters, backend=backend, dtype=dtype)
    return outputs(layers, arrays, stored, scale=scale, backend=backend, dtype=dtype)


def outputs(
    layers: Sequence[Any], parameters: Parameters, stored: Any, *, scale: float | None,
    backend: Backend, dtype: str,
) -> Host:  # fmt: skip
    """Outputs a^L, (m, n_L), of parameters on the device for what :func:`examples` stored."""
    parts, xp = [], backend.xp
    m, size = int(stored.shape[0]), chunk(parameters)
    for start in range(0, m, size):
        here, numbers = stored, np.arange(start, min(start + size, m))
        if isinstance(stored, HostRows):
            # The device has this block alone, so its rows are counted from the block's start.
            here, numbers = backend.asarray(stored.take(numbers)), numbers - start
        index = backend.asarray(numbers, dtype=backend.index_dtype)
        batch = take_rows(here, index, scale, backend.dtype(dtype), xp=xp)
        a = feedforward.feedforward(tuple(layers), parameters, batch, xp=xp)
        parts.append(backend.to_numpy(a))
    return np.concatenate(parts)


def chunk(parameters: Parameters) -> int:
    """Number of examples in a batch, such that the widest layer's output has a bounded size."""
    widest: int = max(size for arrays in parameters for W in arrays for size in W.shape[-2:])
    return max(1, _CHUNK // widest)


def host_dtype(dtype: str) -> str:
    """Dtype in which parameters are kept and sums are made in a run: float32 for halves."""
    return "float64" if dtype == "float64" else "float32"


def on_device(parameters: Parameters, *, backend: Backend, dtype: str) -> Parameters:
    """Copy all parameter arrays to the backend."""
    return tuple(
        tuple(backend.asarray(array, dtype=dtype, copy=True) for array in arrays)
        for arrays in parameters
    )


def _is_float(x: Array) -> bool:
    return "float" in str(x.dtype)


def _narrow(x: Host, dtype: str, scale: float | None) -> Host:
    """Integers in the smallest type that every library and device has.

    Integers beyond int32 become floats, which are multiplied by the scale before they are rounded.
    """
    if x.dtype.kind == "f" or x.dtype in (np.uint8, np.int8, np.int16):
        return x
    if not x.size:  # of a rank without rows
        return x.astype(np.uint8)
    low, high = int(x.min()), int(x.max())
    # PyTorch lacks most operations of larger unsigned types, and a device may lack 64 bits.
    for narrow in (np.uint8, np.int8, np.int16, np.int32):
        if np.iinfo(narrow).min <= low and high <= np.iinfo(narrow).max:
            return x.astype(narrow)
    values = x.astype(np.float64) if scale is None else x * scale
    return values.astype(host_dtype(dtype), copy=False)


def _check_host(
    x: Host, name: str, dtype: str | None = None, columns: Sequence[Any] | None = None
) -> None:
    if x.dtype.kind not in "biuf":
        # Of an array of objects the first item that is no number is named; no other type has one.
        finite.refuse_objects(x if x.dtype.kind == "O" else x[:0], name, columns)
        raise InputError(f"{name} has dtype {x.dtype}; give real numbers")
    finite.refuse(x, name, dtype, columns)

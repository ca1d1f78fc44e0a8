"""Arrays of one library on one device: their dtypes, and the ways to the host and elsewhere."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from bpnet._typing import Array, DType, Namespace
from bpnet.backends import dtypes, libraries
from bpnet.backends.dtypes import FLOATS, INTEGERS, SIBLINGS, dtype_name
from bpnet.errors import ArrayMismatch, InputError


@dataclass(frozen=True)
class Arrays(ABC):
    """The part of a :class:`bpnet.backends.base.Backend` that is about its arrays."""

    name: str
    device: Any = None
    namespace: ClassVar[str] = ""
    """Module with the functions of the standard."""

    @property
    def xp(self) -> Namespace:
        """Namespace with the functions of the standard."""
        return importlib.import_module(self.namespace)

    @property
    def version(self) -> str:
        """Version of the library."""
        return str(importlib.import_module(self.name).__version__)

    @property
    def spec(self) -> str:
        """Name and device as :func:`bpnet.backends.get` takes them, such as ``"cupy:1"``."""
        return self.name if self.device is None else f"{self.name}:{self.device}"

    def dtypes(self) -> tuple[str, ...]:
        """Floating dtypes that work on this device, of float64, float32, float16, bfloat16."""
        return tuple(name for name in FLOATS if self.has(name))

    def has(self, dtype: str) -> bool:
        """Whether the device can hold arrays of a dtype at this moment."""
        return _creates(self, dtype)

    def dtype(self, name: str) -> DType:
        """Dtype object of the library; an InputError says that the device lacks it."""
        dtypes.check_name(name)
        if not self.has(name):
            kind = FLOATS if name in FLOATS else INTEGERS
            msg = f"{self.spec} has no {name}; use {' or '.join(filter(self.has, kind))}"
            raise InputError(msg)
        return getattr(self.xp, name)

    @property
    def index_dtype(self) -> str:
        """``"int64"``, or ``"int32"`` where there is no 64-bit integer."""
        return "int64" if self.has("int64") else "int32"

    def asarray(self, x: Any, dtype: str | None = None, copy: bool | None = None) -> Array:
        """Array of this backend with the values of ``x``.

        Parameters
        ----------
        x : array of any library, number or nested sequence of numbers
            Any shape.
        dtype : str, optional
            Dtype of the result. None keeps that of ``x``, or takes its sibling where the device
            lacks it (float64 and float16 become float32; int64 becomes int32 if the values fit).
        copy : bool, optional
            True: the result always owns its memory. Otherwise memory is shared where it can be.

        Returns
        -------
        array, of the shape of ``x``
            On this backend's device.

        Raises
        ------
        InputError
            If ``x`` does not hold numbers, or the device lacks the dtype.
        """
        if dtype is not None:
            self.dtype(dtype)
        source = libraries.owner(x)
        if source is None or source.name == "numpy":
            return self._upload(_host(x), dtype, copy=bool(copy))
        if self.alike(source):
            a, shared = (x, True) if source == self else (self._move(x), False)
            target = dtype or dtype_name(a)
        else:
            target = dtype or self._sibling(dtype_name(x))
            # DLPack keeps the dtype, which the device may lack
            received = self._receive(x, source) if self.has(dtype_name(x)) else None
            if received is None:
                return self._upload(source.to_numpy(x), target, copy=False)
            a, shared = received, True
        # a cast makes a new array, so that copy=True needs no other one
        if dtype_name(a) != target:
            return self._cast(a, target)
        return self._duplicate(a) if copy and shared else a

    def send(self, x: Any, dtype: str | None = None) -> Callable[[], Array]:
        """Start to copy an array of the host to the device; return a function that waits for it.

        A thread that prefetches batches calls it. The array must stay as it is until the work on
        it is done.
        """
        a = self.asarray(x, dtype)
        return lambda: a

    def to_numpy(self, a: Array) -> Any:
        """NumPy copy of an array of this library; bfloat16 comes back as float32.

        Raises
        ------
        ArrayMismatch
            If the array is of another library.
        """
        source = libraries.owner(a)
        if source is None or not self.alike(source):
            kind = type(a).__name__ if source is None else f"an array of {source.spec}"
            msg = f"{self.spec} was given {kind} to copy to the host; use bpnet.to_numpy"
            raise ArrayMismatch(msg)
        return self._download(a)

    def alike(self, other: "Arrays") -> bool:
        """Whether the other backend is of the same library, on any device."""
        return self.name == other.name

    def out_of_memory(self, error: BaseException) -> bool:
        """Whether an error of the library says that memory ran out."""
        return isinstance(error, MemoryError)

    # What the file of a library defines. Each takes or returns arrays of that library.

    @abstractmethod
    def _from_host(self, x: Any, *, copy: bool) -> Array:
        """Array on this device from a NumPy array in native byte order."""

    @abstractmethod
    def _download(self, a: Array) -> Any:
        """NumPy array that owns its memory."""

    def _move(self, a: Array) -> Array:
        """Array of this library, brought to this device."""
        return a

    def _from_dlpack(self, x: Array) -> Array:
        return self.xp.from_dlpack(x)

    def _exportable(self, a: Array) -> Array:
        """The array as DLPack consumers can take it."""
        return a

    def _cast(self, a: Array, dtype: str) -> Array:
        return self.xp.astype(a, self.dtype(dtype))

    def _duplicate(self, a: Array) -> Array:
        return self.xp.asarray(a, copy=True)

    def _sibling(self, dtype: str) -> str:
        """The dtype, or its sibling where the device has only that."""
        if self.has(dtype) or not self.has(SIBLINGS.get(dtype, "")):
            return dtype  # where there is no sibling either, dtype() tells the user
        return SIBLINGS[dtype]

    def _upload(self, x: Any, dtype: str | None, *, copy: bool) -> Array:
        source = x.dtype.name
        target = dtype or self._sibling(source)
        # a dtype that the caller named is the caller's affair; a sibling must not change values
        if source in INTEGERS and dtype is None and target != source and x.size:
            limits = np.iinfo(target)
            if x.min() < limits.min or x.max() > limits.max:
                msg = f"{self.spec} has no {source}, and the values do not fit {target}"
                raise InputError(msg)
        staged = self._staged(x.dtype, target)
        if staged != x.dtype:
            x, copy = x.astype(staged), False
        # raises the error for a dtype that the device lacks, before anything is sent
        self.dtype(target)
        a = self._from_host(x, copy=copy)
        return a if dtype_name(a) == target else self._cast(a, target)

    def _staged(self, source: Any, target: str) -> Any:
        """Dtype in which an array of the host is sent to become one of dtype ``target``.

        The host narrows it: fewer bytes are sent, and no float64 reaches a float32 device.
        """
        # NumPy has no bfloat16, which the device makes of float32
        dtype = np.dtype(np.float32 if target == "bfloat16" else target)
        narrower = dtype.itemsize < source.itemsize
        as_it_is = self.has(source.name) and source.name != "bfloat16"
        return source if as_it_is and not narrower else dtype

    def _receive(self, x: Array, source: "Arrays") -> Array | None:
        """Array that shares its memory through DLPack; None where the two libraries cannot."""
        try:
            a = self._from_dlpack(source._exportable(x))
        # one of the two has no DLPack, refuses the memory or the device, or lacks the dtype
        except (AttributeError, BufferError, RuntimeError, TypeError, ValueError):
            return None
        holder = libraries.owner(a)
        if holder is None or not self.alike(holder):
            return None  # dpnp hands host memory back as a NumPy array
        return a if holder == self else self._move(a)


def _host(x: Any) -> Any:
    """NumPy array of numbers, in native byte order."""
    try:
        a = np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:
        msg = f"{type(x).__name__} can't be made an array ({error}); wanted numbers of one shape"
        raise InputError(msg.replace("\n", " ")) from error
    if a.dtype.name not in dtypes.DTYPES:
        msg = f"an array of dtype {a.dtype} can't go to a backend; wanted numbers"
        raise InputError(msg)
    return a if a.dtype.isnative else a.astype(a.dtype.newbyteorder("="))


@lru_cache(maxsize=256)
def _creates(backend: Arrays, dtype: str) -> bool:
    kind = getattr(backend.xp, dtype, None)
    if kind is None:
        return False
    if dtype in {"float32", "int32", "bool"}:
        return True  # every device has these: another failure must not look like a missing dtype
    try:
        backend.xp.zeros((1,), dtype=kind, device=backend.device)
    except Exception as error:
        if backend.out_of_memory(error):
            raise  # which says nothing about the dtype, and must not be cached
        return False
    return True

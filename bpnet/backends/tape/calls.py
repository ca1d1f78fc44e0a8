"""What is written down: calls, the values that they take and give, and constants."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Host = np.ndarray[Any, Any]


class Untraceable(TypeError):
    """A step asked for what a tape can't hold, such as the value of a number."""


class Ref(int):
    """Number of a value on a tape, among the arguments of a call."""


@dataclass(frozen=True)
class Constant:
    """Number of a constant on a tape, among the arguments of a call."""

    index: int


@dataclass(frozen=True)
class Call:
    """One call.

    Parameters
    ----------
    kind : {"function", "method", "attribute", "item", "operator"}
        How it is written.
    what : callable or str
        The function, or the name of the method, attribute or operator.
    args : tuple
        Of :class:`Ref`, :class:`Constant` and tuples of them.
    keywords : tuple of pairs
        Names and the same.
    result : int
        Number of the value that it gives; in place, of the one that is written to.
    in_place : bool
        Whether it writes to a value that there is.
    """

    kind: str
    what: Any
    args: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...]
    result: int
    in_place: bool = False


@dataclass(frozen=True)
class Value:
    """What is known of a value: its type, and the value whose memory it shows.

    Parameters
    ----------
    shape : tuple of int
        Empty for a number.
    dtype : numpy.dtype
        Of its elements.
    order : {"C", "F", ""}
        Of its memory; empty where it has gaps or another order.
    scalar : bool
        Whether it is a number of NumPy's, not an array.
    root : int
        Number of the value whose memory it shares; its own where it has memory of its own.
    """

    shape: tuple[int, ...]
    dtype: Any
    order: str
    scalar: bool
    root: int


@dataclass
class Tape:
    """Calls of a step.

    Parameters
    ----------
    values : list of Value
        First those that the step is given.
    calls : list of Call
        In their order.
    constants : list
        What calls are given beside values.
    keys : dict
        The number of each constant, by something that tells it from others.
    broken : bool
        Whether something happened that can't be written down.
    held : list
        The values themselves.
    """

    values: list[Value] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    keys: dict[Any, int] = field(default_factory=dict)
    broken: bool = False
    held: list[Any] = field(default_factory=list, repr=False)

    def signature(self) -> Any:
        """What two tapes have alike if and only if they say the same."""
        return tuple(self.values), tuple(self.calls), tuple(self.keys)

    def refuse(self, why: str) -> Untraceable:
        """Return the error; the tape is of no use from here on, whoever catches it."""
        self.broken = True
        return Untraceable(why)

    def value(self, value: Any, sources: Iterable[int] = ()) -> int:
        """Return the number of a new value, which may be a view of what it was made of."""
        number = root = len(self.values)
        order, scalar = "", isinstance(value, np.generic)
        if not scalar:
            flags: Any = value.flags
            order = "C" if flags.c_contiguous else "F" if flags.f_contiguous else ""
            for n in sources:
                if np.may_share_memory(self.held[n], value):
                    root = self.values[n].root
        self.values.append(Value(value.shape, value.dtype, order, scalar, root))
        self.held.append(value)  # so that no memory is used twice while roots are told by it
        return number

    def constant(self, value: Any) -> Constant:
        """Return the number of a constant, of which a copy is kept."""
        key = _key(value)
        if key is None:
            raise self.refuse(f"an argument of type {type(value).__name__}")
        if key not in self.keys:
            self.keys[key] = len(self.constants)
            self.constants.append(_own(value))
        return Constant(self.keys[key])


def touched(tape: Tape, call: Call) -> Iterator[int]:
    """Yield the numbers of all that has memory of which a call sees or gives something."""
    numbers = [*refs(call.args), *refs(a for _, a in call.keywords), call.result]
    yield from (n for n in numbers if not tape.values[n].scalar)


def can_be_told(tape: Tape, call: Call) -> bool:
    """Whether a call gives a new array and can be told where to write it."""
    value = tape.values[call.result]
    if call.in_place or call.keywords or value.root != call.result or not value.shape:
        return False
    if call.kind == "method":
        return call.what == "dot" and value.order == "C"
    return isinstance(call.what, np.ufunc) and value.order in ("C", "F")


def refs(args: Iterable[Any]) -> Iterator[int]:
    """Yield the numbers of the values among arguments."""
    for a in args:
        if isinstance(a, Ref):
            yield int(a)
        elif isinstance(a, tuple):
            yield from refs(a)


_LARGEST = 1 << 22
"""Bytes of a constant at most: those of all tapes that are kept stay in memory."""


def _key(value: Any) -> Any:
    """Something hashable that tells a constant from others; None of what is no constant."""
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind not in "biuf" or value.nbytes > _LARGEST:
            return None
        told = hashlib.blake2b(value.tobytes(), digest_size=32).digest()
        return type(value), value.dtype.str, value.shape, value.strides, told
    if isinstance(value, (bool, int, float, str, type(None), type(Ellipsis), slice, np.dtype)):
        return type(value), repr(value)
    if isinstance(value, type):
        return type, value
    if isinstance(value, (tuple, list)):
        keys = tuple(map(_key, value))
        return None if None in keys else (type(value), keys)
    return None


def _own(value: Any) -> Any:
    """A constant that nobody else can write to."""
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    return type(value)(map(_own, value)) if isinstance(value, (tuple, list)) else value

"""The graph of a recorded step: calls, the values that they read and make, plain arguments."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any

import numpy as np


class Unrecordable(TypeError):
    """A step that a graph can't represent, such as one that reads the value of a number."""


class Ref(int):
    """Number of a value of the graph, as an argument of a call."""


class Constant:
    """A plain argument of a call; two are equal if they have the same type and text."""

    __slots__ = ("key", "value")

    def __init__(self, value: Any) -> None:
        self.value, self.key = value, (type(value), repr(value))  # 1, 1.0 and True differ

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True)
class Call:
    """One call of a step; an operator has the name of its function in the standard."""

    name: str
    args: tuple[Any, ...]  # of Ref, Constant and tuples of them
    keywords: tuple[tuple[str, Any], ...]  # names, and arguments of the same kinds
    result: int  # number of the value that it makes, or writes to in place
    in_place: bool = False  # whether it writes to an existing value

    def option(self, place: int, name: str, default: Any = None) -> Any:
        """Return a plain argument by its position or its name."""
        argument = self.args[place] if place < len(self.args) else dict(self.keywords).get(name)
        return default if argument is None else getattr(argument, "value", argument)

    @property
    def reads(self) -> tuple[int, ...]:
        """Numbers of the values among its arguments."""
        return (*refs(self.args), *refs(a for _, a in self.keywords))

    @property
    def touched(self) -> tuple[int, ...]:
        """Numbers of the values among its arguments, and of its result."""
        return (*self.reads, self.result)


@dataclass(frozen=True)
class Value:
    """Type of a value, and the value that owns its memory."""

    shape: tuple[int, ...]  # empty for a number
    dtype: Any  # dtype of an array, int or float for a number of Python
    order: str  # "C", "F"; empty where its memory has gaps or another order
    scalar: bool  # whether it is a number, not an array
    root: int  # number of the value that owns its memory: its own number, unless it is a view

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))


@dataclass
class Graph:
    """Calls of a step in their order, and its values, the arguments of the step first."""

    values: list[Value] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    broken: bool = False  # whether something happened that can't be recorded
    # the values during the recording: while they live, shared memory means that one is a view
    recorded: list[Any] = field(default_factory=list, repr=False)

    def refuse(self, why: str) -> Unrecordable:
        """Return the error; the graph is marked as broken, even if a step catches the error."""
        self.broken = True
        return Unrecordable(why)

    def value(self, value: Any, sources: Iterable[int], shares: Any) -> int:
        """Return the number of a new value, which may be a view of one of its sources."""
        # a value owns its memory unless a source shares it
        number = root = len(self.values)
        order, scalar = "", isinstance(value, (np.generic, int, float))
        shape, dtype = getattr(value, "shape", ()), getattr(value, "dtype", type(value))
        if not scalar:
            flags: Any = value.flags
            order = "C" if flags.c_contiguous else "F" if flags.f_contiguous else ""
            for n in sources:
                if not self.values[n].scalar and shares(self.recorded[n], value):
                    root = self.values[n].root
        self.values.append(Value(tuple(shape), dtype, order, scalar, root))
        self.recorded.append(value)
        return number

    def roots(self, numbers: Iterable[int]) -> set[int]:
        """Numbers of the values that own the memory of these."""
        return {self.values[n].root for n in numbers if not self.values[n].scalar}


_PLAIN = (bool, int, float, str, type(None), EllipsisType, slice, np.dtype, type)


def is_plain(value: Any) -> bool:
    """Whether a value is immutable, so that it can be a :class:`Constant`."""
    if isinstance(value, tuple):
        return all(map(is_plain, value))
    return isinstance(value, _PLAIN) and not isinstance(value, np.generic)


def refs(args: Iterable[Any]) -> Iterator[int]:
    """Yield the numbers of the values among arguments."""
    for a in args:
        if isinstance(a, Ref):
            yield int(a)
        elif isinstance(a, tuple):
            yield from refs(a)

"""What is recorded: calls, the values that they take and give, and plain arguments."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any

import numpy as np


class Unrecordable(TypeError):
    """A step asked for what a graph can't hold, such as the value of a number."""


class Ref(int):
    """Number of a value of a graph, among the arguments of a call."""


class Constant:
    """A plain argument of a call; two are equal if they are of one type and read alike."""

    __slots__ = ("key", "value")

    def __init__(self, value: Any) -> None:
        self.value, self.key = value, (type(value), repr(value))  # 1, 1.0 and True are three

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True)
class Call:
    """One call of a step; operators have the names of their functions in the standard."""

    name: str
    args: tuple[Any, ...]  # of Ref, Constant and tuples of them
    keywords: tuple[tuple[str, Any], ...]  # names, and arguments of the same kinds
    result: int  # number of the value that it gives; in place, of the one that it writes to
    in_place: bool = False  # whether it writes to a value that there is

    def option(self, place: int, name: str, default: Any = None) -> Any:
        """A plain argument by its place or its name."""
        given = self.args[place] if place < len(self.args) else dict(self.keywords).get(name)
        return default if given is None else getattr(given, "value", given)

    @property
    def reads(self) -> tuple[int, ...]:
        """Numbers of the values that it is given."""
        return (*refs(self.args), *refs(a for _, a in self.keywords))

    @property
    def touched(self) -> tuple[int, ...]:
        """Numbers of the values that it is given, and of its result."""
        return (*self.reads, self.result)


@dataclass(frozen=True)
class Value:
    """What is known of a value: its type, and the value whose memory it shows."""

    shape: tuple[int, ...]  # empty for a number
    dtype: Any  # int or float of a number of Python's
    order: str  # "C", "F"; empty where its memory has gaps or another order
    scalar: bool  # whether it is a number, not an array
    root: int  # number of the value whose memory it shares; its own where it has memory of its own

    @property
    def size(self) -> int:
        """How many elements there are."""
        return int(np.prod(self.shape))


@dataclass
class Graph:
    """Calls of a step in their order, and its values, first those that the step is given."""

    values: list[Value] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    broken: bool = False  # whether something happened that can't be recorded
    # the values themselves while the step is recorded: roots are told by memory that none else uses
    held: list[Any] = field(default_factory=list, repr=False)

    def refuse(self, why: str) -> Unrecordable:
        """Return the error; the graph is of no use from here on, whoever catches it."""
        self.broken = True
        return Unrecordable(why)

    def value(self, value: Any, sources: Iterable[int], shares: Any) -> int:
        """Return the number of a new value, which may be a view of what it was made of."""
        number = root = len(self.values)
        order, scalar = "", isinstance(value, (np.generic, int, float))
        shape, dtype = getattr(value, "shape", ()), getattr(value, "dtype", type(value))
        if not scalar:
            flags: Any = value.flags
            order = "C" if flags.c_contiguous else "F" if flags.f_contiguous else ""
            for n in sources:
                if not self.values[n].scalar and shares(self.held[n], value):
                    root = self.values[n].root
        self.values.append(Value(tuple(shape), dtype, order, scalar, root))
        self.held.append(value)
        return number

    def roots(self, numbers: Iterable[int]) -> set[int]:
        """Values whose memory these show."""
        return {self.values[n].root for n in numbers if not self.values[n].scalar}


_PLAIN = (bool, int, float, str, type(None), EllipsisType, slice, np.dtype, type)


def is_plain(value: Any) -> bool:
    """Whether a value can be a :class:`Constant`, which nobody can write to."""
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

"""The plan of a graph: what is computed once, what each step computes, and in which memory."""

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from bpnet.backends.trace import joins
from bpnet.backends.trace.graph import Call, Graph
from bpnet.backends.trace.joins import Join
from bpnet.backends.trace.recorder import CREATION

TakesOut = Callable[[Call], bool]
"""Whether a call can write its result to memory that exists already."""

_LARGE = 1 << 16
"""Bytes from which an array is released after its last use."""


@dataclass(frozen=True)
class Ends:
    """Arguments and results of a step, by the numbers of their values in the graph."""

    carry: tuple[int, ...]  # before the step; the other arguments follow
    batch: tuple[int, ...]
    numbers: tuple[int, ...]
    operands: tuple[int, ...]
    carried: tuple[int, ...]  # the carry after the step
    outs: tuple[int, ...]  # its results

    @property
    def in_place(self) -> frozenset[int]:
        """Values of the carry that the step updates in place."""
        return frozenset(a for a, b in zip(self.carry, self.carried, strict=True) if a == b)


@dataclass(frozen=True)
class Unit:
    """Calls that run as one: a call of the library, or several as one kernel."""

    calls: tuple[Call, ...]
    is_kernel: bool = False

    @cached_property
    def made(self) -> tuple[int, ...]:
        """Numbers of the new values."""
        return tuple(call.result for call in self.calls if not call.in_place)

    @cached_property
    def touched(self) -> frozenset[int]:
        """Numbers of the values that the unit reads, writes or makes."""
        return frozenset(n for call in self.calls for n in call.touched)


class Library(ABC):
    """How a library replays the calls of a graph."""

    array: Any  # type of its arrays
    axes = 1  # axes of arrays that are computed in their place in others, at most: gaps cost time
    compiles = False  # whether a replay is compiled, which takes seconds

    @abstractmethod
    def empty(self, shape: tuple[int, ...], dtype: Any, order: Any = "C") -> Any:
        """Return memory for a result."""

    @abstractmethod
    def numbers(self, column: Any) -> list[Any]:
        """Return numbers of the host, (steps,), in the form that a step takes."""

    @abstractmethod
    def alike(self, graph: Graph, a: Any, b: Any) -> bool:
        """Whether a result of a replay is that of the recorded step."""

    @abstractmethod
    def takes_out(self, graph: Graph, call: Call) -> bool:
        """Whether a call makes a new array, and can write it to memory that exists already."""

    @abstractmethod
    def statements(self, writer: Any, unit: Unit) -> list[str]:
        """Return the lines of a unit."""

    def units(self, graph: Graph, calls: Sequence[Call]) -> list[Unit]:
        """Return the units of the calls: each call by itself."""
        return [Unit((call,)) for call in calls]

    def launcher(self, replay: Any, ends: Ends) -> Any:
        """Return the function that does the steps, from the one that does them call by call."""
        return replay


@dataclass(frozen=True)
class Plan:
    """A step to be replayed."""

    graph: Graph
    ends: Ends
    before: list[Call]  # calls that are made once, for all steps: views and constant arrays
    body: list[Unit]  # the step
    joins: dict[int, Join]  # concatenations, by the numbers of their results
    packed: frozenset[int]  # these results, and the arrays that are computed as parts of them
    places: dict[int, int]  # the buffer of each value that has one
    buffers: list[tuple[tuple[int, ...], Any, str]]  # shape, dtype and order of each buffer
    fixed: frozenset[int]  # values that are the same array, or the same view, in all steps
    released: dict[int, list[int]]  # other large values, by the unit of their last use
    internal: frozenset[int]  # values that no unit uses but the kernel that makes them

    def has_memory(self, n: int) -> bool:
        """Whether the memory of a new value exists before the step."""
        return n in self.places or n in self.packed


def make(graph: Graph, ends: Ends, library: Library) -> Plan:
    """Plan of a graph for a library."""
    takes_out = partial(library.takes_out, graph)
    returned = frozenset(graph.values[n].root for n in (*ends.carried, *ends.outs))
    arguments = frozenset((*ends.carry, *ends.batch, *ends.numbers, *ends.operands))
    # the caller owns what a step is given, and keeps what it returns: both need own memory
    concats = joins.find(graph, returned | arguments, takes_out, library.axes)
    parts = {root for join in concats for _, root in join.parts if root >= 0}
    packed = frozenset(parts | {join.call.result for join in concats})
    fixed = _fixed(graph, ends, returned, packed, takes_out)
    # the view of a part that is computed in place is not needed, if only the concatenation reads it
    reads = Counter(n for call in graph.calls for n in {*call.reads})
    pairs = [pair for join in concats for pair in join.parts]
    views = {n for n, root in pairs if root not in (-1, n) and reads[n] == 1}
    calls = [call for call in graph.calls if call.result not in views]
    before = [call for call in calls if call.result in fixed and not call.in_place]
    once = set(map(id, before))
    body = library.units(graph, [call for call in calls if id(call) not in once])
    internal = _internal(graph, body, before, returned | packed)
    last_use = {root: i for i, unit in enumerate(body) for root in graph.roots(unit.touched)}
    places, buffers = _places(graph, body, last_use, returned | packed | internal, takes_out)
    released = _released(graph, body, last_use, returned | packed | places.keys())
    by_result = {join.call.result: join for join in concats}
    return Plan(
        graph, ends, before, body, by_result, packed, places, buffers, fixed, released, internal
    )  # fmt: skip


def _fixed(graph: Graph, ends: Ends, returned: frozenset[int], packed: frozenset[int],
           takes_out: TakesOut) -> frozenset[int]:  # fmt: skip
    """Results that are the same in all steps.

    These are arrays that depend on no argument and are never written to, and views of fixed memory:
    of parameters, of data, of buffers.
    """
    # a constant that is written to, or leaves the step, must be made anew in each
    written = {graph.values[call.result].root for call in graph.calls if call.in_place}
    constant: set[int] = set()
    still, fixed = {*ends.in_place, *ends.operands}, set()
    for call in graph.calls:
        n, root = call.result, graph.values[call.result].root
        if call.in_place:
            continue
        free = call.name in CREATION or (call.reads and constant.issuperset(call.reads))
        if free and not {root} & (written | returned | packed):
            constant.add(n)
        # a view stays the same as long as the memory that it looks at does
        if n in constant or (root != n and still.issuperset(call.reads)):
            fixed.add(n)
        if n in fixed or n in packed or (root == n and n not in returned and takes_out(call)):
            still.add(n)
    return frozenset(fixed)


def _internal(
    graph: Graph, body: list[Unit], before: list[Call], excluded: frozenset[int]
) -> frozenset[int]:
    """Values that no unit uses but the kernel that makes them."""
    # by the memory, because a view of a value uses it, too
    users = Counter(root for unit in body for root in {graph.values[n].root for n in unit.touched})
    users.update(root for call in before for root in graph.roots(call.reads))
    made = {n for unit in body if unit.is_kernel for n in unit.made}
    return frozenset(n for n in made - excluded if users[n] == 1)


def _places(graph: Graph, body: list[Unit], last_use: dict[int, int], excluded: frozenset[int],
            takes_out: TakesOut) -> tuple[dict[int, int], list[Any]]:  # fmt: skip
    """Buffers for the results of a step; a buffer is free again after the last use of its value."""
    places: dict[int, int] = {}
    buffers: list[Any] = []
    free: defaultdict[Any, list[int]] = defaultdict(list)
    for i, unit in enumerate(body):
        for call in unit.calls:
            if call.result not in excluded and takes_out(call):
                value = graph.values[call.result]
                kind = value.shape, value.dtype, value.order
                if not free[kind]:
                    free[kind].append(len(buffers))
                    buffers.append(kind)
                places[call.result] = free[kind].pop()
        # freed after the whole unit, whose calls must not write to what it reads
        for root in graph.roots(unit.touched):
            if root in places and last_use[root] == i:
                free[buffers[places[root]]].append(places[root])
    return places, buffers


def _released(
    graph: Graph, body: list[Unit], last_use: dict[int, int], excluded: frozenset[int]
) -> dict[int, list[int]]:
    """Large arrays that a step allocates, and views of them, by the unit of their last use."""
    new = [n for unit in body for n in unit.made]
    allocated = set(new) - excluded
    released: defaultdict[int, list[int]] = defaultdict(list)
    for n in new:
        root = graph.values[n].root
        value = graph.values[root]
        if root in allocated and not value.scalar and value.size * value.dtype.itemsize >= _LARGE:
            released[last_use[root]].append(n)
    return dict(released)

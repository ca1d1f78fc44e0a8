"""What is done with a graph before it is replayed: what stays, and what is written where."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from bpnet.backends.trace import joins
from bpnet.backends.trace.graph import Call, Graph
from bpnet.backends.trace.joins import Join
from bpnet.backends.trace.recorder import CREATION

Tells = Callable[[Call], bool]
"""Whether a call can be told where to write."""

_LARGE = 1 << 16
"""Bytes from which an array is let go of as soon as it is done with."""


@dataclass(frozen=True)
class Ends:
    """Numbers of the values that a step is given, and of those that it returns."""

    carry: tuple[int, ...]
    taken: tuple[int, ...]
    numbers: tuple[int, ...]
    operands: tuple[int, ...]
    carried: tuple[int, ...]
    outs: tuple[int, ...]

    @property
    def kept(self) -> frozenset[int]:
        """Those that it is given and returns, changed in place."""
        return frozenset(a for a, b in zip(self.carry, self.carried, strict=True) if a == b)


@dataclass(frozen=True)
class Unit:
    """Calls that are done at once: one of the library's, or more as one kernel."""

    calls: tuple[Call, ...]
    is_kernel: bool = False  # whether they are written as a kernel

    @cached_property
    def made(self) -> tuple[int, ...]:
        """Numbers of the new values."""
        return tuple(call.result for call in self.calls if not call.in_place)

    @cached_property
    def touched(self) -> frozenset[int]:
        """Numbers of the values that it reads, writes or makes."""
        return frozenset(n for call in self.calls for n in call.touched)


class Library:
    """How a library does the calls of a graph; what is here holds where its file says no more."""

    array: Any  # type of its arrays
    axes = 1  # of arrays that are made in their place in others, at most: gaps may take time
    compiles = False  # whether what it makes of a step is compiled, which takes seconds

    def empty(self, shape: tuple[int, ...], dtype: Any, order: Any = "C") -> Any:
        """Memory that waits for a result."""
        raise NotImplementedError

    def numbers(self, column: Any) -> list[Any]:
        """Numbers of the host, (steps,), as what a step calculates with."""
        raise NotImplementedError

    def alike(self, graph: Graph, a: Any, b: Any) -> bool:
        """Whether a replay of a graph gave what the step gives."""
        raise NotImplementedError

    def tells(self, graph: Graph, call: Call) -> bool:
        """Whether a call gives a new array and can be told where to write it."""
        raise NotImplementedError

    def units(self, graph: Graph, calls: Sequence[Call]) -> list[Unit]:
        """What is done at once: each call by itself."""
        return [Unit((call,)) for call in calls]

    def followed(self, replay: Any, ends: Ends) -> Any:
        """What replays a plan, made of the function that does so call by call."""
        return replay

    def statements(self, writer: Any, unit: Unit) -> list[str]:
        """Lines of a unit."""
        raise NotImplementedError


@dataclass(frozen=True)
class Plan:
    """A step to be replayed."""

    graph: Graph
    ends: Ends
    before: list[Call]  # what is the same in all steps and done once: views, and constant arrays
    body: list[Unit]  # the step
    joins: dict[int, Join]  # the calls that join arrays to a vector, by the number of that
    packed: frozenset[int]  # arrays that are made in their place in such a vector, and these
    places: dict[int, int]  # values that memory waits for: the number of that
    buffers: list[tuple[tuple[int, ...], Any, str]]  # that memory: shape, dtype and order
    fixed: frozenset[int]  # values that are the same in all steps, and views that are
    done: dict[int, list[int]]  # large other values, by the place after which nobody needs them
    inner: frozenset[int]  # values that are seen by nobody but the kernel that makes them

    def waits(self, n: int) -> bool:
        """Whether there is memory for a new value before the step."""
        return n in self.places or n in self.packed


def make(graph: Graph, ends: Ends, library: Library) -> Plan:
    """Plan of a graph for a library."""
    tells = partial(library.tells, graph)
    roots = frozenset(graph.values[n].root for n in (*ends.carried, *ends.outs))
    given = frozenset((*ends.carry, *ends.taken, *ends.numbers, *ends.operands))
    found = joins.find(graph, roots | given, tells, library.axes)
    made = {root for join in found for _, root in join.parts if root >= 0}
    packed = frozenset(made | {join.call.result for join in found})
    fixed = _fixed(graph, ends, roots, packed, tells)
    # views of what is made in its place are of no use, where they are joined alone
    used = Counter(n for call in graph.calls for n in {*call.reads})
    views = {n for join in found for n, root in join.parts if root not in (-1, n) and used[n] == 1}
    calls = [call for call in graph.calls if call.result not in views]
    before = [call for call in calls if call.result in fixed and not call.in_place]
    once = set(map(id, before))
    body = library.units(graph, [call for call in calls if id(call) not in once])
    inner = _inner(graph, body, before, roots | packed)
    seen = {root: i for i, unit in enumerate(body) for root in graph.roots(unit.touched)}
    places, buffers = _places(graph, body, seen, roots | packed | inner, tells)
    done = _done(graph, body, seen, roots | packed | places.keys())
    joined = {join.call.result: join for join in found}
    return Plan(
        graph, ends, before, body, joined, packed, places, buffers, fixed, done, inner
    )  # fmt: skip


def _fixed(graph: Graph, ends: Ends, handed: frozenset[int], packed: frozenset[int],
           tells: Tells) -> frozenset[int]:  # fmt: skip
    """Results that are the same in all steps.

    Those are arrays that depend on nothing, which nobody writes to, and views of memory that stays
    where it is: of parameters, of data, of what waits for a result.
    """
    written = {graph.values[call.result].root for call in graph.calls if call.in_place}
    constant: set[int] = set()
    still, fixed = {*ends.kept, *ends.operands}, set()
    for call in graph.calls:
        n, root = call.result, graph.values[call.result].root
        if call.in_place:
            continue
        free = call.name in CREATION or (call.reads and constant.issuperset(call.reads))
        if free and not {root} & (written | handed | packed):
            constant.add(n)
        if n in constant or (root != n and still.issuperset(call.reads)):
            fixed.add(n)
        if n in fixed or n in packed or (root == n and n not in handed and tells(call)):
            still.add(n)
    return frozenset(fixed)


def _inner(
    graph: Graph, body: list[Unit], before: list[Call], held: frozenset[int]
) -> frozenset[int]:
    """Values that only the kernel that makes them sees."""
    users = Counter(root for unit in body for root in {graph.values[n].root for n in unit.touched})
    users.update(root for call in before for root in graph.roots(call.reads))
    made = {n for unit in body if unit.is_kernel for n in unit.made}
    return frozenset(n for n in made - held if users[n] == 1)


def _places(graph: Graph, body: list[Unit], seen: dict[int, int], held: frozenset[int],
            tells: Tells) -> tuple[dict[int, int], list[Any]]:  # fmt: skip
    """Memory for the results of a step, used again as soon as nobody looks at what is there."""
    places: dict[int, int] = {}
    buffers: list[Any] = []
    free: defaultdict[Any, list[int]] = defaultdict(list)
    for i, unit in enumerate(body):
        for call in unit.calls:
            if call.result not in held and tells(call):
                value = graph.values[call.result]
                kind = value.shape, value.dtype, value.order
                if not free[kind]:
                    free[kind].append(len(buffers))
                    buffers.append(kind)
                places[call.result] = free[kind].pop()
        for root in graph.roots(unit.touched):
            if root in places and seen[root] == i:
                free[buffers[places[root]]].append(places[root])
    return places, buffers


def _done(
    graph: Graph, body: list[Unit], seen: dict[int, int], held: frozenset[int]
) -> dict[int, list[int]]:
    """Large arrays with memory of their own, and views of them, by where they are last seen."""
    new = [n for unit in body for n in unit.made]
    ours = set(new) - held
    found: defaultdict[int, list[int]] = defaultdict(list)
    for n in new:
        root = graph.values[n].root
        value = graph.values[root]
        if root in ours and not value.scalar and value.size * value.dtype.itemsize >= _LARGE:
            found[seen[root]].append(n)
    return dict(found)

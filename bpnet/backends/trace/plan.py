"""What is done with a graph before it is replayed: what stays, and what is written where."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

from bpnet.backends.trace import joins
from bpnet.backends.trace.graph import Call, Graph
from bpnet.backends.trace.joins import Join
from bpnet.backends.trace.recorder import CREATION

_LARGE = 1 << 16
"""Bytes from which an array is let go of as soon as it is done with."""


@dataclass(frozen=True)
class Ends:
    """Numbers of the values that a step is given and returns.

    Parameters
    ----------
    carry, taken, numbers, operands : tuple of int
        What it is given.
    carried, outs : tuple of int
        What it returns.
    """

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
    """Calls that are done at once: one of the library's, or more as one kernel.

    Parameters
    ----------
    calls : tuple of Call
        In their order.
    is_kernel : bool
        Whether they are written as a kernel.
    """

    calls: tuple[Call, ...]
    is_kernel: bool = False

    @cached_property
    def made(self) -> tuple[int, ...]:
        """Numbers of the new values."""
        return tuple(call.result for call in self.calls if not call.in_place)

    @cached_property
    def touched(self) -> frozenset[int]:
        """Numbers of the values that it reads, writes or makes."""
        return frozenset(n for call in self.calls for n in call.touched)


class Library(Protocol):
    """What a library's file tells of its calls.

    Attributes
    ----------
    array : type
        Of its arrays.
    axes : int
        Of arrays that are made in their place in others, at most: 1 where gaps take time.
    compiles : bool
        Whether what it makes of a step is compiled, which takes seconds.
    """

    array: Any
    axes: int
    compiles: bool

    def empty(self, shape: tuple[int, ...], dtype: Any, order: Any = "C") -> Any:
        """Return memory that waits for a result."""

    def numbers(self, column: Any) -> list[Any]:
        """Return the numbers of the host, (steps,), as what a step calculates with."""

    def alike(self, graph: Graph, a: Any, b: Any) -> bool:
        """Return whether a replay of a graph gave what the step gives."""

    def tells(self, graph: Graph, call: Call) -> bool:
        """Return whether a call gives a new array and can be told where to write it."""

    def units(self, graph: Graph, calls: Sequence[Call]) -> list[Unit]:
        """Return what is done at once."""

    def followed(self, replay: Any, ends: Ends) -> Any:
        """Return what replays a plan, from the function that does so call by call."""

    def statements(self, writer: Any, unit: Unit) -> list[str]:
        """Return the lines of a unit."""


@dataclass(frozen=True)
class Plan:
    """A step to be replayed.

    Parameters
    ----------
    graph : Graph
        Its calls.
    ends : Ends
        What it is given and returns.
    before : list of Call
        What is the same in all steps, done once: views of memory that stays where it is, and
        arrays that depend on nothing.
    body : list of Unit
        The step.
    joins : dict of int to Join
        Those of its calls that join arrays to a vector, by the number of that.
    packed : set of int
        Arrays that are made in their place in such a vector, and these.
    places : dict of int to int
        Values that are written to memory that waits for them: the number of that.
    buffers : list of (shape, dtype, order)
        That memory.
    fixed : set of int
        Values that are the same in all steps, and views that are.
    done : dict of int to list of int
        Large values that are not, by the place in the body after which nobody needs them.
    inner : set of int
        Values that are seen by nobody but the kernel that makes them.
    """

    graph: Graph
    ends: Ends
    before: list[Call]
    body: list[Unit]
    joins: dict[int, Join]
    packed: frozenset[int]
    places: dict[int, int]
    buffers: list[tuple[tuple[int, ...], Any, str]]
    fixed: frozenset[int]
    done: dict[int, list[int]]
    inner: frozenset[int]

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
    before = [c for c in graph.calls if c.result in fixed and not c.in_place]
    gone = {id(call) for call in before}
    before = [call for call in before if call.result not in views]
    gone |= {id(call) for call in graph.calls if call.result in views}
    body = library.units(graph, [call for call in graph.calls if id(call) not in gone])
    inner = _inner(graph, body, before, roots | packed)
    seen = {root: i for i, unit in enumerate(body) for root in graph.roots(unit.touched)}
    places, buffers = _places(graph, body, seen, roots | packed | inner, tells)
    new = [n for unit in body for n in unit.made]
    done = _done(graph, new, seen, roots | packed | places.keys())
    joined = {join.call.result: join for join in found}
    return Plan(
        graph, ends, before, body, joined, packed, places, buffers, fixed, done, inner
    )  # fmt: skip


def _fixed(
    graph: Graph,
    ends: Ends,
    handed: frozenset[int],
    packed: frozenset[int],
    tells: Callable[[Call], bool],
) -> frozenset[int]:
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
        view = root != n and still.issuperset(call.reads)
        if n in constant or view:
            fixed.add(n)
        if n in fixed or n in packed or (root == n and n not in handed and tells(call)):
            still.add(n)
    return frozenset(fixed)


def _inner(
    graph: Graph, body: list[Unit], before: list[Call], held: frozenset[int]
) -> frozenset[int]:
    """Values that only the kernel that makes them sees."""
    users: defaultdict[int, set[int]] = defaultdict(set)
    for i, unit in enumerate(body):
        for root in {graph.values[n].root for n in unit.touched}:
            users[root].add(i)
    for call in before:
        for root in graph.roots(call.reads):
            users[root].add(-1)
    return frozenset(
        n
        for unit in body
        if unit.is_kernel
        for n in unit.made
        if len(users[n]) == 1 and n not in held
    )


def _places(
    graph: Graph,
    body: list[Unit],
    seen: dict[int, int],
    held: frozenset[int],
    tells: Callable[[Call], bool],
) -> tuple[dict[int, int], list[tuple[tuple[int, ...], Any, str]]]:
    """Memory for the results of a step, used again as soon as nobody looks at what is there."""
    places: dict[int, int] = {}
    buffers: list[tuple[tuple[int, ...], Any, str]] = []
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
    graph: Graph, new: list[int], seen: dict[int, int], held: frozenset[int]
) -> dict[int, list[int]]:
    """Large arrays with memory of their own, and views of them, by where they are last seen."""
    numbers = set(new)
    found: defaultdict[int, list[int]] = defaultdict(list)
    for n in new:
        root = graph.values[n].root
        value = graph.values[root]
        ours = root in numbers and root not in held and not value.scalar
        if ours and value.size * value.dtype.itemsize >= _LARGE:
            found[seen[root]].append(n)
    return dict(found)

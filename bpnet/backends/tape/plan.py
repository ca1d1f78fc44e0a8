"""What is done with a tape before it is replayed: what stays, what moves, what is written where."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.backends.tape import joins
from bpnet.backends.tape.calls import Call, Tape, can_be_told, refs, touched
from bpnet.backends.tape.joins import Join

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
class Plan:
    """A step to be replayed.

    Parameters
    ----------
    tape : Tape
        Its calls.
    ends : Ends
        What it is given and returns.
    before : list of Call
        Views of what stays the same arrays, made once.
    body : list of Call
        The step.
    joins : dict of int to Join
        Those of them that join arrays to a vector, by the number of that.
    packed : set of int
        Arrays that are made in their place in such a vector, and these.
    places : dict of int to int
        Values that are written to memory that waits for them: the number of that.
    buffers : list of (shape, dtype, order)
        That memory.
    done : dict of int to list of int
        Large values that are not, by the place in the body after which nobody needs them.
    """

    tape: Tape
    ends: Ends
    before: list[Call]
    body: list[Call]
    joins: dict[int, Join]
    packed: frozenset[int]
    places: dict[int, int]
    buffers: list[tuple[tuple[int, ...], Any, str]]
    done: dict[int, list[int]]

    def where(self, n: int) -> str | None:
        """Name of the array that a new value is written to, if there is one."""
        if n in self.places:
            return f"w{self.places[n]}"
        return f"v{n}" if n in self.packed else None


def make(tape: Tape, ends: Ends) -> Plan:
    """Plan of a tape."""
    roots = frozenset(tape.values[n].root for n in (*ends.carried, *ends.outs))
    given = frozenset((*ends.carry, *ends.taken, *ends.numbers, *ends.operands))
    before, found = _before(tape, ends), joins.find(tape, roots | given)
    made = {root for join in found for _, root in join.parts if root >= 0}
    # views of what is made in its place are of no use, where they are joined alone
    used = Counter(n for call in tape.calls for n in {*_seen(call)})
    views = {n for join in found for n, root in join.parts if root not in (-1, n) and used[n] == 1}
    gone = {id(call) for call in before}
    gone |= {id(call) for call in tape.calls if call.result in views}
    body = [call for call in tape.calls if id(call) not in gone]
    packed = frozenset(made | {join.call.result for join in found})
    new = [call for call in body if not call.in_place]
    seen = {root: i for i, call in enumerate(body) for root in _roots(tape, call)}
    places, buffers = _places(tape, body, seen, roots | packed)
    done = _done(tape, new, seen, roots | packed | places.keys())
    joined = {join.call.result: join for join in found}
    return Plan(tape, ends, before, body, joined, packed, places, buffers, done)


def _seen(call: Call) -> Iterator[int]:
    """Values that a call is given."""
    yield from (*refs(call.args), *refs(a for _, a in call.keywords))


def _before(tape: Tape, ends: Ends) -> list[Call]:
    """Views of parameters that stay where they are, and of data."""
    steady = {*ends.kept, *ends.operands}
    found = []
    for call in tape.calls:
        view = tape.values[call.result].root != call.result
        if view and not call.in_place and steady.issuperset(_seen(call)):
            steady.add(call.result)
            found.append(call)
    return found


def _places(
    tape: Tape, body: list[Call], seen: dict[int, int], held: frozenset[int]
) -> tuple[dict[int, int], list[tuple[tuple[int, ...], Any, str]]]:
    """Memory for the results of a step, used again as soon as nobody looks at what is there."""
    places: dict[int, int] = {}
    buffers: list[tuple[tuple[int, ...], Any, str]] = []
    free: defaultdict[Any, list[int]] = defaultdict(list)
    for i, call in enumerate(body):
        if call.result not in held and can_be_told(tape, call):
            value = tape.values[call.result]
            kind = value.shape, value.dtype, value.order
            if not free[kind]:
                free[kind].append(len(buffers))
                buffers.append(kind)
            places[call.result] = free[kind].pop()
        for root in _roots(tape, call):
            if root in places and seen[root] == i:
                free[buffers[places[root]]].append(places[root])
    return places, buffers


def _done(
    tape: Tape, made: list[Call], seen: dict[int, int], held: frozenset[int]
) -> dict[int, list[int]]:
    """Large arrays with memory of their own, and views of them, by where they are last seen."""
    numbers = {call.result for call in made}
    found: defaultdict[int, list[int]] = defaultdict(list)
    for n in numbers:
        root = tape.values[n].root
        size = int(np.prod(tape.values[root].shape)) * tape.values[root].dtype.itemsize
        if root in numbers and root not in held and size >= _LARGE:
            found[seen[root]].append(n)
    return dict(found)


def _roots(tape: Tape, call: Call) -> set[int]:
    """Values whose memory a call sees or makes."""
    return {tape.values[n].root for n in touched(tape, call)}

"""What is done with a tape before it is replayed: what stays, what moves, what is written where."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.backends.tape import lanes
from bpnet.backends.tape.calls import Call, Tape
from bpnet.backends.tape.lanes import Lanes

_LARGE = 1 << 16
"""Bytes from which an array is let go of as soon as it is done with."""

Part = Call | Lanes
"""Of a step: a call, or those of several lanes at once."""


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
    body : list of Call or Lanes
        The step.
    lanes : list of Lanes
        Those of them.
    packed, copied : set of int
        Arrays of lanes that are made in their place, and those that are copied there.
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
    body: list[Part]
    lanes: list[Lanes]
    packed: frozenset[int]
    copied: set[int]
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
    before, found = _before(tape, ends), lanes.find(tape, ends.kept, roots - ends.kept)
    gone = {id(call) for group in found for lane in group.calls for call in lane}
    gone |= {id(call) for call in before}
    at = {group.at: group for group in found}
    body = [at.get(i, call) for i, call in enumerate(tape.calls) if i in at or id(call) not in gone]
    packed = frozenset(n for group in found for lane in group.roles for n in lane)
    made = [part for part in body if isinstance(part, Call) and not part.in_place]
    copied = {c.result for c in made if c.result in packed and not lanes.can_be_told(tape, c)}
    seen = {root: i for i, part in enumerate(body) for root in _roots(tape, part)}
    places, buffers = _places(tape, body, seen, roots | packed)
    done = _done(tape, made, seen, roots | packed | places.keys())
    return Plan(tape, ends, before, body, found, packed - copied, copied, places, buffers, done)


def _before(tape: Tape, ends: Ends) -> list[Call]:
    """Views of parameters that stay where they are, and of data."""
    steady = {*ends.kept, *ends.operands}
    found = []
    for call in tape.calls:
        view = tape.values[call.result].root != call.result
        given = [*lanes.refs(call.args), *lanes.refs(a for _, a in call.keywords)]
        if view and not call.in_place and steady.issuperset(given):
            steady.add(call.result)
            found.append(call)
    return found


def _places(
    tape: Tape, body: list[Part], seen: dict[int, int], held: frozenset[int]
) -> tuple[dict[int, int], list[tuple[tuple[int, ...], Any, str]]]:
    """Memory for the results of a step, used again as soon as nobody looks at what is there."""
    places: dict[int, int] = {}
    buffers: list[tuple[tuple[int, ...], Any, str]] = []
    free: defaultdict[Any, list[int]] = defaultdict(list)
    for i, part in enumerate(body):
        if isinstance(part, Call) and part.result not in held and lanes.can_be_told(tape, part):
            value = tape.values[part.result]
            kind = value.shape, value.dtype, value.order
            if not free[kind]:
                free[kind].append(len(buffers))
                buffers.append(kind)
            places[part.result] = free[kind].pop()
        for root in _roots(tape, part):
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


def _roots(tape: Tape, part: Part) -> Iterator[int]:
    """Values whose memory a part sees or makes."""
    calls = [part] if isinstance(part, Call) else [c for lane in part.calls for c in lane]
    yield from {tape.values[n].root for call in calls for n in lanes.touched(tape, call)}

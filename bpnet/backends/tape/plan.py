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
    copied : set of int
        Arrays of lanes that are made elsewhere and copied there.
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
    copied: frozenset[int]
    places: dict[int, int]
    buffers: list[tuple[tuple[int, ...], Any, str]]
    done: dict[int, list[int]]

    def where(self, n: int) -> str | None:
        """Name of the array that a new value is written to, if there is one."""
        if n in self.places:
            return f"w{self.places[n]}"
        inside = any(n in lane for group in self.lanes for lane in group.roles)
        return f"v{n}" if inside and n not in self.copied else None


def make(tape: Tape, ends: Ends) -> Plan:
    """Plan of a tape."""
    before, found = _before(tape, ends), lanes.find(tape, ends.kept)
    gone = {id(call) for group in found for lane in group.calls for call in lane}
    gone |= {id(call) for call in before}
    at = {group.at: group for group in found}
    body = [at.get(i, call) for i, call in enumerate(tape.calls) if i in at or id(call) not in gone]
    packed = {n for group in found for lane in group.roles for n in lane}
    copied = {
        call.result
        for call in body
        if isinstance(call, Call) and call.result in packed and not _can_be_told(tape, call)
    }
    held = {tape.values[n].root for n in (*ends.carried, *ends.outs, *packed)}
    seen = {root: i for i, part in enumerate(body) for root in _roots(tape, part)}
    places, buffers = _places(tape, body, seen, held)
    done = _done(tape, body, seen, held | set(places))
    return Plan(tape, ends, before, body, found, frozenset(copied), places, buffers, done)


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


def _can_be_told(tape: Tape, call: Call) -> bool:
    """Whether a call gives a new array and can be told where to write it."""
    value = tape.values[call.result]
    if call.in_place or call.keywords or value.root != call.result or not value.shape:
        return False
    if call.kind == "method":
        return call.what == "dot" and value.order == "C"
    return isinstance(call.what, np.ufunc) and value.order in ("C", "F")


def _places(
    tape: Tape, body: list[Part], seen: dict[int, int], held: set[int]
) -> tuple[dict[int, int], list[tuple[tuple[int, ...], Any, str]]]:
    """Memory for the results of a step, used again as soon as nobody looks at what is there."""
    places: dict[int, int] = {}
    buffers: list[tuple[tuple[int, ...], Any, str]] = []
    free: defaultdict[Any, list[int]] = defaultdict(list)
    for i, part in enumerate(body):
        if isinstance(part, Call) and part.result not in held and _can_be_told(tape, part):
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
    tape: Tape, body: list[Part], seen: dict[int, int], held: set[int]
) -> dict[int, list[int]]:
    """Large arrays with memory of their own, and views of them, by where they are last seen."""
    made = [part.result for part in body if isinstance(part, Call) and not part.in_place]
    found: defaultdict[int, list[int]] = defaultdict(list)
    for n in made:
        root = tape.values[n].root
        size = int(np.prod(tape.values[root].shape)) * tape.values[root].dtype.itemsize
        if root in made and root not in held and size >= _LARGE:
            found[seen[root]].append(n)
    return dict(found)


def _roots(tape: Tape, part: Part) -> Iterator[int]:
    """Values whose memory a part sees or makes."""
    calls = [part] if isinstance(part, Call) else [c for lane in part.calls for c in lane]
    yield from {tape.values[n].root for call in calls for n in lanes.arrays(tape, call)}

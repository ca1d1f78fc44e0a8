"""Calls that do the same to several small arrays, as one call on one array that holds them all.

An optimizer does the same to each ``W`` and ``b``: with Adam ten calls for each. Where the arrays
are small the calls are what costs, so their values are put side by side.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.backends.tape.calls import Call, Constant, Ref, Tape

_SMALL = 1 << 15
"""Elements up to which a call costs more than its work, by and large."""

_PAD = 16
"""Elements to a multiple of which an array's place is rounded: a cache line of float32."""

# fmt: off
_EXACT = frozenset([
    np.absolute, np.add, np.divide, np.maximum, np.minimum, np.multiply, np.negative, np.positive,
    np.sign, np.sqrt, np.square, np.subtract,
])
# fmt: on
"""Functions whose results are rounded the same wherever an element is in memory."""


@dataclass(frozen=True)
class Lanes:
    """Calls of several lanes, done at once.

    Parameters
    ----------
    calls : tuple of tuples of Call
        Of each lane, in their order: the same functions with the same roles.
    roles : tuple of tuples of int
        Of each lane, the numbers of its arrays by their role.
    at : int
        Where on the tape: the place of the last of the calls.
    """

    calls: tuple[tuple[Call, ...], ...]
    roles: tuple[tuple[int, ...], ...]
    at: int

    def places(self, tape: Tape) -> list[tuple[int, int]]:
        """First and last element, and one, of each lane in an array that holds all."""
        found, start = [], 0
        for lane in self.roles:
            size = int(np.prod(tape.values[lane[0]].shape))
            found.append((start, start + size))
            start += -(-size // _PAD) * _PAD
        return found


def find(tape: Tape, kept: frozenset[int], handed: frozenset[int]) -> list[Lanes]:
    """Lanes on a tape; no call is in two of them.

    Parameters
    ----------
    tape : Tape
        Of a step.
    kept : set of int
        Values that the step is given and hands on, changed in place.
    handed : set of int
        Others that it hands on: their memory can't be that of the next step too.
    """
    made = {call.result for call in tape.calls if not call.in_place}
    ours = (kept | made) - {n for n in made if tape.values[n].root in handed}
    groups = defaultdict(list)
    for members in _chains(tape, ours):
        said, roles = _describe(tape, members, kept)
        groups[said].append((members, roles))
    found = []
    for chains in groups.values():
        members = sorted(i for chain, _ in chains for i in chain)
        if len(chains) > 1 and _movable(tape, members) and _placeable(tape, members, kept):
            calls = tuple(tuple(tape.calls[i] for i in chain) for chain, _ in chains)
            found.append(Lanes(calls, tuple(roles for _, roles in chains), members[-1]))
    return found


def arrays(tape: Tape, call: Call) -> Iterator[int]:
    """Yield the numbers of the arrays that a call sees or gives, those of no dimension not."""
    yield from (n for n in touched(tape, call) if tape.values[n].shape)


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


def _chains(tape: Tape, ours: frozenset[int]) -> list[list[int]]:
    """Places of the calls of one lane each: joined by the arrays that they share.

    No others than ``ours``: what belongs to the batch or the data stays where it is.
    """
    home: dict[int, list[int]] = {}
    for i, call in enumerate(tape.calls):
        if not _elementwise(tape, call) or not ours.issuperset(arrays(tape, call)):
            continue
        chain = [i]
        for n in set(arrays(tape, call)):
            other = home.get(n)
            if other is not None and other is not chain:
                chain, other = (other, chain) if len(other) >= len(chain) else (chain, other)
                chain.extend(other)
                for key in [key for key, value in home.items() if value is other]:
                    home[key] = chain
            home[n] = chain
    return [sorted(chain) for chain in {id(chain): chain for chain in home.values()}.values()]


def _elementwise(tape: Tape, call: Call) -> bool:
    """Whether a call treats each element of small arrays of one shape and dtype alike."""
    result = tape.values[call.result]
    if call.what not in _EXACT or call.keywords or not 0 < int(np.prod(result.shape)) <= _SMALL:
        return False
    seen = [tape.values[n] for n in arrays(tape, call)]
    return bool(result.shape) and all(
        (v.shape, v.dtype, v.order, v.root) == (result.shape, result.dtype, "C", n)
        for n, v in zip(arrays(tape, call), seen, strict=True)
    )


def _describe(tape: Tape, members: list[int], kept: frozenset[int]) -> tuple[Any, tuple[int, ...]]:
    """What a chain must have in common with another to be a lane beside it, and its arrays."""
    own = {tape.calls[i].result for i in members if not tape.calls[i].in_place}
    roles: dict[int, int] = {}
    said: list[Any] = [tape.values[tape.calls[members[0]].result].dtype]
    for i in members:
        call = tape.calls[i]
        args: list[Any] = []
        for a in (*call.args, Ref(call.result)):
            if isinstance(a, Ref) and tape.values[a].shape:
                args.append((roles.setdefault(int(a), len(roles)), a in kept, a in own))
            else:
                args.append(a if isinstance(a, Constant) else ("number", int(a)))
        said.append((call.what, call.in_place, tuple(args)))
    return tuple(said), tuple(roles)


def _movable(tape: Tape, members: list[int]) -> bool:
    """Whether calls can all be done at the place of the last: nobody else looks in between."""
    values, calls = tape.values, tape.calls
    theirs = {values[n].root for i in members for n in arrays(tape, calls[i])}
    numbers = {values[n].root for i in members for n in refs(calls[i].args) if not values[n].shape}
    between = [calls[i] for i in range(members[0], members[-1]) if i not in members]
    return not any(
        values[n].root in theirs for call in between for n in touched(tape, call)
    ) and not any(call.in_place and values[call.result].root in numbers for call in between)


def _placeable(tape: Tape, members: list[int], kept: frozenset[int]) -> bool:
    """Whether what lanes are given is made in their place, or can be copied to it unseen."""
    inside = {n for i in members for n in arrays(tape, tape.calls[i])} - kept
    others = [call for i, call in enumerate(tape.calls) if i not in members]
    made = {call.result: call for call in others if not call.in_place}
    for n in inside & made.keys():
        seen = [c for c in others if n in {tape.values[k].root for k in touched(tape, c)}]
        if not can_be_told(tape, made[n]) and seen != [made[n]]:
            return False
    return True

"""Scans whose first step writes a tape and whose others replay it."""

import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice, pairwise
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from bpnet._typing import Array, Namespace
from bpnet.backends import loop, trees
from bpnet.backends.tape import plan
from bpnet.backends.tape.calls import Tape
from bpnet.backends.tape.code import Writer
from bpnet.backends.tape.plan import Ends
from bpnet.backends.tape.record import Traced

WORTH = 100
"""Steps from which a tape is worth writing, which takes as long as some twenty of them."""

_KEPT = 32
"""Functions that are kept for scans to come."""

_MOST = 1 << 26
"""Bytes of a carry, which is copied; steps of larger networks are work, not calls."""

_ROOM = 1 << 18
"""Bytes of what is loaded at once: of narrow rows more, as each time costs ten calls."""

_LOCK = threading.Lock()
_UNKNOWN: Any = object()
_functions: dict[Any, Callable[..., Any] | None] = {}


def scan(
    step: Callable[..., Any],
    carry: Any,
    xs: Any,
    operands: tuple[Any, ...],
    numbers: tuple[Array, ...] | None,
    together: int,
    *,
    xp: Namespace,
) -> tuple[Any, tuple[Array, ...]] | None:
    """Do what :func:`bpnet.backends.loop.run` does, by a tape; None where that can't be.

    The arguments are the same, but for ``numbers``, arrays of (steps, c). The carry is left as it
    was, and so is all else, as no step with a state of its own is begun.
    """
    total = loop.length(xs)
    if total < WORTH or not (_is_pure(step) and _is_plain(carry)):
        return None
    groups = loop.groups(step, xs, operands, together, xp=xp, room=_ROOM)
    loaded, split = next(groups)
    row = () if numbers is None else (tuple([n] * n.shape[1] for n in numbers),)
    pattern = loaded, row
    steps = _flat(chain([(loaded, split)], groups), numbers or ())
    with np.errstate(all="ignore"):  # in a run they are ignored anyhow
        written = _write(step, trees.map_leaves(np.array, carry), pattern, next(steps), operands)
        if written is None:
            return None
        tape, ends, carry, out = written
        outs: tuple[list[Any], ...] = tuple([value] for value in out)
        keep, data = tuple(column.append for column in outs), tuple(trees.leaves(operands))
        signature = tape.signature(), ends
        function = _functions.get(signature, _UNKNOWN)
        if function is _UNKNOWN:
            given = list(islice(steps, 2))
            plainly = partial(_plainly, step, carry, pattern, given, operands)
            function, carry = _tried(tape, ends, carry, given, data, keep, plainly)
            _keep(signature, function)
        if function is None:
            return None
        kept, folded = tuple(trees.leaves(carry)), []
        for _ in range(0, total, loop.FOLD):
            kept = function(kept, data, islice(steps, loop.FOLD - len(outs[0])), keep)
            folded.append([xp.stack(column) for column in outs])
            for column in outs:
                column.clear()
    return _rebuilt(carry, kept), loop.joined(folded, xp=xp)


def _is_pure(part: Any) -> bool:
    """Whether a part of a step can't have a state that changes from one call to the next.

    Those are functions, and objects without attributes or with such that are never set again.
    """
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        frozen = type(part).__dataclass_params__.frozen  # type: ignore[attr-defined]
        values = [getattr(part, f.name) for f in dataclasses.fields(part)]
        return frozen and all(map(_is_pure, values))
    if isinstance(part, MethodType):
        return _is_pure(part.__self__)
    if isinstance(part, (tuple, frozenset)):
        return all(map(_is_pure, part))
    if isinstance(part, (list, dict, set)):
        return False
    known = (np.ndarray, np.generic, np.dtype, type, FunctionType, ModuleType)
    return isinstance(part, known) or not getattr(part, "__dict__", None)


def _is_plain(carry: Any) -> bool:
    """Whether a carry is of arrays alone, none of which shares memory with another."""
    arrays = list(trees.leaves(carry))
    if not all(isinstance(a, np.ndarray) for a in arrays) or trees.scalars(carry):
        return False
    spans = sorted(byte_bounds(a) for a in arrays)
    apart = all(first[1] <= second[0] for first, second in pairwise(spans))
    return apart and sum(a.nbytes for a in arrays) <= _MOST


def _flat(groups: Iterable[tuple[Any, loop.Split]], numbers: tuple[Array, ...]) -> Iterator[Any]:
    """Yield a tuple for each step: the arrays of its batch, and its numbers as 0-d arrays."""
    first = 0
    for loaded, split in groups:
        batches = [split(a) for a in trees.leaves(loaded)]
        last = first + len(batches[0])
        columns = [loop.apart(n[first:last, j]) for n in numbers for j in range(n.shape[1])]
        yield from zip(*batches, *columns, strict=True)
        first = last


def _rebuilt(pattern: Any, leaves: Iterable[Any]) -> Any:
    """Tree of the structure of another with other leaves."""
    rest = iter(leaves)
    return trees.map_leaves(lambda _: next(rest), pattern)


def _write(
    step: Callable[..., Any],
    carry: Any,
    pattern: tuple[Any, Any],
    given: tuple[Any, ...],
    operands: Any,
) -> tuple[Tape, Ends, Any, tuple[Any, ...]] | None:
    """Take a step with arrays that write: its tape and ends, the carry after it and its outs."""
    tape = Tape()

    def take(a: Any) -> Traced:
        if not isinstance(a, np.ndarray):
            raise tape.refuse(f"a {type(a).__name__} among arrays")
        return Traced(tape, a)

    try:
        trees_given = (carry, *_rebuilt(pattern, given), operands)
        taken = [trees.map_leaves(take, tree) for tree in trees_given]
        held, x, row, data = taken
        moved, out = step(held, x, *row, *data)
        before, after = list(trees.leaves(held)), list(trees.leaves(moved))
    except Exception:  # the plain loop says what is wrong, or that nothing is
        return None
    writes = all(isinstance(a, Traced) for a in (*after, *out))
    if tape.broken or not out or not writes or list(map(_kind, before)) != list(map(_kind, after)):
        return None
    numbers = [tuple(a._number for a in trees.leaves(tree)) for tree in (*taken, moved, out)]
    values = trees.map_leaves(lambda a: a._value, moved)
    tape.held.clear()
    return tape, Ends(*numbers), values, tuple(a._value for a in out)


def _kind(a: Traced) -> Any:
    value = a._value
    return isinstance(value, np.ndarray), value.shape, value.dtype, value.strides


def _plainly(
    step: Callable[..., Any], carry: Any, pattern: Any, given: list[Any], operands: Any
) -> list[Any]:
    """What steps carry on in the end and give, done as they stand."""
    carry, outs = trees.map_leaves(np.array, carry), []
    for one in given:
        x, row = _rebuilt(pattern, one)
        carry, out = step(carry, x, *row, *operands)
        outs.append(out)
    columns = zip(*outs, strict=True)
    return [*trees.leaves(carry), *(value for column in columns for value in column)]


def _tried(
    tape: Tape,
    ends: Ends,
    carry: Any,
    given: list[Any],
    data: tuple[Any, ...],
    keep: tuple[Callable[[Any], None], ...],
    plainly: Callable[[], list[Any]],
) -> tuple[Callable[..., Any] | None, Any]:
    """Function that replays a tape, and what it carries on; None where two steps show a difference.

    The tape can't tell whether a step is a function of its arguments alone, or an array of NumPy's
    was told from one that writes; that shows here.
    """
    found: list[list[Any]] = [[] for _ in keep]
    try:
        function = Writer(plan.make(tape, ends)).function()
        expected = plainly()
        gather = tuple(column.append for column in found)
        moved = function(tuple(trees.leaves(carry)), data, given, gather)
    except Exception:  # such as shapes that depend on values
        return None, carry
    values = [*moved, *(value for column in found for value in column)]
    if not all(map(_alike, values, expected)):
        return None, carry
    for add, column in zip(keep, found, strict=True):
        for value in column:
            add(value)
    return function, _rebuilt(carry, moved)


def _alike(a: Any, b: Any) -> bool:
    return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


def _keep(signature: Any, function: Callable[..., Any] | None) -> None:
    """Keep a function, or that there is none, for scans to come."""
    with _LOCK:
        if len(_functions) >= _KEPT:
            del _functions[next(iter(_functions))]
        _functions[signature] = function

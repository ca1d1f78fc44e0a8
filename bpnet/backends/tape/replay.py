"""Scans whose first step writes a tape and whose others replay it."""

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

import numpy as np

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

_LOCK = threading.Lock()
_functions: dict[Any, Callable[..., Any]] = {}


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
    was.
    """
    total = loop.length(xs)
    if total < WORTH:
        return None
    row = () if numbers is None else (tuple(_apart(n[0, ...]) for n in numbers),)
    groups = loop.groups(step, xs, operands, together, xp=xp)
    loaded, split = next(groups)
    pattern = trees.map_leaves(lambda a: split(a)[0], loaded), row
    written = _write(step, trees.map_leaves(np.array, carry), pattern, operands)
    if written is None:
        return None
    tape, ends, carry, out = written
    steps = _flat(chain([(loaded, split)], groups), numbers or ())
    next(steps)
    outs: tuple[list[Any], ...] = tuple([value] for value in out)
    function = _functions.get((tape.signature(), ends))
    if function is None:
        function = Writer(plan.make(tape, ends)).function()
        given = next(steps)
        tried = _try(function, step, carry, _rebuilt(pattern, given), given, operands)
        if tried is None:
            return None
        carry, out = tried
        for column, value in zip(outs, out, strict=True):
            column.append(value)
        _keep((tape.signature(), ends), function)
    kept, data = tuple(trees.leaves(carry)), tuple(trees.leaves(operands))
    folded, keep = [], tuple(column.append for column in outs)
    for _ in range(0, total, loop.FOLD):
        kept = function(kept, data, islice(steps, loop.FOLD - len(outs[0])), keep)
        folded.append([xp.stack(column) for column in outs])
        for column in outs:
            column.clear()
    return _rebuilt(carry, kept), loop.joined(folded, xp=xp)


def _flat(groups: Iterable[tuple[Any, loop.Split]], numbers: tuple[Array, ...]) -> Iterator[Any]:
    """Yield a tuple for each step: the arrays of its batch, and its numbers as 0-d arrays."""
    first = 0
    for loaded, split in groups:
        batches = [split(a) for a in trees.leaves(loaded)]
        last = first + len(batches[0])
        columns = [_apart(n[first:last, j]) for n in numbers for j in range(n.shape[1])]
        yield from zip(*batches, *columns, strict=True)
        first = last


def _apart(numbers: Array) -> list[Array]:
    """0-d arrays of numbers, (n,)."""
    return [numbers[i, ...] for i in range(len(numbers))]


def _rebuilt(pattern: Any, leaves: Iterable[Any]) -> Any:
    """Tree of the structure of another with other leaves."""
    rest = iter(leaves)
    return trees.map_leaves(lambda _: next(rest), pattern)


def _write(
    step: Callable[..., Any], carry: Any, pattern: tuple[Any, Any], operands: Any
) -> tuple[Tape, Ends, Any, tuple[Any, ...]] | None:
    """Take a step with arrays that write: its tape and ends, the carry after it and its outs."""
    tape = Tape()

    def take(a: Any) -> Traced:
        if not isinstance(a, np.ndarray):
            raise tape.refuse(f"a {type(a).__name__} among arrays")
        return Traced(tape, a)

    try:
        given = [trees.map_leaves(take, tree) for tree in (carry, *pattern, operands)]
        held, x, row, data = given
        moved, out = step(held, x, *row, *data)
        before, after = list(trees.leaves(held)), list(trees.leaves(moved))
    except Exception:  # the plain loop says what is wrong, or that nothing is
        return None
    writes = all(isinstance(a, Traced) for a in (*after, *out))
    if tape.broken or not out or not writes or list(map(_kind, before)) != list(map(_kind, after)):
        return None
    numbers = [tuple(a._number for a in trees.leaves(tree)) for tree in (*given, moved, out)]
    values = trees.map_leaves(lambda a: a._value, moved)
    tape.held.clear()
    return tape, Ends(*numbers), values, tuple(a._value for a in out)


def _kind(a: Traced) -> Any:
    return type(a._value), a.shape, a.dtype


def _try(
    function: Callable[..., Any],
    step: Callable[..., Any],
    carry: Any,
    taken: tuple[Any, Any],
    given: tuple[Any, ...],
    operands: Any,
) -> tuple[Any, tuple[Any, ...]] | None:
    """Take a step by the function and as it is: what it gives, or None if a bit differs."""
    x, row = taken
    expected = step(trees.map_leaves(np.array, carry), x, *row, *operands)
    outs: list[list[Any]] = [[] for _ in expected[1]]
    kept = tuple(trees.leaves(carry))
    keep = tuple(column.append for column in outs)
    try:
        moved = function(kept, tuple(trees.leaves(operands)), [given], keep)
    except Exception:  # a shape that depends on values
        return None
    found = _rebuilt(carry, moved), tuple(column[0] for column in outs)
    pairs = zip(trees.leaves(found[0]), trees.leaves(expected[0]), strict=True)
    same = all(_alike(*pair) for pair in (*pairs, *zip(found[1], expected[1], strict=True)))
    return found if same else None


def _alike(a: Any, b: Any) -> bool:
    return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


def _keep(signature: Any, function: Callable[..., Any]) -> None:
    with _LOCK:
        if len(_functions) >= _KEPT:
            del _functions[next(iter(_functions))]
        _functions[signature] = function

"""The plain loop over steps, for libraries that do not compile one."""

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from bpnet._typing import Array, Namespace
from bpnet.backends import trees
from bpnet.errors import InputError

FOLD = 1024
"""Results of steps are stacked this many at a time: no more small arrays live at once."""


def run(
    step: Callable[..., Any],
    carry: Any,
    xs: Any,
    operands: tuple[Any, ...],
    numbers: tuple[Any, ...] | None,
    together: int,
    *,
    xp: Namespace,
) -> tuple[Any, tuple[Array, ...]]:
    """Run ``step`` over the leading axis of ``xs``; see :meth:`Backend.scan`."""
    steps, load = length(xs), getattr(step, "load", None)
    taken = _slices(xs, steps) if load is None else _loaded(xs, operands, load, together, xp)
    folded: list[list[Array]] = []
    kept: list[tuple[Array, ...]] = []
    plain = zip(*(n.tolist() for n in numbers or ()), strict=True)
    for i, x in enumerate(taken):
        given = operands if numbers is None else (next(plain), *operands)
        carry, out = step(carry, x, *given)
        kept.append(out)
        if len(kept) == FOLD or i == steps - 1:
            folded.append([xp.stack(column) for column in zip(*kept, strict=True)])
            kept = []
    columns = zip(*folded, strict=True)
    return carry, tuple(c[0] if len(c) == 1 else xp.concat(c) for c in columns)


def _slices(xs: Any, steps: int) -> Iterator[Any]:
    """Yield what is at each place of the leading axes."""
    for i in range(steps):
        yield trees.map_leaves(itemgetter((i, ...)), xs)


def _loaded(
    xs: Array, operands: tuple[Any, ...], load: Callable[..., Any], together: int, xp: Namespace
) -> Iterator[Any]:
    """Yield what ``load`` makes of the rows of each step, loaded for several steps at once."""
    steps, k = xs.shape
    size = max(1, together // k)
    for first in range(0, steps, size):
        rows = xs[first : min(first + size, steps), ...]
        loaded = load(xp.reshape(rows, (-1,)), *operands)
        for start in range(0, rows.shape[0] * k, k):
            yield trees.map_leaves(itemgetter((slice(start, start + k), ...)), loaded)


def length(xs: Any) -> int:
    """Common length of the leading axes.

    Raises
    ------
    InputError
        If they differ, or there is no array.
    """
    lengths = {a.shape[0] for a in trees.leaves(xs)}
    if len(lengths) != 1:
        msg = f"scan was given leading axes of {sorted(lengths)}; wanted arrays of one length"
        raise InputError(msg)
    return int(lengths.pop())

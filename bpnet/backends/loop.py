"""The plain loop over steps, for libraries that do not compile one."""

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any

from bpnet._typing import Array, Namespace
from bpnet.backends import trees
from bpnet.backends.dtypes import dtype_name
from bpnet.errors import InputError

FOLD = 1024
"""Results of steps are stacked this many at a time: no more small arrays live at once."""

Step = Callable[..., Any]
Split = Callable[[Array], list[Array]]
"""What takes an array apart into that of each step."""

Scanned = tuple[Any, tuple[Array, ...]]
"""The carry after the last step, and what the steps gave."""


def run(
    step: Step, carry: Any, xs: Any, operands: Any, numbers: Iterable[tuple[Any, ...]] | None,
    together: int, *, xp: Namespace,
) -> Scanned:  # fmt: skip
    """Run ``step`` over the leading axis of ``xs``; ``numbers`` yields those of each step.

    See :meth:`bpnet.backends.base.Backend.scan`.
    """
    steps = length(xs)
    loaded = groups(step, xs, operands, together, xp=xp)
    taken = (x for tree, split in loaded for x in trees.unstack(tree, split))
    folded: list[list[Array]] = []
    kept: list[tuple[Array, ...]] = []
    given = repeat(()) if numbers is None else ((row,) for row in numbers)
    for i, x, row in zip(range(steps), taken, given, strict=False):
        carry, out = step(carry, x, *row, *operands)
        kept.append(out)
        if len(kept) == FOLD or i == steps - 1:
            folded.append([xp.stack(column) for column in zip(*kept, strict=True)])
            kept = []
    return carry, joined(folded, xp=xp)


def joined(folded: list[list[Array]], *, xp: Namespace) -> tuple[Array, ...]:
    """Results of all steps from those of :data:`FOLD` steps each, stacked."""
    columns = zip(*folded, strict=True)
    return tuple(c[0] if len(c) == 1 else xp.concat(c) for c in columns)


def groups(
    step: Step, xs: Any, operands: Any, together: int, *, xp: Namespace, room: int = 0
) -> Iterator[tuple[Any, Split]]:
    """Yield what several steps take, and what takes it apart.

    A step with ``load`` is given what that makes of its rows, loaded for several steps at once:
    ``together`` rows, or more, after the first ones, where these fit into ``room`` bytes.
    """
    load = getattr(step, "load", None)
    if load is None:
        yield xs, apart
        return
    steps, k = xs.shape
    size, first = max(1, together // k), 0
    while first < steps:
        rows = xs[first : min(first + size, steps), ...]
        loaded = load(xp.reshape(rows, (-1,)), *operands)
        yield loaded, lambda a: [a[i : i + k, ...] for i in range(0, a.shape[0], k)]
        first += size
        if room:
            held = sum(a.nbytes for a in trees.leaves(loaded)) // rows.shape[0]
            size, room = max(size, room // max(held, 1)), 0


def apart(a: Array) -> list[Array]:
    """What is at each place of the leading axis."""
    return [a[i, ...] for i in range(a.shape[0])]


def real(carry: Any) -> str:
    """Floating dtype of the numbers beside what a loop carries."""
    kept = [dtype_name(a) for a in trees.leaves(carry)]
    return "float64" if "float64" in kept else "float32"


def length(xs: Any) -> int:
    """Common length of the leading axes; an InputError says that they differ, or are none."""
    lengths = {a.shape[0] for a in trees.leaves(xs)}
    if len(lengths) != 1:
        msg = f"scan was given leading axes of {sorted(lengths)}; wanted arrays of one length"
        raise InputError(msg)
    return int(lengths.pop())

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
"""Function that splits an array into one for each step."""

Scanned = tuple[Any, tuple[Array, ...]]
"""The carry after the last step, and the results of the steps."""


def run(
    step: Step, carry: Any, xs: Any, operands: Any, numbers: Iterable[tuple[Any, ...]] | None,
    rows_per_load: int, *, xp: Namespace,
) -> Scanned:  # fmt: skip
    """Run ``step`` over the leading axis of ``xs``; ``numbers`` yields those of each step.

    See :meth:`bpnet.backends.base.Backend.scan`.
    """
    steps = length(xs)
    loaded = groups(step, xs, operands, rows_per_load, xp=xp)
    slices = (x for tree, split in loaded for x in trees.unstack(tree, split))
    stacked: list[list[Array]] = []
    outs: list[tuple[Array, ...]] = []
    rows = repeat(()) if numbers is None else ((row,) for row in numbers)
    # rows that are repeated never end, the range does
    for i, x, row in zip(range(steps), slices, rows, strict=False):
        carry, out = step(carry, x, *row, *operands)
        outs.append(out)
        if len(outs) == FOLD or i == steps - 1:
            stacked.append([xp.stack(column) for column in zip(*outs, strict=True)])
            outs = []
    return carry, joined(stacked, xp=xp)


def joined(stacked: list[list[Array]], *, xp: Namespace) -> tuple[Array, ...]:
    """Results of all steps, from the stacked results of :data:`FOLD` steps each."""
    columns = zip(*stacked, strict=True)
    return tuple(c[0] if len(c) == 1 else xp.concat(c) for c in columns)


def cached(function: Any, *arguments: Any) -> Any:
    """Result of a function with an ``lru_cache``, anew for a user's object without a hash."""
    try:
        return function(*arguments)
    # no hash, or an error of the function itself, which the second call raises again
    except TypeError:
        return function.__wrapped__(*arguments)


def groups(
    step: Step, xs: Any, operands: Any, rows_per_load: int, *, xp: Namespace, room: int = 0
) -> Iterator[tuple[Any, Split]]:
    """Yield the slices of several steps as one tree, and the function that splits its arrays.

    For a step with ``load`` they are loaded for several steps at once: ``rows_per_load`` rows, or
    more, after the first load, where these fit into ``room`` bytes.
    """
    load = getattr(step, "load", None)
    if load is None:
        yield xs, elements
        return
    steps, k = xs.shape
    size, first = max(1, rows_per_load // k), 0
    while first < steps:
        rows = xs[first : min(first + size, steps), ...]
        loaded = load(xp.reshape(rows, (-1,)), *operands)
        yield loaded, lambda a: [a[i : i + k, ...] for i in range(0, a.shape[0], k)]
        first += size
        # the first load has told how many bytes a step takes
        if room:
            step_bytes = sum(a.nbytes for a in trees.leaves(loaded)) // rows.shape[0]
            size, room = max(size, room // max(step_bytes, 1)), 0


def elements(a: Array) -> list[Array]:
    """Elements along the leading axis."""
    # the standard defines an index of fewer axes only with an ellipsis
    return [a[i, ...] for i in range(a.shape[0])]


def real(carry: Any) -> str:
    """Floating dtype of a scan's numbers: float64 where the carry has an array of it."""
    return "float64" if "float64" in map(dtype_name, trees.leaves(carry)) else "float32"


def length(xs: Any) -> int:
    """Common length of the leading axes; an InputError says that they differ or are missing."""
    lengths = {a.shape[0] for a in trees.leaves(xs)}
    if len(lengths) != 1:
        msg = f"scan was given leading axes of {sorted(lengths)}; wanted arrays of one length"
        raise InputError(msg)
    return int(lengths.pop())

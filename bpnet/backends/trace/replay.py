"""Scans whose first step is recorded and whose others replay it."""

import dataclasses
import logging
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, combinations, islice
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from bpnet._typing import Array, Namespace
from bpnet.backends import loop, trees
from bpnet.backends.base import Backend
from bpnet.backends.dtypes import DTYPES
from bpnet.backends.loop import Scanned, Step
from bpnet.backends.trace import plan
from bpnet.backends.trace.graph import Graph
from bpnet.backends.trace.lines import Writer
from bpnet.backends.trace.plan import Ends, Library
from bpnet.backends.trace.recorder import Recorded, Tracer

WORTH = 100
"""Steps from which a recording is worth it, which takes as long as some twenty of them."""

_KEPT = 32
"""Functions that are kept for scans to come."""

_MOST = 1 << 26
"""Bytes of a carry, which is copied; steps of larger networks are work, not calls."""

_ROOM = 1 << 18
"""Bytes of what is loaded at once: of narrow rows more, as each time costs ten calls."""

_log = logging.getLogger("bpnet")
_LOCK = threading.Lock()
_UNKNOWN: Any = object()
_functions: dict[Any, tuple[Callable[..., Any] | None, int]] = {}

_PLAIN = (bool, int, float, str, type(None), np.dtype, np.generic, ModuleType, type)


class Impure(TypeError):
    """A part of a step may have a state."""


@dataclasses.dataclass(frozen=True)
class Replaying(Backend):
    """A backend whose library calls a function at once, so that calls can be replayed.

    With ``replays`` the step of a long scan is recorded and replayed.
    """

    replays: bool = dataclasses.field(default=True, compare=False)

    @property
    @abstractmethod
    def library(self) -> Library:
        """How the library does recorded calls."""

    def _narrow(self, numbers: tuple[Any, ...], carry: Any) -> tuple[Any, ...]:
        return numbers

    def scan(
        self, step: Step, carry: Any, xs: Any, operands: Any = (), numbers: Any = None
    ) -> Scanned:
        """Run ``step`` over the leading axis of ``xs``; see :meth:`Backend.scan`."""
        done = None
        if self.replays:
            given = None if numbers is None else self._narrow(numbers, carry)
            kept = {"xp": self.xp, "library": self.library}
            done = scan(step, carry, xs, operands, given, self.together, **kept)
        return done or super().scan(step, carry, xs, operands, numbers)


def scan(
    step: Step, carry: Any, xs: Any, operands: Any, numbers: tuple[Array, ...] | None,
    together: int, *, xp: Namespace, library: Library,
) -> Scanned | None:  # fmt: skip
    """Do what :func:`bpnet.backends.loop.run` does, by a recording; None where that can't be.

    The arguments are the same, but for ``numbers``, arrays of (steps, c), and the library whose
    arrays these are. The carry is left as it was, and so is all else, as no step with a state of
    its own is begun.
    """
    total = loop.length(xs)
    if total < WORTH or not _is_plain(carry, library, xp):
        return None
    tracer, users = Tracer(xp), list[Any]()
    try:
        recorded = through(step, xp, tracer, users)
    except Impure:
        return None
    copy = partial(trees.map_leaves, partial(xp.asarray, copy=True))
    groups = loop.groups(step, xs, operands, together, xp=xp, room=_ROOM)
    loaded, split = next(groups)
    row = () if numbers is None else (tuple([n] * n.shape[1] for n in numbers),)
    pattern = loaded, row
    steps = _flat(chain([(loaded, split)], groups), numbers or (), library)
    with np.errstate(all="ignore"):  # in a run they are ignored anyhow
        first = next(steps)
        x, numbered = _rebuilt(pattern, first)
        kinds = [(n.dtype, n.shape[1]) for n in numbers or ()], numbers is None
        known = None if users else (xp, step, str((kinds, _form((carry, x, operands)))))
        function, count = _functions.get(known, (_UNKNOWN, 0))
        if function is not _UNKNOWN:  # the recording would be the same
            carry, steps = copy(carry), chain([first], steps)
            outs: tuple[list[Any], ...] = tuple([] for _ in range(count))
        else:
            written = record(tracer, recorded, copy(carry), x, numbered, operands, library)
            if written is None:
                return None
            graph, ends, carry, out = written
            outs = tuple([value] for value in out)
            signature = known or (xp, tuple(graph.values), tuple(graph.calls), ends)
            function, _ = _functions.get(signature, (_UNKNOWN, 0))
        keep, data = tuple(column.append for column in outs), tuple(trees.leaves(operands))
        if function is _UNKNOWN:
            begun = time.perf_counter()
            given = list(islice(steps, 2))
            expected = partial(_plainly, step, copy, carry, pattern, given, operands)
            function, carry = _tried(graph, ends, library, carry, given, data, keep, expected)
            if library.compiles and function is not None:
                _log.info("compiled a step in %.1f s", time.perf_counter() - begun)
            _keep(signature, (function, len(outs)))
        if function is None:
            return None
        kept, folded = tuple(trees.leaves(carry)), []
        for _ in range(0, total, loop.FOLD):
            kept = function(kept, data, islice(steps, loop.FOLD - len(outs[0])), keep)
            folded.append([xp.stack(column) for column in outs])
            for column in outs:
                column.clear()
    return _rebuilt(carry, kept), loop.joined(folded, xp=xp)


def _form(tree: Any) -> Any:
    """What of nested arrays a recording depends on."""
    if isinstance(tree, dict):
        return {key: _form(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [type(tree).__name__, *map(_form, tree)]
    if not hasattr(tree, "shape"):
        return tree
    return type(tree).__name__, tree.shape, str(tree.dtype), getattr(tree, "strides", None)


def through(part: Any, xp: Namespace, other: Namespace, users: list[Any]) -> Any:
    """A part of a step with another namespace wherever it holds the first.

    Parts that are not bpnet's own, and say that they are pure, are added to ``users``. A part that
    is neither may have a state that changes from one call to the next: :class:`Impure` is raised.
    """
    if part is xp:
        return other
    if isinstance(part, _PLAIN) or any(part is getattr(xp, name, None) for name in DTYPES):
        return part
    if isinstance(part, tuple):
        parts = [through(item, xp, other, users) for item in part]
        return type(part)(*parts) if hasattr(part, "_fields") else tuple(parts)
    kind, pure = part if isinstance(part, FunctionType) else type(part), _says_pure(part)
    if not kind.__module__.startswith("bpnet."):
        users.append(part)
    is_data = dataclasses.is_dataclass(part)
    plain = is_data or pure or not getattr(part, "__dict__", None)
    if not plain or not (pure or kind.__module__.startswith("bpnet.")):
        msg = f"a part of a step of type {type(part).__name__}"
        raise Impure(msg)
    if not is_data:
        return part
    fields = {f.name: getattr(part, f.name) for f in dataclasses.fields(part) if f.init}
    moved = {name: through(value, xp, other, users) for name, value in fields.items()}
    changed = {name: value for name, value in moved.items() if value is not fields[name]}
    return dataclasses.replace(part, **changed) if changed else part


def _says_pure(part: Any) -> bool:
    return getattr(part, "pure", None) is True


def _is_plain(carry: Any, library: Library, xp: Namespace) -> bool:
    """Whether a carry is of arrays alone, none of which shares memory with another."""
    arrays = list(trees.leaves(carry))
    if not all(isinstance(a, library.array) for a in arrays) or trees.scalars(carry):
        return False
    apart = not any(xp.may_share_memory(a, b) for a, b in combinations(arrays, 2))
    return apart and sum(a.nbytes for a in arrays) <= _MOST


def _flat(
    groups: Iterable[tuple[Any, loop.Split]], numbers: tuple[Array, ...], library: Library
) -> Iterator[Any]:
    """Yield a tuple for each step: the arrays of its batch, and its numbers."""
    first = 0
    for loaded, split in groups:
        batches = [split(a) for a in trees.leaves(loaded)]
        last = first + len(batches[0])
        columns = [library.numbers(n[first:last, j]) for n in numbers for j in range(n.shape[1])]
        yield from zip(*batches, *columns, strict=True)
        first = last


def _rebuilt(pattern: Any, leaves: Iterable[Any]) -> Any:
    """Tree of the structure of another with other leaves."""
    rest = iter(leaves)
    return trees.map_leaves(lambda _: next(rest), pattern)


def record(
    tracer: Tracer, step: Step, carry: Any, x: Any, row: Any, operands: Any, library: Library
) -> tuple[Graph, Ends, Any, tuple[Any, ...]] | None:
    """Take a step with recorded arrays: its graph and ends, the carry after it and its outs."""
    graph = tracer.graph

    def take(a: Any) -> Recorded:
        if not isinstance(a, library.array):
            raise graph.refuse(f"a {type(a).__name__} among arrays")
        return tracer.given(a)

    try:
        held, x, data = (trees.map_leaves(take, tree) for tree in (carry, x, operands))
        row = tuple(tuple(tuple(map(tracer.given, part)) for part in parts) for parts in row)
        moved, out = step(held, x, *row, *data)
        before, after = list(trees.leaves(held)), list(trees.leaves(moved))
    except Exception:  # the plain loop says what is wrong, or that nothing is
        return None
    writes = all(isinstance(a, Recorded) for a in (*after, *out))
    if graph.broken or not out or not writes or list(map(_kind, before)) != list(map(_kind, after)):
        return None
    numbers = [tuple(a.number for a in trees.leaves(t)) for t in (held, x, row, data, moved, out)]
    graph.held.clear()
    values = trees.map_leaves(lambda a: a.inner, moved)
    return graph, Ends(*numbers), values, tuple(a.inner for a in out)


def _kind(a: Recorded) -> Any:
    value = a.inner
    return type(value), value.shape, value.dtype, getattr(value, "strides", None)


def _plainly(
    step: Step, copy: Any, carry: Any, pattern: Any, given: list[Any], operands: Any
) -> list[Any]:
    """What steps carry on in the end and give, done as they stand."""
    carry, outs = copy(carry), []
    for one in given:
        x, row = _rebuilt(pattern, one)
        carry, out = step(carry, x, *row, *operands)
        outs.append(out)
    columns = zip(*outs, strict=True)
    return [*trees.leaves(carry), *(value for column in columns for value in column)]


def _tried(
    graph: Graph, ends: Ends, library: Library, carry: Any, given: list[Any],
    data: tuple[Any, ...], keep: tuple[Any, ...], plainly: Callable[[], list[Any]],
) -> tuple[Callable[..., Any] | None, Any]:  # fmt: skip
    """Function that replays a graph, and what it carries on; None where two steps differ.

    The graph can't tell whether a step is a function of its arguments alone, or an array was told
    from one that records; that shows here.
    """
    found: list[list[Any]] = [[] for _ in keep]
    try:
        made = Writer(plan.make(graph, ends, library), library).function()
        function: Callable[..., Any] = library.followed(made, ends)
        expected = plainly()
        gather = tuple(column.append for column in found)
        moved = function(tuple(trees.leaves(carry)), data, given, gather)
    except Exception:  # such as shapes that depend on values
        return None, carry
    values = [*moved, *(value for column in found for value in column)]
    if not all(map(partial(library.alike, graph), values, expected)):
        return None, carry
    for add, column in zip(keep, found, strict=True):
        for value in column:
            add(value)
    return function, _rebuilt(carry, moved)


def _keep(signature: Any, function: tuple[Callable[..., Any] | None, int]) -> None:
    """Keep a function, or that there is none, and its number of results for scans to come."""
    with _LOCK:
        if len(_functions) >= _KEPT:
            del _functions[next(iter(_functions))]
        _functions[signature] = function

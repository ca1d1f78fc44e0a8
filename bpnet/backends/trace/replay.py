"""Scans that record their first step and replay it for the others."""

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
"""Steps from which a recording pays, which takes as long as some twenty steps."""

_KEPT = 32
"""Functions that are kept for later scans."""

_MOST = 1 << 26
"""Largest carry in bytes, which is copied; the steps of larger networks gain nothing."""

_ROOM = 1 << 18
"""Bytes that are loaded at once: a load costs ten calls, so that narrow rows come in more."""

_log = logging.getLogger("bpnet")
_LOCK = threading.Lock()
_UNKNOWN: Any = object()  # a step that was never recorded; None: one that can't be replayed
_functions: dict[Any, tuple[Callable[..., Any] | None, int]] = {}

_PLAIN = (bool, int, float, str, type(None), np.dtype, np.generic, ModuleType, type)


class Impure(TypeError):
    """The error for a part of a step that may have a state."""


@dataclasses.dataclass(frozen=True)
class Replaying(Backend):
    """A backend whose library computes at each call, so that calls can be replayed.

    With ``replays`` the step of a long scan is recorded and replayed.
    """

    replays: bool = dataclasses.field(default=True, compare=False)

    @property
    @abstractmethod
    def library(self) -> Library:
        """How the library replays recorded calls."""

    def _narrow(self, numbers: tuple[Any, ...], carry: Any) -> tuple[Any, ...]:
        """Numbers of a scan in the dtypes in which its steps take them."""
        return numbers

    def scan(
        self, step: Step, carry: Any, xs: Any, operands: Any = (), numbers: Any = None
    ) -> Scanned:
        """Run ``step`` over the leading axis of ``xs``; see :meth:`Backend.scan`."""
        result = None
        if self.replays:
            narrow = None if numbers is None else self._narrow(numbers, carry)
            by_recording = partial(scan, xp=self.xp, library=self.library)
            result = by_recording(step, carry, xs, operands, narrow, self.rows_per_load)
        return result or super().scan(step, carry, xs, operands, numbers)


def scan(
    step: Step, carry: Any, xs: Any, operands: Any, numbers: tuple[Array, ...] | None,
    rows_per_load: int, *, xp: Namespace, library: Library,
) -> Scanned | None:  # fmt: skip
    """Do the same as :func:`bpnet.backends.loop.run` by a recording; None where that is impossible.

    ``numbers`` are arrays of (steps, c), and ``library`` is that of all arrays. None leaves the
    carry as it was, and no step that has a state was run.
    """
    total = loop.length(xs)
    if total < WORTH or not _is_plain(carry, library, xp):
        return None
    tracer, user_parts = Tracer(xp), list[Any]()
    try:
        recording_step = through(step, xp, tracer, user_parts)
    except Impure:
        return None
    copy = partial(trees.map_leaves, partial(xp.asarray, copy=True))
    groups = loop.groups(step, xs, operands, rows_per_load, xp=xp, room=_ROOM)
    loaded, split = next(groups)
    # only the structure counts here: each n stands for one number of the row
    row = () if numbers is None else (tuple([n] * n.shape[1] for n in numbers),)
    pattern = loaded, row
    steps = _flat(chain([(loaded, split)], groups), numbers or (), library)
    with np.errstate(all="ignore"):  # a training run ignores them, too
        first = next(steps)
        x, first_row = _rebuilt(pattern, first)
        kinds = [(n.dtype, n.shape[1]) for n in numbers or ()], numbers is None
        # a user's equal parts may differ, so that only the graph tells whether such a step is known
        key: Any = None if user_parts else (xp, step, str((kinds, _form((carry, x, operands)))))
        function, count = _functions.get(key, (_UNKNOWN, 0))
        if function is not _UNKNOWN:  # the recording would be the same
            carry, steps = copy(carry), chain([first], steps)
            outs: tuple[list[Any], ...] = tuple([] for _ in range(count))
        else:
            recorded = record(tracer, recording_step, copy(carry), x, first_row, operands, library)
            if recorded is None:
                return None
            graph, ends, carry, out = recorded
            outs = tuple([value] for value in out)
            key = key or (xp, tuple(graph.values), tuple(graph.calls), ends)
            function, _ = _functions.get(key, (_UNKNOWN, 0))
        append, data = tuple(column.append for column in outs), tuple(trees.leaves(operands))
        if function is _UNKNOWN:
            start = time.perf_counter()
            # the first step was the recording: the next two are done both ways
            pair = list(islice(steps, 2))
            plain = partial(_plain_steps, step, copy, carry, pattern, pair, operands)
            function, carry = _verified(graph, ends, library, carry, pair, data, append, plain)
            if library.compiles and function is not None:
                _log.info("compiled a step in %.1f s", time.perf_counter() - start)
            _keep(key, (function, len(outs)))
        if function is None:
            return None
        arrays, stacked = tuple(trees.leaves(carry)), []
        for _ in range(0, total, loop.FOLD):
            # outs may have results already, of the steps before
            arrays = function(arrays, data, islice(steps, loop.FOLD - len(outs[0])), append)
            stacked.append([xp.stack(column) for column in outs])
            for column in outs:
                column.clear()
    return _rebuilt(carry, arrays), loop.joined(stacked, xp=xp)


def _form(tree: Any) -> Any:
    """Structure, shapes and dtypes of nested arrays, on which a recording depends."""
    if isinstance(tree, dict):
        return {key: _form(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [type(tree).__name__, *map(_form, tree)]
    if not hasattr(tree, "shape"):
        return tree
    return type(tree).__name__, tree.shape, str(tree.dtype), getattr(tree, "strides", None)


def through(part: Any, xp: Namespace, other: Namespace, user_parts: list[Any]) -> Any:
    """Return a part of a step with another namespace in place of ``xp``.

    A user's parts that declare themselves pure are added to ``user_parts``. A part that is neither
    pure nor bpnet's own may have a state that changes from call to call, and raises Impure.
    """
    if part is xp:
        return other
    if isinstance(part, _PLAIN) or any(part is getattr(xp, name, None) for name in DTYPES):
        return part
    if isinstance(part, tuple):
        items = [through(item, xp, other, user_parts) for item in part]
        return type(part)(*items) if hasattr(part, "_fields") else tuple(items)
    kind, pure = part if isinstance(part, FunctionType) else type(part), _is_pure(part)
    is_bpnets = kind.__module__.startswith("bpnet.")
    if not is_bpnets:
        user_parts.append(part)
    # fields of a dataclass are looked through, other attributes may be a hidden state
    is_data = dataclasses.is_dataclass(part)
    stateless = is_data or pure or not getattr(part, "__dict__", None)
    if not stateless or not (pure or is_bpnets):
        msg = f"a part of a step of type {type(part).__name__}"
        raise Impure(msg)
    if not is_data:
        return part
    fields = {f.name: getattr(part, f.name) for f in dataclasses.fields(part) if f.init}
    parts = {name: through(value, xp, other, user_parts) for name, value in fields.items()}
    changed = {name: value for name, value in parts.items() if value is not fields[name]}
    return dataclasses.replace(part, **changed) if changed else part


def _is_pure(part: Any) -> bool:
    return getattr(part, "pure", None) is True


def _is_plain(carry: Any, library: Library, xp: Namespace) -> bool:
    """Whether a carry has only arrays, without shared memory, and is not too large."""
    arrays = list(trees.leaves(carry))
    if not all(isinstance(a, library.array) for a in arrays) or trees.scalars(carry):
        return False
    # a plan gives each array memory of its own, and updates it in place
    distinct = not any(xp.may_share_memory(a, b) for a, b in combinations(arrays, 2))
    return distinct and sum(a.nbytes for a in arrays) <= _MOST


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
    """Return a tree with the structure of ``pattern`` and with other leaves."""
    rest = iter(leaves)
    return trees.map_leaves(lambda _: next(rest), pattern)


def record(
    tracer: Tracer, step: Step, carry: Any, x: Any, row: Any, operands: Any, library: Library
) -> tuple[Graph, Ends, Any, tuple[Any, ...]] | None:
    """Do a step with recorded arrays; return its graph, its ends, the new carry and its results."""
    graph = tracer.graph

    def argument(a: Any) -> Recorded:
        if not isinstance(a, library.array):
            raise graph.refuse(f"a {type(a).__name__} among arrays")
        return tracer.argument(a)

    try:
        carry, x, data = (trees.map_leaves(argument, tree) for tree in (carry, x, operands))
        row = tuple(tuple(tuple(map(tracer.argument, part)) for part in parts) for parts in row)
        moved, out = step(carry, x, *row, *data)
        before, after = list(trees.leaves(carry)), list(trees.leaves(moved))
    except Exception:  # the plain loop then raises the error, or has none
        return None
    writes = all(isinstance(a, Recorded) for a in (*after, *out))
    if graph.broken or not out or not writes or list(map(_kind, before)) != list(map(_kind, after)):
        return None
    numbers = [tuple(a.number for a in trees.leaves(t)) for t in (carry, x, row, data, moved, out)]
    # a graph that is kept must not hold the arrays of its step
    graph.recorded.clear()
    values = trees.map_leaves(lambda a: a.inner, moved)
    return graph, Ends(*numbers), values, tuple(a.inner for a in out)


def _kind(a: Recorded) -> Any:
    """Type of an array of the carry, which must be the same after a step as before it."""
    value = a.inner
    return type(value), value.shape, value.dtype, getattr(value, "strides", None)


def _plain_steps(
    step: Step, copy: Any, carry: Any, pattern: Any, inputs: list[Any], operands: Any
) -> list[Any]:
    """Carry after steps without a recording, and their results."""
    carry, outs = copy(carry), []
    for leaves in inputs:
        x, row = _rebuilt(pattern, leaves)
        carry, out = step(carry, x, *row, *operands)
        outs.append(out)
    columns = zip(*outs, strict=True)
    return [*trees.leaves(carry), *(value for column in columns for value in column)]


def _verified(
    graph: Graph, ends: Ends, library: Library, carry: Any, inputs: list[Any],
    data: tuple[Any, ...], append: tuple[Any, ...], plain_steps: Callable[[], list[Any]],
) -> tuple[Callable[..., Any] | None, Any]:  # fmt: skip
    """Function that replays a graph, and the carry after two steps; None where these differ.

    A graph does not show whether a step depends on more than its arguments, or treats recorded
    arrays in another way than the library's: the comparison with plain steps does.
    """
    outs: list[list[Any]] = [[] for _ in append]
    try:
        replay = Writer(plan.make(graph, ends, library), library).function()
        function: Callable[..., Any] = library.launcher(replay, ends)
        expected = plain_steps()
        arrays = tuple(trees.leaves(carry))
        moved = function(arrays, data, inputs, tuple(column.append for column in outs))
    except Exception:  # such as shapes that depend on values
        return None, carry
    values = [*moved, *(value for column in outs for value in column)]
    if not all(map(partial(library.alike, graph), values, expected)):
        return None, carry
    for add, column in zip(append, outs, strict=True):
        for value in column:
            add(value)
    return function, _rebuilt(carry, moved)


def _keep(key: Any, function: tuple[Callable[..., Any] | None, int]) -> None:
    """Keep a function, or None, and its number of results for later scans."""
    with _LOCK:
        if len(_functions) >= _KEPT:
            del _functions[next(iter(_functions))]
        _functions[key] = function

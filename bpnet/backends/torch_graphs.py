"""Scans of PyTorch on CUDA whose step is captured once, in a CUDA graph, and replayed.

A graph works on fixed memory: the carry is updated in place, and the rows and numbers of all steps
are on the device before the first step, with a counter of the steps. So a step is one launch, and
the host waits for nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from bpnet._typing import Array, Namespace
from bpnet.backends import loop, trees
from bpnet.backends.loop import Scanned, Step
from bpnet.backends.trace.replay import through
from bpnet.errors import one_line

WORTH = 100
"""Steps from which a capture is worth it, which takes as long as some ten of them."""

STRICT = False
"""Whether a step that can't be captured is an error, for tests, which must not miss it."""

_KEPT = 4
"""Captured steps that are kept for later scans: each has memory on the GPU."""

_log = logging.getLogger("bpnet")
_captured: dict[Any, "Captured | None"] = {}


@dataclass
class Captured:
    """A step in a graph, and the memory that it works on."""

    replay: Callable[[], None]  # takes the next step
    carry: Any  # updated in place
    counter: Array  # int64, (1,): number of the next step
    xs: Any  # tensors, (steps, ...), of which each step takes its slice
    numbers: tuple[Array, ...]  # of each step, (steps, c)
    outs: tuple[Array, ...]  # results of each step, (steps,)
    operands: Any  # the graph reads these, which must stay alive


def scan(
    step: Step, carry: Any, xs: Any, operands: Any, numbers: tuple[Any, ...] | None, device: Any,
    *, xp: Namespace,
) -> Scanned | None:  # fmt: skip
    """Do the same as :func:`bpnet.backends.loop.run` by a graph; None where that is impossible."""
    import torch

    total = loop.length(xs)
    if total < WORTH or not all(map(torch.is_tensor, trees.leaves((carry, xs, operands)))):
        return None
    rows = tuple(_numbers(n, device) for n in numbers or ())
    try:
        # raises for a part with a state, which a graph would freeze
        through(step, xp, xp, [])
        kinds = _kinds(operands, _place), _kinds((carry, xs, rows), _kind)
        key = hash(step), step, numbers is None, kinds
    except TypeError as error:  # a part of the step may have a state, or has no hash
        if STRICT:
            raise
        _log.debug("a step that is not captured: %s", error)
        return None
    if key not in _captured:
        if len(_captured) >= _KEPT:
            del _captured[next(iter(_captured))]
        take = partial(_step, step, operands, numbers is None)
        _captured[key] = _verified(take, carry, xs, rows, operands)
    captured = _captured[key]
    if captured is None:
        return None
    _fill((captured.carry, captured.xs, captured.numbers), (carry, xs, rows))
    captured.counter.zero_()
    for _ in range(total):
        captured.replay()
    # copies, because the graph writes to its memory again
    carry = trees.map_leaves(torch.clone, captured.carry)
    return carry, tuple(out.clone() for out in captured.outs)


def works_on(device: Any) -> bool:
    """Whether a device has graphs."""
    return bool(device.type == "cuda")


def capture(body: Callable[[], None], device: Any) -> Callable[[], None]:
    """Capture a function of fixed memory, and return the function that replays it."""
    import torch

    with torch.cuda.device(device):
        stream: Any = torch.cuda.Stream
        side = stream(device)
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):  # what libraries allocate at first use can't be captured
            for _ in range(2):
                body()
        torch.cuda.current_stream(device).wait_stream(side)
        # a capture records the calls and runs nothing
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            body()
    replay: Callable[[], None] = graph.replay
    return replay


def _verified(take: Step, carry: Any, xs: Any, numbers: Any, operands: Any) -> Captured | None:
    """Capture a step, and compare a replay with it; None, with a warning, where either fails."""
    import torch

    try:
        # a clone, because the step may write to its carry
        expected = take(trees.map_leaves(torch.clone, carry), xs, 0, numbers)
        captured = _capture_step(take, carry, xs, numbers, operands, expected[1])
        _fill(captured.carry, carry)
        captured.counter.zero_()
        captured.replay()
        replayed = [*trees.leaves(captured.carry), *(out[0] for out in captured.outs)]
        if not all(map(_alike, replayed, trees.leaves(expected))):
            msg = "a captured step gave something else than the step"
            raise RuntimeError(msg)
    except (RuntimeError, TypeError, ValueError) as error:
        if STRICT or isinstance(error, torch.OutOfMemoryError):
            raise
        why = one_line(str(error).strip().partition("\n")[0])
        _log.warning("PyTorch can't capture the steps (%s); they run one by one", why)
        return None
    return captured


def _capture_step(
    take: Step, carry: Any, xs: Any, numbers: Any, operands: Any, first: Any
) -> Captured:
    """Captured step, with memory for results like the first step's."""
    import torch

    carry, xs, numbers = (trees.map_leaves(torch.clone, tree) for tree in (carry, xs, numbers))
    steps = loop.length(xs)
    outs = tuple(torch.zeros((steps, *a.shape), dtype=a.dtype, device=a.device) for a in first)
    counter = torch.zeros((1,), dtype=torch.int64, device=next(trees.leaves(xs)).device)

    def body() -> None:
        updated, out = take(carry, xs, counter, numbers)
        _fill(carry, updated)
        for column, value in zip(outs, out, strict=True):
            column.index_copy_(0, counter, value.unsqueeze(0))
        counter.add_(1).remainder_(steps)

    return Captured(capture(body, counter.device), carry, counter, xs, numbers, outs, operands)


def _step(
    step: Step, operands: Any, plain: bool, carry: Any, xs: Any, at: Any, numbers: Any
) -> Any:
    """Do the step of an index, an int or a tensor (1,), with its numbers unless it is ``plain``."""

    def row(a: Array) -> Array:
        # a captured step can't have a number of the host as its index
        return a[at] if isinstance(at, int) else a.index_select(0, at)[0]

    x = trees.map_leaves(row, xs)
    if hasattr(step, "load"):
        x = step.load(x, *operands)
    rows = () if plain else (tuple(tuple(row(n).unbind()) for n in numbers),)
    return step(carry, x, *rows, *operands)


def _numbers(n: Any, device: Any) -> Array:
    import torch

    kind = np.float64 if n.dtype.kind == "f" else np.int32
    return torch.from_numpy(np.ascontiguousarray(n, kind)).to(device)


def _fill(tree: Any, other: Any) -> None:
    """Copy arrays into the memory of others, except where both are the same."""
    for a, b in zip(trees.leaves(tree), trees.leaves(other), strict=True):
        if a is not b:
            a.copy_(b)


def _alike(a: Array, b: Array) -> bool:
    import torch

    scale = float(b.abs().max()) if b.numel() else 0.0
    bound = 64 * torch.finfo(b.dtype).eps * scale if b.is_floating_point() else 0
    return bool(torch.allclose(a, b, rtol=0, atol=bound, equal_nan=True))


def _kinds(tree: Any, of: Callable[[Array], Any]) -> tuple[Any, ...]:
    return tuple(map(of, trees.leaves(tree)))


def _kind(a: Array) -> tuple[Any, ...]:
    return tuple(a.shape), a.stride(), a.dtype, a.device


def _place(a: Array) -> tuple[Any, ...]:
    return a.data_ptr(), *_kind(a)

"""What a run does when memory runs out: the same in smaller parts."""

import dataclasses
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from bpnet.backends import Backend
from bpnet.errors import OutOfMemory
from bpnet.training.step import TrainingStep

_log = logging.getLogger("bpnet")

One = TypeVar("One")
Found = TypeVar("Found")


def in_parts(
    part: Sequence[One],
    train: Callable[[Sequence[One]], Found],
    undo: Callable[[Sequence[One]], Any],
    backend: Backend,
) -> Iterator[tuple[Sequence[One], Found]]:
    """Train networks at once, or in halves where there is not enough memory for so many.

    ``undo`` puts networks back to where they were before ``train``. Yield what was trained at once,
    and what ``train`` returned.
    """
    try:
        found = train(part)
    except Exception as error:
        if len(part) == 1 or not backend.out_of_memory(error):
            raise
    else:
        yield part, found
        return
    undo(part)
    backend.free_unused()  # now that the error holds on to no arrays
    half = len(part) // 2
    _log.warning("memory ran out with %d networks at a time: %d", len(part), half)
    for one in (part[:half], part[half:]):
        yield from in_parts(one, train, undo, backend)


def smaller(step: TrainingStep, batch_size: int, error: BaseException) -> TrainingStep:
    """The step with half as many examples at a time, whose gradients are added up.

    OutOfMemory if one example was too much already, or the layers need the whole batch.
    """
    error = error.with_traceback(None)  # which holds on to the arrays of the step that failed
    taken = min(step.micro or batch_size, batch_size)
    if taken == 1:
        msg = "memory ran out with one example at a time; use a smaller network, or another device"
        raise OutOfMemory(msg) from error
    if any(layer.averages for layer in step.judge.layers):
        msg = f"memory ran out in a batch of {batch_size}, and batch normalization needs it whole; "
        raise OutOfMemory(f"{msg}use a smaller batch_size, or norm='layer'") from error
    micro = taken // 2
    _log.warning(
        "memory ran out with %d examples at a time: going on with %d of a batch", taken, micro
    )
    return dataclasses.replace(step, micro=micro)

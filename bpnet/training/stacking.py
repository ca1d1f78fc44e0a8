"""Networks of one shape as one stack of arrays: which go together, and what each brings."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from bpnet.backends import Backend
from bpnet.core import optimizers, random
from bpnet.core.layers import Dropout
from bpnet.core.regularizers import UNBOUND, Regularization
from bpnet.training.member import Member
from bpnet.training.step import Own, TrainingStep

Host = np.ndarray[Any, Any]

_WORK = 8_000_000
"""Multiplications in a step of a stack on a processor; see :func:`size`."""

_MOST = {True: 32, False: 256}
"""Members of a stack at most, on a processor and elsewhere."""


def size(backend: Backend, step: TrainingStep, k: int) -> int:
    """How many networks of a kind go into one stack; 1 where one after another is faster.

    It looks at shapes alone, so the same set is trained in the same stacks. Small steps are mostly
    calls of the library, which a stack shares; large ones are work, for which a network alone has
    the processor's cache to itself.
    """
    weights = sum(shape[0] * shape[1] for layer in step.judge.layers for shape in layer.shapes[:1]
                  if len(shape) == 2)  # fmt: skip
    on_cpu = backend.name == "numpy" or "cpu" in backend.spec
    if not on_cpu:
        return _MOST[False]
    count = min(_WORK // (k * weights), _MOST[True])
    return count if count >= 4 else 1


def grouped(kinds: Sequence[Any]) -> list[list[int]]:
    """Numbers of the networks of each kind, which may go into one stack."""
    found: list[tuple[Any, list[int]]] = []
    for i, kind in enumerate(kinds):
        same = next((numbers for known, numbers in found if known == kind), None)
        if same is None:
            found.append((kind, [i]))
        else:
            same.append(i)
    return [numbers for _, numbers in found]


def common(step: TrainingStep) -> TrainingStep:
    """What the steps of the networks of one stack have in common."""
    judge = replace(step.judge, layers=_without_rates(step.judge.layers))
    rule = optimizers.without_numbers(step.optimizer)
    return replace(step, judge=judge, optimizer=rule, regularization=Regularization())


def _without_rates(chain: tuple[Any, ...]) -> tuple[Any, ...]:
    """Layers without the rates of dropout, but for whether there is one."""
    return tuple(
        Dropout(0.5) if isinstance(layer, Dropout) and random.drop_steps(layer.rate) else layer
        for layer in chain
    )


def own(members: Sequence[Member]) -> Own:
    """What differs from member to member and not from step to step, on the host."""
    steps = [m.step for m in members]
    limits = {}
    for name, none in UNBOUND._asdict().items():
        values = [getattr(step.regularization, name) for step in steps]
        if any(values):  # 0 is no limit
            limits[name] = np.asarray([value or none for value in values], np.float64)
    found: dict[int, Any] = {}
    for l, layer in enumerate(steps[0].judge.layers):
        if isinstance(layer, Dropout) and layer.drops()[0]:
            drops = zip(*(step.judge.layers[l].drops() for step in steps), strict=True)
            kinds = (np.int32, np.float64)
            found[l] = tuple(
                np.asarray(values, dtype).reshape(-1, 1, 1)
                for values, dtype in zip(drops, kinds, strict=True)
            )
    return Own(Regularization(**limits), found)


def batch(members: Sequence[Member], rows: Sequence[Host], first: int) -> dict[str, Host]:
    """What a block takes of each member, (steps, members, ...), from step ``first`` of the run."""
    numbers = [m.numbers(first, len(rows[0])) for m in members]
    same = all(r is rows[0] or np.array_equal(r, rows[0]) for r in rows)
    taken = {
        "rows": rows[0] if same else np.stack(rows, axis=1),
        "coefficients": np.stack([c for c, _ in numbers], axis=-1),
    }
    pairs = list(zip(members, rows, strict=True))
    if members[0].keyed:
        taken["words"] = np.stack([words for _, words in numbers], axis=-1)
        if any(m.places is not None for m in members):
            at = [r if m.places is None else m.places[r] for m, r in pairs]
            taken["numbers"] = np.stack(at, axis=1)
    if any(m.weights is not None for m in members):
        taken["weights"] = np.stack(
            [np.ones(r.shape) if m.weights is None else m.weights[r] for m, r in pairs], axis=1
        )
    return taken


def joined(join: Callable[[Any], Any], trees: Sequence[Any]) -> Any:
    """One tree of several alike, their leaves joined."""
    if isinstance(trees[0], tuple):
        return tuple(joined(join, part) for part in zip(*trees, strict=True))
    return join(list(trees))


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

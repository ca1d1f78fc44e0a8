"""Stacks: networks of one shape as one set of arrays with a first axis of members."""

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
from bpnet.training.step import PerMember, TrainingStep

Host = np.ndarray[Any, Any]

_WORK = 8_000_000
"""Multiplications of a step up to which a processor trains networks as a stack."""

_MOST = {True: 32, False: 256}
"""Most members of a stack, on a processor and elsewhere."""


def size(backend: Backend, step: TrainingStep, k: int) -> int:
    """Return how many networks of a kind form a stack; 1 where one after another is faster.

    The size depends on shapes alone, so that a set is divided into the same stacks every time.
    Small steps are mostly calls of the library, which the members of a stack share. Large steps
    are mostly arithmetic, which is faster where one network has the processor's cache to itself.
    """
    shapes = [layer.shapes[0] for layer in step.objective.layers if layer.shapes]
    weights = sum(shape[0] * shape[1] for shape in shapes if len(shape) == 2)
    on_cpu = backend.name == "numpy" or "cpu" in backend.spec
    if not on_cpu:
        return _MOST[False]
    count = min(_WORK // (k * weights), _MOST[True])
    return count if count >= 4 else 1


def grouped(kinds: Sequence[Any]) -> list[list[int]]:
    """Return the numbers of the networks of each kind, which may form a stack."""
    groups: list[tuple[Any, list[int]]] = []
    for i, kind in enumerate(kinds):  # kinds can be compared, but not hashed
        same = next((numbers for known, numbers in groups if known == kind), None)
        if same is None:
            groups.append((kind, [i]))
        else:
            same.append(i)
    return [numbers for _, numbers in groups]


def common(step: TrainingStep) -> TrainingStep:
    """Return what the steps of the networks of one stack have in common."""
    objective = replace(step.objective, layers=_without_rates(step.objective.layers))
    rule = optimizers.without_numbers(step.optimizer)
    return replace(step, objective=objective, optimizer=rule, regularization=Regularization())


def _without_rates(chain: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return layers in which every rate of dropout but 0 is the same."""
    return tuple(
        # any rate but 0 will do, as the members' own rates come with each call
        Dropout(0.5) if isinstance(layer, Dropout) and random.drop_steps(layer.rate) else layer
        for layer in chain
    )


def per_member(members: Sequence[Member]) -> PerMember:
    """Return what differs between members and is the same in all steps, on the host."""
    steps = [m.step for m in members]
    limits = {}
    for name, none in UNBOUND._asdict().items():
        values = [getattr(step.regularization, name) for step in steps]
        if any(values):  # 0 means that there is no limit
            limits[name] = np.asarray([value or none for value in values], np.float64)
    rates: dict[int, Any] = {}
    for l, layer in enumerate(steps[0].objective.layers):
        if isinstance(layer, Dropout) and layer.drops()[0]:
            drops = zip(*(step.objective.layers[l].drops() for step in steps), strict=True)
            kinds = (np.int32, np.float64)
            rates[l] = tuple(
                # to broadcast with activations, (members, batch, n)
                np.asarray(values, dtype).reshape(-1, 1, 1)
                for values, dtype in zip(drops, kinds, strict=True)
            )
    return PerMember(Regularization(**limits), rates)


def batch(members: Sequence[Member], rows: Sequence[Host], first: int) -> dict[str, Host]:
    """Return what a block takes for each member, (steps, members, ...), from step ``first`` on."""
    numbers = [m.numbers(first, len(rows[0])) for m in members]
    # rows that all members take are loaded once for all of them
    same = all(r is rows[0] or np.array_equal(r, rows[0]) for r in rows)
    taken = {
        # the scan goes along the first axis, which is that of steps
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
    """Join several trees of the same form, leaf by leaf, into one."""
    if isinstance(trees[0], tuple):
        return tuple(joined(join, part) for part in zip(*trees, strict=True))
    return join(list(trees))


_log = logging.getLogger("bpnet")

One = TypeVar("One")
Result = TypeVar("Result")


def in_parts(
    part: Sequence[One],
    train: Callable[[Sequence[One]], Result],
    undo: Callable[[Sequence[One]], Any],
    backend: Backend,
) -> Iterator[tuple[Sequence[One], Result]]:
    """Train networks at once, or in halves where memory runs out.

    ``undo`` puts networks back to where they were before ``train``. Each pair that is yielded is
    the networks that were trained at once, and what ``train`` returned for them.
    """
    try:
        result = train(part)
    except Exception as error:
        if len(part) == 1 or not backend.out_of_memory(error):
            raise
    else:
        yield part, result
        return
    undo(part)
    backend.free_unused()  # outside of the except clause, whose error keeps arrays alive
    half = len(part) // 2
    _log.warning("memory ran out with %d networks at a time: %d", len(part), half)
    for one in (part[:half], part[half:]):
        yield from in_parts(one, train, undo, backend)

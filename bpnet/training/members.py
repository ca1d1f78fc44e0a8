"""``train`` for a set of networks: those of one kind in stacks, the others one after another."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpnet.backends import Backend, trees
from bpnet.core import layers
from bpnet.data import draws
from bpnet.data.host_rows import HostRows
from bpnet.errors import Diverged, InputError
from bpnet.network import Network
from bpnet.training import (
    fastest,
    loop,
    options,
    planning,
    prepare,
    stack,
    weights,
)
from bpnet.training.callbacks import History, Run
from bpnet.training.judge import Data
from bpnet.training.judging import Judging
from bpnet.training.planning import Plan
from bpnet.training.recipe import Place, Recipe
from bpnet.training.stack import Member
from bpnet.training.step import TrainingStep
from bpnet.training.targets import Targets

Host = np.ndarray[Any, Any]
_log = logging.getLogger("bpnet")


class Histories(list[History]):
    """What training a set of networks gave: one history each.

    Attributes
    ----------
    diverged : dict
        Number of each network whose cost was no longer finite, and the error; it has the
        parameters that it had before, and its history ends there.
    stacks : list of int
        How many networks were trained at once, one after another.
    """

    def __init__(self, histories: Sequence[History] = ()) -> None:
        super().__init__(histories)
        self.diverged: dict[int, Diverged] = {}
        self.stacks: list[int] = []


@dataclass(frozen=True, eq=False)
class _Set:
    """What all networks of a set share.

    Parameters
    ----------
    backend : Backend
        Where they are trained.
    place : Place
        As ``train`` was asked.
    judge : Judge
        Of the first network, without dropout.
    data : tuple of arrays
        On the device.
    wanted : Targets
        All of them.
    sample_weight, class_weight : optional
        As given.
    judging : Judging
        Judges stacks by examples that are not trained with.
    micro : int
        Examples that are taken at a time.
    """

    backend: Backend
    place: Place
    judge: Any
    data: Data
    wanted: Targets
    sample_weight: Any
    class_weight: Any
    judging: Judging
    micro: int


def train(
    network: Sequence[Network],
    data: Any,
    recipes: list[Recipe],
    place: Place,
    *,
    sample_weight: Any,
    validation: Any,
    callbacks: Any,
    folds: Any,
) -> Histories:
    """Train a set of networks in place, each as :func:`bpnet.train` would train it alone.

    Parameters
    ----------
    network : sequence of Network
        Different objects with the same inputs and outputs.
    data : (X, y) or Dataset
        Of all.
    recipes : list of Recipe
        One for each.
    place : Place
        Of all.
    sample_weight, validation, callbacks, folds
        As in :func:`bpnet.train`.

    Returns
    -------
    Histories
        One history a network.

    Raises
    ------
    InputError
        If an argument or the data cannot be used.
    Diverged
        If every network did; where only some did, the others are trained and ``diverged`` of what
        is returned names them.
    """
    plans = planning.make(list(network), recipes, callbacks, folds)
    shared = _share(plans, data, place, sample_weight, validation)
    result = Histories([{} for _ in plans])
    steps = [_step(plan, shared) for plan in plans]
    for group in _groups(plans, steps, shared):
        size = 1 if _alone(shared) else _size(shared, steps[group[0]], plans[group[0]])
        done = 0
        while done < len(group):
            part = group[done : done + size]
            members = _run(part, plans, steps, shared)
            if members is None:  # memory ran out
                shared.backend.free_unused()
                size = max(1, len(part) // 2)
                _log.warning("memory ran out with %d networks at a time: %d", len(part), size)
                continue
            done += len(part)
            result.stacks.append(len(part))
            for i, member in zip(part, members, strict=True):
                result[i] = member.run.history
                if member.error is not None:
                    result.diverged[i] = member.error
                    _log.warning("network %d of %d: %s", i + 1, len(plans), member.error)
            if any(member.run.stopped == "interrupted" for member in members):
                raise KeyboardInterrupt
    if len(result.diverged) == len(plans):
        raise result.diverged[0]
    return result


def _share(plans: list[Plan], data: Any, place: Place, sample_weight: Any, validation: Any) -> _Set:
    """Bring the data to the backend, and what judges them."""
    first = plans[0]
    recipe, folds = first.recipe, [plan.fold for plan in plans if plan.fold is not None]
    if folds and validation is not None:
        msg = "folds name the rows to judge by, and validation was given too; leave one out"
        raise InputError(msg)
    backend = place.backend
    if fastest.is_asked(backend):
        backend = fastest.chosen(first.network, data, recipe, place).backend
    chosen, judge, stored, wanted = prepare.prepare(
        first.network, data, recipe.cost, backend=backend, device=place.device,
        dtype=place.dtype, learn=True,
    )  # fmt: skip
    if place.compiled is not None:  # a set's own way is that of the backend
        chosen = chosen.compiling(place.compiled)
    m = int(stored[0].shape[0])
    for i, plan in enumerate(plans):
        for part in plan.fold or ():
            if part.size and not 0 <= part.min() <= part.max() < m:
                msg = f"folds[{i}] has row {part.max()} and the data {m} examples; count from 0"
                raise InputError(msg)
        if plan.fold is not None:
            layers.check_batch(plan.layers, plan.batch_size(len(plan.fold[0])))
        own = replace(judge, layers=plan.layers)
        options.check_together(own, plan.recipe, None, stored[0])
        options.smoothed(own, plan.recipe)
        judged = validation is not None if plan.fold is None else len(plan.fold[1]) > 0
        options.check_watched(plan.callbacks, judge, recipe.metrics, validated=judged)
    if folds and isinstance(stored[0], HostRows):
        msg = "folds are parts of examples in memory, and these are not; train the networks one by "
        raise InputError(f"{msg}one, with (x[rows], y[rows]) of the data and validation")
    with chosen.session(place.dtype):
        judging = Judging.make(
            first.network, validation, judge, wanted, stored, chosen, place.dtype,
            tuple(recipe.metrics), folds=folds,
        )  # fmt: skip
    return _Set(
        chosen, place, judge, stored, wanted, sample_weight, recipe.class_weight, judging,
        recipe.micro_batch or 0,
    )  # fmt: skip


def _step(plan: Plan, shared: _Set) -> TrainingStep:
    m = int(shared.data[0].shape[0]) if plan.fold is None else len(plan.fold[0])
    judge = options.smoothed(replace(shared.judge, layers=plan.layers), plan.recipe)
    return TrainingStep(judge, plan.recipe.rule, m=m, micro=shared.micro, **plan.recipe.taken())


def _groups(plans: list[Plan], steps: list[TrainingStep], shared: _Set) -> list[list[int]]:
    """Numbers of the networks that may go into one stack; a list for each kind."""
    found: list[tuple[Any, list[int]]] = []
    for i, (plan, step) in enumerate(zip(plans, steps, strict=True)):
        held = 0 if plan.fold is None else len(plan.fold[1])
        key = (stack.kind(step, plan.batch_size(step.m or 1)), plan.recipe.epochs, held)
        same = next((numbers for known, numbers in found if known == key), None)
        if same is None:
            found.append((key, [i]))
        else:
            same.append(i)
    return [numbers for _, numbers in found]


def _alone(shared: _Set) -> bool:
    """Whether the set is trained one after another whatever its shape."""
    halves = shared.place.dtype in {"float16", "bfloat16"}
    return bool(halves or shared.micro or isinstance(shared.data[0], HostRows))


def _size(shared: _Set, step: TrainingStep, plan: Plan) -> int:
    return stack.together(shared.backend, step, plan.batch_size(step.m or 1))


def _run(
    part: list[int], plans: list[Plan], steps: list[TrainingStep], shared: _Set
) -> list[Member] | None:
    """Train some networks at once; None if there is not enough memory for so many."""
    plan, step = plans[part[0]], steps[part[0]]
    k = plan.batch_size(step.m or 1)
    work = prepare.largest_product(plan.network, k)
    backend, first = shared.backend, [plans[i].network.parameters for i in part]
    with (
        backend.session(shared.place.dtype),
        backend.threads(shared.place.threads, work) as used,
        backend.precision(shared.place.precision),
    ):
        try:
            members = [_member(plans[i], steps[i], shared, used) for i in part]
            if len(members) == 1:
                _run_one(members[0], shared)
            else:
                stack.Stack(members, shared.judging).train()
        except Exception as error:
            if len(part) == 1 or not backend.out_of_memory(error):
                raise
            for i, parameters in zip(part, first, strict=True):  # callbacks may have pulled
                plans[i].network.parameters = parameters
            return None
        for member in members:
            if member.error is None:
                member.run.pull()
    return members


def _member(plan: Plan, step: TrainingStep, shared: _Set, threads: int | None) -> Member:
    """One network with its session and its run."""
    backend, m = shared.backend, step.m or 1
    own: Any = plan.recipe  # its schedule is no name any more
    k = plan.batch_size(m)
    parameters = prepare.kept(
        prepare.arrange(plan.network.parameters, plan.layers), backend, shared.place.dtype
    )
    weighed, places = _weighed(plan, shared), None
    order = None
    if plan.fold is not None:
        rows = plan.fold[0]
        places = np.zeros(len(shared.wanted.values), np.int64)
        places[rows] = np.arange(m)

        def order(epoch: int) -> Host:
            drawn: Host = rows[draws.order(own.seed, epoch, m)] if k < m else rows
            return drawn

    data = stack.with_own(
        shared.data, weighed, places, keyed=layers.differs_in_training(plan.layers),
        backend=backend, dtype=shared.place.dtype,
    )  # fmt: skip
    session = loop.Session(
        step, backend, data, parameters, step.start(parameters), k, own.seed,
        own.schedule, weighed, order,
    )  # fmt: skip
    run = Run(plan.network, own.epochs, -(-m // k), m, backend.spec, threads)
    member = Member(session, run, plan.callbacks, places, judged=None if plan.fold is None
                    else plan.fold[1])  # fmt: skip

    def pull() -> None:
        held = member.parameters() if run.result is None else run.result
        plan.network.parameters = prepare.arrange(held, plan.network.layers)
        prepare.name_outputs(plan.network, shared.wanted, shared.judge.scale)

    run.pull = pull
    return member


def _weighed(plan: Plan, shared: _Set) -> Host | None:
    """Weights of all examples, with those of a fold made as if it were all."""
    total = len(shared.wanted.values)
    if plan.fold is None:
        return weights.make(shared.sample_weight, shared.class_weight, shared.wanted, total)
    rows, given = plan.fold[0], shared.sample_weight
    if given is not None:
        given = weights.given(given, total)[rows]
    part = replace(shared.wanted, values=shared.wanted.values[rows])
    made = weights.make(given, shared.class_weight, part, len(rows))
    if made is None:
        return None
    whole = np.zeros(total)
    whole[rows] = made
    return whole


def _run_one(member: Member, shared: _Set) -> None:
    """Train a network by itself, on the data of the set."""

    def validate(parameters: Any) -> dict[str, float | None]:
        lone = trees.map_leaves(lambda a: a[None, ...], parameters)
        return shared.judging(lone, [member])[0]

    try:
        loop.run_epochs(member.session, member.run, member.callbacks, validate)
    except Diverged as error:
        member.error = error

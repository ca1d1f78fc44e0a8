"""``train`` for a set of networks: those of one kind in stacks, the others one after another."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from bpnet.backends import Backend
from bpnet.core import layers
from bpnet.core.regularizers import Regularization
from bpnet.data import draws
from bpnet.data.host_rows import HostRows
from bpnet.distributed import Communicator, wrap
from bpnet.errors import Diverged, InputError
from bpnet.network import Network
from bpnet.training import (
    checkpoints,
    dividing,
    epochs,
    fastest,
    memory,
    options,
    planning,
    prepare,
    resuming,
    stacking,
    weights,
)
from bpnet.training.callbacks import History, Run
from bpnet.training.judge import Data
from bpnet.training.member import Member
from bpnet.training.planning import Plan
from bpnet.training.recipe import RECIPE, Place, Recipe
from bpnet.training.session import Session
from bpnet.training.set_checkpoints import Progress, Saved
from bpnet.training.step import TrainingStep
from bpnet.training.targets import Targets
from bpnet.training.validation import Validation

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
    weights : list of arrays or None
        Of all examples, for each network.
    validation : Validation
        Judges networks by examples that are not trained with.
    """

    backend: Backend
    place: Place
    judge: Any
    data: Data
    wanted: Targets
    weights: list[Host | None]
    validation: Validation


def train(
    network: Sequence[Network],
    data: Any,
    recipes: list[Recipe],
    place: Place,
    communicator: Any,
    *,
    sample_weight: Any,
    validation: Any,
    callbacks: Any,
    folds: Any,
    checkpoint: Any,
    resume: bool,
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
    communicator : Communicator, mpi4py.MPI.Comm or None
        The ranks that train whole networks of the set each.
    sample_weight, validation, callbacks, folds, checkpoint, resume
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
    held = prepare.held_out(data, validation, folds)
    given = _Given(data, held, sample_weight, checkpoint, resume)
    if communicator is None:
        ended, stacks = _train(plans, place, given)
    else:
        ranks = wrap(communicator)
        dividing.check_alike(ranks, _told(plans, place, given))
        with ranks.running():
            ended, stacks = _train(plans, place, given, ranks)
    result = Histories([history for history, _ in ended])
    result.stacks = stacks
    result.diverged = {i: error for i, (_, error) in enumerate(ended) if error is not None}
    for i, error in result.diverged.items():
        _log.warning("network %d of %d: %s", i + 1, len(ended), error)
    if len(result.diverged) == len(ended):
        raise result.diverged[0]
    return result


@dataclass(frozen=True, eq=False)
class _Given:
    """Arguments of ``train`` beside recipes and place."""

    data: Any
    validation: Any
    sample_weight: Any
    checkpoint: Any
    resume: bool


def _told(plans: list[Plan], place: Place, given: _Given) -> str:
    """What ranks must have in common, as text."""
    first = [a for plan in plans for arrays in plan.network.parameters for a in arrays]
    return repr(_asked(plans, place, given, first=checkpoints.fingerprint(*first)))


def _train(
    plans: list[Plan], place: Place, given: _Given, ranks: Communicator | None = None
) -> tuple[list[Any], list[int]]:
    """Train networks, or this rank's, and bring them to the others: what each gave, and stacks."""
    shared = _share(plans, place, given)
    steps = [_step(plan, shared) for plan in plans]
    told = {}
    if given.checkpoint is not None:
        told = _asked(plans, place, given, cost=shared.judge.cost, scale=shared.judge.scale)
    writer, found = checkpoints.make(given.checkpoint, given.resume, told)
    threads = resuming.threads_of(found, shared.backend.spec, place.threads)
    shared = replace(shared, place=replace(place, threads=threads))
    parts, networks = _parts(plans, steps, shared, ranks), [plan.network for plan in plans]

    def name_outputs(network: Network) -> None:
        prepare.name_outputs(network, shared.wanted, shared.judge.scale)

    progress = Progress(
        networks, Histories([{} for _ in plans]), told, resuming.machine(shared.backend),
        getattr(given.data, "columns", None), writer,
        Run(networks[0], 0, 1, 0, shared.backend.spec, threads), name_outputs,
    )  # fmt: skip
    with checkpoints.held(writer):
        if found is not None:
            resuming.compare(found, shared.backend, threads)
            progress.restore(found)
        if len(progress.done) < len(plans):
            if writer is not None:
                writer.on_train_begin(progress.whole)
            for part in parts:
                left = [i for i in part if i not in progress.done]
                saved = [i for i in left if i in progress.saved]  # these go on where they were
                for one in (saved, [i for i in left if i not in saved]):
                    if one:
                        _train_part(one, plans, steps, shared, progress)
            if writer is not None:
                writer.on_train_end(progress.whole)
    histories, stacks, stopped = (
        progress.histories,
        progress.histories.stacks,
        progress.whole.stopped,
    )
    pairs: list[Any] = [(history, histories.diverged.get(i)) for i, history in enumerate(histories)]
    if ranks is not None:
        own = {*chain(*parts)}
        pairs = [pair if i in own else None for i, pair in enumerate(pairs)]
        pairs, stacks, stopped = dividing.gathered(
            networks, ranks, pairs, stacks, stopped, name_outputs
        )
    if stopped == "interrupted":
        raise KeyboardInterrupt
    return pairs, stacks


_PARTS = 8
"""Stacks of a kind at least where there are ranks, so that 1, 2, 4 and 8 of them give the same."""


def _parts(
    plans: list[Plan], steps: list[TrainingStep], shared: _Set, ranks: Communicator | None
) -> list[list[int]]:
    """Numbers of the networks that are trained at once, one part after another."""
    parts = []
    for group in _groups(plans, steps, shared):
        step, plan = steps[group[0]], plans[group[0]]
        k = plan.batch_size(step.m or 1)
        size = 1 if _alone(shared, step) else stacking.size(shared.backend, step, k)
        if ranks is not None:
            size = min(size, -(-len(group) // _PARTS))
        parts += [group[i : i + size] for i in range(0, len(group), size)]
    return parts if ranks is None else parts[ranks.rank :: ranks.size]


def _train_part(
    part: list[int],
    plans: list[Plan],
    steps: list[TrainingStep],
    shared: _Set,
    progress: Progress,
) -> None:
    """Train networks at once, or in halves where there is not enough memory for so many."""
    first = {i: plans[i].network.parameters for i in part}

    def run(some: Sequence[int]) -> list[Member]:
        return _run(some, plans, steps, shared, progress)

    def undo(some: Sequence[int]) -> None:
        progress.drop()
        for i in some:
            plans[i].network.parameters = first[i]

    if progress.whole.stopped:
        return
    for trained, members in memory.in_parts(part, run, undo, shared.backend):
        progress.end(trained, members)
        if progress.whole.stopped:
            return


def _asked(plans: list[Plan], place: Place, given: _Given, **more: Any) -> dict[str, Any]:
    """What a set is asked for, in words: as a checkpoint keeps it, and ranks compare it."""
    recipes = [plan.recipe for plan in plans]
    each = {n: [getattr(r, n) for r in recipes] for n, about in RECIPE.items() if about.each}
    pairs = {"data": given.data, "validation": given.validation}
    arrays: dict[str, Any] = {
        name: None if pair is None else prepare.pair(pair, name) for name, pair in pairs.items()
    }
    arrays["sample_weight"] = None if given.sample_weight is None else (given.sample_weight,)
    prints = {n: None if a is None else checkpoints.fingerprint(*a) for n, a in arrays.items()}
    shared = {n: getattr(recipes[0], n) for n in ("cost", "metrics", "class_weight")}
    return checkpoints.asked(recipes[0], place, weights=None, **{
        "network": [plan.layers for plan in plans],
        "folds": [None if p.fold is None else checkpoints.fingerprint(*p.fold) for p in plans],
        **shared, **each, **prints, **more,
    })  # fmt: skip


def _share(plans: list[Plan], place: Place, given: _Given) -> _Set:
    """Bring the data to the backend, and what judges them."""
    first, validation = plans[0], given.validation
    recipe, folds = first.recipe, [plan.fold for plan in plans if plan.fold is not None]
    if folds and validation is not None:
        msg = "folds name the rows to judge by, and validation was given too; leave one out"
        raise InputError(msg)
    backend = fastest.settled(first.network, given.data, recipe, place)
    chosen, judge, stored, wanted = prepare.prepare(
        first.network, given.data, recipe.cost, backend=backend, device=place.device,
        dtype=place.dtype, learn=True,
    )  # fmt: skip
    if place.compiled is not None:  # a set's own way is that of the backend
        chosen = chosen.compiling(place.compiled)
    m = int(stored[0].shape[0])
    for i, plan in enumerate(plans):
        for part in plan.fold or ():
            wrong = part[(part < 0) | (part >= m)]
            if wrong.size:
                msg = f"folds[{i}] has row {wrong[0]} and the data {m} examples; count from 0"
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
        judging = Validation.make(
            first.network, validation, judge, wanted, stored, chosen, place.dtype,
            tuple(recipe.metrics), folds=folds,
        )  # fmt: skip
    return _Set(chosen, place, judge, stored, wanted, _weighed(plans, given, wanted), judging)


def _step(plan: Plan, shared: _Set) -> TrainingStep:
    m = int(shared.data[0].shape[0]) if plan.fold is None else len(plan.fold[0])
    judge = options.smoothed(replace(shared.judge, layers=plan.layers), plan.recipe)
    limits, micro = Regularization(**plan.recipe.taken()), plan.recipe.micro_batch or 0
    return TrainingStep(judge, plan.recipe.rule, m, limits, micro)


def _groups(plans: list[Plan], steps: list[TrainingStep], shared: _Set) -> list[list[int]]:
    """Numbers of the networks that may go into one stack; a list for each kind."""
    kinds = []
    for plan, step in zip(plans, steps, strict=True):
        held = 0 if plan.fold is None else len(plan.fold[1])
        kinds.append(
            (stacking.common(step), plan.batch_size(step.m or 1), plan.recipe.epochs, held)
        )
    return stacking.grouped(kinds)


def _alone(shared: _Set, step: TrainingStep) -> bool:
    """Whether the set is trained one after another whatever its shape."""
    halves = shared.place.dtype in {"float16", "bfloat16"}
    return bool(halves or step.micro or isinstance(shared.data[0], HostRows))


def _run(
    part: Sequence[int],
    plans: list[Plan],
    steps: list[TrainingStep],
    shared: _Set,
    progress: Progress,
) -> list[Member]:
    """Train some networks at once."""
    plan, step = plans[part[0]], steps[part[0]]
    work = prepare.largest_product(plan.network, plan.batch_size(step.m or 1))
    backend = shared.backend
    with (
        backend.session(shared.place.dtype),
        backend.threads(shared.place.threads, work) as used,
        backend.precision(shared.place.precision),
    ):
        saved = [progress.saved.get(i) for i in part]
        begun = [(plans[i], steps[i], shared.weights[i]) for i in part]
        session = _session(begun, shared, used, saved)
        kept = [
            {} if one is None else one.take_up(member)
            for one, member in zip(saved, session.all, strict=True)
        ]
        progress.begin([*part], session)
        looks = None if progress.writer is None else progress.after
        epochs.run(session, shared.validation, kept, looks)
        members = [m for m in session.all if m.error is None]
        for member in members:
            member.run.pull()
    return session.all


def _session(
    part: list[tuple[Plan, TrainingStep, Host | None]],
    shared: _Set,
    threads: int | None,
    saved: list[Saved | None],
) -> Session:
    backend, dtype = shared.backend, shared.place.dtype
    members = [_member(*one, shared, threads) for one in part]
    first = [
        prepare.kept(prepare.arrange(plan.network.parameters, plan.layers), backend, dtype)
        for plan, *_ in part
    ]
    states = [
        None if one is None else tuple(prepare.kept(layer, backend, dtype) for layer in one.state)
        for one in saved
    ]
    session = Session(members, backend, shared.data, dtype, first, states)
    for member in members:
        member.run.pull = prepare.pulling(session, member, shared.wanted)
    return session


def _member(
    plan: Plan, step: TrainingStep, own_weights: Host | None, shared: _Set, threads: int | None
) -> Member:
    """One network and its run."""
    m = step.m or 1
    own: Any = plan.recipe  # its schedule is no name any more
    k = plan.batch_size(m)
    places, judged, order = None, None, None
    if plan.fold is not None:
        rows, judged = plan.fold
        places = np.zeros(len(shared.wanted.values), np.int64)
        places[rows] = np.arange(m)

        def order(epoch: int) -> Host:
            drawn: Host = rows[draws.order(own.seed, epoch, m)] if k < m else rows
            return drawn

    run = Run(plan.network, own.epochs, -(-m // k), m, shared.backend.spec, threads)
    return Member(
        step, run, k, own.seed, own.schedule, list(plan.callbacks), own_weights, order,
        places=places, judged=judged,
    )  # fmt: skip


def _weighed(plans: list[Plan], given: _Given, wanted: Targets) -> list[Host | None]:
    """Weights of all examples for each network, with those of a fold made as if it were all."""
    total, by_class = len(wanted.values), plans[0].recipe.class_weight
    if plans[0].fold is None:
        return [weights.make(given.sample_weight, by_class, wanted, total)] * len(plans)
    own = None if given.sample_weight is None else weights.given(given.sample_weight, total)
    found: list[Host | None] = []
    for rows, _ in filter(None, (plan.fold for plan in plans)):
        part = replace(wanted, values=wanted.values[rows])
        made = weights.make(None if own is None else own[rows], by_class, part, len(rows))
        whole = None if made is None else np.zeros(total)
        if whole is not None:
            whole[rows] = made
        found.append(whole)
    return found

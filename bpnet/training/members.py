"""``train`` for a set of networks: those of one kind in stacks, the others one after another."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    options,
    planning,
    prepare,
    resuming,
    scores,
    stacking,
    weights,
)
from bpnet.training.callbacks import History, Run
from bpnet.training.judge import Data
from bpnet.training.member import Member
from bpnet.training.planning import Plan
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
    backend, dtype, threads, precision
        As ``train`` was asked.
    judge : Judge
        Of the first network, without dropout.
    data : tuple of arrays
        On the device.
    wanted : Targets
        All of them.
    sample_weight, class_weight : optional
        As given.
    validation : Validation
        Judges networks by examples that are not trained with.
    micro : int
        Examples that are taken at a time.
    """

    backend: Backend
    dtype: str
    threads: int | None
    precision: str | None
    judge: Any
    data: Data
    wanted: Targets
    sample_weight: Any
    class_weight: Any
    validation: Validation
    micro: int


def train(network: Sequence[Network], data: Any, *, folds: Any, **asked: Any) -> Histories:
    """Train a set of networks in place, each as :func:`bpnet.train` would train it alone.

    Parameters
    ----------
    network : sequence of Network
        Different objects with the same inputs and outputs.
    data : (X, y) or Dataset
        Of all.
    folds : sequence of (rows, rows) or None
        As in :func:`bpnet.train`.
    **asked
        Its other options.

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
    asked["validation"] = prepare.held_out(data, asked["validation"], folds)
    plans, ranks = planning.make(list(network), asked, folds), asked["communicator"]
    if ranks is None:
        ended, stacks = _train(plans, data, folds, asked)
    else:
        ranks = wrap(ranks)
        told = _told(plans, data, asked)
        ended, stacks = dividing.train(
            network, ranks, told, lambda: _train(plans, data, folds, asked, ranks)
        )
    result = Histories([history for history, _ in ended])
    result.stacks = stacks
    result.diverged = {i: error for i, (_, error) in enumerate(ended) if error is not None}
    for i, error in result.diverged.items():
        _log.warning("network %d of %d: %s", i + 1, len(ended), error)
    if len(result.diverged) == len(ended):
        raise result.diverged[0]
    return result


def _told(plans: list[Plan], data: Any, asked: dict[str, Any]) -> str:
    """What ranks must have in common, as text."""
    first = [a for plan in plans for arrays in plan.network.parameters for a in arrays]
    pairs = [data] if asked["validation"] is None else [data, asked["validation"]]
    prints = [checkpoints.fingerprint(*prepare.pair(pair, "data")) for pair in pairs]
    own = [(plan.layers, plan.asked, plan.fold) for plan in plans]
    alike = {name: asked[name] for name in ("cost", "dtype", "sample_weight", "class_weight")}
    return repr(checkpoints.asked(
        weights=None, own=own, prints=[*prints, checkpoints.fingerprint(*first)], **alike
    ))  # fmt: skip


def _train(
    plans: list[Plan],
    data: Any,
    folds: Any,
    asked: dict[str, Any],
    ranks: Communicator | None = None,
) -> tuple[list[dividing.Ended], list[int]]:
    """Train networks, or this rank's: the history of each, and why it ended before its time."""
    shared = _share(plans, data, asked, folds)
    steps = [_step(plan, shared, asked["cost"]) for plan in plans]
    told = _asked(plans, shared, data, asked)
    writer, found = checkpoints.make(asked["checkpoint"], asked["resume"], told)
    shared = replace(
        shared, threads=resuming.threads_of(found, shared.backend.spec, shared.threads)
    )
    progress = Progress(
        [plan.network for plan in plans], Histories([{} for _ in plans]), told,
        resuming.machine(shared.backend), getattr(data, "columns", None), writer,
        Run(plans[0].network, 0, 1, 0, shared.backend.spec, shared.threads),
        lambda net: prepare.name_outputs(net, shared.wanted, shared.judge.scale),
    )  # fmt: skip
    with checkpoints.held(writer):
        if found is not None:
            resuming.compare(found, shared.backend, shared.threads)
            progress.restore(found)
        if len(progress.done) < len(plans):
            if writer is not None:
                writer.on_train_begin(progress.whole)
            for part in _parts(plans, steps, shared, ranks):
                left = [i for i in part if i not in progress.done]
                saved = [i for i in left if i in progress.saved]  # these go on where they were
                for one in (saved, [i for i in left if i not in saved]):
                    if one:
                        _train_part(one, plans, steps, shared, progress)
            if writer is not None:
                writer.on_train_end(progress.whole)
    histories = progress.histories
    diverged = histories.diverged
    return [(h, diverged.get(i)) for i, h in enumerate(histories)], histories.stacks


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
        size = 1 if _alone(shared) else stacking.size(shared.backend, step, k)
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
    """Train networks at once, or in halves where there is not enough memory for so many.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, once a checkpoint is written.
    """
    members = _run(part, plans, steps, shared, progress)
    if members is None:
        shared.backend.free_unused()
        half = len(part) // 2
        _log.warning("memory ran out with %d networks at a time: %d", len(part), half)
        for one in (part[:half], part[half:]):
            _train_part(one, plans, steps, shared, progress)
        return
    if not any(i in progress.saved for i in part):
        progress.histories.stacks.append(len(part))
    progress.end(part, members)
    if any(member.run.stopped == "interrupted" for member in members):
        if progress.writer is not None:
            progress.writer.on_train_end(progress.whole)
        raise KeyboardInterrupt


def _asked(plans: list[Plan], shared: _Set, data: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """What a set is asked for, as a checkpoint keeps it."""
    if asked["checkpoint"] is None:
        return {}
    each = {name: [plan.asked[name] for plan in plans] for name in planning.EACH}
    pairs = {"data": data, "validation": asked["validation"]}
    return checkpoints.asked(
        **each, network=[plan.layers for plan in plans], cost=shared.judge.cost,
        dtype=shared.dtype, weights=shared.sample_weight, micro_batch=shared.micro,
        scale=shared.judge.scale, precision=shared.precision, metrics=asked["metrics"],
        class_weight=shared.class_weight,
        folds=[None if p.fold is None else checkpoints.fingerprint(*p.fold) for p in plans],
        **{name: None if pair is None else checkpoints.fingerprint(*prepare.pair(pair, name))
           for name, pair in pairs.items()},
    )  # fmt: skip


def _share(plans: list[Plan], data: Any, asked: dict[str, Any], folds: Any) -> _Set:
    """Bring the data to the backend, and what judges them."""
    if folds is not None and asked["validation"] is not None:
        msg = "folds name the rows to judge by, and validation was given too; leave one out"
        raise InputError(msg)
    first = plans[0]
    backend = fastest.settled(
        asked["backend"], first.network, data, batch_size=first.asked["batch_size"],
        optimizer=first.asked["optimizer"], dtype=asked["dtype"], cost=asked["cost"],
        device=asked["device"],
    )  # fmt: skip
    chosen, judge, stored, wanted = prepare.prepare(
        first.network, data, asked["cost"], backend=backend, device=asked["device"],
        dtype=asked["dtype"], learn=True,
    )  # fmt: skip
    if asked["compiled"] is not None:  # a set's own way is that of the backend
        chosen = chosen.compiling(asked["compiled"])
    m = int(stored[0].shape[0])
    for i, plan in enumerate(plans):
        for part in plan.fold or ():
            if part.size and not 0 <= part.min() <= part.max() < m:
                msg = f"folds[{i}] has row {part.max()} and the data {m} examples; count from 0"
                raise InputError(msg)
        if plan.fold is not None:
            layers.check_batch(plan.layers, plan.batch_size(len(plan.fold[0])))
        options.check_together(
            replace(judge, layers=plan.layers), plan.asked["optimizer"], plan.asked["batch_size"],
            asked["micro_batch"], plan.asked["schedule"], 0.0, 0.0, None, False, stored[0],
        )  # fmt: skip
    if folds is not None and isinstance(stored[0], HostRows):
        msg = "folds are parts of examples in memory, and these are not; train the networks one by "
        raise InputError(f"{msg}one, with (x[rows], y[rows]) of the data and validation")
    counts = {name: asked[name] for name in ("threads", "micro_batch")}
    threads, micro = options.counts(asked["dtype"], **counts)
    names = scores.names_of(asked["metrics"])
    for plan in plans:
        judged = asked["validation"] is not None if plan.fold is None else len(plan.fold[1]) > 0
        options.check_watched(plan.callbacks, judge, names, validated=judged)
    with chosen.session(asked["dtype"]):
        validation = Validation.make(
            first.network, asked["validation"], judge, wanted, stored, chosen, asked["dtype"],
            names, folds=[plan.fold for plan in plans if plan.fold is not None],
        )  # fmt: skip
    return _Set(
        chosen, asked["dtype"], threads, asked["precision"], judge, stored, wanted,
        asked["sample_weight"], asked["class_weight"], validation, micro or 0,
    )  # fmt: skip


def _step(plan: Plan, shared: _Set, cost: Any) -> TrainingStep:
    own = plan.asked
    limits = Regularization(*(own[name] for name in Regularization._fields))
    m = int(shared.data[0].shape[0]) if plan.fold is None else len(plan.fold[0])
    judge = replace(shared.judge, layers=plan.layers)
    return TrainingStep(judge, own["optimizer"], m, limits, shared.micro)


def _groups(plans: list[Plan], steps: list[TrainingStep], shared: _Set) -> list[list[int]]:
    """Numbers of the networks that may go into one stack; a list for each kind."""
    found: list[tuple[Any, list[int]]] = []
    for i, (plan, step) in enumerate(zip(plans, steps, strict=True)):
        held = 0 if plan.fold is None else len(plan.fold[1])
        key = (stacking.common(step), plan.batch_size(step.m or 1), plan.asked["epochs"], held)
        same = next((numbers for known, numbers in found if known == key), None)
        if same is None:
            found.append((key, [i]))
        else:
            same.append(i)
    return [numbers for _, numbers in found]


def _alone(shared: _Set) -> bool:
    """Whether the set is trained one after another whatever its shape."""
    halves = shared.dtype in {"float16", "bfloat16"}
    return bool(halves or shared.micro or isinstance(shared.data[0], HostRows))


def _run(
    part: list[int],
    plans: list[Plan],
    steps: list[TrainingStep],
    shared: _Set,
    progress: Progress,
) -> list[Member] | None:
    """Train some networks at once; None if there is not enough memory for so many."""
    plan, step = plans[part[0]], steps[part[0]]
    work = prepare.largest_product(plan.network, plan.batch_size(step.m or 1))
    backend, first = shared.backend, [plans[i].network.parameters for i in part]
    with (
        backend.session(shared.dtype),
        backend.threads(shared.threads, work) as used,
        backend.precision(shared.precision),
    ):
        try:
            saved = [progress.saved.get(i) for i in part]
            session = _session([(plans[i], steps[i]) for i in part], shared, used, saved)
            kept = [
                {} if one is None else one.take_up(member)
                for one, member in zip(saved, session.all, strict=True)
            ]
            progress.begin(part, session)
            looks = None if progress.writer is None else progress.after
            epochs.run(session, shared.validation, kept, looks)
        except Exception as error:
            if len(part) == 1 or not backend.out_of_memory(error):
                raise
            for i, parameters in zip(part, first, strict=True):
                plans[i].network.parameters = parameters
            return None
        members = [m for m in session.all if m.error is None]
        for member in members:
            member.run.pull()
    return session.all


def _session(
    part: list[tuple[Plan, TrainingStep]],
    shared: _Set,
    threads: int | None,
    saved: list[Saved | None],
) -> Session:
    members = [_member(plan, step, shared, threads) for plan, step in part]
    first = [
        prepare.kept(
            prepare.arrange(plan.network.parameters, plan.layers), shared.backend, shared.dtype
        )
        for plan, _ in part
    ]
    states = [
        None if one is None else tuple(
            prepare.kept(layer, shared.backend, shared.dtype) for layer in one.state
        )
        for one in saved
    ]  # fmt: skip
    session = Session(members, shared.backend, shared.data, shared.dtype, first, states)
    for member in members:
        member.run.pull = prepare.pulling(session, member, shared.wanted)
    return session


def _member(plan: Plan, step: TrainingStep, shared: _Set, threads: int | None) -> Member:
    """One network and its run."""
    m, own = step.m or 1, plan.asked
    k = plan.batch_size(m)
    places, judged, order = None, None, None
    if plan.fold is not None:
        rows, judged = plan.fold
        places = np.zeros(len(shared.wanted.values), np.int64)
        places[rows] = np.arange(m)

        def order(epoch: int) -> Host:
            drawn: Host = rows[draws.order(own["seed"], epoch, m)] if k < m else rows
            return drawn

    run = Run(plan.network, own["epochs"], -(-m // k), m, shared.backend.spec, threads)
    return Member(
        step, run, k, own["seed"], own["schedule"], list(plan.callbacks), _weighed(plan, shared),
        order, places=places, judged=judged,
    )  # fmt: skip


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

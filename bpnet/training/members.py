"""Run: the networks of an opened call, those of one kind in stacks, the others one by one."""

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

from bpnet.data.host_rows import HostRows
from bpnet.errors import Diverged
from bpnet.network import Network
from bpnet.training import (
    agreement,
    checkpoints,
    distributions,
    dividing,
    epochs,
    memory,
    prepare,
    resuming,
    stacking,
)
from bpnet.training.callbacks import History, Run
from bpnet.training.member import Member
from bpnet.training.opening import Job
from bpnet.training.set_checkpoints import Progress


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


def run(job: Job) -> Histories:
    """Train the networks of a call in place; on every rank all of them.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C; the networks hold what was learned.
    """
    with job.call.split.ranks.running(), checkpoints.held(job.writer):
        histories, stopped = _run_set(job) if job.call.several else _run_one(job)
    if stopped == "interrupted":
        raise KeyboardInterrupt
    return histories


def _run_one(job: Job) -> tuple[Histories, str | None]:
    """Train the one network: its history, and why it was stopped."""
    call, saved = job.call, job.saved
    with job.running(0) as used:
        if saved is not None:
            resuming.compare(saved, job.backend, used)
        start = resuming.start(saved, job.steps[0], call.plans[0].network)
        session = job.session([0], used, [start])
        (member,) = session.members
        run = member.run
        run.snapshot = partial(
            checkpoints.snapshot, session, member, job.asked, getattr(call.data, "columns", None)
        )
        run.probe = partial(distributions.sample, session, run)
        member.callbacks += agreement.callbacks(call.split.ranks, session, job.writer)
        kept = None if start is None else [start.take_up(member)]
        if start is None or not start.numbers["done"] or start.numbers["epochs"] < run.epochs:
            epochs.run(session, job.validation, kept)
        histories = Histories([run.history])
        if member.error is None:
            run.pull()
        else:
            histories.diverged[0] = member.error
    return histories, run.stopped


def _run_set(job: Job) -> tuple[Histories, str | None]:
    """Train the networks of a set, or this rank's and bring them to the others."""
    call, saved = job.call, job.saved
    networks = [plan.network for plan in call.plans]

    def name_outputs(network: Network) -> None:
        prepare.name_outputs(network, job.wanted, job.judge.scale)

    progress = Progress(
        networks, Histories([{} for _ in networks]), job.asked, resuming.machine(job.backend),
        getattr(call.data, "columns", None), job.writer,
        Run(networks[0], 0, 1, 0, job.backend.spec, job.threads), name_outputs,
    )  # fmt: skip
    parts = _parts(job)
    if saved is not None:
        resuming.compare(saved, job.backend, job.threads)
        progress.restore(saved)
    if len(progress.done) < len(networks):
        if job.writer is not None:
            job.writer.on_train_begin(progress.whole)
        for part in parts:
            left = [i for i in part if i not in progress.done]
            under_way = [i for i in left if i in progress.saved]  # these go on where they were
            for one in (under_way, [i for i in left if i not in under_way]):
                if one:
                    _run_part(one, job, progress)
        if job.writer is not None:
            job.writer.on_train_end(progress.whole)
    histories, stopped = progress.histories, progress.whole.stopped
    if call.split.many:
        stopped = dividing.gather(
            networks, call.split.ranks, {*chain(*parts)}, histories, stopped, name_outputs
        )
    histories.diverged = dict(sorted(histories.diverged.items()))
    return histories, stopped


def _parts(job: Job) -> list[list[int]]:
    """Numbers of the networks that are trained at once, one part after another."""
    split, kinds, sizes, parts = job.call.split, [], [], []
    for plan, step in zip(job.call.plans, job.steps, strict=True):
        judged, k = 0 if plan.fold is None else len(plan.fold[1]), plan.batch_size(step.m or 1)
        kinds.append((stacking.common(step), k, plan.recipe.epochs, judged))
        sizes.append(1 if _is_alone(job, step) else stacking.size(job.backend, step, k))
    for group in stacking.grouped(kinds):
        size = sizes[group[0]]
        if split.shards:  # so that 1, 2, 4 and 8 ranks give the same
            size = min(size, -(-len(group) // split.shards))
        parts += [group[i : i + size] for i in range(0, len(group), size)]
    return parts[split.ranks.rank :: split.ranks.size]


def _is_alone(job: Job, step: Any) -> bool:
    """Whether the set is trained one after another whatever its shape."""
    halves = job.call.place.dtype in {"float16", "bfloat16"}
    return bool(halves or step.micro or isinstance(job.data[0], HostRows))


def _run_part(part: list[int], job: Job, progress: Progress) -> None:
    """Train networks at once, or in halves where there is not enough memory for so many."""
    plans = job.call.plans
    first = {i: plans[i].network.parameters for i in part}

    def run(some: Sequence[int]) -> list[Member]:
        with job.running(some[0]) as used:
            saved = [progress.saved.get(i) for i in some]
            session = job.session(some, used, saved)
            kept = [
                {} if one is None else one.take_up(member)
                for one, member in zip(saved, session.all, strict=True)
            ]
            progress.begin([*some], session)
            looks = None if job.writer is None else progress.after
            epochs.run(session, job.validation, kept, looks)
            for member in session.all:
                if member.error is None:
                    member.run.pull()
        return session.all  # type: ignore[no-any-return]

    def undo(some: Sequence[int]) -> None:
        progress.drop()
        for i in some:
            plans[i].network.parameters = first[i]

    if progress.whole.stopped:
        return
    for trained, members in memory.in_parts(part, run, undo, job.backend):
        progress.end(trained, members)
        if progress.whole.stopped:
            return

"""Run: the networks of an opened call, those of one kind in stacks, the others one by one."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from bpnet.data.host_rows import HostRows
from bpnet.training import checkpoints, dividing, epochs, memory, resuming, stacking
from bpnet.training.member import Member
from bpnet.training.opening import Job
from bpnet.training.progress import Histories, Progress


def run(job: Job) -> Histories:
    """Train the networks of a call in place; on every rank all of them."""
    call, writer = job.call, job.writer
    with call.split.ranks.running(), checkpoints.held(writer):
        progress, parts = Progress(job), _parts(job)
        histories = progress.histories
        for part in chain(*map(progress.left, parts)):
            _run_part(part, job, progress)
        if progress.begun and writer is not None and len(histories.diverged) < len(histories):
            writer.on_train_end(progress.run)
        stopped = progress.run.stopped
        if call.several and call.split.many:
            stopped = dividing.gather(job, {*chain(*parts)}, histories, stopped)
        histories.diverged = dict(sorted(histories.diverged.items()))
    if stopped == "interrupted":
        raise KeyboardInterrupt
    return histories


def _parts(job: Job) -> list[list[int]]:
    """Numbers of the networks that are trained at once, one part after another."""
    if not job.call.several:
        return [[0]]
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
    first = {i: progress.networks[i].parameters for i in part}

    def run(some: Sequence[int]) -> list[Member]:
        with job.running(some[0]) as used:
            saved = [progress.saved.get(i) for i in some]
            if job.saved is not None and saved[0] is not None:
                resuming.compare(job.saved, some[0], job.backend, used)
            session = job.session(some, used, saved)
            kept = [
                {} if one is None else one.resume(member)
                for one, member in zip(saved, session.members, strict=True)
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
            progress.networks[i].parameters = first[i]

    if progress.run.stopped:
        return
    for trained, members in memory.in_parts(part, run, undo, job.backend):
        progress.end(trained, members)
        if progress.run.stopped:
            return

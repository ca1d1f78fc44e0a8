"""Run: the networks of an opened call, in stacks or one by one, with their progress."""

from collections.abc import Iterator, Sequence, Set
from itertools import chain
from typing import Any

import numpy as np

from bpnet.data.host_rows import HostRows
from bpnet.distributed import Communicator
from bpnet.errors import Diverged
from bpnet.storage import checkpoint
from bpnet.storage.checkpoint import Snapshot
from bpnet.training import checkpoints, epochs, prepare, resuming, stacking
from bpnet.training.callbacks import SIGNALS, Histories, Run
from bpnet.training.history import History
from bpnet.training.member import Member
from bpnet.training.opening import Job
from bpnet.training.resuming import Saved, is_finished
from bpnet.training.session import Session


class Progress:
    """How far the networks of a call are; a checkpoint is restored at the start.

    ``histories`` has the networks that are finished, whose numbers are ``done``. ``saved`` has the
    networks that began in an earlier part. ``begun`` says whether training has begun. ``run``
    stands for the whole call, whose parts follow one another, as the writer of checkpoints sees it.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.networks = job, [plan.network for plan in job.call.plans]
        self.histories = Histories([History() for _ in self.networks])
        self.saved: dict[int, Saved] = {}
        self.done: set[int] = set()
        self.begun = False
        # epochs, steps and samples are those of the part in training, which _look copies
        self.run = Run(self.networks[0], 0, 1, 0, job.backend.spec)
        self.run.snapshot, self.run.pull = self._snapshot, self._pull
        self._part: Sequence[int] = []
        self._session: Session | None = None
        if job.saved is not None:
            self._restore(job.saved)

    def _restore(self, snapshot: Snapshot) -> None:
        first = [network.parameters for network in self.networks]
        parameters, self.saved = resuming.networks(
            snapshot, [plan.step for plan in self.job.call.plans], first
        )
        plans = self.job.call.plans
        ended = {
            i: s for i, s in self.saved.items() if is_finished(s.numbers, plans[i].recipe.epochs)
        }
        final = {i: saved.final(self.networks[i].layers) for i, saved in ended.items()}
        for i, network in enumerate(self.networks):
            # a network that has ended has its result, which may be that of an earlier epoch
            network.parameters = final.get(i) or prepare.arrange(parameters[i], network.layers)
        for i, saved in ended.items():
            self.histories[i] = saved.numbers["history"]
            if saved.numbers["error"]:
                self.histories.diverged[i] = Diverged(saved.numbers["error"])
            else:
                self.job.name_outputs(self.networks[i])
        self.done = set(ended)
        self.histories.stacks[:] = snapshot.numbers["stacks"]
        self.run.before = snapshot.numbers["before"]

    def unfinished(self, part: Sequence[int]) -> Iterator[list[int]]:
        """Yield groups of unfinished networks of a part; the networks of each are at one step."""
        groups: dict[Any, list[int]] = {}
        for i in part:
            if i not in self.done:
                position = self.saved[i].position if i in self.saved else None
                groups.setdefault(position, []).append(i)
        # networks that had begun go on before others begin
        yield from sorted(groups.values(), key=lambda group: group[0] not in self.saved)

    def begin(self, part: Sequence[int], session: Session) -> None:
        """Note which networks are trained now."""
        self._part, self._session = part, session
        self._look()
        ended = [self.saved[i] for i in part if i in self.saved]
        if ended and all(saved.numbers["done"] for saved in ended):  # a resume with more epochs
            # `before` has the steps of these ended networks, which run.at counts again
            self.run.before -= self.run.at - self.run.before

    def drop(self) -> None:
        """Forget the networks that are trained now, for which there was no memory."""
        self._part, self._session = [], None

    def after(self, what: str) -> None:
        """Call the writer of checkpoints when the first part begins, after blocks and epochs."""
        self._look()
        writer, run = self.job.writer, self.run
        if writer is None:
            return
        if what == "begin" and not self.begun:
            writer.on_train_begin(run)
            self.begun = True
        elif what == "block":
            writer.on_block_end(run)
        elif what == "epoch" and run.position[0]:
            run.epoch = run.position[0] - 1  # the epoch that has ended
            writer.on_epoch_end(run)

    def _look(self) -> None:
        """Bring the run of the call up to date with the network that is furthest."""
        if self._session is None:
            return
        runs, whole = [member.run for member in self._session.all], self.run
        run = max(runs, key=lambda run: run.position)
        whole.epochs, whole.steps, whole.samples = run.epochs, run.steps, run.samples
        whole.epoch, whole.step, whole.history = run.epoch, run.step, run.history
        # a network that stops for a reason of its own does not end the call
        whole.stopped = next((r.stopped for r in runs if r.stopped in SIGNALS), None)

    def end(self, part: Sequence[int], members: Sequence[Member]) -> None:
        """Keep the results of networks whose training has ended."""
        self._look()
        for i, member in zip(part, members, strict=True):
            self.histories[i] = member.run.history
            if member.error is not None:
                self.histories.diverged[i] = member.error
        # an interrupted part stays under way, so that the last checkpoint has its networks
        if self.run.stopped is None:
            self.histories.stacks[:] = self._stacks
            # without a writer nothing reads the arrays of finished networks again
            if self.job.writer is not None:
                self.saved |= self._under_way()
            self.done |= set(part)
            self.run.before = self.run.at
            self.run.epoch, self.run.step, self.run.history = 0, 0, History()
            self.drop()

    @property
    def _stacks(self) -> list[int]:
        """Sizes of the stacks so far, with the current one unless a checkpoint counted it."""
        is_new = self._part and not any(i in self.saved for i in self._part)
        return [*self.histories.stacks, *([len(self._part)] if is_new else [])]

    def _under_way(self) -> dict[int, Saved]:
        """Return the networks that are trained now, as a checkpoint has them."""
        session = self._session
        members = session.all if session is not None else []
        return {i: Saved.of(session, m) for i, m in zip(self._part, members, strict=True)}

    def _pull(self) -> None:
        """Copy the arrays of the networks that are trained now from the device."""
        for member in self._session.all if self._session is not None else ():
            if member.error is None:
                member.run.pull()

    def _snapshot(self) -> Snapshot:
        """Return the contents of a checkpoint."""
        job, now = self.job, self._under_way()
        begun = {**self.saved, **now}
        # if all networks of a part have ended, the next part is counted from their last step
        is_behind = now and all(saved.numbers["done"] for saved in now.values())
        arrays: dict[str, Any] = {}
        for i, plan in enumerate(job.call.plans):
            if i not in begun:
                arrays[f"{i} parameters"] = prepare.arrange(plan.network.parameters, plan.layers)
                continue
            own = {"parameters": begun[i].parameters, "state": begun[i].state, **begun[i].arrays}
            arrays |= {f"{i} {name}": tree for name, tree in own.items()}
        columns = getattr(job.call.data, "columns", None)
        numbers = {
            "asked": job.settings,  # the name in files of every version
            "backend": job.backend.spec,
            "machine": resuming.machine(job.backend),
            "columns": None if columns is None else columns.to_json(),
            "stacks": self._stacks,
            "before": self.run.at if is_behind else self.run.before,
            "networks": {str(i): saved.numbers for i, saved in begun.items()},
        }
        return Snapshot(arrays, numbers)


def run(job: Job) -> Histories:
    """Train the networks of a call in place; every rank ends with all of them."""
    call, writer = job.call, job.writer
    with call.split.ranks.running(), checkpoints.locked(writer):
        progress, parts = Progress(job), _parts(job)
        histories = progress.histories
        for part in chain(*map(progress.unfinished, parts)):
            _run_part(part, job, progress)
        if progress.begun and writer is not None and len(histories.diverged) < len(histories):
            writer.on_train_end(progress.run)
        stopped = progress.run.stopped
        if call.several and call.split.many:
            stopped = gather(job, {*chain(*parts)}, histories, stopped)
        histories.diverged = dict(sorted(histories.diverged.items()))
    # Ctrl-C ends the program as usual, once networks and checkpoint have what was learned
    if stopped == "interrupted":
        raise KeyboardInterrupt
    return histories


def _parts(job: Job) -> list[list[int]]:
    """Return the numbers of the networks that are trained at once, part by part."""
    if not job.call.several:
        return [[0]]
    split, kinds, parts = job.call.split, [], []
    for plan in job.call.plans:
        validation_size = 0 if plan.fold is None else len(plan.fold[1])
        # a stack has no gaps: its networks take as many steps, epochs and validation rows
        kinds.append((stacking.common(plan.step), plan.k, plan.recipe.epochs, validation_size))
    halves = job.call.place.dtype in {"float16", "bfloat16"}
    for group in stacking.grouped(kinds):
        plan = job.call.plans[group[0]]
        size = stacking.size(job.backend, plan.step, plan.k)
        if halves or plan.step.micro or isinstance(job.data[0], HostRows):
            size = 1  # these networks are trained one after another
        if split.shards:  # the stacks must be the same for 1, 2, 4 and 8 ranks
            size = min(size, -(-len(group) // split.shards))
        parts += [group[i : i + size] for i in range(0, len(group), size)]
    return parts[split.ranks.rank :: split.ranks.size]


def _run_part(part: list[int], job: Job, progress: Progress) -> None:
    """Train networks at once, or in halves where memory runs out."""
    # callbacks may have copied arrays to the networks when memory runs out
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
    for trained, members in stacking.in_parts(part, run, undo, job.backend):
        progress.end(trained, members)
        if progress.run.stopped:
            return


def gather(job: Job, own: Set[int], histories: Any, stopped: str | None) -> str | None:
    """Bring to every rank what each has trained; return why the first rank that stopped did.

    Each network is trained by one rank, in a stack that does not depend on the number of ranks.
    ``own`` has the numbers of this rank's networks; the others are written into ``histories``.
    """
    networks, ranks = [plan.network for plan in job.call.plans], job.call.split.ranks
    mine = sorted(own)
    values = [tuple(np.asarray(v) for v in histories[i].values()) for i in mine]
    errors = [str(histories.diverged[i]) if i in histories.diverged else None for i in mine]
    arrays = {"parameters": tuple(networks[i].parameters for i in mine), "histories": tuple(values)}
    numbers = {
        "networks": [[i, [*histories[i]], e] for i, e in zip(mine, errors, strict=True)],
        "stacks": histories.stacks,
        "stopped": stopped,
    }
    with ranks.patient():  # some ranks have more to train than others
        contents = _exchanged(ranks, checkpoint.encode(Snapshot(arrays, numbers)))
    snapshots = [checkpoint.decode(content) for content in contents]
    histories.stacks[:] = [n for snapshot in snapshots for n in snapshot.numbers["stacks"]]
    for snapshot in snapshots:
        for at, (i, names, error) in enumerate(snapshot.numbers["networks"]):
            if i in own:
                continue
            columns = zip(names, snapshot.arrays["histories"][at], strict=True)
            histories[i] = {name: column.tolist() for name, column in columns}
            networks[i].parameters = snapshot.arrays["parameters"][at]
            if error is None:
                job.name_outputs(networks[i])
            else:
                histories.diverged[i] = Diverged(error)
    return next(filter(None, (snapshot.numbers["stopped"] for snapshot in snapshots)), None)


def _exchanged(ranks: Communicator, content: bytes) -> list[bytes]:
    """Return the bytes of all ranks, which travel as 32-bit words in exact float64 numbers."""
    lengths = ranks.gather([len(content)])[:, 0].astype(int)
    # ranks gather as many numbers each, so that all contents get the length of the longest
    padded = content.ljust(-(-max(lengths) // 4) * 4, b"\0")
    words = ranks.gather(np.frombuffer(padded, np.uint32).astype(np.float64))
    pairs = zip(words, lengths, strict=True)
    return [row.astype(np.uint32).tobytes()[:length] for row, length in pairs]

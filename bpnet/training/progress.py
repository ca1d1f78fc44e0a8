"""How far the networks of a call are: what checkpoints hold, and what is left to train."""

from collections.abc import Iterator, Sequence
from typing import Any

from bpnet.errors import Diverged
from bpnet.storage.checkpoint import Snapshot
from bpnet.training import prepare, resuming
from bpnet.training.callbacks import SIGNALS, History, Run
from bpnet.training.member import Member
from bpnet.training.opening import Job
from bpnet.training.saved import Saved, is_finished
from bpnet.training.session import Session


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


class Progress:
    """How far the networks of a call are, those of its checkpoint restored.

    ``histories`` are of the networks that are trained no more, whose numbers are ``done``;
    ``saved`` are networks that began before the part under way; ``begun`` says whether one has been
    trained. ``run`` is the call as its writer of checkpoints sees it: parts follow one another.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.networks = job, [plan.network for plan in job.call.plans]
        self.histories = Histories([{} for _ in self.networks])
        self.saved: dict[int, Saved] = {}
        self.done: set[int] = set()
        self.begun = False
        self.run = Run(self.networks[0], 0, 1, 0, job.backend.spec)
        self.run.snapshot, self.run.pull = self._snapshot, self._pull
        self._part: Sequence[int] = []
        self._session: Session | None = None
        if job.saved is not None:
            self._restore(job.saved)

    def _restore(self, found: Snapshot) -> None:
        first = [network.parameters for network in self.networks]
        parameters, self.saved = resuming.networks(found, self.job.steps, first)
        plans = self.job.call.plans
        ended = {
            i: s for i, s in self.saved.items() if is_finished(s.numbers, plans[i].recipe.epochs)
        }
        final = {i: saved.final(self.networks[i].layers) for i, saved in ended.items()}
        for i, network in enumerate(self.networks):
            network.parameters = final.get(i) or prepare.arrange(parameters[i], network.layers)
        for i, saved in ended.items():
            self.histories[i] = saved.numbers["history"]
            if saved.numbers["error"]:
                self.histories.diverged[i] = Diverged(saved.numbers["error"])
            else:
                self.job.name_outputs(self.networks[i])
        self.done = set(ended)
        self.histories.stacks[:] = found.numbers["stacks"]
        self.run.before = found.numbers["before"]

    def left(self, part: Sequence[int]) -> Iterator[list[int]]:
        """Yield the networks of a part that are trained together: those at the same step."""
        groups: dict[Any, list[int]] = {}
        for i in part:
            if i not in self.done:
                position = self.saved[i].position if i in self.saved else None
                groups.setdefault(position, []).append(i)
        yield from sorted(groups.values(), key=lambda group: group[0] not in self.saved)

    def begin(self, part: Sequence[int], session: Session) -> None:
        """Take note of the networks that are trained now."""
        self._part, self._session = part, session
        self._look()
        ended = [self.saved[i] for i in part if i in self.saved]
        if ended and all(saved.numbers["done"] for saved in ended):  # more epochs are wanted
            self.run.before -= self.run.at - self.run.before

    def drop(self) -> None:
        """Let go of the networks that are trained now, which had no room."""
        self._part, self._session = [], None

    def after(self, what: str) -> None:
        """Let the writer look in when the first part has begun, after a block and an epoch."""
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
            run.epoch = run.position[0] - 1  # the one that has ended
            writer.on_epoch_end(run)

    def _look(self) -> None:
        """Bring the run of all up to date with the network under way that is furthest."""
        if self._session is None:
            return
        runs, whole = [member.run for member in self._session.all], self.run
        run = max(runs, key=lambda run: run.position)
        whole.epochs, whole.steps, whole.samples = run.epochs, run.steps, run.samples
        whole.epoch, whole.step, whole.history = run.epoch, run.step, run.history
        whole.stopped = next((r.stopped for r in runs if r.stopped in SIGNALS), None)

    def end(self, part: Sequence[int], members: Sequence[Member]) -> None:
        """Keep what networks gave that are trained no more."""
        self._look()
        for i, member in zip(part, members, strict=True):
            self.histories[i] = member.run.history
            if member.error is not None:
                self.histories.diverged[i] = member.error
        if self.run.stopped is None:
            self.histories.stacks[:] = self._stacks
            if self.job.writer is not None:
                self.saved |= self._under_way()
            self.done |= set(part)
            self.run.before = self.run.at
            self.run.epoch, self.run.step, self.run.history = 0, 0, {}
            self.drop()

    @property
    def _stacks(self) -> list[int]:
        """Sizes of the stacks, with that under way unless it was taken from a checkpoint."""
        is_new = self._part and not any(i in self.saved for i in self._part)
        return [*self.histories.stacks, *([len(self._part)] if is_new else [])]

    def _under_way(self) -> dict[int, Saved]:
        session = self._session
        members = session.all if session is not None else []
        return {i: Saved.of(session, m) for i, m in zip(self._part, members, strict=True)}

    def _pull(self) -> None:
        """Bring the networks that are trained now up to date."""
        for member in self._session.all if self._session is not None else ():
            if member.error is None:
                member.run.pull()

    def _snapshot(self) -> Snapshot:
        """Take what a checkpoint holds, but for where the run is."""
        job, now = self.job, self._under_way()
        begun = {**self.saved, **now}
        # where all of a part have ended, the next one is counted from behind it
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
            "asked": job.asked,
            "backend": job.backend.spec,
            "machine": resuming.machine(job.backend),
            "columns": None if columns is None else columns.to_json(),
            "stacks": self._stacks,
            "before": self.run.at if is_behind else self.run.before,
            "networks": {str(i): saved.numbers for i, saved in begun.items()},
        }
        return Snapshot(arrays, numbers)

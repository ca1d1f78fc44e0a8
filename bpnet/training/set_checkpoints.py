"""Checkpoints of a set of networks: how far each is, and how the set is taken up again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bpnet.checkpoint import Snapshot
from bpnet.data import Columns
from bpnet.errors import Diverged, InputError
from bpnet.training import checkpoints, prepare, resuming
from bpnet.training.callbacks import SIGNALS, History, Run
from bpnet.training.checkpoints import Checkpoint
from bpnet.training.member import Member
from bpnet.training.resuming import Saved
from bpnet.training.session import Session


@dataclass(eq=False)
class Progress:
    """How far a set is.

    Parameters
    ----------
    networks : list of Network
        Of the set.
    histories : Histories
        Written as networks end.
    asked : dict
        What a run that is taken up again must be asked for.
    machine : dict
        What its bits depend on: :func:`bpnet.training.resuming.machine`.
    columns : Columns or None
        Of the table that is trained with.
    writer : Checkpoint or None
        What writes.
    whole : Run
        The set as the writer sees it: its steps are those of all networks, one after another.
    name_outputs : callable
        Tells a network what its outputs are.
    saved : dict of Saved
        Networks that are under way in the checkpoint, by their numbers.
    done : set of int
        Networks that are trained no more.
    """

    networks: Sequence[Any]
    histories: Any
    asked: dict[str, Any]
    machine: dict[str, str]
    columns: Columns | None
    writer: Checkpoint | None
    whole: Run
    name_outputs: Callable[[Any], None]
    saved: dict[int, Saved] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    _part: Sequence[int] = field(default_factory=list)
    _session: Session | None = None

    def __post_init__(self) -> None:
        self.whole.snapshot = self._snapshot
        self.whole.pull = lambda: None

    def restore(self, found: Snapshot) -> None:
        """Take up the networks of a checkpoint.

        Raises
        ------
        InputError
            If it is not that of such a set.
        """
        held: Any = found.numbers.get("set")
        try:
            first = tuple(network.parameters for network in self.networks)
            parameters = resuming.fitting(found.arrays["parameters"], first, "parameters")
            done = {int(i): (v["history"], v["error"]) for i, v in held["done"].items()}
            saved = {}
            for at, (i, numbers) in enumerate(held["under_way"].items()):
                kept = {name: found.arrays.get(f"{i} {name}") for name in numbers["callbacks"]}
                state = found.arrays["state"][at]
                saved[int(i)] = Saved(numbers, parameters[int(i)], state, kept)
            stacks, before = held["stacks"], held["before"]
            if not all(0 <= i < len(parameters) for i in (*done, *saved)):
                raise LookupError
        except (TypeError, LookupError, ValueError, AttributeError) as error:
            msg = "the checkpoint is not that of a set of such networks; start another run"
            raise InputError(msg) from error
        for network, arrays in zip(self.networks, parameters, strict=True):
            network.parameters = arrays
        for i, (history, reason) in done.items():
            self.histories[i] = history
            if reason is None:
                self.name_outputs(self.networks[i])
            else:
                self.histories.diverged[i] = Diverged(reason)
        self.done, self.saved = set(done), saved
        self.histories.stacks[:], self.whole.before = stacks, before

    def begin(self, part: Sequence[int], session: Session) -> None:
        """Say which networks are trained now."""
        self._part, self._session = part, session
        self._look()

    def drop(self) -> None:
        """Let go of the networks that are trained now, which had no room."""
        self._part, self._session = [], None

    def after(self, what: str) -> None:
        """Let the writer look in after a block or an epoch."""
        self._look()
        if self.writer is not None and what == "block":
            self.writer.on_block_end(self.whole)
        elif self.writer is not None and self.whole.position[0]:
            self.whole.epoch = self.whole.position[0] - 1  # the one that has ended
            self.writer.on_epoch_end(self.whole)

    def _look(self) -> None:
        """Bring the set's own run up to date with the network under way that is furthest."""
        if self._session is None:
            return
        runs, whole = [member.run for member in self._session.all], self.whole
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
        if self.whole.stopped is None:
            self.histories.stacks[:] = self._stacks
            self.done |= set(part)
            self.whole.before += self.whole.epochs * self.whole.steps
            self.whole.epoch, self.whole.step, self.whole.history = 0, 0, {}
            self._part, self._session = [], None

    @property
    def _stacks(self) -> list[int]:
        """Sizes of the stacks, with that under way unless it was taken up from a checkpoint."""
        is_new = self._part and not any(i in self.saved for i in self._part)
        return [*self.histories.stacks, *([len(self._part)] if is_new else [])]

    def _snapshot(self) -> Snapshot:
        """Take what a checkpoint holds."""
        parameters = [network.parameters for network in self.networks]
        done = {i: _ended(self.histories[i], self.histories.diverged.get(i)) for i in self.done}
        state, arrays, under_way = [], {}, {}
        session: Any = self._session
        for i, member in zip(self._part, session.all if session else (), strict=True):
            if member.is_over and member.run.stopped not in SIGNALS:
                if member.error is None:
                    member.run.pull()
                    parameters[i] = self.networks[i].parameters
                done[i] = _ended(member.run.history, member.error)
                continue
            parameters[i] = prepare.arrange(session.to_host(member), self.networks[i].layers)
            state.append(session.state_to_host(member))
            said, kept = checkpoints.kept(member)
            epoch, step = member.run.position
            sums = [0.0, 0.0] if step == 0 else list(member.run.sums)
            under_way[str(i)] = {"epoch": epoch, "step": step, "sums": sums, **said}
            arrays.update({f"{i} {name}": held for name, held in kept.items()})
        # where all of a part have ended, the next one is counted from behind it
        behind = self.whole.epochs * self.whole.steps if session and not under_way else 0
        numbers = {
            **checkpoints.of_run(self.whole, self.asked, self.machine, self.columns),
            "history": {},
            "learning_rate": 0.0,
            "callbacks": {},
            "set": {
                "done": {str(i): ended for i, ended in done.items()},
                "under_way": under_way,
                "stacks": self._stacks,
                "before": self.whole.before + behind,
            },
        }
        arrays |= {"parameters": tuple(parameters), "state": tuple(state)}
        return Snapshot(arrays, numbers)


def _ended(history: History, error: Diverged | None) -> dict[str, Any]:
    return {"history": history, "error": None if error is None else str(error)}

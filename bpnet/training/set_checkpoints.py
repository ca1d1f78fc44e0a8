"""Checkpoints of a set of networks: how far each is, and how the set is taken up again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bpnet.checkpoint import Snapshot
from bpnet.data import Columns
from bpnet.errors import Diverged, InputError
from bpnet.training import prepare, resuming
from bpnet.training.callbacks import History, Run, named
from bpnet.training.checkpoints import SIGNALS, Checkpoint
from bpnet.training.member import Member
from bpnet.training.session import Session


@dataclass(frozen=True)
class Saved:
    """A network that was under way when a checkpoint was written.

    Parameters
    ----------
    numbers : dict
        Where its run was.
    parameters, state : nested tuples of arrays
        Its own, and what its optimizer remembers.
    arrays : dict
        What its callbacks keep.
    """

    numbers: dict[str, Any]
    parameters: Any
    state: Any
    arrays: dict[str, Any]

    def take_up(self, member: Member) -> dict[str, Any]:
        """Put a member where it was; return what its callbacks kept, by their names."""
        run, numbers = member.run, self.numbers
        run.epoch, run.step = numbers["epoch"], numbers["step"]
        run.sums = (numbers["sums"][0], numbers["sums"][1])
        run.history.update(numbers["history"])
        run.learning_rate = numbers["learning_rate"]
        kept = numbers["callbacks"].items()
        return {name: (plain, self.arrays.get(name)) for name, plain in kept}


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

    def after(self, what: str) -> None:
        """Let the writer look in after a block or an epoch."""
        self._look()
        if self.writer is not None and what == "block":
            self.writer.on_block_end(self.whole)
        elif self.writer is not None:
            self.writer.on_epoch_end(self.whole)

    def _look(self) -> None:
        """Bring the set's own run up to date with the networks under way."""
        if self._session is None:
            return
        live = self._session.live or [(0, self._session.all[0])]
        run, whole = live[0][1].run, self.whole
        whole.epochs, whole.steps, whole.samples = run.epochs, run.steps, run.samples
        whole.epoch, whole.step, whole.history = run.epoch, run.step, run.history
        whole.stopped = run.stopped if run.stopped in SIGNALS else None

    def end(self, part: Sequence[int], members: Sequence[Member]) -> None:
        """Keep what networks gave that are trained no more."""
        for i, member in zip(part, members, strict=True):
            self.histories[i] = member.run.history
            if member.error is not None:
                self.histories.diverged[i] = member.error
        if self.whole.stopped is None:
            self.done |= set(part)
            self.whole.before += self.whole.epochs * self.whole.steps
            self.whole.epoch, self.whole.step, self.whole.history = 0, 0, {}
            self._part, self._session = [], None

    def _snapshot(self) -> Snapshot:
        """Take what a checkpoint holds."""
        parameters = [network.parameters for network in self.networks]
        done = {i: _ended(self.histories[i], self.histories.diverged.get(i)) for i in self.done}
        state, arrays, under_way = [], {}, {}
        session: Any = self._session
        for i, member in zip(self._part, session.all if session else (), strict=True):
            if member.is_over and self.whole.stopped is None:
                if member.error is None:
                    member.run.pull()
                    parameters[i] = self.networks[i].parameters
                done[i] = _ended(member.run.history, member.error)
                continue
            parameters[i] = prepare.arrange(session.to_host(member), self.networks[i].layers)
            state.append(session.state_to_host(member))
            under_way[str(i)], kept = _under_way(member)
            arrays.update({f"{i} {name}": held for name, held in kept.items()})
        numbers = {
            "asked": self.asked,
            "epochs": self.whole.epochs,
            "backend": self.whole.backend,
            "threads": self.whole.threads,
            "machine": self.machine,
            "columns": None if self.columns is None else self.columns.to_json(),
            "history": {},
            "learning_rate": 0.0,
            "callbacks": {},
            "set": {
                "done": {str(i): ended for i, ended in done.items()},
                "under_way": under_way,
                "stacks": list(self.histories.stacks),
                "before": self.whole.before,
            },
        }
        arrays |= {"parameters": tuple(parameters), "state": tuple(state)}
        return Snapshot(arrays, numbers)


def _ended(history: History, error: Diverged | None) -> dict[str, Any]:
    return {"history": history, "error": None if error is None else str(error)}


def _under_way(member: Member) -> tuple[dict[str, Any], dict[str, Any]]:
    """Where the run of a member is, and the arrays that its callbacks keep."""
    run = member.run
    states = {name: callback.state() for name, callback in named(member.callbacks)}
    kept = {name: pair for name, pair in states.items() if pair is not None}
    numbers = {
        "epoch": run.epoch,
        "step": run.step,
        "sums": list(run.sums),
        "history": run.history,
        "learning_rate": run.learning_rate,
        "callbacks": {name: plain for name, (plain, _) in kept.items()},
    }
    return numbers, {name: held for name, (_, held) in kept.items() if held is not None}

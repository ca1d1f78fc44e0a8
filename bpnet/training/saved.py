"""One network in a checkpoint: where its run was, and the arrays that it goes on with."""

from dataclasses import dataclass
from typing import Any

from bpnet.errors import InputError
from bpnet.training import prepare
from bpnet.training.callbacks import SIGNALS, named
from bpnet.training.member import Member


@dataclass(frozen=True)
class Saved:
    """A network as a checkpoint has it, under way or at its end; NumPy arrays and plain data.

    ``arrays`` is what its callbacks keep, by their names, and under ``result`` the parameters that
    the network has at the end in place of the last ones.
    """

    numbers: dict[str, Any]
    parameters: Any
    state: Any
    arrays: dict[str, Any]

    @classmethod
    def of(cls, session: Any, member: Member) -> "Saved":
        """Return a member of a session as it is between two blocks."""
        run = member.run
        states = {name: callback.state() for name, callback in named(member.callbacks)}
        pairs = {name: pair for name, pair in states.items() if pair is not None}
        arrays = {name: kept for name, (_, kept) in pairs.items() if kept is not None}
        if run.result is not None:
            arrays["result"] = run.result
        epoch, step = run.position
        numbers = {
            "epoch": epoch,
            "step": step,
            # the history has the sums of an epoch that has ended
            "sums": [0.0, 0.0] if step == 0 else list(run.sums),
            "done": member.is_over and run.stopped not in SIGNALS,
            "error": None if member.error is None else str(member.error),
            "epochs": run.epochs,
            "threads": run.threads,
            "history": run.history,
            "learning_rate": run.learning_rate,
            "callbacks": {name: plain for name, (plain, _) in pairs.items()},
        }
        parameters = session.to_host(member)
        if member.error is not None:  # a network that diverged keeps what it had before
            parameters = prepare.arrange(run.network.parameters, member.step.judge.layers)
        return cls(numbers, parameters, session.state_to_host(member), arrays)

    @property
    def position(self) -> tuple[int, int]:
        """Epochs that have ended, and steps done in the next one."""
        return self.numbers["epoch"], self.numbers["step"]

    def final(self, layers: Any) -> Any:
        """Return the parameters of a finished network, as its ``layers`` have them."""
        last = prepare.arrange(self.parameters, layers)
        if "result" not in self.arrays:
            return last
        return fitting(self.arrays["result"], last, "best parameters")

    def resume(self, member: Member) -> dict[str, Any]:
        """Put a member where it was; return what its callbacks kept, by their names."""
        run, numbers = member.run, self.numbers
        run.epoch, run.step = self.position
        run.sums = (numbers["sums"][0], numbers["sums"][1])
        run.history.update(numbers["history"])
        run.learning_rate = numbers["learning_rate"]
        kept = numbers["callbacks"].items()
        return {name: (plain, self.arrays.get(name)) for name, plain in kept}


def is_finished(numbers: dict[str, Any], epochs: int) -> bool:
    """Whether a network that is so far is trained no more, where so many epochs are wanted."""
    return bool(numbers["error"] or (numbers["done"] and numbers["epochs"] >= epochs))


def fitting(arrays: Any, like: Any, what: str) -> Any:
    """Return arrays of a checkpoint, if structure, shapes and kinds are those of ``like``."""
    if _shapes(arrays) != _shapes(like):
        msg = f"the {what} in the checkpoint are not those of this network and optimizer"
        raise InputError(f"{msg}; resume it as it was begun, or start another")
    return arrays


def _shapes(tree: Any) -> Any:
    if isinstance(tree, tuple | list):
        return tuple(_shapes(item) for item in tree)
    return None if tree is None else (tuple(tree.shape), tree.dtype.kind)

"""A run that is taken up again: what its checkpoint says, held against what it can be."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bpnet.backends import Backend, threads
from bpnet.core import layers, optimizers
from bpnet.core.feedforward import Parameters
from bpnet.core.optimizers import Adam, Optimizer
from bpnet.errors import InputError
from bpnet.storage.checkpoint import Snapshot, fitting
from bpnet.training import prepare
from bpnet.training.callbacks import SIGNALS, named
from bpnet.training.member import Member
from bpnet.training.step import TrainingStep

_log = logging.getLogger("bpnet")


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


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < math.inf


def _is_list(value: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(of, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_OF_RUN: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("at", "before"), _is_count),
    "backend": _is_text,
    "machine": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
    "columns": lambda value: value is None or _is_text(value),
    "asked": lambda value: isinstance(value, dict),
    "stacks": lambda value: _is_list(value, _is_count),
    "networks": lambda value: (
        isinstance(value, dict) and all(isinstance(v, dict) for v in value.values())
    ),
}
_OF_NETWORK: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("epoch", "step", "epochs"), _is_count),
    "done": lambda value: isinstance(value, bool),
    "error": lambda value: value is None or _is_text(value),
    "learning_rate": _is_number,
    "sums": lambda value: _is_list(value, _is_number) and len(value) == 2,
    "threads": lambda value: value is None or (_is_count(value) and 0 < value <= threads.MOST),
    "history": lambda value: (
        isinstance(value, dict) and all(_is_list(v, _is_number) for v in value.values())
    ),
    "callbacks": lambda value: (
        isinstance(value, dict) and all(isinstance(v, dict) for v in value.values())
    ),
}
"""What a checkpoint says of the run and of each network, and whether a value can be that."""


def check(found: Snapshot, folder: Path) -> None:
    """Refuse a checkpoint that lacks what is read of it.

    A SHA-256 shows damage, not that the file is one of bpnet's.
    """
    _check(found.numbers, _OF_RUN, folder)
    for own in found.numbers["networks"].values():
        _check(own, _OF_NETWORK, folder)
        if not {len(values) for values in own["history"].values()} <= {own["epoch"]}:
            raise _refusal("history", own["history"], folder)


def _check(numbers: dict[str, Any], rules: dict[str, Callable[[Any], bool]], folder: Path) -> None:
    for name, is_right in rules.items():
        if not is_right(numbers.get(name, ...)):
            raise _refusal(name, numbers.get(name, "nothing"), folder)


def _refusal(name: str, value: Any, folder: Path) -> InputError:
    msg = f"the checkpoint in {folder} has {str(value)[:60]} as its {name}"
    return InputError(f"{msg}; start another run")


def is_over(found: Snapshot, epochs: Sequence[int]) -> bool:
    """Whether each network of a run, with its number of ``epochs``, is trained no more."""
    told = found.numbers["networks"]
    return all(str(i) in told and is_finished(told[str(i)], n) for i, n in enumerate(epochs))


def networks(
    found: Snapshot, steps: Sequence[TrainingStep], first: Sequence[Parameters]
) -> tuple[list[Parameters], dict[int, Saved]]:
    """Return the parameters of all networks, and of those that have begun what a checkpoint has.

    ``first`` are the parameters that each network would start from. Refuse a checkpoint of other
    networks, or of another optimizer.
    """
    told = found.numbers["networks"]
    kept = {f"{i} parameters": arrays for i, arrays in enumerate(first)}
    if not kept.keys() <= found.arrays.keys() or not told.keys() <= {*map(str, range(len(first)))}:
        msg = f"the checkpoint is not that of a set of {len(first)} such networks"
        raise InputError(f"{msg}; start another run")
    parameters, saved = [], {}
    for i, (step, own) in enumerate(zip(steps, first, strict=True)):
        like = prepare.arrange(own, step.judge.layers)
        parameters.append(fitting(found.arrays[f"{i} parameters"], like, "parameters"))
        if str(i) in told:
            numbers, names = told[str(i)], {*told[str(i)]["callbacks"], "result"}
            arrays = {name: found.arrays.get(f"{i} {name}") for name in names}
            arrays = {name: held for name, held in arrays.items() if held is not None}
            slots = optimizers.init(step.optimizer, layers.learned(step.judge.layers, like), xp=np)
            held = _state(found.arrays.get(f"{i} state"), numbers, slots, step.optimizer)
            saved[i] = Saved(numbers, parameters[i], held, arrays)
    return parameters, saved


def _state(held: Any, numbers: dict[str, Any], like: Any, rule: Optimizer) -> Any:
    """Return the optimizer's arrays in this version's form, whatever version wrote them.

    ``like`` are the optimizer's arrays before the first step.
    """
    if numbers.get("shifts") and isinstance(held, tuple):
        # before version 4 a shift that a normalization takes away was moved, and had arrays here
        pairs = zip(held, like, strict=False)
        held = tuple(old[: len(new)] if isinstance(old, tuple) else old for old, new in pairs)
    held = fitting(held, like, "optimizer's arrays")
    if not numbers.get("means") or not isinstance(rule, Adam):
        return held
    rest = (1 - rule.beta1, 1 - rule.beta2)
    return tuple(
        tuple(tuple(a / r for a, r in zip(slots, rest, strict=True)) for slots in layer)
        for layer in held
    )


def threads_of(found: Snapshot, i: int, backend: str, given: int | None) -> int | None:
    """Threads of network ``i`` of a run that is resumed: products of one and of two differ."""
    if given is not None or found.numbers["backend"] != backend:
        return given
    before: int | None = found.numbers["networks"].get(str(i), {}).get("threads")
    return before


def compiling(found: Snapshot, backend: Backend, asked: bool | None, steps: int) -> Backend:
    """The backend with steps that are compiled or not: in a run that is taken up, as they were."""
    if asked is not None or found.numbers["backend"] != backend.spec:
        return backend.compiling(asked, steps)
    return backend.compiling(True if "compiled" in found.numbers["machine"] else None)


def machine(backend: Backend) -> dict[str, str]:
    """What the bits of a run depend on: versions, and whether steps are compiled for once."""
    compiled = {} if getattr(backend, "eager", True) else {"compiled": "torch.compile"}
    return {"library": backend.version, "blas": threads.blas(), **compiled}


def compare(found: Snapshot, i: int, backend: Backend, used: int | None) -> None:
    """Warn where network ``i`` goes on with another backend, version, BLAS or number of threads."""
    numbers, own = found.numbers, found.numbers["networks"][str(i)]
    before = {"backend": numbers["backend"], "threads": own["threads"], **numbers["machine"]}
    now = {"backend": backend.spec, "threads": used, **machine(backend)}
    changed = [name for name in before if before[name] != now.get(name)]
    if changed:
        was, goes = (", ".join(f"{n} {d.get(n)}" for n in changed) for d in (before, now))
        msg = "the run was begun with %s and goes on with %s: its weights will be equal to "
        _log.warning(msg + "rounding, not bit for bit", was, goes)

"""Resuming: what a checkpoint says of a run is checked and put in place."""

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
    """A network as a checkpoint has it, during or after its training: NumPy and plain data.

    ``arrays`` has what the callbacks keep, by their names, and under ``result`` the parameters that
    the network gets at the end in place of the last ones.
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
            # once an epoch has ended its sums are in the history
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
        if member.error is not None:  # a diverged network keeps its arrays on the host
            parameters = prepare.arrange(run.network.parameters, member.step.objective.layers)
        return cls(numbers, parameters, session.state_to_host(member), arrays)

    @property
    def position(self) -> tuple[int, int]:
        """Epochs that have ended, and steps done in the next one."""
        return self.numbers["epoch"], self.numbers["step"]

    def final(self, layers: Any) -> Any:
        """Return the parameters of a finished network in the form of its ``layers``."""
        last = prepare.arrange(self.parameters, layers)
        if "result" not in self.arrays:
            return last
        return fitting(self.arrays["result"], last, "best parameters")

    def resume(self, member: Member) -> dict[str, Any]:
        """Put a member where it was; return the states of its callbacks, by their names."""
        run, numbers = member.run, self.numbers
        run.epoch, run.step = self.position
        run.sums = (numbers["sums"][0], numbers["sums"][1])
        run.history.update(numbers["history"])
        run.learning_rate = numbers["learning_rate"]
        kept = numbers["callbacks"].items()
        return {name: (plain, self.arrays.get(name)) for name, plain in kept}


def is_finished(numbers: dict[str, Any], epochs: int) -> bool:
    """Whether a network needs no more training to reach so many epochs."""
    return bool(numbers["error"] or (numbers["done"] and numbers["epochs"] >= epochs))


def _is_count(value: Any) -> bool:
    # a bool is an int too, and no count
    return type(value) is int and 0 <= value < 1 << 62


def _are_numbers(value: Any) -> bool:
    # nan, inf and bools fail one of these comparisons
    return isinstance(value, list) and all(
        type(v) in (int, float) and abs(v) < math.inf for v in value
    )


def _has(value: Any, kind: type) -> bool:
    """Whether a value is a dict whose values are of a kind."""
    return isinstance(value, dict) and all(isinstance(v, kind) for v in value.values())


_OF_RUN: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("at", "before"), _is_count),
    "backend": lambda value: isinstance(value, str),
    "machine": lambda value: _has(value, str),
    "columns": lambda value: isinstance(value, str | None),
    "asked": lambda value: isinstance(value, dict),
    "stacks": lambda value: isinstance(value, list) and all(map(_is_count, value)),
    "networks": lambda value: _has(value, dict),
}
_OF_NETWORK: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("epoch", "step", "epochs"), _is_count),
    "done": lambda value: isinstance(value, bool),
    "error": lambda value: isinstance(value, str | None),
    "learning_rate": lambda value: _are_numbers([value]),
    "sums": lambda value: _are_numbers(value) and len(value) == 2,
    "threads": lambda value: value is None or (_is_count(value) and 0 < value <= threads.MOST),
    "history": lambda value: _has(value, list) and all(map(_are_numbers, value.values())),
    "callbacks": lambda value: _has(value, dict),
}
"""Entries of a checkpoint for the run and for each network, with the checks of their values."""


def check(snapshot: Snapshot, folder: Path) -> None:
    """Refuse a checkpoint without the entries that are read.

    Its SHA-256 tells that it is undamaged, not that bpnet wrote it.
    """
    _check(snapshot.numbers, _OF_RUN, folder)
    for own in snapshot.numbers["networks"].values():
        _check(own, _OF_NETWORK, folder)
        # each figure has a value for every epoch that has ended
        if not {len(values) for values in own["history"].values()} <= {own["epoch"]}:
            raise _refusal("history", own["history"], folder)


def _check(numbers: dict[str, Any], rules: dict[str, Callable[[Any], bool]], folder: Path) -> None:
    for name, is_right in rules.items():
        if not is_right(numbers.get(name, ...)):
            raise _refusal(name, numbers.get(name, "nothing"), folder)


def _refusal(name: str, value: Any, folder: Path) -> InputError:
    msg = f"the checkpoint in {folder} has {str(value)[:60]} as its {name}"
    return InputError(f"{msg}; start another run")


def is_over(snapshot: Snapshot, epochs: Sequence[int]) -> bool:
    """Whether each network of a run needs no more training, to its own number of ``epochs``."""
    networks = snapshot.numbers["networks"]
    return all(
        str(i) in networks and is_finished(networks[str(i)], n) for i, n in enumerate(epochs)
    )


def networks(
    snapshot: Snapshot, steps: Sequence[TrainingStep], first: Sequence[Parameters]
) -> tuple[list[Parameters], dict[int, Saved]]:
    """Return the parameters of all networks, and the saved state of those that have begun.

    ``first`` are the parameters that each network would start from. Refuse the checkpoint of other
    networks, or of another optimizer.
    """
    begun, count = snapshot.numbers["networks"], len(first)
    names = {f"{i} parameters" for i in range(count)}
    if not names <= snapshot.arrays.keys() or not begun.keys() <= {*map(str, range(count))}:
        msg = f"the checkpoint is not that of a set of {count} such networks"
        raise InputError(f"{msg}; start another run")
    parameters, saved = [], {}
    for i, (step, own) in enumerate(zip(steps, first, strict=True)):
        like = prepare.arrange(own, step.objective.layers)
        parameters.append(fitting(snapshot.arrays[f"{i} parameters"], like, "parameters"))
        if str(i) in begun:
            numbers, kept = begun[str(i)], (*begun[str(i)]["callbacks"], "result")
            named_arrays = {name: snapshot.arrays.get(f"{i} {name}") for name in kept}
            arrays = {name: array for name, array in named_arrays.items() if array is not None}
            learned = layers.learned(step.objective.layers, like)
            # the state's shapes, with which those of the checkpoint are compared
            slots = optimizers.init(step.optimizer, learned, xp=np)
            state = _state(snapshot.arrays.get(f"{i} state"), numbers, slots, step.optimizer)
            saved[i] = Saved(numbers, parameters[i], state, arrays)
    return parameters, saved


def _state(state: Any, numbers: dict[str, Any], like: Any, rule: Optimizer) -> Any:
    """Return the optimizer's state in this version's form, whichever version wrote it.

    ``like`` is the state before the first step.
    """
    if numbers.get("shifts") and isinstance(state, tuple):
        # before version 4 there was state for shifts that a normalization makes useless
        pairs = zip(state, like, strict=False)
        state = tuple(old[: len(new)] if isinstance(old, tuple) else old for old, new in pairs)
    state = fitting(state, like, "optimizer's arrays")
    if not numbers.get("means") or not isinstance(rule, Adam):
        return state
    # versions that say "means" kept Adam's moving averages; now the sums are kept
    rest = (1 - rule.beta1, 1 - rule.beta2)
    return tuple(
        tuple(tuple(a / r for a, r in zip(slots, rest, strict=True)) for slots in layer)
        for layer in state
    )


def threads_of(snapshot: Snapshot, i: int, backend: str, threads: int | None) -> int | None:
    """Return the threads of network ``i`` of a resumed run: their number can change the bits."""
    if threads is not None or snapshot.numbers["backend"] != backend:
        return threads
    before: int | None = snapshot.numbers["networks"].get(str(i), {}).get("threads")
    return before


def compiling(snapshot: Snapshot, backend: Backend, compiled: bool | None, steps: int) -> Backend:
    """Return the backend with steps that are compiled if those of the interrupted run were."""
    if compiled is not None or snapshot.numbers["backend"] != backend.spec:
        return backend.compiling(compiled, steps)
    # no number of steps is passed on, so that a run of called steps is not compiled half way
    return backend.compiling(True if "compiled" in snapshot.numbers["machine"] else None)


def machine(backend: Backend) -> dict[str, str]:
    """Return what the bits of a run depend on: versions, and whether steps are compiled."""
    compiled = {} if getattr(backend, "eager", True) else {"compiled": "torch.compile"}
    return {"library": backend.version, "blas": threads.blas(), **compiled}


def compare(snapshot: Snapshot, i: int, backend: Backend, used: int | None) -> None:
    """Warn where network ``i`` goes on with another backend, version, BLAS or thread count."""
    numbers, own = snapshot.numbers, snapshot.numbers["networks"][str(i)]
    before = {"backend": numbers["backend"], "threads": own["threads"], **numbers["machine"]}
    now = {"backend": backend.spec, "threads": used, **machine(backend)}
    # a checkpoint of an older version says less of its machine
    changed = [name for name in before if before[name] != now.get(name)]
    if changed:
        was, goes = (", ".join(f"{n} {d.get(n)}" for n in changed) for d in (before, now))
        msg = "the run was begun with %s and goes on with %s: its weights will be equal to "
        _log.warning(msg + "rounding, not bit for bit", was, goes)

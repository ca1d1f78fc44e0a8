"""A run that is taken up again: what its checkpoint says, held against what it can be."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bpnet.backends import Backend, threads
from bpnet.checkpoint import Snapshot
from bpnet.core import layers, optimizers
from bpnet.core.optimizers import Adam, Optimizer
from bpnet.errors import InputError
from bpnet.network import Network
from bpnet.training import prepare
from bpnet.training.member import Member
from bpnet.training.step import TrainingStep

_log = logging.getLogger("bpnet")


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < math.inf


def _is_list(value: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(of, value))


def _is_numbers(value: Any) -> bool:
    """Whether it is a number, or has one for each network of a set."""
    return _is_number(value) or _is_list(value, _is_number)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_WANTED: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("at", "epoch", "step", "epochs"), _is_count),
    "done": lambda value: isinstance(value, bool),
    "learning_rate": _is_number,
    "sums": lambda value: _is_list(value, _is_number) and len(value) == 2,
    "backend": _is_text,
    "threads": lambda value: value is None or (_is_count(value) and 0 < value <= threads.MOST),
    "machine": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
    "columns": lambda value: value is None or _is_text(value),
    "asked": lambda value: isinstance(value, dict),
    "history": lambda value: (
        isinstance(value, dict) and all(_is_list(v, _is_numbers) for v in value.values())
    ),
    "callbacks": lambda value: (
        isinstance(value, dict) and all(isinstance(v, dict) for v in value.values())
    ),
}
"""What a checkpoint says, and how it is told to be right."""


def check(found: Snapshot, folder: Path) -> None:
    """Refuse a checkpoint that lacks what is read of it.

    Raises
    ------
    InputError
        Naming it. A SHA-256 shows damage, not that the file is one of bpnet's.
    """
    numbers = found.numbers
    wrong = [name for name, right in _WANTED.items() if not right(numbers.get(name, ...))]
    if not wrong:
        epochs = {len(values) for values in numbers["history"].values()}
        wrong += ["history"] * (not epochs <= {numbers["epoch"]})
        wrong += [name for name in ("parameters", "state") if name not in found.arrays]
    if wrong:
        given = str(numbers.get(wrong[0], "nothing"))[:60]
        msg = f"the checkpoint in {folder} has {given} as its {wrong[0]}; start another run"
        raise InputError(msg)


def fitting(held: Any, like: Any, what: str) -> Any:
    """Arrays of a checkpoint that have the structure, shapes and kinds of others.

    Raises
    ------
    InputError
        If they have not.
    """
    if _shapes(held) != _shapes(like):
        msg = f"the {what} in the checkpoint are not those of this network and optimizer"
        raise InputError(f"{msg}; resume it as it was begun, or start another")
    return held


def _shapes(tree: Any) -> Any:
    if isinstance(tree, tuple | list):
        return tuple(_shapes(item) for item in tree)
    return None if tree is None else (tuple(tree.shape), tree.dtype.kind)


def state(found: Snapshot, like: Any, rule: Optimizer) -> Any:
    """Arrays of an optimizer, those that an older version wrote as this one keeps them.

    Parameters
    ----------
    found : Snapshot
        The checkpoint.
    like : nested tuples of arrays
        The optimizer's arrays before the first step.
    rule : Optimizer
        That of the run.

    Raises
    ------
    InputError
        If their structure, shapes or kinds are not those of ``like``.
    """
    held = found.arrays["state"]
    if found.numbers.get("shifts") and isinstance(held, tuple):
        # before version 4 a shift that a normalization takes away was moved, and had arrays here
        pairs = zip(held, like, strict=False)
        held = tuple(old[: len(new)] if isinstance(old, tuple) else old for old, new in pairs)
    held = fitting(held, like, "optimizer's arrays")
    if not found.numbers.get("means") or not isinstance(rule, Adam):
        return held
    rest = (1 - rule.beta1, 1 - rule.beta2)
    return tuple(
        tuple(tuple(a / r for a, r in zip(slots, rest, strict=True)) for slots in layer)
        for layer in held
    )


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
        What its callbacks keep, and what its network shall have at the end, as ``result``.
    """

    numbers: dict[str, Any]
    parameters: Any
    state: Any
    arrays: dict[str, Any]

    def take_up(self, member: Member) -> dict[str, Any]:
        """Put a member where it was; return what its callbacks kept, by their names."""
        run, numbers = member.run, self.numbers
        is_over = numbers.get("done") and numbers["epochs"] >= run.epochs
        if is_over and "result" in self.arrays:
            like = run.network.parameters
            run.result = fitting(self.arrays["result"], like, "best parameters")
        run.epoch, run.step = numbers["epoch"], numbers["step"]
        run.sums = (numbers["sums"][0], numbers["sums"][1])
        run.history.update(numbers["history"])
        run.learning_rate = numbers["learning_rate"]
        kept = numbers["callbacks"].items()
        return {name: (plain, self.arrays.get(name)) for name, plain in kept}


def start(saved: Snapshot | None, step: TrainingStep, network: Network) -> Saved | None:
    """Return what the network of a checkpoint starts from, as this version keeps it.

    Raises
    ------
    InputError
        If its arrays are not those of the network and optimizer.
    """
    if saved is None:
        return None
    first = prepare.arrange(network.parameters, step.judge.layers)
    parameters = fitting(saved.arrays["parameters"], first, "parameters")
    like = optimizers.init(step.optimizer, layers.learned(step.judge.layers, first), xp=np)
    slots = state(saved, like, step.optimizer)
    return Saved(saved.numbers, parameters, slots, saved.arrays)


def threads_of(found: Snapshot | None, backend: str, given: int | None) -> int | None:
    """Threads of a run that is taken up again: products of one and of two differ in bits."""
    if found is None or given is not None or found.numbers["backend"] != backend:
        return given
    before: int | None = found.numbers["threads"]
    return before


def compiling(found: Snapshot | None, backend: Backend, asked: bool | None, steps: int) -> Backend:
    """The backend with steps that are compiled or not: in a run that is taken up, as they were."""
    if found is None or asked is not None or found.numbers["backend"] != backend.spec:
        return backend.compiling(asked, steps)
    return backend.compiling(True if "compiled" in found.numbers["machine"] else None)


def machine(backend: Backend) -> dict[str, str]:
    """What the bits of a run depend on: versions, and whether steps are compiled for once."""
    compiled = {} if getattr(backend, "eager", True) else {"compiled": "torch.compile"}
    return {"library": backend.version, "blas": threads.blas(), **compiled}


def compare(found: Snapshot, backend: Backend, used: int | None) -> None:
    """Warn where a run goes on with another backend, version, BLAS or number of threads."""
    numbers = found.numbers
    before = {"backend": numbers["backend"], "threads": numbers["threads"], **numbers["machine"]}
    now = {"backend": backend.spec, "threads": used, **machine(backend)}
    changed = [name for name in before if before[name] != now.get(name)]
    if changed:
        was, goes = (", ".join(f"{n} {d.get(n)}" for n in changed) for d in (before, now))
        msg = "the run was begun with %s and goes on with %s: its weights will be equal to "
        _log.warning(msg + "rounding, not bit for bit", was, goes)

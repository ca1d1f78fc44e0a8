"""The options of ``train``: what is refused before anything begins."""

from collections.abc import Sequence
from typing import Any

from bpnet.arguments import finite_number
from bpnet.backends import dtypes, threads
from bpnet.core import layers
from bpnet.core.lbfgs import LBFGS
from bpnet.core.schedules import Constant
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError
from bpnet.network import Network
from bpnet.training import lbfgs, stopping
from bpnet.training.callbacks import Callback
from bpnet.training.checkpoints import Checkpoint
from bpnet.training.judge import Judge
from bpnet.training.prepare import check_network, check_strength

_MOST = 1 << 31
"""Epochs, examples in a batch and the like."""

_LARGEST = 1 << 28
"""Numbers in a batch of examples that are not in memory."""


def with_dropout(network: Network, rate: float) -> tuple[Any, ...]:
    """Layers of a network, with dropout after the hidden ones.

    Raises
    ------
    InputError
        If the rate is out of range, or the network has dropout of its own.
    """
    layers.Dropout(rate)  # refuses a rate out of range, where there is no hidden layer too
    if not rate:
        return network.layers
    if any(isinstance(layer, layers.Dropout) for layer in network.layers):
        msg = f"dropout={rate} was given to a network with Dropout layers of its own; use one"
        raise InputError(msg)
    return layers.with_dropout(network.layers, rate)


def check_one(network: Any, folds: Any) -> None:
    """Refuse what is no network, and folds for one.

    Raises
    ------
    InputError
        Naming what was given.
    """
    check_network(network)
    if folds is not None:
        msg = "folds are for a set of networks; give one network (X[rows], y[rows]) and validation"
        raise InputError(msg)


def check_together(
    judge: Judge,
    rule: Any,
    batch_size: int | None,
    micro_batch: int | None,
    schedule: Any,
    max_norm: float,
    clip_norm: float,
    checkpoint: Any,
    resume: bool,
    x: Any,
) -> None:
    """Refuse options that do not go with one another.

    Raises
    ------
    InputError
        Naming them.
    """
    if micro_batch and any(layer.averages for layer in judge.layers):
        msg = "batch normalization needs the whole batch at once; leave micro_batch out"
        raise InputError(msg)
    layers.check_batch(judge.layers, sizes(x, batch_size)[1])
    if isinstance(rule, LBFGS):
        lbfgs.check(
            judge, batch_size=(batch_size, None), schedule=(schedule, Constant()),
            max_norm=(max_norm, 0.0), clip_norm=(clip_norm, 0.0), micro_batch=(micro_batch, None),
            resume=(resume, False), checkpoint=(checkpoint, None),
        )  # fmt: skip
    else:
        _check_batch(x, batch_size)


def sizes(x: Any, batch_size: int | None) -> tuple[int, int]:
    """Examples, and how many of them a step takes."""
    m = int(x.shape[0])
    return m, min(batch_size or m, m)


def _check_batch(x: Any, batch_size: int | None) -> None:
    """Refuse a batch too large to be in memory, of examples that are not."""
    _, k = sizes(x, batch_size)
    if isinstance(x, HostRows) and k * x.width > _LARGEST:
        msg = f"a batch of {k:,} examples of {x.width} numbers is too large for data that is not in"
        raise InputError(f"{msg} memory; give a smaller batch_size, or optimizer='lbfgs'")


def check_watched(
    callbacks: Sequence[Callback], judge: Judge, metrics: Sequence[str], *, validated: bool
) -> None:
    """Refuse callbacks that watch what the history will not have.

    A user's callback may write more into it, so that beside one nothing is refused.

    Raises
    ------
    InputError
        Naming it, and what the history will have.
    """
    told = ["cost", "accuracy"] if judge.kind else ["cost"]
    judged = [f"validation_{name}" for name in (*told, *metrics)] if validated else []
    known = [*told, *judged, "learning_rate", "seconds"]
    if all(type(c).__module__.startswith("bpnet.") for c in callbacks):
        for name in filter(None, (c.watches() for c in callbacks)):
            stopping.check_watched(name, known)


def limits(**strengths: Any) -> dict[str, float]:
    """Strengths and limits as floats.

    Raises
    ------
    InputError
        If one is no number of 0 or more.
    """
    return {name: check_strength(value, name) for name, value in strengths.items()}


def counts(dtype: Any, **counts: Any) -> list[Any]:
    """Refuse another dtype, and what is no whole number from 1 to its limit.

    Returns
    -------
    list of int or None
        The counts as plain numbers, in their order.

    Raises
    ------
    InputError
        Naming it.
    """
    dtypes.check_float(dtype)
    made: list[Any] = []
    for name, value in counts.items():
        number = finite_number(value)
        left_out = value is None and name != "epochs"
        if not left_out and (not isinstance(number, int) or number < 1):
            msg = f"{name} is {value!r}; give a whole number of at least 1"
            raise InputError(msg)
        most = threads.MOST if name == "threads" else _MOST
        if isinstance(number, int) and number > most:
            msg = f"{name} is {number}; give a whole number from 1 to {most:,}"
            raise InputError(msg)
        made.append(number)
    return made


def check_callbacks(callbacks: Any) -> None:
    """Refuse a Checkpoint among callbacks, which knows no run there.

    Raises
    ------
    InputError
        Saying how it is given.
    """
    if any(isinstance(c, Checkpoint) for c in callbacks):
        msg = "callbacks holds a Checkpoint; a Checkpoint is for one network that train is given"
        raise InputError(f"{msg} alone, as checkpoint=; leave it out of callbacks")

"""The options of ``train``: what is refused before anything begins."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from bpnet.core import layers
from bpnet.core.activations import Sigmoid, Softmax
from bpnet.core.lbfgs import LBFGS
from bpnet.core.smoothing import Smoothed
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.training import lbfgs, stopping
from bpnet.training.callbacks import Callback
from bpnet.training.checkpoints import Checkpoint
from bpnet.training.judge import Judge
from bpnet.training.prepare import check_network
from bpnet.training.recipe import RECIPE, Recipe

_USUAL = Recipe()

_LARGEST = 1 << 28
"""Numbers in a batch of examples that are not in memory."""


def with_dropout(network: Network, rate: float) -> tuple[Any, ...]:
    """Layers of a network, with dropout after the hidden ones; refuse it beside its own."""
    layers.Dropout(rate)  # refuses a rate out of range, where there is no hidden layer too
    if not rate:
        return network.layers
    if any(isinstance(layer, layers.Dropout) for layer in network.layers):
        msg = f"dropout={rate} was given to a network with Dropout layers of its own; use one"
        raise InputError(msg)
    return layers.with_dropout(network.layers, rate)


def check_one(network: Any, folds: Any) -> None:
    """Refuse what is no network, and folds for one."""
    check_network(network)
    if folds is not None:
        msg = "folds are for a set of networks; give one network (X[rows], y[rows]) and validation"
        raise InputError(msg)


def check_together(
    judge: Judge, recipe: Recipe, checkpoint: Any, x: Any, *, resume: bool = False
) -> None:
    """Refuse options that do not go with one another."""
    if recipe.micro_batch and any(layer.averages for layer in judge.layers):
        raise InputError("batch normalization needs the whole batch at once; leave micro_batch out")
    layers.check_batch(judge.layers, sizes(x, recipe.batch_size)[1])
    if isinstance(recipe.optimizer, LBFGS):
        of_steps = {
            name: (getattr(recipe, name), getattr(_USUAL, name))
            for name, about in RECIPE.items() if about.of_steps
        }  # fmt: skip
        whole = {
            "batch_size": (recipe.batch_size, None), "resume": (resume, False),
            "checkpoint": (checkpoint, None),
        }  # fmt: skip
        lbfgs.check(judge, **{**whole, **of_steps})
    else:
        _check_batch(x, recipe.batch_size)


def smoothed(judge: Judge, recipe: Recipe) -> Judge:
    """What is learned by: targets are smoothed in training, which validation takes as they are."""
    if not recipe.label_smoothing:
        return judge
    output = judge.layers[-1].activation
    if judge.kind is None or not isinstance(output, Sigmoid | Softmax):
        what = "these are numbers" if judge.kind is None else f"the output is {output!r}"
        msg = (
            f"label_smoothing is {recipe.label_smoothing}, of labels of softmax or sigmoid outputs"
        )
        raise InputError(f"{msg}, and {what}; leave it out")
    return dataclasses.replace(judge, cost=Smoothed(judge.cost, recipe.label_smoothing))


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
    """
    told = ["cost", "accuracy"] if judge.kind else ["cost"]
    judged = [f"validation_{name}" for name in (*told, *metrics)] if validated else []
    known = [*told, *judged, "learning_rate", "seconds"]
    if all(type(c).__module__.startswith("bpnet.") for c in callbacks):
        for name in filter(None, (c.watches() for c in callbacks)):
            stopping.check_watched(name, known)


def check_callbacks(callbacks: Any) -> None:
    """Refuse a Checkpoint among callbacks, which knows no run there."""
    if any(isinstance(c, Checkpoint) for c in callbacks):
        msg = "callbacks holds a Checkpoint; a Checkpoint is for one network that train is given"
        raise InputError(f"{msg} alone, as checkpoint=; leave it out of callbacks")

"""Optimizers by their names, and the step of an optimizer for all arrays of a network."""

import dataclasses
from typing import Any

from bpnet._typing import Namespace
from bpnet.arguments import shown
from bpnet.core.feedforward import Parameters
from bpnet.core.lbfgs import LBFGS
from bpnet.core.lookup import by_name, table
from bpnet.core.rules import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    RMSprop,
    Slots,
)
from bpnet.core.special import beside
from bpnet.errors import InputError
from bpnet.public import listing

__all__ = [
    "LBFGS", "OPTIMIZERS", "SGD", "Adagrad", "Adam", "AdamW", "Momentum", "Nesterov", "Optimizer",
    "RMSprop", "get", "init", "update",
]  # fmt: skip
__dir__ = listing(__all__)

State = tuple[tuple[Slots, ...], ...]
"""The optimizer's slots, for each array of each layer."""


def init(optimizer: Optimizer, parameters: Parameters, *, xp: Namespace) -> State:
    """State of an optimizer for all parameters."""
    return tuple(tuple(optimizer.init(p, xp=xp) for p in arrays) for arrays in parameters)


def update(
    optimizer: Optimizer, parameters: Parameters, gradients: Parameters, state: State,
    coefficients: tuple[Any, ...], *, xp: Namespace,
) -> tuple[Parameters, State]:  # fmt: skip
    """Update all parameters by one step; parameters, gradients and state are donated.

    ``coefficients`` are those of the optimizer for this step: numbers, or arrays, (members,).
    """
    updated, new_state = [], []
    # numbers of the members need axes to broadcast with an array; plain numbers do not
    several = any(getattr(c, "ndim", 0) for c in coefficients)
    for layer in zip(parameters, gradients, state, strict=True):
        steps = []
        for p, g, slots in zip(*layer, strict=True):
            numbers = tuple(beside(c, p) for c in coefficients) if several else coefficients
            steps.append(optimizer.update(p, g, slots, numbers, xp=xp))
        # a layer such as dropout has no arrays to zip
        arrays, slots = zip(*steps, strict=True) if steps else ((), ())
        updated.append(arrays)
        new_state.append(slots)
    return tuple(updated), tuple(new_state)


def without_numbers(optimizer: Optimizer) -> Optimizer:
    """Return an optimizer of bpnet's own with default settings, and another one as it is.

    ``update`` of bpnet's own takes all settings as coefficients, so that networks with different
    settings share one step. That of a user's optimizer may read its settings.
    """
    kind = type(optimizer)
    return kind() if kind in OPTIMIZERS.values() else optimizer


OPTIMIZERS: dict[str, type[Optimizer]] = table({
    "sgd": SGD, "momentum": Momentum, "nesterov": Nesterov, "adagrad": Adagrad,
    "rmsprop": RMSprop, "adam": Adam, "adamw": AdamW,
})  # fmt: skip
"""Every optimizer by its name."""


def get(optimizer: Any, learning_rate: float | None = None, momentum: float | None = None) -> Any:
    """Optimizer of a name, or an object, with this learning rate and momentum, if they are passed.

    ``"lbfgs"`` stands for the settings of :mod:`bpnet.core.lbfgs`, which are no :class:`Optimizer`.
    An InputError says that there is no such optimizer, or that it has no rate or momentum.

    Examples
    --------
    >>> get("momentum", learning_rate=0.5)
    Momentum(learning_rate=0.5, momentum=0.9)
    """
    if isinstance(optimizer, str):
        optimizer = by_name("optimizer", {**OPTIMIZERS, "lbfgs": LBFGS}, optimizer)()
    if momentum is not None and not hasattr(optimizer, "momentum"):
        name = type(optimizer).__name__.lower()
        msg = f"momentum is {momentum!r} and {name} has none; use momentum or nesterov"
        raise InputError(msg)
    if isinstance(optimizer, LBFGS):
        if learning_rate is not None:
            msg = f"learning_rate is {learning_rate!r} and lbfgs finds its own; leave it out"
            raise InputError(msg)
        return optimizer
    if not isinstance(optimizer, Optimizer):
        msg = f"optimizer is {shown(optimizer)}; give a name or an instance of an Optimizer"
        raise InputError(msg)
    options = {"learning_rate": learning_rate, "momentum": momentum}
    changes = {name: value for name, value in options.items() if value is not None}
    return dataclasses.replace(optimizer, **changes) if changes else optimizer

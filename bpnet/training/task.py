"""The task, classes or amounts, held against the outputs of the network that is to learn it."""

import logging
from typing import Any

import numpy as np

from bpnet.core import activations, costs
from bpnet.core.costs import Cost
from bpnet.data.targets import are_few
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.training.targets import Targets

_log = logging.getLogger("bpnet")

_ENOUGH = 1000
"""Targets that are looked at before all are, to tell amounts quickly."""


def check(network: Network, data: Any, cost: Cost) -> None:
    """Refuse outputs that cannot tell what a data set says that its targets are."""
    task, n = getattr(data, "task", None), network.sizes[-1]
    output = type(network.output).__name__
    if task == "classify" and n == 1 and not _tells_two(network, cost):
        msg = f"the targets are classes and the network has one output, {output}; give "
        raise InputError(f"{msg}output='sigmoid' for two classes, or one output for each class")
    if task == "regress" and n > 1 and data.y.ndim == 1:
        msg = f"the targets are one amount for each example and the network has {n} outputs"
        raise InputError(f"{msg}; give it one, output='identity', or the data task='classify'")


def check_guess(network: Network, data: Any, wanted: Targets, cost: Cost) -> None:
    """Refuse, or tell of, targets that may be classes where nobody said what the one output is."""
    one_amount = network.guessed and network.sizes[-1] == 1 and not _tells_two(network, cost)
    if not one_amount or getattr(data, "task", None) is not None:
        return
    values = wanted.values
    if not are_few(values[:_ENOUGH]) or not are_few(values):
        return
    known = np.unique(values)
    if len(known) == 2:
        msg = f"the targets are {known[0]:g} or {known[1]:g}, and what the network's one output is "
        raise InputError(
            f"{msg}was not said; give output='sigmoid' for two classes, or 'identity' for amounts"
        )
    if len(known) > 1:
        msg = "the targets have %d different whole numbers and the network one output: they are "
        msg += "taken for amounts; for classes give it %d outputs, else say output='identity'"
        _log.warning(msg, len(known), len(known))


def _tells_two(network: Network, cost: Cost) -> bool:
    """Whether a single output says one of two classes."""
    return isinstance(network.output, activations.Sigmoid) or isinstance(cost, costs.Hinge)

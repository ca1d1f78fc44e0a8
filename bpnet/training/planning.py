"""What each network of a set is asked for: its own values of the options, checked."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.core import optimizers, schedules
from bpnet.core.lbfgs import LBFGS
from bpnet.data import draws
from bpnet.errors import InputError
from bpnet.network import Network, check_alike
from bpnet.training import options, prepare
from bpnet.training.callbacks import Callback

Host = np.ndarray[Any, Any]

EACH = (
    "optimizer", "epochs", "batch_size", "l2", "l1", "dropout", "max_norm", "clip_norm",
    "schedule", "seed",
)  # fmt: skip
"""Options of which each network of a set may have its own, given as a list."""


_ALONE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"shards": None}, "give communicator alone, whose ranks take whole networks"),
    ({"reduce": "ordered"}, "give communicator alone, whose ranks take whole networks"),
)
"""Options that a set cannot have, with their defaults, and what to do."""

_LISTS = {*EACH, "data", "sample_weight", "validation", "metrics", "backend", "callbacks"}
"""Options that may be lists."""


@dataclass(frozen=True, eq=False)
class Plan:
    """One network of the set and what it is asked for.

    Parameters
    ----------
    network : Network
        To be trained.
    layers : tuple
        With its dropout.
    asked : dict
        Its own values of ``EACH``.
    callbacks : list of Callback
        Its own.
    fold : tuple or None
        Rows that it is trained with, and those it is judged by.
    """

    network: Network
    layers: tuple[Any, ...]
    asked: dict[str, Any]
    callbacks: list[Callback]
    fold: tuple[Host, Host] | None

    def batch_size(self, m: int) -> int:
        """Return the examples in a step, where ``m`` are trained with."""
        return min(self.asked["batch_size"] or m, m)


def make(networks: list[Any], asked: dict[str, Any], folds: Any) -> list[Plan]:
    """Each network's own options, checked.

    Parameters
    ----------
    networks : list
        What was given as such.
    asked : dict
        Arguments of :func:`bpnet.train` but for the folds.
    folds : sequence of (rows, rows) or None
        As there.

    Raises
    ------
    InputError
        If one cannot be used.
    """
    count = len(networks)
    if not count:
        msg = "the set of networks is empty; give at least one bpnet.Network"
        raise InputError(msg)
    for network in networks:
        prepare.check_network(network)
    if len({id(network) for network in networks}) < count:
        msg = "a network is in the set twice, and each is trained in place; give different objects"
        raise InputError(msg)
    check_alike(networks, "set")
    _check_common(asked, count)
    if asked["communicator"] is not None and asked["checkpoint"] is not None:
        msg = "checkpoint of a set of networks is for one process, and communicator was given too"
        raise InputError(f"{msg}; leave one out")
    own = [_own(asked, i, count) for i in range(count)]
    calls = _callbacks(asked["callbacks"], count)
    pairs = _folds(folds, count)
    return [
        Plan(network, options.with_dropout(network, mine["dropout"]), mine, called, fold)
        for network, mine, called, fold in zip(networks, own, calls, pairs, strict=True)
    ]


def _check_common(asked: dict[str, Any], count: int) -> None:
    """Refuse options that a set cannot have, and lists of those that its networks share."""
    for names, cure in _ALONE:
        given = {name: asked[name] for name, none in names.items() if asked[name] is not none}
        if any(names[name] is None or value != names[name] for name, value in given.items()):
            are = "are" if len(names) > 1 else "is"
            msg = f"{' and '.join(names)} {are} for one network, and this is a set of {count}"
            raise InputError(f"{msg}; leave {'them' if len(names) > 1 else 'it'} out, or {cure}")
    for name, value in asked.items():
        if name not in _LISTS and isinstance(value, list | tuple | np.ndarray):
            msg = f"{name} is a list, and the networks of a set share it; give one value for all"
            raise InputError(msg)
    if asked["compiled"]:
        msg = f"compiled is for one network, and this is a set of {count}; leave it out"
        raise InputError(msg)


def _own(asked: dict[str, Any], i: int, count: int) -> dict[str, Any]:
    """Values of one network, made what a step takes."""
    own = {}
    for name in EACH:
        value = asked[name]
        if isinstance(value, list | tuple | np.ndarray):
            if len(value) != count:
                msg = f"{name} has {len(value)} values for {count} networks"
                raise InputError(f"{msg}; give one for all, or one for each")
            value = value[i]
        own[name] = value.item() if isinstance(value, np.generic) else value
    options.counts(
        asked["dtype"], epochs=own["epochs"], batch_size=own["batch_size"],
        threads=asked["threads"], micro_batch=asked["micro_batch"],
    )  # fmt: skip
    names = ("l2", "l1", "max_norm", "clip_norm")
    own.update(options.limits(**{name: own[name] for name in names}))
    own["schedule"] = schedules.get(own["schedule"])
    own["optimizer"] = optimizers.get(own["optimizer"])
    own["seed"] = draws.check_seed(own["seed"])
    if isinstance(own["optimizer"], LBFGS):
        msg = "lbfgs trains one network at a time; call train for each, or use another optimizer"
        raise InputError(msg)
    return own


def _callbacks(given: Any, count: int) -> list[list[Callback]]:
    """Callbacks of each network: its own list, or what those for all give it."""
    lists = isinstance(given, list | tuple) and any(isinstance(c, list | tuple) for c in given)
    if lists and (len(given) != count or not all(isinstance(c, list | tuple) for c in given)):
        msg = f"callbacks has {len(given)} entries for {count} networks"
        raise InputError(f"{msg}; give a list of callbacks for all, or a list of lists, one each")
    for called in given if lists else [given]:
        options.check_callbacks(called)
    if lists:
        return [list(called) for called in given]
    return [[c.for_member() for c in given] for _ in range(count)]


def _folds(folds: Any, count: int) -> list[tuple[Host, Host] | None]:
    if folds is None:
        return [None] * count
    pairs = list(folds)
    if len(pairs) != count:
        msg = f"folds has {len(pairs)} entries for {count} networks; give one pair of rows for each"
        raise InputError(msg)
    return [_fold(pair, i) for i, pair in enumerate(pairs)]


def _fold(pair: Any, i: int) -> tuple[Host, Host]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        msg = f"folds[{i}] is {type(pair).__name__}; give (rows to train with, rows to judge by)"
        raise InputError(msg)
    rows, held = (np.asarray(part if part is not None else [], dtype=None) for part in pair)
    for part in (rows, held):
        if part.ndim != 1 or (part.size and part.dtype.kind not in "iu"):
            msg = f"folds[{i}] has rows of shape {part.shape} and dtype {part.dtype}"
            raise InputError(f"{msg}; give whole numbers of rows, from 0")
    if not rows.size:
        msg = f"folds[{i}] has no row to train with; give some"
        raise InputError(msg)
    return rows.astype(np.int64), held.astype(np.int64)

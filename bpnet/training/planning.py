"""Plan: what a call of ``train`` is asked for, checked as far as that needs no backend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.arguments import is_column, shown
from bpnet.core import layers
from bpnet.core.lbfgs import LBFGS
from bpnet.distributed import Single, wrap
from bpnet.errors import ArgumentError, InputError
from bpnet.model.network import Network, check_alike
from bpnet.training import prepare, tables
from bpnet.training.callbacks import Callback
from bpnet.training.checkpoints import Checkpoint
from bpnet.training.declared import merged
from bpnet.training.ranks import SHARDS, Split, split
from bpnet.training.recipe import RECIPE, Place, Ranks, Recipe

Host = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """One network and what it is asked for: ``layers`` have its dropout, ``recipe`` its own values.

    ``fold`` are the rows that it is trained with, and those it is judged by. ``step`` is what is
    done with each batch and ``weights``, (all examples,), are theirs, once a call is opened.
    """

    network: Network
    layers: tuple[Any, ...]
    recipe: Recipe
    callbacks: list[Callback]
    fold: tuple[Host, Host] | None = None
    step: Any = None
    weights: Host | None = None

    @property
    def m(self) -> int:
        """Examples that it is trained with, once its step is made."""
        return self.step.m or 1

    @property
    def k(self) -> int:
        """Examples of a step, once that is made."""
        return self.batch_size(self.m)

    def batch_size(self, m: int) -> int:
        """Return the examples in a step, where ``m`` are trained with."""
        return min(self.recipe.batch_size or m, m)


@dataclass(frozen=True, eq=False)
class Call:
    """A call of :func:`bpnet.train`: plans, one for each network, and what all of them share.

    ``several`` says whether it is a set, which may have one network only; ``split`` how ranks
    divide the batches of the network, or the networks of the set.
    """

    plans: list[Plan]
    several: bool
    place: Place
    split: Split
    data: Any
    validation: Any
    sample_weight: Any = None
    checkpoint: Any = None
    resume: bool = False


def plan(
    network: Any,
    data: Any,
    recipe: Any = None,
    place: Place | None = None,
    ranks: Ranks | None = None,
    keywords: Mapping[str, Any] | None = None,
    *,
    validation: Any = None,
    callbacks: Any = (),
    folds: Any = None,
    **more: Any,
) -> Call:
    """Plan a call of :func:`bpnet.train`, whose arguments these are; refuse what cannot be used."""
    several, keywords = isinstance(network, Sequence), keywords or {}
    if isinstance(recipe, str | tables.TableRecipe):
        nets = [n for n in network if isinstance(n, Network)] if several else None
        found = tables.settled(
            recipe, nets, data, keywords, validation=validation, callbacks=callbacks, folds=folds
        )
        recipe, keywords, callbacks, folds = found.values()
    _check_recipe(recipe, several)
    where, who = merged(Place, place, keywords), merged(Ranks, ranks, keywords)
    if several:
        refuse(len(network), where, who, more.get("checkpoint"), resume=more.get("resume", False))
        made = recipes(recipe, keywords, len(network))
        plans, ranked = _of_set(list(network), made, callbacks, folds), who.communicator
        divided = Split(Single(), 0) if ranked is None else Split(wrap(ranked), SHARDS)
    else:
        prepare.check_network(network)
        if folds is not None:
            msg = "folds are for a set of networks; give one network (X[rows], y[rows]) and "
            raise InputError(f"{msg}validation")
        check_callbacks(callbacks)
        one = merged(Recipe, recipe, keywords)
        divided = split(who.communicator, who.reduce, who.shards)
        plans = [Plan(network, with_dropout(network, one.dropout), one, [*callbacks])]
    held = prepare.held_out(data, validation, folds)
    if held is not None and plans[0].fold is not None:
        msg = "folds name the rows to judge by, and validation was given too; leave one out"
        raise InputError(msg)
    return Call(plans, several, where, divided, data, held, **more)


def _check_recipe(recipe: Any, several: bool) -> None:
    """Refuse what is no recipe, such as y given beside X."""
    listed = isinstance(recipe, list | tuple) and bool(recipe)
    if recipe is None or all(isinstance(r, Recipe) for r in (recipe if listed else [recipe])):
        if listed and not several:
            msg = f"recipe is a list of {len(recipe)}, and network is one; give one bpnet.Recipe"
            raise ArgumentError(msg)
        return
    if hasattr(recipe, "__len__") and not isinstance(recipe, str | bytes | Mapping):
        msg = "train takes network, data, then names, and was given 3 arguments; give X and y as a "
        raise ArgumentError(f"{msg}pair: (X, y); only a bpnet.Recipe may come third")
    raise ArgumentError(f"recipe is {shown(recipe)}; give a bpnet.Recipe or leave it out")


def _of_set(networks: list[Any], made: list[Recipe], callbacks: Any, folds: Any) -> list[Plan]:
    """Each network's own options, checked."""
    count = len(networks)
    if not count:
        raise InputError("the set of networks is empty; give at least one bpnet.Network")
    for network in networks:
        prepare.check_network(network)
    if len({id(network) for network in networks}) < count:
        msg = "a network is in the set twice, and each is trained in place; give different objects"
        raise InputError(msg)
    check_alike(networks, "set")
    for own in made:
        check_rule(own.optimizer)
    calls, pairs = _callbacks(callbacks, count), _folds(folds, count)
    return [
        Plan(network, with_dropout(network, own.dropout), own, called, fold)
        for network, own, called, fold in zip(networks, made, calls, pairs, strict=True)
    ]


def check_rule(optimizer: Any) -> None:
    """Refuse an optimizer that several networks cannot be trained with at once."""
    if isinstance(optimizer, LBFGS):
        msg = "lbfgs trains one network at a time; call train for each, or use another optimizer"
        raise InputError(msg)


def refuse(count: int, place: Place, ranks: Ranks, checkpoint: Any, *, resume: bool) -> None:
    """Refuse what a set of so many networks cannot have."""
    cure = "give communicator alone, whose ranks take whole networks"
    alone = {
        "shards": (ranks.shards is not None, cure),
        "reduce": (ranks.reduce != "ordered", cure),
        "compiled": (place.compiled, "train the networks one by one"),
    }
    for name, (given, instead) in alone.items():
        if given:
            msg = f"{name} is for one network, and this is a set of {count}; leave it out, or "
            raise InputError(f"{msg}{instead}")
    if ranks.communicator is not None and (checkpoint is not None or resume):
        msg = "checkpoint of a set of networks is for one process, and communicator was given too"
        raise InputError(f"{msg}; leave one out")


def recipes(given: Any, keywords: Mapping[str, Any], count: int) -> list[Recipe]:
    """The recipe of each network of a set, where ``keywords`` come before what is ``given``.

    A list of another length is refused, and recipes that differ in what a set shares.
    """
    named = {n: value for n, value in keywords.items() if n in RECIPE}
    columns = {n: value for n, value in named.items() if RECIPE[n].each and is_column(value)}
    if isinstance(given, list | tuple):
        columns["recipe"] = given
    for name, values in columns.items():
        if len(values) != count:
            msg = f"{name} has {len(values)} values for {count} networks"
            raise InputError(f"{msg}; give one for all, or one for each")
    made = []
    for i in range(count):
        own = {**named, "recipe": given, **{name: values[i] for name, values in columns.items()}}
        made.append(merged(Recipe, own.pop("recipe"), own))
    for name, about in RECIPE.items() if "recipe" in columns else ():
        if not about.each and any(getattr(r, name) != getattr(made[0], name) for r in made):
            msg = f"{name} is not the same in all recipes, and networks of a set share it"
            raise InputError(f"{msg}; give one value, or train the networks one by one")
    return made


def _callbacks(given: Any, count: int) -> list[list[Callback]]:
    """Callbacks of each network: its own list, or what those for all give it."""
    lists = isinstance(given, list | tuple) and any(isinstance(c, list | tuple) for c in given)
    if lists and (len(given) != count or not all(isinstance(c, list | tuple) for c in given)):
        msg = f"callbacks has {len(given)} entries for {count} networks"
        raise InputError(f"{msg}; give a list of callbacks for all, or a list of lists, one each")
    for called in given if lists else [given]:
        check_callbacks(called)
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
        raise InputError(f"folds[{i}] has no row to train with; give some")
    return rows.astype(np.int64), held.astype(np.int64)


def with_dropout(network: Network, rate: float) -> tuple[Any, ...]:
    """Layers of a network, with dropout after the hidden ones; refuse it beside its own."""
    layers.Dropout(rate)  # refuses a rate out of range, where there is no hidden layer too
    if not rate:
        return network.layers
    if any(isinstance(layer, layers.Dropout) for layer in network.layers):
        msg = f"dropout={rate} was given to a network with Dropout layers of its own; use one"
        raise InputError(msg)
    return layers.with_dropout(network.layers, rate)


def check_callbacks(callbacks: Any) -> None:
    """Refuse a Checkpoint among callbacks, which knows no run there."""
    if any(isinstance(c, Checkpoint) for c in callbacks):
        msg = "callbacks holds a Checkpoint; a Checkpoint is for one network that train is given"
        raise InputError(f"{msg} alone, as checkpoint=; leave it out of callbacks")

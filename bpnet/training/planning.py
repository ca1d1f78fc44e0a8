"""Plan: the arguments of a call of ``train``, checked as far as that needs no backend."""

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
    """The plan for one network: ``layers`` have its dropout, ``recipe`` has values of its own.

    ``fold`` are the rows that train the network and those that validate it. ``step``, and the
    ``weights`` of all examples, (all examples,), are set when the call is opened.
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
        """Size of the training set, once the call is opened."""
        return self.step.m or 1

    @property
    def k(self) -> int:
        """Examples of a step, once the call is opened."""
        return self.batch_size(self.m)

    def batch_size(self, m: int) -> int:
        """Return the examples of a step for a training set of ``m``."""
        return min(self.recipe.batch_size or m, m)


@dataclass(frozen=True, eq=False)
class Call:
    """A call of :func:`bpnet.train`: a plan for each network, and what all networks share.

    ``several`` says whether the call is for a set, which may have one network only. ``split`` says
    how ranks divide the batches of one network, or the networks of a set.
    """

    plans: list[Plan]
    several: bool
    place: Place
    split: Split
    data: Any
    validation: Any
    sample_weight: Any
    checkpoint: Any
    resume: bool


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
    sample_weight: Any = None,
    checkpoint: Any = None,
    resume: bool = False,
) -> Call:
    """Plan a call of :func:`bpnet.train`, whose arguments these are; refuse unusable ones."""
    several, keywords = isinstance(network, Sequence), keywords or {}
    if isinstance(recipe, str | tables.TableRecipe):
        nets = [n for n in network if isinstance(n, Network)] if several else None
        # a recipe for tables becomes plain options first, so that these are checked as any others
        recipe, keywords, callbacks, folds = tables.expanded(
            recipe, nets, data, keywords, validation=validation, callbacks=callbacks, folds=folds
        )
    _check_recipe(recipe, several)
    where, who = merged(Place, place, keywords), merged(Ranks, ranks, keywords)
    if several:
        _check_set(len(network), where, who, is_saved=resume or checkpoint is not None)
        made = recipes(recipe, keywords, len(network))
        plans, communicator = _of_set(list(network), made, callbacks, folds), who.communicator
        # ranks take whole networks, in stacks that SHARDS makes the same for up to 8 ranks
        divided = Split(Single(), 0) if communicator is None else Split(wrap(communicator), SHARDS)
    else:
        prepare.check_network(network)
        if folds is not None:
            msg = "folds are for a set of networks; give one network (X[rows], y[rows]) and "
            raise InputError(f"{msg}validation")
        check_callbacks(callbacks)
        one = merged(Recipe, recipe, keywords)
        divided = split(who.communicator, who.reduce, who.shards)
        plans = [Plan(network, with_dropout(network, one.dropout), one, [*callbacks])]
    validated_by = prepare.validation_data(data, validation, folds)
    if validated_by is not None and plans[0].fold is not None:
        msg = "folds name the rows to judge by, and validation was given too; leave one out"
        raise InputError(msg)
    saving = checkpoint, resume
    return Call(plans, several, where, divided, data, validated_by, sample_weight, *saving)


def _check_recipe(recipe: Any, several: bool) -> None:
    """Refuse a third argument that is no recipe, such as y beside X."""
    listed = isinstance(recipe, list | tuple) and bool(recipe)
    if recipe is None or all(isinstance(r, Recipe) for r in (recipe if listed else [recipe])):
        if listed and not several:
            msg = f"recipe is a list of {len(recipe)}, and network is one; give one bpnet.Recipe"
            raise ArgumentError(msg)
        return
    if hasattr(recipe, "__len__") and not isinstance(recipe, str | bytes | Mapping):
        msg = "train takes network, data, then keywords, and was given 3 arguments; give X and y as"
        raise ArgumentError(f"{msg} a pair: (X, y); only a bpnet.Recipe may come third")
    raise ArgumentError(f"recipe is {shown(recipe)}; give a bpnet.Recipe or leave it out")


def _of_set(networks: list[Any], made: list[Recipe], callbacks: Any, folds: Any) -> list[Plan]:
    """Return a plan for each network of a set, from its own options."""
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
    """Refuse an optimizer that cannot train several networks at once."""
    if isinstance(optimizer, LBFGS):
        msg = "lbfgs trains one network at a time; call train for each, or use another optimizer"
        raise InputError(msg)


def _check_set(count: int, place: Place, ranks: Ranks, *, is_saved: bool) -> None:
    """Refuse options that a set of so many networks cannot have."""
    cure = "give communicator alone, whose ranks take whole networks"
    alone = {
        "shards": (ranks.shards is not None, cure),
        "reduce": (ranks.reduce != "ordered", cure),
        "compiled": (place.compiled, "train the networks one by one"),
    }
    for name, (is_set, instead) in alone.items():
        if is_set:
            msg = f"{name} is for one network, and this is a set of {count}; leave it out, or "
            raise InputError(f"{msg}{instead}")
    if ranks.communicator is not None and is_saved:
        msg = "checkpoint of a set of networks is for one process, and communicator was given too"
        raise InputError(f"{msg}; leave one out")


def recipes(recipe: Any, keywords: Mapping[str, Any], count: int) -> list[Recipe]:
    """Return the recipe of each network of a set; ``keywords`` replace fields of ``recipe``.

    Refuse a list of another length, and recipes that differ in what the networks of a set share.
    """
    named = {n: value for n, value in keywords.items() if n in RECIPE}
    # a list is one value for each network only where networks may differ
    columns = {n: value for n, value in named.items() if RECIPE[n].each and is_column(value)}
    if isinstance(recipe, list | tuple):
        columns["recipe"] = recipe
    for name, values in columns.items():
        if len(values) != count:
            msg = f"{name} has {len(values)} values for {count} networks"
            raise InputError(f"{msg}; give one for all, or one for each")
    made = []
    for i in range(count):
        own = {**named, "recipe": recipe, **{name: values[i] for name, values in columns.items()}}
        made.append(merged(Recipe, own.pop("recipe"), own))
    for name, about in RECIPE.items() if "recipe" in columns else ():
        if not about.each and any(getattr(r, name) != getattr(made[0], name) for r in made):
            msg = f"{name} is not the same in all recipes, and networks of a set share it"
            raise InputError(f"{msg}; give one value, or train the networks one by one")
    return made


def _callbacks(callbacks: Any, count: int) -> list[list[Callback]]:
    """Return the callbacks of each network: its own list, or those for all networks."""
    are_lists = [isinstance(c, list | tuple) for c in callbacks]
    if not any(are_lists):
        check_callbacks(callbacks)
        # a callback for all networks may keep a state, which is each network's own
        return [[c.for_member() for c in callbacks] for _ in range(count)]
    if len(callbacks) != count or not all(are_lists):
        msg = f"callbacks has {len(callbacks)} entries for {count} networks"
        raise InputError(f"{msg}; give a list of callbacks for all, or a list of lists, one each")
    for own in callbacks:
        check_callbacks(own)
    return [list(own) for own in callbacks]


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
    parts = [np.asarray(part if part is not None else [], dtype=None) for part in pair]
    for part in parts:
        # an empty list becomes float64, and is no error: no row validates the network
        if part.ndim != 1 or (part.size and part.dtype.kind not in "iu"):
            msg = f"folds[{i}] has rows of shape {part.shape} and dtype {part.dtype}"
            raise InputError(f"{msg}; give whole numbers of rows, from 0")
    rows, validation_rows = (part.astype(np.int64) for part in parts)
    if not rows.size:
        raise InputError(f"folds[{i}] has no row to train with; give some")
    return rows, validation_rows


def with_dropout(network: Network, rate: float) -> tuple[Any, ...]:
    """Return a network's layers with dropout after the hidden ones, unless it has its own."""
    if not rate:
        return network.layers
    if any(isinstance(layer, layers.Dropout) for layer in network.layers):
        msg = f"dropout={rate} was given to a network with Dropout layers of its own; use one"
        raise InputError(msg)
    return layers.with_dropout(network.layers, rate)


def check_callbacks(callbacks: Any) -> None:
    """Refuse a Checkpoint among callbacks, where it is not connected to the run."""
    if any(isinstance(c, Checkpoint) for c in callbacks):
        msg = "callbacks holds a Checkpoint; a Checkpoint is for one network that train is given"
        raise InputError(f"{msg} alone, as checkpoint=; leave it out of callbacks")

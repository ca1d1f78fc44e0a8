"""The plan of a sweep: what is trained, with which options, and how it is compared."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bpnet.core import optimizers
from bpnet.data import Dataset, draws
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.runs import data as run_data
from bpnet.sweep.search import Span, drawn
from bpnet.training.callbacks import EarlyStopping
from bpnet.training.declared import merged
from bpnet.training.planning import check_rule
from bpnet.training.recipe import Place, Recipe

Configuration = dict[str, Any]
"""One combination: option and value."""

_MOST = 100_000
"""Largest number of networks of a sweep."""

REDUCTION = 4
"""One in so many trials goes on from a rung of successive halving; optuna's own default."""

OF_THE_OPTIMIZER = ("optimizer", "learning_rate", "momentum")
OF_THE_NETWORK = ("hidden", "activation")


@dataclass(frozen=True)
class Plan:
    """The networks that a sweep trains, and how it ranks them.

    Parameters
    ----------
    grid : dict of lists
        Values of each option that is swept: hidden, activation, optimizer, learning_rate,
        momentum, and what :func:`bpnet.train` takes one of for each network; with ``trials`` also
        a :class:`bpnet.sweep.Span`.
    network : dict
        Options of :class:`bpnet.Network`, with ``sizes`` the hidden neurons.
    training : dict
        Options of :func:`bpnet.train` that all networks have in common.
    optimizer : str
        Name of the optimizer where the grid has none.
    seeds : list of int
        Seeds of first weights, order and masks; every combination is trained with each.
    folds : int
        Number of folds of a cross-validation; 0 takes the validation split of the data set.
    score : str or None
        Name in the history to rank by; the default is ``validation_accuracy`` where there are
        classes, else ``validation_cost``.
    patience : int or None
        Number of epochs without a better score after which a network stops.
    trials : int
        Number of combinations that are drawn by the first seed; 0 takes all of them.
    prune : int
        Number of epochs after which the first network of each combination is compared with the
        others, and again after 4 times as many, and so on: :mod:`bpnet.sweep.pruning`. 0 is never.
    """

    grid: dict[str, list[Any] | Span]
    network: dict[str, Any]
    training: dict[str, Any]
    optimizer: str = "adam"
    seeds: Sequence[int] = (0,)
    folds: int = 0
    score: str | None = None
    patience: int | None = None
    trials: int = 0
    prune: int = 0

    def __post_init__(self) -> None:
        """Refuse a plan that cannot be trained, before any network is made.

        Raises
        ------
        InputError
            If there would be more networks than anybody can wait for, or an option has a value
            that cannot be used.
        """
        if self.trials < 0:
            raise InputError(f"trials is {self.trials}; give how many, or 0 for all combinations")
        spans = {name: v for name, v in self.grid.items() if isinstance(v, Span)}
        if spans and not self.trials:
            name, span = next(iter(spans.items()))
            msg = f"{name} is the range {span}, of which a grid has no values"
            raise InputError(f"{msg}; give trials, the number of combinations to draw, or a list")
        lists = [v for v in self.grid.values() if not isinstance(v, Span)]
        # counted without a list of the combinations, which could fill the memory
        count = self.trials or math.prod(map(len, lists))
        count *= self.networks_each
        if count > _MOST:
            msg = f"the sweep has {count:,} networks; give fewer values, seeds or folds: at most"
            raise InputError(f"{msg} {_MOST:,}")
        # a recipe or a place with a wrong option raises an error when it is made
        merged(Place, None, self.training)
        merged(Recipe, None, self.training)
        if self.prune and not 0 < self.prune < self.epochs:
            msg = f"prune is {self.prune}; give at least 1 and fewer than the {self.epochs} epochs"
            raise InputError(f"{msg} of a network, or 0 to prune none")
        rules: Any = self.grid.get("optimizer", [self.optimizer])
        for rule in rules:
            check_rule(self.rule({"optimizer": rule}))
        if self.patience is not None:
            # the constructor refuses a patience that cannot be used
            EarlyStopping(self.patience)
        for name, values in self.grid.items():
            # an option that takes both ends of a range takes all numbers between them
            ends: Any = [values.low, values.high] if isinstance(values, Span) else values
            # each value with each optimizer: the products of all lists could be too many
            for value, rule in itertools.product(ends, rules):
                merged(Recipe, None, self.options({"optimizer": rule, name: value}))

    @property
    def networks_each(self) -> int:
        """Networks of a combination: one for each seed and fold."""
        return len(self.seeds) * max(self.folds, 1)

    @property
    def epochs(self) -> int:
        """Epochs of a network that is neither pruned nor stopped by its patience."""
        return merged(Recipe, None, self.training).epochs

    @property
    def rungs(self) -> list[int]:
        """Epochs after which trials are compared; the last epoch of all is not one of them."""
        epochs, rung = [], self.prune
        while 0 < rung < self.epochs:
            epochs.append(rung)
            rung *= REDUCTION
        return epochs

    # drawn once: the number of a network is a position in this list
    @cached_property
    def configurations(self) -> list[Configuration]:
        """Every combination, the first option changing slowest, or those that are drawn."""
        if self.trials:
            return drawn(self.grid, self.trials, self.seeds[0])
        # without trials all values are lists, as ranges are refused then
        lists: Any = self.grid.values()  # of a grid
        return [dict(zip(self.grid, v, strict=True)) for v in itertools.product(*lists)]

    def rule(self, chosen: Configuration) -> Any:
        """Optimizer of a combination.

        Raises
        ------
        InputError
            If it is unknown, or its combination has a momentum that it cannot take.
        """
        name, *settings = (chosen.get(name) for name in OF_THE_OPTIMIZER)
        return optimizers.get(name or self.optimizer, *settings)

    def options(self, chosen: Configuration) -> dict[str, Any]:
        """Options of :func:`bpnet.train` that a combination has of its own."""
        apart = {*OF_THE_OPTIMIZER, *OF_THE_NETWORK}
        own = {name: value for name, value in chosen.items() if name not in apart}
        return {**own, "optimizer": self.rule(chosen)}


def network(data: Dataset, plan: Plan, seed: int, chosen: Configuration | None = None) -> Network:
    """Network of a plan, or of one of its combinations, before it is trained."""
    options = dict(plan.network)
    chosen = chosen or {}
    sizes = chosen.get("hidden", options.pop("sizes"))
    options["hidden"] = chosen.get("activation", options["hidden"])
    return run_data.network_for(data, sizes, seed=seed, **options)


def seeds(first: int, count: int) -> list[int]:
    """Seeds of a sweep.

    Raises
    ------
    InputError
        If there is to be none, or more than a sweep can train.
    """
    if not 1 <= count <= _MOST:
        msg = f"seeds is {count}; give how many, at least 1 and at most {_MOST}"
        raise InputError(msg)
    # of the seeds the last one is the largest
    draws.check_seed(first + count - 1)
    return list(range(first, first + count))


def figure_name(score: str) -> str:
    """Name of a score among the figures of the history, of which the validation rows are meant."""
    return score.replace("-", "_").removeprefix("validation_")


def metrics_of(score: str | None) -> list[str]:
    """Metrics that training must compute for a score, beside the cost and the accuracy."""
    # training records these by itself, and any other score as a metric
    name = "cost" if score is None else figure_name(score)
    return [] if name in {"accuracy", "cost"} else [name]

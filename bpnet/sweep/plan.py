"""What a sweep is asked for."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bpnet.core import optimizers
from bpnet.data import Dataset, draws
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.runs import data as run_data
from bpnet.training.callbacks import EarlyStopping
from bpnet.training.declared import merged
from bpnet.training.planning import check_rule
from bpnet.training.recipe import Place, Recipe

Configuration = dict[str, Any]
"""One combination: option and value."""

_MOST = 100_000
"""Networks of a sweep."""

OF_THE_OPTIMIZER = ("learning_rate", "momentum")


@dataclass(frozen=True)
class Plan:
    """What a sweep is asked for.

    Parameters
    ----------
    grid : dict of lists
        Values of each option that is swept: learning_rate, momentum, and what
        :func:`bpnet.train` takes one of for each network.
    network : dict
        Options of :class:`bpnet.Network`, with ``sizes`` the hidden neurons.
    training : dict
        Options of :func:`bpnet.train` that all have in common.
    optimizer : str
        Its name.
    seeds : list of int
        Of first weights, order and masks; every combination is trained with each.
    folds : int
        Parts of the examples, each of which is held out once; 0 to judge by the data set's own
        validation split.
    score : str or None
        Name in the history to rank by; the default is ``validation_accuracy`` where there are
        classes, else ``validation_cost``.
    patience : int or None
        Epochs without a better score after which a network stops.
    """

    grid: dict[str, list[Any]]
    network: dict[str, Any]
    training: dict[str, Any]
    optimizer: str = "adam"
    seeds: Sequence[int] = (0,)
    folds: int = 0
    score: str | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be swept before there is a network.

        Raises
        ------
        InputError
            If there would be more networks than anybody can wait for, or an option has a value
            that cannot be used.
        """
        count = math.prod(len(values) for values in self.grid.values()) * len(self.seeds)
        count *= max(self.folds, 1)
        if count > _MOST:
            msg = f"the sweep has {count:,} networks; give fewer values, seeds or folds: at most"
            raise InputError(f"{msg} {_MOST:,}")
        merged(Place, None, self.training)
        merged(Recipe, None, self.training)
        check_rule(self.rule({}))
        if self.patience is not None:
            EarlyStopping(self.patience)
        for name, values in self.grid.items():
            for value in values:
                merged(Recipe, None, self.options({name: value}))

    def configurations(self) -> list[Configuration]:
        """Every combination, the first option changing slowest."""
        return [
            dict(zip(self.grid, values, strict=True))
            for values in itertools.product(*self.grid.values())
        ]

    def rule(self, chosen: Configuration) -> Any:
        """Optimizer of a combination.

        Raises
        ------
        InputError
            If it is unknown, or has no momentum and is given one.
        """
        return optimizers.get(self.optimizer, *(chosen.get(name) for name in OF_THE_OPTIMIZER))

    def options(self, chosen: Configuration) -> dict[str, Any]:
        """Options of :func:`bpnet.train` that a combination has of its own."""
        own = {name: value for name, value in chosen.items() if name not in OF_THE_OPTIMIZER}
        return {**own, "optimizer": self.rule(chosen)}


def network(data: Dataset, plan: Plan, seed: int) -> Network:
    """Network of a plan, before it is trained."""
    options = dict(plan.network)
    return run_data.network_for(data, options.pop("sizes"), seed=seed, **options)


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
    draws.check_seed(first + count - 1)
    return list(range(first, first + count))


def metrics_of(score: str | None) -> list[str]:
    """Metrics that must be judged for a score that training does not tell by itself."""
    name = None if score is None else score.replace("-", "_").removeprefix("validation_")
    return [] if name in {None, "accuracy", "cost"} else [str(name)]

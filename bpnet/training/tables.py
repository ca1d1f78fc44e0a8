"""``TableRecipe``: what a table is trained with where nothing else is said, as one value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from bpnet.arguments import checked
from bpnet.core import optimizers
from bpnet.core.metrics import is_probability
from bpnet.data import draws, splits
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.training import prepare
from bpnet.training.callbacks import EarlyStopping
from bpnet.training.declared import Range
from bpnet.training.recipe import COUNT, Recipe

Fold: TypeAlias = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]

_LEAST, _MOST = 16, 256
"""Examples in a batch."""


@checked
@dataclass(frozen=True, kw_only=True)
class TableRecipe:
    """Options for a table: an ensemble of small networks, each stopped by rows of its own.

    What depends on the table, such as the batch size and the number of epochs, is worked out of its
    rows by :meth:`options`. ``docs/tables.md`` has the measurements that the values come from.

    Parameters
    ----------
    members : int
        Networks, with a seed and a fold each, whose outputs are averaged.
    hidden : sequence of int
        Neurons of each hidden layer.
    activation : str
        Of the hidden layers.
    optimizer : str
        By its name.
    learning_rate : float
        eta at the top of the schedule.
    schedule : str
        Of the learning rate.
    steps : int
        Steps of each network at most, of a table that needs no more than ``most_epochs``.
    least_epochs, most_epochs : int
        Passes over the data at least and at most, whatever the steps.
    batches : int
        Batches that an epoch is divided into, as far as batches have from 16 to 256 examples.
    patience : float
        Share of the epochs without a better validation cost after which a network is stopped.

    Examples
    --------
    >>> import dataclasses
    >>> one = dataclasses.replace(TableRecipe(), members=1)
    >>> one.options(900)["batch_size"]
    64
    """

    members: int = 8
    hidden: Sequence[int] = (128, 64)
    activation: str = "silu"
    optimizer: str = "adamw"
    learning_rate: float = 3e-3
    schedule: str = "one_cycle"
    steps: int = 2000
    least_epochs: int = 10
    most_epochs: int = 500
    batches: int = 16
    patience: float = 0.25

    def __post_init__(self) -> None:
        for name in ("members", "steps", "least_epochs", "most_epochs", "batches"):
            COUNT(getattr(self, name), name)
        Range(0, 1 + 1e-9)(self.patience, "patience")

    def options(
        self, m: int, *, batch_size: int | None = None, epochs: int | None = None
    ) -> dict[str, Any]:
        """Options by the names that the command line and :class:`bpnet.Recipe` have for them.

        Parameters
        ----------
        m : int
            Rows that a network is trained with.
        batch_size, epochs : int, optional
            In place of those of the recipe.
        """
        if batch_size is None:
            power = 2 ** round(np.log2(max(m / self.batches, 1)))
            batch_size = int(np.clip(power, _LEAST, _MOST))
        if epochs is None:
            needed = round(self.steps / -(-m // min(batch_size, m)))
            epochs = int(np.clip(needed, self.least_epochs, self.most_epochs))
        return {
            "hidden": [*self.hidden], "activation": self.activation, "optimizer": self.optimizer,
            "learning_rate": self.learning_rate, "epochs": epochs, "batch_size": batch_size,
            "schedule": self.schedule, "patience": max(1, round(self.patience * epochs)),
        }  # fmt: skip

    def recipe(self, m: int, **own: Any) -> tuple[Recipe, EarlyStopping]:
        """Return what each network is trained by with ``m`` rows, and what stops it."""
        found = self.options(m, **own)
        rule: Any = optimizers.get(found["optimizer"], found["learning_rate"])
        named = {name: found[name] for name in ("epochs", "batch_size", "schedule")}
        return Recipe(optimizer=rule, **named), EarlyStopping(found["patience"])


RECIPES = {"table": TableRecipe()}
"""Every recipe by its name."""


def get(recipe: str | TableRecipe) -> TableRecipe:
    """Return the recipe of a name, or the one that was given.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if isinstance(recipe, TableRecipe):
        return recipe
    if recipe not in RECIPES:
        msg = f"recipe is {recipe!r}; give a bpnet.Recipe, or {' or '.join(map(repr, RECIPES))}"
        raise InputError(msg)
    return RECIPES[recipe]


def seeds(seed: int, members: int) -> list[int]:
    """Seeds of the networks of an ensemble; that of the first is the ensemble's own."""
    return [(draws.check_seed(seed) + (k << 32)) % (1 << 64) for k in range(members)]


def bags(y: Any, members: int, seed: int, *, stratify: bool) -> list[Fold] | None:
    """Rows that each network of an ensemble is trained with, and those that it is judged by.

    Each row is held out by one network at most, and all networks hold out as many, so that they are
    trained as one stack.

    Parameters
    ----------
    y : array, (m,) or (m, k)
        Targets.
    members : int
        Networks.
    seed : int
        Of the draw.
    stratify : bool
        Whether classes are spread evenly.

    Returns
    -------
    list of (rows, rows), or None
        For each network; None where there are too few rows to hold any out.
    """
    m, parts = len(y), max(members, 2)
    if m < 2 * parts:
        return None
    count, found = m // parts, []
    for _, held in splits.folds(y, parts, seed, stratify)[:members]:
        rows = np.ones(m, bool)
        rows[held[:count]] = False
        found.append((np.flatnonzero(rows), np.asarray(held[:count])))
    return found


def settled(
    recipe: str | TableRecipe, networks: Sequence[Network] | None, data: Any,
    keywords: Mapping[str, Any], *, validation: Any, callbacks: Any, folds: Any,
) -> dict[str, Any]:  # fmt: skip
    """What :func:`bpnet.train` is asked for by a recipe for tables.

    Parameters
    ----------
    recipe
        By its name or as a value.
    networks : sequence of Network or None
        Those of a set, which get folds where they are judged by nothing else.
    data, keywords, validation, callbacks, folds
        As they were given.

    Returns
    -------
    dict
        ``recipe``, ``keywords``, ``callbacks`` and ``folds`` in place of those that were given.
    """
    found, more = get(recipe), dict(keywords)
    y = prepare.pair(data, "data")[1]
    held = prepare.held_out(data, validation, folds)
    if networks is not None and isinstance(more.get("seed", 0), int):
        more["seed"] = seeds(more.get("seed", 0), len(networks))
    if networks and folds is None and held is None and not isinstance(y, HostRows):
        folds = bags(y, len(networks), more["seed"][0], stratify=is_probability(networks[0].output))
    m = len(y) if folds is None else min(len(rows) for rows, _ in folds)
    own = {n: more[n] for n in ("batch_size", "epochs") if isinstance(more.get(n), int)}
    made, stopping = found.recipe(m, **own)
    called = list(callbacks)
    if (folds is not None or held is not None) and not any(
        isinstance(c, EarlyStopping | list | tuple) for c in called
    ):
        called = [stopping, *called]
    return {"recipe": made, "keywords": more, "callbacks": called, "folds": folds}

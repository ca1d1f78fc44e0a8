"""``TableRecipe``: the options with which a table is trained, as one value."""

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
from bpnet.training.declared import COUNT, Range
from bpnet.training.recipe import Recipe

Fold: TypeAlias = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]

_LEAST, _MOST = 16, 256
"""Fewest and most examples in a batch."""


@checked
@dataclass(frozen=True, kw_only=True)
class TableRecipe:
    """Options for a table: an ensemble of small networks, each stopped by rows of its own.

    What depends on the size of the table, such as the batch size and the number of epochs, comes
    from :meth:`options`. ``docs/tables.md`` has the measurements behind the values.

    Parameters
    ----------
    members : int
        Number of networks; each has its own seed and fold, and their outputs are averaged.
    hidden : sequence of int
        Neurons of each hidden layer.
    activation : str
        Activation of the hidden layers.
    optimizer : str
        Name of the optimizer.
    learning_rate : float
        eta at the top of the schedule.
    schedule : str
        Schedule of the learning rate.
    steps : int
        Steps of each network, from which the epochs follow within the two bounds below.
    least_epochs, most_epochs : int
        Fewest and most passes over the data, whatever the number of steps.
    batches : int
        Batches of an epoch; fewer or more where a batch would have under 16 or over 256 examples.
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
        # a Range leaves its upper end out, and the whole of the epochs is allowed
        Range(0, 1 + 1e-9)(self.patience, "patience")

    def options(
        self, m: int, *, batch_size: int | None = None, epochs: int | None = None
    ) -> dict[str, Any]:
        """Return the options by their names on the command line and in :class:`bpnet.Recipe`.

        Parameters
        ----------
        m : int
            Rows that train a network.
        batch_size, epochs : int, optional
            Values in place of those of the recipe.
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
        """Return the recipe of each network for ``m`` rows, and the callback that stops it."""
        options = self.options(m, **own)
        rule: Any = optimizers.get(options["optimizer"], options["learning_rate"])
        named = {name: options[name] for name in ("epochs", "batch_size", "schedule")}
        return Recipe(optimizer=rule, **named), EarlyStopping(options["patience"])


RECIPES = {"table": TableRecipe()}
"""Every recipe by its name."""


def get(recipe: str | TableRecipe) -> TableRecipe:
    """Return the recipe of a name; a recipe is returned as it is.

    Raises
    ------
    InputError
        If there is no recipe of that name.
    """
    if isinstance(recipe, TableRecipe):
        return recipe
    if recipe not in RECIPES:
        msg = f"recipe is {recipe!r}; give a bpnet.Recipe, or {' or '.join(map(repr, RECIPES))}"
        raise InputError(msg)
    return RECIPES[recipe]


def seeds(seed: int, members: int) -> list[int]:
    """Return the seeds of the networks of an ensemble; the first is the ensemble's own."""
    # the upper half tells the networks apart, so that ensembles of seeds 0 and 1 share none
    return [(draws.check_seed(seed) + (k << 32)) % (1 << 64) for k in range(members)]


def bags(y: Any, members: int, seed: int, *, stratify: bool) -> list[Fold] | None:
    """Return the rows that train each network of an ensemble, and the rows that validate it.

    Each row validates one network at most, and all networks have as many validation rows, so that
    they are trained as one stack.

    Parameters
    ----------
    y : array, (m,) or (m, k)
        Targets.
    members : int
        Number of networks.
    seed : int
        Seed of the draw.
    stratify : bool
        Whether each class is spread evenly.

    Returns
    -------
    list of (rows, rows), or None
        A pair for each network; None if there are too few rows for validation.
    """
    m, parts = len(y), max(members, 2)
    if m < 2 * parts:
        return None
    count, pairs = m // parts, []
    for _, validation in splits.folds(y, parts, seed, stratify)[:members]:
        is_trained = np.ones(m, bool)
        is_trained[validation[:count]] = False
        pairs.append((np.flatnonzero(is_trained), np.asarray(validation[:count])))
    return pairs


def expanded(
    recipe: str | TableRecipe, networks: Sequence[Network] | None, data: Any,
    keywords: Mapping[str, Any], *, validation: Any, callbacks: Any, folds: Any,
) -> tuple[Recipe, dict[str, Any], list[Any], Any]:  # fmt: skip
    """Return recipe, keywords, callbacks and folds of :func:`bpnet.train` for a table recipe.

    ``networks`` are those of a set, None for one network alone. A set without validation data gets
    folds, and its networks get seeds of their own.
    """
    table, more = get(recipe), dict(keywords)
    y = prepare.pair(data, "data")[1]
    validation = prepare.validation_data(data, validation, folds)
    # a list of seeds is the user's own choice for each network
    if networks is not None and isinstance(more.get("seed", 0), int):
        more["seed"] = seeds(more.get("seed", 0), len(networks))
    if networks and folds is None and validation is None and not isinstance(y, HostRows):
        # targets that are numbers have no classes to spread evenly over the folds
        folds = bags(y, len(networks), more["seed"][0], stratify=is_probability(networks[0].output))
    m = len(y) if folds is None else min(len(rows) for rows, _ in folds)
    own = {n: more[n] for n in ("batch_size", "epochs") if isinstance(more.get(n), int)}
    made, stopping = table.recipe(m, **own)
    listed = list(callbacks)
    # lists are the callbacks of each network, to which none can be added for all
    has_own = any(isinstance(c, EarlyStopping | list | tuple) for c in listed)
    if (folds is not None or validation is not None) and not has_own:
        listed = [stopping, *listed]
    return made, more, listed, folds

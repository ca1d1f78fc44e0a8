"""Recipes of runs: defaults for tables, among them the number of networks."""

from collections.abc import Collection
from typing import Any

from bpnet.data import Dataset
from bpnet.data.sources import find
from bpnet.errors import InputError
from bpnet.runs.configuration import LAYOUT, RUN_OPTIONS
from bpnet.runs.folder import Config
from bpnet.synonyms import hint
from bpnet.training import tables as recipes
from bpnet.training.declared import COUNT
from bpnet.training.recipe import RECIPE

NONE = "none"
"""Value of the option ``recipe`` for a table that is trained with the general defaults."""


def begin(config: Config, *, alone: str = "", begun: int = 0) -> None:
    """Write the recipe, the number of networks and the held-out shares into a new run's tables.

    Parameters
    ----------
    config : dict of dicts
        Tables of the run; a share that is None gets its default.
    alone : str
        Name of an option that allows one network only, or an empty text.
    begun : int
        Number of networks of the warm start; 0 where the first weights are drawn.

    Raises
    ------
    InputError
        If there is no such recipe, or ``members`` contradicts ``alone`` or ``begun``.
    """
    data, training = config["data"], config["training"]
    named, table = training["recipe"], is_table(data["source"])
    name = named or ("table" if table else NONE)
    if name not in {*recipes.RECIPES, NONE}:
        raise InputError(f"recipe is {name!r}; {hint('recipe', name, [*recipes.RECIPES, NONE])}")
    members = training["members"]
    if members is not None:
        COUNT(members, "members")
    elif begun:
        members = begun
    if begun and members != begun:
        msg = f"--members is {members}, and the run of --init has {begun}; leave --members out"
        raise InputError(msg)
    if name != NONE:
        members = members or (1 if alone else recipes.get(name).members)
    if (members or 1) > 1 and alone:
        which = f"the run of --init has {members} networks" if begun else f"--members is {members}"
        msg = f"{which}, and {alone} is for one network; leave one of them out"
        raise InputError(msg)
    if data["validation"] is None:
        data["validation"] = 0.0 if (members or 1) > 1 else 0.1
    # --validation 0 alone trains on all rows, so that no test rows are held out by default.
    elif not data["validation"] and (members or 1) == 1:
        data["test"] = data["test"] or 0.0
    several = (members or 1) > 1
    training["recipe"] = name if named or table else None
    training["members"] = members if several or name != NONE else None


def is_table(source: str) -> bool:
    """Whether a source is a table, by its name; a missing file is no table."""
    try:
        return find(source, need_target=True, patterns=True).kind == "table"
    except InputError:
        return False  # the error is raised when the source is read


def settle(config: Config, named: Collection[str], data: Dataset) -> None:
    """Write the recipe's options into a new run's tables, but for those that the user has named.

    Parameters
    ----------
    config : dict of dicts
        Tables of the run.
    named : collection of str
        Options that the user has named.
    data : Dataset
        Training data, whose size the recipe's options depend on.
    """
    training = config["training"]
    if (training["recipe"] or NONE) == NONE:
        return
    recipe = recipes.get(training["recipe"])
    folds = folds_of(config, data)
    targets: Any = data.y
    m = len(targets) if folds is None else len(folds[0][0])
    fixed = {name: training[name] for name in ("epochs", "batch_size") if name in named}
    chosen = recipe.options(m, **fixed)
    has_validation = folds is not None or data.validation is not None
    for name in _left_out(training, named, has_validation):
        chosen.pop(name, None)
    for name, value in chosen.items():
        if name not in named:
            config["network" if name in LAYOUT else "training"][name] = value


def _left_out(training: dict[str, Any], named: Collection[str], has_validation: bool) -> set[str]:
    """Options of a recipe that would have no effect, or contradict the user's optimizer."""
    names = set() if has_validation else {"patience"}
    if "optimizer" in named:
        names |= {"learning_rate"}
    if training["optimizer"] == "lbfgs" and "optimizer" in named:
        names |= {name for name in (*RECIPE, *RUN_OPTIONS) if name != "optimizer"}
    return names


def folds_of(config: Config, data: Dataset) -> Any:
    """Training and validation rows of each network; None where all networks share them."""
    members = config["training"].get("members") or 1
    if members == 1 or data.validation is not None:
        return None
    seed, stratify = config["network"]["seed"], data.task != "regress"
    return recipes.bags(data.y, members, seed, stratify=stratify)


def line(config: Config) -> list[str]:
    """Line on a run's recipe, for the heading; none without a recipe."""
    training = config["training"]
    if (training.get("recipe") or NONE) == NONE:
        return []
    members, epochs = training["members"], training.get("epochs")
    count = f"{members} networks" if members > 1 else "1 network"
    # 0 is the whole set, as TOML has no null
    batches = (
        f"batches of {training['batch_size']}" if training["batch_size"] else "all rows a step"
    )
    return [
        f"recipe: {training['recipe']}, {count} of up to {epochs} epochs with {batches} "
        "(--recipe none trains one network with the general defaults)"
    ]


def seeds(config: Config) -> list[int]:
    """Seeds of the networks of a run."""
    return recipes.seeds(config["network"]["seed"], config["training"].get("members") or 1)

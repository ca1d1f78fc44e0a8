"""What a run takes from a recipe: options that nobody gave, and how many networks it has."""

from collections.abc import Collection
from typing import Any

from bpnet.data import Dataset
from bpnet.data.sources import find
from bpnet.errors import InputError
from bpnet.runs.configuration import LAYOUT, RUN_OPTIONS
from bpnet.runs.folder import Config
from bpnet.synonyms import hint
from bpnet.training import tables as recipes
from bpnet.training.recipe import COUNT, RECIPE

NONE = "none"
"""In place of a recipe: the same defaults as for any other data."""


def begin(config: Config, *, alone: str = "", begun: int = 0) -> None:
    """Write into the tables of a new run its recipe, its networks and what they hold out.

    Parameters
    ----------
    config : dict of dicts
        Of the run; shares that were not given are None.
    alone : str
        Why there can be no more than one network; empty where there can.
    begun : int
        Networks whose weights the run begins with; 0 where they are drawn.

    Raises
    ------
    InputError
        If there is no such recipe, or several networks are asked for where there can be one.
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
        msg = f"--members is {members}, and {alone} is for one network; leave one of them out"
        raise InputError(msg)
    if data["validation"] is None:
        data["validation"] = 0.0 if (members or 1) > 1 else 0.1
    elif not data["validation"] and (members or 1) == 1:
        data["test"] = data["test"] or 0.0
    several = (members or 1) > 1
    training["recipe"] = name if named or table else None
    training["members"] = members if several or name != NONE else None


def is_table(source: str) -> bool:
    """Whether a source is a table, as far as its name tells; one that is not there is none."""
    try:
        return find(source, need_target=True, patterns=True).kind == "table"
    except InputError:
        return False  # reading it says why


def settle(config: Config, given: Collection[str], data: Dataset) -> None:
    """Write into the tables of a new run the options of its recipe that were not given.

    Parameters
    ----------
    config : dict of dicts
        Of the run.
    given : collection of str
        Names of the options that were.
    data : Dataset
        What is trained with.
    """
    training = config["training"]
    if (training["recipe"] or NONE) == NONE:
        return
    recipe = recipes.get(training["recipe"])
    folds = folds_of(config, data)
    targets: Any = data.y
    m = len(targets) if folds is None else len(folds[0][0])
    own = {name: training[name] for name in ("epochs", "batch_size") if name in given}
    found = recipe.options(m, **own)
    judged = folds is not None or data.validation is not None
    for name in _left_out(training, given, judged):
        found.pop(name, None)
    for name, value in found.items():
        if name not in given:
            config["network" if name in LAYOUT else "training"][name] = value


def _left_out(training: dict[str, Any], given: Collection[str], judged: bool) -> set[str]:
    """Options of a recipe that do not go with what was given."""
    left = set() if judged else {"patience"}
    if "optimizer" in given:
        left |= {"learning_rate"}
    if training["optimizer"] == "lbfgs" and "optimizer" in given:
        left |= {name for name in (*RECIPE, *RUN_OPTIONS) if name != "optimizer"}
    return left


def folds_of(config: Config, data: Dataset) -> Any:
    """Rows of each network of a run that has several and judges each by rows of its own."""
    members = config["training"].get("members") or 1
    if members == 1 or data.validation is not None:
        return None
    seed, stratify = config["network"]["seed"], data.task != "regress"
    return recipes.bags(data.y, members, seed, stratify=stratify)


def line(config: Config) -> list[str]:
    """What to say of a run's recipe."""
    training = config["training"]
    if (training.get("recipe") or NONE) == NONE:
        return []
    members, epochs = training["members"], training.get("epochs")
    count = f"{members} networks" if members > 1 else "1 network"
    return [
        f"recipe: {training['recipe']}, {count} of up to {epochs} epochs with batches of "
        f"{training['batch_size']} (--recipe none trains one as plainly as other data)"
    ]


def seeds(config: Config) -> list[int]:
    """Seeds of the networks of a run."""
    return recipes.seeds(config["network"]["seed"], config["training"].get("members") or 1)

"""The ranking of a sweep: its combinations in order, as plain data, as CSV and as a table."""

import csv
import io
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bpnet.arguments import finite_number
from bpnet.data import Dataset
from bpnet.errors import InputError
from bpnet.runs import data as run_data
from bpnet.sweep.plan import OF_THE_NETWORK, Configuration, Plan, network
from bpnet.sweep.search import Span
from bpnet.training.scores import grows

_DIGITS = 8
"""Longest text of a number that is shown whole: a longer one was drawn, and not typed."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """A combination and its scores.

    Parameters
    ----------
    configuration : dict
        Options of the combination.
    scores : array, (seeds, folds)
        Scores of its networks at the epochs that they keep, nan where one diverged. A trial that
        was pruned has its first network alone, (1, 1), as has one that diverged in such a sweep.
    epochs : array of int, (seeds, folds)
        Epochs that the networks keep, from 1.
    trial : int
        Number of the combination in the plan, from 1.
    pruned : int or None
        Epoch after which its trial was pruned, from 1.
    """

    configuration: Configuration
    scores: np.ndarray[Any, Any]
    epochs: np.ndarray[Any, Any]
    trial: int = 1
    pruned: int | None = None

    @property
    def mean(self) -> float:
        """Mean score; nan where a network diverged."""
        return float(self.scores.mean())

    @property
    def deviation(self) -> float:
        """Standard deviation of the scores, dividing by their number less one; 0 of one."""
        return float(self.scores.std(ddof=1)) if self.scores.size > 1 else 0.0

    @property
    def diverged(self) -> int:
        """Number of its networks that diverged."""
        return int(np.isnan(self.scores).sum())


@dataclass(frozen=True, eq=False)
class Sweep:
    """A ranked sweep.

    Parameters
    ----------
    plan : Plan
        What was trained.
    score : str
        Name in the history that combinations are ranked by.
    ranking : list of Ranked
        The best first.
    backend : str
        Name of the backend.
    seconds : float
        Time that training all networks took.
    stacks : list of int
        Sizes of the stacks that were trained one after another.
    """

    plan: Plan
    score: str
    ranking: list[Ranked]
    backend: str
    seconds: float
    stacks: list[int] = field(default_factory=list)

    @property
    def best(self) -> Ranked:
        """The first of the ranking."""
        return self.ranking[0]

    @property
    def seed(self) -> int:
        """Seed with which the best combination was best."""
        means = self.best.scores.mean(axis=1) * (1 if grows(self.score) else -1)
        return int(self.plan.seeds[int(np.nanargmax(means))])

    def rows(self) -> list[dict[str, Any]]:
        """The ranking as plain data."""
        return [
            {
                "rank": i,
                "trial": ranked.trial,
                **ranked.configuration,
                # JSON has no nan
                "mean": finite_number(ranked.mean),
                "deviation": finite_number(ranked.deviation),
                "scores": [[finite_number(v) for v in row] for row in ranked.scores.tolist()],
                "epochs": ranked.epochs.tolist(),
                "diverged": ranked.diverged,
                "pruned": ranked.pruned,
            }
            for i, ranked in enumerate(self.ranking, start=1)
        ]

    def to_frame(self) -> Any:
        """The ranking as a frame of pandas, a row for each combination, the best first.

        Raises
        ------
        InputError
            If pandas is missing.
        """
        try:
            import pandas
        except ImportError:
            msg = "a frame needs pandas; pip install pandas, or take rows()"
            raise InputError(msg) from None
        return pandas.DataFrame(_flat(self)).set_index("rank")

    def summary(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "score": self.score,
            "networks": sum(ranked.scores.size for ranked in self.ranking),
            "seeds": list(self.plan.seeds),
            "folds": self.plan.folds,
            "backend": self.backend,
            "seconds": self.seconds,
            "stacks": self.stacks,
            "configurations": self.rows(),
        }


def networks_of(
    plan: Plan, c: int, trained: Mapping[int, tuple[float, int]], pruned: Mapping[int, int]
) -> range:
    """Numbers of the networks of a combination.

    A trial that was pruned has its first network alone, as has one that diverged in such a sweep.
    """
    first = c * plan.networks_each
    failed = first in trained and math.isnan(trained[first][0])
    # a first network that diverged has no score to compare at a rung, as if it were pruned
    alone = plan.prune and (failed or first in pruned)
    return range(first, first + (1 if alone else plan.networks_each))


def ranking(
    plan: Plan, score: str, trained: Mapping[int, tuple[float, int]], pruned: Mapping[int, int]
) -> list[Ranked]:  # fmt: skip
    """Combinations whose networks are all trained, the best first, pruned ones behind them."""
    combinations = []
    for c, configuration in enumerate(plan.configurations):
        numbers = networks_of(plan, c, trained, pruned)
        if any(i not in trained for i in numbers):
            continue
        # a pruned trial has one network, with the first seed on the first fold
        shape = (-1, max(plan.folds, 1) if len(numbers) > 1 else 1)
        scores = np.asarray([trained[i][0] for i in numbers], float).reshape(shape)
        epochs = np.asarray([trained[i][1] for i in numbers], int).reshape(shape)
        end = pruned.get(numbers[0])
        combinations.append(Ranked(configuration, scores, epochs, c + 1, end))
    sign = -1 if grows(score) else 1
    # scores of different epochs do not compare: complete combinations first, then late prunings
    combinations.sort(
        key=lambda one: (
            # sums rank as means do, of equally many scores; those of diverged networks are nan
            one.diverged, one.pruned is not None, -(one.pruned or 0), sign * np.nansum(one.scores)
        )
    )  # fmt: skip
    return combinations


def as_csv(sweep: Sweep) -> str:
    """The ranking as CSV, a line for each combination."""
    rows = _flat(sweep)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(sweep: Sweep) -> list[dict[str, Any]]:
    """Rows of the ranking without the figures of single networks."""
    # scores and epochs of single networks are lists, which CSV has no cells for
    left_out = {"trial", "scores", "epochs", *(() if sweep.plan.prune else ("pruned",))}
    rows = [{**row, **_texts(row)} for row in sweep.rows()]
    return [{n: v for n, v in row.items() if n not in left_out} for row in rows]


def _texts(row: dict[str, Any]) -> dict[str, str]:
    """Options whose value is a list of layers, as the command line takes them."""
    return {n: as_text(row[n]) for n in OF_THE_NETWORK if isinstance(row.get(n), list | tuple)}


def as_text(value: Any) -> str:
    """A value as the command line takes it, a number that was drawn with four digits."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    text = str(value)
    return f"{value:.4g}" if isinstance(value, float) and len(text) > _DIGITS else text


def as_option(name: str, values: Any) -> Any:
    """Values of an option as the command line takes them."""
    if isinstance(values, Span):
        return str(values)
    if name in OF_THE_NETWORK:
        return "/".join(map(as_text, values))
    # on the command line 0 is the batch size of the whole set
    return [k or 0 for k in values] if name == "batch_size" else values


def heading(data: Dataset, plan: Plan, reason: str, settings: dict[str, Any]) -> list[str]:
    """Lines of the data, opened by ``settings``, of the networks and of the backend."""
    count = len(plan.configurations)
    total = count * plan.networks_each
    ranked_on = f"{plan.folds} folds" if plan.folds else "a validation split"
    rungs = ", ".join(map(str, plan.rungs))
    return [
        *run_data.heading(data, settings),
        f"network: {network(data, plan, plan.seeds[0], plan.configurations[0])}",
        f"sweep: {count} combinations, {len(plan.seeds)} seed{'s' * (len(plan.seeds) > 1)}, "
        f"{ranked_on}: {'at most ' if plan.prune else ''}{total} networks",
        *([f"pruning: the best quarter goes on after epochs {rungs}"] if plan.prune else []),
        f"backend: {reason}",
    ]


def table(sweep: Sweep) -> list[str]:
    """Lines of the ranking: the options with several values, mean and deviation of the score."""
    grid = sweep.plan.grid
    several = [n for n, v in grid.items() if isinstance(v, Span) or len(v) > 1]
    share = sweep.score.endswith("accuracy")
    unit, form = (100.0, ".2f") if share else (1.0, ".5g")
    header = ["rank", *(name.replace("_", "-") for name in several)]
    header += [
        f"{sweep.score.replace('_', ' ')}{' %' if share else ''}",
        "+-",
        "epochs",
        "diverged",
        *(["pruned"] if sweep.plan.prune else []),
    ]
    lines = [header]
    for i, ranked in enumerate(sweep.ranking, start=1):
        values = [as_text(ranked.configuration[name]) for name in several]
        numbers = [format(unit * v, form) for v in (ranked.mean, ranked.deviation)]
        # a pruned combination is one network among some of several, and has no deviation
        if ranked.pruned is not None:
            numbers[1] = ""
        epochs = f"{statistics.median(ranked.epochs.ravel().tolist()):g}"
        pruned = "" if ranked.pruned is None else f"after {ranked.pruned}"
        cells = [str(i), *values, *numbers, epochs, str(ranked.diverged or ""), pruned]
        # the column of prunings is the last one, and the header may lack it
        lines.append(cells[: len(header)])
    widths = [max(len(line[j]) for line in lines) for j in range(len(header))]
    shown = [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    if not sweep.stacks:  # all networks were trained before the sweep was resumed
        return shown
    rate = sum(sweep.stacks) / max(sweep.seconds, 1e-9)
    end = f"{sum(sweep.stacks)} networks in {sweep.seconds:.1f} s, {rate:.1f} a second"
    return [*shown, f"{end}, at most {max(sweep.stacks)} at once"]

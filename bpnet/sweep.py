"""A sweep: every combination of some options, with several seeds and folds, ranked.

All networks of it are trained as one set (:func:`bpnet.train`), so that small ones share their
steps; the best combination is then trained once more and leaves the folder of a run.
"""

import csv
import io
import itertools
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bpnet import disk, runs
from bpnet.core import optimizers
from bpnet.data import Dataset, folds
from bpnet.errors import Diverged, InputError
from bpnet.network import Network
from bpnet.training import Callback, EarlyStopping, Histories, train
from bpnet.training.scores import grows

Configuration = dict[str, Any]
"""One combination: option and value."""

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
            If it has no momentum and is given one.
        """
        rule = optimizers.get(self.optimizer)
        given = {name: chosen[name] for name in OF_THE_OPTIMIZER if chosen.get(name) is not None}
        strange = next((name for name in given if not hasattr(rule, name)), None)
        if strange is not None:
            msg = f"{strange} was given and {self.optimizer} has none; use momentum or nesterov"
            raise InputError(msg)
        return type(rule)(**given)

    def options(self, chosen: Configuration) -> dict[str, Any]:
        """Options of :func:`bpnet.train` that a combination has of its own."""
        own = {name: value for name, value in chosen.items() if name not in OF_THE_OPTIMIZER}
        return {**own, "optimizer": self.rule(chosen)}


@dataclass(frozen=True, eq=False)
class Ranked:
    """A combination and how good it was.

    Parameters
    ----------
    configuration : dict
        Its options.
    scores : array, (seeds, folds)
        Of its networks, at the epoch that each keeps; nan where one diverged.
    epochs : array of int, (seeds, folds)
        That epoch, from 1.
    """

    configuration: Configuration
    scores: np.ndarray[Any, Any]
    epochs: np.ndarray[Any, Any]

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
        """Networks that did."""
        return int(np.isnan(self.scores).sum())


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a sweep gave.

    Parameters
    ----------
    plan : Plan
        What was asked.
    score : str
        What it is ranked by.
    ranking : list of Ranked
        The best first.
    backend : str
        Where it ran.
    seconds : float
        Of training all networks.
    stacks : list of int
        How many were trained at once, one after another.
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
                **ranked.configuration,
                "mean": _plain(ranked.mean),
                "deviation": _plain(ranked.deviation),
                "scores": [[_plain(v) for v in row] for row in ranked.scores.tolist()],
                "epochs": ranked.epochs.tolist(),
                "diverged": ranked.diverged,
            }
            for i, ranked in enumerate(self.ranking, start=1)
        ]

    def summary(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "score": self.score,
            "networks": sum(self.stacks),
            "seeds": list(self.plan.seeds),
            "folds": self.plan.folds,
            "backend": self.backend,
            "seconds": self.seconds,
            "stacks": self.stacks,
            "configurations": self.rows(),
        }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def run(data: Dataset, plan: Plan, *, backend: Any, callbacks: Sequence[Callback] = ()) -> Sweep:
    """Train every combination with every seed on every fold, and rank them.

    Parameters
    ----------
    data : Dataset
        With a validation split where there are no folds. Of a table its columns were learned once,
        from all examples that are trained with, those of the fold that is held out among them.
    plan : Plan
        What to train.
    backend : Backend
        Where.
    callbacks : sequence of Callback
        Called for each network.

    Returns
    -------
    Sweep
        The ranking.

    Raises
    ------
    InputError
        If an option or the data cannot be used.
    Diverged
        If all networks did.
    """
    if not plan.folds and data.validation is None:
        msg = "there is nothing to rank by; give folds, or a validation share"
        raise InputError(msg)
    chosen, score = plan.configurations(), _score(data, plan)
    parts = _parts(data, plan)
    cells = list(itertools.product(chosen, plan.seeds, parts))
    nets = [network(data, plan, seed) for _, seed, _ in cells]
    own = [plan.options(configuration) for configuration, _, _ in cells]
    called = list(callbacks)
    if plan.patience is not None:
        called.insert(0, EarlyStopping(plan.patience, score))
    start = time.perf_counter()
    histories: Histories = train(
        nets,
        data,
        backend=backend,
        seed=[seed for _, seed, _ in cells],
        folds=[part for _, _, part in cells] if plan.folds else None,
        validation=None if plan.folds else data.validation,
        callbacks=called,
        **{name: [options[name] for options in own] for name in own[0]},
        **plan.training,
    )
    seconds = time.perf_counter() - start
    shape = (len(chosen), len(plan.seeds), len(parts))
    ends = [_end(histories, i, score, plan) for i in range(len(cells))]
    scores = np.asarray([value for value, _ in ends], float).reshape(shape)
    epochs = np.asarray([epoch for _, epoch in ends], int).reshape(shape)
    ranking = [Ranked(*row) for row in zip(chosen, scores, epochs, strict=True)]
    sign = -1 if grows(score) else 1
    ranking.sort(key=lambda r: (r.diverged, sign * np.nansum(r.scores)))
    if ranking[0].diverged:
        msg = "every combination has a network that diverged; try lower learning rates"
        raise Diverged(msg)
    return Sweep(plan, score, ranking, backend.spec, seconds, histories.stacks)


def _score(data: Dataset, plan: Plan) -> str:
    if plan.score is None:
        return "validation_cost" if data.task == "regress" else "validation_accuracy"
    given = plan.score.replace("-", "_")
    return given if given.startswith("validation_") else f"validation_{given}"


def _parts(data: Dataset, plan: Plan) -> list[Any]:
    if not plan.folds:
        return [None]
    targets: Any = data.y
    found: list[Any] = folds(targets, plan.folds, plan.seeds[0], data.task != "regress")
    return found


def network(data: Dataset, plan: Plan, seed: int) -> Network:
    """Network of a plan, before it is trained."""
    options = dict(plan.network)
    return runs.network_for(data, options.pop("sizes"), seed=seed, **options)


def _end(histories: Histories, i: int, score: str, plan: Plan) -> tuple[float, int]:
    """Score of a network at the epoch that it keeps, and that epoch, from 1."""
    if i in histories.diverged:
        return np.nan, 0
    if score not in histories[i]:
        there = ", ".join(n for n in histories[i] if n.startswith("validation_"))
        msg = f"the score {score!r} is not in the history, which has {there}; use one of these"
        raise InputError(msg)
    values = histories[i][score]
    if plan.patience is None:
        return values[-1], len(values)
    best = int(np.argmax(values) if grows(score) else np.argmin(values))
    return values[best], best + 1


def finish(sweep: Sweep, data: Dataset, *, folder: Path, config: runs.Config, backend: Any) -> None:
    """Train the best combination once more and leave its run, with the ranking beside it.

    With a validation split it is the network of the sweep again. With folds it is trained on all
    examples, for the median of the epochs that its networks kept.

    Parameters
    ----------
    sweep : Sweep
        From :func:`run`.
    data : Dataset
        The same.
    folder : Path
        From :func:`bpnet.runs.choose`.
    config : dict of dicts
        What was asked for, as it is written into a run; the best options join it.
    backend : Backend
        Where.
    """
    plan, best = sweep.plan, sweep.best.configuration
    net, options = network(data, plan, sweep.seed), plan.options(best)
    training = {**plan.training, **options}
    called: list[Callback] = []
    if plan.folds:
        training["epochs"] = round(statistics.median(sweep.best.epochs.ravel().tolist()))
    elif plan.patience is not None:
        called.append(EarlyStopping(plan.patience, sweep.score))
    rule = training.pop("optimizer")
    own = {name: value for name, value in best.items() if name not in OF_THE_OPTIMIZER}
    settings = {
        **config["training"], **plan.training, **own, "epochs": training["epochs"],
        "optimizer": plan.optimizer, "learning_rate": rule.learning_rate, "seed": sweep.seed,
        "batch_size": training["batch_size"] or 0,
    }  # fmt: skip
    asked = {
        "score": sweep.score, "seeds": list(plan.seeds), "folds": plan.folds,
        **{name: values for name, values in plan.grid.items() if None not in values},
    }  # fmt: skip
    network_table = {**config["network"], "seed": sweep.seed}
    written = {**config, "training": settings, "network": network_table, "sweep": asked}
    recorder = runs.Recorder(folder, written, data.columns)
    try:
        if plan.folds:
            training.pop("metrics", None)
        train(
            net, data, optimizer=rule, seed=sweep.seed, backend=backend,
            validation=None if plan.folds else data.validation, callbacks=[*called, recorder],
            **training,
        )  # fmt: skip
        disk.write(folder / "sweep.json", json.dumps(sweep.summary(), indent=1).encode())
        disk.write(folder / "sweep.csv", _csv(sweep).encode())
    finally:
        recorder.discard()


def _csv(sweep: Sweep) -> str:
    rows = [
        {name: value for name, value in row.items() if not isinstance(value, list)}
        for row in sweep.rows()
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def seeds(first: int, count: int) -> list[int]:
    """Seeds of a sweep.

    Raises
    ------
    InputError
        If there is to be none.
    """
    if count < 1:
        msg = f"seeds is {count}; give how many, at least 1"
        raise InputError(msg)
    return list(range(first, first + count))


def metrics_of(score: str | None) -> list[str]:
    """Metrics that must be judged for a score that training does not tell by itself."""
    name = None if score is None else score.replace("-", "_").removeprefix("validation_")
    return [] if name in {None, "accuracy", "cost"} else [str(name)]


def heading(data: Dataset, plan: Plan, total: int, spec: str, reason: str) -> list[str]:
    """Lines that say what is about to be trained."""
    count = len(plan.configurations())
    judged = f"{plan.folds} folds" if plan.folds else "a validation split"
    return [
        f"data: {data.name}, {data.x.shape[0]:,} examples of {data.x.shape[1]} values",
        *(f"note: {note}" for note in data.notes),
        f"network: {network(data, plan, plan.seeds[0])}",
        f"sweep: {count} combinations, {len(plan.seeds)} seeds, {judged}: {total} networks",
        f"backend: {spec} ({reason})",
    ]


def table(sweep: Sweep) -> list[str]:
    """Lines of the ranking: the options of which there are several, mean and deviation."""
    several = [name for name, values in sweep.plan.grid.items() if len(values) > 1]
    share = sweep.score.endswith("accuracy")
    unit, form = (100.0, ".2f") if share else (1.0, ".5g")
    header = ["rank", *(name.replace("_", "-") for name in several)]
    header += [
        f"{sweep.score.replace('_', ' ')}{' %' if share else ''}",
        "+-",
        "epochs",
        "diverged",
    ]
    lines = [header]
    for i, ranked in enumerate(sweep.ranking, start=1):
        values = [f"{ranked.configuration[name]}" for name in several]
        numbers = [format(unit * v, form) for v in (ranked.mean, ranked.deviation)]
        epochs = f"{statistics.median(ranked.epochs.ravel().tolist()):g}"
        lines.append([str(i), *values, *numbers, epochs, str(ranked.diverged or "")])
    widths = [max(len(line[j]) for line in lines) for j in range(len(header))]
    shown = [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    rate = sum(sweep.stacks) / max(sweep.seconds, 1e-9)
    end = f"{sum(sweep.stacks)} networks in {sweep.seconds:.1f} s, {rate:.1f} a second"
    return [*shown, f"{end}, at most {max(sweep.stacks)} at once"]

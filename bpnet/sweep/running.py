"""A sweep run, and its best combination made a run of its own."""

import itertools
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bpnet import disk, runs
from bpnet.data import Dataset, folds
from bpnet.errors import Diverged, InputError
from bpnet.sweep.plan import OF_THE_OPTIMIZER, Plan, network
from bpnet.sweep.ranking import Ranked, Sweep, as_csv
from bpnet.training import Callback, EarlyStopping, Histories, train
from bpnet.training.scores import grows


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
    given = plan.score.replace("-", "_").removeprefix("validation_")
    if given == "accuracy" and data.task == "regress":
        msg = (
            "the score accuracy is of classes, and numbers are predicted; use cost, r2, mse or mae"
        )
        raise InputError(msg)
    return f"validation_{given}"


def _parts(data: Dataset, plan: Plan) -> list[Any]:
    if not plan.folds:
        return [None]
    targets: Any = data.y
    found: list[Any] = folds(targets, plan.folds, plan.seeds[0], data.task != "regress")
    return found


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
        "optimizer": plan.optimizer, "learning_rate": rule.learning_rate,
        "momentum": getattr(rule, "momentum", None), "seed": sweep.seed,
        "batch_size": training["batch_size"] or 0,
    }  # fmt: skip
    grid = {**plan.grid, "batch_size": [k or 0 for k in plan.grid.get("batch_size", [])]}
    asked = {
        "score": sweep.score, "seeds": list(plan.seeds), "folds": plan.folds,
        "epochs": plan.training["epochs"],
        **{name: values for name, values in grid.items() if values and None not in values},
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
        disk.write(folder / "sweep.csv", as_csv(sweep).encode())
    finally:
        recorder.discard()

"""A sweep run, and its best combination made a run of its own."""

import itertools
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bpnet import runs
from bpnet.data import Dataset, folds
from bpnet.errors import Diverged, InputError
from bpnet.model.network import Network
from bpnet.runs import data as run_data
from bpnet.runs import folder as run_folder
from bpnet.sweep.ledger import End, Ledger, Noting
from bpnet.sweep.plan import OF_THE_NETWORK, OF_THE_OPTIMIZER, Configuration, Plan, network
from bpnet.sweep.ranking import Ranked, Sweep, as_asked
from bpnet.training import Callback, Checkpoint, EarlyStopping, Histories, train
from bpnet.training.checkpoints import fingerprint
from bpnet.training.scores import grows


def run(
    data: Dataset,
    plan: Plan,
    *,
    backend: Any,
    callbacks: Sequence[Callback] = (),
    ledger: Ledger | None = None,
) -> Sweep:
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
    ledger : Ledger, optional
        Keeps what the networks scored; those that it knows are not trained again. Without an error
        that says that the sweep cannot be, it has the ranking whatever happens.

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
    score, parts = check(data, plan)
    cells = list(itertools.product(plan.configurations(), plan.seeds, parts))
    ledger = ledger or Ledger()
    stacks: list[int] = []

    def ranked() -> Sweep:
        known = _ranking(plan, score, len(parts), ledger.trained)
        return Sweep(plan, score, known, backend.spec, ledger.seconds, stacks)

    held: tuple[Any, ...] = data.validation or ()
    finished = False
    try:
        ledger.begin(ranked, fingerprint(data.x, data.y, *held))
        stacks += _train(data, plan, score, cells, backend, callbacks, ledger)
        finished = True
        if all(math.isnan(value) for value, _ in ledger.trained.values()):
            msg = "every network of the sweep diverged; try lower learning rates"
            raise Diverged(msg)
        found = ranked()
        if found.best.diverged:
            msg = "every combination has a network that diverged; try lower learning rates"
            raise Diverged(msg)
    except (InputError, Diverged):
        ledger.discard()
        raise
    finally:
        ledger.close(finished=finished)
    return found


def check(data: Dataset, plan: Plan) -> tuple[str, list[Any]]:
    """Score that networks are ranked by, and the folds, or None for the validation split.

    Raises
    ------
    InputError
        If the data have nothing to rank by, or cannot be divided or judged so.
    """
    if not plan.folds and data.validation is None:
        msg = "there is nothing to rank by; give folds, or a validation share"
        raise InputError(msg)
    chosen = {repr([c.get(n) for n in OF_THE_NETWORK]): c for c in plan.configurations()}
    for one in chosen.values():
        network(data, plan, plan.seeds[0], one)
    return _score(data, plan), _parts(data, plan)


def _train(
    data: Dataset,
    plan: Plan,
    score: str,
    cells: list[tuple[Configuration, int, Any]],
    backend: Any,
    callbacks: Sequence[Callback],
    ledger: Ledger,
) -> list[int]:
    """Train the networks that are not trained yet; return how many were trained at once."""
    left = [i for i in range(len(cells)) if i not in ledger.trained]
    if not left:
        return []
    chosen = [cells[i] for i in left]
    nets = [network(data, plan, seed, configuration) for configuration, seed, _ in chosen]
    own = [plan.options(configuration) for configuration, _, _ in chosen]
    columns: dict[str, Any] = {name: [options[name] for options in own] for name in own[0]}
    called = [*callbacks, Noting(ledger, left, lambda history: _end(history, score, plan))]
    if plan.patience is not None:
        called.insert(0, EarlyStopping(plan.patience, score))
    start = time.perf_counter()
    try:
        histories: Histories = train(
            nets,
            data,
            backend=backend,
            seed=[seed for _, seed, _ in chosen],
            folds=[part for _, _, part in chosen] if plan.folds else None,
            callbacks=called,
            **columns,
            **plan.training,
        )
    except Diverged:  # all did; if the sweep was taken up, others were trained before
        if len(left) == len(cells):
            raise
        ledger.trained.update(dict.fromkeys(left, (math.nan, 0)))
        return [len(left)]
    finally:
        ledger.seconds += time.perf_counter() - start
    ledger.trained.update({left[j]: (math.nan, 0) for j in histories.diverged})
    return histories.stacks


def _ranking(plan: Plan, score: str, parts: int, trained: Mapping[int, End]) -> list[Ranked]:
    """Combinations of which every network is trained, the best first."""
    shape = (len(plan.seeds), parts)
    each, found = math.prod(shape), []
    for c, configuration in enumerate(plan.configurations()):
        ends = [trained[i] for i in range(c * each, (c + 1) * each) if i in trained]
        if len(ends) == each:
            scores = np.asarray([value for value, _ in ends], float).reshape(shape)
            epochs = np.asarray([epoch for _, epoch in ends], int).reshape(shape)
            found.append(Ranked(configuration, scores, epochs))
    sign = -1 if grows(score) else 1
    found.sort(key=lambda r: (r.diverged, sign * np.nansum(r.scores)))
    return found


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


def _end(history: Mapping[str, list[float]], score: str, plan: Plan) -> End:
    """Score of a network at the epoch that it keeps, and that epoch, from 1."""
    if score not in history:
        there = ", ".join(n for n in history if n.startswith("validation_"))
        msg = f"the score {score!r} is not in the history, which has {there}; use one of these"
        raise InputError(msg)
    values = history[score]
    if plan.patience is None:
        return values[-1], len(values)
    best = int(np.argmax(values) if grows(score) else np.argmin(values))
    return values[best], best + 1


def finish(
    sweep: Sweep,
    data: Dataset,
    *,
    folder: Path,
    config: runs.Config,
    backend: Any,
    callbacks: Sequence[Callback] = (),
    resume: bool = False,
) -> Network:
    """Train the best combination once more and leave its run.

    With a validation split it is the network of the sweep again. With folds it is trained on all
    examples, for the median of the epochs that its networks kept. The run has checkpoints, and
    goes on as any other: ``bpnet train --resume``.

    Parameters
    ----------
    sweep : Sweep
        From :func:`run`.
    data : Dataset
        The same.
    folder : Path
        Of the sweep.
    config : dict of dicts
        What was asked for, as it is written into a run; the best options join it.
    backend : Backend
        Where.
    callbacks : sequence of Callback
        Called first.
    resume : bool
        Whether the run was begun before.

    Returns
    -------
    Network
        The trained one.
    """
    net = network(data, sweep.plan, sweep.seed, sweep.best.configuration)
    metrics = sweep.plan.training.get("metrics", []) if data.validation is not None else []
    metrics = run_data.metrics_for(data, metrics)
    if resume:  # an older bpnet had fewer
        metrics = runs.read_config(folder, with_columns=False)[0]["training"].get("metrics", [])
    written = _config(sweep, config, metrics)
    asked = written["training"]
    called = list(callbacks)
    if asked["patience"] is not None:
        called.append(EarlyStopping(asked["patience"], sweep.score))
    recorder = runs.Recorder(folder, written, data.columns, resume)
    every = Checkpoint(folder / run_folder.CHECKPOINTS, epochs=0, minutes=_MINUTES)
    own = sweep.plan.options(sweep.best.configuration)
    options = {**sweep.plan.training, **own, "epochs": asked["epochs"], "metrics": asked["metrics"]}
    try:
        train(
            net, data, seed=sweep.seed, backend=backend, callbacks=[*called, recorder],
            checkpoint=every, resume=resume, **options,
        )  # fmt: skip
        recorder.complete(net)
    finally:
        recorder.discard()
    return net


_MINUTES = 0.25
"""From one checkpoint of the best combination to the next, as in `bpnet train`."""


def _config(sweep: Sweep, config: runs.Config, metrics: list[str]) -> runs.Config:
    """Configuration of the best combination as a run, with what the sweep was asked for."""
    plan, best = sweep.plan, sweep.best.configuration
    rule, options = plan.rule(best), {**plan.training, **plan.options(best)}
    apart = {*OF_THE_OPTIMIZER, *OF_THE_NETWORK}
    own = {name: value for name, value in best.items() if name not in apart}
    epochs = options["epochs"]
    if plan.folds:
        epochs = round(statistics.median(sweep.best.epochs.ravel().tolist()))
    settings = {
        **config["training"], **plan.training, **own, "epochs": epochs,
        "optimizer": best.get("optimizer", plan.optimizer), "learning_rate": rule.learning_rate,
        "momentum": getattr(rule, "momentum", None), "seed": sweep.seed,
        "batch_size": options["batch_size"] or 0,
        "patience": None if plan.folds else plan.patience,
        "metrics": metrics,
    }  # fmt: skip
    asked = {
        "score": sweep.score, "seeds": list(plan.seeds), "folds": plan.folds,
        "epochs": plan.training["epochs"], "patience": plan.patience,
        **({"trials": plan.trials} if plan.trials else {}),
        **{n: as_asked(n, v) for n, v in plan.grid.items() if v},
    }  # fmt: skip
    layout = {name: best[name] for name in OF_THE_NETWORK if name in best}
    network_table = {**config["network"], **layout, "seed": sweep.seed}
    return {**config, "training": settings, "network": network_table, "sweep": asked}

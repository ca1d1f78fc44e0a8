"""Run a sweep: train the networks of its combinations, and rank them."""

import itertools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bpnet.data import Dataset, folds
from bpnet.errors import Diverged, InputError
from bpnet.requirements import require
from bpnet.sweep import pruning
from bpnet.sweep.ledger import End, Ledger, Noting
from bpnet.sweep.plan import OF_THE_NETWORK, Plan, figure_name, network
from bpnet.sweep.pruning import Pruning
from bpnet.sweep.ranking import Sweep, networks_of, ranking
from bpnet.training import Callback, EarlyStopping, Histories, train
from bpnet.training.checkpoints import fingerprint
from bpnet.training.scores import best_epoch


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
        Examples, with a validation split where the plan has no folds. The columns of a table are
        learned once, from all training examples, so also from the fold that is held out.
    plan : Plan
        Combinations, seeds and folds.
    backend : Backend
        Backend that trains the networks.
    callbacks : sequence of Callback
        Callbacks of each network.
    ledger : Ledger, optional
        Keeps the scores of the networks; those that it has are not trained again. It has the
        ranking also where the call is interrupted.

    Returns
    -------
    Sweep
        The ranking.

    Raises
    ------
    InputError
        If an option or the data cannot be used.
    Diverged
        If every combination has a network that diverged or was pruned.
    """
    score, parts = check(data, plan)
    ledger = ledger or Ledger()
    call = _Call(data, plan, score, parts, backend, callbacks, ledger)
    study = pruning.Study(plan, score, ledger.rungs) if plan.prune else None
    stacks: list[int] = []

    def sweep() -> Sweep:
        known = ranking(plan, score, ledger.trained, ledger.pruned)
        return Sweep(plan, score, known, backend.spec, ledger.seconds, stacks)

    validation: tuple[Any, ...] = data.validation or ()
    finished, count = False, len(plan.configurations)
    try:
        ledger.begin(sweep, fingerprint(data.x, data.y, *validation))
        if study is not None:
            # the first network of a combination is its trial
            trials = [c * plan.networks_each for c in pruning.order(plan)]
            stacks += _train(call, trials, study)
        # further networks of those combinations whose trial was not pruned
        known = (networks_of(plan, c, ledger.trained, ledger.pruned) for c in range(count))
        stacks += _train(call, [*itertools.chain(*known)])
        finished = True
        _check_best(sweep())
    except (InputError, Diverged):
        ledger.discard()
        raise
    finally:
        ledger.close(finished=finished)
    return sweep()


def _check_best(sweep: Sweep) -> None:
    if all(ranked.diverged == ranked.scores.size for ranked in sweep.ranking):
        msg = "every network of the sweep diverged; try lower learning rates"
        raise Diverged(msg)
    if sweep.best.diverged or sweep.best.pruned is not None:
        pruned = " or was pruned" if sweep.plan.prune else ""
        msg = f"every combination has a network that diverged{pruned}; try lower learning rates"
        raise Diverged(msg)


def check(data: Dataset, plan: Plan) -> tuple[str, list[Any]]:
    """Check a plan; return the score to rank by and the folds, with None for the validation split.

    Raises
    ------
    InputError
        If the data have nothing to rank by, or cannot be divided or evaluated so, or optuna is
        missing where trials are drawn or pruned.
    """
    if plan.prune:
        require("optuna", "pruning needs")
    if not plan.folds and data.validation is None:
        msg = "there is nothing to rank by; give folds, or a validation share"
        raise InputError(msg)
    # one network of each layout is made, as its errors are to come before any training
    chosen = {repr([c.get(n) for n in OF_THE_NETWORK]): c for c in plan.configurations}
    for one in chosen.values():
        network(data, plan, plan.seeds[0], one)
    return _score(data, plan), _parts(data, plan)


@dataclass(frozen=True)
class _Call:
    """A call of :func:`run`: ``parts`` are its folds, or None for the validation split."""

    data: Dataset
    plan: Plan
    score: str
    parts: list[Any]
    backend: Any
    callbacks: Sequence[Callback]
    ledger: Ledger


def _train(call: _Call, numbers: list[int], study: pruning.Study | None = None) -> list[int]:
    """Train the networks that the ledger lacks, and return the sizes of their stacks."""
    plan, ledger = call.plan, call.ledger
    cells = list(itertools.product(plan.configurations, plan.seeds, call.parts))
    left = [i for i in numbers if i not in ledger.trained]
    if not left:
        return []
    chosen = [cells[i] for i in left]
    nets = [network(call.data, plan, seed, configuration) for configuration, seed, _ in chosen]
    own = [plan.options(configuration) for configuration, _, _ in chosen]
    # all combinations have the same options: each becomes a list for the networks of the set
    columns: dict[str, Any] = {name: [options[name] for options in own] for name in own[0]}

    def end(history: Mapping[str, list[float]]) -> End:
        return _end(history, call.score, plan)

    noting = Noting(ledger, left, end) if study is None else Pruning(ledger, left, end, study=study)
    called = [*call.callbacks, noting]
    if plan.patience is not None:
        # first of all, as a network that it has stopped is not compared at a rung
        called.insert(0, EarlyStopping(plan.patience, call.score))
    start = time.perf_counter()
    try:
        histories: Histories = train(
            nets,
            call.data,
            backend=call.backend,
            seed=[seed for _, seed, _ in chosen],
            folds=[part for _, _, part in chosen] if plan.folds else None,
            callbacks=called,
            **columns,
            **plan.training,
        )
    except Diverged:  # all of these did; others were trained before where there are any
        if not ledger.trained:
            raise
        ledger.trained.update(dict.fromkeys(left, (math.nan, 0)))
        return [len(left)]
    finally:
        ledger.seconds += time.perf_counter() - start
    # on_train_end is not called for a network that diverged, so that the ledger lacks it
    ledger.trained.update({left[j]: (math.nan, 0) for j in histories.diverged})
    return histories.stacks


def _score(data: Dataset, plan: Plan) -> str:
    if plan.score is None:
        return "validation_cost" if data.task == "regress" else "validation_accuracy"
    name = figure_name(plan.score)
    if name == "accuracy" and data.task == "regress":
        msg = (
            "the score accuracy is of classes, and numbers are predicted; use cost, r2, mse or mae"
        )
        raise InputError(msg)
    return f"validation_{name}"


def _parts(data: Dataset, plan: Plan) -> list[Any]:
    if not plan.folds:
        return [None]
    targets: Any = data.y
    # one seed for all networks, which are compared on the same folds
    parts: list[Any] = folds(targets, plan.folds, plan.seeds[0], data.task != "regress")
    return parts


def _end(history: Mapping[str, list[float]], score: str, plan: Plan) -> End:
    """Score of a network at the epoch that it keeps, and that epoch, from 1."""
    if score not in history:
        there = ", ".join(n for n in history if n.startswith("validation_"))
        msg = f"the score {score!r} is not in the history, which has {there}; use one of these"
        raise InputError(msg)
    values = history[score]
    # without a patience a network keeps its last epoch
    if plan.patience is None:
        return values[-1], len(values)
    best = best_epoch(score, values)
    return values[best], best + 1

"""Successive halving by optuna, which ends networks that are far behind others.

The network of the first seed and the first fold of a combination is the trial of that combination.
After ``prune``, ``4 prune``, ``16 prune``, ... epochs, which are the rungs, it goes on only if its
score is in the best quarter of the scores that this rung has seen so far. The other seeds and folds
of a combination are trained only if its trial was not pruned.
"""

from dataclasses import dataclass, field
from typing import Any

from bpnet.data import draws
from bpnet.requirements import require
from bpnet.sweep.ledger import Noting
from bpnet.sweep.plan import OF_THE_NETWORK, REDUCTION, Configuration, Plan
from bpnet.sweep.search import quiet
from bpnet.training import Run
from bpnet.training.callbacks import PRUNED
from bpnet.training.scores import grows

_OF_THE_STACK = (*OF_THE_NETWORK, "optimizer", "batch_size", "label_smoothing")
"""Options that have one value for all networks of a stack."""


def order(plan: Plan) -> list[int]:
    """Return the numbers of the combinations in the order in which their trials are trained.

    A rung compares a trial with those before it, so a sorted list of rates would favor its first
    half: the order is drawn. Networks that may share a stack stay next to each other, so that
    trials reach every rung in this order, also in a sweep that was ended and resumed.
    """
    configurations = plan.configurations
    # a function of the first seed, so that a resumed sweep has the same order
    drawn = draws.order(plan.seeds[0], 0, len(configurations)).tolist()
    kinds = {c: _kind(configurations[c]) for c in drawn}
    rank = {kind: i for i, kind in enumerate(dict.fromkeys(kinds.values()))}
    return sorted(drawn, key=lambda c: rank[kinds[c]])


def _kind(configuration: Configuration) -> str:
    values = [configuration.get(name) for name in _OF_THE_STACK]
    # a step with dropout has further operations, whichever its rate
    return repr([*values, bool(configuration.get("dropout"))])


class Study:
    """Optuna's view of a sweep: the scores that its networks had at their rungs.

    Parameters
    ----------
    plan : Plan
        What is swept.
    score : str
        Name in the history that trials are compared by.
    reached : dict of lists
        Scores at the rungs that networks reached before the sweep was ended and resumed.

    Raises
    ------
    InputError
        If optuna is missing.
    """

    def __init__(self, plan: Plan, score: str, reached: dict[int, list[float]]) -> None:
        optuna = require("optuna", "pruning needs")
        self.score, self.rungs = score, plan.rungs
        pruner = optuna.pruners.SuccessiveHalvingPruner(plan.prune, REDUCTION)
        with quiet(optuna):
            direction = "maximize" if grows(score) else "minimize"
            self._study = optuna.create_study(direction=direction, pruner=pruner)
        self._trials: dict[int, Any] = {}
        # optuna's study is in memory only: it gets the scores of before the resume once more
        for i, scores in reached.items():
            # a network may have ended before the last rung
            for epoch, value in zip(self.rungs, scores, strict=False):
                self.is_pruned(i, epoch, value)

    def is_pruned(self, i: int, epoch: int, value: float) -> bool:
        """Report the score of network ``i`` at a rung, and tell whether optuna prunes it."""
        if i not in self._trials:
            # a trial without parameters, as the plan has drawn those
            self._trials[i] = self._study.ask()
        self._trials[i].report(value, epoch)
        return bool(self._trials[i].should_prune())


@dataclass(eq=False)
class Pruning(Noting):
    """Reports each network of a set to a study at its rungs, and ends those that optuna prunes."""

    study: Study = field(kw_only=True)

    def on_epoch_end(self, run: Run) -> None:
        """Compare the network, unless it did so before the sweep was ended and resumed."""
        i, epoch = self.numbers[0], run.epoch + 1
        reached = self.ledger.rungs.setdefault(i, [])
        # a network that stopped by itself is over; the slice is empty after the last rung
        if run.stopped or self.study.rungs[len(reached) : len(reached) + 1] != [epoch]:
            return
        value = run.history[self.study.score][-1]
        is_pruned = self.study.is_pruned(i, epoch, value)
        reached.append(value)
        if is_pruned:
            # noted before on_train_end, as the note of another network may write the file between
            self.ledger.note(i, self.end(run.history), pruned=epoch)
            run.stop(PRUNED)

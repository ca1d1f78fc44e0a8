"""A stack of networks judged by examples that it is not trained with: one set, or a fold each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

import numpy as np

from bpnet.backends import Backend, trees
from bpnet.core.feedforward import Parameters
from bpnet.data import batches
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError
from bpnet.network import Network
from bpnet.training import blocks, prepare, scores, targets
from bpnet.training.judge import Data, Judge
from bpnet.training.member_step import MemberEvaluation, without_rates
from bpnet.training.stack import Member
from bpnet.training.step import EvaluationStep
from bpnet.training.targets import Targets

Host = np.ndarray[Any, Any]
Judged = dict[str, float | None]


@dataclass(frozen=True, eq=False)
class Judging:
    """Judges stacks after every epoch; a function of parameters and members.

    Parameters
    ----------
    judge : Judge
        Network and cost.
    backend : Backend
        Where.
    dtype : str
        Of the run.
    metrics : tuple of str
        From :func:`bpnet.training.scores.names_of`.
    data : tuple of arrays
        Examples that all are judged by, or of which each is judged by its fold.
    wanted : Targets
        Of them.
    folds : bool
        Whether each member is judged by its own rows.
    """

    judge: Judge
    backend: Backend
    dtype: str
    metrics: tuple[str, ...]
    data: Data | None
    wanted: Targets
    folds: bool

    @classmethod
    def make(
        cls,
        network: Network,
        validation: Any,
        judge: Judge,
        wanted: Targets,
        data: Data,
        backend: Backend,
        dtype: str,
        metrics: tuple[str, ...],
        *,
        folds: Sequence[tuple[Host, Host]],
    ) -> "Judging":
        """Bring to the device what it takes.

        Raises
        ------
        InputError
            If there are metrics and nothing to judge by, or the validation set does not fit.
        """
        by_fold = bool(folds)
        if metrics and (not all(len(held) for _, held in folds) if by_fold else validation is None):
            msg = f"the metric {metrics[0]!r} needs examples to judge by; give validation"
            raise InputError(f"{msg}, or rows to judge by in every fold" if by_fold else msg)
        held: Data | None = data
        if not by_fold:
            held = None
            if validation is not None:
                x, y = prepare.pair(validation, "validation")
                names = ("validation X", "validation y")
                batches.require_one({names[0]: x, names[1]: y})
                held, made = prepare.store(
                    network, x, y, judge.cost, wanted.classes, judge.scale, backend, dtype, names,
                    labels=wanted.are_labels,
                )  # fmt: skip
                wanted = replace(made, unit=wanted.unit)
        parts = [replace(wanted, values=wanted.values[rows]) for _, rows in folds]
        for part in parts or ([] if held is None else [wanted]):
            scores.rehearse(metrics, part, network.sizes[-1], network.output)
        return cls(judge, backend, dtype, metrics, held, wanted, by_fold)

    def __call__(self, parameters: Parameters, members: Sequence[Member]) -> list[Judged]:
        """Return what each member adds to its history.

        Parameters
        ----------
        parameters : tuple of tuples of arrays
            Of all, with a first axis of members.
        members : sequence of Member
            In that order.
        """
        if self.data is None:
            return [{} for _ in members]
        if isinstance(self.data[0], HostRows):
            return [self._streamed(parameters, i, members[i]) for i in range(len(members))]
        rows = np.arange(len(self.wanted.values))[None]
        if self.folds:
            rows = np.stack([m.judged for m in members if m.judged is not None])
            if not rows.shape[1]:
                return [{} for _ in members]
        judge = members[0].session.step.judge
        judge = replace(judge, layers=without_rates(judge.layers))
        costs, counts = self._sums(judge, parameters, rows, len(members))
        found: list[Judged] = []
        for i in range(len(members)):
            known = self.judge.kind is not None
            accuracy = float(counts[i]) / rows.shape[1] if known else None
            one: Judged = {
                "validation_cost": float(costs[i]) / rows.shape[1],
                "validation_accuracy": accuracy,
            }
            if self.metrics and np.isfinite(costs[i]):
                lone = trees.map_leaves(itemgetter((i, ...)), parameters)
                one.update(self._metrics(judge, lone, rows[i if self.folds else 0]))
            found.append(one)
        return found

    def _sums(
        self, judge: Judge, parameters: Parameters, rows: Host, count: int
    ) -> tuple[Host, Host]:
        """Costs and counts of right answers of each member, in batches of bounded size."""
        step, backend, m = MemberEvaluation(judge), self.backend, rows.shape[1]
        size = min(m, max(batches.chunk(parameters) // count, 1))
        costs, counts = np.zeros(count), np.zeros(count)
        for start, stop, length in blocks.split(m, size, m):
            part = rows[:, start:stop].reshape(len(rows), -1, length)
            taken = part[0] if len(rows) == 1 else part.swapaxes(0, 1)
            index = backend.asarray(np.ascontiguousarray(taken), dtype=backend.index_dtype)
            _, sums = backend.scan(step, (), index, (parameters, self.data))
            both = blocks.fetch(sums, backend)
            costs += both[0].sum(axis=0)
            counts += both[1].sum(axis=0)
        return costs, counts

    def _streamed(self, parameters: Parameters, i: int, member: Member) -> Judged:
        """What one member adds where the examples are not in memory: read for each by itself."""
        judge, data = member.session.step.judge, self.data or ()
        lone = trees.map_leaves(itemgetter((i, ...)), parameters)
        cost, accuracy = blocks.evaluate(EvaluationStep(judge), lone, data, self.backend)
        one: Judged = {"validation_cost": cost, "validation_accuracy": accuracy}
        if self.metrics and np.isfinite(cost):
            one.update(self._metrics(judge, lone, np.arange(0)))
        return one

    def _metrics(self, judge: Judge, parameters: Parameters, rows: Host) -> Judged:
        x = self.data[0]  # type: ignore[index]
        wanted = targets.whole(self.wanted)
        if self.folds:
            index = self.backend.asarray(rows, dtype=self.backend.index_dtype)
            x = self.backend.xp.take(x, index, axis=0)
            wanted = replace(wanted, values=wanted.values[rows])
        outputs = batches.outputs(
            judge.layers, judge.compute(parameters), x,
            scale=judge.scale, backend=self.backend, dtype=self.dtype,
        )  # fmt: skip
        more = scores.judge(self.metrics, wanted, outputs, judge.layers[-1].activation)
        return {f"validation_{name}": value for name, value in more.items()}

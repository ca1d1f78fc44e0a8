"""Networks judged by examples that they are not trained with: one set for all, or a fold each."""

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
from bpnet.model.network import Network
from bpnet.training import blocks, prepare, scores
from bpnet.training.epochs import Judged
from bpnet.training.judge import Data, EvaluationStep, Judge, StackedEvaluation
from bpnet.training.member import Member
from bpnet.training.targets import Targets

Host = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Validation:
    """Judges networks after every epoch; a function of parameters and members.

    All are judged by ``data``, or with ``folds`` each by its own rows of it; ``judge`` has the cost
    as it is where nothing is learned from it.
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
        folds: Sequence[tuple[Host, Host]] = (),
    ) -> "Validation":
        """Bring to the device what it takes; refuse metrics without examples to judge by."""
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
                wanted = replace(made, columns=wanted.columns)
        parts = [replace(wanted, values=wanted.values[rows]) for _, rows in folds]
        for part in parts or ([] if held is None else [wanted]):
            scores.rehearse(metrics, part, network.sizes[-1], network.output)
        return cls(judge, backend, dtype, metrics, held, wanted, by_fold)

    def __call__(self, parameters: Parameters, members: Sequence[Member]) -> list[Judged]:
        """Return what each member adds to its history.

        The parameters have a first axis of members, or of one network none.
        """
        count, own = len(members), members[0].judged
        if self.data is None or (own is not None and not own.size):
            return [{} for _ in members]
        if parameters[-1][-1].ndim == 1:  # no axis of members
            return [self._one(parameters, members[0])]
        if isinstance(self.data[0], HostRows):  # read for each by itself
            each = [trees.map_leaves(itemgetter((i, ...)), parameters) for i in range(count)]
            return [self._one(*pair) for pair in zip(each, members, strict=True)]
        rows = np.arange(len(self.wanted.values))[None]
        if self.folds:
            rows = np.stack([m.judged for m in members if m.judged is not None])
        judge = self._of(members[0])
        costs, counts = self._sums(judge, parameters, rows, count)
        found: list[Judged] = []
        for i, (cost, right) in enumerate(zip(costs, counts, strict=True)):
            means = float(cost) / rows.shape[1], float(right) / rows.shape[1]
            lone = trees.map_leaves(itemgetter((i, ...)), parameters)
            found.append(self._judged(judge, lone, rows[i if self.folds else 0], *means))
        return found

    def _one(self, parameters: Parameters, member: Member) -> Judged:
        """What one network adds, its parameters without an axis of members."""
        judge, data = self._of(member), self.data or ()
        rows = member.judged if self.folds else None
        step = EvaluationStep(judge)
        means = blocks.evaluate(step, parameters, data, self.backend, rows)
        return self._judged(judge, parameters, rows, *means)

    def _of(self, member: Member) -> Judge:
        """What judges a member: its layers may have dropout, and its cost be smoothed."""
        return replace(self.judge, layers=member.step.judge.layers)

    def _judged(
        self, judge: Judge, parameters: Parameters, rows: Any, cost: float, accuracy: float | None
    ) -> Judged:
        known = judge.kind is not None
        judged = {"validation_cost": cost, "validation_accuracy": accuracy if known else None}
        if self.metrics and np.isfinite(cost):  # a run that diverged is told as such
            judged.update(self._metrics(judge, parameters, rows))
        return judged

    def _sums(
        self, judge: Judge, parameters: Parameters, rows: Host, count: int
    ) -> tuple[Host, Host]:
        """Costs and counts of right answers of each member, in batches of bounded size."""
        step, backend, m = StackedEvaluation(judge), self.backend, rows.shape[1]
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

    def _metrics(self, judge: Judge, parameters: Parameters, rows: Host) -> Judged:
        x = self.data[0]  # type: ignore[index]
        wanted = self.wanted
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

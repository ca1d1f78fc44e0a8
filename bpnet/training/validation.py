"""``Validation``: the cost, accuracy and metrics of networks on examples held out of training."""

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
from bpnet.training import blocks, prepare, scores
from bpnet.training.epochs import Figures
from bpnet.training.member import Member
from bpnet.training.objective import Data, EvaluationStep, Objective, StackedEvaluation
from bpnet.training.planning import Call
from bpnet.training.targets import Targets

Host = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Validation:
    """Evaluates networks after every epoch; a function of parameters and members.

    The examples are ``data``; with ``folds`` each network has its own rows of it. The cost of
    ``objective`` is that of the recipe, without the smoothing of labels in training.
    """

    objective: Objective
    backend: Backend
    dtype: str
    metrics: tuple[str, ...]
    data: Data | None
    targets: Targets
    folds: bool

    @classmethod
    def make(
        cls, call: Call, objective: Objective, targets: Targets, data: Data, backend: Backend
    ) -> "Validation":
        """Bring the validation examples to the device; refuse metrics where there are none."""
        first, dtype = call.plans[0], call.place.dtype
        network, metrics = first.network, tuple(first.recipe.metrics)
        folds = [plan.fold for plan in call.plans if plan.fold is not None]
        has_rows = all(len(rows) for _, rows in folds) if folds else call.validation is not None
        if metrics and not has_rows:
            msg = f"the metric {metrics[0]!r} is computed on validation examples; give validation"
            raise InputError(f"{msg}, or validation rows in every fold" if folds else msg)
        stored: Data | None = data if folds else None
        if not folds and call.validation is not None:
            x, y = prepare.pair(call.validation, "validation")
            names = ("validation X", "validation y")
            batches.require_one({names[0]: x, names[1]: y})
            stored, made = prepare.store(
                network, x, y, objective.cost, targets.classes, objective.scale, backend, dtype,
                names, labels=targets.are_labels,
            )  # fmt: skip
            targets = replace(made, columns=targets.columns)
        parts = [replace(targets, values=targets.values[rows]) for _, rows in folds]
        # each network's rows, because a class may have no example in one fold
        for part in parts or ([] if stored is None else [targets]):
            scores.rehearse(metrics, part, network.sizes[-1], network.output)
        return cls(objective, backend, dtype, metrics, stored, targets, bool(folds))

    def __call__(self, parameters: Parameters, members: Sequence[Member]) -> list[Figures]:
        """Return what each member adds to its history.

        The parameters have a first axis of members; those of one network alone have none.
        """
        # networks of one stack have equally many validation rows, see members._parts
        count, own = len(members), members[0].validation_rows
        if self.data is None or (own is not None and not own.size):
            return [{} for _ in members]
        if parameters[-1][-1].ndim == 1:  # the bias of the last layer has no axis of members
            return [self._one(parameters, members[0])]
        if isinstance(self.data[0], HostRows):  # streamed examples are read for each network
            each = [trees.map_leaves(itemgetter((i, ...)), parameters) for i in range(count)]
            return [self._one(*pair) for pair in zip(each, members, strict=True)]
        rows = np.arange(len(self.targets.values))[None]
        if self.folds:
            rows = np.stack([m.validation_rows for m in members if m.validation_rows is not None])
        objective = self._of(members[0])
        costs, counts = self._sums(objective, parameters, rows, count)
        figures: list[Figures] = []
        for i, (cost, right) in enumerate(zip(costs, counts, strict=True)):
            means = float(cost) / rows.shape[1], float(right) / rows.shape[1]
            lone = trees.map_leaves(itemgetter((i, ...)), parameters)
            figures.append(self._figures(objective, lone, rows[i if self.folds else 0], *means))
        return figures

    def _one(self, parameters: Parameters, member: Member) -> Figures:
        """Return what one network adds, whose parameters have no axis of members."""
        objective, data = self._of(member), self.data or ()
        rows = member.validation_rows if self.folds else None
        step = EvaluationStep(objective)
        means = blocks.evaluate(step, parameters, data, self.backend, rows)
        return self._figures(objective, parameters, rows, *means)

    def _of(self, member: Member) -> Objective:
        """Return the objective with the layers of a member, among which may be dropout."""
        return replace(self.objective, layers=member.step.objective.layers)

    def _figures(
        self,
        objective: Objective,
        parameters: Parameters,
        rows: Any,
        cost: float,
        accuracy: float | None,
    ) -> Figures:
        known = objective.kind is not None
        figures = {"validation_cost": cost, "validation_accuracy": accuracy if known else None}
        if self.metrics and np.isfinite(cost):  # a run that diverged gets an error, not metrics
            figures.update(self._metrics(objective, parameters, rows))
        return figures

    def _sums(
        self, objective: Objective, parameters: Parameters, rows: Host, count: int
    ) -> tuple[Host, Host]:
        """Return costs and numbers of correct answers of each member, in bounded batches."""
        step, backend, m = StackedEvaluation(objective), self.backend, rows.shape[1]
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

    def _metrics(self, objective: Objective, parameters: Parameters, rows: Host) -> Figures:
        x = self.data[0]  # type: ignore[index]
        targets = self.targets
        if self.folds:
            index = self.backend.asarray(rows, dtype=self.backend.index_dtype)
            x = self.backend.xp.take(x, index, axis=0)
            targets = replace(targets, values=targets.values[rows])
        outputs = batches.outputs(
            objective.layers, objective.compute(parameters), x,
            scale=objective.scale, backend=self.backend, dtype=self.dtype,
        )  # fmt: skip
        more = scores.compute(self.metrics, targets, outputs, objective.layers[-1].activation)
        return {f"validation_{name}": value for name, value in more.items()}

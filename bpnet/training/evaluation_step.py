"""One step of evaluation as a function that can be compiled: sums of cost and right answers."""

from dataclasses import dataclass

from bpnet._typing import Array
from bpnet.core import feedforward
from bpnet.core.feedforward import Parameters
from bpnet.training.judge import Batch, Data, Judge
from bpnet.training.step import wide


@dataclass(frozen=True)
class EvaluationStep:
    """Parameters, batch -> sums of cost and right answers."""

    judge: Judge

    def load(self, rows: Array, parameters: Parameters, data: Data) -> Batch:
        """Return the examples of ``rows``, (k,)."""
        return self.judge.batch(rows, data)

    def __call__(
        self, carry: tuple[()], batch: Batch, parameters: Parameters, data: Data
    ) -> tuple[tuple[()], tuple[Array, ...]]:
        """Return nothing to carry on and the sums of the batch; the parameters are kept."""
        judge, xp = self.judge, self.judge.xp
        z, _ = feedforward.forward(judge.layers, judge.compute(parameters), batch.x, xp=xp)
        values = wide(judge.cost.value(z, batch.y, judge.layers[-1].activation, xp=xp), xp)
        return carry, (xp.sum(values, axis=-1), *judge.right(z, batch.wanted, data[2]))


@dataclass(frozen=True)
class StackedEvaluation:
    """An evaluation of a stack of networks."""

    judge: Judge

    def __call__(
        self, carry: tuple[()], rows: Array, parameters: Parameters, data: Data
    ) -> tuple[tuple[()], tuple[Array, ...]]:
        """Return nothing to carry on and the sums of each member; ``rows`` as in ``Stacked``."""
        taken = self.judge.stacked(rows, data)
        return EvaluationStep(self.judge)(carry, taken, parameters, data)

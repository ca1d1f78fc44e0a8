"""``Objective``: the layers and the cost, which training minimizes and evaluation measures."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from bpnet._typing import Array, DType, Namespace
from bpnet.core import feedforward, metrics, special
from bpnet.core.activations import Softmax
from bpnet.core.costs import Cost
from bpnet.core.feedforward import Parameters
from bpnet.core.layers import Dense
from bpnet.data import batches

Data = tuple[Array, ...]
"""Stored examples, (m, n_0); targets, (m,) or (m, n_L); class numbers 0 to n_L - 1.

The fourth array, where there is one, has the weights of the examples, (m,). Where only some of the
examples are on the device, the fifth has their row numbers in the whole set; the fourth is then
None if all examples weigh the same.
"""


class Batch(NamedTuple):
    """The examples of a step on the device: x, (k, n_0), as layers take them, and y, (k, n_L).

    ``targets`` are y as it is stored, ``weights`` are None where all examples weigh the same, and
    ``numbers`` are the row numbers of the examples in the whole set.
    """

    x: Array
    y: Array
    targets: Array
    weights: Array | None
    numbers: Array


@dataclass(frozen=True)
class Objective:
    """The function that training minimizes: the layers of a network without its arrays, and C.

    ``scale`` multiplies integer inputs; ``kind`` says how a correct answer is recognized. Where
    ``padded``, a row number may be -1, which stands for no example: a library that compiles a step
    for each length of a batch needs one length only, once short batches are filled up with -1.
    """

    layers: tuple[Any, ...]
    cost: Cost
    scale: float | None
    kind: metrics.Kind | None
    dtype: DType
    xp: Namespace
    padded: bool = False

    def batch(self, rows: Array, data: Data) -> Batch:
        """Return the examples of ``rows``, (k,)."""
        x, stored, classes = data[:3]
        xp, real = self.xp, self._real(rows)
        targets = xp.take(stored, real, axis=0)
        y = targets
        if targets.ndim == 1:
            y = special.one_hot(targets, classes, self.dtype, xp=xp)
        return Batch(
            batches.take_rows(x, real, self.scale, self.dtype, xp=xp),
            y,
            targets,
            self.weights(rows, data),
            # masks are drawn by the row number in the whole set
            xp.take(data[4], real, axis=0) if len(data) > 4 else rows,
        )

    def stacked(self, rows: Array, data: Data) -> Batch:
        """Return the examples of a stack of networks, without weights.

        Rows of shape (members, k) give arrays of shape (members, k, ...). Rows of shape (k,) are
        those of all members, and give (k, ...).
        """
        if rows.ndim == 1:
            batch = self.batch(rows, data)
            # one-dimensional targets are class numbers; without the new axis, rows of targets
            # beside a stack would be taken for the class numbers of its members
            targets = batch.targets if batch.targets.ndim == 1 else batch.targets[None, ...]
            return batch._replace(targets=targets)
        flat = self.batch(self.xp.reshape(rows, (-1,)), data)[:3]
        x, y, targets = (self.xp.reshape(a, (*rows.shape, *a.shape[1:])) for a in flat)
        return Batch(x, y, targets, None, rows)

    def weights(self, rows: Array, data: Data) -> Array | None:
        """Return the weights of the rows, (k,), or None where all weigh the same."""
        weights = data[3] if len(data) > 3 else None
        if weights is not None:
            weights = self.xp.take(weights, self._real(rows), axis=0)
        if not self.padded:
            return weights
        # the weight 0 takes a filled-up row out of the cost and of the gradients
        is_real = self.xp.astype(rows >= 0, self.dtype)
        return is_real if weights is None else weights * is_real

    def _real(self, rows: Array) -> Array:
        """Return the row numbers with row 0 in place of each -1: some row has to be taken."""
        return self.xp.where(rows < 0, self.xp.zeros_like(rows), rows) if self.padded else rows

    def compute(self, parameters: Parameters) -> Parameters:
        """Return the parameters in the dtype of the run; a run in halves keeps them in float32.

        The parameters of a normalization stay in float32, because its statistics are.
        """
        if not special.is_half(self.dtype, self.xp):
            return parameters
        return tuple(
            tuple(self.xp.astype(p, self.dtype) for p in arrays)
            if isinstance(layer, Dense)
            else arrays
            for layer, arrays in zip(self.layers, parameters, strict=True)
        )

    def right(
        self, z: Array, targets: Array, classes: Array, rows: Array | None = None
    ) -> tuple[Array, ...]:
        """Return the number of correct answers, or () where the targets are no classes."""
        if self.kind is None:
            return ()
        real = rows >= 0 if self.padded and rows is not None else None
        output, middle = self.layers[-1].activation, 0.0
        if self.kind == "threshold" and isinstance(output, Softmax):
            # for every other output sigma(z) is above its middle exactly where z is above 0
            z, middle = output.sigma(z, xp=self.xp), metrics.middle(output)
        kind = self.kind
        return (metrics.count_correct(z, targets, classes, kind, middle, real, xp=self.xp),)


@dataclass(frozen=True)
class EvaluationStep:
    """Evaluation of a batch: parameters, batch -> sums of the cost and of the correct answers."""

    objective: Objective

    def load(self, rows: Array, parameters: Parameters, data: Data) -> Batch:
        """Return the examples of ``rows``, (k,)."""
        return self.objective.batch(rows, data)

    def __call__(
        self, carry: tuple[()], batch: Batch, parameters: Parameters, data: Data
    ) -> tuple[tuple[()], tuple[Array, ...]]:
        """Return an empty carry and the sums of the batch; the parameters are not donated."""
        objective, xp = self.objective, self.objective.xp
        z, _ = feedforward.forward(objective.layers, objective.compute(parameters), batch.x, xp=xp)
        values = wide(objective.cost.value(z, batch.y, objective.layers[-1].activation, xp=xp), xp)
        # an evaluation has no weights: each example counts the same
        return carry, (xp.sum(values, axis=-1), *objective.right(z, batch.targets, data[2]))


@dataclass(frozen=True)
class StackedEvaluation:
    """An evaluation of a stack of networks; its rows are those of :class:`Stacked`."""

    objective: Objective

    def __call__(
        self, carry: tuple[()], rows: Array, parameters: Parameters, data: Data
    ) -> tuple[tuple[()], tuple[Array, ...]]:
        """Return an empty carry and the sums of each member, (members,)."""
        batch = self.objective.stacked(rows, data)
        return EvaluationStep(self.objective)(carry, batch, parameters, data)


def wide(values: Array, xp: Namespace) -> Array:
    """Return values in float32 where they are half precision."""
    return xp.astype(values, xp.float32) if special.is_half(values.dtype, xp) else values

"""Examples of a batch, and what judges them: the same in training and in evaluation."""

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

Where examples have weights these are the fourth, (m,), and where only some of them are on the
device, the fifth are their numbers among all, and the fourth are None if they have no weights.
"""


class Batch(NamedTuple):
    """The examples of a step on the device: x, (k, n_0), as layers take them, and y, (k, n_L).

    ``wanted`` is y as it is stored, ``weights`` are None where all count the same, and ``numbers``
    are those of the rows among all examples.
    """

    x: Array
    y: Array
    wanted: Array
    weights: Array | None
    numbers: Array


@dataclass(frozen=True)
class Judge:
    """What is the same in training and in evaluation: the network without its arrays, and the cost.

    ``scale`` multiplies integer inputs, and ``kind`` says how a right answer is told. Where
    ``padded``, a row may be -1, no example: a short batch is filled up with such, so that a library
    that compiles needs to do it for one length only.
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
        x, targets, classes = data[:3]
        xp, held = self.xp, self._held(rows)
        wanted = xp.take(targets, held, axis=0)
        y = wanted
        if wanted.ndim == 1:
            y = special.one_hot(wanted, classes, self.dtype, xp=xp)
        return Batch(
            batches.take_rows(x, held, self.scale, self.dtype, xp=xp),
            y,
            wanted,
            self.weights(rows, data),
            xp.take(data[4], held, axis=0) if len(data) > 4 else rows,
        )

    def stacked(self, rows: Array, data: Data) -> Batch:
        """Return the examples of a stack of networks, without weights.

        They are (members, k, ...) for rows (members, k), and (k, ...) for (k,), where all members
        have the same.
        """
        if rows.ndim == 1:
            taken = self.batch(rows, data)
            # rows of targets beside a stack, or they would pass for labels of members
            wanted = taken.wanted if taken.wanted.ndim == 1 else taken.wanted[None, ...]
            return taken._replace(wanted=wanted)
        flat = self.batch(self.xp.reshape(rows, (-1,)), data)[:3]
        x, y, wanted = (self.xp.reshape(a, (*rows.shape, *a.shape[1:])) for a in flat)
        return Batch(x, y, wanted, None, rows)

    def weights(self, rows: Array, data: Data) -> Array | None:
        """Return the weights of the rows, (k,), None where all count the same."""
        given = data[3] if len(data) > 3 else None
        if given is not None:
            given = self.xp.take(given, self._held(rows), axis=0)
        if not self.padded:
            return given
        real = self.xp.astype(rows >= 0, self.dtype)
        return real if given is None else given * real

    def _held(self, rows: Array) -> Array:
        """Rows that there are: the first for none."""
        return self.xp.where(rows < 0, self.xp.zeros_like(rows), rows) if self.padded else rows

    def compute(self, parameters: Parameters) -> Parameters:
        """Return the parameters in the dtype of the run: they are kept in float32 for halves.

        Those of a normalization stay so, its statistics are wide.
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
        self, z: Array, wanted: Array, classes: Array, rows: Array | None = None
    ) -> tuple[Array, ...]:
        """Return the count of right answers, or nothing where none are told."""
        if self.kind is None:
            return ()
        real = rows >= 0 if self.padded and rows is not None else None
        output, middle = self.layers[-1].activation, 0.0
        if self.kind == "threshold" and isinstance(output, Softmax):
            # of all others sigma(z) is beyond its middle where z is beyond 0
            z, middle = output.sigma(z, xp=self.xp), metrics.middle(output)
        found = metrics.count_correct(z, wanted, classes, self.kind, middle, real, xp=self.xp)
        return (found,)


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
    """An evaluation of a stack of networks, with rows as :class:`Stacked` takes them."""

    judge: Judge

    def __call__(
        self, carry: tuple[()], rows: Array, parameters: Parameters, data: Data
    ) -> tuple[tuple[()], tuple[Array, ...]]:
        """Return nothing to carry on and the sums of each member."""
        taken = self.judge.stacked(rows, data)
        return EvaluationStep(self.judge)(carry, taken, parameters, data)


def wide(values: Array, xp: Namespace) -> Array:
    """Return values in float32 where they are halves."""
    return xp.astype(values, xp.float32) if special.is_half(values.dtype, xp) else values

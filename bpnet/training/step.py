"""One step of training as a function that a library can compile.

A step calls no ``float()`` and no ``bool()``, and no shape in it depends on data: nothing in it
waits for the device.
"""

import logging
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from bpnet._typing import Array, Namespace
from bpnet.core import costs, feedforward, flat, layers, optimizers, random, regularizers, special
from bpnet.core.feedforward import Parameters
from bpnet.core.flat import Layout, Vectors
from bpnet.core.regularizers import Regularization
from bpnet.core.rules import Slots
from bpnet.errors import OutOfMemory
from bpnet.training.objective import Batch, Data, Objective, wide

_log = logging.getLogger("bpnet")

Results = tuple[Array, tuple[Array, ...], Parameters]
"""C, the number of correct answers where there are classes, and the gradients of C."""


@dataclass(frozen=True)
class Backpropagation:
    """The cost of some examples and its gradients, without regularization.

    ``micro`` examples are taken at a time and their gradients added up; 0 takes all at once.
    """

    objective: Objective
    micro: int = 0

    def __call__(
        self,
        parameters: Parameters,
        taken: Any,
        data: Data,
        words: Any = (),
        total: Any = None,
        drops: Any = None,
    ) -> Results:
        """Return cost and gradients of a batch.

        ``taken`` is a batch, or the row numbers of one, of which ``micro`` are loaded at a time.
        ``words`` are the words of the random key, and empty where no layer draws. ``total`` is the
        size or weight of the batch that the examples are a part of; the default is their own.
        """
        if isinstance(taken, Batch):  # a stack, or a step that loads its examples at once
            return self._part(parameters, taken, data[2], words, total, drops)
        objective, k = self.objective, taken.shape[0]
        size = self.micro or k
        if total is None and size < k:
            weights = objective.weights(taken, data)
            total = k if weights is None else objective.xp.sum(weights)
        parts = (
            self._part(parameters, objective.batch(taken[i : min(i + size, k)], data), *rest)
            for rest in [(data[2], words, total, drops)]
            for i in range(0, k, size)
        )
        C, right, gradients = next(parts)
        for more in parts:
            C = C + more[0]
            right = tuple(a + b for a, b in zip(right, more[1], strict=True))
            gradients = added(gradients, more[2])
        return C, right, gradients

    def _part(
        self,
        parameters: Parameters,
        batch: Batch,
        classes: Array,
        words: Any,
        total: Any,
        drops: Any,
    ) -> Results:
        objective, xp = self.objective, self.objective.xp
        z, values, gradients = feedforward.cost_and_gradients(
            objective.layers,
            objective.compute(parameters),
            batch.x,
            batch.y,
            objective.cost,
            batch.weights,
            total,
            xp=xp,
            key=random.Key(words, batch.numbers, drops=drops) if len(words) else None,
        )
        if special.is_half(objective.dtype, xp):
            gradients = _wider(gradients, parameters, xp)  # parameters are kept in float32
        weights = None if batch.weights is None else wide(batch.weights, xp)
        C = costs.mean_cost(wide(values, xp), weights, total, xp=xp)
        return C, objective.right(z, batch.targets, classes, batch.numbers), gradients


Packed = tuple[Vectors, Parameters]
"""Parameters as steps carry them: the optimizer's vectors, and the arrays that it does not move."""

Carry = tuple[Packed, tuple[Slots, ...]]
"""Packed parameters, and the slots of the optimizer for each vector."""


class PerMember(NamedTuple):
    """What differs between the networks of a stack: regularization and rates of dropout.

    ``regularization`` has arrays, (members,). ``drops`` has for the number of each dropout layer
    that drops values what :meth:`bpnet.core.layers.Dropout.drops` returns for each member, two
    arrays, (members, 1, 1).
    """

    regularization: Regularization
    drops: dict[int, tuple[Array, Array]]


@dataclass(frozen=True)
class TrainingStep:
    """(parameters, optimizer state), batch -> (parameters, optimizer state), sums.

    ``m`` is the size of the training set. None means scikit-learn's convention: the regularization
    is divided by the size of the batch, and the cost of an epoch weighs each batch by its length.
    A stack gets its regularization with each call. Arrays of more than ``largest`` numbers are not
    packed: see :class:`bpnet.core.flat.Layout`.
    """

    objective: Objective
    optimizer: Any
    m: int | None
    regularization: Regularization = Regularization()  # noqa: RUF009  # a tuple of numbers
    micro: int = 0
    largest: float = math.inf

    @cached_property  # a step may be called thousands of times in a second
    def backpropagation(self) -> Backpropagation:
        """What computes the cost of a batch and its gradients."""
        return Backpropagation(self.objective, self.micro)

    @cached_property
    def layout(self) -> Layout:
        """Where in its vectors the arrays that the optimizer moves are."""
        return flat.of_learned(self.objective.layers, self.largest)

    @cached_property
    def _has_unlearned(self) -> bool:
        return any(layers.fixed(self.objective.layers))

    def start(self, parameters: Parameters) -> Carry:
        """Return the carry of the first step."""
        packed = self.pack(parameters)
        return packed, optimizers.init(self.optimizer, packed[:1], xp=self.objective.xp)[0]

    def pack(self, parameters: Parameters) -> Packed:
        """Return parameters as steps carry them."""
        xp, kinds = self.objective.xp, self.objective.layers
        moved = self.layout.pack(layers.learned(kinds, parameters), xp=xp)
        return moved, layers.unlearned(kinds, parameters) if self._has_unlearned else ()

    def unpack(self, packed: Packed, xp: Namespace | None = None) -> Parameters:
        """Return the arrays of each layer; on the host, if ``xp`` is NumPy."""
        learned = self.layout.unpack(packed[0], xp=xp or self.objective.xp)
        if not self._has_unlearned:
            return learned
        return tuple(a + b for a, b in zip(learned, packed[1], strict=True))

    def load(self, rows: Array, data: Data) -> Any:
        """Return the batch of these row numbers, or the row numbers where micro-batches load it."""
        return rows if self.micro else self.objective.batch(rows, data)

    def __call__(
        self, carry: Carry, taken: Any, numbers: Any, data: Data, own: PerMember | None = None
    ) -> tuple[Carry, tuple[Array, ...]]:
        """Return the next carry and the sums of the batch: cost, number of correct answers.

        The carry is donated; all arrays may have a first axis of members. ``taken`` is what
        :meth:`load` returned. ``numbers`` are the optimizer's coefficients for this step and the
        words of its random key, each a number, or an array with one number for each member.
        """
        coefficients, words = numbers
        parameters = self.unpack(carry[0])
        drops = None if own is None else own.drops
        results = self.backpropagation(parameters, taken, data, words, drops=drops)
        size = self._weight(taken, data)
        return self.move(carry, parameters, results, coefficients, size, own)

    def _weight(self, taken: Any, data: Data) -> tuple[Any, int]:
        """Return the weight and the size of a batch; they are equal where there are no weights."""
        objective = self.objective
        is_batch = isinstance(taken, Batch)
        weights = taken.weights if is_batch else objective.weights(taken, data)
        k = (taken.numbers if is_batch else taken).shape[-1]
        return k if weights is None else objective.xp.sum(wide(weights, objective.xp), axis=-1), k

    def move(
        self,
        carry: Carry,
        parameters: Parameters,
        results: Results,
        coefficients: tuple[Any, ...],
        size: tuple[Any, int],
        own: PerMember | None = None,
    ) -> tuple[Carry, tuple[Array, ...]]:
        """Return the next carry and the sums of the batch, from its cost and gradients.

        The carry and the results are donated. ``size`` is the weight of the batch and the number of
        its examples.
        """
        objective, xp = self.objective, self.objective.xp
        limits = self.regularization if own is None else own.regularization
        (vectors, unlearned), state = carry
        C, right, gradients = results
        weight, k = size
        m = self.m
        if m is None:  # a batch whose examples all have the weight 0 is divided by 1
            m = special.or_one(weight, xp=xp) if hasattr(weight, "dtype") else weight
        # the gradients of averages are their new values, which no penalty may change
        learned, seen = parameters, gradients
        if self._has_unlearned:
            learned, gradients = (layers.learned(objective.layers, p) for p in (parameters, seen))
        C, gradients = regularizers.penalized(C, learned, gradients, limits, m, xp=xp)
        slope = self.layout.pack(gradients, xp=xp)
        if regularizers.is_given(limits.clip_norm):
            slope = regularizers.clip(slope, limits.clip_norm, C.ndim, xp=xp)
        (vectors,), (state,) = optimizers.update(
            self.optimizer, (vectors,), (slope,), (state,), coefficients, xp=xp
        )
        if regularizers.is_given(limits.max_norm):
            learned = self.layout.unpack(vectors, xp=xp)
            learned = regularizers.max_norm(learned, limits.max_norm, xp=xp)
            vectors = self.layout.pack(learned, xp=xp)
        if self._has_unlearned:
            unlearned = layers.after_step(objective.layers, parameters, seen)
        # C is a mean: times what it was divided by, it can be added up over an epoch
        return ((vectors, unlearned), state), (C * (k if self.m is None else weight), *right)

    def smaller(self, batch_size: int, error: BaseException) -> "TrainingStep":
        """Return the step with half as many examples at a time, whose gradients are added up.

        Raise OutOfMemory if one example is too much already, or layers need the whole batch.
        """
        error = error.with_traceback(None)  # its frames keep the arrays of the failed step alive
        taken = min(self.micro or batch_size, batch_size)
        if taken == 1:
            msg = "memory ran out with one example at a time; use a smaller network, or another "
            raise OutOfMemory(f"{msg}device") from error
        if any(layer.averages for layer in self.objective.layers):
            msg = f"memory ran out in a batch of {batch_size}, and batch normalization needs it "
            raise OutOfMemory(f"{msg}whole; use a smaller batch_size, or norm='layer'") from error
        micro = taken // 2
        _log.warning(
            "memory ran out with %d examples at a time: going on with %d of a batch", taken, micro
        )
        return replace(self, micro=micro)


@dataclass(frozen=True)
class Stacked:
    """The training step of a stack of networks, whose arrays have a first axis of members."""

    step: TrainingStep

    def __call__(
        self, carry: Carry, batch: dict[str, Array], data: Data, own: PerMember
    ) -> tuple[Carry, tuple[Array, ...]]:
        """Return the next carry and the sums of the batch for each member, (members,).

        The carry is donated. A batch has ``rows``, (members, k), or (k,) where all members take
        the same, and ``coefficients``, (c, members). If layers draw, it has the ``words`` of the
        random keys, (2, members); it may have ``numbers`` for the masks and ``weights``, both
        (members, k).
        """
        rows, coefficients = batch["rows"], batch["coefficients"]
        taken = self.step.objective.stacked(rows, data)
        words: tuple[Array, ...] = ()
        numbers: Any = batch.get("numbers", rows)
        if "words" in batch:
            # (members, 1, 1), to broadcast with the rows and the values of a row
            words = tuple(batch["words"][i, :, None, None] for i in range(2))
            if numbers.ndim == 1:  # the rows are shared, but each member draws a mask of its own
                numbers = numbers + self.step.objective.xp.zeros_like(words[0][..., 0])
        taken = taken._replace(weights=batch.get("weights"), numbers=numbers)
        each = tuple(coefficients[i, ...] for i in range(coefficients.shape[0]))
        return self.step(carry, taken, (each, words), data, own)


def added(first: Parameters, second: Parameters) -> Parameters:
    """Return the sum of two gradients; the first is donated."""
    pairs = zip(first, second, strict=True)
    return tuple(tuple(a + b for a, b in zip(*pair, strict=True)) for pair in pairs)


def beside_weights(total: float, data: Data) -> Any:
    """Return a total as the cost needs it: an array beside an array of weights, else a number."""
    # with weights the cost calls xp.where on the total, which takes arrays only
    return total if len(data) < 4 or data[3] is None else data[3][:1] * 0 + total


def _wider(gradients: Parameters, parameters: Parameters, xp: Namespace) -> Parameters:
    """Return gradients in the dtype in which the parameters are kept."""
    return tuple(
        tuple(xp.astype(g, p.dtype) for g, p in zip(*pair, strict=True))
        for pair in zip(gradients, parameters, strict=True)
    )

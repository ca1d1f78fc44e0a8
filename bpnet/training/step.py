"""One step of training as a function that can be compiled.

No ``float()``, no ``bool()`` and no shape that depends on data: whatever a step sees stays on
the device.
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
from bpnet.training.judge import Batch, Data, Judge, wide

_log = logging.getLogger("bpnet")


@dataclass(frozen=True)
class Slopes:
    """Cost of some examples and its gradients, without regularization.

    ``micro`` examples are taken at a time, their gradients added up; 0 is all at once.
    """

    judge: Judge
    micro: int = 0

    def __call__(
        self,
        parameters: Parameters,
        taken: Any,
        data: Data,
        words: Any = (),
        total: Any = None,
        drops: Any = None,
    ) -> tuple[Array, tuple[Array, ...], Parameters]:
        """Return C, the count of right answers, and the gradients of C.

        ``taken`` is a batch, or rows of which ``micro`` are fetched at a time; ``words`` are those
        of the random key, empty where nothing is drawn; ``total`` is the size or weight of the set
        that the examples are a part of, by default their own.
        """
        if isinstance(taken, Batch):
            return self._part(parameters, taken, data[2], words, total, drops)
        judge, k = self.judge, taken.shape[0]
        size = self.micro or k
        if total is None and size < k:
            weights = judge.weights(taken, data)
            total = k if weights is None else judge.xp.sum(weights)
        parts = (
            self._part(parameters, judge.batch(taken[i : min(i + size, k)], data), *rest)
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
    ) -> tuple[Array, tuple[Array, ...], Parameters]:
        judge, xp = self.judge, self.judge.xp
        z, values, gradients = feedforward.cost_and_gradients(
            judge.layers,
            judge.compute(parameters),
            batch.x,
            batch.y,
            judge.cost,
            batch.weights,
            total,
            xp=xp,
            key=random.Key(words, batch.numbers, drops=drops) if len(words) else None,
        )
        if special.is_half(judge.dtype, xp):
            gradients = _wider(gradients, parameters, xp)
        weights = None if batch.weights is None else wide(batch.weights, xp)
        C = costs.mean_cost(wide(values, xp), weights, total, xp=xp)
        return C, judge.right(z, batch.wanted, classes, batch.numbers), gradients


Packed = tuple[Vectors, Parameters]
"""Parameters as steps carry them: the vectors that an optimizer moves, and what it does not."""

Carry = tuple[Packed, tuple[Slots, ...]]
"""Parameters, and what the optimizer remembers of each vector."""


class Own(NamedTuple):
    """What the networks of a stack have of their own in each step: limits, and rates of dropout."""

    regularization: Regularization
    drops: dict[int, tuple[Array, Array]]


@dataclass(frozen=True)
class TrainingStep:
    """(parameters, optimizer state), batch -> (parameters, optimizer state), sums.

    ``m`` is the size of the training set; None is scikit-learn's convention: regularization is over
    the batch, and an epoch's cost weighs each batch by its length. A stack is given its
    regularization with each call. Arrays of more numbers than ``largest`` are not packed: see
    :class:`bpnet.core.flat.Layout`.
    """

    judge: Judge
    optimizer: Any
    m: int | None
    regularization: Regularization = Regularization()  # noqa: RUF009  # a tuple of numbers
    micro: int = 0
    largest: float = math.inf

    @cached_property  # a step is called thousands of times a second
    def _slopes(self) -> Slopes:
        return Slopes(self.judge, self.micro)

    @cached_property
    def layout(self) -> Layout:
        """Where the arrays that the optimizer moves are in its vectors."""
        return flat.of_learned(self.judge.layers, self.largest)

    @cached_property
    def _has_unlearned(self) -> bool:
        return any(layers.fixed(self.judge.layers))

    def start(self, parameters: Parameters) -> Carry:
        """Return what the first step is given."""
        packed = self.pack(parameters)
        return packed, optimizers.init(self.optimizer, packed[:1], xp=self.judge.xp)[0]

    def pack(self, parameters: Parameters) -> Packed:
        """Return parameters as steps carry them."""
        xp, kinds = self.judge.xp, self.judge.layers
        moved = self.layout.pack(layers.learned(kinds, parameters), xp=xp)
        return moved, layers.unlearned(kinds, parameters) if self._has_unlearned else ()

    def unpack(self, packed: Packed, xp: Namespace | None = None) -> Parameters:
        """Return the arrays of each layer; on the host, where ``xp`` is NumPy."""
        learned = self.layout.unpack(packed[0], xp=xp or self.judge.xp)
        if not self._has_unlearned:
            return learned
        return tuple(a + b for a, b in zip(learned, packed[1], strict=True))

    def load(self, rows: Array, data: Data) -> Any:
        """Return what a step takes: the examples of its rows, or these where it fetches parts."""
        return rows if self.micro else self.judge.batch(rows, data)

    def __call__(
        self, carry: Carry, taken: Any, numbers: tuple[Any, ...], data: Data, own: Own | None = None
    ) -> tuple[Carry, tuple[Array, ...]]:
        """Return what is carried on and the sums of the batch.

        The carry is donated; all arrays may have a first axis of members. ``taken`` is from
        :meth:`load`; ``numbers`` are the optimizer's coefficients for this step and the words of
        its random key, each a number, or an array with one for each member.
        """
        coefficients, words = numbers
        parameters = self.unpack(carry[0])
        drops = None if own is None else own.drops
        slopes = self._slopes(parameters, taken, data, words, drops=drops)
        size = self._weight(taken, data)
        return self.move(carry, parameters, slopes, coefficients, size, own)

    def _weight(self, taken: Any, data: Data) -> tuple[Any, int]:
        """Weight of a batch, or of rows, and how many they are: the same, where all are alike."""
        judge = self.judge
        is_batch = isinstance(taken, Batch)
        weights = taken.weights if is_batch else judge.weights(taken, data)
        k = (taken.numbers if is_batch else taken).shape[-1]
        return k if weights is None else judge.xp.sum(wide(weights, judge.xp), axis=-1), k

    def move(
        self,
        carry: Carry,
        parameters: Parameters,
        slopes: tuple[Array, tuple[Array, ...], Parameters],
        coefficients: tuple[Any, ...],
        size: tuple[Any, int],
        own: Own | None = None,
    ) -> tuple[Carry, tuple[Array, ...]]:
        """Return what a step carries on, and its sums, once the slopes of the batch are known.

        The carry and the slopes are donated. ``size`` is the weight of the batch, and how many
        examples it has.
        """
        judge, xp = self.judge, self.judge.xp
        limits = self.regularization if own is None else own.regularization
        (vectors, unlearned), state = carry
        C, right, gradients = slopes
        weight, k = size
        m = self.m
        if m is None:  # a batch whose examples all weigh nothing divides by 1
            m = special.or_one(weight, xp=xp) if hasattr(weight, "dtype") else weight
        learned, seen = parameters, gradients
        if self._has_unlearned:
            learned, gradients = (layers.learned(judge.layers, p) for p in (parameters, seen))
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
            unlearned = layers.after_step(judge.layers, parameters, seen)
        return ((vectors, unlearned), state), (C * (k if self.m is None else weight), *right)

    def smaller(self, batch_size: int, error: BaseException) -> "TrainingStep":
        """The step with half as many examples at a time, whose gradients are added up.

        OutOfMemory if one example was too much already, or the layers need the whole batch.
        """
        error = error.with_traceback(None)  # which holds on to the arrays of the step that failed
        taken = min(self.micro or batch_size, batch_size)
        if taken == 1:
            msg = "memory ran out with one example at a time; use a smaller network, or another "
            raise OutOfMemory(f"{msg}device") from error
        if any(layer.averages for layer in self.judge.layers):
            msg = f"memory ran out in a batch of {batch_size}, and batch normalization needs it "
            raise OutOfMemory(f"{msg}whole; use a smaller batch_size, or norm='layer'") from error
        micro = taken // 2
        _log.warning(
            "memory ran out with %d examples at a time: going on with %d of a batch", taken, micro
        )
        return replace(self, micro=micro)


@dataclass(frozen=True)
class Stacked:
    """A training step for a stack of networks, whose arrays have a first axis of members."""

    step: TrainingStep

    def __call__(
        self, carry: Carry, batch: dict[str, Array], data: Data, own: Own
    ) -> tuple[Carry, tuple[Array, ...]]:
        """Return what is carried on and each member's sums of the batch, (members,).

        The carry is donated. A batch has ``rows``, (members, k), or (k,) where all take the same;
        ``coefficients``, (c, members); where they are needed ``words`` of the random keys, (2,
        members), and ``numbers`` for the masks and ``weights``, both (members, k).
        """
        rows, coefficients = batch["rows"], batch["coefficients"]
        taken = self.step.judge.stacked(rows, data)
        words: tuple[Array, ...] = ()
        numbers: Any = batch.get("numbers", rows)
        if "words" in batch:
            words = tuple(batch["words"][i, :, None, None] for i in range(2))
            if numbers.ndim == 1:  # the same for all, and still a mask for each
                numbers = numbers + self.step.judge.xp.zeros_like(words[0][..., 0])
        taken = taken._replace(weights=batch.get("weights"), numbers=numbers)
        each = tuple(coefficients[i, ...] for i in range(coefficients.shape[0]))
        return self.step(carry, taken, (each, words), data, own)


def added(first: Parameters, second: Parameters) -> Parameters:
    """Sum of two gradients; the first is donated."""
    pairs = zip(first, second, strict=True)
    return tuple(tuple(a + b for a, b in zip(*pair, strict=True)) for pair in pairs)


def beside_weights(total: float, data: Data) -> Any:
    """A total as the cost takes it: an array beside weights, else the number."""
    return total if len(data) < 4 or data[3] is None else data[3][:1] * 0 + total


def _wider(gradients: Parameters, parameters: Parameters, xp: Namespace) -> Parameters:
    """Gradients in the dtype in which the parameters are kept."""
    return tuple(
        tuple(xp.astype(g, p.dtype) for g, p in zip(*pair, strict=True))
        for pair in zip(gradients, parameters, strict=True)
    )

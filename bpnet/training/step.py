"""One step of training, and of evaluation, as functions that can be compiled.

No ``float()``, no ``bool()`` and no shape that depends on data: whatever a step sees stays on
the device.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from bpnet._typing import Array, Namespace
from bpnet.core import costs, feedforward, layers, optimizers, random, regularizers, special
from bpnet.core.feedforward import Parameters
from bpnet.core.optimizers import Optimizer, State
from bpnet.training.judge import Batch, Data, Judge


@dataclass(frozen=True)
class Slopes:
    """Cost of some examples and its gradients, without regularization.

    Parameters
    ----------
    judge : Judge
        Network and cost.
    micro : int
        Examples that are taken at a time, their gradients added up; 0 for all at once.
    """

    judge: Judge
    micro: int = 0

    def __call__(
        self, parameters: Parameters, taken: Any, data: Data, words: Any = (), total: Any = None
    ) -> tuple[Array, tuple[Array, ...], Parameters]:
        """Return C, the count of right answers, and the gradients of C.

        Parameters
        ----------
        parameters : tuple of tuples of arrays
            Not changed.
        taken : Batch, or array of int, (k,)
            The examples, or their rows, of which ``micro`` are fetched at a time.
        data : tuple of arrays
            Examples, targets, class numbers, weights.
        words : tuple of int
            Of the random key; empty where nothing is drawn.
        total : float or array, (), optional
            Size or weight of the set that these are a part of; the default is theirs.
        """
        if isinstance(taken, Batch):
            return self._part(parameters, taken, data[2], words, total)
        judge, k = self.judge, taken.shape[0]
        size = self.micro or k
        if total is None and size < k:
            weights = judge.weights(taken, data)
            total = k if weights is None else judge.xp.sum(weights)
        parts = (
            self._part(parameters, judge.batch(taken[i : min(i + size, k)], data), *rest)
            for rest in [(data[2], words, total)]
            for i in range(0, k, size)
        )
        C, right, gradients = next(parts)
        for more in parts:
            C = C + more[0]
            right = tuple(a + b for a, b in zip(right, more[1], strict=True))
            gradients = _added(gradients, more[2])
        return C, right, gradients

    def _part(
        self, parameters: Parameters, batch: Batch, classes: Array, words: Any, total: Any
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
            key=random.Key(words, batch.numbers) if len(words) else None,
        )
        if special.is_half(judge.dtype, xp):
            gradients = _wider(gradients, parameters, xp)
        wide = None if batch.weights is None else _wide(batch.weights, xp)
        C = costs.mean_cost(_wide(values, xp), wide, total, xp=xp)
        return C, judge.right(z, batch.wanted, classes, batch.numbers), gradients


@dataclass(frozen=True)
class TrainingStep:
    """(parameters, optimizer state), batch -> (parameters, optimizer state), sums.

    Parameters
    ----------
    judge : Judge
        Network and cost.
    optimizer : Optimizer
        How parameters move.
    l2 : float
        The paper's alpha.
    m : int or None
        Size of the training set; None is scikit-learn's convention: regularization is over the
        batch, and an epoch's cost weighs each batch by its length.
    l1 : float
        Strength of L1.
    max_norm : float
        Largest norm of the weights into a neuron; 0 for any.
    clip_norm : float
        Largest norm of the gradients; 0 for any.
    micro : int
        Examples that are taken at a time; 0 for the whole batch.
    """

    judge: Judge
    optimizer: Optimizer
    l2: float
    m: int | None
    l1: float = 0.0
    max_norm: float = 0.0
    clip_norm: float = 0.0
    micro: int = 0

    @cached_property  # a step is called thousands of times a second
    def _slopes(self) -> Slopes:
        return Slopes(self.judge, self.micro)

    @cached_property
    def template(self) -> "TrainingStep":
        """The step for all optimizers of a kind, which differ in numbers: compiled once for all."""
        kind = type(self.optimizer)
        if kind not in optimizers.OPTIMIZERS.values():
            return self  # a user's may look at its own
        return replace(self, optimizer=kind())

    @cached_property
    def _has_fixed(self) -> bool:
        return any(layers.fixed(self.judge.layers))

    def start(self, parameters: Parameters) -> State:
        """Return the optimizer's state before the first step."""
        held = layers.learned(self.judge.layers, parameters)
        return optimizers.init(self.optimizer, held, xp=self.judge.xp)

    def load(self, rows: Array, data: Data) -> Any:
        """Return what a step takes: the examples of its rows, or these where it fetches parts."""
        return rows if self.micro else self.judge.batch(rows, data)

    def __call__(
        self, carry: tuple[Parameters, State], taken: Any, numbers: tuple[Any, ...], data: Data
    ) -> tuple[tuple[Parameters, State], tuple[Array, ...]]:
        """Return what is carried on and the sums of the batch.

        Parameters
        ----------
        carry : tuple
            Parameters and optimizer state; donated.
        taken : Batch, or array of int, (k,)
            From :meth:`load`.
        numbers : pair of tuples of numbers
            The optimizer's coefficients for this step, and the words of its random key.
        data : tuple of arrays
            Examples, targets and class numbers.
        """
        coefficients, words = numbers
        found = self._slopes(carry[0], taken, data, words)
        weight = self._weight(taken, data)
        return self.move(carry, found, coefficients, weight, _length(taken))

    def _weight(self, taken: Any, data: Data) -> Any:
        """Weight of a batch, or of rows: how many they are, where all count the same."""
        judge = self.judge
        weights = taken.weights if isinstance(taken, Batch) else judge.weights(taken, data)
        return _length(taken) if weights is None else judge.xp.sum(_wide(weights, judge.xp))

    def move(
        self,
        carry: tuple[Parameters, State],
        found: tuple[Array, tuple[Array, ...], Parameters],
        coefficients: tuple[Any, ...],
        weight: Any,
        k: Any,
    ) -> tuple[tuple[Parameters, State], tuple[Array, ...]]:
        """Return what a step carries on, and its sums, once the slopes of the batch are known.

        Parameters
        ----------
        carry : tuple
            Parameters and optimizer state; donated.
        found : tuple
            What :class:`Slopes` returns for the batch; donated.
        coefficients : tuple of numbers
            The optimizer's, for this step.
        weight : number or array, ()
            Of the batch; its size where examples have no weights.
        k : int
            Examples of the batch.
        """
        judge, xp = self.judge, self.judge.xp
        parameters, state = carry
        C, right, slopes = found
        before, gradients = parameters, slopes
        if self._has_fixed:
            parameters, gradients = (layers.learned(judge.layers, p) for p in (before, slopes))
        m = self.m
        if m is None:  # a batch whose examples all weigh nothing divides by 1
            m = special.or_one(weight, xp=xp) if hasattr(weight, "dtype") else weight
        if self.l2:
            C = C + regularizers.l2_cost(parameters, self.l2, m, xp=xp)
            gradients = regularizers.l2_gradient(parameters, gradients, self.l2, m)
        if self.l1:
            C = C + regularizers.l1_cost(parameters, self.l1, m, xp=xp)
            gradients = regularizers.l1_gradient(parameters, gradients, self.l1, m, xp=xp)
        if self.clip_norm:
            gradients = regularizers.clip(gradients, self.clip_norm, xp=xp)
        parameters, state = optimizers.update(
            self.optimizer, parameters, gradients, state, coefficients, xp=xp
        )
        if self.max_norm:
            parameters = regularizers.max_norm(parameters, self.max_norm, xp=xp)
        if self._has_fixed:
            parameters = layers.with_averages(judge.layers, parameters, before, slopes)
        return (parameters, state), (C * (k if self.m is None else weight), *right)


@dataclass(frozen=True)
class EvaluationStep:
    """Parameters, batch -> sums of cost and right answers.

    Parameters
    ----------
    judge : Judge
        Network and cost.
    """

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
        values = _wide(judge.cost.value(z, batch.y, judge.layers[-1].activation, xp=xp), xp)
        return carry, (xp.sum(values, axis=-1), *judge.right(z, batch.wanted, data[2]))


def _added(first: Parameters, second: Parameters) -> Parameters:
    """Sum of two gradients; the first is donated."""
    pairs = zip(first, second, strict=True)
    return tuple(tuple(a + b for a, b in zip(*pair, strict=True)) for pair in pairs)


def _wider(gradients: Parameters, parameters: Parameters, xp: Namespace) -> Parameters:
    """Gradients in the dtype in which the parameters are kept."""
    return tuple(
        tuple(xp.astype(g, p.dtype) for g, p in zip(*pair, strict=True))
        for pair in zip(gradients, parameters, strict=True)
    )


def _length(taken: Any) -> Any:
    """Examples of a batch, or of rows."""
    return (taken.x if isinstance(taken, Batch) else taken).shape[0]


def _wide(values: Array, xp: Namespace) -> Array:
    return xp.astype(values, xp.float32) if special.is_half(values.dtype, xp) else values

"""The step of a stack: what :mod:`bpnet.training.step` does to one network, done to many at once.

The mathematics is the core's, whose leading axes are members; here is only what each member has
of its own, brought to a shape that goes with the arrays: (members, 1, 1) beside a ``W``.
"""

import copy
import dataclasses
from dataclasses import dataclass
from typing import Any

from bpnet._typing import Array
from bpnet.core import costs, feedforward, layers, random, regularizers, special
from bpnet.core.feedforward import Parameters
from bpnet.core.layers import Dropout, MemberDropout
from bpnet.core.optimizers import OPTIMIZERS, Optimizer, State
from bpnet.training.judge import Data, Judge

Batch = dict[str, Array]
"""Of one step: ``rows``, (members, k), or (k,) where all take the same examples;
``coefficients`` of the optimizers, (c, members); where they are needed ``words`` of the random
keys, (2, members), ``numbers`` of the examples for the masks, like the rows, and ``weights``, too.
"""

Own = dict[str, Any]
"""What differs from member to member and not from step to step, (members,) each, by its name."""


@dataclass(frozen=True)
class MemberStep:
    """As :class:`bpnet.training.step.TrainingStep`, for a stack of networks.

    Parameters
    ----------
    judge : Judge
        Network and cost.
    optimizer : Optimizer
        Of one member; what others have different is in ``own``.
    m : int or None
        As there.
    """

    judge: Judge
    optimizer: Optimizer
    m: int | None

    def __call__(
        self, carry: tuple[Parameters, State], batch: Batch, data: Data, own: Own
    ) -> tuple[tuple[Parameters, State], tuple[Array, ...]]:
        """Return what is carried on and each member's sums of the batch, (members,).

        Parameters
        ----------
        carry : tuple
            Parameters and optimizer state, all with a first axis of members; donated.
        batch : dict of arrays
            See :data:`Batch`.
        data : tuple of arrays
            Examples, targets and class numbers.
        own : dict of arrays
            ``l2``, ``l1``, ``max_norm``, ``clip_norm``, fields of the optimizer, and for each
            layer of dropout with several rates its number as text; each where it is needed.
        """
        judge, xp = self.judge, self.judge.xp
        parameters, state = carry
        weights = batch.get("weights")
        x, y, wanted = take(judge, batch["rows"], data)
        z, values, slopes = feedforward.cost_and_gradients(
            self._layers(own), parameters, x, y, judge.cost, weights, xp=xp, key=self._key(batch)
        )
        C = costs.mean_cost(values, weights, xp=xp)
        weight = values.shape[-1] if weights is None else xp.sum(weights, axis=-1)
        before, gradients = parameters, slopes
        parameters, gradients = (layers.learned(judge.layers, p) for p in (before, slopes))
        C, gradients = self._regularized(C, parameters, gradients, weight, own)
        if "clip_norm" in own:
            gradients = regularizers.clip(gradients, own["clip_norm"], xp=xp)
        parameters, state = self._moved(parameters, gradients, state, batch["coefficients"], own)
        if "max_norm" in own:
            parameters = regularizers.max_norm(parameters, _beside(own["max_norm"], 3), xp=xp)
        parameters = layers.with_averages(judge.layers, parameters, before, slopes)
        sums = C * (values.shape[-1] if self.m is None else weight)
        return (parameters, state), (sums, *judge.right(z, wanted, data[2]))

    def _layers(self, own: Own) -> tuple[Any, ...]:
        return tuple(
            MemberDropout(own[str(l)]) if str(l) in own else layer
            for l, layer in enumerate(self.judge.layers)
        )

    def _key(self, batch: Batch) -> random.Key | None:
        if "words" not in batch:
            return None
        first, second = (_beside(batch["words"][i, ...], 3) for i in range(2))
        numbers: Any = batch.get("numbers", batch["rows"])
        if numbers.ndim == 1:  # the same for all, and still a mask for each
            numbers = numbers + self.judge.xp.zeros_like(first[..., 0])
        return random.Key((first, second), numbers)

    def _regularized(
        self, C: Array, parameters: Parameters, gradients: Parameters, weight: Any, own: Own
    ) -> tuple[Array, Parameters]:
        """Return cost and gradients with L2 and L1."""
        xp = self.judge.xp
        m: Any = weight if self.m is None else self.m
        beside = _beside(m, 3) if hasattr(m, "ndim") else m  # of weights, a number each
        if "l2" in own:
            C = C + regularizers.l2_cost(parameters, own["l2"], m, xp=xp)
            gradients = regularizers.l2_gradient(
                parameters, gradients, _beside(own["l2"], 3), beside
            )
        if "l1" in own:
            C = C + regularizers.l1_cost(parameters, own["l1"], m, xp=xp)
            gradients = regularizers.l1_gradient(
                parameters, gradients, _beside(own["l1"], 3), beside, xp=xp
            )
        return C, gradients

    def _moved(
        self,
        parameters: Parameters,
        gradients: Parameters,
        state: State,
        coefficients: Array,
        own: Own,
    ) -> tuple[Parameters, State]:
        """Return parameters and state after the step, a stack of ``W`` and one of ``b`` apart."""
        xp = self.judge.xp
        rows = [coefficients[i, ...] for i in range(coefficients.shape[0])]
        rules = {}
        for ndim in (2, 3):
            rule = copy.copy(self.optimizer)  # a user's may look at its own rate
            object.__setattr__(rule, "learning_rate", _beside(own["learning_rate"], ndim))
            rules[ndim] = rule, tuple(_beside(row, ndim) for row in rows)
        moved, kept = [], []
        for arrays in zip(parameters, gradients, state, strict=True):
            pairs = []
            for p, g, slots in zip(*arrays, strict=True):
                rule, numbers = rules[p.ndim]
                pairs.append(rule.update(p, g, slots, numbers, xp=xp))
            moved.append(tuple(p for p, _ in pairs))
            kept.append(tuple(slots for _, slots in pairs))
        return tuple(moved), tuple(kept)


@dataclass(frozen=True)
class MemberEvaluation:
    """As :class:`bpnet.training.step.EvaluationStep`, for a stack of networks.

    Parameters
    ----------
    judge : Judge
        Network and cost.
    """

    judge: Judge

    def __call__(
        self, carry: tuple[()], rows: Array, parameters: Parameters, data: Data
    ) -> tuple[tuple[()], tuple[Array, ...]]:
        """Return nothing to carry on and each member's sums; ``rows`` as in :data:`Batch`."""
        judge, xp = self.judge, self.judge.xp
        x, y, wanted = take(judge, rows, data)
        z, _ = feedforward.forward(judge.layers, judge.compute(parameters), x, xp=xp)
        values = judge.cost.value(z, y, judge.layers[-1].activation, xp=xp)
        if special.is_half(values.dtype, xp):
            values = xp.astype(values, xp.float32)
        return carry, (xp.sum(values, axis=-1), *judge.right(z, wanted, data[2]))


def template(rule: Optimizer) -> Optimizer:
    """An optimizer without what members of one stack may have different."""
    own = type(rule) in OPTIMIZERS.values()
    return type(rule)() if own else dataclasses.replace(rule, learning_rate=1.0)


def without_rates(chain: tuple[Any, ...]) -> tuple[Any, ...]:
    """Layers without the rates of dropout, but for whether there is one."""
    return tuple(
        Dropout(0.5) if isinstance(layer, Dropout) and random.drop_steps(layer.rate) else layer
        for layer in chain
    )


def take(judge: Judge, rows: Array, data: Data) -> tuple[Array, Array, Array]:
    """Examples, targets and targets as stored: (members, k, ...), or (k, ...) for all alike."""
    if rows.ndim == 1:
        x, y, wanted = judge.batch(rows, data)[:3]
        # rows beside a stack: else they would pass for labels
        return x, y, wanted if wanted.ndim == 1 else wanted[None, ...]
    flat = judge.xp.reshape(rows, (-1,))
    x, y, wanted = (
        judge.xp.reshape(a, (*rows.shape, *a.shape[1:])) for a in judge.batch(flat, data)[:3]
    )
    return x, y, wanted


def _beside(values: Array, ndim: int) -> Array:
    """Numbers, (members,), with axes of length 1 for those of an array."""
    return values[(..., *(None,) * (ndim - 1))]

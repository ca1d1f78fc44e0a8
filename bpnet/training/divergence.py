"""Divergence: numbers that are no longer finite are noticed without a wait, and then traced.

The costs of a block's steps stay on the device until its end. There the last cost becomes nan if a
parameter is not finite, so that any number that is not finite shows in the costs. Only then is the
block repeated, one step at a time, to find the step and the layer that the error names.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bpnet._typing import Array, Namespace
from bpnet.backends import Backend, trees
from bpnet.core import feedforward
from bpnet.core.feedforward import Parameters
from bpnet.core.layers import Dense
from bpnet.errors import Diverged
from bpnet.training import blocks
from bpnet.training.objective import EvaluationStep, Objective

if TYPE_CHECKING:
    from bpnet.training.session import Session

Host = np.ndarray[Any, Any]


def mark(sums: tuple[Array, ...], parameters: Any, backend: Backend) -> tuple[Array, ...]:
    """Return the sums of a block, its last cost nan if a parameter after it is not finite."""
    marked: tuple[Array, ...] = backend.compiled(_Mark(backend.xp))(sums, parameters)
    return marked


@dataclass(frozen=True)
class _Mark:
    xp: Namespace

    def __call__(self, sums: tuple[Array, ...], parameters: Any) -> tuple[Array, ...]:
        (costs, *rest), xp = sums, self.xp
        finite = None
        for array in trees.leaves(parameters):
            # costs of a stack have an axis of members, which is kept
            here = xp.all(xp.isfinite(array), axis=tuple(range(costs.ndim - 1, array.ndim)))
            finite = here if finite is None else xp.logical_and(finite, here)
        last = costs[-1:, ...]
        nan = xp.where(finite, last, xp.full_like(last, np.nan))
        return (xp.concat([costs[:-1, ...], nan]), *rest)


def explain(session: "Session", rows: Host, at: int) -> Diverged:
    """Return the error that names the first bad step of a block and the layer.

    The session has one network, whose run and carry are those of before the block; afterwards the
    carry is that of before the bad step. ``at`` is the first step whose cost is not finite.
    """
    run = session.members[0].run
    # the answer where the steps are finite when they are repeated
    where = f"cost of layer {sum(_is_dense(session))}"
    for i in range(at + 1):
        costs, _, before = session.take([rows[i : i + 1]], skip=i)
        if not np.isfinite(costs).all():
            at, where = i, _culprit(session, session.step.unpack(before[0]), rows[i : i + 1])
            # the caller keeps the last parameters that were finite
            session.carry = before
            break
    msg = (
        f"training diverged at step {run.step + at + 1} of epoch {run.epoch + 1}: the {where} is "
        f"not finite; the learning rate is {run.learning_rate:g}, try a lower one, clip_norm, or "
    )
    return Diverged(f"{msg}scaled inputs")


def _culprit(session: "Session", before: Parameters, rows: Host) -> str:
    """Return which number of which layer is the first that is not finite in a bad step."""
    xp, dense = session.backend.xp, np.cumsum(_is_dense(session))
    data, here = blocks.present(session.data, rows, session.backend)
    index = session.backend.asarray(here[0], dtype=session.backend.index_dtype)
    costs = EvaluationStep(session.step.objective)
    batch = costs.load(index, before, data)
    for l, z in enumerate(_weighted_inputs(costs.objective, before, batch.x)):
        if not bool(xp.all(xp.isfinite(z))):
            return f"weighted input of layer {dense[l]}"
    # every weighted input up to z^L is finite: the cost is not, or else the update
    if bool(xp.isfinite(costs((), batch, before, data)[1][0])):
        for l, arrays in enumerate(session.parameters):
            if not all(bool(xp.all(xp.isfinite(a))) for a in arrays):
                return f"update of layer {dense[l]}"
    return f"cost of layer {dense[-1]}"


def _weighted_inputs(objective: Objective, parameters: Parameters, a: Array) -> Iterator[Array]:
    """Yield z of each layer for one batch without dropout; of other layers their output."""
    computed = objective.compute(parameters)
    for layer, arrays in zip(objective.layers[:-1], computed[:-1], strict=True):
        a, cache = layer.forward(arrays, a, xp=objective.xp)
        # the cache of a dense layer is (a, z, sigma(z))
        yield cache[1] if isinstance(layer, Dense) else a
    W, b = computed[-1]
    yield feedforward.weighted_input(W, b, a, xp=objective.xp)


def _is_dense(session: "Session") -> list[bool]:
    return [isinstance(layer, Dense) for layer in session.step.objective.layers]

"""Numbers that are no longer finite: found without waiting for the device, then looked for.

The costs of a block's steps stay on the device until its end, and the parameters' state at its end
joins the last of them: whatever is not finite shows there. Only then the block is done again from
before it, a step at a time, to find the step and the layer.
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
from bpnet.training.judge import EvaluationStep

if TYPE_CHECKING:
    from bpnet.training.session import Session

Host = np.ndarray[Any, Any]


def mark(sums: tuple[Array, ...], parameters: Any, backend: Backend) -> tuple[Array, ...]:
    """Sums of a block, the last cost nan if the parameters after the block are not finite."""
    marked: tuple[Array, ...] = backend.compiled(_Mark(backend.xp))(sums, parameters)
    return marked


@dataclass(frozen=True)
class _Mark:
    xp: Namespace

    def __call__(self, sums: tuple[Array, ...], parameters: Any) -> tuple[Array, ...]:
        (costs, *rest), xp = sums, self.xp
        fine = None
        for array in trees.leaves(parameters):
            here = xp.all(xp.isfinite(array), axis=tuple(range(costs.ndim - 1, array.ndim)))
            fine = here if fine is None else xp.logical_and(fine, here)
        last = costs[-1:, ...]
        nan = xp.where(fine, last, xp.full_like(last, np.nan))
        return (xp.concat([costs[:-1, ...], nan]), *rest)


def explain(session: "Session", rows: Host, at: int) -> Diverged:
    """Error that names the first bad step of a block and its layer.

    The session has one network, its run and its carry are those of before the block; afterwards the
    carry is that of before the bad step. ``at`` is the first step whose cost is not finite.
    """
    run = session.members[0].run
    where = f"cost of layer {sum(_is_dense(session))}"
    for i in range(at + 1):
        costs, _, before = session.take([rows[i : i + 1]], skip=i)
        if not np.isfinite(costs).all():
            at, where = i, _culprit(session, session.step.unpack(before[0]), rows[i : i + 1])
            session.carry = before
            break
    msg = (
        f"training diverged at step {run.step + at + 1} of epoch {run.epoch + 1}: the {where} is "
        f"not finite; the learning rate is {run.learning_rate:g}, try a lower one, clip_norm, or "
    )
    return Diverged(f"{msg}scaled inputs")


def _culprit(session: "Session", before: Parameters, rows: Host) -> str:
    """What of which layer is the first that is not finite in a step that has been done."""
    xp, dense = session.backend.xp, np.cumsum(_is_dense(session))
    for l, z in enumerate(_weighted_inputs(session, before, rows)):
        if not bool(xp.all(xp.isfinite(z))):
            return f"weighted input of layer {dense[l]}"
    # all was well on the way to z^L: it is the cost, or else the step itself
    costs = EvaluationStep(session.step.judge)
    data, here = blocks.present(session.data, rows, session.backend)
    index = session.backend.asarray(here[0], dtype=session.backend.index_dtype)
    if bool(xp.isfinite(costs((), costs.load(index, before, data), before, data)[1][0])):
        for l, arrays in enumerate(session.parameters):
            if not all(bool(xp.all(xp.isfinite(a))) for a in arrays):
                return f"update of layer {dense[l]}"
    return f"cost of layer {dense[-1]}"


def _weighted_inputs(session: "Session", parameters: Parameters, rows: Host) -> Iterator[Array]:
    """Yield z of each layer for one batch, nothing dropped; of a layer that has none its output."""
    judge, backend = session.step.judge, session.backend
    data, here = blocks.present(session.data, rows, backend)
    index = backend.asarray(here[0], dtype=backend.index_dtype)
    a = judge.batch(index, data).x
    held = judge.compute(parameters)
    for layer, arrays in zip(judge.layers[:-1], held[:-1], strict=True):
        a, cache = layer.forward(arrays, a, xp=judge.xp)
        yield cache[1] if isinstance(layer, Dense) else a
    W, b = held[-1]
    yield feedforward.weighted_input(W, b, a, xp=judge.xp)


def _is_dense(session: "Session") -> list[bool]:
    return [isinstance(layer, Dense) for layer in session.step.judge.layers]

"""L-BFGS on a network: the cost of the whole training set as a function of one flat vector."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bpnet._typing import Array
from bpnet.backends import Backend
from bpnet.core import layers, lbfgs, regularizers, special
from bpnet.core.feedforward import Parameters
from bpnet.core.lbfgs import LBFGS, Found
from bpnet.errors import Diverged, InputError
from bpnet.training import blocks, loop
from bpnet.training.callbacks import Callback, Run
from bpnet.training.flat import flatten, unflatten
from bpnet.training.judge import Data, Judge
from bpnet.training.step import Slopes

_log = logging.getLogger("bpnet")


@dataclass(frozen=True, eq=False)
class Problem:
    """What is minimized.

    Parameters
    ----------
    judge : Judge
        Network and cost.
    backend : Backend
        Where.
    data : tuple of arrays
        Examples, targets, class numbers and weights, on the device.
    total : float
        Examples, or their weight: what the cost is divided by.
    m : float
        What the strength of a regularization is divided by.
    l2, l1 : float
        Strengths.
    """

    judge: Judge
    backend: Backend
    data: Data
    total: float
    m: float
    l2: float = 0.0
    l1: float = 0.0

    def __call__(self, parameters: Parameters) -> tuple[Array, Parameters, tuple[Array, ...]]:
        """Return C, its gradients and the count of right answers, on the device."""
        xp = self.backend.xp
        sums = _Sums(Slopes(self.judge), self.total)
        gradients = tuple(tuple(xp.zeros_like(p) for p in arrays) for arrays in parameters)
        parts: list[tuple[Array, ...]] = []
        for rows in blocks.pieces(self.data, parameters):
            here, numbers = blocks.present(self.data, rows, self.backend)
            index = self.backend.asarray(numbers, dtype=self.backend.index_dtype)
            gradients, found = self.backend.scan(sums, gradients, index, (parameters, here))
            parts.append(tuple(xp.sum(a, dtype=a.dtype) for a in found))
        C, *right = (sum(column[1:], start=column[0]) for column in zip(*parts, strict=True))
        if self.l2:
            C = C + regularizers.l2_cost(parameters, self.l2, self.m, xp=xp)
            gradients = regularizers.l2_gradient(parameters, gradients, self.l2, self.m)
        if self.l1:
            C = C + regularizers.l1_cost(parameters, self.l1, self.m, xp=xp)
            gradients = regularizers.l1_gradient(parameters, gradients, self.l1, self.m, xp=xp)
        return C, gradients, tuple(right)


@dataclass(frozen=True)
class _Sums:
    """Step of a scan: adds the gradients of some rows to those before."""

    slopes: Slopes
    total: float

    def __call__(
        self, gradients: Parameters, rows: Array, parameters: Parameters, data: Data
    ) -> tuple[Parameters, tuple[Array, ...]]:
        C, right, more = self.slopes(parameters, rows, data, total=_as(self.total, data))
        added = tuple(
            tuple(a + b for a, b in zip(*pair, strict=True))
            for pair in zip(gradients, more, strict=True)
        )
        return added, (C, *right)


def _as(total: float, data: Data) -> Any:
    """The total as the cost takes it: an array beside weights, else the number."""
    return total if len(data) < 4 or data[3] is None else data[3][:1] * 0 + total


def minimize(
    problem: Problem,
    parameters: Parameters,
    settings: LBFGS,
    max_iterations: int,
    on_iteration: Callable[[Found, Parameters], bool] | None = None,
) -> tuple[Found, Parameters]:
    """Parameters with the least cost near those given, and how they were found.

    Parameters
    ----------
    problem : Problem
        Data and cost.
    parameters : tuple of tuples of arrays
        Where to start, on the device; not changed.
    settings : LBFGS
        Memory, tolerance, evaluations.
    max_iterations : int
        Steps at most.
    on_iteration : callable, optional
        Given where the search is and the parameters there; True ends it.

    Returns
    -------
    Found
        Its ``f`` is C, its ``w`` the flat vector.
    tuple of tuples of arrays
        The parameters there.

    Raises
    ------
    Diverged
        If the cost is not finite at the start.
    """
    xp, backend = problem.backend.xp, problem.backend

    def objective(w: Array) -> tuple[Array, ...]:
        C, gradients, right = problem(unflatten(w, parameters, xp))
        return C, flatten(gradients, xp), *right

    def read(a: Array) -> Sequence[float]:
        numbers: Sequence[float] = backend.to_numpy(a).tolist()
        return numbers

    def look(found: Found) -> bool:
        return on_iteration is not None and on_iteration(found, unflatten(found.w, parameters, xp))

    found = lbfgs.minimize(
        objective, flatten(parameters, xp), settings=settings, max_iterations=max_iterations,
        read=read, on_iteration=look, xp=xp,
    )  # fmt: skip
    if not math.isfinite(found.f):
        msg = "the cost is not finite before the first step of L-BFGS; look for outliers in the "
        raise Diverged(msg + "data, or scale the inputs")
    return found, unflatten(found.w, parameters, xp)


def check(judge: Judge, **options: Any) -> None:
    """Refuse what L-BFGS cannot do.

    Raises
    ------
    InputError
        If the network draws at random or normalizes over batches, or an option is one of training
        by batches.
    """
    wanted = "lbfgs needs a cost that does not change, and this network"
    if any(layer.averages for layer in judge.layers):
        msg = f"{wanted} has batch normalization, whose averages follow the batches"
        raise InputError(f"{msg}; use another optimizer, or norm='layer'")
    if layers.differs_in_training(judge.layers):
        msg = f"{wanted} drops values at random"
        raise InputError(f"{msg}; use another optimizer, or no dropout")
    if special.is_half(judge.dtype, judge.xp):
        msg = f"lbfgs cannot tell steps apart in {judge.dtype}; use float32 or float64"
        raise InputError(msg)
    for name, (value, wanted) in options.items():
        if value != wanted:
            msg = f"lbfgs takes all examples in a step and chooses its own rate; {name} is "
            raise InputError(f"{msg}{value!r}, leave it at {wanted!r}")


@dataclass(eq=False)
class Descent:
    """A run of L-BFGS: an iteration is an epoch of its history.

    Parameters
    ----------
    problem : Problem
        Data and cost.
    parameters : tuple of tuples of arrays
        Where it is, on the device.
    settings : LBFGS
        Memory, tolerance, evaluations.
    before : tuple of tuples of arrays
        Where it was an iteration ago.
    """

    problem: Problem
    parameters: Parameters
    settings: LBFGS
    before: Parameters = ()

    def run(self, run: Run, callbacks: Sequence[Callback], validate: Any) -> None:
        """Minimize, with the callbacks of a run."""
        for callback in callbacks:
            callback.on_train_begin(run)
        start = time.perf_counter()

        def look(found: Found, parameters: Parameters) -> bool:
            nonlocal start
            seconds = time.perf_counter() - start
            self.before, self.parameters = self.parameters, parameters
            run.epoch, run.step = found.iterations - 1, run.steps
            run.cost, run.learning_rate = found.f, found.step
            run.accuracy = found.extra[0] / run.samples if found.extra else None
            for callback in callbacks:
                callback.on_block_end(run)
            loop.record(run, validate(parameters), seconds)
            for callback in callbacks:
                callback.on_epoch_end(run)
            start = time.perf_counter()
            return run.stopped is not None

        with loop.deferred_interrupt(run):
            found, self.parameters = minimize(
                self.problem, self.parameters, self.settings, run.epochs, look
            )
        run.note = (
            f"L-BFGS: {found.iterations} iterations, {found.evaluations} evaluations, "
            f"{found.round_trips} round trips to the host; {found.reason}"
        )
        _log.info("%s", run.note)
        for callback in callbacks:
            callback.on_train_end(run)

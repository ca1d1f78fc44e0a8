"""L-BFGS on a network: the cost of the whole training set as a function of one flat vector."""

import logging
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from bpnet._typing import Array
from bpnet.backends import Backend, to_numpy
from bpnet.core import flat, layers, lbfgs, regularizers, special
from bpnet.core.feedforward import Parameters
from bpnet.core.lbfgs import LBFGS, Found
from bpnet.core.regularizers import Regularization
from bpnet.errors import Diverged, InputError
from bpnet.training import blocks, epochs
from bpnet.training.judge import Data, Judge
from bpnet.training.member import Member
from bpnet.training.step import Slopes

_log = logging.getLogger("bpnet")


@dataclass(frozen=True, eq=False)
class Problem:
    """What is minimized: the cost over all examples, on the device.

    The cost is divided by ``total``, examples or their weight, and the strength of a regularization
    by ``m``.
    """

    judge: Judge
    backend: Backend
    data: Data
    total: float
    m: float
    regularization: Regularization = Regularization()  # noqa: RUF009  # a tuple of numbers

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
        C, gradients = regularizers.penalized(
            C, parameters, gradients, self.regularization, self.m, xp=xp
        )
        return C, gradients, tuple(right)

    def search(
        self, parameters: Parameters, settings: LBFGS, max_iterations: int
    ) -> Generator[Found, None, Found]:
        """Search the parameters with the least cost near those given, an iteration at a time."""
        xp, backend = self.backend.xp, self.backend

        def objective(w: Array) -> tuple[Array, ...]:
            C, gradients, right = self(self.layout.unpack((w,), xp=xp))
            return C, *self.layout.pack(gradients, xp=xp), *right

        def read(a: Array) -> Sequence[float]:
            numbers: Sequence[float] = backend.to_numpy(a).tolist()
            return numbers

        return lbfgs.minimize(
            objective, *self.layout.pack(parameters, xp=xp), settings=settings,
            max_iterations=max_iterations, read=read, xp=xp,
        )  # fmt: skip

    @cached_property
    def layout(self) -> flat.Layout:
        """Where the arrays of the layers are in the vector."""
        return flat.of_all(self.judge.layers)


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


def check(judge: Judge, **options: Any) -> None:
    """Refuse networks that draw at random or follow batches, and options of training by batches."""
    wanted = "lbfgs needs a cost that does not change, and this network"
    if any(layer.averages for layer in judge.layers):
        msg = f"{wanted} has batch normalization, whose averages follow the batches"
        raise InputError(f"{msg}; use another optimizer, or norm='layer'")
    if layers.differs_in_training(judge.layers):
        msg = f"{wanted} drops values at random"
        raise InputError(f"{msg}; use another optimizer, or no dropout")
    if special.is_half(judge.dtype, judge.xp):
        raise InputError(f"lbfgs cannot tell steps apart in {judge.dtype}; use float32 or float64")
    for name, (value, wanted) in options.items():
        if value != wanted:
            msg = f"lbfgs takes all examples in a step and chooses its own rate; {name} is "
            raise InputError(f"{msg}{value!r}, leave it at {wanted!r}")


def ended(search: Generator[Found, None, Found]) -> Found:
    """Where a search ends that has no iteration left."""
    try:
        return next(search)
    except StopIteration as end:
        found: Found = end.value
        return found


@dataclass(eq=False)
class Descent:
    """A network trained by L-BFGS: an iteration is an epoch of its history.

    ``before`` is where it was an iteration ago, ``found`` where the search is, or ended.
    """

    problem: Problem
    member: Member
    settings: LBFGS
    parameters: Parameters

    @classmethod
    def of(
        cls, member: Member, settings: LBFGS, backend: Backend, data: Data, dtype: str, first: Any
    ) -> "Descent":
        """Descent of a network on some data, regularized over the whole training set."""
        step, m = member.step, member.run.samples
        own = member.data(data, backend, dtype)
        problem = Problem(step.judge, backend, own, m, m, step.regularization)
        return cls(problem, member, settings, first)

    def __post_init__(self) -> None:
        self.members = self.all = [self.member]
        self.backend = self.problem.backend
        self.before = self.parameters
        most = self.member.run.epochs
        self._search = self.problem.search(self.parameters, self.settings, most)

    @property
    def live(self) -> list[tuple[int, Member]]:
        """The network, unless it is over."""
        return [] if self.member.is_over else [(0, self.member)]

    def to_host(self, _member: Member | None = None) -> Parameters:
        """Parameters as NumPy arrays."""
        parameters: Parameters = to_numpy(self.parameters)
        return parameters

    def stop(self, reason: str) -> None:
        """End the run after this iteration."""
        self.member.run.stop(reason)

    def train_epoch(self) -> None:
        """Make one iteration; where none is left, the run is over."""
        run = self.member.run
        try:
            self._move_to(next(self._search))
        except StopIteration as end:
            self._move_to(end.value)
            if math.isfinite(self.found.f):
                epochs.end(self, 0)
                return
            msg = "the cost is not finite before the first step of L-BFGS; look for outliers in the"
            epochs.diverge(self, 0, Diverged(f"{msg} data, or scale the inputs"))
            return
        found = self.found
        run.step, run.cost, run.learning_rate = run.steps, found.f, found.step
        run.accuracy = found.extra[0] / run.samples if found.extra else None
        for callback in self.member.callbacks:
            callback.on_block_end(run)

    def _move_to(self, found: Found) -> None:
        self.found, self.before = found, self.parameters
        self.parameters = self.problem.layout.unpack((found.w,), xp=self.backend.xp)

    def leave(self, _i: int, _carry: Any = None) -> None:
        """Search no more, and say why."""
        run, self.member.is_over = self.member.run, True
        if run.stopped:
            self.found = replace(self.found, reason="stopped")
        elif not self.found.reason:  # it has made the last iteration
            self.found = ended(self._search)
        run.note = (
            f"L-BFGS: {self.found.iterations} iterations, {self.found.evaluations} evaluations, "
            f"{self.found.round_trips} round trips to the host; {self.found.reason}"
        )
        _log.info("%s", run.note)

    def compact(self) -> None:
        """There are no others."""

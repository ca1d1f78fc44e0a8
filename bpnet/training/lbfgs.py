"""L-BFGS of a network: the cost of the whole training set as a function of one flat vector."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bpnet._typing import Array
from bpnet.backends import Backend, to_numpy
from bpnet.core import flat, layers, lbfgs, regularizers, special
from bpnet.core.feedforward import Parameters
from bpnet.core.lbfgs import SearchState
from bpnet.errors import Diverged, InputError
from bpnet.training import blocks, epochs
from bpnet.training.member import Member
from bpnet.training.objective import Data, Objective
from bpnet.training.step import Backpropagation, added, beside_weights

_log = logging.getLogger("bpnet")


@dataclass(frozen=True)
class _Sums:
    """Step of a scan that adds the gradients of some rows to those of the rows before."""

    backpropagation: Backpropagation
    total: float

    def __call__(
        self, gradients: Parameters, rows: Array, parameters: Parameters, data: Data
    ) -> tuple[Parameters, tuple[Array, ...]]:
        total = beside_weights(self.total, data)
        C, right, more = self.backpropagation(parameters, rows, data, total=total)
        return added(gradients, more), (C, *right)


def check(objective: Objective, **options: Any) -> None:
    """Refuse networks whose cost changes from step to step, and options of mini-batches."""
    needs = "lbfgs needs a cost that does not change, and this network"
    if any(layer.averages for layer in objective.layers):
        msg = f"{needs} has batch normalization, whose averages follow the batches"
        raise InputError(f"{msg}; use another optimizer, or norm='layer'")
    if layers.differs_in_training(objective.layers):
        msg = f"{needs} drops values at random"
        raise InputError(f"{msg}; use another optimizer, or no dropout")
    if special.is_half(objective.dtype, objective.xp):
        raise InputError(
            f"lbfgs cannot tell steps apart in {objective.dtype}; use float32 or float64"
        )
    for name, (value, usual) in options.items():
        if value != usual:
            msg = f"lbfgs takes all examples in a step and chooses its own rate; {name} is "
            raise InputError(f"{msg}{value!r}, leave it at {usual!r}")


@dataclass(eq=False)
class Descent:
    """A network trained by L-BFGS on its whole training set; an iteration is an epoch.

    ``parameters`` are those of now, on the device, and ``before`` those of an iteration ago.
    ``latest`` is what the search returned last, in an iteration or at its end. The methods are
    those of a :class:`Session` that :mod:`epochs` calls.
    """

    member: Member
    backend: Backend
    data: Data
    dtype: str
    parameters: Parameters

    def __post_init__(self) -> None:
        member, run, self.step = self.member, self.member.run, self.member.step
        self.members = self.all = [member]
        self.data = member.data(self.data, self.backend, self.dtype)
        self.before, xp = self.parameters, self.backend.xp
        # the paper's m, by which regularization is divided
        self._m: float = run.samples
        if self.step.m is None and member.weights is not None:  # scikit-learn's convention
            self._m = float(member.weights.sum())
        self._layout = flat.of_all(self.step.objective.layers)

        def read(a: Array) -> Sequence[float]:
            numbers: Sequence[float] = self.backend.to_numpy(a).tolist()
            return numbers

        # a generator: each epoch draws one iteration, and a run may end between two
        self._search = lbfgs.minimize(
            self._objective, *self._layout.pack(self.parameters, xp=xp), read=read, xp=xp,
            settings=self.step.optimizer, max_iterations=run.epochs,
        )  # fmt: skip

    def _objective(self, w: Array) -> tuple[Array, ...]:
        """Return C, its gradient and the number of correct answers, for the parameters w."""
        backend, xp = self.backend, self.backend.xp
        parameters = self._layout.unpack((w,), xp=xp)
        sums = _Sums(Backpropagation(self.step.objective), self._m)
        # blocks bound the memory, and the scan adds the gradients of their rows to these
        gradients = tuple(tuple(xp.zeros_like(p) for p in arrays) for arrays in parameters)
        parts: list[tuple[Array, ...]] = []
        for rows in blocks.pieces(self.data, parameters):
            here, numbers = blocks.present(self.data, rows, backend)
            index = backend.asarray(numbers, dtype=backend.index_dtype)
            gradients, sums_of_rows = backend.scan(sums, gradients, index, (parameters, here))
            # without a dtype int32 counts would become int64, which a device may lack
            parts.append(tuple(xp.sum(a, dtype=a.dtype) for a in sums_of_rows))
        C, *right = (sum(column[1:], start=column[0]) for column in zip(*parts, strict=True))
        C, gradients = regularizers.penalized(
            C, parameters, gradients, self.step.regularization, self._m, xp=xp
        )
        return C, *self._layout.pack(gradients, xp=xp), *right

    @property
    def live(self) -> list[tuple[int, Member]]:
        """The network, unless its run is over."""
        return [] if self.member.is_over else [(0, self.member)]

    def to_host(self, _member: Member | None = None) -> Parameters:
        """Return the parameters as NumPy arrays."""
        parameters: Parameters = to_numpy(self.parameters)
        return parameters

    def stop(self, reason: str) -> None:
        """End the run after this iteration."""
        self.member.run.stop(reason)

    def train_epoch(self) -> None:
        """Make one iteration; where none is left, the run is over."""
        run = self.member.run
        self.before = self.parameters
        is_over = self._search_on()
        self.parameters = self._layout.unpack((self.latest.w,), xp=self.backend.xp)
        # the search has ended by itself and made no iteration, so that this is no epoch
        if is_over:
            if math.isfinite(self.latest.f):
                epochs.end(self, 0)
                return
            msg = "the cost is not finite before the first step of L-BFGS; look for outliers in the"
            epochs.diverge(self, 0, Diverged(f"{msg} data, or scale the inputs"))
            return
        latest = self.latest
        run.step, run.cost, run.learning_rate = run.steps, latest.f, latest.step
        run.accuracy = latest.extra[0] / run.samples if latest.extra else None
        for callback in self.member.callbacks:
            callback.on_block_end(run)

    def _search_on(self) -> bool:
        """Make an iteration, or write where the search ended; return whether it has ended."""
        try:
            self.latest: SearchState = next(self._search)
        except StopIteration as end:
            self.latest = end.value
            return True
        return False

    def leave(self, _i: int, _carry: Any = None) -> None:
        """End the search, and write into the run why it ended."""
        run, self.member.is_over = self.member.run, True
        # a stop by a callback is not a result of the search
        if run.stopped:
            self.latest = replace(self.latest, reason="stopped")
        elif not self.latest.reason:  # the last iteration has been made, and the search goes on
            self._search_on()
        end = self.latest
        run.note = (
            f"L-BFGS: {end.iterations} iterations, {end.evaluations} evaluations, "
            f"{end.round_trips} round trips to the host; {end.reason}"
        )
        _log.info("%s", run.note)

    def compact(self) -> None:
        """Do nothing: there is no stack to compact."""

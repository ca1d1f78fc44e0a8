"""``Member``: a network in training, with the examples it takes, its learning rate and its run."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bpnet.backends import Backend
from bpnet.core import layers, random
from bpnet.core.optimizers import OPTIMIZERS
from bpnet.core.schedules import Constant, Moment, Schedule
from bpnet.data import draws
from bpnet.data.host_rows import HostRows
from bpnet.errors import Diverged, InputError
from bpnet.training.callbacks import Callback, Run
from bpnet.training.objective import Data
from bpnet.training.step import Carry, TrainingStep

MASKS = 4
"""Purpose number of the random keys of dropout's masks."""

Host = np.ndarray[Any, Any]


@dataclass(eq=False)
class Member:
    """One network of a session: its step, its run, and what it takes of the data.

    ``k`` is the size of a batch and ``weights``, (m,), are those of the examples. ``order`` returns
    the rows of an epoch; the default draws an order of all rows from the seed. ``done`` counts the
    optimizer's steps before this run. A network that is trained with a part of the examples has
    in ``places``, (m,), the number of each example within that part, and in ``validation_rows`` the
    rows that validate it. ``kept`` is the carry of a member that has left its stack.
    """

    step: TrainingStep
    run: Run
    k: int
    seed: int
    schedule: Schedule = field(default_factory=Constant)
    callbacks: list[Callback] = field(default_factory=list)
    weights: Host | None = None
    order: Callable[[int], Host] | None = None
    done: int = 0
    places: Host | None = None
    validation_rows: Host | None = None
    error: Diverged | None = None
    is_over: bool = False
    kept: Carry | None = None
    _counted: tuple[float, int] = (0.0, 0)

    @property
    def keyed(self) -> bool:
        """Whether steps need a random key: layers draw, or behave differently in training."""
        return layers.differs_in_training(self.step.objective.layers)

    def data(self, shared: Data, backend: Backend, dtype: str) -> Data:
        """Return the shared data with the weights and row numbers that are this network's own."""
        # the masks of a part are those that it would have as a training set of its own
        data, numbered = shared[:3], self.keyed and self.places is not None
        if self.weights is not None or numbered:
            weights = self.weights
            data = (*data, None if weights is None else backend.asarray(weights, dtype=dtype))
        if not numbered:
            return data
        return (*data, backend.asarray(self.places, dtype=backend.index_dtype))

    def rows(self, x: Any) -> Any:
        """Return the rows of the current epoch, (m,), in the order in which they are taken."""
        epoch = self.run.epoch
        if self.order is not None:
            return self.order(epoch)
        m = int(x.shape[0])
        if self.k >= m:
            # the order within the one batch of all examples changes nothing but rounding
            return np.arange(m)
        streamed = isinstance(x, HostRows)  # streamed rows are shuffled within blocks of the file
        return x.order(self.seed, epoch) if streamed else draws.order(self.seed, epoch, m)

    def numbers(self, first: int, count: int) -> tuple[Host, Host]:
        """Return coefficients, (steps, c), and words of the random keys, (steps, 0 or 2)."""
        optimizer: Any = self.step.optimizer
        rates = self._rates(range(first, first + count))
        times = range(self.done + first, self.done + first + count)
        if type(optimizer) in OPTIMIZERS.values():  # all steps at once
            columns = optimizer.coefficients(np.arange(times.start, times.stop, dtype=float), rates)
            coefficients = np.stack(np.broadcast_arrays(*columns), axis=-1)
        else:  # an optimizer of the user may branch on t, which has to be a number
            pairs = zip(times, rates.tolist(), strict=True)
            coefficients = np.asarray([optimizer.coefficients(*pair) for pair in pairs], np.float64)
        words = _words(self.seed, times) if self.keyed else np.empty((count, 0), np.int32)
        self.run.learning_rate = float(rates[-1])
        return coefficients, words

    def _rates(self, steps: range) -> Host:
        """Return the learning rates of some steps, (steps,)."""
        eta, run = self.step.optimizer.learning_rate, self.run
        if isinstance(self.schedule, Constant):
            return np.full(len(steps), eta)
        # steps are counted from 1, and a Moment has the steps done before
        moments = (Moment(t - 1, run.steps, run.steps * run.epochs, run.history) for t in steps)
        rates = [self.schedule.rate(eta, moment) for moment in moments]
        for rate in rates:
            if not 0 <= rate < math.inf:
                kind = type(self.schedule).__name__
                raise InputError(f"{kind} gave the learning rate {rate!r}; give 0 or more")
        return np.asarray(rates, np.float64)

    def begin_epoch(self, before: Any) -> None:
        """Begin to count an epoch, of which the rows ``before`` have been taken already."""
        self._counted = 0.0, 0
        self._add_up(before)
        self._write_means()

    def count(self, rows: Host, costs: Host, counts: Host) -> None:
        """Add to the run the sums of the steps that took ``rows``, (steps, k)."""
        run = self.run
        run.sums = (_add(run.sums[0], costs), _add(run.sums[1], counts))
        run.step += len(rows)
        self._add_up(rows.reshape(-1))
        self._write_means()

    def _write_means(self) -> None:
        """Write the means over the examples of the epoch so far into the run."""
        run, (weight, number) = self.run, self._counted
        if number:
            # examples that all have the weight 0 have the cost 0, which is no division by 0
            run.cost = run.sums[0] / (weight or 1.0)
            run.accuracy = run.sums[1] / number if self.step.objective.kind else None

    def _add_up(self, rows: Any) -> None:
        """Add the weight and the number of the rows that were taken; -1 is no row."""
        weight, number = self._counted
        rows = np.asarray(rows)[np.asarray(rows) >= 0]
        # where m is None, scikit-learn's convention, a batch counts by its length
        if self.weights is None or self.step.m is None:
            weight += len(rows)
        elif len(rows):
            weight = _add(weight, self.weights[rows])
        self._counted = weight, number + len(rows)


def _words(seed: int, steps: range) -> Host:
    """Return the words of the random keys of some steps, (steps, 2), as ``random.step_words``."""
    t = np.arange(steps.start, steps.stop, dtype=np.uint64)
    # the step has 48 bits, and those above 32 go beside the purpose
    counter = (t & np.uint64(2**32 - 1), ((t >> np.uint64(32)) << np.uint64(16)) + MASKS)
    key = np.asarray([seed % 2**32, seed >> 32], np.uint64)
    first, second, x0, x1 = (a.astype(np.uint32).view(np.int32) for a in (*key[:, None], *counter))
    return np.stack(random.threefry((first, second), x0, x1, xp=np), axis=-1)


def _add(total: float, values: Host) -> float:
    """Return the sum from left to right, which does not depend on the blocks of an epoch."""
    return float(np.add.accumulate(np.concatenate([[total], values]))[-1])

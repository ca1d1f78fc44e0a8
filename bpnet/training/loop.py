"""Epochs and blocks: the host's side of training.

The host looks in at the end of a block only, with one small copy from the device.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import InitVar, dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np

from bpnet.backends import Backend, to_numpy, trees
from bpnet.core import layers, optimizers, random, special
from bpnet.core.feedforward import Parameters
from bpnet.core.optimizers import OPTIMIZERS, State
from bpnet.core.schedules import Constant, Moment, Schedule
from bpnet.data import draws
from bpnet.data.host_rows import HostRows, together
from bpnet.errors import Diverged, InputError
from bpnet.training import blocks, divergence, memory
from bpnet.training.callbacks import Callback, Run, named
from bpnet.training.judge import Data
from bpnet.training.step import TrainingStep

_BLOCKS = 20
"""Blocks in an epoch where a callback wants to look in."""

MASKS = 4
"""Purpose of the random keys of masks."""

_STEPS = 50
"""Steps that a block has at least."""

Host = np.ndarray[Any, Any]


@dataclass(eq=False)
class Session:
    """A run's state on its device.

    Parameters
    ----------
    step : TrainingStep
        What is done with each batch.
    backend : Backend
        Where.
    data : tuple of arrays
        Examples, targets and class numbers, on the device.
    first : tuple of tuples of arrays
        The parameters that it starts from, on the device.
    batch_size : int
        k.
    seed : int
        Of the order of examples and of what is drawn in a step.
    schedule : Schedule
        Of the learning rate.
    weights : numpy array, (m,), optional
        Of the examples, on the host.
    order : callable, optional
        From the number of an epoch to the rows it takes, in their order; the default is all of
        them, in an order drawn from the seed.
    done : int
        Steps that the optimizer has done before this run.
    state : nested tuples of arrays, optional
        What the optimizer remembers of each array, on the device; the default is what it does
        before its first step.

    Attributes
    ----------
    carry : tuple
        Parameters and optimizer state, as the steps carry them.
    """

    step: TrainingStep
    backend: Backend
    data: Data
    first: InitVar[Parameters]
    batch_size: int
    seed: int
    schedule: Schedule = field(default_factory=Constant)
    weights: Host | None = None
    order: Callable[[int], Host] | None = None
    done: int = 0
    state: InitVar[State | None] = None
    pads: ClassVar[bool] = True
    """Whether a short batch may be filled up with rows that are none."""

    def __post_init__(self, first: Parameters, state: State | None) -> None:
        judge = self.step.judge
        if layers.draws(judge.layers) and not self.backend.wraps:
            msg = f"{self.backend.spec} can't draw dropout's masks: its int32 do not overflow as"
            raise InputError(f"{msg} 32 bits do; leave dropout out, or give another backend")
        layers.check_batch(judge.layers, self.batch_size)
        if (
            self.backend.compiles
            and self.pads
            and self.order is None
            and not isinstance(self.data[0], HostRows)
            and 0 < int(self.data[0].shape[0]) % self.batch_size < self.batch_size
            and not any(layer.averages for layer in judge.layers)
            and not special.is_half(judge.dtype, judge.xp)
        ):
            judge = replace(judge, padded=True)
        self.optimizer = self.step.optimizer
        own = type(self.optimizer).__module__.startswith("bpnet.")  # a user's may tell arrays apart
        self.step = replace(
            self.step,
            judge=judge,
            optimizer=optimizers.without_numbers(self.optimizer),
            largest=self.backend.packs if own else 0,
        )
        self.carry = self.step.start(first)
        if state is not None:
            slots = self.step.layout.pack_slots(state, xp=self.backend.xp)
            self.carry = self.carry[0], slots

    @property
    def parameters(self) -> Parameters:
        """Arrays of each layer, on the device: parts of those that the next steps change."""
        return self.step.unpack(self.carry[0])

    def to_host(self) -> tuple[Parameters, State]:
        """Parameters, and what the optimizer remembers of each array, as NumPy arrays."""
        packed, state = to_numpy(self.carry)
        return self.step.unpack(packed, np), self.step.layout.unpack_slots(state, xp=np)

    @property
    def keyed(self) -> bool:
        """Whether the steps need a key: layers draw at random, or differ in training."""
        return layers.differs_in_training(self.step.judge.layers)

    def train_epoch(self, run: Run, callbacks: Sequence[Callback]) -> None:
        """Run one epoch, or less when a callback stops the run."""
        order, k = self._filled(self.rows_of(run.epoch)), self.batch_size
        m = len(order)
        steps = block_size(m // k, callbacks, even=self.backend.compiles)
        size = min(steps, together(self.data[0], k))
        first = min(run.step * k, m)  # more than none, where a run is taken up again
        seen, done = self._add_up(0.0, 0, order[:first] if first else ())
        self._tell(run, seen, done)
        plan = (
            order[max(start, first) : stop].reshape(-1, length)
            for start, stop, length in list(blocks.split(m, k, size))
            if stop > first
        )
        with closing(self.ahead(plan)) as ahead:
            for rows, taken in ahead:
                sums = self._block(rows, run, taken)
                seen, done = self.count(run, rows, sums, seen, done)
                for callback in callbacks:
                    callback.on_block_end(run)
                if run.stopped:
                    return
                del taken  # there may be no room for the next beside it

    def ahead(self, plan: Iterable[Host]) -> Generator[tuple[Host, blocks.Taken], None, None]:
        """Yield the rows of each block, and what of the data a step needs."""
        return blocks.ahead(self.data, plan, self.backend)

    def count(
        self, run: Run, rows: Host, sums: tuple[Any, Any], seen: float, done: int
    ) -> tuple[float, int]:
        """Add to a run the sums that the steps of ``rows``, (steps, k), gave.

        Before them ``done`` examples of weight ``seen`` were taken; returns both with them.
        """
        run.sums = (_add(run.sums[0], sums[0]), _add(run.sums[1], sums[1]))
        run.step += len(rows)
        seen, done = self._add_up(seen, done, rows.reshape(-1))
        self._tell(run, seen, done)
        return seen, done

    def _tell(self, run: Run, seen: float, done: int) -> None:
        """Means over the examples of the epoch so far, ``done`` of weight ``seen``."""
        if done:
            run.cost = run.sums[0] / (seen or 1.0)
            run.accuracy = run.sums[1] / done if self.step.judge.kind else None

    def rows_of(self, epoch: int) -> Any:
        """Return the rows of an epoch, (m,), in the order in which they are taken."""
        if self.order is not None:
            return self.order(epoch)
        x, m = self.data[0], int(self.data[0].shape[0])
        if self.batch_size >= m:
            return np.arange(m)
        own = isinstance(x, HostRows)
        return x.order(self.seed, epoch) if own else draws.order(self.seed, epoch, m)

    def _filled(self, rows: Any) -> Any:
        """Rows of an epoch, with -1 for none up to a whole number of batches where that helps."""
        if not self.step.judge.padded:
            return rows
        return np.concatenate([rows, np.full(-len(rows) % self.batch_size, -1)])

    def _add_up(self, seen: float, done: int, rows: Any) -> tuple[float, int]:
        """Weight and number of the examples of an epoch before some rows, and with them."""
        if self.step.judge.padded and len(rows):
            rows = rows[rows >= 0]
        done += len(rows)
        if self.weights is None or self.step.m is None:
            return seen + len(rows), done
        return _add(seen, self.weights[rows]) if len(rows) else seen, done

    def _block(self, rows: Host, run: Run, taken: Any) -> tuple[Any, Any]:
        costs, counts, before = self.take(rows, run, taken)
        if not np.isfinite(costs).all():
            self.carry = before
            raise divergence.explain(self, rows, run, int(np.argmin(np.isfinite(costs))))
        return costs, counts

    def costs(self, rows: Host, run: Run) -> Host:
        """Take a step for each row of ``rows``, (steps, k), and return the sum of its costs."""
        return np.asarray(self.take(rows, run)[0])

    def take(self, rows: Host, run: Run, taken: Any = None, skip: int = 0) -> tuple[Any, Any, Any]:
        """Take a step for each row of ``rows``, ``skip`` steps behind where the run is.

        Returns costs and counts on the host, and what the carry was before.
        """
        t = run.epoch * run.steps + run.step + 1 + skip
        numbers = self.numbers(range(t, t + len(rows)), run)
        before = self._copied()  # what is donated is lost where a step fails
        while True:
            try:
                data, here = taken or blocks.present(self.data, rows, self.backend)
                index = self.backend.asarray(here, dtype=self.backend.index_dtype)
                self.carry, sums = self.backend.scan(
                    self.step, self.carry, index, (data,), numbers
                )
                sums = divergence.mark(sums, self.carry[0], self.backend)
                return *blocks.fetch(sums, self.backend), before
            except Exception as error:
                if not self.backend.out_of_memory(error):
                    raise
                self.step = memory.smaller(self.step, rows.shape[1], error)
            self.carry = before
            self.backend.free_unused()
            before = self._copied()

    def _copied(self) -> Any:
        copy = partial(self.backend.xp.asarray, copy=True)
        return trees.map_leaves(copy, self.carry)

    def numbers(self, steps: range, run: Run | None = None) -> tuple[Any, Any]:
        """Coefficients, (steps, c), and the words of the random keys, (steps, 0 or 2)."""
        optimizer: Any = self.optimizer
        rates = self._rates(steps, run)
        times = range(self.done + steps.start, self.done + steps.stop)
        if type(optimizer) in OPTIMIZERS.values():  # a user's may ask what t is
            found = optimizer.coefficients(np.arange(times.start, times.stop, dtype=float), rates)
            coefficients = np.stack(np.broadcast_arrays(*found), axis=-1)
        else:
            pairs = zip(times, rates.tolist(), strict=True)
            coefficients = np.asarray([optimizer.coefficients(*pair) for pair in pairs], np.float64)
        words = _words(self.seed, times) if self.keyed else np.empty((len(times), 0), np.int32)
        if run is not None:
            run.learning_rate = float(rates[-1])
        return coefficients, words

    def _rates(self, steps: range, run: Run | None) -> Host:
        """Learning rates of some steps, (steps,)."""
        eta = self.optimizer.learning_rate
        if run is None or isinstance(self.schedule, Constant):
            return np.full(len(steps), eta)
        moments = (Moment(t - 1, run.steps, run.steps * run.epochs, run.history) for t in steps)
        rates = [self.schedule.rate(eta, moment) for moment in moments]
        for rate in rates:
            if not 0 <= rate < math.inf:
                kind = type(self.schedule).__name__
                msg = f"{kind} gave the learning rate {rate!r}; give 0 or more"
                raise InputError(msg)
        return np.asarray(rates, np.float64)


def _words(seed: int, steps: range) -> Host:
    """Words of the random keys of some steps, (steps, 2): :func:`random.step_words` of each."""
    t = np.arange(steps.start, steps.stop, dtype=np.uint64)
    counter = (t & np.uint64(2**32 - 1), ((t >> np.uint64(32)) << np.uint64(16)) + MASKS)
    key = np.asarray([seed % 2**32, seed >> 32], np.uint64)
    first, second, x0, x1 = (a.astype(np.uint32).view(np.int32) for a in (*key[:, None], *counter))
    return np.stack(random.threefry((first, second), x0, x1, xp=np), axis=-1)


def block_size(steps: int, callbacks: Sequence[Callback], *, even: bool = False) -> int:
    """Steps in a block of an epoch: all, unless a callback wants to look in.

    With ``even``, up to twice as many where that makes all blocks of one length.
    """
    looks = any(type(c).on_block_end is not Callback.on_block_end for c in callbacks)
    if not looks:
        return max(steps, 1)
    size = max(_STEPS, -(-steps // _BLOCKS))
    return next((n for n in range(size, 2 * size) if even and steps % n == 0), size)


def _add(total: float, values: Host) -> float:
    """Sum from left to right: the same however an epoch is cut into blocks."""
    return float(np.add.accumulate(np.concatenate([[total], values]))[-1])


def run_epochs(
    session: Session,
    run: Run,
    callbacks: Sequence[Callback],
    validate: Any,
    saved: dict[str, Any] | None = None,
) -> None:
    """Run the epochs that were asked for, with history and callbacks.

    The run begins at its ``epoch`` and ``step``; ``saved`` is what callbacks kept, by their names.
    """
    for name, callback in named(callbacks):
        callback.on_train_begin(run)
        if saved and name in saved:
            callback.take_back(*saved[name])
    with deferred_interrupt(run):
        for epoch in range(run.epoch, run.epochs):
            if epoch != run.epoch:
                run.epoch, run.step, run.sums = epoch, 0, (0.0, 0.0)
            start = time.perf_counter()
            session.train_epoch(run, callbacks)
            session.backend.synchronize()
            seconds = time.perf_counter() - start
            if run.stopped and run.step < run.steps:
                break
            record(run, validate(session.parameters), seconds)
            for callback in callbacks:
                callback.on_epoch_end(run)
            if run.stopped:
                break
    for callback in callbacks:
        callback.on_train_end(run)


def record(run: Run, validated: dict[str, float | None], seconds: float) -> None:
    """Write what an epoch gave into the history."""
    values = {
        "cost": run.cost,
        "accuracy": run.accuracy,
        **_finite(validated, run),
        "learning_rate": run.learning_rate,
        "seconds": seconds,
    }
    for name, value in values.items():
        if value is not None:
            run.history.setdefault(name, []).append(value)


def _finite(validated: dict[str, float | None], run: Run) -> dict[str, float | None]:
    """What validation found, unless its cost is no number."""
    if not math.isfinite(validated.get("validation_cost") or 0.0):
        msg = (
            f"training diverged: the validation cost is not finite after epoch {run.epoch + 1}; "
            "try a smaller learning rate, or look for outliers in the validation data"
        )
        raise Diverged(msg)
    return validated


@contextmanager
def deferred_interrupt(run: Any) -> Iterator[None]:
    """Let the first Ctrl-C end the block, not the middle of an update; a second one is at once."""
    usual = signal.default_int_handler
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not usual:
        yield
        return

    def first(_signal: int, _frame: Any) -> None:
        run.stop("interrupted")
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)

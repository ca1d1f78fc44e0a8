"""Sessions of networks of one shape, trained in step with one another as one stack of arrays.

Each member keeps its session's order of examples, rates, keys and weights, its run with history
and callbacks, and its end: one that stops or diverges is taken out, and the others go on.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

from bpnet.backends import Backend, to_numpy, trees
from bpnet.backends.dtypes import dtype_name
from bpnet.core import optimizers, random
from bpnet.core.feedforward import Parameters
from bpnet.core.layers import Dropout
from bpnet.core.regularizers import Regularization
from bpnet.errors import Diverged
from bpnet.training import blocks, divergence, loop
from bpnet.training.callbacks import Callback, Run
from bpnet.training.judge import Data
from bpnet.training.step import Carry, Own, Stacked, TrainingStep

Host = np.ndarray[Any, Any]

_ROWS = 1 << 23
"""Numbers of examples that a block brings to the device at most."""

_WORK = 8_000_000
"""Multiplications in a step of a stack on a processor; see :func:`together`."""

_MOST = {True: 32, False: 256}
"""Members of a stack at most, on a processor and elsewhere."""


def together(backend: Backend, step: TrainingStep, k: int) -> int:
    """How many networks of a kind go into one stack; 1 where one after another is faster.

    It looks at shapes alone, so the same set is trained in the same stacks. Small steps are mostly
    calls of the library, which a stack shares; large ones are work, for which a network alone has
    the processor's cache to itself.

    Parameters
    ----------
    backend : Backend
        Where.
    step : TrainingStep
        Of one of them.
    k : int
        Examples in a batch.
    """
    weights = sum(shape[0] * shape[1] for layer in step.judge.layers for shape in layer.shapes[:1]
                  if len(shape) == 2)  # fmt: skip
    on_cpu = backend.name == "numpy" or "cpu" in backend.spec
    if not on_cpu:
        return _MOST[False]
    size = min(_WORK // (k * weights), _MOST[True])
    return size if size >= 4 else 1


def common(step: TrainingStep) -> TrainingStep:
    """What the steps of the networks of one stack have in common."""
    judge = replace(step.judge, layers=_without_rates(step.judge.layers), padded=False)
    rule = optimizers.without_numbers(step.optimizer)
    return replace(step, judge=judge, optimizer=rule, regularization=Regularization())


def _without_rates(chain: tuple[Any, ...]) -> tuple[Any, ...]:
    """Layers without the rates of dropout, but for whether there is one."""
    return tuple(
        Dropout(0.5) if isinstance(layer, Dropout) and random.drop_steps(layer.rate) else layer
        for layer in chain
    )


@dataclass(eq=False)
class Member:
    """One network of a stack.

    Parameters
    ----------
    session : Session
        What it would be trained by alone; its data are those of all in the stack.
    run : Run
        As its callbacks see it.
    callbacks : sequence of Callback
        Its own.
    places : array of int, (m,), optional
        Number that each example has in the set that it is trained with, where that is a part.
    judged : array of int, (h,), optional
        Rows that it is judged by, where these are its own.
    reads : bool
        Whether callbacks look at the session's arrays, and not only at ``run``.

    Attributes
    ----------
    error : Diverged or None
        Why it ended before its time.
    seen : (float, int)
        Weight and number of the examples that it has taken in this epoch.
    """

    session: loop.Session
    run: Run
    callbacks: Sequence[Callback] = ()
    places: Host | None = None
    judged: Host | None = None
    reads: bool = False
    error: Diverged | None = None
    seen: tuple[float, int] = (0.0, 0)
    _seat: Any = None

    def parameters(self) -> Parameters:
        """Its parameters as they are, on the host."""
        if self._seat is None:
            return self.session.to_host()[0]
        stack, i = self._seat
        own: Parameters = trees.map_leaves(lambda a: a[i].copy(), stack.host())
        return own


Validate = Callable[[Parameters, Sequence[Member]], list[dict[str, float | None]]]
"""From the parameters of a stack, on the device, and its members to what each was judged."""


class Stack:
    """Networks under way.

    Parameters
    ----------
    members : sequence of Member
        Of one :func:`kind`, at least one; their arrays are copied.
    validate : callable
        Judges them after every epoch.
    """

    def __init__(self, members: Sequence[Member], validate: Validate) -> None:
        first = members[0].session
        self.backend, self.data, self.k = first.backend, first.data[:3], first.batch_size
        self.step = common(first.step)
        self.validate = validate
        self.members: list[Member] = []
        carry: Carry = _zipped(self.backend.xp.stack, [m.session.carry for m in members])
        self._seat(members, carry)

    def _seat(self, members: Sequence[Member], carry: Carry) -> None:
        """Put members and their arrays in place."""
        self.members, self.carry = list(members), carry
        self._host: Parameters | None = None
        for i, member in enumerate(members):
            member._seat = (self, i)
        self.own: Own = trees.map_leaves(self._device, _own(members))

    @property
    def live(self) -> list[tuple[int, Member]]:
        """Seats and members that are not over."""
        return [(i, m) for i, m in enumerate(self.members) if m._seat is not None]

    def host(self) -> Parameters:
        """Parameters of all, on the host."""
        if self._host is None:
            self._host = self.step.unpack(to_numpy(self.carry[0]), np)
        return self._host

    def stop(self, reason: str) -> None:
        """End all runs after this block."""
        for _, member in self.live:
            member.run.stop(reason)

    def train(self) -> None:
        """Run all epochs of all members."""
        for member in self.members:
            for callback in member.callbacks:
                callback.on_train_begin(member.run)
        with loop.deferred_interrupt(self):
            while self.live:
                start = time.perf_counter()
                trained = len(self.live)
                self._train_epoch()
                self.backend.synchronize()
                self._judge((time.perf_counter() - start) / trained)
                if len(self.live) <= 3 * len(self.members) / 4:
                    self._close_ranks()

    def _train_epoch(self) -> None:
        drawn = {i: m.session.rows_of(m.run.epoch) for i, m in self.live}
        lead = self.live[0][0]  # stands in for those that are over
        acting = [i if i in drawn else lead for i in range(len(self.members))]
        orders = [drawn[i] for i in acting]
        m, k, count = len(orders[0]), self.k, len(orders)
        called = [c for _, member in self.live for c in member.callbacks]
        size = min(loop.block_size(m // k, called), max(_ROWS // (k * count), 1))
        for start, stop, length in blocks.split(m, k, size):
            parts = [order[start:stop].reshape(-1, length) for order in orders]
            costs, counts = self._steps([self.members[i] for i in acting], parts)
            for i, member in self.live:
                self._after_block(member, parts[i], (costs[:, i], counts[:, i]))
            if not self.live:
                return

    def _after_block(self, member: Member, rows: Host, sums: tuple[Host, Host]) -> None:
        """Tell a run what a block gave."""
        run = member.run
        if not np.isfinite(sums[0]).all():
            at = int(np.argmin(np.isfinite(sums[0])))
            self._fail(member, rows, at)
            return
        member.seen = member.session.count(run, rows, sums, *member.seen)
        for callback in member.callbacks:
            callback.on_block_end(run)
        if run.stopped and run.step < run.steps:
            self._end(member)

    def _steps(self, members: list[Member], rows: list[Host]) -> tuple[Any, Any]:
        taken = _batch(members, rows)
        batch = {name: self._device(values) for name, values in taken.items()}
        xp = self.backend.xp
        self._before = trees.map_leaves(partial(xp.asarray, copy=True), self.carry)
        operands = (self.data, self.own)
        self.carry, sums = self.backend.scan(Stacked(self.step), self.carry, batch, operands)
        self._host = None
        return blocks.fetch(divergence.mark(sums, self.carry[0], self.backend), self.backend)

    def _judge(self, seconds: float) -> None:
        """Write the epoch into the histories, and let go of those whose run is over."""
        if not self.live:
            return
        for i, member in self.live:
            if member.reads:
                member.session.carry = self._slice(i, self.carry)
        validated = self.validate(self.step.unpack(self.carry[0]), self.members)
        for i, member in self.live:
            run = member.run
            try:
                loop.record(run, validated[i], seconds)
            except Diverged as error:
                self._leave(member, self.carry)
                member.error = error
                run.stop("diverged")
                continue
            for callback in member.callbacks:
                callback.on_epoch_end(run)
            if run.stopped or run.epoch + 1 == run.epochs:
                self._end(member)
            else:
                run.epoch, run.step, run.sums = run.epoch + 1, 0, (0.0, 0.0)
                member.seen = (0.0, 0)

    def _end(self, member: Member) -> None:
        """Take a member out, with what it has now."""
        self._leave(member, self.carry)
        for callback in member.callbacks:
            callback.on_train_end(member.run)

    def _fail(self, member: Member, rows: Host, at: int) -> None:
        """Take out a member whose cost was not finite in step ``at`` of a block, and say why."""
        self._leave(member, self._before)
        member.error = divergence.explain(member.session, rows, member.run, at)
        member.run.stop("diverged")

    def _leave(self, member: Member, carry: Carry) -> None:
        """Give a member's session its own arrays back."""
        own = partial(self.backend.xp.asarray, copy=True)
        _, i = member._seat
        member.session.carry = trees.map_leaves(own, self._slice(i, carry))
        member._seat = None

    def _close_ranks(self) -> None:
        """Go on with the arrays of those that are not over; compiled code is for a size of stack.

        That is why it waits until a quarter is over.
        """
        seats = [i for i, _ in self.live]
        if seats:
            xp = self.backend.xp
            rows = self._device(np.asarray(seats))
            carry = trees.map_leaves(lambda a: xp.take(a, rows, axis=0), self.carry)
            self._seat([self.members[i] for i in seats], carry)

    def _slice(self, i: int, tree: Any) -> Any:
        return trees.map_leaves(itemgetter((i, ...)), tree)

    def _device(self, values: Host) -> Any:
        dtype = {"f": dtype_name(next(trees.leaves(self.carry))), "i": self.backend.index_dtype}
        wanted = "int32" if values.dtype == np.int32 else dtype[values.dtype.kind]
        return self.backend.asarray(np.ascontiguousarray(values), dtype=wanted)


def with_own(
    data: Data,
    weights: Host | None,
    places: Host | None,
    *,
    keyed: bool,
    backend: Backend,
    dtype: str,
) -> Data:
    """Data that many share, with the weights and numbers that one of them has of its own.

    Parameters
    ----------
    data : tuple of arrays
        Examples, targets and class numbers.
    weights : array, (m,), optional
        Of the examples.
    places : array of int, (m,), optional
        As in :class:`Member`.
    keyed : bool
        Whether masks are drawn, for which the numbers are needed.
    backend, dtype
        Of the run.
    """
    numbered = keyed and places is not None
    if weights is not None or numbered:
        data = (*data, None if weights is None else backend.asarray(weights, dtype=dtype))
    return (*data, backend.asarray(places, dtype=backend.index_dtype)) if numbered else data


def _own(members: Sequence[Member]) -> Own:
    """What differs from member to member and not from step to step, on the host."""
    steps = [m.session.step for m in members]
    limits = {}
    for name, none in {"l2": 0.0, "l1": 0.0, "max_norm": 1e30, "clip_norm": 1e30}.items():
        values = [getattr(step.regularization, name) for step in steps]
        if any(values):  # 0 is no limit
            limits[name] = np.asarray([value or none for value in values], np.float64)
    found = {}
    for l, layer in enumerate(steps[0].judge.layers):
        if isinstance(layer, Dropout) and layer.drops()[0]:
            drops = zip(*(step.judge.layers[l].drops() for step in steps), strict=True)
            kinds = (np.int32, np.float64)
            found[l] = tuple(
                np.asarray(values, dtype).reshape(-1, 1, 1)
                for values, dtype in zip(drops, kinds, strict=True)
            )
    return Own(Regularization(**limits), found)


def _batch(members: Sequence[Member], rows: list[Host]) -> dict[str, Host]:
    """What a block takes of each member, with a first axis of steps; rows are (steps, k) each."""
    run = members[0].run
    t = run.epoch * run.steps + run.step + 1
    steps = range(t, t + len(rows[0]))
    numbers = [m.session.numbers(steps, m.run) for m in members]
    same = all(r is rows[0] or np.array_equal(r, rows[0]) for r in rows)
    batch = {
        "rows": rows[0] if same else np.stack(rows, axis=1),
        "coefficients": np.stack([c for c, _ in numbers], axis=-1),
    }
    pairs = list(zip(members, rows, strict=True))
    if members[0].session.keyed:
        batch["words"] = np.stack([words for _, words in numbers], axis=-1)
        if any(m.places is not None for m in members):
            at = [r if m.places is None else m.places[r] for m, r in pairs]
            batch["numbers"] = np.stack(at, axis=1)
    if any(m.session.weights is not None for m in members):
        batch["weights"] = np.stack([_weights(m, r) for m, r in pairs], axis=1)
    return batch


def _weights(member: Member, rows: Host) -> Host:
    held = member.session.weights
    return np.ones(rows.shape) if held is None else held[rows]


def _zipped(join: Callable[[Any], Any], trees_: Sequence[Any]) -> Any:
    """One tree of several alike, their leaves joined."""
    if isinstance(trees_[0], tuple):
        return tuple(_zipped(join, part) for part in zip(*trees_, strict=True))
    return join(list(trees_))

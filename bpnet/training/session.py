"""Sessions: the arrays of one network, or of a stack of them, on their device, and their steps.

The host looks in at the end of a block only, with one small copy from the device.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import InitVar, dataclass, replace
from functools import partial
from operator import itemgetter
from typing import Any, ClassVar

import numpy as np

from bpnet.backends import Backend, to_numpy, trees
from bpnet.core import layers, optimizers, special
from bpnet.core.feedforward import Parameters
from bpnet.core.optimizers import State
from bpnet.data.host_rows import HostRows, batches_at_once
from bpnet.errors import InputError
from bpnet.training import blocks, divergence, epochs, stacking
from bpnet.training.callbacks import Callback
from bpnet.training.member import Host, Member
from bpnet.training.objective import Data
from bpnet.training.step import Carry, Stacked

_ROWS = 1 << 23  # 64 MiB in int64
"""Most row numbers that a block of a stack brings to the device."""


@dataclass(eq=False)
class Session:
    """Networks of one shape that take their steps at the same time; most often one.

    The arrays of one network alone have no axis of members. ``first`` are the parameters that each
    network starts from, ``states`` the states of the optimizers; both are on the device.
    ``after_block`` is called once all members have counted a block. ``step`` is applied to each
    batch, ``carry`` is what it carries, and ``all`` are the members with those that have left.
    """

    members: list[Member]
    backend: Backend
    data: Data
    dtype: str
    first: InitVar[Sequence[Parameters]]
    states: InitVar[Sequence[State | None]] = ()
    after_block: Callable[[], None] | None = None
    pads: ClassVar[bool] = True
    """Whether a short batch may be filled up with the row number -1."""

    def __post_init__(self, first: Sequence[Parameters], states: Sequence[State | None]) -> None:
        lead = self.members[0]
        step, objective = lead.step, lead.step.objective
        if lead.keyed and not self.backend.wraps and layers.draws(objective.layers):
            msg = f"{self.backend.spec} can't draw dropout's masks: its int32 do not overflow as"
            raise InputError(f"{msg} 32 bits do; leave dropout out, or give another backend")
        layers.check_batch(objective.layers, lead.k)
        self.all = list(self.members)
        self._host: dict[int, Any] = {}
        self.alone = len(self.members) == 1
        if not self.alone:
            step = stacking.common(step)
        elif self._pads_short(lead):
            step = replace(step, objective=replace(objective, padded=True))
        is_bpnets = type(step.optimizer).__module__.startswith("bpnet.")
        self._clears = self.backend.slow_subnormals and is_bpnets and step.optimizer.slots > 0
        # an optimizer of the user may treat arrays differently, and must see each by itself
        packs = is_bpnets and (self.backend.packs_plain or step.optimizer.slots > 0)
        self.step = replace(
            step,
            optimizer=optimizers.without_numbers(step.optimizer),
            largest=self.backend.packs if packs else 0,
        )
        if self.alone:
            self.data = lead.data(self.data, self.backend, self.dtype)
        carries = [self.step.start(parameters) for parameters in first]
        for i, state in enumerate(states):
            if state is not None:
                slots = self.step.layout.pack_slots(state, xp=self.backend.xp)
                carries[i] = carries[i][0], slots
        if self.alone:
            # `of` makes a session without first parameters, and sets its carry itself
            self.carry: Any = carries[0] if carries else None
        elif carries:
            self._seat(self.members, stacking.joined(self.backend.xp.stack, carries))

    def _pads_short(self, member: Member) -> bool:
        """Whether a short last batch is filled up, where each length of a batch is compiled."""
        # averages of a batch normalization would count the filled-up rows as examples
        objective, x = member.step.objective, self.data[0]
        return (
            self.backend.compiles
            and self.pads
            and member.order is None
            and not isinstance(x, HostRows)
            and int(x.shape[0]) % member.k > 0
            and not any(layer.averages for layer in objective.layers)
            and not special.is_half(objective.dtype, objective.xp)
        )

    def _seat(self, members: Sequence[Member], carry: Carry) -> None:
        """Set the members of a stack, the carry of their arrays, and the numbers that differ."""
        self.members, self.carry = list(members), carry
        self._host = {}
        self._per_member = trees.map_leaves(self._device, stacking.per_member(members))

    @property
    def live(self) -> list[tuple[int, Member]]:
        """Members whose run is not over, with their places in the stack."""
        return [(i, m) for i, m in enumerate(self.members) if not m.is_over]

    @property
    def parameters(self) -> Parameters:
        """Arrays of each layer on the device; the next steps may write to them."""
        return self.step.unpack(self.carry[0])

    def to_host(self, member: Member | None = None) -> Parameters:
        """Return the parameters of a member, by default the first, as NumPy arrays."""
        return self.step.unpack(self._fetched(0, member or self.members[0]), np)

    def state_to_host(self, member: Member | None = None) -> State:
        """Return the state of a member's optimizer for each array, as NumPy arrays."""
        state = self._fetched(1, member or self.members[0])
        return self.step.layout.unpack_slots(state, xp=np)

    def _fetched(self, part: int, member: Member) -> Any:
        """Return the packed parameters, part 0, or the optimizer state, part 1, of a member."""
        if self.alone:
            return to_numpy(self.carry[part])
        if member.kept is not None:
            return to_numpy(member.kept[part])
        if part not in self._host:  # one copy serves all members
            self._host[part] = to_numpy(self.carry[part])
        i = self.members.index(member)
        return trees.map_leaves(lambda a: a[i].copy(), self._host[part])  # no view of the stack

    def of(self, i: int, carry: Carry | None = None) -> "Session":
        """Return a session of member ``i`` alone, with its part of the carry of all."""
        if self.alone:
            self.carry = carry or self.carry
            return self
        session = Session([self.members[i]], self.backend, self.data, self.dtype, ())
        # the standard wants an ellipsis where an index does not name all axes
        session.carry = trees.map_leaves(itemgetter((i, ...)), carry or self.carry)
        return session

    def stop(self, reason: str) -> None:
        """Stop all runs after this block; if all are over, the last one keeps the reason."""
        for member in [m for _, m in self.live] or self.members[-1:]:
            member.run.stop(reason)

    def train_epoch(self) -> None:
        """Run the epoch, or what is left of it in a run that is resumed."""
        live = self.live
        lead, k = live[0][0], live[0][1].k
        drawn = {i: self._filled(m.rows(self.data[0])) for i, m in live}
        # a stack has no gaps: the first member that is not over stands in for those that are
        orders = [drawn.get(i, drawn[lead]) for i in range(len(self.members))]
        m = len(orders[0])
        first = min(live[0][1].run.step * k, m)  # above 0 where a run is resumed within an epoch
        for i, member in live:
            member.begin_epoch(orders[i][:first])
        bounds = list(blocks.split(m, k, self._block_size(m // k)))
        spans = [
            (max(start, first), stop, length) for start, stop, length in bounds if stop > first
        ]
        starts = iter([start for start, *_ in spans])
        parts = ([o[start:stop].reshape(-1, n) for o in orders] for start, stop, n in spans)
        # where a callback raises, the thread that reads ahead is still waited for
        with closing(self.ahead((p[0] for p in parts) if self.alone else parts)) as ahead:
            for rows, taken in ahead:
                each = [rows] if self.alone else rows
                # the step of the epoch decides, so that a resumed run clears at the same steps
                if next(starts) // k % blocks.clearing(m // k) == 0:
                    self._clear()
                costs, counts, before = self.take(each, taken)
                for i, member in live:
                    if not member.is_over:
                        self._after_block(i, each[i], costs[:, i], counts[:, i], before)
                epochs.stop_all(self)
                for i, member in self.live:
                    # an epoch whose last block is done is still recorded
                    if member.run.stopped and member.run.step < member.run.steps:
                        epochs.end(self, i)
                if self.after_block is not None:
                    self.after_block()
                if all(member.is_over for _, member in live):
                    return
                del taken, before  # the memory may not hold these arrays and the next

    def _filled(self, rows: Any) -> Any:
        """Pad row numbers with -1 to whole batches, so that one length of a batch is compiled."""
        if not self.step.objective.padded:
            return rows
        return np.concatenate([rows, np.full(-len(rows) % self.members[0].k, -1)])

    def _clear(self) -> None:
        """Clear subnormal numbers in the states of optimizers, which slow a processor down."""
        if self._clears:
            packed, state = self.carry
            clear = partial(special.without_subnormals, xp=self.backend.xp)
            self.carry = packed, trees.map_leaves(clear, state)

    def _block_size(self, steps: int) -> int:
        """Return the steps of a block, so that callbacks and clearings fall between blocks."""
        looks = self.after_block is not None or any(
            type(c).on_block_end is not Callback.on_block_end
            for _, member in self.live
            for c in member.callbacks
        )
        count = blocks.block_size(steps, looks=looks, even=self.backend.compiles)
        k = self.members[0].k
        most = batches_at_once(self.data[0], k) if self.alone else _ROWS // (k * len(self.members))
        count = min(count, max(most, 1))
        period = blocks.clearing(steps)
        if not self._clears or steps <= period:
            return count
        # blocks divide the period, so that a clearing falls between two of them
        return max(n for n in range(1, min(count, period) + 1) if period % n == 0)

    def ahead(self, plan: Iterable[Any]) -> Generator[tuple[Any, blocks.Taken | None], None, None]:
        """Yield the rows of each block and, for one network, the data on the device."""
        if self.alone:
            return blocks.ahead(self.data, plan, self.backend)
        return ((rows, None) for rows in plan)

    def _after_block(self, i: int, rows: Host, costs: Host, counts: Host, before: Carry) -> None:
        """Add the sums of a block to a run, or end it at ``before`` where they are not finite."""
        member = self.members[i]
        if not np.isfinite(costs).all():
            lone = self.of(i, before)
            error = divergence.explain(lone, rows, int(np.argmin(np.isfinite(costs))))
            epochs.diverge(self, i, error, lone.carry)
            return
        member.count(rows, costs, counts)
        for callback in member.callbacks:
            callback.on_block_end(member.run)

    def take(
        self, rows: Sequence[Host], taken: Any = None, skip: int = 0
    ) -> tuple[Host, Host, Carry]:
        """Take a step for each row of ``rows``, (steps, k), of each member.

        Return costs and counts, (steps, members), and the carry from before. ``taken`` is what
        :meth:`ahead` yielded with the rows; ``skip`` counts steps from where the run is.
        """
        # the members that train are at one step, and those that are over stayed behind
        run = next(m.run for m in self.members if not m.is_over or self.alone)
        first = run.epoch * run.steps + run.step + 1 + skip
        before = self._copied()  # a step that fails may have written to the donated carry
        while True:
            try:
                scan = self._scan_alone if self.alone else self._scan_stack
                self.carry, sums = scan(rows, taken, first)
                sums = divergence.mark(sums, self.carry[0], self.backend)
                # copies on the host are from before this block
                self._host = {}
                costs, counts = blocks.fetch(sums, self.backend)
                shape = len(rows[0]), len(self.members)
                return costs.reshape(shape), counts.reshape(shape), before
            except Exception as error:
                # a stack is trained again in halves by stacking.in_parts
                if not self.alone or not self.backend.out_of_memory(error):
                    raise
                self.step = self.step.smaller(rows[0].shape[1], error)
            # outside of the except clause, whose error would keep the arrays of the failed step
            self.carry = before
            self.backend.free_unused()
            before = self._copied()

    def _scan_alone(self, rows: Sequence[Host], taken: Any, first: int) -> Any:
        data, here = taken or blocks.present(self.data, rows[0], self.backend)
        index = self.backend.asarray(here, dtype=self.backend.index_dtype)
        numbers = self.members[0].numbers(first, len(here))
        return self.backend.scan(self.step, self.carry, index, (data,), numbers)

    def _scan_stack(self, rows: Sequence[Host], taken: Any, first: int) -> Any:
        lead = self.live[0][1]
        acting = [lead if member.is_over else member for member in self.members]
        batch = trees.map_leaves(self._device, stacking.batch(acting, rows, first))
        operands = self.data, self._per_member
        return self.backend.scan(Stacked(self.step), self.carry, batch, operands)

    def _copied(self) -> Any:
        return trees.map_leaves(partial(self.backend.xp.asarray, copy=True), self.carry)

    def _device(self, values: Host) -> Any:
        """Bring numbers of the members to the device, floats in the dtype of the parameters."""
        names = {"f": "float32" if self.dtype in {"float16", "bfloat16"} else self.dtype,
                 "i": self.backend.index_dtype}  # fmt: skip
        # words of random keys stay int32; row numbers become what the library indexes with
        name = "int32" if values.dtype == np.int32 else names[values.dtype.kind]
        return self.backend.asarray(np.ascontiguousarray(values), dtype=name)

    def leave(self, i: int, carry: Carry | None = None) -> None:
        """End the training of a member; its result is ``carry``, or what it has now."""
        member = self.members[i]
        if self.alone:
            self.carry = carry or self.carry
        else:
            own = partial(self.backend.xp.asarray, copy=True)  # later steps write to the stack
            member.kept = carry or trees.map_leaves(own, self.of(i).carry)
        member.is_over = True

    def compact(self) -> None:
        """Drop the arrays of members that are over, once they are a quarter of the stack.

        They are not dropped one by one, because each size of a stack is compiled anew.
        """
        seats = [i for i, _ in self.live]
        if self.alone or not seats or len(seats) > 3 * len(self.members) / 4:
            return
        xp, rows = self.backend.xp, self._device(np.asarray(seats))
        carry = trees.map_leaves(lambda a: xp.take(a, rows, axis=0), self.carry)
        self._seat([self.members[i] for i in seats], carry)

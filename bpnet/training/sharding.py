"""A step whose batch is cut into shards, which one rank or many work on: the same bits.

A batch of k examples is cut into V shards, of rows i k // V to (i + 1) k // V. Each gives its share
of the gradients, already divided by the size or weight of the whole batch, and the shares are added
up by one fixed tree: by each rank those of its own shards, which are neighbors and a power of two,
then those of the ranks. So it does not matter how many ranks there are.
"""

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise, tee
from typing import Any, ClassVar

import numpy as np

from bpnet._typing import Array
from bpnet.arguments import finite_number
from bpnet.backends import Backend, placement, trees
from bpnet.core import flat
from bpnet.core.lbfgs import LBFGS
from bpnet.distributed import Communicator, Single, tree, wrap
from bpnet.errors import InputError
from bpnet.training import blocks, divergence, memory
from bpnet.training.judge import Data, Judge
from bpnet.training.member import Host
from bpnet.training.session import Session
from bpnet.training.step import Carry, Packed, Slopes, TrainingStep

SHARDS = 8
"""Shards of a batch where ranks are given and their number is not."""

_MOST = 1 << 16
"""Shards that a batch is cut into at most; each is a step of its own."""

ORDERS = ("ordered", "fast")


@dataclass(frozen=True)
class Split:
    """How the batches of a run are divided: over whom, and in how many shards; 0 is none."""

    ranks: Communicator
    shards: int
    ordered: bool = True

    @property
    def many(self) -> bool:
        """Whether there are other ranks."""
        return self.ranks.size > 1

    def own(self, k: int) -> list[tuple[int, int]]:
        """First row and last row + 1 of this rank's shards of a batch of ``k``; some may be empty.

        Examples
        --------
        >>> Split(Single(), 4).own(10)
        [(0, 2), (2, 5), (5, 7), (7, 10)]
        """
        each = self.shards // self.ranks.size
        first = self.ranks.rank * each
        return list(pairwise(i * k // self.shards for i in range(first, first + each + 1)))


def split(communicator: Any, reduce: Any, shards: Any) -> Split:
    """How a run's batches are divided; the arguments are fields of :class:`bpnet.Ranks`."""
    if reduce not in ORDERS:
        raise InputError(f"reduce is {reduce!r}; give 'ordered' or 'fast'")
    if communicator is None and shards is None:
        if reduce != ORDERS[0]:
            msg = f"reduce is {reduce!r}, a way to add up over ranks, and there are none; start "
            raise InputError(f"{msg}some (mpiexec) and give communicator, or leave reduce out")
        return Split(Single(), 0)
    ranks = Single() if communicator is None else wrap(communicator)
    if reduce == "fast":
        if shards is not None:
            msg = f"shards={shards!r} belongs to reduce='ordered'; with 'fast' each rank has one"
            raise InputError(msg)
        return Split(ranks, ranks.size, ordered=False)
    count = SHARDS if shards is None else finite_number(shards)
    if not isinstance(count, int) or not 1 <= count <= _MOST or count & (count - 1):
        raise InputError(f"shards is {shards!r}; give a power of two up to {_MOST}: 1, 2, 4, 8")
    if count % ranks.size:
        msg = f"{ranks.size} ranks can't share {count} shards evenly; start a number of ranks that "
        raise InputError(f"{msg}divides it, or give shards=, or reduce='fast'")
    return Split(ranks, count)


def check(
    divided: Split, judge: Judge, rule: Any, backend: Backend, compiled: bool | None = None
) -> None:
    """Refuse what cannot be cut into shards."""
    if not divided.shards:
        return
    if isinstance(rule, LBFGS):
        msg = "lbfgs works in one process, without shards; leave communicator and shards out, or "
        raise InputError(f"{msg}use another optimizer")
    if compiled and not backend.compiles:
        backend.compiling(compiled)  # another library refuses this by itself
        msg = "compiled is True and PyTorch compiles whole steps, which shards are parts of; leave "
        raise InputError(f"{msg}compiled out")
    if divided.shards > 1 and any(layer.averages for layer in judge.layers):
        msg = "batch normalization needs the whole batch at once; use norm='layer' with ranks or "
        raise InputError(f"{msg}shards")
    library = divided.ranks.library
    if library not in ("numpy", backend.name):
        msg = f"these ranks add up arrays of {library} and the backend is {backend.name}; use "
        raise InputError(f"{msg}backend={library!r}, or ranks that go over the host")


def placed(ranks: Communicator, backend: Any, device: Any) -> Any:
    """Backend of a rank: where there are several GPUs and none is named, one for each."""
    return placement.for_rank(backend, device, ranks.local_rank) if ranks.size > 1 else backend


def asked(divided: Split) -> dict[str, Any]:
    """What must be the same in a run that is taken up again: not how many ranks there are."""
    if not divided.ordered:
        return {"reduce": "fast"}
    return {"shards": divided.shards} if divided.shards else {}


def threads(divided: Split, backend: Backend, given: int | None) -> int | None:
    """Threads of a rank: one, unless another number is given or the library decides."""
    decides = type(backend).threads is Backend.threads
    return given if not divided.shards or decides or given is not None else 1


@dataclass(frozen=True)
class _Part:
    """Slopes of some rows as one vector: gradients, C, and the count of right answers."""

    step: TrainingStep

    def __call__(self, packed: Packed, rows: Array, data: Data, words: Any, total: Any) -> Array:
        judge = self.step.judge
        xp = judge.xp
        if len(data) > 3 and data[3] is not None:
            total = xp.sum(data[3][:1]) * 0 + total  # an array where the weights are
        slopes = Slopes(judge, self.step.micro)
        C, right, gradients = slopes(self.step.unpack(packed), rows, data, words, total)
        kind = next(a.dtype for arrays in gradients for a in arrays)
        sums = tuple(xp.astype(xp.reshape(a, (1,)), kind) for a in (C, *right))
        (vector,) = flat.of_all(judge.layers).pack(gradients, xp=xp)
        return xp.concat([vector, *sums])


@dataclass(frozen=True)
class _Move:
    """The rest of a step, from the vector that all parts add up to."""

    step: TrainingStep

    def __call__(
        self, carry: Carry, vector: Array, coefficients: Any, size: tuple[Any, int]
    ) -> tuple[Carry, tuple[Array, ...]]:
        judge = self.step.judge
        sums = 1 if judge.kind is None else 2
        end = vector.shape[0] - sums
        gradients = flat.of_all(judge.layers).unpack((vector[:end],), xp=judge.xp)
        slopes = (vector[end], tuple(vector[end + 1 + i] for i in range(sums - 1)), gradients)
        return self.step.move(carry, self.step.unpack(carry[0]), slopes, coefficients, size)


@dataclass(eq=False)
class ShardedSession(Session):
    """A run whose batches are cut into shards.

    The loop over steps is the host's, which adds up; parts and update are compiled each by itself
    where the library compiles.
    """

    split: Split = field(kw_only=True)
    pads: ClassVar[bool] = False

    def ahead(self, plan: Iterable[Any]) -> Generator[tuple[Any, blocks.Taken | None], None, None]:
        """Yield the rows of each block, and this rank's own of them on the device."""
        whole, mine = tee(plan)
        with closing(super().ahead(map(self._own, mine))) as brought:
            for rows in whole:  # zip would hold on to a block while it waits for the next
                yield rows, next(brought)[1]

    def _own(self, rows: Host) -> Host:
        bounds = self.split.own(rows.shape[1])
        return rows[:, bounds[0][0] : bounds[-1][1]]

    def take(
        self, each: Sequence[Host], taken: Any = None, skip: int = 0
    ) -> tuple[Host, Host, Carry]:
        """Take a step for each row of the one array in ``each``; see :meth:`Session.take`."""
        (member,), (rows,) = self.members, each
        backend, bounds = self.backend, self.split.own(rows.shape[1])
        bounds = [(start - bounds[0][0], stop - bounds[0][0]) for start, stop in bounds]
        run = member.run
        t = run.epoch * run.steps + run.step + 1 + skip
        coefficients, words = member.numbers(t, len(rows))
        data, here = taken or blocks.present(self.data, self._own(rows), backend)
        index = backend.asarray(here, dtype=backend.index_dtype)
        move = backend.compiled(_Move(self.step), donated=(0,))
        before = self._copied()
        carry, sums = self.carry, []
        for i, total in enumerate(self._totals(rows)):
            drawn = tuple(words[i].tolist())
            parts = self._parts(carry[0], index[i, ...], bounds, data, drawn, total)
            vector = tree.pairwise(parts)
            self.split.ranks.sum(vector, ordered=self.split.ordered)
            if not self._here:
                vector = backend.asarray(vector)
            size = total, rows.shape[1]
            carry, found = move(carry, vector, tuple(coefficients[i].tolist()), size)
            sums.append(found)
        self.carry = carry
        self.split.ranks.settle()
        stacked = tuple(backend.xp.stack(column) for column in zip(*sums, strict=True))
        stacked = divergence.mark(stacked, self.parameters, backend)
        costs, counts = blocks.fetch(stacked, backend)
        return costs[:, None], counts[:, None], before

    def _totals(self, rows: Host) -> list[Any]:
        """Size of each batch, or weight: the same on every rank, which may not have all weights."""
        weights = self.members[0].weights
        if weights is None:
            return [rows.shape[1]] * len(rows)
        wide = getattr(self.backend.xp, "float64", None)
        kind = np.float64 if self.step.judge.dtype == wide else np.float32
        return [float(np.sum(w)) for w in weights.astype(kind)[rows]]

    def _parts(
        self, packed: Packed, rows: Array, bounds: list[tuple[int, int]], data: Data,
        words: Any, total: Any,
    ) -> Iterator[Array]:  # fmt: skip
        """Yield the vector of each shard."""
        for start, stop in bounds:
            if start == stop:
                yield self._nothing(packed)
                continue
            vector = self._part(packed, rows[start:stop], data, words, total)
            yield self._brought(vector)

    def _part(self, packed: Packed, rows: Array, data: Data, words: Any, total: Any) -> Array:
        while True:
            part = self.backend.compiled(_Part(self.step))
            try:
                return part(packed, rows, data, words, total)
            except Exception as error:
                if not self.backend.out_of_memory(error):
                    raise
                self.step = memory.smaller(self.step, rows.shape[0], error)
            self.backend.free_unused()

    @property
    def _here(self) -> bool:
        """Whether the ranks' sums are made where the gradients are."""
        return self.backend.name == self.split.ranks.library

    def _brought(self, vector: Array) -> Array:
        """A vector where the ranks' sums are made, in memory of its own."""
        return vector if self._here else self.backend.to_numpy(vector)

    def _nothing(self, packed: Packed) -> Array:
        """Vector of a shard without rows."""
        arrays = list(trees.leaves(packed))
        length = sum(math.prod(a.shape) for a in arrays) + (
            1 if self.step.judge.kind is None else 2
        )
        zeros = self.backend.xp.zeros((length,), dtype=arrays[0].dtype, device=self.backend.device)
        return self._brought(zeros)


def session(divided: Split, *given: Any) -> Session:
    """The session of a network, sharded where its batches are."""
    return ShardedSession(*given, split=divided) if divided.shards else Session(*given)

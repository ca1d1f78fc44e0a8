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
from itertools import tee
from typing import Any, ClassVar

import numpy as np

from bpnet._typing import Array
from bpnet.backends import trees
from bpnet.core import flat
from bpnet.distributed import tree
from bpnet.training import blocks, divergence
from bpnet.training.judge import Data
from bpnet.training.member import Host
from bpnet.training.ranks import Split
from bpnet.training.session import Session
from bpnet.training.step import Carry, Packed, Slopes, TrainingStep


@dataclass(frozen=True)
class _Part:
    """Slopes of some rows as one vector: gradients, C, and the count of right answers."""

    step: TrainingStep

    def __call__(self, packed: Packed, rows: Array, data: Data, words: Any, total: Any) -> Array:
        judge, xp = self.step.judge, self.step.judge.xp
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
        self.split.ranks.synchronize()
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
                self.step = self.step.smaller(rows.shape[0], error)
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

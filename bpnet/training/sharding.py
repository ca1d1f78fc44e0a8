"""Steps whose batch is cut into shards, which give the same bits on any number of ranks.

A batch of k examples is cut into V shards, of rows i k // V to (i + 1) k // V. Each shard gives its
share of the gradients, divided by the size or weight of the whole batch. The shares are added up by
one fixed tree: each rank adds up its own shards, which are neighbors and a power of two in number,
and then the ranks add up their sums. So the order of additions does not depend on how many ranks
there are.
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
from bpnet.training.member import Host
from bpnet.training.objective import Data
from bpnet.training.ranks import Split
from bpnet.training.session import Session
from bpnet.training.step import Carry, Packed, TrainingStep, beside_weights


@dataclass(frozen=True)
class _Part:
    """Gradients, C and the number of correct answers of some rows, as one vector."""

    step: TrainingStep

    def __call__(self, packed: Packed, rows: Array, data: Data, words: Any, total: Any) -> Array:
        objective, xp = self.step.objective, self.step.objective.xp
        parameters, total = self.step.unpack(packed), beside_weights(total, data)
        C, right, gradients = self.step.backpropagation(parameters, rows, data, words, total)
        kind = next(a.dtype for arrays in gradients for a in arrays)
        # cost and count travel with the gradients, so that a step has one sum over the ranks
        sums = tuple(xp.astype(xp.reshape(a, (1,)), kind) for a in (C, *right))
        (vector,) = flat.of_all(objective.layers).pack(gradients, xp=xp)
        return xp.concat([vector, *sums])


@dataclass(frozen=True)
class _Move:
    """The update of a step, from the vector that all shards add up to."""

    step: TrainingStep

    def __call__(
        self, carry: Carry, vector: Array, coefficients: Any, size: tuple[Any, int]
    ) -> tuple[Carry, tuple[Array, ...]]:
        objective = self.step.objective
        sums = 1 if objective.kind is None else 2
        end = vector.shape[0] - sums
        gradients = flat.of_all(objective.layers).unpack((vector[:end],), xp=objective.xp)
        results = (vector[end], tuple(vector[end + 1 + i] for i in range(sums - 1)), gradients)
        return self.step.move(carry, self.step.unpack(carry[0]), results, coefficients, size)


@dataclass(eq=False)
class ShardedSession(Session):
    """A network whose batches are cut into shards.

    The host loops over the steps and adds up the shards; shares and update are compiled each by
    itself where the library compiles.
    """

    split: Split = field(kw_only=True)
    # shards are cut by the length of a batch, which padding would change
    pads: ClassVar[bool] = False

    def ahead(self, plan: Iterable[Any]) -> Generator[tuple[Any, blocks.Taken | None], None, None]:
        """Yield the rows of each block, and on the device those of this rank's shards."""
        whole, mine = tee(plan)
        with closing(super().ahead(map(self._own, mine))) as brought:
            for rows in whole:  # zip would keep a block alive while it waits for the next
                yield rows, next(brought)[1]

    def _own(self, rows: Host) -> Host:
        """Return the part of the rows, (steps, k), that this rank's shards take."""
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
        # the update writes to the carry, and a block that diverges is repeated from here
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
            carry, step_sums = move(carry, vector, tuple(coefficients[i].tolist()), size)
            sums.append(step_sums)
        self.carry = carry
        # sums on a device may still be in progress
        self.split.ranks.synchronize()
        stacked = tuple(backend.xp.stack(column) for column in zip(*sums, strict=True))
        stacked = divergence.mark(stacked, self.parameters, backend)
        costs, counts = blocks.fetch(stacked, backend)
        return costs[:, None], counts[:, None], before

    def _totals(self, rows: Host) -> list[Any]:
        """Return the weight, or size, of each batch, computed on the host: equal on every rank."""
        weights = self.members[0].weights
        if weights is None:
            return [rows.shape[1]] * len(rows)
        wide = getattr(self.backend.xp, "float64", None)
        kind = np.float64 if self.step.objective.dtype == wide else np.float32
        return [float(np.sum(w)) for w in weights.astype(kind)[rows]]

    def _parts(
        self, packed: Packed, rows: Array, bounds: list[tuple[int, int]], data: Data,
        words: Any, total: Any,
    ) -> Iterator[Array]:  # fmt: skip
        """Yield the vector of each of this rank's shards."""
        for start, stop in bounds:
            if start < stop:
                part = self._part(packed, rows[start:stop], data, words, total)
            else:
                # a batch may have fewer rows than shards, and the tree needs all of these
                part = self._nothing(packed)
            yield part if self._here else self.backend.to_numpy(part)

    def _part(self, packed: Packed, rows: Array, data: Data, words: Any, total: Any) -> Array:
        """Return the vector of one shard, in smaller parts where memory runs out."""
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
        """Whether ranks add up arrays of the backend, and not copies of them on the host."""
        return self.backend.name == self.split.ranks.library

    def _nothing(self, packed: Packed) -> Array:
        """Return the vector of a shard without rows."""
        arrays, sums = list(trees.leaves(packed)), 1 if self.step.objective.kind is None else 2
        length = sum(math.prod(a.shape) for a in arrays) + sums
        return self.backend.xp.zeros((length,), dtype=arrays[0].dtype, device=self.backend.device)

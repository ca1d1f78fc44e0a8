"""Ranks: how they divide the work, that all of them do the same, and when they stop."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bpnet import backends
from bpnet.arguments import finite_number
from bpnet.backends import Backend, placement, trees
from bpnet.core.feedforward import Parameters
from bpnet.core.lbfgs import LBFGS
from bpnet.distributed import Communicator, Single, wrap
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.storage import checkpoint
from bpnet.storage.checkpoint import Snapshot
from bpnet.training import checkpoints
from bpnet.training.callbacks import SIGNALS, Callback, Run
from bpnet.training.checkpoints import Checkpoint
from bpnet.training.judge import Judge
from bpnet.training.recipe import RANKS

SHARDS = 8
"""Shards of a batch where ranks are given and their number is not."""

_MOST = 1 << 16
"""Shards that a batch is cut into at most; each is a step of its own."""

_REASONS = (*sorted(SIGNALS), "another rank")


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

    def check(self, judge: Judge, rule: Any, backend: Backend, compiled: bool | None) -> None:
        """Refuse what cannot be cut into shards."""
        if not self.shards:
            return
        if isinstance(rule, LBFGS):
            msg = "lbfgs works in one process, without shards; leave communicator and shards out, "
            raise InputError(f"{msg}or use another optimizer")
        if compiled and not backend.compiles:
            backend.compiling(compiled)  # another library refuses this by itself
            msg = "compiled is True and PyTorch compiles whole steps, which shards are parts of; "
            raise InputError(f"{msg}leave compiled out")
        if self.shards > 1 and any(layer.averages for layer in judge.layers):
            msg = "batch normalization needs the whole batch at once; use norm='layer' with ranks "
            raise InputError(f"{msg}or shards")
        library = self.ranks.library
        if library not in ("numpy", backend.name):
            msg = f"these ranks add up arrays of {library} and the backend is {backend.name}; use "
            raise InputError(f"{msg}backend={library!r}, or ranks that go over the host")

    def placed(self, backend: Any, device: Any) -> Any:
        """Backend of a rank: where there are several GPUs and none is named, one for each."""
        return placement.for_rank(backend, device, self.ranks.local_rank) if self.many else backend

    def asked(self) -> dict[str, Any]:
        """What must be the same in a run that is taken up again: not how many ranks there are."""
        if not self.ordered:
            return {"reduce": "fast"}
        return {"shards": self.shards} if self.shards else {}

    def threads(self, backend: Backend, given: int | None) -> int | None:
        """Threads of a rank: one, unless another number is given or the library decides."""
        decides = type(backend).threads is Backend.threads
        return given if not self.shards or decides or given is not None else 1


def split(communicator: Any, reduce: Any, shards: Any) -> Split:
    """How a run's batches are divided; the arguments are fields of :class:`bpnet.Ranks`."""
    allowed: Any = RANKS["reduce"].range
    allowed(reduce, "reduce")
    if communicator is None and shards is None:
        if reduce == "fast":
            msg = "reduce is 'fast', a way to add up over ranks, and there are none; start some "
            raise InputError(f"{msg}(mpiexec) and give communicator, or leave reduce out")
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


def hashed(*content: bytes) -> float:
    """BLAKE2 hash of 6 bytes, which a float64 holds exactly."""
    digest = hashlib.blake2b(digest_size=6)
    for part in content:
        digest.update(part)
    return float(int.from_bytes(digest.digest()))


def begin(
    ranks: Communicator, given: Any, resume: bool, asked: dict[str, Any], backend: str,
    networks: Sequence[Network], epochs: Sequence[int],
) -> tuple[Checkpoint | None, Snapshot | None]:  # fmt: skip
    """Rank 0's writer of checkpoints and what all ranks start from; rank 0's parameters for all.

    On every rank, refuse ranks that were not asked for the same run.
    """
    writer, found = checkpoints.make(given, resume, asked) if ranks.rank == 0 else (None, None)
    if ranks.size == 1:
        return writer, found
    ranks.agree()
    told = {"number of networks": len(networks), "epochs": list(epochs), **asked}
    told["backend"] = backend
    _compare(ranks, {"options": sorted(told)})
    _compare(ranks, told)
    first = _first(ranks, tuple(network.parameters for network in networks))
    for network, parameters in zip(networks, first, strict=True):
        network.parameters = parameters
    content = ranks.share(None if found is None else checkpoint.encode(found))
    return writer, checkpoint.decode(content) if content else None


def _compare(ranks: Communicator, told: dict[str, Any]) -> None:
    """Refuse, on every rank, ranks that differ in what they were told under the same names."""
    said = ranks.gather([hashed(json.dumps(value).encode()) for value in told.values()])
    for name, hashes in zip(told, said.T, strict=True):
        other = np.flatnonzero(hashes != hashes[0])
        if len(other):
            msg = f"rank {other[0]} has other {name} than rank 0; give every rank the same"
            raise InputError(msg + ", the whole set" * (name == "data"))


def _first(ranks: Communicator, parameters: tuple[Parameters, ...]) -> tuple[Parameters, ...]:
    """Rank 0's first parameters, on every rank, as NumPy arrays."""
    host = backends.to_numpy(parameters)
    rank_0 = memoryview(ranks.share(b"".join(a.tobytes() for a in trees.leaves(host))))

    def take(a: Any) -> Any:
        nonlocal rank_0
        mine, rank_0 = rank_0[: a.nbytes], rank_0[a.nbytes :]
        return np.frombuffer(mine, a.dtype).reshape(a.shape).copy()

    taken: tuple[Parameters, ...] = trees.map_leaves(take, host)
    return taken


@dataclass(eq=False)
class SharedRun(Run):
    """A run of several ranks: it stops when :class:`Agreement` finds that one of them would."""

    wanted: str | None = None

    def stop(self, reason: str) -> None:
        """Ask for the end of the run."""
        self.wanted = reason


class Agreement(Callback):
    """After each block the ranks compare their parameters, and learn who wants to stop."""

    def __init__(self, ranks: Communicator, session: Any) -> None:
        self._ranks, self._session = ranks, session

    def on_block_end(self, run: Run) -> None:
        """Compare, before a checkpoint is written."""
        self._agree(run)

    def on_epoch_end(self, run: Run) -> None:
        """Compare, after other callbacks have judged the epoch."""
        self._agree(run)

    def _agree(self, run: Any) -> None:
        wanted = len(_REASONS) if run.wanted else 0
        if run.wanted in _REASONS:
            wanted = 1 + _REASONS.index(run.wanted)
        arrays = trees.leaves(backends.to_numpy(self._session.parameters))
        said = self._ranks.gather([wanted, hashed(*(a.tobytes() for a in arrays))])
        other = np.flatnonzero(said[:, 1] != said[0, 1])
        if len(other):
            msg = f"after step {run.step} of epoch {run.epoch + 1} rank {other[0]} has other "
            msg += "parameters than rank 0: a machine that computes differently, or a broken one"
            raise RuntimeError(msg)
        reasons = said[said[:, 0] > 0, 0]
        if len(reasons):
            reason = _REASONS[int(reasons.min()) - 1]
            run.stopped = reason if reason in SIGNALS else run.wanted or reason

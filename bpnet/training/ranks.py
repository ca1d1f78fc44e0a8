"""Ranks: how they divide the work, check that they do the same, and agree to stop."""

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
from bpnet.training.objective import Objective
from bpnet.training.recipe import RANKS

SHARDS = 8
"""Shards of a batch if there are ranks and no number is chosen."""

_MOST = 1 << 16
"""Most shards of a batch; each shard is a step of its own."""

# ranks gather numbers, so that a reason travels as its place in this tuple, from 1
_REASONS = (*sorted(SIGNALS), "another rank")


@dataclass(frozen=True)
class Split:
    """How the batches of a run are divided: among which ranks, in how many shards; 0 is whole."""

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

    def check(
        self, objective: Objective, rule: Any, backend: Backend, compiled: bool | None
    ) -> None:
        """Refuse options that do not work with shards."""
        if not self.shards:
            return
        if isinstance(rule, LBFGS):
            msg = "lbfgs works in one process, without shards; leave communicator and shards out, "
            raise InputError(f"{msg}or use another optimizer")
        if compiled and not backend.compiles:
            backend.compiling(compiled)  # another library refuses this by itself
            msg = "compiled is True and PyTorch compiles whole steps, which shards are parts of; "
            raise InputError(f"{msg}leave compiled out")
        if self.shards > 1 and any(layer.averages for layer in objective.layers):
            msg = "batch normalization needs the whole batch at once; use norm='layer' with ranks "
            raise InputError(f"{msg}or shards")
        library = self.ranks.library
        if library not in ("numpy", backend.name):
            msg = f"these ranks add up arrays of {library} and the backend is {backend.name}; use "
            raise InputError(f"{msg}backend={library!r}, or ranks that go over the host")

    def placed(self, backend: Any, device: Any) -> Any:
        """Return the backend of this rank: of several GPUs each rank has one."""
        return placement.for_rank(backend, device, self.ranks.local_rank) if self.many else backend

    def settings(self) -> dict[str, Any]:
        """Return what a resumed run must have the same, which the number of ranks is not."""
        if not self.ordered:
            return {"reduce": "fast"}
        return {"shards": self.shards} if self.shards else {}

    def threads(self, backend: Backend, threads: int | None) -> int | None:
        """Return the threads of this rank: 1 with shards, unless the user or library decides."""
        decides = type(backend).threads is Backend.threads
        # products of one thread and of two may differ in their last bits
        return threads if not self.shards or decides or threads is not None else 1


def split(communicator: Any, reduce: Any, shards: Any) -> Split:
    """Return how batches are divided; the arguments are the fields of :class:`bpnet.Ranks`."""
    check_reduce: Any = RANKS["reduce"].range
    check_reduce(reduce, "reduce")
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
    """Return a BLAKE2 hash of 6 bytes, which a float64 represents exactly."""
    digest = hashlib.blake2b(digest_size=6)
    for part in content:
        digest.update(part)
    return float(int.from_bytes(digest.digest()))


def begin(
    ranks: Communicator, folder: Any, resume: bool, settings: dict[str, Any], backend: str,
    networks: Sequence[Network], epochs: Sequence[int],
) -> tuple[Checkpoint | None, Snapshot | None]:  # fmt: skip
    """Return rank 0's writer of checkpoints and the snapshot that all ranks start from.

    Every rank gets the parameters of rank 0. Ranks with other settings are refused on every rank.
    """
    writer, snapshot = None, None
    if ranks.rank == 0:
        writer, snapshot = checkpoints.make(folder, resume, settings)
    if ranks.size == 1:
        return writer, snapshot
    # where rank 0 refuses the folder, the others exit here and do not wait for its content
    ranks.agree()
    compared = {"number of networks": len(networks), "epochs": list(epochs), **settings}
    compared["backend"] = backend
    # values are gathered in the order of their names, so the names must be the same first
    _compare(ranks, {"options": sorted(compared)})
    _compare(ranks, compared)
    # the first weights are not compared, and a network may have other ones on another rank
    first = _first(ranks, tuple(network.parameters for network in networks))
    for network, parameters in zip(networks, first, strict=True):
        network.parameters = parameters
    content = ranks.share(None if snapshot is None else checkpoint.encode(snapshot))
    return writer, checkpoint.decode(content) if content else None


def _compare(ranks: Communicator, values: dict[str, Any]) -> None:
    """Refuse, on every rank, ranks that differ in a value of the same name."""
    gathered = ranks.gather([hashed(json.dumps(value).encode()) for value in values.values()])
    for name, hashes in zip(values, gathered.T, strict=True):
        other = np.flatnonzero(hashes != hashes[0])
        if len(other):
            msg = f"rank {other[0]} has other {name} than rank 0; give every rank the same"
            raise InputError(msg + ", the whole set" * (name == "data"))


def _first(ranks: Communicator, parameters: tuple[Parameters, ...]) -> tuple[Parameters, ...]:
    """Return rank 0's first parameters, on every rank, as NumPy arrays."""
    host = backends.to_numpy(parameters)
    rank_0 = memoryview(ranks.share(b"".join(a.tobytes() for a in trees.leaves(host))))

    def take(a: Any) -> Any:
        nonlocal rank_0
        mine, rank_0 = rank_0[: a.nbytes], rank_0[a.nbytes :]
        # the array of a buffer is read-only, and training writes to its own
        return np.frombuffer(mine, a.dtype).reshape(a.shape).copy()

    taken: tuple[Parameters, ...] = trees.map_leaves(take, host)
    return taken


@dataclass(eq=False)
class SharedRun(Run):
    """A run of several ranks, which stops when :class:`Agreement` learns that a rank asks for it.

    ``reason`` is why this rank asks for it.
    """

    reason: str | None = None

    def stop(self, reason: str) -> None:
        """Ask for the end of the run."""
        self.reason = reason


class Agreement(Callback):
    """Compares the parameters of all ranks after each block, and stops all if one asks for it."""

    def __init__(self, ranks: Communicator, session: Any) -> None:
        self._ranks, self._session = ranks, session

    def on_block_end(self, run: Any) -> None:
        """Compare before a checkpoint is written, and after other callbacks have seen an epoch."""
        code = len(_REASONS) if run.reason else 0  # 0 is no reason, the last one any other
        if run.reason in _REASONS:
            code = 1 + _REASONS.index(run.reason)
        arrays = trees.leaves(backends.to_numpy(self._session.parameters))
        gathered = self._ranks.gather([code, hashed(*(a.tobytes() for a in arrays))])
        other = np.flatnonzero(gathered[:, 1] != gathered[0, 1])
        if len(other):
            msg = f"after step {run.step} of epoch {run.epoch + 1} rank {other[0]} has other "
            msg += "parameters than rank 0: a machine that computes differently, or a broken one"
            raise RuntimeError(msg)
        codes = gathered[gathered[:, 0] > 0, 0]
        if len(codes):
            # ranks may have different reasons, and all must act on the same one
            reason = _REASONS[int(codes.min()) - 1]
            run.stopped = reason if reason in SIGNALS else run.reason or reason

    # other callbacks may ask for a stop at the end of an epoch only
    on_epoch_end = on_block_end

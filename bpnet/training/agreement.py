"""What ranks tell one another beside the sums: that they do the same, and when to stop."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet import backends
from bpnet.backends import trees
from bpnet.core.feedforward import Parameters
from bpnet.distributed import Communicator
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.storage import checkpoint
from bpnet.storage.checkpoint import Snapshot
from bpnet.training import checkpoints
from bpnet.training.callbacks import SIGNALS, Callback, Run
from bpnet.training.checkpoints import Checkpoint

_REASONS = (*sorted(SIGNALS), "another rank")


def hashed(*content: bytes) -> float:
    """BLAKE2 hash of 6 bytes, which a float64 holds exactly."""
    digest = hashlib.blake2b(digest_size=6)
    for part in content:
        digest.update(part)
    return float(int.from_bytes(digest.digest()))


def begin(
    ranks: Communicator,
    given: Any,
    resume: bool,
    asked: dict[str, Any],
    backend: str,
    networks: Sequence[Network],
    epochs: Sequence[int],
) -> tuple[Checkpoint | None, Snapshot | None]:
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
    content = ranks.share(None if found is None else checkpoint.packed(found))
    return writer, checkpoint.unpacked(content) if content else None


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
    leaves = list(trees.leaves(host))
    content = ranks.share(b"".join(np.ascontiguousarray(a).tobytes() for a in leaves))
    at = 0

    def take(a: Any) -> Any:
        nonlocal at
        start, at = at, at + a.nbytes
        return np.frombuffer(content, a.dtype, a.size, start).reshape(a.shape).copy()

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

    def __init__(self, ranks: Communicator, parameters: Any) -> None:
        self._ranks, self._parameters = ranks, parameters

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
        arrays = trees.leaves(backends.to_numpy(self._parameters()))
        said = self._ranks.gather(
            [wanted, hashed(*(np.ascontiguousarray(a).tobytes() for a in arrays))]
        )
        other = np.flatnonzero(said[:, 1] != said[0, 1])
        if len(other):
            msg = f"after step {run.step} of epoch {run.epoch + 1} rank {other[0]} has other "
            msg += "parameters than rank 0: a machine that computes differently, or a broken one"
            raise RuntimeError(msg)
        reasons = said[said[:, 0] > 0, 0]
        if len(reasons):
            reason = _REASONS[int(reasons.min()) - 1]
            run.stopped = reason if reason in SIGNALS else run.wanted or reason


def run(ranks: Communicator) -> type[Run]:
    """Kind of run: one that is stopped by agreement where there are others."""
    return SharedRun if ranks.size > 1 else Run


def callbacks(ranks: Communicator, session: Any) -> list[Callback]:
    """What comes after the user's callbacks: ranks that compare."""
    return [Agreement(ranks, lambda: session.parameters)] if ranks.size > 1 else []

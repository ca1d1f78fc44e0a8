"""Commands under ``mpiexec``: rank 0 prints and writes, and all ranks end with one status."""

import json
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bpnet import backends
from bpnet.backends import placement, specs
from bpnet.errors import BackendUnavailable

_RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK")
"""Environment variables in which MPI launchers pass a process its rank."""

T = TypeVar("T")


def join() -> Any:
    """Communicator of the ranks of ``mpiexec bpnet train``; None without a launcher.

    Raises
    ------
    BackendUnavailable
        If mpi4py or its MPI library is missing; on rank 0, so that the error is printed once.
    SystemExit
        For the same reason, on the other ranks.
    """
    from bpnet import distributed

    try:
        ranks = distributed.launched()
    except BackendUnavailable as error:
        if any(os.environ.get(name, "0") != "0" for name in _RANKS):
            raise SystemExit(2) from error
        raise
    if ranks is not None and ranks.rank:
        logging.getLogger("bpnet").setLevel(logging.ERROR)  # rank 0 logs the same warnings
    return ranks


def leads(ranks: Any) -> bool:
    """Whether this process prints and writes files: it is rank 0, or has no other ranks."""
    return ranks is None or ranks.rank == 0


def rank_0_first(ranks: Any, function: Callable[[], T]) -> T:
    """Call a function on every rank, on rank 0 before the others: it may download files."""
    if ranks is None:
        return function()
    if ranks.rank:
        ranks.agree()  # returns when rank 0 has called the function
        return function()
    result = function()
    ranks.agree()
    return result


def on_rank_0(ranks: Any, function: Callable[[], T]) -> T:
    """Call a function on rank 0 and return its result, plain data, on every rank.

    The other ranks may be on machines that do not have the disk of rank 0.
    """
    if ranks is None:
        return function()
    result = function() if ranks.rank == 0 else None
    ranks.agree()  # where rank 0 has failed, the others exit here and wait for no result
    shared: T = json.loads(ranks.share(json.dumps(result).encode()))
    return shared


def select_backend(ranks: Any, backend: str | None, device: str | None) -> backends.Selection:
    """Select the backend of this process; the ranks of one machine get a GPU each."""
    spec: Any = backend
    if ranks is not None and ranks.size > 1:
        spec = placement.for_rank(backend, device, ranks.local_rank)
    return backends.select(spec, device)


def resumed_backend(ranks: Any, spec: str) -> str:
    """Backend for a resumed run, without the recorded GPU's number, which was that of rank 0."""
    shared = ranks is not None and ranks.size > 1 and specs.is_gpu(spec)
    return specs.split_spec(spec)[0] if shared else spec


def ranks_lines(ranks: Any, settings: Mapping[str, Any]) -> list[str]:
    """Line on the number of ranks and their way of summing, for the heading of a run."""
    if ranks is None:
        return []
    shards = settings.get("shards")
    return [f"ranks: {ranks.size}, {f'{shards} shards' if shards else 'fast sums'}"]

"""A command that ``mpiexec`` started several times: rank 0 speaks and writes, and all end alike."""

import json
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bpnet import backends
from bpnet.backends import placement, specs
from bpnet.errors import BackendUnavailable

_RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK")
"""Variables in which a launcher tells a process its number."""

T = TypeVar("T")


def join() -> Any:
    """The ranks of ``mpiexec bpnet train``; None for a process by itself.

    Raises
    ------
    BackendUnavailable
        If there is no MPI to join them; on rank 0 alone.
    SystemExit
        On the others, which say nothing.
    """
    from bpnet import distributed

    try:
        ranks = distributed.launched()
    except BackendUnavailable as error:
        if any(os.environ.get(name, "0") != "0" for name in _RANKS):
            raise SystemExit(2) from error
        raise
    if ranks is not None and ranks.rank:
        logging.getLogger("bpnet").setLevel(logging.ERROR)  # rank 0 says it
    return ranks


def leads(ranks: Any) -> bool:
    """Whether this process speaks and writes."""
    return ranks is None or ranks.rank == 0


def first(ranks: Any, function: Callable[[], T]) -> T:
    """What a function returns on every rank, rank 0 first: it may fetch files."""
    if ranks is None:
        return function()
    if ranks.rank:
        ranks.agree()
        return function()
    found = function()
    ranks.agree()
    return found


def of_rank_0(ranks: Any, function: Callable[[], T]) -> T:
    """What a function returns on rank 0, plain data, on every rank: they may not see its disk."""
    if ranks is None:
        return function()
    found = function() if ranks.rank == 0 else None
    ranks.agree()
    shared: T = json.loads(ranks.share(json.dumps(found).encode()))
    return shared


def of_rank(ranks: Any, backend: str | None, device: str | None) -> backends.Selection:
    """The backend of this process: with several GPUs each rank of a machine has its own."""
    asked: Any = backend
    if ranks is not None and ranks.size > 1:
        asked = placement.for_rank(backend, device, ranks.local_rank)
    return backends.select(asked, device)


def recorded(ranks: Any, spec: str) -> str:
    """Backend of a run that is taken up again: with ranks the GPU was rank 0's."""
    shared = ranks is not None and ranks.size > 1 and specs.is_gpu(spec)
    return specs.split_spec(spec)[0] if shared else spec


def described(ranks: Any, settings: Mapping[str, Any]) -> list[str]:
    """How many ranks there are and how they add up, for the lines that begin a run."""
    if ranks is None:
        return []
    shards = settings.get("shards")
    return [f"ranks: {ranks.size}, {f'{shards} shards' if shards else 'fast sums'}"]

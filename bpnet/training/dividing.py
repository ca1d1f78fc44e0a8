"""A set of networks divided over ranks: each rank trains its share, then all hold all of them."""

from collections.abc import Set
from typing import Any

import numpy as np

from bpnet.distributed import Communicator
from bpnet.errors import Diverged
from bpnet.storage import checkpoint
from bpnet.storage.checkpoint import Snapshot
from bpnet.training.opening import Job


def gather(job: Job, own: Set[int], histories: Any, stopped: str | None) -> str | None:
    """Bring to every rank what each has trained; return why the first that was stopped was.

    A network is trained by one rank alone, in a stack that does not depend on how many there are.
    ``own`` are the numbers of this rank's networks; ``histories`` is written to for the others.
    """
    networks, ranks = [plan.network for plan in job.call.plans], job.call.split.ranks
    mine = sorted(own)
    values = [tuple(np.asarray(v) for v in histories[i].values()) for i in mine]
    errors = [str(histories.diverged[i]) if i in histories.diverged else None for i in mine]
    arrays = {
        "parameters": tuple(networks[i].parameters for i in mine),
        "histories": tuple(values),
    }
    numbers = {
        "networks": [[i, [*histories[i]], e] for i, e in zip(mine, errors, strict=True)],
        "stacks": histories.stacks,
        "stopped": stopped,
    }
    with ranks.patient():  # some have more to train than others
        contents = _exchanged(ranks, checkpoint.packed(Snapshot(arrays, numbers)))
    said = [checkpoint.unpacked(content) for content in contents]
    histories.stacks[:] = [n for held in said for n in held.numbers["stacks"]]
    for held in said:
        for at, (i, names, error) in enumerate(held.numbers["networks"]):
            if i in own:
                continue
            columns = zip(names, held.arrays["histories"][at], strict=True)
            histories[i] = {name: column.tolist() for name, column in columns}
            networks[i].parameters = held.arrays["parameters"][at]
            if error is None:
                job.name_outputs(networks[i])
            else:
                histories.diverged[i] = Diverged(error)
    return next(filter(None, (held.numbers["stopped"] for held in said)), None)


def _exchanged(ranks: Communicator, content: bytes) -> list[bytes]:
    """Bytes of every rank, on every rank: as words, which a float64 holds exactly."""
    lengths = ranks.gather([len(content)])[:, 0].astype(int)
    padded = content.ljust(-(-max(lengths) // 4) * 4, b"\0")
    words = ranks.gather(np.frombuffer(padded, np.uint32).astype(np.float64))
    pairs = zip(words, lengths, strict=True)
    return [row.astype(np.uint32).tobytes()[:length] for row, length in pairs]

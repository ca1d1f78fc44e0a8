"""A set of networks divided over ranks: each rank trains its share, then all hold all of them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpnet import checkpoint
from bpnet.checkpoint import Snapshot
from bpnet.distributed import Communicator
from bpnet.errors import Diverged, InputError
from bpnet.network import Network
from bpnet.training.agreement import hashed

Ended = tuple[dict[str, list[float]], Diverged | None]
"""History of a network, and why it ended before its time."""


def check_alike(ranks: Communicator, told: str) -> None:
    """Refuse, on every rank, ranks that were not asked for the same set.

    Parameters
    ----------
    ranks : Communicator
        All of them.
    told : str
        What the set is asked for, in words that are the same on every rank.

    Raises
    ------
    InputError
        Naming the first rank that was asked for something else.
    """
    ranks.agree()
    said = ranks.gather([hashed(told.encode())])[:, 0]
    other = np.flatnonzero(said != said[0])
    if len(other):
        msg = f"rank {other[0]} has another set, or other data or options, than rank 0"
        raise InputError(f"{msg}; give every rank the same")


def gathered(
    networks: Sequence[Network],
    ranks: Communicator,
    ended: Sequence[Ended | None],
    stacks: Sequence[int],
    stopped: str | None,
    name_outputs: Callable[[Network], None],
) -> tuple[list[Ended], list[int], str | None]:
    """Bring to every rank what each has trained.

    A network is trained by one rank alone, in a stack that does not depend on how many there are.

    Parameters
    ----------
    networks : sequence of Network
        Of the set, the same on every rank; those of other ranks get their parameters.
    ranks : Communicator
        Who trained.
    ended : sequence of pairs
        What each network gave; None for those of other ranks.
    stacks : sequence of int
        How many this rank has trained at once.
    stopped : str or None
        Why this rank ended before its time; returned is why the first that did so did.
    name_outputs : callable
        Tells a network what its outputs are.
    """
    own = {i: pair for i, pair in enumerate(ended) if pair is not None}
    arrays = {
        "parameters": tuple(networks[i].parameters for i in own),
        "histories": tuple(
            tuple(np.asarray(values) for values in history.values()) for history, _ in own.values()
        ),
    }
    numbers = {
        "networks": [
            [i, list(history), None if error is None else str(error)]
            for i, (history, error) in own.items()
        ],
        "stacks": list(stacks),
        "stopped": stopped,
    }
    everything: list[Any] = list(ended)
    together: list[int] = []
    with ranks.patient():  # some have more to train than others
        contents = _exchanged(ranks, checkpoint.packed(Snapshot(arrays, numbers)))
    others = [checkpoint.unpacked(content) for content in contents]
    for held in others:
        together += held.numbers["stacks"]
        for at, (i, names, error) in enumerate(held.numbers["networks"]):
            if i in own:
                continue
            values = held.arrays["histories"][at]
            history = {name: v.tolist() for name, v in zip(names, values, strict=True)}
            everything[i] = history, None if error is None else Diverged(error)
            networks[i].parameters = held.arrays["parameters"][at]
            if error is None:
                name_outputs(networks[i])
    reasons = (held.numbers["stopped"] for held in others)
    return everything, together, next(filter(None, reasons), None)


def _exchanged(ranks: Communicator, content: bytes) -> list[bytes]:
    """Bytes of every rank, on every rank: as words, which a float64 holds exactly."""
    lengths = ranks.gather([len(content)])[:, 0].astype(int)
    padded = content.ljust(-(-max(lengths) // 4) * 4, b"\0")
    words = ranks.gather(np.frombuffer(padded, np.uint32).astype(np.float64))
    pairs = zip(words, lengths, strict=True)
    return [row.astype(np.uint32).tobytes()[:length] for row, length in pairs]

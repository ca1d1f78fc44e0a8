"""A set of networks divided over ranks: each rank trains its share, then all hold all of them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpnet import checkpoint
from bpnet.checkpoint import Snapshot
from bpnet.distributed import Communicator
from bpnet.errors import Diverged, InputError
from bpnet.training.agreement import hashed

Ended = tuple[dict[str, list[float]], Diverged | None]
"""History of a network, and why it ended before its time."""


def train(
    networks: Sequence[Any],
    ranks: Communicator,
    told: str,
    share: Callable[[], tuple[list[Ended | None], list[int]]],
) -> tuple[list[Ended], list[int]]:
    """Train the networks of a set, some of them on each rank.

    A network is trained by one rank alone, in a stack that does not depend on how many there are.

    Parameters
    ----------
    networks : sequence of Network
        Of the set, the same on every rank.
    ranks : Communicator
        Who trains.
    told : str
        What the set is asked for, in words that are the same on every rank.
    share : callable
        Trains this rank's; returns what each of the set gave, None for those of other ranks, and
        how many were trained at once.

    Raises
    ------
    InputError
        On every rank, if they were not asked for the same set.
    """
    ranks.agree()
    said = ranks.gather([hashed(told.encode())])[:, 0]
    other = np.flatnonzero(said != said[0])
    if len(other):
        msg = f"rank {other[0]} has another set, or other data or options, than rank 0"
        raise InputError(f"{msg}; give every rank the same")
    with ranks.running():
        ended, stacks = share()
        return _gathered(networks, ranks, ended, stacks)


def _gathered(
    networks: Sequence[Any], ranks: Communicator, ended: list[Ended | None], stacks: list[int]
) -> tuple[list[Ended], list[int]]:
    """Bring to every rank what each has trained."""
    own = {i: pair for i, pair in enumerate(ended) if pair is not None}
    arrays = {
        "parameters": tuple(networks[i].parameters for i in own),
        "histories": tuple(
            tuple(np.asarray(values) for values in history.values()) for history, _ in own.values()
        ),
    }
    numbers = {
        "networks": [
            [i, list(history), None if error is None else str(error), _outputs(networks[i])]
            for i, (history, error) in own.items()
        ],
        "stacks": stacks,
    }
    everything: list[Any] = list(ended)
    together: list[int] = []
    for content in _exchanged(ranks, checkpoint.packed(Snapshot(arrays, numbers))):
        held = checkpoint.unpacked(content)
        together += held.numbers["stacks"]
        for at, (i, names, error, outputs) in enumerate(held.numbers["networks"]):
            if i in own:
                continue
            values = held.arrays["histories"][at]
            history = {name: v.tolist() for name, v in zip(names, values, strict=True)}
            everything[i] = history, None if error is None else Diverged(error)
            networks[i].parameters = held.arrays["parameters"][at]
            _name(networks[i], outputs)
    return everything, together


def _exchanged(ranks: Communicator, content: bytes) -> list[bytes]:
    """Bytes of every rank, on every rank: as words, which a float64 holds exactly."""
    lengths = ranks.gather([len(content)])[:, 0].astype(int)
    padded = content.ljust(-(-max(lengths) // 4) * 4, b"\0")
    words = ranks.gather(np.frombuffer(padded, np.uint32).astype(np.float64))
    pairs = zip(words, lengths, strict=True)
    return [row.astype(np.uint32).tobytes()[:length] for row, length in pairs]


def _outputs(network: Any) -> Any:
    """What a network tells, as plain data."""
    classes = None if network.classes is None else np.asarray(network.classes)
    kind = None if classes is None else str(classes.dtype)
    return [None if classes is None else classes.tolist(), kind, network.labels, network.scale]


def _name(network: Any, outputs: Any) -> None:
    classes, kind, labels, scale = outputs
    network.classes = None if classes is None else np.asarray(classes, dtype=kind)
    network.labels, network.scale = labels, scale

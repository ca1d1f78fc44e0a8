"""``backend="fastest"``: the backends are measured on the network's own steps.

The choice is stored under the machine, the versions, the network, the batch and the dtype, so that
the same run takes the same backend next time.
"""

import hashlib
import json
import logging
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bpnet import backends
from bpnet.backends import Backend, Selection, hardware, libraries, selection
from bpnet.core.lbfgs import LBFGS
from bpnet.data import batches, draws
from bpnet.errors import BackendUnavailable, InputError
from bpnet.model.network import Network
from bpnet.storage import disk
from bpnet.training.opening import opened
from bpnet.training.planning import Call, plan
from bpnet.training.prepare import pair
from bpnet.training.recipe import Place, Recipe

_log = logging.getLogger("bpnet")
_LIMIT = 2.0
"""Seconds for all measurements."""
_STEPS = 50
"""Steps of one measurement."""


def resolved(call: Call) -> Call:
    """Return a call for the backend "fastest" with the backend that is the fastest for it."""
    choice = find(call)
    _log.info("%s", choice.reason)
    return replace(call, place=replace(call.place, backend=choice.backend))


def find(call: Call) -> Selection:
    """Return the fastest backend for a call; rank 0 chooses it for all ranks."""
    first, place, ranks = call.plans[0], call.place, call.split.ranks
    if place.device is not None:
        msg = f'backend="fastest" looks for the device itself; leave device {place.device!r} out'
        raise InputError(msg)
    shape = batches.as_array(pair(call.data, "data")[0], "X").shape
    k = max(first.batch_size(int(shape[0]) if shape else 1), 1)
    # L-BFGS has no training step to measure; a step of SGD is nearly all gradients
    rule = "sgd" if isinstance(first.recipe.rule, LBFGS) else first.recipe.rule
    recipe = Recipe(cost=first.recipe.cost, optimizer=rule, batch_size=k)
    best = select(first.network, recipe, place.dtype) if ranks.rank == 0 else None
    if ranks.size == 1 and best is not None:
        return best
    # where rank 0 cannot choose, the others exit here and do not wait for its choice
    ranks.agree()
    own = None if best is None else json.dumps([best.backend.spec, best.reason]).encode()
    spec, reason = json.loads(ranks.share(own))
    return Selection(backends.get(spec), reason)


def select(network: Network, recipe: Recipe, dtype: str) -> Selection:
    """Return the backend with the shortest step for a network and a batch, and the reason."""
    file = _cache_file(network, recipe, dtype)
    # a file that is missing or damaged, or a backend that has gone since, means a new measurement
    with suppress(OSError, ValueError, KeyError, BackendUnavailable, InputError):
        known = json.loads(file.read_text(encoding="utf-8"))
        chosen = backends.get(known["backend"])
        return Selection(chosen, f"{known['reason']}, as measured on {known['date']}")
    steps = _measure(network, recipe, dtype)
    if not steps:  # training itself will raise the error of the backend
        return Selection(backends.get("numpy"), "numpy, because no backend could be tried out")
    best = min(steps, key=steps.__getitem__)
    fastest = backends.get(best)
    measured = ", ".join(f"{name} {seconds * 1e6:,.0f}" for name, seconds in steps.items())
    reason = f"{best}, the fastest: microseconds a step are {measured}"
    known = {"backend": fastest.spec, "reason": reason, "date": time.strftime("%Y-%m-%d")}
    with suppress(OSError, InputError):  # without a writable home the next run measures again
        file.parent.mkdir(parents=True, exist_ok=True)
        disk.write(file, json.dumps(known).encode())
    return Selection(fastest, reason)


def _measure(network: Network, recipe: Recipe, dtype: str) -> dict[str, float]:
    """Return the seconds of a step on each backend that works, until the time is over."""
    end = time.perf_counter() + _LIMIT
    steps: dict[str, float] = {}
    for spec in _candidates():
        # NumPy comes first, so there is a choice even if its measurement takes all the time
        if steps and time.perf_counter() > end:
            break
        with suppress(BackendUnavailable, InputError):
            backend = backends.get(spec)
            steps[backend.spec] = _step(backend, network, recipe, dtype, end)
    return steps


def _candidates() -> Iterator[str]:
    """Yield NumPy, then what may beat it: libraries of a GPU, JAX, and PyTorch if it is loaded."""
    yield "numpy"
    yield from selection.candidates(hardware.gpus())
    # the look-up imports nothing; JAX is imported when its turn comes
    if libraries.installed("jax"):
        yield "jax"
    if "torch" in sys.modules:
        yield "torch"


def _step(backend: Backend, network: Network, recipe: Recipe, dtype: str, end: float) -> float:
    """Return the seconds of a training step on random examples, the least of a few short runs."""
    n_0, n_L, batch_size = network.sizes[0], network.sizes[-1], recipe.batch_size or 1
    x = draws.generator(0, "check").integers(0, 256, (batch_size, n_0), dtype=np.uint8)
    # one-hot rows are valid targets of every cost
    y = np.eye(max(n_L, 2), n_L, dtype=np.float32)[np.arange(batch_size) % max(n_L, 2)]
    job = opened(plan(network, (x, y), recipe, Place(backend=backend, dtype=dtype)))
    chosen = job.backend
    with job.running(0) as used:
        session = job.session([0], used, [None])
        (member,) = session.members
        rows = np.tile(np.arange(batch_size), (_STEPS, 1))
        index = chosen.asarray(rows, dtype=chosen.index_dtype)
        numbers = member.numbers(1, _STEPS)
        carry: Any = session.carry
        best = float("inf")
        for turn in range(4):  # the first turn compiles and warms up
            start = time.perf_counter()
            carry, _ = chosen.scan(session.step, carry, index, (session.data,), numbers)
            chosen.synchronize()
            if turn or time.perf_counter() > end:
                best = min(best, (time.perf_counter() - start) / _STEPS)
            if time.perf_counter() > end:
                break
    return best


def _cache_file(network: Network, recipe: Recipe, dtype: str) -> Path:
    """Return the file of the choice, whose name depends on all that the choice depends on."""
    versions = [np.__version__, *_versions(("jax", "jaxlib", "cupy", "torch"))]
    machine = (platform.machine(), hardware.host("cpu").name, os.cpu_count(), hardware.gpus())
    layers = tuple(repr(layer) for layer in network.layers)
    # the key is hashed, because it is too long for the name of a file
    key = repr((machine, versions, layers, recipe.batch_size, recipe.rule, dtype)).encode()
    name = hashlib.sha256(key).hexdigest()[:24]
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "bpnet" / "fastest" / f"{name}.json"


def _versions(names: Sequence[str]) -> list[str]:
    from importlib import metadata

    versions = []
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            versions.append(f"{name} {metadata.version(name)}")
    return versions

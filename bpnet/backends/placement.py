"""Several processes on one machine: a GPU for each."""

from typing import Any

from bpnet.backends import libraries, registry, specs
from bpnet.backends.selection import select


def for_rank(requested: Any, device: Any, number: int) -> Any:
    """Backend of a process on this machine: the GPU of its number, unless a device is named.

    ``requested`` and ``device`` are as :func:`select` takes them. The numbers of the processes
    count from 0; more processes than GPUs share them.
    """
    if device is not None or not isinstance(requested, str | None) or ":" in (requested or ""):
        return requested
    chosen = select(requested).backend
    if not specs.is_gpu(chosen.spec):
        return requested
    gpus = [d.spec for d in libraries.adapter(chosen.name).devices() if specs.is_gpu(d.spec)]
    return registry.get(gpus[number % len(gpus)]) if len(gpus) > 1 else requested

"""Several processes on one machine: a GPU for each."""

from typing import Any

from bpnet.backends import libraries, registry, specs
from bpnet.backends.selection import select


def for_rank(asked: Any, device: Any, number: int) -> Any:
    """What a process shall compute with: the GPU of its number, where none was named.

    ``asked`` and ``device`` are as :func:`select` takes them. The number of the process on its
    machine counts from 0; with more processes than GPUs they share.
    """
    named = device is not None or not isinstance(asked, str | None) or ":" in (asked or "")
    if named:
        return asked
    chosen = select(asked).backend
    if not specs.is_gpu(chosen.spec):
        return asked
    found = [d.spec for d in libraries.adapter(chosen.name).devices() if specs.is_gpu(d.spec)]
    return registry.get(found[number % len(found)]) if len(found) > 1 else asked

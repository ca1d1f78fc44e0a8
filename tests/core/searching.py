"""L-BFGS run to its end, or until somebody stops it."""

from dataclasses import replace

from bpnet.core import lbfgs


def minimize(*args, on_iteration=None, **options):
    """Where the search ended; ``on_iteration`` is given each point, and ends it by True."""
    search = lbfgs.minimize(*args, **options)
    while True:
        try:
            at = next(search)
        except StopIteration as end:
            return end.value
        if on_iteration is not None and on_iteration(at):
            return replace(at, reason="stopped")

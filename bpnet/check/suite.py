"""All checks of one backend, in order; a check that raises an error becomes a row."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

from bpnet.arguments import checked
from bpnet.backends import Backend
from bpnet.check import bits, discipline, equations, gradients, jobs, parity
from bpnet.check.report import BITS, Row
from bpnet.errors import one_line

_log = logging.getLogger("bpnet")


@checked
def check(backend: Backend) -> Iterator[Row]:
    """Check a backend of :func:`bpnet.backends.get`, and yield each row as soon as it is known.

    Examples
    --------
    >>> import bpnet
    >>> all(row.passed for row in check(bpnet.backends.get("numpy")))
    True
    """
    # halves are too coarse for the equations and for parity, and have no bounds there
    exact = [dtype for dtype in backend.dtypes() if dtype in equations.BOUNDS]
    for dtype in exact:
        yield from _guarded("equations", dtype, partial(equations.rows, backend, dtype))
    for dtype in backend.dtypes():
        yield from _guarded("gradients", dtype, partial(gradients.rows, backend, dtype))
    # each run by itself, so that one that breaks down does not take the next with it
    for dtype, run in product(exact, parity.RUNS):
        yield from _guarded("parity", dtype, partial(parity.rows, backend, dtype, [run]))
    for job in jobs.COMPARED:
        yield from _guarded("discipline", "float32", partial(discipline.rows, backend, [job]))
    yield from _guarded("random", "int32", partial(bits.rows, backend))


def _guarded(group: str, dtype: str, rows: Callable[[], Iterator[Row]]) -> Iterator[Row]:
    try:
        yield from rows()
    except Exception as error:
        _log.debug("%s in %s broke down", group, dtype, exc_info=True)
        yield Row(group, "broke down here", dtype, float("inf"), BITS, one_line(error, typed=True))

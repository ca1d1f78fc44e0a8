"""Work that is done one item ahead, in a thread."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

_In = TypeVar("_In")
_Out = TypeVar("_Out")

_END: Any = object()


def ahead(work: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
    """Yield ``work(item)`` for each item in turn, and compute the next while the caller uses one.

    One thread does all the work and draws the items. An error in the thread is raised in place of
    the result. A caller that stops early waits for the work that has begun.

    Examples
    --------
    >>> list(ahead(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    left = iter(items)

    def following() -> _Out:
        for item in left:
            return work(item)
        return cast("_Out", _END)

    with ThreadPoolExecutor(1, "bpnet-ahead") as thread:
        pending = thread.submit(following)
        while (done := pending.result()) is not _END:
            pending = thread.submit(following)
            yield done

"""The plan of a CuPy step in a CUDA graph: one launch in place of one for each unit.

Off: no card has shown yet that a graph gives the same bits, and that it gains. :data:`ON` has plans
followed so; where a step can't be captured, they are followed as else. CuPy refuses cuBLAS while it
captures, so that the products come from nvmath (``pip install nvmath-python[cu12]``).
"""

import logging
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, ClassVar

from bpnet._typing import Array
from bpnet.errors import one_line

ON = False

_log = logging.getLogger("bpnet")


class InGraph:
    """A function that replays a plan, by a graph of one of its steps.

    ``captures`` counts the steps that were captured: a test sees by it that there were graphs.
    """

    captures: ClassVar[int] = 0

    def __init__(self, replay: Callable[..., Any], count: int) -> None:
        self.replay, self.count = replay, count  # which replays it, and the results of a step

    def __call__(
        self,
        carry: tuple[Array, ...],
        operands: tuple[Array, ...],
        steps: Iterable[tuple[Any, ...]],
        outs: tuple[Callable[[Any], None], ...],
    ) -> tuple[Array, ...]:
        """Take all steps; see :meth:`bpnet.backends.trace.lines.Writer.function`."""
        captured: Any = None
        steps = iter(steps)
        for step in steps:
            if captured is None:
                try:
                    captured = self._captured(carry, operands, step)
                except (NotImplementedError, ImportError, RuntimeError, TypeError) as error:
                    why = one_line(str(error))
                    _log.warning("CuPy can't capture a step (%s); it is followed as else", why)
                    rest: tuple[Array, ...]
                    rest = self.replay(carry, operands, chain([step], steps), outs)
                    return rest
            graph, given, results, _ = captured
            for place, value in zip(given, step, strict=True):
                place[...] = value
            graph.launch()  # on the current stream, behind what made the batch
            for keep, result in zip(outs, results, strict=True):
                keep(result.copy())
        return carry

    def _captured(self, carry: Any, operands: Any, step: tuple[Any, ...]) -> tuple[Any, ...]:
        """Graph, the memory that a step is copied to, results, and what must live."""
        import cupy

        from bpnet.backends import cupy_products

        kinds = {float: carry[0].dtype, int: cupy.int32}
        given = tuple(
            cupy.full((), v, kinds[type(v)]) if type(v) in kinds else v.copy() for v in step
        )
        stream, pool = cupy.cuda.Stream(non_blocking=True), cupy.cuda.MemoryPool()
        stream.wait_event(cupy.cuda.get_current_stream().record())
        results: list[Array] = []
        # the pool is the graph's alone: what it frees, nobody else may write to
        with stream, cupy.cuda.using_allocator(pool.malloc), cupy_products.captured(stream):
            stream.begin_capture()
            try:
                keep = [results.append] * self.count
                moved = self.replay(carry, operands, [given], keep)
                for a, b in zip(carry, moved, strict=True):
                    if a is not b:
                        a[...] = b
            finally:
                graph = stream.end_capture()
        InGraph.captures += 1
        return graph, given, results, (pool, operands)

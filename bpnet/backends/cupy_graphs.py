"""The plan of a CuPy step in a CUDA graph: one launch in place of one for each unit.

:data:`ON` turns graphs on. They are off, because no GPU has shown yet that a graph gives the same
bits and is faster. A step that can't be captured is replayed as without them. CuPy refuses cuBLAS
during a capture, so that the products come from nvmath (``pip install nvmath-python[cu12]``).
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
    """A function that replays a plan by the graph of one step.

    ``captures`` counts the captured steps, by which a test knows that there were graphs.
    """

    captures: ClassVar[int] = 0

    def __init__(self, replay: Callable[..., Any], count: int) -> None:
        self.replay, self.count = replay, count  # without a graph; number of results of a step

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
                    _log.warning("CuPy can't capture a step (%s); it runs without a graph", why)
                    moved: tuple[Array, ...]
                    moved = self.replay(carry, operands, chain([step], steps), outs)
                    return moved
            graph, inputs, results, _ = captured
            for array, value in zip(inputs, step, strict=True):
                array[...] = value
            graph.launch()  # on the current stream, after the kernels that made the batch
            for append, result in zip(outs, results, strict=True):
                # the next launch writes to the same memory
                append(result.copy())
        return carry

    def _captured(self, carry: Any, operands: Any, step: tuple[Any, ...]) -> tuple[Any, ...]:
        """Capture a step; return its graph, the arrays of its inputs, its results, its memory."""
        import cupy

        from bpnet.backends import cupy_products

        # a graph reads its inputs from fixed memory, numbers as well
        kinds = {float: carry[0].dtype, int: cupy.int32}
        inputs = tuple(
            cupy.full((), v, kinds[type(v)]) if type(v) in kinds else v.copy() for v in step
        )
        stream, pool = cupy.cuda.Stream(non_blocking=True), cupy.cuda.MemoryPool()
        stream.wait_event(cupy.cuda.get_current_stream().record())
        results: list[Array] = []
        # the graph has its own pool, because nothing else may write to memory that it frees
        with stream, cupy.cuda.using_allocator(pool.malloc), cupy_products.captured(stream):
            stream.begin_capture()
            try:
                outs = [results.append] * self.count
                updated = self.replay(carry, operands, [inputs], outs)
                for a, b in zip(carry, updated, strict=True):
                    # the next launch reads the carry from where this one did
                    if a is not b:
                        a[...] = b
            finally:
                graph = stream.end_capture()
        InGraph.captures += 1
        return graph, inputs, results, (pool, operands)

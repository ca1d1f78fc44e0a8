"""Steps of a PyTorch scan, compiled by ``torch.compile``."""

import logging
import warnings
from functools import lru_cache
from typing import Any

from bpnet._typing import Array
from bpnet.backends import loop, trees
from bpnet.backends.base import Backend
from bpnet.backends.loop import Step
from bpnet.errors import one_line

_log = logging.getLogger("bpnet")


def compiled(step: Step, backend: Backend, xs: Any, operands: Any) -> Step:
    """Compiled step of a scan with numbers, kept for scans of arrays of the same shapes."""
    made: Step = loop.cached(_compiled, step, backend, (_shapes(xs), _shapes(operands)))
    return made


def _shapes(tree: Any) -> Any:
    """Shapes and dtypes that a traced step depends on: all but the number of rows."""
    if isinstance(tree, list | tuple):
        return tuple(_shapes(item) for item in tree)
    return None if tree is None else (tuple(tree.shape[1:]), tree.dtype)


@lru_cache(maxsize=16)
def _compiled(step: Step, backend: Backend, shapes: Any) -> Step:
    """Step of a scan with numbers, which is traced and compiled at its first call.

    The steps of a scan have the same shapes, so that one compilation serves them all. It serves no
    other scan, because numbers such as the batch size are constants of the traced step.
    """
    import torch

    first: list[Step] = []  # the compiled step, after the first call
    device = backend.device
    # MPS has no float64
    real = torch.float32 if device.type == "mps" else torch.float64

    def tensors(row: tuple[float, ...]) -> tuple[Array, ...]:
        dtype = real if any(isinstance(n, float) for n in row) else torch.int32
        # one tensor for the whole row is one copy to the device
        return tuple(torch.tensor(row, dtype=dtype, device=device).unbind())

    def run(carry: Any, x: Any, numbers: Any, *operands: Any) -> Any:
        # numbers of Python would be constants of the traced step
        arguments = x, tuple(map(tensors, numbers)), *operands
        if first:
            return first[0](carry, *arguments)
        try:
            compiled, result = _first(step, carry, arguments)
        except (RuntimeError, TypeError, ValueError) as error:  # InductorError is the first
            if backend.out_of_memory(error):
                raise
            # the other lines of the message are for PyTorch's developers
            why = one_line(str(error).strip().partition("\n")[0])
            _log.warning("PyTorch can't compile the steps (%s); they run as they are", why)
            compiled, result = step, step(carry, *arguments)
        first.append(compiled)
        return result

    if hasattr(step, "load"):
        run.load = step.load  # type: ignore[attr-defined]
    return run


def _first(step: Step, carry: Any, arguments: tuple[Any, ...]) -> tuple[Step, Any]:
    """Compiled step, and its result for these arguments."""
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx

    copy = trees.map_leaves(torch.clone, carry)  # tracing runs the step once
    with warnings.catch_warnings():  # PyTorch warns about its own parts
        warnings.simplefilter("ignore")
        compiled = torch.compile(make_fx(step)(copy, *arguments), dynamic=False)
        return compiled, compiled(carry, *arguments)

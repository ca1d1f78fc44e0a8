"""Steps of a scan of PyTorch that ``torch.compile`` has compiled."""

import logging
import warnings
from functools import lru_cache
from typing import Any

from bpnet._typing import Array
from bpnet.backends import trees
from bpnet.backends.base import Backend
from bpnet.backends.loop import Step
from bpnet.errors import one_line

_log = logging.getLogger("bpnet")


def compiled(step: Step, backend: Backend, xs: Any, operands: Any) -> Step:
    """Step of a scan with numbers, remembered for scans of arrays of the same shapes."""
    given = step, backend, (_shapes(xs), _shapes(operands))
    try:
        return _compiled(*given)
    except TypeError:  # part of a step is a user's object without a hash
        return _compiled.__wrapped__(*given)


def _shapes(tree: Any) -> Any:
    """What of arrays goes into what is written down of a step: all but how many rows they have."""
    if isinstance(tree, list | tuple):
        return tuple(_shapes(item) for item in tree)
    return None if tree is None else (tuple(tree.shape[1:]), tree.dtype)


@lru_cache(maxsize=16)
def _compiled(step: Step, backend: Backend, shapes: Any) -> Step:
    """Step of a scan with numbers: its operations are written down at the first call, and compiled.

    A scan's steps are of one shape, so that one compilation serves them; numbers such as the size
    of a batch are written down as they are, so that it serves no others.
    """
    import torch

    made: list[Step] = []
    device = backend.device
    real = torch.float32 if device.type == "mps" else torch.float64

    def tensors(row: tuple[float, ...]) -> tuple[Array, ...]:
        dtype = real if any(isinstance(n, float) for n in row) else torch.int32
        return tuple(torch.tensor(row, dtype=dtype, device=device).unbind())

    def run(carry: Any, x: Any, numbers: Any, *operands: Any) -> Any:
        # as tensors, or the numbers of the first step would be those of all
        given = x, tuple(map(tensors, numbers)), *operands
        if made:
            return made[0](carry, *given)
        try:
            compiled, done = _first(step, carry, given)
        except (RuntimeError, TypeError, ValueError) as error:  # InductorError is the first
            if backend.out_of_memory(error):
                raise
            # what is behind the first line is for PyTorch's developers
            why = one_line(str(error).strip().partition("\n")[0])
            _log.warning("PyTorch can't compile the steps (%s); they run as they are", why)
            compiled, done = step, step(carry, *given)
        made.append(compiled)
        return done

    if hasattr(step, "load"):
        run.load = step.load  # type: ignore[attr-defined]
    return run


def _first(step: Step, carry: Any, given: tuple[Any, ...]) -> tuple[Step, Any]:
    """A step compiled, and what it makes of its arguments."""
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx

    copy = trees.map_leaves(torch.clone, carry)  # tracing runs the step once
    with warnings.catch_warnings():  # of PyTorch about its own parts
        warnings.simplefilter("ignore")
        compiled = torch.compile(make_fx(step)(copy, *given), dynamic=False)
        return compiled, compiled(carry, *given)

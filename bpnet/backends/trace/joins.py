"""Arrays that a step concatenates, computed in their place in the result.

The gradients of small layers are concatenated to the vector that an optimizer updates. A replay
computes each of them as a part of that vector, so that nothing is copied. On a GPU, whose kernels
write to memory with gaps as fast, this holds for every concatenation along the last axis.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bpnet.backends.trace.graph import Call, Graph, Ref


@dataclass(frozen=True)
class Join:
    """A call that concatenates arrays along the last axis."""

    call: Call
    # for each array its number, and that of the value that owns its memory and is computed in
    # place; -1 where the array must be copied
    parts: tuple[tuple[int, int], ...]

    def places(self, graph: Graph) -> list[tuple[int, int]]:
        """Start and stop of each part along the axis."""
        ends = np.cumsum([graph.values[n].shape[-1] for n, _ in self.parts]).tolist()
        return list(zip([0, *ends], ends, strict=False))


def find(
    graph: Graph, external: frozenset[int], takes_out: Callable[[Call], bool], axes: int
) -> list[Join]:
    """Concatenations of arrays with at most ``axes`` axes, to results that stay in the step.

    ``external`` are the values that the step is given or returns; ``takes_out`` tells whether a
    call can write to memory that exists already.
    """
    maker = {call.result: call for call in graph.calls if not call.in_place}
    writes: dict[int, int] = {}  # position of the last call that writes to a value
    reads: dict[int, int] = {}  # position of the last call that reads or writes it
    for i, call in enumerate(graph.calls):
        reads |= dict.fromkeys(graph.roots(call.touched), i)
        if call.in_place:
            writes[graph.values[call.result].root] = i
    joins, used = [], set(external)
    for at, call in enumerate(graph.calls):
        if not _is_join(graph, call, axes) or call.result in external:
            continue
        parts = []
        for n in call.args[0]:
            value, root = graph.values[n], graph.values[n].root
            # a part must be all of its memory, as it is or as a vector
            whole = graph.values[root].size == value.size and (root == n or len(value.shape) == 1)
            new = root in maker and root not in used and whole
            # one memory may serve both if the part is not read later, or neither is written later
            later = reads[root] > at and writes.get(call.result, -1) > at
            alone = not later and writes.get(root, -1) <= at
            direct = new and graph.values[root].order == "C" and takes_out(maker[root])
            parts.append((int(n), root if alone and direct else -1))
            used.add(root)
        joins.append(Join(call, tuple(parts)))
    return joins


def _is_join(graph: Graph, call: Call, axes: int) -> bool:
    """Whether a call concatenates arrays of one dtype along their last axis."""
    if call.name != "concat" or not all(isinstance(n, Ref) for n in call.args[0]):
        return False
    result, last = graph.values[call.result], call.option(1, "axis", 0)
    count = len(result.shape)
    values = [graph.values[n] for n in call.args[0]]
    return (
        count <= axes
        and last in (-1, count - 1)
        and all((v.dtype, v.order) == (result.dtype, "C") for v in values)
    )

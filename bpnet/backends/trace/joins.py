"""Arrays that a step joins to one, made in their place in it.

The gradients of small layers are joined to the vector that an optimizer moves. A replay makes each
of them where it is in that vector, so that nothing is copied. On a GPU, where a kernel writes to
memory with gaps as fast, that holds for whatever is joined along the last axis.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bpnet.backends.trace.graph import Call, Graph, Ref


@dataclass(frozen=True)
class Join:
    """A call that joins arrays to one along the last axis."""

    call: Call
    # the number of each array that is joined, and of the value whose memory it shows, which is made
    # in its place; that is -1 where it must be copied there
    parts: tuple[tuple[int, int], ...]

    def places(self, graph: Graph) -> list[tuple[int, int]]:
        """First element of each part along the axis, and one behind its last."""
        ends = np.cumsum([graph.values[n].shape[-1] for n, _ in self.parts]).tolist()
        return list(zip([0, *ends], ends, strict=False))


def find(
    graph: Graph, handed: frozenset[int], tells: Callable[[Call], bool], axes: int
) -> list[Join]:
    """Calls of a graph that join arrays, of some axes at most, to memory that is not handed on."""
    made = {call.result: call for call in graph.calls if not call.in_place}
    writes: dict[int, int] = {}  # the last place of a call that writes to a value, or reads it
    reads: dict[int, int] = {}
    for i, call in enumerate(graph.calls):
        reads |= dict.fromkeys(graph.roots(call.touched), i)
        if call.in_place:
            writes[graph.values[call.result].root] = i
    joins, taken = [], set(handed)
    for at, call in enumerate(graph.calls):
        if not _is_join(graph, call, axes) or call.result in handed:
            continue
        parts = []
        for n in call.args[0]:
            value, root = graph.values[n], graph.values[n].root
            whole = graph.values[root].size == value.size and (root == n or len(value.shape) == 1)
            ours = root in made and root not in taken and whole
            # what is joined is read no more, or nobody writes to either copy
            later = reads[root] > at and writes.get(call.result, -1) > at
            alone = not later and writes.get(root, -1) <= at
            told = ours and graph.values[root].order == "C" and tells(made[root])
            parts.append((int(n), root if alone and told else -1))
            taken.add(root)
        joins.append(Join(call, tuple(parts)))
    return joins


def _is_join(graph: Graph, call: Call, axes: int) -> bool:
    """Whether a call joins arrays of one dtype along their last axis."""
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

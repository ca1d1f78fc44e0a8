"""Arrays that a step joins to one, made in their place in it.

The gradients of small layers are joined to the vector that an optimizer moves. A replay makes each
of them where it is in that vector, so that nothing is copied. On a GPU, where a kernel writes to
memory with gaps as fast, that holds for whatever is joined along the last axis.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bpnet.backends.trace.graph import Call, Graph, Ref


@dataclass(frozen=True)
class Join:
    """A call that joins arrays to one along the last axis.

    Parameters
    ----------
    call : Call
        What joins.
    parts : tuple of (int, int)
        Number of each array that is joined, and of the value whose memory it shows, which is made
        in its place; that is -1 where it must be copied there.
    """

    call: Call
    parts: tuple[tuple[int, int], ...]

    def places(self, graph: Graph) -> list[tuple[int, int]]:
        """First element of each part along the axis, and one behind its last."""
        ends = np.cumsum([graph.values[n].shape[-1] for n, _ in self.parts]).tolist()
        return list(zip([0, *ends], ends, strict=False))


def find(
    graph: Graph, handed: frozenset[int], tells: Callable[[Call], bool], axes: int
) -> list[Join]:
    """Calls of a graph that join arrays.

    Parameters
    ----------
    graph : Graph
        Of a step.
    handed : set of int
        Values that the step is given, or hands on: their memory is not the vector's.
    tells : callable
        Whether a call can be told where to write.
    axes : int
        Of the arrays that can be joined so, at most.
    """
    made = {call.result: (i, call) for i, call in enumerate(graph.calls) if not call.in_place}
    writes: dict[int, list[int]] = defaultdict(list)
    reads: dict[int, list[int]] = defaultdict(list)
    for i, call in enumerate(graph.calls):
        for root in graph.roots(call.touched):
            reads[root].append(i)
        if call.in_place:
            writes[graph.values[call.result].root].append(i)
    joins, taken = [], set(handed)
    for at, call in enumerate(graph.calls):
        if not _is_join(graph, call, axes) or call.result in handed:
            continue
        parts = []
        for n in call.args[0]:
            root = graph.values[n].root
            whole = graph.values[root].size == graph.values[n].size
            ours = root in made and root not in taken and whole
            ours = ours and (root == n or len(graph.values[n].shape) == 1)
            # what is joined is read no more, or nobody writes to either copy
            later = any(i > at for i in reads[root]) and any(i > at for i in writes[call.result])
            alone = not later and not any(i > at for i in writes[root])
            told = ours and graph.values[root].order == "C" and tells(made[root][1])
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

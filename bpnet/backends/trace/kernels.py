"""Calls that work element by element, put together to kernels, and the text of a kernel.

A kernel is made of recorded calls by the table of :mod:`expressions`: no formula of a network is in
it. Each call keeps its rounding, so that a kernel gives what its calls give one by one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bpnet.backends.trace import expressions
from bpnet.backends.trace.graph import Call, Constant, Graph, Ref, Value
from bpnet.backends.trace.plan import Plan, Unit

READS, MAKES = 20, 40
"""Values that a kernel reads and makes at most: a launch takes 4 KiB, an array up to 64 bytes."""


@dataclass(frozen=True)
class Kernel:
    """Text of a kernel as CuPy's ``ElementwiseKernel`` takes it."""

    in_params: str
    out_params: str
    operation: str
    ins: tuple[int, ...] = field(compare=False)  # numbers of the values that it is called with
    outs: tuple[int, ...] = field(compare=False)


@dataclass
class _Group:
    """Calls that become a unit."""

    shape: tuple[int, ...] | None  # of a kernel's results; None of a call by itself
    calls: list[Call] = field(default_factory=list)
    above: int = 0  # a bit for each group that comes before it
    reads: set[int] = field(default_factory=set)  # values that come from elsewhere


class _Fusion:
    """Groups of the calls of a graph, as few as their order allows."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.groups: list[_Group] = []
        self.maker: dict[int, int] = {}
        self.seen: defaultdict[int, dict[int, tuple[bool, set[int]]]] = defaultdict(dict)

    def add(self, call: Call) -> None:
        """Put a call into a group of its shape that may wait for what the call needs, or a new one.

        What a kernel reads of memory that it writes to must be at the same place.
        """
        graph, values = self.graph, self.graph.values
        shape = values[call.result].shape if is_elementwise(graph, call) else None
        target = values[call.result].root
        writes = call.in_place or target == call.result
        needed = {self.maker[n] for n in call.touched if n in self.maker}
        apart = {g for n in call.reads if (g := self.maker.get(n)) is not None
                 and values[n].shape != shape}  # fmt: skip
        for root in {values[n].root for n in call.touched}:
            own = {n for n in call.touched if values[n].root == root}
            for g, (written, numbers) in self.seen[root].items():
                if written or (writes and root == target):
                    needed.add(g)
                    if not (len(own | numbers) == 1 and values[max(own)].shape == shape):
                        apart.add(g)
        g = self._place(call, shape, needed, apart)
        self._join(g, needed - {g})
        self.groups[g].reads |= self._outside(call, g)
        self.groups[g].calls.append(call)
        if not call.in_place:
            self.maker[call.result] = g
        for n in call.touched:
            root = values[n].root
            written, numbers = self.seen[root].get(g, (False, set()))
            self.seen[root][g] = written or (writes and root == target), numbers | {n}

    def _outside(self, call: Call, g: int) -> set[int]:
        return {n for n in call.reads if self.maker.get(n) != g}

    def _place(self, call: Call, shape: Any, needed: set[int], apart: set[int]) -> int:
        for g, group in enumerate(self.groups):
            waits = any(self.groups[n].above >> g & 1 for n in needed - {g})
            if shape is None or group.shape != shape or g in apart or waits:
                continue
            makes = sum(not one.in_place for one in group.calls)
            if makes < MAKES and len(group.reads | self._outside(call, g)) <= READS:
                return g
        self.groups.append(_Group(shape))
        return len(self.groups) - 1

    def _join(self, g: int, needed: set[int]) -> None:
        for n in needed:
            self.groups[g].above |= self.groups[n].above | 1 << n
        for group in self.groups:
            if group.above >> g & 1:
                group.above |= self.groups[g].above


def fused(graph: Graph, calls: Sequence[Call]) -> list[Unit]:
    """Units of the calls, in an order that keeps every result."""
    fusion = _Fusion(graph)
    for call in calls:
        fusion.add(call)
    ordered = sorted(fusion.groups, key=lambda group: group.above.bit_count())
    return [Unit(tuple(group.calls), group.shape is not None) for group in ordered]


def is_elementwise(graph: Graph, call: Call) -> bool:
    """Whether a call is one of arrays, element by element, for which there is an expression."""
    value = graph.values[call.result]
    own = call.in_place or value.root == call.result
    return own and not value.scalar and expressions.has(call, graph.values)


def computes(graph: Graph, call: Call) -> bool:
    """Whether a call computes something on the device, and is no view or number."""
    value = graph.values[call.result]
    return call.in_place or (not value.scalar and value.root == call.result)


def launches(plan: Plan) -> tuple[int, int]:
    """How many kernels a step launches, when each call is made and when a plan is followed.

    A unit launches one, and each part of what is joined that is not made in its place.
    """
    count, graph = 0, plan.graph
    for unit in plan.body:
        call = unit.calls[0]
        join = None if call.in_place else plan.joins.get(call.result)
        if join is not None:
            count += sum(root < 0 for _, root in join.parts)
        else:
            count += unit.is_kernel or computes(graph, call)
    return sum(computes(graph, call) for call in graph.calls), count


class _Text:
    """What has been written of a kernel."""

    def __init__(self, values: Sequence[Value], written: list[int]) -> None:
        self.values = values
        self.written = {n: f"y{i}" for i, n in enumerate(written)}
        self.params: dict[tuple[int, str], str] = {}
        self.names: dict[int, str] = {}
        self.lines: list[str] = []

    def new(self, n: int, text: str) -> None:
        """Make a variable for a value."""
        self.names[n] = f"t{len(self.names)}"
        self.lines.append(
            f"{expressions.STORED[self.values[n].dtype.name]} {self.names[n]} = {text};"
        )

    def array(self, n: int) -> str:
        """Variable of an array's element, read where that is not yet done."""
        if n not in self.names:
            self.new(n, self.written.get(n) or self.param(n, self.values[n].dtype))
        return self.names[n]

    def param(self, n: int, dtype: Any) -> str:
        """Name of something that is read."""
        return self.params.setdefault((n, dtype.name), f"x{len(self.params)}")

    def term(self, a: Any, dtype: Any) -> str:
        """An argument in the dtype that it is taken in."""
        if isinstance(a, Constant):
            return expressions.literal(a.value, dtype)
        if self.values[a].scalar:
            return expressions.cast(self.param(int(a), dtype), dtype, dtype)
        return expressions.cast(self.array(int(a)), self.values[a].dtype, dtype)


def kernel(graph: Graph, unit: Unit, inner: frozenset[int]) -> Kernel:
    """Kernel of a unit, of whose results some are seen by nobody else."""
    values = graph.values
    written = sorted({call.result for call in unit.calls} - inner)
    writing = _Text(values, written)
    for call in unit.calls:
        kinds = expressions.types(call, values)
        taken = [a for a in call.args if isinstance(a, Ref) or call.name not in ("astype", "clip")]
        terms = [writing.term(a, kind) for a, kind in zip(taken, kinds, strict=False)]
        if call.in_place:
            name = writing.array(call.result)
            writing.lines.append(f"{name} = {expressions.text(call, terms, values)};")
        else:
            writing.new(call.result, expressions.text(call, terms, values))
    ends = [f"{out} = {writing.names[n]};" for n, out in writing.written.items()]
    ins = ", ".join(f"{dtype} {name}" for (_, dtype), name in writing.params.items())
    outs = ", ".join(f"{values[n].dtype.name} {name}" for n, name in writing.written.items())
    text = "\n".join([*writing.lines, *ends])
    return Kernel(ins, outs, text, tuple(n for n, _ in writing.params), tuple(written))

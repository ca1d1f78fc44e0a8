"""Elementwise calls, fused to kernels, and the text of a kernel.

A kernel is made from recorded calls by the table of :mod:`expressions`, and has no formula of a
network in it. Each call keeps its rounding, so that a kernel has the results of its calls.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bpnet.backends.trace import expressions
from bpnet.backends.trace.graph import Call, Constant, Graph, Ref, Value
from bpnet.backends.trace.plan import Plan, Unit

READS, MAKES = 20, 40
"""Most values that a kernel reads and makes: a launch has 4 KiB, an array takes up to 64 bytes."""


@dataclass(frozen=True)
class Kernel:
    """Text of a kernel as CuPy's ``ElementwiseKernel`` takes it."""

    in_params: str
    out_params: str
    operation: str
    ins: tuple[int, ...] = field(compare=False)  # numbers of the values that it reads
    outs: tuple[int, ...] = field(compare=False)


@dataclass
class _Group:
    """Calls that become a unit."""

    shape: tuple[int, ...] | None  # shape of a kernel's results; None for a call by itself
    calls: list[Call] = field(default_factory=list)
    above: int = 0  # a bit for each group that must run before this one
    reads: set[int] = field(default_factory=set)  # values that other groups make


class _Fusion:
    """Groups of the calls of a graph, as few as their order allows."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.groups: list[_Group] = []
        self.maker: dict[int, int] = {}  # the group that makes a value
        # by root: for each group that uses its memory, whether it writes, and through which values
        self.uses: defaultdict[int, dict[int, tuple[bool, set[int]]]] = defaultdict(dict)

    def add(self, call: Call) -> None:
        """Add a call to a group of its shape that can run after all that it needs, or to a new one.

        A kernel may read memory that it also writes to at the same element only.
        """
        graph, values = self.graph, self.graph.values
        shape = values[call.result].shape if is_elementwise(graph, call) else None
        target = values[call.result].root
        writes = call.in_place or target == call.result
        needed = {self.maker[n] for n in call.touched if n in self.maker}
        # a thread of a kernel makes one element, and can't see what others made in it
        excluded = {g for n in call.reads if (g := self.maker.get(n)) is not None
                    and values[n].shape != shape}  # fmt: skip
        for root in {values[n].root for n in call.touched}:
            aliases = {n for n in call.touched if values[n].root == root}
            for g, (written, numbers) in self.uses[root].items():
                if written or (writes and root == target):
                    needed.add(g)
                    if not (len(aliases | numbers) == 1 and values[max(aliases)].shape == shape):
                        excluded.add(g)
        g = self._place(call, shape, needed, excluded)
        self._order(g, needed - {g})
        self.groups[g].reads |= self._outside(call, g)
        self.groups[g].calls.append(call)
        if not call.in_place:
            self.maker[call.result] = g
        for n in call.touched:
            root = values[n].root
            written, numbers = self.uses[root].get(g, (False, set()))
            self.uses[root][g] = written or (writes and root == target), numbers | {n}

    def _outside(self, call: Call, g: int) -> set[int]:
        """Values that a call reads, and that group ``g`` does not make."""
        return {n for n in call.reads if self.maker.get(n) != g}

    def _place(self, call: Call, shape: Any, needed: set[int], excluded: set[int]) -> int:
        """Number of the first group that can take a call, or of a new one."""
        for g, group in enumerate(self.groups):
            # a group can't run before and after another one
            cycle = any(self.groups[n].above >> g & 1 for n in needed - {g})
            if shape is None or group.shape != shape or g in excluded or cycle:
                continue
            makes = sum(not one.in_place for one in group.calls)
            if makes < MAKES and len(group.reads | self._outside(call, g)) <= READS:
                return g
        self.groups.append(_Group(shape))
        return len(self.groups) - 1

    def _order(self, g: int, needed: set[int]) -> None:
        """Let a group, and all that run after it, run after the groups that it needs."""
        for n in needed:
            self.groups[g].above |= self.groups[n].above | 1 << n
        for group in self.groups:
            if group.above >> g & 1:
                group.above |= self.groups[g].above


def fused(graph: Graph, calls: Sequence[Call]) -> list[Unit]:
    """Units of the calls, in an order that leaves every result as it is."""
    fusion = _Fusion(graph)
    for call in calls:
        fusion.add(call)
    # a group has more groups above it than each of these has, so that the count is an order
    ordered = sorted(fusion.groups, key=lambda group: group.above.bit_count())
    return [Unit(tuple(group.calls), group.shape is not None) for group in ordered]


def is_elementwise(graph: Graph, call: Call) -> bool:
    """Whether a call is elementwise, of arrays, and has an expression."""
    is_array = not graph.values[call.result].scalar
    return is_array and computes(graph, call) and expressions.has(call, graph.values)


def computes(graph: Graph, call: Call) -> bool:
    """Whether a call computes something on the device, and is no view or number."""
    value = graph.values[call.result]
    return call.in_place or (not value.scalar and value.root == call.result)


def launches(plan: Plan) -> tuple[int, int]:
    """Number of kernels that a step launches, call by call and as planned.

    A unit launches one, and each part of a concatenation that is copied launches one.
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
    """The lines of a kernel, while they are written."""

    def __init__(self, values: Sequence[Value], written: list[int]) -> None:
        self.values = values
        self.written = {n: f"y{i}" for i, n in enumerate(written)}
        self.params: dict[tuple[int, str], str] = {}
        self.names: dict[int, str] = {}
        self.lines: list[str] = []

    def new(self, n: int, text: str) -> None:
        """Write a new variable for a value."""
        self.names[n] = f"t{len(self.names)}"
        self.lines.append(
            f"{expressions.STORED[self.values[n].dtype.name]} {self.names[n]} = {text};"
        )

    def array(self, n: int) -> str:
        """Return the variable of an array's element, which is read at its first use."""
        if n not in self.names:
            self.new(n, self.written.get(n) or self.param(n, self.values[n].dtype))
        return self.names[n]

    def param(self, n: int, dtype: Any) -> str:
        """Return the name of an argument of the kernel."""
        return self.params.setdefault((n, dtype.name), f"x{len(self.params)}")

    def term(self, a: Any, dtype: Any) -> str:
        """Return an argument of a call, cast to a dtype."""
        if isinstance(a, Constant):
            return expressions.literal(a.value, dtype)
        if self.values[a].scalar:
            return expressions.cast(self.param(int(a), dtype), dtype, dtype)
        return expressions.cast(self.array(int(a)), self.values[a].dtype, dtype)


def kernel(graph: Graph, unit: Unit, internal: frozenset[int]) -> Kernel:
    """Kernel of a unit; its ``internal`` results are variables alone."""
    values = graph.values
    written = sorted({call.result for call in unit.calls} - internal)
    writing = _Text(values, written)
    for call in unit.calls:
        kinds = expressions.types(call, values)
        args = [a for a in call.args if isinstance(a, Ref) or call.name not in ("astype", "clip")]
        terms = [writing.term(a, kind) for a, kind in zip(args, kinds, strict=False)]
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

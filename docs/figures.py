"""Figures of the site that are drawn from what the package records."""

from collections.abc import Iterable, Iterator

from benchmarks import launches
from bpnet.backends.trace.graph import Call
from bpnet.backends.trace.kernels import computes

COLORS = {"product": "#1f6f8b", "sum": "#c97b2b", "kernel": "#6a9f58", "call": "#9aa0a6"}
"""Of a launch, by what it does; a call is one of elements that stands alone."""

_WIDTH, _SIDE, _GAP = 720, 14, 4


def step() -> str:
    """Launches of Adam's step on 784-128-64-10 with L2 and dropout, before and after, as SVG."""
    plan = launches.planned_net((128, 64), "adam", 0.2)
    before = [_kind(call) for call in plan.graph.calls if computes(plan.graph, call)]
    after = [
        "kernel" if unit.is_kernel else _kind(unit.calls[0])
        for unit in plan.body
        if unit.is_kernel or computes(plan.graph, unit.calls[0])
        if unit.calls[0].result not in plan.joins
    ]
    parts, y = [], 0
    for title, kinds in (("as it stands", before), ("replayed", after)):
        parts.append(f'<text x="0" y="{y + 16}" fill="currentColor">{title}: {len(kinds)}</text>')
        boxes, y = _boxes(kinds, y + 24)
        parts += [*boxes]
    for i, (name, color) in enumerate(COLORS.items()):
        parts.append(f'<rect x="{110 * i}" y="{y + 8}" width="12" height="12" fill="{color}"/>')
        parts.append(f'<text x="{110 * i + 18}" y="{y + 18}" fill="currentColor">{name}</text>')
    head = f'<svg viewBox="0 0 {_WIDTH} {y + 26}" role="img" font-size="14"'
    return f'{head} aria-label="Launches of a step">{"".join(parts)}</svg>'


def _kind(call: Call) -> str:
    return {"matmul": "product", "sum": "sum", "max": "sum"}.get(call.name, "call")


def _boxes(kinds: Iterable[str], y: int) -> tuple[Iterator[str], int]:
    kinds, a_row = list(kinds), _WIDTH // (_SIDE + _GAP)
    places = [(i % a_row * (_SIDE + _GAP), y + i // a_row * (_SIDE + _GAP), kind)
              for i, kind in enumerate(kinds)]  # fmt: skip
    drawn = (
        f'<rect x="{x}" y="{at}" width="{_SIDE}" height="{_SIDE}" fill="{COLORS[kind]}"/>'
        for x, at, kind in places
    )
    return drawn, places[-1][1] + _SIDE + 12

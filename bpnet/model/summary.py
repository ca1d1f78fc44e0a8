"""Summary of a network: its layers, shapes, parameters and memory, and a drawing of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np

_HEADS = ("layer", "kind", "outputs", "activation", "parameters")

_CIRCLES = 8
"""Most circles of a layer; a layer of more neurons has dots in the middle."""

_WIDTH, _HEIGHT, _GAP = 90, 22, 34
"""Pixels from layer to layer, from circle to circle, and of the margin."""


@dataclass(frozen=True)
class Summary:
    """Table of a network's layers, which prints as text; a notebook also draws the network.

    Parameters
    ----------
    name : str
        The network's ``repr``.
    rows : tuple of tuples of str
        Cells of each layer's row, the input first.
    sizes : tuple of int
        Neurons of each layer, input first.
    learned, fixed : int
        Number of learned parameters, and of running averages of normalizations.
    bytes, activations : int
        Bytes of all parameters, and of the activations of one example.
    dtype : str
        Dtype of the parameters.
    """

    name: str
    rows: tuple[tuple[str, ...], ...]
    sizes: tuple[int, ...]
    learned: int
    fixed: int
    bytes: int
    activations: int
    dtype: str

    @property
    def totals(self) -> str:
        """Line with the number of parameters and their memory."""
        kept = f", {self.fixed:,} running averages" if self.fixed else ""
        return (
            f"{self.learned:,} parameters{kept}, {_size(self.bytes)} in {self.dtype}; "
            f"{_size(self.activations)} of activations an example"
        )

    def __repr__(self) -> str:
        lines = [_HEADS, *self.rows]
        widths = [max(len(line[j]) for line in lines) for j in range(len(_HEADS))]
        # columns of numbers are aligned at the last digit
        right = {0, 2, 4}
        table = [
            "  ".join(
                cell.rjust(width) if j in right else cell.ljust(width)
                for j, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.name, *table, self.totals])

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{head}</th>" for head in _HEADS)
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows
        )
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        return f"{_drawing(self.sizes)}{table}<div>{escape(self.totals)}</div>"


def summary(network: Any) -> Summary:
    """Make the summary of a network."""
    rows, n = [("0", "input", f"{network.sizes[0]:,}", "", "")], network.sizes[0]
    learned = fixed = outputs = 0
    for l, layer in enumerate(network.layers, start=1):
        # dropout has no width of its own
        n = getattr(layer, "n_out", n)
        counts = [math.prod(shape) for shape in layer.shapes]
        # the last arrays of a normalization are running averages, which are not learned
        own, kept = sum(counts[: len(counts) - layer.averages]), sum(counts)
        learned, fixed, outputs = learned + own, fixed + kept - own, outputs + n
        sigma = getattr(layer, "activation", None)
        kind, about = type(layer).__name__, "" if sigma is None else type(sigma).__name__
        if hasattr(layer, "rate"):
            # dropout has no activation, and its rate stands in that column
            about = f"{layer.rate:.3g} dropped"
        rows.append((str(l), kind, f"{n:,}", about, f"{kept:,}" if kept else ""))
    each = np.dtype(network.dtype).itemsize
    return Summary(
        repr(network), tuple(rows), tuple(network.sizes), learned, fixed, (learned + fixed) * each,
        outputs * each, network.dtype,
    )  # fmt: skip


def of_all(networks: Sequence[Any], name: str, dtype: str) -> Summary:
    """Make the summary of several networks: the rows of the first, and the counts of all."""
    every = [summary(network) for network in networks]
    counts = ("learned", "fixed", "bytes", "activations")
    totals = {count: sum(getattr(one, count) for one in every) for count in counts}
    return replace(every[0], name=name, dtype=dtype, **totals)


def _size(count: int) -> str:
    """Return a number of bytes with its unit.

    Examples
    --------
    >>> _size(999), _size(37160), _size(5 * 10**9)
    ('999 bytes', '37.2 kB', '5.0 GB')
    """
    size, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"


def _drawing(sizes: tuple[int, ...]) -> str:
    """Return SVG of the network, circles and lines, that needs no style sheet or script."""
    counts = [min(n, _CIRCLES) for n in sizes]
    tall, wide = max(counts) * _HEIGHT, (len(sizes) - 1) * _WIDTH
    layers = [
        [(_GAP + i * _WIDTH, _GAP + (tall - k * _HEIGHT) / 2 + (j + 0.5) * _HEIGHT)
         for j in range(k)]
        for i, k in enumerate(counts)
    ]  # fmt: skip
    parts = [
        f'<line x1="{x}" y1="{y}" x2="{u}" y2="{v}"/>'
        for below, above in pairwise(layers)
        for x, y in below
        for u, v in above
    ]
    for n, column in zip(sizes, layers, strict=True):
        middle = len(column) // 2 if n > len(column) else -1
        for j, (x, y) in enumerate(column):
            dots = _text(x, y + 4, "&#8942;")
            parts.append(
                dots if j == middle else f'<circle cx="{x}" cy="{y}" r="7" fill="#0072b2"/>'
            )
        x, y = column[-1]
        parts.append(_text(x, y + 26, f"{n:,}"))
    width, height = wide + 2 * _GAP, tall + 2 * _GAP
    about = f'role="img" aria-label="network of {" - ".join(map(str, sizes))} neurons"'
    # half-transparent gray shows on light and dark pages
    style = 'stroke="#8888" stroke-width="0.4" font-size="12" text-anchor="middle"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" {about}>'
        f"<g {style}>{''.join(parts)}</g></svg>"
    )


def _text(x: float, y: float, text: str) -> str:
    # currentColor is the page's own color of text
    return f'<text x="{x}" y="{y}" fill="currentColor" stroke="none">{text}</text>'

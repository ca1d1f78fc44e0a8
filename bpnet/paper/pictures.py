"""Pictures as SVG whose colors are the page's own, so that they turn dark with it.

Each is small enough to be read on a telephone; what it shows is also said in words.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bpnet import plots

COLORS = {
    "ink": "#010101",
    "muted": "#020202",
    "grid": "#030303",
    "paper": "#040404",
    "one": "#050505",
    "two": "#060606",
    "three": "#070707",
    "four": "#080808",
}
"""Variables of the page's style, and what stands for each while matplotlib draws."""

_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "text.color": COLORS["ink"],
    "axes.edgecolor": COLORS["muted"],
    "axes.labelcolor": COLORS["ink"],
    "axes.titlecolor": COLORS["ink"],
    "xtick.color": COLORS["muted"],
    "ytick.color": COLORS["muted"],
    "xtick.labelcolor": COLORS["ink"],
    "ytick.labelcolor": COLORS["ink"],
    "grid.color": COLORS["grid"],
    "grid.linewidth": 0.8,
}
LINES = {"one": "-", "two": "--", "three": "-.", "four": ":"}
"""Curves differ in their dashes too, for who cannot tell the colors."""

Paint = Callable[[Any], None]


@dataclass(frozen=True)
class Picture:
    """One picture.

    Parameters
    ----------
    title : str
        Above it.
    says : str
        What it shows, in words, for who cannot see it.
    svg : str
        An ``svg`` element for a page that has the variables of :data:`COLORS`.
    """

    title: str
    says: str
    svg: str


def picture(name: str, title: str, says: str, paint: Paint, **subplot: Any) -> Picture:
    """Picture from a function that paints on matplotlib's axes.

    Raises
    ------
    InputError
        If matplotlib is missing.
    """
    pyplot = plots.pyplot()
    with pyplot.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = pyplot.figure(figsize=(4.4, 3.2), layout="constrained")
        paint(figure.add_subplot(**subplot))
        held = io.StringIO()
        figure.savefig(held, format="svg", transparent=True, metadata={"Date": None})
        pyplot.close(figure)
    return Picture(title, says, _themed(held.getvalue(), name))


def _themed(svg: str, name: str) -> str:
    """SVG element with names of its own and the page's colors, hidden from screen readers."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r' width="[^"]*pt"| height="[^"]*pt"', "", svg, count=2)
    for variable, color in COLORS.items():
        svg = svg.replace(color, f"var(--{variable})")
    return svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)


def curve(axes: Any, x: Any, y: Any, color: str, **options: Any) -> None:
    """Draw a curve in one of the colors, dashed as that color is."""
    options = {"ls": LINES[color], **options}
    axes.plot(x, y, color=COLORS[color], **options)


def text(axes: Any, x: float, y: float, words: str, color: str, **options: Any) -> None:
    """Write in one of the colors."""
    axes.text(x, y, words, color=COLORS[color], **options)

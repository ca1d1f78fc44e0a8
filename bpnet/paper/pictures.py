"""The paper's pictures: legible on a telephone, each with a description in words."""

from collections.abc import Callable
from typing import Any

from bpnet.pages.content import Picture
from bpnet.pages.drawing import DASHES, PAGE, Theme, render

COLORS = {
    name: getattr(PAGE, name)
    for name in ("surface", "ink", "muted", "grid", "one", "two", "three", "four")
}
"""Colors that stand for the page's variables while matplotlib draws."""

LINES = dict(zip(("one", "two", "three", "four"), DASHES, strict=True))
"""Dashes of each color, for readers who cannot distinguish the colors."""


def picture(
    name: str, title: str, says: str, paint: Callable[[Any], None], **subplot: Any
) -> Picture:
    """Picture from a function that paints on matplotlib's axes.

    Raises
    ------
    InputError
        If matplotlib is missing.
    """

    def draw(figure: Any, _: Theme) -> None:
        paint(figure.add_subplot(**subplot))

    # the texts are formulas of our own, while a report's may be names such as $x$
    style = {"font.size": 10, "text.parse_math": True, "lines.linewidth": 1.8}
    return render(name, f"{title}. {says}", draw, 3.2, 4.4, title, **style)


def curve(axes: Any, x: Any, y: Any, color: str, **options: Any) -> None:
    """Draw a curve in one of the colors, with the dashes of that color."""
    options = {"ls": LINES[color], **options}
    axes.plot(x, y, color=COLORS[color], **options)


def text(axes: Any, x: float, y: float, words: str, color: str, **options: Any) -> None:
    """Write in one of the colors."""
    axes.text(x, y, words, color=COLORS[color], **options)

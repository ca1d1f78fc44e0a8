"""Pictures in one style: SVG elements whose colors follow the page, light or dark.

The colors are those of M. Okabe and K. Ito (https://jfly.uni-koeln.de/color/), darker or lighter
where the contrast to the background is too low. Curves also differ in their dashes.
"""

import io
import re
import struct
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from html import escape
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np

from bpnet.pages.content import Picture, short
from bpnet.requirements import require
from bpnet.shown import plain

WIDTH = 4.8
"""Width of a picture in inches, at which its text is legible on a telephone."""

DASHES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Theme:
    """Colors of the background and of lines and text, by their names in a page's style."""

    surface: str
    ink: str
    muted: str
    grid: str
    one: str
    two: str
    three: str
    four: str
    five: str
    six: str
    seven: str

    @property
    def series(self) -> tuple[str, ...]:
        """Colors of curves or bars in one picture."""
        # the first four colors are those of the background and of text
        return astuple(self)[4:]

    def settings(self) -> dict[str, Any]:
        """Settings of matplotlib."""
        ink = ("axes.labelcolor", "axes.titlecolor", "text.color", "xtick.labelcolor",
               "ytick.labelcolor")  # fmt: skip
        return {
            "figure.facecolor": self.surface,
            "figure.constrained_layout.use": True,
            "axes.facecolor": self.surface,
            **dict.fromkeys(ink, self.ink),
            **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), self.muted),
            "axes.titlesize": 9,
            "axes.titlelocation": "left",
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.color": self.grid,
            "grid.linewidth": 0.6,
            "text.parse_math": False,  # a class may be called $x$
            "font.size": 9,
            "font.family": "sans-serif",
            "legend.frameon": False,
            "legend.fontsize": 8.5,
            "lines.linewidth": 1.7,
            # text stays text, in the font of the page, which readers can select and search
            "svg.fonttype": "none",
        }


LIGHT = Theme(
    "#ffffff", "#1c2128", "#59636e", "#dde1e6",
    "#0072b2", "#d55e00", "#007f5f", "#a5487e", "#7a6000", "#4b4aa8", "#5a5a5a",
)  # fmt: skip
DARK = Theme(
    "#171c23", "#e8ebef", "#9aa5b1", "#323a44",
    "#56b4e9", "#ff9d4d", "#2fc79e", "#e39bc4", "#e6cb55", "#aaa9f7", "#c4c4c4",
)  # fmt: skip
PAGE = Theme(*(f"#{i:02d}{i:02d}{i:02d}" for i in range(1, 12)))
"""Colors that stand for a page's variables while matplotlib draws, as it takes no variables."""


@dataclass(frozen=True)
class Spot:
    """A rectangle of a picture that shows a text under the pointer.

    Parameters
    ----------
    axes : matplotlib axes
        Axes of the rectangle.
    text : str
        Text under the pointer.
    x, y : pair of float
        Ends of the rectangle in the units of the axes; without ``y`` it has their whole height.
    """

    axes: Any
    text: str
    x: tuple[float, float]
    y: tuple[float, float] | None = None

    def svg(self, height: float) -> str:
        """SVG of the rectangle, of at least 8 by 8 points; ``height`` is that of the picture."""
        ends = [[x, self.axes.get_ylim()[i] if self.y is None else self.y[i]]
                for i, x in enumerate(self.x)]  # fmt: skip
        (x0, y0), (x1, y1) = self.axes.transData.transform(ends)
        # y points upwards in matplotlib and downwards in SVG
        sizes = [max(abs(x1 - x0), 8), max(abs(y1 - y0), 8)]
        left, top = (x0 + x1 - sizes[0]) / 2, height - (y0 + y1 + sizes[1]) / 2
        at = f'x="{left:.1f}" y="{top:.1f}" width="{sizes[0]:.1f}" height="{sizes[1]:.1f}"'
        title = escape(plain(self.text, keep="\n"))
        return f'<rect class="spot" {at}><title>{title}</title></rect>'


Draw = Callable[[Any, Theme], Iterable[Spot] | None]


def columns(axes: Any, x: Sequence[float], texts: Sequence[str], most: int = 400) -> list[Spot]:
    """Spots for values of ``x``, each up to the middles between neighbors; none for too many."""
    # more spots than this would be narrower than a point of the picture
    if len(x) > most:
        return []
    middles = [(a + b) / 2 for a, b in pairwise(x)]
    low, high = sorted(axes.get_xlim())
    ends = [(a, b) for a, b in pairwise([low, *middles, high])]
    return [Spot(axes, text, end) for text, end in zip(texts, ends, strict=True)]


def bars(
    axes: Any, theme: Theme, labels: Sequence[str], values: Sequence[float], texts: Sequence[str],
    colors: Any = None, errors: Any = None,
) -> list[Spot]:  # fmt: skip
    """Draw horizontal bars, the first on top, each with its text; return a spot for each."""
    at = np.arange(len(values))
    axes.barh(at, values, xerr=errors, height=0.6, color=colors or theme.one,
              error_kw={"ecolor": theme.muted, "lw": 1.2})  # fmt: skip
    # each text stands to the right of its bar, also of a bar that points to the left
    ends = np.maximum(values, 0) + (0 if errors is None else errors)
    for i, text in enumerate(texts):
        axes.annotate(text, (ends[i], i), (5, 0), textcoords="offset points", color=theme.ink,
                      fontsize=8.5, va="center")  # fmt: skip
    axes.set_yticks(at, [short(label, 24) for label in labels])
    axes.invert_yaxis()
    # room for the texts
    axes.margins(x=0.22)
    axes.grid(axis="y", visible=False)
    axes.locator_params(axis="x", nbins=4)
    low, high = axes.get_xlim()
    return [
        Spot(axes, f"{label}: {text}", (low, high), (i - 0.45, i + 0.45))
        for i, (label, text) in enumerate(zip(labels, texts, strict=True))
    ]


def pyplot() -> Any:
    """Import matplotlib's pyplot with a backend that draws to files.

    Raises
    ------
    InputError
        If matplotlib is missing.
    """
    require("matplotlib", "a picture needs").use("agg")
    return import_module("matplotlib.pyplot")


def render(
    name: str, alt: str, draw: Draw, height: float, width: float = WIDTH, title: str = "",
    **settings: Any,
) -> Picture:  # fmt: skip
    """Draw a picture.

    Parameters
    ----------
    name : str
        Name of its file.
    alt : str
        Description of the picture.
    draw : callable
        Function of matplotlib's figure and the theme, which draws, and may return spots.
    height, width : float
        Size in inches.
    title : str
        Caption of the picture.
    **settings
        Settings of matplotlib beside the theme's.

    Raises
    ------
    InputError
        If matplotlib is missing.
    """
    drawn = pyplot()
    # without a salt the ids are random, and two pages of one run would differ
    with drawn.rc_context({**PAGE.settings(), "svg.hashsalt": name, **settings}):
        figure = drawn.figure(figsize=(width, height), dpi=72)  # points, as in the file
        try:
            file = io.StringIO()
            with warnings.catch_warnings():
                # a name may have characters that matplotlib's font lacks and a browser's has
                warnings.filterwarnings("ignore", message="Glyph .* missing from")
                spots = draw(figure, PAGE) or ()
                figure.savefig(file, format="svg", metadata={"Date": None})
            over = "".join(spot.svg(72 * height) for spot in spots)
        finally:
            drawn.close(figure)
    return Picture(name, alt, _element(file.getvalue(), name, over), title=title)


def _element(svg: str, name: str, over: str) -> str:
    """SVG element for a page, with the spots ``over`` it.

    The prefix ``name`` keeps its ids apart from those of other pictures. Screen readers skip it, as
    the page has its description.
    """
    # the declaration before the element belongs to files alone
    svg = svg[svg.index("<svg") : svg.rindex("</svg>")]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    # without a size of its own the picture takes the width that the page gives it
    svg = re.sub(r' width="[^"]*pt"| height="[^"]*pt"', "", svg, count=2)
    for field, color in zip(fields(Theme), astuple(PAGE), strict=True):
        # only in styles, as in "fill: #010101", where text of the picture cannot stand
        svg = re.sub(rf'(?<=: ){color}(?=[;"])', f"var(--{field.name})", svg)
    return svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1) + over + "</svg>"


def in_light(svg: str) -> bytes:
    """File of an SVG element, in the light colors and without spots."""
    for field, color in zip(fields(Theme), astuple(LIGHT), strict=True):
        svg = svg.replace(f"var(--{field.name})", color)
    # without the style of a page a viewer would fill the spots with black
    return re.sub(r'<rect class="spot".*?</rect>', "", svg, flags=re.DOTALL).encode()


def style() -> str:
    """CSS that defines the colors as variables, for light and for dark screens."""
    names = [field.name for field in fields(Theme)]
    light, dark = (
        " ".join(f"--{name}: {color};" for name, color in zip(names, astuple(theme), strict=True))
        for theme in (LIGHT, DARK)
    )
    screen = "@media screen and (prefers-color-scheme: dark)"
    return f":root {{ {light} }}\n{screen} {{ :root {{ {dark} }} }}"


def log_axis(axis: Any, low: float, high: float) -> None:
    """Set the ticks of a logarithmic axis: plain numbers, and several in a narrow range."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    # in a narrow range powers of ten alone would leave one tick or none
    narrow = high < 300 * low
    # a wide range of numbers has ticks enough at powers of ten
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def shades(*colors: str) -> Any:
    """Colormap through these colors; ``""`` is transparent."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    # a transparent end has the color of its neighbor, as black would darken the shades between
    shown = [color or next(filter(None, colors)) for color in colors]
    return LinearSegmentedColormap.from_list(
        "fading", [to_rgba(c, float(bool(there))) for c, there in zip(shown, colors, strict=True)]
    )


def image(name: str, alt: str, values: np.ndarray[Any, Any], limits: Any) -> Picture:
    """Picture of one example, whose pixels are enlarged to squares.

    Parameters
    ----------
    name, alt : str
        As in :func:`render`.
    values : array, (rows, columns) or (rows, columns, 3)
        Values of the pixels.
    limits : pair of float
        Values for black and for white.
    """
    low, high = limits
    # equal pixels have no range to divide by
    gray = np.clip((values - low) / ((high - low) or 1), 0, 1)
    # at least 96 pixels along the longer side
    times = max(1, -(-96 // max(gray.shape[:2])))
    large = np.repeat(np.repeat(gray, times, axis=0), times, axis=1)
    file = io.BytesIO()
    pyplot().imsave(
        file, large.astype(np.float64), cmap="gray", vmin=0, vmax=1, format="png", metadata={}
    )
    data = file.getvalue()
    # the header of a PNG has its size at this place
    width, height = struct.unpack(">II", data[16:24])
    return Picture(name, alt, png=data, width=width, height=height)

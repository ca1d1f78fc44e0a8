"""Pictures drawn twice, for light and for dark screens, in colors that all eyes tell apart.

The colors are those of M. Okabe and K. Ito (https://jfly.uni-koeln.de/color/), made darker or
lighter where the background asks for it.
"""

import io
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet import plots
from bpnet.report.content import Picture

_DPI = 200
_SHOWN = 100
"""Pixels of an inch, in the file and on a screen."""

WIDTH = 4.8
"""Inches of a picture: at this width its text can still be read on a telephone."""


@dataclass(frozen=True)
class Theme:
    """Colors of a background and of what is drawn on it."""

    surface: str
    ink: str
    muted: str
    grid: str
    series: tuple[str, ...]

    def settings(self) -> dict[str, Any]:
        """Matplotlib's settings."""
        return {
            "figure.facecolor": self.surface,
            "figure.constrained_layout.use": True,
            "axes.facecolor": self.surface,
            "axes.edgecolor": self.muted,
            "axes.labelcolor": self.ink,
            "axes.titlecolor": self.ink,
            "axes.titlesize": 9,
            "axes.titlelocation": "left",
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.color": self.grid,
            "grid.linewidth": 0.6,
            "text.color": self.ink,
            "text.parse_math": False,  # a class may be called $x$
            "xtick.color": self.muted,
            "ytick.color": self.muted,
            "xtick.labelcolor": self.ink,
            "ytick.labelcolor": self.ink,
            "font.size": 9,
            "legend.frameon": False,
            "legend.fontsize": 8.5,
            "lines.linewidth": 1.7,
        }

    def shades(self) -> Any:
        """Colormaps from the background to the first and to the second color, for shares."""
        return tuple(self._colormap([self.surface, color]) for color in self.series[:2])

    def two_sides(self) -> Any:
        """Colormap for numbers around 0, which has the background's color."""
        return self._colormap([self.series[0], self.surface, self.series[1]])

    def _colormap(self, colors: list[str]) -> Any:
        from matplotlib.colors import LinearSegmentedColormap

        return LinearSegmentedColormap.from_list("report", colors)


LIGHT = Theme(
    "#ffffff", "#1c2128", "#59636e", "#dde1e6",
    ("#0072b2", "#d55e00", "#007f5f", "#a5487e", "#7a6000", "#4b4aa8", "#5a5a5a"),
)  # fmt: skip
DARK = Theme(
    "#171c23", "#e8ebef", "#9aa5b1", "#323a44",
    ("#56b4e9", "#ff9d4d", "#2fc79e", "#e39bc4", "#e6cb55", "#aaa9f7", "#c4c4c4"),
)  # fmt: skip

DASHES = ("-", "--", "-.", ":")


def render(
    name: str, alt: str, draw: Callable[[Any, Theme], None], height: float, width: float = WIDTH
) -> Picture:
    """Draw a picture in both themes.

    Parameters
    ----------
    name : str
        Of its file.
    alt : str
        What it shows.
    draw : callable
        Is given matplotlib's figure and the theme.
    height, width : float
        Inches.

    Raises
    ------
    InputError
        If matplotlib is missing.
    """
    light, dark = (_drawn(draw, theme, (width, height)) for theme in (LIGHT, DARK))
    return Picture(name, alt, light, dark, round(width * _SHOWN), round(height * _SHOWN))


def log_axis(axis: Any, low: float, high: float) -> None:
    """Ticks of a logarithmic axis in plain numbers, close enough that there are some."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    narrow = high < 300 * low
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _drawn(draw: Callable[[Any, Theme], None], theme: Theme, size: tuple[float, float]) -> bytes:
    pyplot = plots.pyplot()
    with pyplot.rc_context(theme.settings()), warnings.catch_warnings():
        # a name may have signs that the font lacks: the table beside the picture has them
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = pyplot.figure(figsize=size, dpi=_DPI)
        try:
            draw(figure, theme)
            file = io.BytesIO()
            figure.canvas.print_png(file)  # savefig would draw everything twice
        finally:
            pyplot.close(figure)
    return file.getvalue()


def image(name: str, alt: str, values: np.ndarray[Any, Any], limits: Any) -> Picture:
    """One example as a picture, its pixels enlarged to squares.

    Parameters
    ----------
    name, alt : str
        As in :func:`render`.
    values : array, (rows, columns) or (rows, columns, 3)
        The pixels.
    limits : pair of float
        Values that are black and white.
    """
    low, high = limits
    shades = np.clip((values - low) / ((high - low) or 1), 0, 1)
    times = max(1, -(-96 // max(shades.shape[:2])))
    large = np.repeat(np.repeat(shades, times, axis=0), times, axis=1)
    file = io.BytesIO()
    plots.pyplot().imsave(
        file, large.astype(np.float64), cmap="gray", vmin=0, vmax=1, format="png", metadata={}
    )
    data = file.getvalue()
    width, height = struct.unpack(">II", data[16:24])
    return Picture(name, alt, data, b"", width, height)

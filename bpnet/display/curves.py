"""Curves on a terminal: dots of Braille characters, or stars where the encoding lacks them."""

import math
from collections.abc import Mapping, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from bpnet.training.history import History

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a Braille character, by the line and the column of the dot."""

_STYLES = {"training": "color(33)", "validation": "color(166)"}
_HEIGHT = 7
"""Lines of a chart, without its title and its horizontal axis."""
_BESIDE = 38
"""Least columns of a chart beside another one; in narrower terminals charts are stacked."""

_LABELS = 8
"""Columns for the numbers of the vertical axis."""


class Curves:
    """Charts of the cost, and of the accuracy of a classification, over the epochs so far.

    Parameters
    ----------
    history : dict of lists
        The run's history, which grows during training.
    epochs : int
        Epochs on the horizontal axis: those of the recipe, and after training those of the run.
    """

    def __init__(self, history: History, epochs: int) -> None:
        self._history, self.epochs = history, epochs

    @property
    def epochs_done(self) -> int:
        """Number of epochs in the history."""
        return len(self._history.get("cost", ()))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the charts in a grid that fits the width of the terminal."""
        names = [name for name in ("cost", "accuracy") if name in self._history]
        wide = min(options.max_width, 100)
        room = wide // max(len(names), 1) - 2
        beside = room >= _BESIDE
        # the console of old versions of Windows cannot show Braille characters
        signs = not (options.ascii_only or console.legacy_windows)
        grid = Table.grid(padding=(0, 2))
        charts = []
        for name in names:
            curves = {
                # copies, as rich draws in a thread of its own while the history grows
                label: list(self._history[prefix + name])
                for label, prefix in (("training", ""), ("validation", "validation_"))
                if prefix + name in self._history
            }
            columns = room if beside else wide - 2
            charts.append(Text("\n").join(chart(name, curves, self.epochs, columns, signs=signs)))
        for row in [charts] if beside else [[one] for one in charts]:
            grid.add_row(*row)
        yield grid


def chart(
    name: str, curves: Mapping[str, Sequence[float]], epochs: int, width: int, *, signs: bool = True
) -> list[Text]:
    """Lines of a chart: title, curves, horizontal axis.

    Parameters
    ----------
    name : str
        Name of the figure, such as ``cost``.
    curves : mapping of str to list of float
        Values of ``training`` and ``validation``, one for each epoch.
    epochs : int
        Epochs on the horizontal axis.
    width : int
        Columns of the chart.
    signs : bool
        Whether the terminal has Braille characters.
    """
    columns = max(width - _LABELS - 4, 8)
    values = [v for curve in curves.values() for v in curve if math.isfinite(v)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    # on a linear axis a cost that falls by orders of magnitude would soon be a flat line
    far = name != "accuracy" and low > 0 and high > 30 * low
    # a level curve lies in the middle of the chart
    if high == low:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    cells, ends = _drawn(curves, epochs, columns, low, high, far=far)
    title = Text(name + (" (log)" if far else ""), style="bold")
    whole = sum(len(label) + 5 for label in curves) <= width - len(title)
    for label in curves:
        title.append(f"  {label[0]}: {label}" if whole else f"  {label[0]}", style=_STYLES[label])
    title.truncate(width)
    lines = [title]
    for row in range(_HEIGHT):
        at = {0: high, _HEIGHT - 1: low}.get(row)
        line = Text().append(f"{_label(at, name):>{_LABELS}} {'▕' if signs else '|'}", style="dim")
        # the labels at the ends of curves may stand beyond the last column
        for column in range(columns + len(ends)):
            bits, label = cells.get((row, column), (0, ""))
            plain = "*" if label == "training" else "o"
            sign = chr(0x2800 + bits) if signs else plain
            if (row, column) in ends:
                # the bits only say that the cell is not empty
                sign, label, bits = ends[row, column][0], ends[row, column], 1
            line.append(sign if bits else " ", style=_STYLES.get(label, ""))
        line.rstrip()
        lines.append(line)
    foot = f"{'epoch 1':>{_LABELS + 9}}"
    lines.append(Text(foot + f"{epochs:>{max(columns - 7, 1)}}", style="dim"))
    return lines


def _label(value: float | None, name: str) -> str:
    if value is None:
        return ""
    return f"{100 * value:.1f} %" if name == "accuracy" else f"{value:.3g}"


def _drawn(
    curves: Mapping[str, Sequence[float]],
    epochs: int,
    columns: int,
    low: float,
    high: float,
    *,
    far: bool,
) -> tuple[dict[tuple[int, int], tuple[int, str]], dict[tuple[int, int], str]]:
    """Bits and curve of each cell that has dots, and the cell behind the end of each curve."""
    bend = math.log if far else float
    cells: dict[tuple[int, int], tuple[int, str]] = {}
    ends: dict[tuple[int, int], str] = {}
    for label, curve in curves.items():
        # a character has 2 columns and 4 lines of dots
        points = [
            (
                round(i * (2 * columns - 1) / max(epochs - 1, 1)),
                round((bend(high) - bend(v)) / (bend(high) - bend(low)) * (4 * _HEIGHT - 1)),
            )
            for i, v in enumerate(curve)
            if math.isfinite(v)
        ]
        # the last point is a line to itself, so that a single epoch has a dot
        for start, end in zip(points, [*points[1:], *points[-1:]], strict=True):
            for x, y in _line(start, end):
                key = (y // 4, min(x // 2, columns - 1))
                bits = cells.get(key, (0, ""))[0]
                cells[key] = (bits | _DOTS[y % 4][x % 2], label)
        if points:
            row, column = points[-1][1] // 4, points[-1][0] // 2 + 1
            # where two curves end in one cell, the label of the second moves on by a column
            ends[row, column + ((row, column) in ends)] = label
    return cells, ends


def _line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """Dots of a straight line between two points."""
    (x0, y0), (x1, y1) = start, end
    n = max(abs(x1 - x0), abs(y1 - y0), 1)
    return [(round(x0 + (x1 - x0) * i / n), round(y0 + (y1 - y0) * i / n)) for i in range(n + 1)]

"""Parallel coordinates: an upright axis for each quantity, and a line for each item across them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.pages.content import short
from bpnet.pages.drawing import Spot, Theme

_FEW = 6
"""Different numbers up to which each of them gets a tick, evenly spaced."""

_MOST = 12
"""Ticks of an axis."""


@dataclass(frozen=True)
class Axis:
    """One axis: where each item lies on it, from 0 to 1, and its ticks.

    Parameters
    ----------
    name : str
        Heading above the axis.
    places : sequence of float
        Position of each item on the axis, from 0 to 1.
    ticks : sequence of (float, str)
        Positions and texts of the ticks.
    """

    name: str
    places: Sequence[float]
    ticks: Sequence[tuple[float, str]]

    @classmethod
    def of(cls, name: str, values: Sequence[Any], text: Callable[[Any], str]) -> "Axis":
        """Axis of an option: of numbers where there are many, else of categories."""
        # a bool would pass `isinstance(value, int)`, and it stands on an axis of categories
        numeric = [type(value) in (int, float) for value in values]
        # lists of layers cannot be hashed, so that their texts stand for them
        different = list({text(value): value for value in values}.values())
        if all(numeric) and len(different) > _FEW:
            # from a factor of ten on each order of magnitude has room of its own
            log = min(values) * 10 <= max(values)
            return cls.of_numbers(name, values, lambda value: f"{value:.2g}", log=log)
        if all(n or v is None for n, v in zip(numeric, values, strict=True)):
            # None is the batch size of the whole set, the largest one
            different.sort(key=lambda value: float("inf") if value is None else value)
        elif all(isinstance(value, list) for value in values):
            different.sort()
        # categories are evenly spaced, and none lies on an end of the axis
        at = {text(v): (i + 0.5) / len(different) for i, v in enumerate(different)}
        step = -(-len(at) // _MOST)
        ticks = [(place, label) for label, place in [*at.items()][::step]]
        return cls(name, [at[text(value)] for value in values], ticks)

    @classmethod
    def of_numbers(
        cls, name: str, values: Sequence[float], text: Callable[[Any], str], *, log: bool = False
    ) -> "Axis":
        """Axis of numbers, logarithmic with ``log`` if all of them are above 0."""
        numbers = np.asarray(values, float)
        log = log and numbers.min() > 0
        low, high = numbers.min(), numbers.max()
        ends = np.log([low, high]) if log else np.asarray([low, high])
        # items with one and the same number have no spread to divide by
        spread = (ends[1] - ends[0]) or 1.0
        places = ((np.log(numbers) if log else numbers) - ends[0]) / spread
        at = [0.0, 0.25, 0.5, 0.75, 1.0] if high > low else [0.0]
        ticks = [ends[0] + share * spread for share in at]
        texts = [text(float(np.exp(tick) if log else tick)) for tick in ticks]
        return cls(name, places.tolist(), list(zip(at, texts, strict=True)))


def parallel(
    figure: Any, theme: Theme, axes: Sequence[Axis], texts: Sequence[str], dotted: Sequence[bool],
    *, rising: bool,
) -> list[Spot]:  # fmt: skip
    """Draw a line for each item, the best one first; return a spot for each item on each axis.

    The last axis is that of the score: the stronger a line, the better its score. With ``rising``
    a higher score is better, else a lower one.
    """
    plot = figure.subplots()
    count = len(axes)
    size = 9.0 if count < 6 else 8.0
    for x, axis in enumerate(axes):
        plot.plot([x, x], [0, 1], color=theme.muted, lw=1, zorder=3)
        # names of many axes would overlap if they were horizontal
        turned = {"rotation": 28, "ha": "left"} if count > 4 else {"ha": "center"}
        plot.annotate(
            axis.name.replace(" ", "\n", 1),
            (x, 1),
            (0, 6),
            fontsize=size,
            textcoords="offset points",
            color=theme.ink,
            va="bottom",
            **turned,
        )
        for place, label in axis.ticks:
            plot.annotate(
                short(label, 14),
                (x, place),
                (3, 0),
                textcoords="offset points",
                color=theme.ink,
                fontsize=size - 0.5,
                va="center",
                zorder=4,
                # lines run through the labels, so that each one lies on a veil of the background
                bbox={"fc": theme.surface, "ec": "none", "alpha": 0.75, "pad": 0.6},
            )
    spots = []
    for i in reversed(range(len(texts))):  # the best lies on top
        places = [axis.places[i] for axis in axes]
        # the axis of the score is the last one
        good = places[-1] if rising else 1 - places[-1]
        plot.plot(
            range(count),
            places,
            ":" if dotted[i] else "-",
            zorder=2,
            color=theme.one if i else theme.two,
            lw=1.3 if i else 2.4,
            alpha=0.25 + 0.65 * good if i else 1.0,
        )
        spots += [Spot(plot, texts[i], (x, x), (y, y)) for x, y in enumerate(places)]
    # the labels of the last axis stand to the right of it
    plot.set(xlim=(-0.02 * count, (count - 1) * 1.14), ylim=(-0.05, 1.05))
    plot.axis("off")
    return spots

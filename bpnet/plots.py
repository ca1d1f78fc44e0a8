"""Pictures in files, drawn with matplotlib."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bpnet.pages import drawing, picture_files
from bpnet.pages.drawing import Theme
from bpnet.public import listing
from bpnet.training.finder import LearningRates

__all__ = ["learning_rates"]
__dir__ = listing(__all__)


def learning_rates(finder: LearningRates, path: str | Path, about: Sequence[str] = ()) -> Path:
    """Draw the cost against the learning rate, with the suggested rate.

    Parameters
    ----------
    finder : LearningRates
        Result of :func:`bpnet.find_learning_rate`.
    path : str or Path
        File that ends in .png, .svg or .pdf.
    about : sequence of str
        Lines below the picture, beside the date: data, network and machine.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If matplotlib is missing or the path cannot be used.
    """

    def draw(figure: Any, theme: Theme) -> None:
        axes = figure.subplots()
        finder.draw(axes, (theme.one, theme.two, theme.ink))
        drawing.log_axis(axes.xaxis, finder.rates.min(), finder.rates.max())
        axes.set_title(
            "The suggestion is a tenth of the rate with the lowest cost; the run ends where the "
            "cost has\nrisen far above it.", color=theme.muted, fontsize=8.5,
        )  # fmt: skip

    return picture_files.save(path, draw, "Learning-rate finder", about, (6.4, 4.2))

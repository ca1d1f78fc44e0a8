"""Pictures that stand alone, drawn with matplotlib where it is installed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bpnet.pages import drawing, picture_files
from bpnet.pages.drawing import Theme
from bpnet.public import listing
from bpnet.training.finder import LearningRates

__all__ = ["learning_rates"]
__dir__ = listing(__all__)


def learning_rates(found: LearningRates, path: str | Path, about: Sequence[str] = ()) -> Path:
    """Cost against learning rate, with the suggestion.

    Parameters
    ----------
    found : LearningRates
        From :func:`bpnet.find_learning_rate`.
    path : str or Path
        Ends in .png, .svg or .pdf.
    about : sequence of str
        What stands below the picture with the date: data, network and machine.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    InputError
        If matplotlib is missing or the path cannot be used.
    """
    lowest = found.rates[found.costs.argmin()]

    def draw(figure: Any, theme: Theme) -> None:
        axes = figure.subplots()
        axes.plot(found.rates, found.costs, color=theme.one)
        axes.axvline(found.suggestion, color=theme.two, ls="--",
                     label=f"suggestion {found.suggestion:.2g}")  # fmt: skip
        axes.plot([lowest], [found.costs.min()], "o", mfc="none", mec=theme.ink,
                  label=f"lowest cost, at {lowest:.2g}")  # fmt: skip
        axes.set(xscale="log", xlabel="learning rate", ylabel="cost, smoothed")
        drawing.log_axis(axes.xaxis, found.rates.min(), found.rates.max())
        axes.legend()
        axes.set_title(
            "The suggestion is a tenth of the rate with the lowest cost; the run ends where the "
            "cost has\nrisen far above it.", color=theme.muted, fontsize=8.5,
        )  # fmt: skip

    return picture_files.save(path, draw, "Learning-rate finder", about, (6.4, 4.2))

"""Text of figures for a reader: rounded numbers, names of metrics, durations."""

from typing import Any

from bpnet.requirements import require

FIGURES = {"r2": "R2", "mae": "MAE", "rmse": "RMSE"}
"""Names of metrics that are abbreviations."""


def figure(value: float) -> str:
    """Number as text, rounded to about four significant digits.

    Examples
    --------
    >>> print(figure(0.4231), figure(2.5), figure(1.2e-06), figure(42793563.75), figure(0.0))
    0.4231 2.5000 1.2e-06 4.2794e+07 0.0000
    """
    size = abs(value)
    if size == 0 or 0.01 <= size < 1000:
        return f"{value:.4f}"
    return f"{value:.3g}" if size < 1 else f"{value:.5g}"


def display_name(name: str) -> str:
    """Name of a metric as a reader expects it."""
    return FIGURES.get(name, name)


def value_text(name: str, value: float) -> str:
    """Value of a metric as text: an accuracy in percent, an error in the target's unit."""
    if name == "accuracy":
        return f"{100 * value:.1f} %"
    if name in {"mae", "rmse", "mse"}:
        # amounts of five digits and more are read as whole numbers
        return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.5g}"
    return figure(value)


def duration(seconds: float) -> str:
    """Duration as text, in hours, minutes and seconds.

    Examples
    --------
    >>> print(duration(7.4), duration(75), duration(3723))
    0:07 1:15 1:02:03
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def pyplot() -> Any:
    """Matplotlib's pyplot, for a notebook or a window.

    Raises
    ------
    InputError
        If matplotlib is missing.
    """
    require("matplotlib", "a picture needs")
    # the user's own backend, which shows windows; that of `pages.drawing.pyplot` writes files
    from matplotlib import pyplot as drawn

    return drawn

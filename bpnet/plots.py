"""Pictures, drawn with matplotlib where it is installed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bpnet.errors import InputError
from bpnet.public import listing
from bpnet.requirements import install
from bpnet.storage import disk
from bpnet.training.finder import LearningRates

__all__ = ["learning_rates", "save"]
__dir__ = listing(__all__)


def pyplot() -> Any:
    """Matplotlib's pyplot, drawing to files.

    Raises
    ------
    InputError
        If matplotlib is missing.
    """
    try:
        import matplotlib
    except ImportError as error:
        msg = f"a picture needs matplotlib; {install('matplotlib')}"
        raise InputError(msg) from error
    matplotlib.use("agg")
    from matplotlib import pyplot as drawn

    return drawn


def check(path: Path, reads: Iterable[str | Path] = ()) -> None:
    """Refuse a picture that cannot be written or drawn, before any work is done.

    Raises
    ------
    InputError
        If its ending is none of these, it cannot be written or is read, or matplotlib is missing.
    """
    if path.suffix.lower() not in {".png", ".svg", ".pdf"}:
        msg = f"a picture is a .png, .svg or .pdf, not {path.name!r}; rename it"
        raise InputError(msg)
    disk.writable(path, reads)
    pyplot()


def save(figure: Any, path: str | Path) -> Path:
    """Write a figure and close it.

    Raises
    ------
    InputError
        If the path's ending is no picture's, or its folder is missing.
    """
    figure.tight_layout()
    path = Path(path)
    try:
        with disk.writing(path) as file:
            figure.savefig(file, dpi=120, format=path.suffix[1:].lower())
    except InputError:
        raise
    except ValueError as error:
        msg = f"{path} has no picture's ending ({error}); use .png, .svg or .pdf"
        raise InputError(msg) from error
    except OSError as error:
        msg = f"{path} can't be written ({error.strerror}); give a folder that is there"
        raise InputError(msg) from error
    finally:
        pyplot().close(figure)
    return path


def learning_rates(found: LearningRates, path: str | Path) -> Path:
    """Cost against learning rate, with the suggestion.

    Parameters
    ----------
    found : LearningRates
        From :func:`bpnet.find_learning_rate`.
    path : str or Path
        Ends in .png, .svg or .pdf.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    InputError
        If matplotlib is missing or the path cannot be used.
    """
    figure, axes = pyplot().subplots(figsize=(6, 3.6))
    axes.plot(found.rates, found.costs)
    axes.axvline(found.suggestion, color="C1", label=f"suggestion: {found.suggestion:.2g}")
    axes.set(xscale="log", xlabel="learning rate", ylabel="cost, smoothed")
    axes.grid(alpha=0.3)
    axes.legend()
    return save(figure, path)

"""Pictures in files of their own, outside of a page."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bpnet.errors import InputError
from bpnet.pages.drawing import LIGHT, Draw, pyplot
from bpnet.storage import disk


def check(path: Path, reads: Iterable[str | Path] = ()) -> None:
    """Refuse a picture that cannot be written or drawn, before any work is done.

    Raises
    ------
    InputError
        If the ending is not that of a picture, the file cannot be written or is an input file, or
        matplotlib is missing.
    """
    if path.suffix.lower() not in {".png", ".svg", ".pdf"}:
        msg = f"a picture is a .png, .svg or .pdf, not {path.name!r}; rename it"
        raise InputError(msg)
    disk.writable(path, reads)
    pyplot()


def save(
    path: str | Path, draw: Draw, title: str, about: Sequence[str], size: tuple[float, float]
) -> Path:
    """Draw a picture with a title, and with its data, network, machine and date below it.

    Parameters
    ----------
    path : str or Path
        File that ends in .png, .svg or .pdf.
    draw : callable
        As in :func:`bpnet.pages.drawing.render`; spots are not used.
    title : str
        Title of the picture.
    about : sequence of str
        Data, network and machine; the date is added.
    size : pair of float
        Width and height in inches.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If matplotlib is missing, the ending is not that of a picture, or the folder is missing.
    """
    path, drawn = Path(path), pyplot()
    with drawn.rc_context(LIGHT.settings()):
        figure = drawn.figure(figsize=size)
        try:
            below = "  ·  ".join((*filter(None, about), time.strftime("%Y-%m-%d")))
            figure.suptitle(title, x=0.02, ha="left", fontsize=12, fontweight="bold")
            figure.supxlabel(below, x=0.02, ha="left", fontsize=8, color=LIGHT.muted)
            draw(figure, LIGHT)
            with disk.writing(path) as file:
                # the stream has no name that would tell matplotlib the format
                figure.savefig(file, dpi=150, format=path.suffix[1:].lower())
        # an InputError is a ValueError too, and has its own message
        except InputError:
            raise
        except ValueError as error:
            msg = f"{path} does not end as a picture does ({error}); use .png, .svg or .pdf"
            raise InputError(msg) from error
        except OSError as error:
            msg = f"{path} can't be written ({error.strerror}); give a folder that is there"
            raise InputError(msg) from error
        finally:
            drawn.close(figure)
    return path

"""Files of other libraries: whatever is wrong with one is told in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bpnet.errors import InputError, one_line
from bpnet.storage import disk


def check_there(path: Path, wanted: str) -> None:
    """Refuse a path at which there is no file.

    Raises
    ------
    InputError
        Naming what is wanted.
    """
    if not disk.there(path) or path.is_dir():
        msg = f"there is no {path}; give {wanted}"
        raise InputError(msg)


@contextmanager
def refusing(path: Path, kind: str, cure: str) -> Iterator[None]:
    """Turn whatever is raised over a file into one line that names it.

    A reader of a foreign format meets errors of several libraries, of a kind for each damage: all
    are caught, so that none is forgotten.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        What else it may be, as a clause: "no .keras file".
    cure : str
        What to do.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:
            msg = f"can't read {path}: {error.strerror}; give a file that can be read"
            raise InputError(msg) from error
        msg = f"{path} is damaged or {kind} ({one_line(error)}); {cure}"
        raise InputError(msg) from error

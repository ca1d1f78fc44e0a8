"""Files of other libraries, with every error over them on one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bpnet.errors import InputError, one_line
from bpnet.storage import disk


@contextmanager
def reading(path: Path, expected: str, other: str, cure: str) -> Iterator[None]:
    """Read a file, and turn any error over it into one line.

    A missing file is not the ``expected`` one; one that can't be read is damaged or ``other``, with
    the ``cure``. A reader of a foreign format meets errors of several libraries, another for each
    damage: all are caught, so that none is forgotten.
    """
    if not disk.there(path) or path.is_dir():
        msg = f"there is no {path}; give {expected}"
        raise InputError(msg)
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:
            msg = f"can't read {path}: {error.strerror}; give a file that can be read"
            raise InputError(msg) from error
        msg = f"{path} is damaged or {other} ({one_line(error)}); {cure}"
        raise InputError(msg) from error

"""Files of other libraries, with every error over them on one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bpnet.errors import InputError, one_line
from bpnet.storage import disk


def check_exists(path: Path, expected: str) -> None:
    """Refuse a path without a file; ``expected`` says which file to give."""
    if not disk.there(path) or path.is_dir():
        msg = f"there is no {path}; give {expected}"
        raise InputError(msg)


@contextmanager
def one_line_errors(path: Path, kind: str, cure: str) -> Iterator[None]:
    """Turn any error over a file into one line: it is damaged or ``kind``; and the ``cure``.

    A reader of a foreign format meets errors of several libraries, another for each damage:
    all are caught, so that none is forgotten.
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

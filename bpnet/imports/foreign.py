"""Reading of other libraries' files, with every error as one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bpnet.errors import InputError, one_line
from bpnet.storage import disk


@contextmanager
def reading(path: Path, expected: str, other: str, cure: str) -> Iterator[None]:
    """Turn any error in reading a file, within the ``with``, into an ``InputError`` of one line.

    The message on a missing file asks for ``expected``. The message on a file that cannot be read
    says that the file is damaged or ``other``, and has the ``cure``. All exceptions are caught, as
    a damaged file can raise the errors of several libraries.
    """
    if not disk.there(path) or path.is_dir():
        msg = f"there is no {path}; give {expected}"
        raise InputError(msg)
    try:
        yield
    # its message is one line already
    except InputError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:
            msg = f"can't read {path}: {error.strerror}; give a file that can be read"
            raise InputError(msg) from error
        msg = f"{path} is damaged or {other} ({one_line(error)}); {cure}"
        raise InputError(msg) from error

"""Files that are whole or not there, whatever happens while they are written."""

import os
from contextlib import suppress
from pathlib import Path


def write(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file that appears under its name only when it is complete and on the disk.

    It is written under another name, synchronized, renamed, and its folder synchronized.

    Parameters
    ----------
    path : Path
        In a folder that is there.
    content : bytes
        All of it.
    replace : bool
        Whether it may take the place of another.

    Raises
    ------
    FileExistsError
        If it may not and there is one.
    OSError
        If it could not be written; what was there before is as it was.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            partial.replace(path)
        else:
            os.link(partial, path)
    finally:
        # where the disk fails this may fail too, and the first error is the one to tell
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    _synchronize(path.parent)


def _synchronize(folder: Path) -> None:
    """Put the folder's entries on the disk, where the system knows of such a thing."""
    with suppress(OSError, AttributeError):
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

"""Files that a command reads, under whatever name: none of them may be what it writes."""

import glob
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

_ONE = re.compile(r"\[([^!\]])\]")
"""A class of one character, as :func:`glob.escape` writes what is no pattern."""


def holds(reads: Iterable[str | Path], path: Path) -> bool:
    """Whether a path is one of what is read, or would be at the next time.

    Parameters
    ----------
    reads : iterable of str or Path
        Files, folders and patterns of names.
    path : Path
        Of a file or a folder that is to be written; it need not be there.
    """
    real = Path(os.path.realpath(path))
    own = _identity(real)
    return any(_is(Path(name), real, own) for name in reads)


def _is(read: Path, path: Path, own: tuple[int, int] | None) -> bool:
    """Whether a path is a file that is read, or among a pattern of such."""
    if Path(os.path.realpath(read)) == path or (own is not None and own == _identity(read)):
        return True
    if not glob.has_magic(str(read)) or os.path.lexists(read):
        return False
    found = () if own is None else glob.iglob(str(read))
    return _matches(path, read) or any(own == _identity(Path(name)) for name in found)


def _matches(path: Path, pattern: Path) -> bool:
    """Whether a path, free of links, is one that a pattern names."""
    if glob.has_magic(_ONE.sub("", str(pattern.parent))):
        return fnmatchcase(str(path), os.path.abspath(pattern))
    folder = Path(os.path.realpath(_ONE.sub(r"\1", str(pattern.parent))))
    return path.parent == folder and fnmatchcase(path.name, pattern.name)


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and number of a file or folder: the same under all its names."""
    with suppress(OSError, ValueError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None

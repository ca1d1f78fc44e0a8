"""Input files of a command, none of which the command may overwrite under any of their names."""

import glob
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

_ONE = re.compile(r"\[([^!\]])\]")
"""A class of one character, as :func:`glob.escape` writes a character that is no pattern."""


def holds(reads: Iterable[str | Path], path: Path) -> bool:
    """Whether a path is among the input files, or would be once it is written.

    ``reads`` are files, folders and glob patterns; the path need not exist.
    """
    real = Path(os.path.realpath(path))
    own = _identity(real)
    return any(_is(Path(name), real, own) for name in reads)


def _is(read: Path, path: Path, own: tuple[int, int] | None) -> bool:
    """Whether a path without links, of identity ``own``, is an input file or matches a pattern."""
    if Path(os.path.realpath(read)) == path or (own is not None and own == _identity(read)):
        return True
    if not glob.has_magic(str(read)) or os.path.lexists(read):
        return False
    files = () if own is None else glob.iglob(str(read))
    return _matches(path, read) or any(own == _identity(Path(name)) for name in files)


def _matches(path: Path, pattern: Path) -> bool:
    """Whether the name of a path without links matches a pattern."""
    if glob.has_magic(_ONE.sub("", str(pattern.parent))):
        return fnmatchcase(str(path), os.path.abspath(pattern))
    folder = Path(os.path.realpath(_ONE.sub(r"\1", str(pattern.parent))))
    return path.parent == folder and fnmatchcase(path.name, pattern.name)


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file or folder, which are the same under all its names."""
    with suppress(OSError, ValueError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None

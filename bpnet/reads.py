"""Files that a command reads, under whatever name: none of them may be what it writes."""

import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path


def holds(reads: Iterable[str | Path], path: Path) -> bool:
    """Whether a path is one of what is read, or would be at the next time.

    Parameters
    ----------
    reads : iterable of str or Path
        Files, folders whose files are read, and patterns of names; or two of these with a comma.
    path : Path
        Of a file or a folder that is to be written; it need not be there.
    """
    real = Path(os.path.realpath(path))
    own = _identity(real)
    return any(_is(Path(name), real, own) for one in reads for name in _names(str(one)))


def _names(given: str) -> list[str]:
    """The name that was given, and both halves of a pair."""
    return [given, *given.split(",")] if "," in given else [given]


def _is(read: Path, path: Path, own: tuple[int, int] | None) -> bool:
    """Whether a path is a file, in a folder or among a pattern that is read."""
    real = Path(os.path.realpath(read))
    if real == path:
        return True
    members = list(_members(read))
    if own is not None and any(_identity(one) == own for one in (real, *members)):
        return True
    if path.parent == real and not real.is_file():
        return path.suffix.lower() in {one.suffix.lower() for one in members if one.suffix}
    pattern = str(Path(os.path.realpath(read.parent)) / read.name)
    return glob.has_magic(str(read)) and fnmatchcase(str(path), pattern)


def _members(read: Path) -> Iterator[Path]:
    """Files of a folder, or those that a pattern names."""
    with suppress(OSError, ValueError):
        if read.is_dir():
            yield from (path for path in read.iterdir() if not path.is_dir())
        elif glob.has_magic(str(read)) and not os.path.lexists(read):
            yield from map(Path, glob.iglob(str(read)))


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and number of a file or folder: the same under all its names."""
    with suppress(OSError, ValueError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None

"""Folders that bpnet made: only what it writes there is written or taken away, through no link.

Such a folder may come from a stranger, or from a process that was killed.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from bpnet.errors import InputError
from bpnet.storage import disk

_MOST = 10_000
"""Folders of one name and second."""


def check(folder: Path, files: Iterable[str] = (), folders: Iterable[str] = ()) -> None:
    """Refuse a folder in which something else has the name of what is written there.

    Parameters
    ----------
    folder : Path
        May be missing.
    files, folders : iterable of str
        Names of what bpnet makes in it.

    Raises
    ------
    InputError
        If one is a link, or of another kind. Nothing is opened.
    """
    for wanted, names in (("file", files), ("folder", folders)):
        for name in names:
            found = disk.kind(folder / name)
            if found not in {"", wanted}:
                msg = f"{folder / name} is a {found} where bpnet's own {wanted} belongs, and "
                raise InputError(f"{msg}nothing is written to or through it; take it away")


def clear(folder: Path, names: Iterable[str] | re.Pattern[str]) -> None:
    """Take away what processes that were killed left half-written of files of these names."""
    for left in leftovers(folder, names):
        with suppress(OSError):
            left.unlink(missing_ok=True)


def leftovers(folder: Path, names: Iterable[str] | re.Pattern[str]) -> list[Path]:
    """Files that processes have not finished; the names are those that they would have got."""
    wanted = names.fullmatch if isinstance(names, re.Pattern) else set(names).__contains__
    try:
        found = [path for path in folder.iterdir() if wanted(disk.intended(path.name))]
    except OSError:
        return []
    return [path for path in found if disk.kind(path) == "file"]


def claim(folder: Path, *, fresh: bool) -> tuple[Path, list[Path]]:
    """Make a folder; return it, and what had to be made for it, the innermost first.

    Parameters
    ----------
    folder : Path
        May be there.
    fresh : bool
        Whether it must be nobody else's: it may then get another name.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    if not fresh:
        folder.mkdir(parents=True, exist_ok=True)
        return folder, missing
    made = make_new(folder)
    return made, [made, *(path for path in missing if path != folder)]


def unmake(made: Iterable[Path]) -> None:
    """Take away what :func:`claim` made, where it is empty."""
    for folder in made:
        with suppress(OSError):
            folder.rmdir()


def make_new(stem: Path) -> Path:
    """Make a folder that nobody else has: of this name, or with the next number that is free.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    for i in itertools.count(1):
        folder = stem if i == 1 else stem.with_name(f"{stem.name}-{i}")
        try:
            folder.mkdir()
        except FileExistsError:
            if i < _MOST:
                continue
            raise
        break
    return folder


def write_all(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write several files of a folder, in this order; where one fails, all are as they were.

    A process that is killed meanwhile leaves each file whole, the earlier one or the new one.

    Raises
    ------
    InputError
        If a link, or what is no file, has one of the names; nothing is written then.
    OSError
        If one could not be written.
    """
    check(folder, contents)
    paths = [folder / name for name in contents]
    before = {path: path.read_bytes() if path.exists() else None for path in paths}
    try:
        with ExitStack() as files:  # they get their names as it is left, the last one first
            for path in reversed(paths):
                files.enter_context(disk.writing(path, sync=False)).write(contents[path.name])
    except BaseException:
        for path, earlier in before.items():
            with suppress(OSError):
                path.unlink(missing_ok=True) if earlier is None else disk.write(path, earlier)
        raise

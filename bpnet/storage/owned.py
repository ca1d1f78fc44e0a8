"""Folders that bpnet made, in which it writes and deletes only its own files, never through a link.

Such a folder may have been copied from somebody else, or left by a process that was killed.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from bpnet.errors import InputError
from bpnet.storage import disk

_MOST = 10_000
"""Folders whose names differ in the number at the end only."""


def check(folder: Path, files: Iterable[str] = (), folders: Iterable[str] = ()) -> None:
    """Refuse a folder in which one of bpnet's names is a link or of another kind.

    ``files`` and ``folders`` are the names that bpnet writes; none of them is opened.
    """
    for expected, names in (("file", files), ("folder", folders)):
        for name in names:
            kind = disk.kind(folder / name)
            if kind not in {"", expected}:
                msg = f"{folder / name} is a {kind} where bpnet's own {expected} belongs, and "
                raise InputError(f"{msg}nothing is written to or through it; remove it")


def clear(folder: Path, names: Iterable[str] | re.Pattern[str]) -> None:
    """Delete the partial files that killed processes left of files with these names."""
    for path in leftovers(folder, names):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def leftovers(folder: Path, names: Iterable[str] | re.Pattern[str]) -> list[Path]:
    """Partial files in a folder whose final names are among these, or match the pattern."""
    matches = names.fullmatch if isinstance(names, re.Pattern) else set(names).__contains__
    try:
        partial = [path for path in folder.iterdir() if matches(disk.intended(path.name))]
    except OSError:
        return []
    return [path for path in partial if disk.kind(path) == "file"]


def claim(folder: Path, *, fresh: bool) -> tuple[Path, list[Path]]:
    """Make a folder; return it and the folders that were created for it, the innermost first.

    Where it must be ``fresh``, an existing folder is left alone and the new one gets a number.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    if not fresh:
        folder.mkdir(parents=True, exist_ok=True)
        return folder, missing
    created = make_new(folder)
    return created, [created, *(path for path in missing if path != folder)]


def unmake(folders: Iterable[Path]) -> None:
    """Remove those of the folders created by :func:`claim` that are empty."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def make_new(stem: Path) -> Path:
    """Create a folder of this name, or of this name with the next free number."""
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
    """Write several files of a folder, in this order; where one fails, all stay as they were.

    A process that is killed meanwhile leaves each file whole, the earlier one or the new one.
    A name that is a link or no file is refused before anything is written.
    """
    check(folder, contents)
    paths = [folder / name for name in contents]
    before = {path: path.read_bytes() if path.exists() else None for path in paths}
    try:
        with ExitStack() as files:  # leaving it renames the files, the last opened one first
            for path in reversed(paths):
                files.enter_context(disk.writing(path, sync=False)).write(contents[path.name])
    except BaseException:
        for path, earlier in before.items():
            with suppress(OSError):
                path.unlink(missing_ok=True) if earlier is None else disk.write(path, earlier)
        raise

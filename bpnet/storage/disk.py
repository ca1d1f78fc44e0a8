"""Files that are whole or not there, whatever happens while they are written."""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from bpnet.errors import InputError
from bpnet.storage import reads as read_files

_LONGEST = 50
"""Characters of a name that the name of its unfinished file repeats: a system allows 255 bytes."""

_UNFINISHED = re.compile(r"\.(.+)\.\d+\.partial", re.DOTALL)


def writable(path: str | Path, reads: Iterable[str | Path] = ()) -> Path:
    """Refuse a file that cannot be written or replaced, before any work is done.

    A link is followed: what it leads to is what is written.

    Parameters
    ----------
    path : str or Path
        What was given.
    reads : iterable of str or Path
        What is read for it, as :func:`bpnet.storage.reads.holds` takes it; none of it is replaced.

    Returns
    -------
    Path
        The same.

    Raises
    ------
    InputError
        If it is a folder, a pipe, a device or where standard output goes, its folder is missing,
        or it cannot be written.
    """
    path = Path(path)
    real = followed(path)
    reason = _obstacle(path, real) if str(path) != "-" else _NO_FILE
    if not reason and read_files.holds(reads, path):
        reason = _IS_READ
    if reason:
        msg = f"{_short(path)} can't be written: {reason}"
        raise InputError(msg)
    return path


_IS_READ = "it is what is read; give another name"
_NO_FILE = "it is standard output, a pipe or a device; give a file"


def _obstacle(path: Path, real: Path) -> str:
    """Why a file can't be written, and what to do; nothing if it can."""
    try:
        found = _status(path)  # what /dev/stdout leads to may have no path
    except OSError as error:  # the name is too long, or links lead in a circle
        return f"{(error.strerror or str(error)).lower()}; give another name"
    if found is None:
        if not real.parent.is_dir():
            return f"there is no folder {_short(real.parent)}; make it first"
    elif stat.S_ISDIR(found.st_mode):
        return "it is a folder; give a file"
    elif not stat.S_ISREG(found.st_mode) or any(os.path.samestat(found, s) for s in _streams()):
        return _NO_FILE
    elif not os.access(real, os.W_OK):
        return "it is protected; give another name"
    may = os.access(real.parent, os.W_OK)
    return "" if may else f"{_short(real.parent)} is protected; give another folder"


def makeable(folder: Path, option: str = "--out", reads: Iterable[str | Path] = ()) -> None:
    """Refuse a folder that cannot be made or written to, before any work is done.

    Parameters
    ----------
    folder : Path
        May be there already.
    option : str
        What gave it.
    reads : iterable of str or Path
        What is read for what is written there, which it may not be.

    Raises
    ------
    InputError
        Naming what is in the way.
    """
    real = followed(folder)
    if str(folder) == "-":
        msg = f"- is no folder's name; give {option} another name"
        raise InputError(msg)
    try:
        parent = next(p for p in (real, *real.parents) if _status(p) is not None)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        msg = f"{_short(folder)} can't be made: {reason}; give {option} another name"
        raise InputError(msg) from error
    if parent == real and not parent.is_dir():
        msg = f"{_short(folder)} is not a folder; give {option} another name"
        raise InputError(msg)
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        msg = f"{_short(parent)} can't be written to; give {option} a folder that can"
        raise InputError(msg)
    if read_files.holds(reads, folder):
        msg = f"{_short(folder)} can't be made: {_IS_READ.replace('give', f'give {option}')}"
        raise InputError(msg)


def there(path: Path) -> bool:
    """Whether there is a file or a folder; not where its name can be none.

    Raises
    ------
    InputError
        If it is a pipe or a device, which might never end.
    """
    try:
        found = _status(path)
    except (OSError, ValueError):  # a name too long, or with a NUL
        return False
    if found is not None and not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        msg = f"{path} is a pipe or a device; give a file"
        raise InputError(msg)
    return found is not None


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read its bytes, and nothing that might never end.

    Raises
    ------
    InputError
        If it is a folder, a pipe, a socket or a device: none is waited for.
    OSError
        If it cannot be read.
    """
    handle = regular(path, os.O_RDONLY)
    with os.fdopen(handle, "rb") as file:
        yield file


def regular(path: Path, flags: int, *, follow: bool = True) -> int:
    """Open a file by its number, and nothing but a file; all that may be no file is opened here.

    Parameters
    ----------
    path : Path
        The file.
    flags : int
        As :func:`os.open` takes them.
    follow : bool
        Whether it may be a link to a file.

    Raises
    ------
    InputError
        If it is a link that may not be followed, a folder, a pipe, a socket or a device.
    OSError
        If it cannot be opened.
    """
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOCTTY"):  # some systems lack some
        flags |= getattr(os, name, 0)
    if not follow:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        what = kind(path, follow=follow)
        if what in {"", "file"}:
            raise
        msg = f"{_short(path)} is a {what}, where a file was wanted; take it away"
        raise InputError(msg) from error
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    msg = f"{_short(path)} is a pipe or a device, where a file was wanted; take it away"
    raise InputError(msg)


_KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link", stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}  # fmt: skip


def kind(path: Path, *, follow: bool = False) -> str:
    """What a path is: file, folder, link, pipe, socket or device; nothing where nothing is."""
    try:
        found = path.stat() if follow else path.lstat()
    except (OSError, ValueError):
        return ""
    return _KINDS.get(stat.S_IFMT(found.st_mode), "device")


def text(path: Path) -> str:
    """Text of a file.

    Raises
    ------
    InputError
        If it is a pipe or a device.
    OSError, ValueError
        If it cannot be read, or is no UTF-8.
    """
    there(path)
    with opened(path) as file:
        return file.read().decode("utf-8")


def followed(path: Path) -> Path:
    """Where a path leads, through all its links."""
    return Path(os.path.realpath(path))


def write(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file that appears under its name only when it is complete and on the disk.

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
    InputError
        If what is there is no file.
    """
    with writing(path, replace=replace) as file:
        file.write(content)


@contextmanager
def writing(
    path: Path, *, text: bool = False, sync: bool = True, replace: bool = True
) -> Iterator[Any]:
    """Open a file that takes its name, or the place of what a link leads to, at the end.

    It is written under another name, synchronized, renamed, and its folder synchronized. Where
    what is in the ``with`` fails, what was there before is as it was.

    Parameters
    ----------
    path : Path
        In a folder that is there.
    text : bool
        Whether text is written, as UTF-8, or bytes.
    sync : bool
        Whether to wait for the disk.
    replace : bool
        Whether it may take the place of another.
    """
    if path.exists() and not path.is_file():
        writable(path)  # which says why not
    path = followed(path)
    partial = unfinished(path)
    mode: dict[str, Any] = {"newline": "", "encoding": "utf-8"} if text else {}
    with suppress(OSError):  # of a process that was killed and had this one's number
        partial.unlink(missing_ok=True)
    try:
        with partial.open("x" if text else "xb", **mode) as file:  # which follows no link
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if replace:
            partial.replace(path)
        else:
            os.link(partial, path)
    finally:
        # where the disk fails this may fail too, and the first error is the one to tell
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    if sync:
        _synchronize(path.parent)


def unfinished(path: Path) -> Path:
    """Name under which this process writes a file until it is complete."""
    return path.with_name(f".{path.name[:_LONGEST]}.{os.getpid()}.partial")


def intended(name: str) -> str:
    """Name that an unfinished file would have got, of a long one its beginning; or empty."""
    found = _UNFINISHED.fullmatch(name)
    return found[1] if found else ""


def _status(path: Path) -> os.stat_result | None:
    """What the system says of a path; None if nothing is there."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _streams() -> list[os.stat_result]:
    """Where standard output and standard error go."""
    found = []
    for number in (1, 2):
        with suppress(OSError):
            found.append(os.fstat(number))
    return found


def _short(path: Path) -> str:
    """The path for a message, in which a long one would be all that is read."""
    text = str(path)
    return text if len(text) <= 2 * _LONGEST else f"{text[:_LONGEST]}...{text[-_LONGEST // 2 :]}"


def _synchronize(folder: Path) -> None:
    """Put the folder's entries on the disk, where the system knows of such a thing."""
    with suppress(OSError, AttributeError):
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

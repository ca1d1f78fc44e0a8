"""Files that are complete or absent, even where writing is interrupted."""

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
"""Characters of a name that its partial file's name repeats: a system allows 255 bytes."""

_PARTIAL = re.compile(r"\.(.+)\.\d+\.partial", re.DOTALL)
_NO_FILE = "it is standard output, a pipe or a device; give a file"
_IS_INPUT = "it is an input file; give another name"
_KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link", stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}  # fmt: skip


def writable(path: str | Path, reads: Iterable[str | Path] = ()) -> Path:
    """Refuse, before any work is done, a file that cannot be written or replaced.

    The target of a link counts, not the link. ``reads`` are the command's input files, as
    :func:`bpnet.storage.reads.holds` takes them: none of them may be replaced.
    """
    path = Path(path)
    real = followed(path)
    reason = _obstacle(path, real) if str(path) != "-" else _NO_FILE
    if not reason and read_files.holds(reads, path):
        reason = _IS_INPUT
    if reason:
        msg = f"{_short(path)} can't be written: {reason}"
        raise InputError(msg)
    return path


def _obstacle(path: Path, real: Path) -> str:
    """Why a file can't be written, and the cure; empty where it can be written."""
    try:
        status = _status(path)  # not of `real`: the target of /dev/stdout may have no path
    except OSError as error:  # the name is too long, or links lead in a circle
        return f"{(error.strerror or str(error)).lower()}; give another name"
    if status is None:
        if not real.parent.is_dir():
            return f"there is no folder {_short(real.parent)}; make it first"
    elif stat.S_ISDIR(status.st_mode):
        return "it is a folder; give a file"
    elif not stat.S_ISREG(status.st_mode) or any(os.path.samestat(status, s) for s in _streams()):
        return _NO_FILE
    elif not os.access(real, os.W_OK):
        return "it is protected; give another name"
    is_open = os.access(real.parent, os.W_OK)
    return "" if is_open else f"{_short(real.parent)} is protected; give another folder"


def makeable(folder: Path, option: str = "--out", reads: Iterable[str | Path] = ()) -> None:
    """Refuse, before any work is done, a folder that cannot be made or written to.

    ``option`` is the option that named the folder, for the message. The folder may not be one of
    the input files in ``reads``.
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
        msg = f"{_short(folder)} can't be made: {_IS_INPUT.replace('give', f'give {option}')}"
        raise InputError(msg)


def there(path: Path) -> bool:
    """Whether a file or folder exists; a pipe or a device, which might never end, is refused."""
    try:
        status = _status(path)
    except (OSError, ValueError):  # a name too long, or with a NUL
        return False
    if status is not None and not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        msg = f"{path} is a pipe or a device; give a file"
        raise InputError(msg)
    return status is not None


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file to read its bytes; :func:`regular` refuses everything else."""
    with os.fdopen(regular(path, os.O_RDONLY), "rb") as file:
        yield file


def regular(path: Path, flags: int, *, follow: bool = True) -> int:
    """Return a descriptor of a regular file, opened with the flags of :func:`os.open`.

    A folder, a pipe, a socket or a device is refused without waiting for it, and so is a link
    unless ``follow`` is set. An ``OSError`` remains one.
    """
    # Without O_NONBLOCK, opening a pipe would wait until something writes to it.
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOCTTY"):  # some systems lack some
        flags |= getattr(os, name, 0)
    if not follow:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        obstacle = kind(path, follow=follow)
        if obstacle in {"", "file"}:
            raise
        msg = f"{_short(path)} is a {obstacle}, where a file belongs; remove it"
        raise InputError(msg) from error
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    msg = f"{_short(path)} is a pipe or a device, where a file belongs; remove it"
    raise InputError(msg)


def kind(path: Path, *, follow: bool = False) -> str:
    """Kind of a path: file, folder, link, pipe, socket or device; empty where nothing exists."""
    try:
        status = path.stat() if follow else path.lstat()
    except (OSError, ValueError):
        return ""
    return _KINDS.get(stat.S_IFMT(status.st_mode), "device")


def text(path: Path) -> str:
    """Text of a UTF-8 file; a pipe or a device is refused."""
    there(path)
    with opened(path) as file:
        return file.read().decode("utf-8")


def followed(path: Path) -> Path:
    """Target of a path, through all its links."""
    return Path(os.path.realpath(path))


def write(path: Path, content: bytes, *, sync: bool = True, replace: bool = True) -> None:
    """Write a file that appears under its name only when it is complete and on the disk.

    Where that fails, the earlier file stays as it was. Without ``sync`` nothing waits for the disk;
    without ``replace`` an existing file is a ``FileExistsError``.
    """
    with writing(path, sync=sync, replace=replace) as file:
        file.write(content)


@contextmanager
def writing(
    path: Path, *, text: bool = False, sync: bool = True, replace: bool = True
) -> Iterator[Any]:
    """Open a file that gets its name, or replaces the target of a link, at the end of the ``with``.

    The content goes to a partial file, which is synchronized and renamed; then its folder is
    synchronized. Where the body fails, the earlier file stays as it was. ``text`` opens a UTF-8
    text file in place of a binary one; ``sync`` and ``replace`` are as in :func:`write`.
    """
    if path.exists() and not path.is_file():
        writable(path)  # raises an error that says why not
    path = followed(path)
    partial = unfinished(path)
    mode: dict[str, Any] = {"newline": "", "encoding": "utf-8"} if text else {}
    with suppress(OSError):  # of a process that was killed and had this one's number
        partial.unlink(missing_ok=True)
    try:
        with partial.open("x" if text else "xb", **mode) as file:  # "x" follows no link
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if replace:
            partial.replace(path)
        else:
            os.link(partial, path)  # fails where the name exists, which a rename replaces
    finally:
        # on a failing disk this may fail too: the first error is the one that the user needs
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    if sync:
        _synchronize(path.parent)


def unfinished(path: Path) -> Path:
    """Path of the partial file to which this process writes until the file is complete."""
    return path.with_name(f".{path.name[:_LONGEST]}.{os.getpid()}.partial")


def intended(name: str) -> str:
    """Final name of a partial file (the beginning of a long one); empty for any other file."""
    match = _PARTIAL.fullmatch(name)
    return match[1] if match else ""


def _status(path: Path) -> os.stat_result | None:
    """Result of ``stat``; None if nothing exists at the path."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _streams() -> Iterator[os.stat_result]:
    """Status of the files behind standard output and standard error."""
    for number in (1, 2):
        with suppress(OSError):
            yield os.fstat(number)


def _short(path: Path) -> str:
    """The path for a message, cut in the middle where it would hide the rest of the message."""
    text = str(path)
    return text if len(text) <= 2 * _LONGEST else f"{text[:_LONGEST]}...{text[-_LONGEST // 2 :]}"


def _synchronize(folder: Path) -> None:
    """Put the folder's entries on the disk, on systems that can."""
    with suppress(OSError, AttributeError):
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

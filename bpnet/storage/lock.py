"""A folder held by one process at a time; the system lets go of it when the process ends."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from bpnet.errors import InputError
from bpnet.storage import disk

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


NAME = ".lock"


class FolderLock:
    """Holds a folder from :meth:`take` to :meth:`release`, or to the end of the process.

    Parameters
    ----------
    folder : Path
        An existing folder; the lock is its file ``.lock``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: Any = None

    def take(self) -> None:
        """Hold the folder.

        Raises
        ------
        InputError
            If another process holds it, or its file is none.
        """
        handle = disk.regular(self.folder / NAME, os.O_RDWR | os.O_CREAT, follow=False)
        file = os.fdopen(handle, "r+b")
        try:
            _hold(file)
        except OSError as error:
            file.close()
            msg = f"another process is training in {self.folder}; wait for it, or stop it first"
            raise InputError(msg) from error
        self._file = file

    def release(self) -> None:
        """Let go, and take the file away."""
        if self._file is not None:
            with suppress(OSError):  # the folder may be gone, or no longer writable
                (self.folder / NAME).unlink()
            self._file.close()
            self._file = None


def _hold(file: Any) -> None:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # it may have been let go of, and taken away, between opening and locking
        if os.fstat(file.fileno()).st_nlink == 0:
            msg = "the lock was taken away"
            raise OSError(msg)
        return
    import msvcrt  # pragma: no cover

    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]

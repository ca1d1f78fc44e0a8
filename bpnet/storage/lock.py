"""A folder held by one process at a time; the system lets go of it when the process ends."""

import os
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from bpnet.errors import InputError
from bpnet.storage import disk

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
        self._lock = FileLock(folder / NAME)

    def take(self) -> None:
        """Hold the folder.

        Raises
        ------
        InputError
            If another process holds it, or its lock is a link, a pipe or a folder.
        """
        os.close(disk.regular(self.folder / NAME, os.O_RDWR | os.O_CREAT, follow=False))
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            msg = f"another process is training in {self.folder}; wait for it, or stop it first"
            raise InputError(msg) from error

    def release(self) -> None:
        """Let go, and take the file away."""
        if self._lock.is_locked:
            with suppress(OSError):  # the folder may be gone, or no longer writable
                (self.folder / NAME).unlink()
            self._lock.release()

"""Lock of a folder for one process, which the system releases when the process ends."""

import os
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from bpnet.errors import InputError
from bpnet.storage import disk

NAME = ".lock"


class FolderLock:
    """Exclusive lock of an existing folder, the file ``.lock`` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FileLock(folder / NAME)

    def take(self) -> None:
        """Lock the folder; refuse it if another process has, or if ``.lock`` is not a file."""
        # A link or a pipe of this name is refused before FileLock opens it.
        os.close(disk.regular(self.folder / NAME, os.O_RDWR | os.O_CREAT, follow=False))
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            msg = f"another process is training in {self.folder}; wait for it, or stop it first"
            raise InputError(msg) from error

    def release(self) -> None:
        """Unlock the folder and delete ``.lock``."""
        if self._lock.is_locked:
            # Deleted before it is unlocked: afterwards the file may be the lock of another process.
            with suppress(OSError):  # the folder may be gone, or no longer writable
                (self.folder / NAME).unlink()
            self._lock.release()

"""The lock of a folder: one holder at a time, and none on a file that has no name any more."""

import pytest

from bpnet.errors import InputError
from bpnet.storage import disk, lock


def test_a_second_one_is_refused_until_the_first_lets_go(tmp_path):
    first, second = lock.FolderLock(tmp_path), lock.FolderLock(tmp_path)
    first.take()
    with pytest.raises(InputError, match="another process is training"):
        second.take()
    first.release()
    second.take()
    second.release()
    assert not (tmp_path / lock.NAME).exists()


def test_a_lock_that_was_let_go_of_between_opening_and_locking_holds_nothing(tmp_path, monkeypatch):
    opened = disk.regular

    def late(path, *args, **named):
        handle = opened(path, *args, **named)
        path.unlink()  # as its holder does, who ends just now
        return handle

    monkeypatch.setattr(disk, "regular", late)
    with pytest.raises(InputError, match="another process is training"):
        lock.FolderLock(tmp_path).take()
    monkeypatch.undo()
    held = lock.FolderLock(tmp_path)
    held.take()
    held.release()

"""The lock of a folder: one holder at a time, and none on a file that has no name any more."""

import os

import filelock
import pytest

from bpnet.errors import InputError
from bpnet.storage import lock


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
    path = tmp_path / lock.NAME
    opened = []

    def late(name, *args, **named):
        handle = os_open(name, *args, **named)
        if os.fspath(name) == os.fspath(path) and len(opened) < 2:  # once for us, once for filelock
            opened.append(handle)
            if len(opened) == 2:
                path.unlink()  # as its holder does, who ends just now
        return handle

    os_open = os.open
    monkeypatch.setattr(os, "open", late)
    first = lock.FolderLock(tmp_path)
    with pytest.raises(InputError, match="another process is training"):
        first.take()
    monkeypatch.undo()
    other = lock.FolderLock(tmp_path)
    other.take()
    with pytest.raises(InputError, match="another process is training"):
        first.take()
    other.release()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("elsewhere", path)])
def test_what_is_no_file_is_refused_and_left_alone(tmp_path, make):
    make(tmp_path / lock.NAME)
    with pytest.raises(InputError, match=r"a (pipe|folder|link)"):
        lock.FolderLock(tmp_path).take()
    assert not (tmp_path / "elsewhere").exists()
    assert os.path.lexists(tmp_path / lock.NAME)


def test_a_lock_of_another_process_is_the_files(tmp_path):
    other = filelock.FileLock(tmp_path / lock.NAME)
    with other, pytest.raises(InputError, match="another process is training"):
        lock.FolderLock(tmp_path).take()

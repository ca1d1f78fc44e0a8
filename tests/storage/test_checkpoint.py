"""Checkpoints of a folder: which are kept, which is the latest."""

import numpy as np

from bpnet.storage import checkpoint
from bpnet.storage.checkpoint import Snapshot


def snapshot(at):
    return Snapshot({"parameters": (np.full(3, at),)}, {"at": at})


def test_what_was_just_written_stays_where_later_ones_are_left(tmp_path):
    for at in (8, 9, 7):  # as where 8 and 9 are damaged, and the run went on from 6
        written = checkpoint.write(tmp_path, snapshot(at))
        assert written.is_file()
    assert checkpoint.read(written).step == 7


def test_the_two_latest_are_kept(tmp_path):
    for at in (1, 2, 3, 10):
        checkpoint.write(tmp_path, snapshot(at))
    assert [checkpoint.read(tmp_path / name).step for name in checkpoint.names(tmp_path)] == [3, 10]
    assert checkpoint.latest(tmp_path).step == 10

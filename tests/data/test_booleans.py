"""Booleans of files: a byte that is neither 0 nor 1 is true, and no other number."""

import numpy as np
import pytest

import bpnet
from bpnet.data import mapped


@pytest.mark.parametrize("stream", [False, True])
def test_every_byte_but_0_is_one_true(stream, tmp_path):
    held = np.asarray([[0, 1], [2, 0], [255, 7]], np.uint8)
    np.save(tmp_path / "x.npy", held.view(np.bool_))
    np.save(tmp_path / "y.npy", np.asarray([0, 1, 0]))
    source = f"{tmp_path}/x.npy,{tmp_path}/y.npy"
    x = (bpnet.data.stream if stream else bpnet.data.load)(source).x
    x = np.asarray(x.take(np.arange(3)) if stream else x)
    assert x.dtype == np.bool_
    assert x.view(np.uint8).tolist() == [[0, 1], [1, 0], [1, 1]]
    assert mapped.open_npy([tmp_path / "x.npy"], "x").whole().view(np.uint8).max() == 1

"""Which GPU a rank of NCCL takes: its number on its machine, or the one that is named."""

import pytest

from bpnet.backends import nccl as library
from bpnet.distributed import nccl, simulate


@pytest.mark.parametrize(("named", "taken"), [(None, [0, 1]), (0, [0, 0]), (3, [3, 3])])
def test_a_device_that_is_named_is_taken_be_it_the_first(named, taken, monkeypatch):
    monkeypatch.setattr(library, "open_group", lambda size, rank, device: (size, rank, device))
    ranks, _ = simulate(2, lambda host: nccl(host, named))
    assert [rank._group for rank in ranks] == [(2, i, device) for i, device in enumerate(taken)]

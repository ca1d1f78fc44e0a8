"""The order of an epoch by blocks: every row once, a function of seed and epoch, read in chunks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpnet.data import draws
from bpnet.data.draws import BlockOrder

sizes = st.lists(st.integers(0, 9), min_size=1, max_size=20).filter(any)


@given(sizes, st.integers(1, 40), st.integers(0, 5))
def test_every_row_comes_once_and_slices_are_those_of_the_whole(sizes, buffer, epoch):
    starts = np.cumsum([0, *sizes])
    order = BlockOrder(3, epoch, starts, buffer)
    whole = order[:]
    assert sorted(whole.tolist()) == list(range(starts[-1]))
    again = BlockOrder(3, epoch, starts, buffer)
    for i in range(len(again), 0, -3):  # backwards: nothing depends on what was asked before
        np.testing.assert_array_equal(again[i - 3 if i > 3 else 0 : i], whole[max(i - 3, 0) : i])


def test_the_rows_of_a_chunk_meet_in_one_buffer_and_are_mixed_there():
    starts = np.arange(0, 1001, 10)
    order = BlockOrder(0, 0, starts, buffer=100)[:]
    for at in range(0, 1000, 100):
        here = order[at : at + 100]
        assert len({row // 10 for row in here.tolist()}) == 10
        assert (np.abs(np.diff(here)) == 1).sum() < 20
    assert len(np.unique(order[:100] // 100)) > 3  # not neighbors of one another


def test_it_is_a_function_of_seed_and_epoch():
    starts = np.arange(0, 101, 10)
    one, same = (BlockOrder(1, 2, starts, 30)[:] for _ in range(2))
    np.testing.assert_array_equal(one, same)
    for seed, epoch in ((1, 3), (2, 2)):
        assert (BlockOrder(seed, epoch, starts, 30)[:] != one).any()


@pytest.mark.parametrize("part", [1, 2])
def test_parts_are_drawn_apart_and_part_0_is_what_it_was(part):
    bits = draws.generator(5, "order", 1).bit_generator.random_raw(4)
    np.testing.assert_array_equal(
        bits, draws.generator(5, "order", 1, part=0).bit_generator.random_raw(4)
    )
    other = draws.generator(5, "order", 1, part=part).bit_generator.random_raw(4)
    assert not set(other) & set(bits)

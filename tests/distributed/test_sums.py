"""Sums over simulated ranks: their order, their traffic, and ranks that fail."""

import math
import threading

import numpy as np
import pytest

from bpnet.distributed import Single, simulate, tree, wrap
from bpnet.errors import InputError

SIZES = (1, 2, 4, 8, 64)


def values(rank, n):
    """Numbers whose sum depends on the order."""
    generator = np.random.default_rng(rank)
    return (generator.normal(size=n) * 10.0 ** generator.integers(-4, 5, n)).astype(np.float32)


def by_hand(parts):
    """The tree of neighbors, as it is drawn."""
    while len(parts) > 1:
        parts = [a + b for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("n", [0, 1, 7, tree.SMALL // 4, tree.SMALL // 4 + 1, 10_001])
def test_ordered_sum_is_the_tree_of_neighbors(size, n):
    want = by_hand([values(rank, n) for rank in range(size)])

    def job(ranks):
        buffer = values(ranks.rank, n)
        ranks.sum(buffer)
        return buffer

    results, _ = simulate(size, job)
    for got in results:
        np.testing.assert_array_equal(got, want)


def test_the_order_matters_for_these_numbers():
    parts = [values(rank, 1000) for rank in range(8)]
    in_turn = np.add.accumulate(parts)[-1]
    assert (in_turn != by_hand(parts)).any()


@pytest.mark.parametrize("count", [1, 2, 8, 32])
def test_local_tree_is_the_same_and_holds_little(count):
    made = []

    def parts():
        for i in range(count):
            made.append(i)
            yield values(i, 50)

    got = tree.pairwise(parts())
    np.testing.assert_array_equal(got, by_hand([values(i, 50) for i in range(count)]))
    assert len(made) == count


@pytest.mark.parametrize(("shards", "size"), [(8, 2), (8, 4), (64, 8)])
def test_shards_within_ranks_and_ranks_make_one_tree(shards, size):
    want = by_hand([values(i, 33) for i in range(shards)])

    def job(ranks):
        each = shards // size
        mine = range(ranks.rank * each, (ranks.rank + 1) * each)
        buffer = tree.pairwise(values(i, 33) for i in mine)
        ranks.sum(buffer)
        return buffer

    for got in simulate(size, job)[0]:
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("size", [2, 3, 5, 6, 12, 31])
def test_any_number_of_ranks_can_add_broadcast_and_gather(size):
    def job(ranks):
        buffer = np.full(5000, 2.0**ranks.rank)
        ranks.sum(buffer, ordered=False)
        told = ranks.share(b"from rank 0" if ranks.rank == 0 else b"not this")
        return buffer, told, ranks.gather([ranks.rank, -1.0])

    for buffer, told, said in simulate(size, job)[0]:
        assert (buffer == 2.0**size - 1).all()
        assert told == b"from rank 0"
        np.testing.assert_array_equal(said, [[rank, -1.0] for rank in range(size)])


@pytest.mark.parametrize("size", [2, 16, 128, 1024])
def test_traffic_of_a_large_buffer_is_rabenseifners(size):
    n = 4 * tree.SMALL  # a power of two: every half is whole

    def job(ranks):
        ranks.sum(np.ones(n, np.float32))

    _, traffic = simulate(size, job)
    for sent in traffic:
        assert sent.sums == 1
        assert sent.messages == 2 * int(math.log2(size))
        assert sent.bytes == 2 * (size - 1) * 4 * n // size


@pytest.mark.parametrize("size", [2, 16, 128])
def test_traffic_of_a_small_buffer_is_half_the_messages(size):
    def job(ranks):
        ranks.sum(np.ones(10, np.float32))

    _, traffic = simulate(size, job)
    stages = int(math.log2(size))
    assert {(t.messages, t.bytes) for t in traffic} == {(stages, stages * 40)}


def test_a_rank_that_fails_ends_the_others_and_is_named():
    reached = []

    def job(ranks):
        if ranks.rank == 2:
            msg = "disk full"
            raise OSError(msg)
        ranks.sum(np.ones(3))
        reached.append(ranks.rank)

    with pytest.raises(OSError, match="disk full"):
        simulate(4, job)
    assert reached == []
    assert not [t for t in threading.enumerate() if "simulate" in t.name]


def test_a_rank_that_never_answers_is_given_up():
    silent = threading.Event()

    def job(ranks):
        if ranks.rank == 1:
            silent.wait(20)
            return
        try:
            ranks.sum(np.ones(3))
        finally:
            silent.set()

    with pytest.raises(ConnectionError, match=r"rank 0 of 2: rank 1 did not answer within 0\.2 s"):
        simulate(2, job, timeout=0.2)


def test_what_is_no_communicator_is_refused():
    with pytest.raises(InputError, match="communicator is int; give mpi4py"):
        wrap(3)
    alone = Single()
    assert wrap(alone) is alone
    with pytest.raises(InputError, match="no rank 1"):
        alone.exchange(1, np.ones(1), np.ones(1))


@pytest.mark.parametrize("timeout", [0, -1, True, "5", float("nan")])
def test_time_outs_that_are_none_are_refused(timeout):
    with pytest.raises(InputError, match=r"timeout is .*; give the seconds"):
        simulate(2, lambda _: None, timeout=timeout)

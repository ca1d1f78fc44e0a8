"""Data that stays on disk: each rank reads its own rows of a batch and no others."""

import numpy as np
import pytest

import bpnet
from bpnet.data.mapped import Mapped
from bpnet.distributed import simulate
from tests.distributed import jobs


@pytest.fixture
def files(tmp_path):
    X, y = jobs.data(400)
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", y)
    return f"{tmp_path / 'x.npy'},{tmp_path / 'y.npy'}"


def train(data, communicator=None, **options):
    network = bpnet.Network([6, 8, 3], hidden="sigmoid", seed=1)
    bpnet.train(network, data, epochs=2, batch_size=64, communicator=communicator, **options)
    return jobs.digest(network)


def test_same_bits_as_from_memory(files):
    want = train(jobs.data(400), shards=8)
    for size in (1, 2, 4):
        actual, _ = simulate(size, lambda ranks: train(bpnet.data.stream(files), ranks))
        assert set(actual) == {want}


@pytest.mark.parametrize("dtype", ["int64", "uint16", "bool"])
def test_ranks_without_a_row_of_a_short_batch(dtype, tmp_path):
    X, y = (np.abs(jobs.data(66)[0]) * 1.5).astype(dtype), jobs.data(66)[1]
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", y)
    files = f"{tmp_path / 'x.npy'},{tmp_path / 'y.npy'}"  # the second batch has two rows
    want = train((X, y), shards=8)
    actual, _ = simulate(4, lambda ranks: train(bpnet.data.stream(files), ranks))
    assert set(actual) == {want}


def test_a_rank_reads_its_own_rows_only(files, monkeypatch):
    counts, plain = {}, Mapped.take

    def counting(mapped, rows):
        counts[id(mapped)] = counts.get(id(mapped), 0) + len(rows)
        return plain(mapped, rows)

    def job(ranks):
        data = bpnet.data.stream(files)
        train(data, ranks)
        return counts[id(data.x)], data

    monkeypatch.setattr(Mapped, "take", counting)
    results, _ = simulate(4, job)
    read = [count for count, _ in results]
    assert sum(read) == 2 * 400
    assert set(read) == {2 * 100}

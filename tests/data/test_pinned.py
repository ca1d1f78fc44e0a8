"""Boundaries of reading, drawing and moving rows: faults that formulas and whole runs hide."""

import math

import numpy as np
import pytest

import bpnet
from bpnet.data import draws, finite, mapped
from bpnet.data.draws import BlockOrder
from bpnet.data.moments import Moments
from bpnet.errors import InputError


@pytest.mark.parametrize("dtype", ["int16", "int32", "int64"])
@pytest.mark.parametrize("low", [-1, -128, -129, -300, -32769, -(2**31)])
def test_negative_integers_are_what_they_are_as_floats(backend, dtype, low):
    """Both ends say which type is narrow enough."""
    if low < np.iinfo(dtype).min:
        pytest.skip(f"{dtype} has no {low}")
    X = np.asarray([[low, 3], [7, 2], [0, 1]], dtype=dtype)
    net = bpnet.Network([2, 2], output="identity", init=[([[1.0, 0.0], [0.5, 1.0]], [0.0, 1.0])])
    found = net.predict(X, backend=backend, dtype="float32")
    wanted = X.astype(float) @ np.asarray([[1.0, 0.5], [0.0, 1.0]]) + [0.0, 1.0]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_negative_integers_train_as_floats():
    X = np.asarray([[-300, 3], [7, -290], [0, 1], [250, -2]])
    nets = [bpnet.Network([2, 3, 2], hidden="sigmoid", seed=0) for _ in range(2)]
    for net, x in zip(nets, (X, X.astype(np.float64)), strict=True):
        bpnet.train(net, (x, [0, 1, 0, 1]), epochs=2, backend="numpy")
    for a, b in zip(*(net.weights for net in nets), strict=True):
        np.testing.assert_array_equal(a, b)


def test_streams_of_parts_do_not_overlap():
    """A part's counter is 2^192 draws away from the next one's: no draw of one is another's."""
    streams = [draws.generator(3, "order", 5, part).integers(2**63, size=64) for part in range(3)]
    assert len({int(number) for stream in streams for number in stream}) == 3 * 64


def test_the_generator_is_the_one_that_older_runs_drew_from():
    """Philox 4x64-10 with key (seed, purpose and index) and the part as the counter's high word."""
    for part in (0, 1):
        key = np.asarray([7, (2 << 32) + 3], dtype=np.uint64)
        counter = np.asarray([0, 0, 0, part], dtype=np.uint64)
        wanted = np.random.Philox(key=key, counter=counter).random_raw(8)
        found = draws.generator(7, "order", 3, part).bit_generator.random_raw(8)
        np.testing.assert_array_equal(found, wanted)


def test_groups_of_one_size_are_each_mixed_in_their_own_way():
    order = BlockOrder(0, 0, np.arange(0, 201, 50), buffer=50)[:]
    groups = [order[i : i + 50] % 50 for i in range(0, 200, 50)]
    for i, one in enumerate(groups):
        for other in groups[i + 1 :]:
            assert (one != other).any()


def test_values_close_to_one_another_and_one_far_away_keep_their_deviation():
    """In one part and in two."""
    column = np.concatenate([[0.0], 1e9 + 1e-3 * np.arange(1000)])
    mean = math.fsum(column) / len(column)
    wanted = math.sqrt(math.fsum((v - mean) ** 2 for v in column) / len(column))
    parts = Moments.of(column[:1]).merged(Moments.of(column[1:]))
    assert float(parts.std) == pytest.approx(wanted, rel=1e-12)
    near = column[1:]
    mean = math.fsum(near) / len(near)
    wanted = math.sqrt(math.fsum((v - mean) ** 2 for v in near) / len(near))
    assert float(Moments.of(near).std) == pytest.approx(wanted, rel=1e-9)


def test_a_number_that_is_none_is_named_by_its_row_in_the_whole(monkeypatch):
    monkeypatch.setattr(finite, "_CHUNK", 8)
    values = np.ones((30, 2))
    values[21, 1] = np.nan
    assert finite.first_bad(values) == (21, 1)


def test_a_file_that_changes_while_its_rows_are_read_is_noticed(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(12.0).reshape(6, 2))
    np.save(tmp_path / "y.npy", np.arange(6) % 2)
    rows = bpnet.data.stream(f"{path},{tmp_path / 'y.npy'}", validation=0.0).x
    assert isinstance(rows, mapped.Mapped)
    take = np.take

    def slow(*args):
        taken = take(*args)
        np.save(path, np.arange(14.0).reshape(7, 2))
        return taken

    monkeypatch.setattr(np, "take", slow)
    with pytest.raises(InputError, match="changed"):
        rows.take(np.arange(2))

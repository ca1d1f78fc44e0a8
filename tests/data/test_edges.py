"""Boundaries of what is read, drawn and held out that no other test reaches."""

import gzip
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse

import bpnet
from bpnet.data import batches, draws, finite, idx, mapped, splits
from bpnet.data.columns import Column, Columns
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError

PURPOSES = {"weights": 1, "order": 2, "split": 3, "masks": 4, "check": 5}


class Rows(HostRows):
    """Rows that are taken as if they were on a disk."""

    def __init__(self, values):
        self.values = np.asarray(values)
        self.shape, self.dtype = self.values.shape, self.values.dtype

    def take(self, rows):
        return self.values[rows]


def identity(n):
    """A network that gives what it is given."""
    return bpnet.Network([n, n], output="identity", init=[(np.eye(n), np.zeros(n))])


@pytest.mark.parametrize("purpose", PURPOSES)
def test_each_purpose_has_the_stream_that_older_runs_had(purpose):
    """The rows that a run holds out are drawn again when it is judged."""
    key = np.asarray([7, (PURPOSES[purpose] << 32) + 5], np.uint64)
    wanted = np.random.Philox(key=key, counter=np.zeros(4, np.uint64))
    found = draws.generator(7, purpose, 5).bit_generator
    assert found.random_raw(3).tolist() == wanted.random_raw(3).tolist()


def test_one_fold_is_none():
    with pytest.raises(InputError, match="folds is 1: give a whole number from 2 to the 4 rows"):
        splits.folds(list("aabb"), 1, 0, stratify=True)


def test_many_classes_are_held_out_alike_from_a_disk_and_from_memory():
    """Three hundred classes do not fit into eight bits."""
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(300), 2))
    found, wanted = (splits.split(y, 0.5, 3, stratify=True) for y in (Rows(labels), labels))
    assert np.unique(labels[found[1]]).size == 300
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_on_a_disk_are_predicted_batch_by_batch_in_their_order(monkeypatch):
    monkeypatch.setattr(batches, "_CHUNK", 8)  # four rows at a time
    x = np.random.default_rng(2).normal(size=(11, 2))
    np.testing.assert_array_equal(identity(2).predict(Rows(x)), x)


def test_integers_beyond_32_bits_are_scaled_too():
    net = identity(2)
    net.scale = 2.0**-40
    x = np.asarray([[2**40, 0], [-(2**41), 2**39]])
    assert net.predict(x).tolist() == [[1.0, 0.0], [-2.0, 0.5]]


def test_a_number_on_a_disk_that_is_too_large_for_the_run_is_named():
    x = np.asarray([[1.0, 2.0], [3.0, 1e39]])
    assert identity(2).predict(Rows(x), dtype="float64").tolist() == x.tolist()
    with pytest.raises(InputError, match=r"X has 1e\+39 in row 1, column 1, too large for float32"):
        identity(2).predict(Rows(x), dtype="float32")


def test_of_a_file_and_its_compressed_copy_the_plain_one_is_read(tmp_path):
    name = idx.FILES[1]
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(b"old"))
    assert idx.find_idx(tmp_path, name) == tmp_path / f"{name}.gz"
    (tmp_path / name).write_bytes(b"new")
    assert idx.find_idx(tmp_path, name) == tmp_path / name


def test_rows_of_rows_are_numbered_among_those(tmp_path):
    """Such as those held out of what another part was held out of before."""
    x = np.arange(20).reshape(10, 2)
    np.save(tmp_path / "x.npy", x)
    some = mapped.open_npy([tmp_path / "x.npy"], "x")[np.asarray([8, 1, 5, 3])]
    rows = np.asarray([2, 0])
    np.testing.assert_array_equal(some[rows].take(np.arange(2)), x[[5, 8]])


def test_other_rows_of_the_same_files_are_other_data(tmp_path):
    """A run that is taken up again must have held out the same ones."""
    np.save(tmp_path / "x.npy", np.arange(20).reshape(10, 2))
    whole = mapped.open_npy([tmp_path / "x.npy"], "x")
    told = [whole[np.arange(first, first + 8)].identity() for first in (0, 0, 1, 2)]
    assert told[0] == told[1]
    assert len({whole.identity(), *told}) == 4


@pytest.mark.parametrize(("given", "scale"), [(None, 1 / 255), (0.5, 0.5)])
def test_pictures_on_a_disk_have_the_scale_that_is_given(tmp_path, given, scale):
    header = b"\0\0\x08"
    images = header + b"\x03" + np.asarray([2, 1, 2], ">u4").tobytes() + bytes([0, 9, 255, 4])
    labels = header + b"\x01" + np.asarray([2], ">u4").tobytes() + bytes([0, 1])
    for name, content in zip(idx.FILES, (images, labels), strict=False):
        (tmp_path / name).write_bytes(content)
    assert bpnet.data.stream(tmp_path, scale=given).scale == scale


@pytest.mark.parametrize("dtype", ["float16", "float32", "bfloat16"])
def test_the_largest_number_of_a_dtype_is_not_too_large_for_it(dtype):
    """Of bfloat16 it is float32's without the last 16 bits of the significand."""
    largest = (2 - 2.0**-7) * 2.0**127 if dtype == "bfloat16" else float(np.finfo(dtype).max)
    x = np.asarray([1.0, -largest, largest])
    assert finite.first_bad(x, dtype) is None
    x[1] = np.nextafter(x[1], -np.inf)
    assert finite.first_bad(x, dtype) == (1,)


@pytest.mark.parametrize("std", [0.0, -1.0])
def test_columns_whose_unit_is_none_are_damaged(std):
    """Values are divided by it."""
    columns = Columns((Column("a", "number", 1.0, 2.0),), (), "y", "real", "regress", (), 3.0, 4.0)
    assert Columns.from_json(columns.to_json()) == columns
    column = replace(columns.inputs[0], std=std)
    for edited in (replace(columns, std=std), replace(columns, inputs=(column,))):
        with pytest.raises(InputError, match="not the columns of a table"):
            Columns.from_json(edited.to_json())


def test_sparse_numbers_are_real():
    x = scipy.sparse.csr_array(np.asarray([[1.0, 0.0], [0.0, 2.0j]]))
    with pytest.raises(InputError, match="X is sparse of dtype complex128; give real numbers"):
        identity(2).predict(x)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_numbers_that_are_no_integers_are_not_scaled(dtype):
    """Wherever they are, and whatever they are brought to on the way."""
    net, x = identity(2), np.asarray([[0.5, -2.0], [4.0, 1.0]])
    net.scale = 0.25
    for stored in (x, Rows(x), Rows(x.astype(np.float32))):
        assert net.predict(stored, dtype=dtype).tolist() == x.tolist()
    assert net.predict(Rows(np.asarray([[2, 4]])), dtype=dtype).tolist() == [[0.5, 1.0]]


def test_whole_numbers_to_be_regressed_keep_their_last_digit(tmp_path):
    """2^24 + 1 is no number of float32."""
    y = np.asarray([1, 2**24 + 1, 3])
    for name, array in (("x", np.eye(3)), ("y", y)):
        np.save(tmp_path / f"{name}.npy", array)
    data = bpnet.data.stream([tmp_path / "x.npy", tmp_path / "y.npy"], task="regress")
    assert (data.y.dtype, data.y.tolist()) == (np.float64, y.tolist())


def test_a_few_rows_of_many_are_spread_over_all():
    assert Rows(np.zeros((13, 2))).some(3).tolist() == [0, 4, 8]


def test_of_objects_the_first_that_is_no_number_is_named():
    objects = np.asarray([[np.float32(1.0), 2], [np.int8(3), "four"]], object)
    with pytest.raises(InputError, match="X has four in row 1, column 1; give finite numbers"):
        finite.refuse_objects(objects, "X")

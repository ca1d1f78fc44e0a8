"""Rows of what is kept in files or in few places: which they are, their type, and their file."""

import numpy as np
import pytest
import scipy.sparse

import bpnet
from bpnet.backends import get
from bpnet.data import batches, host_rows, mapped
from bpnet.data.reading import Stamp
from bpnet.data.splits import folds
from bpnet.errors import InputError
from tests.data.test_idx import IMAGES, idx, write


def test_the_row_behind_the_last_one_is_refused_by_number(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(12.0).reshape(6, 2))
    rows = mapped.open_npy([tmp_path / "x.npy"], "x")
    assert rows.take(np.asarray([5, 0])).tolist() == [[10, 11], [0, 1]]
    for number in (6, -1):
        with pytest.raises(IndexError, match=f"rows {number} to {number} were asked of 6"):
            rows.take(np.asarray([number]))


@pytest.mark.parametrize("at", range(5))
def test_a_change_anywhere_in_a_small_file_changes_its_sample(tmp_path, at):
    file, content = tmp_path / "x", bytearray(5 * 4096)
    file.write_bytes(content)
    before = Stamp.of(file).sample()
    content[at * 4096 + 7] = 1
    file.write_bytes(content)
    assert Stamp.of(file).sample() != before


@pytest.mark.parametrize("shape", [(2, 3, 2), (2, 2, 2), (2, 6)])
def test_mapped_test_images_are_of_the_shape_of_the_training_images(tmp_path, shape):
    images = np.resize(IMAGES, shape)
    write(tmp_path, test_images=idx(images))
    with pytest.raises(InputError, match=r"a test example has the shape .*, a training example"):
        bpnet.data.stream(tmp_path)


@pytest.mark.parametrize("kind", ["float64", "int64", "bool"])
def test_sparse_rows_have_the_dtype_of_the_run_however_many_they_are(monkeypatch, kind):
    x = scipy.sparse.csr_array(np.asarray([[0, 2], [1, 0], [0, 0]]).astype(kind))
    few = host_rows.store_sparse(x, "float32")
    monkeypatch.setattr(host_rows, "_DENSE", 1)
    many = host_rows.store_sparse(x, "float32").take(np.arange(3))
    assert few.dtype == many.dtype == np.float32
    np.testing.assert_array_equal(few, many)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (4,)])
def test_examples_that_are_none_are_refused(shape):
    with pytest.raises(InputError, match=r"X has shape .*; give \(examples, values\)"):
        batches.examples(np.zeros(shape), None, backend=get("numpy"), dtype="float32")


@pytest.mark.parametrize(("rows", "count"), [(7, 2), (7, 3), (7, 7), (2, 2)])
@pytest.mark.parametrize("stratify", [False, True])
def test_each_row_is_held_out_in_one_part_of_all(rows, count, stratify):
    labels = np.arange(rows) % 2
    parts = folds(labels, count, seed=3, stratify=stratify)
    assert len(parts) == count
    for kept, held in parts:
        assert sorted([*kept, *held]) == list(range(rows))
        assert rows // count <= len(held) <= -(-rows // count)
    assert sorted(row for _, held in parts for row in held) == list(range(rows))


@pytest.mark.parametrize("count", [1, 8, 0, -2])
def test_parts_that_cannot_be_are_refused(count):
    with pytest.raises(InputError, match="give a whole number from 2 to the 7 rows"):
        folds(np.arange(7), count, seed=0, stratify=False)


def test_targets_that_are_not_wanted_are_not_read(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((3, 2)))
    (tmp_path / "y.npy").write_bytes(b"damaged")
    data = bpnet.data.load(f"{tmp_path}/x.npy,{tmp_path}/y.npy", need_target=False)
    assert (data.x.shape, data.y) == ((3, 2), None)

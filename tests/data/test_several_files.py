"""Data in several files: which of them has a bad number, and what lacks in all of them."""

import numpy as np
import polars as pl
import pytest

import bpnet
from bpnet.errors import InputError


def test_the_row_of_a_bad_number_is_counted_in_its_own_file(tmp_path):
    x = np.arange(24.0).reshape(12, 2)
    x[9, 1] = np.nan
    for i in range(3):
        np.save(tmp_path / f"x-{i}.npy", x[4 * i : 4 * i + 4])
    np.save(tmp_path / "y.npy", np.arange(12) % 2)
    data = bpnet.data.stream(f"{tmp_path}/x-*.npy,{tmp_path}/y.npy")
    with pytest.raises(InputError, match=r"x-2\.npy: x is nan in row 1, column 1"):
        data.x.take(np.arange(12))


def test_missing_values_of_all_files_are_counted(tmp_path):
    for i, lacking in enumerate((2, 3, 0)):
        values = [None] * lacking + [float(j) for j in range(10 - lacking)]
        frame = pl.DataFrame({"a": values, "b": [*range(10)], "y": ["p", "q"] * 5})
        frame.write_parquet(tmp_path / f"{i}.parquet")
    taken = bpnet.data.stream(tmp_path, target="y").taken
    assert taken[1].split()[:4] == ["a", "number", "2", "5"]


def test_what_was_held_out_has_counts_of_its_own(tmp_path):
    values = [None] * 40 + [float(j) for j in range(60)]
    pl.DataFrame({"a": values, "y": ["p", "q"] * 50}).write_parquet(tmp_path / "t.parquet")
    data = bpnet.data.stream(tmp_path / "t.parquet", target="y", validation=0.5, seed=0)
    parts = data.x, data.validation[0]
    assert [len(x.take(np.arange(len(x)))) for x in parts] == [len(x) for x in parts]
    counts = [x.tally()["a"].missing for x in parts]
    assert sum(counts) == 40
    assert all(0 < count < 40 for count in counts)


def test_x_without_targets_may_lie_beside_test_examples_without(tmp_path):
    x = np.arange(6.0).reshape(3, 2)
    np.savez(tmp_path / "d.npz", x=x, x_test=x + 1)
    data = bpnet.data.load(tmp_path / "d.npz", need_target=False)
    assert data.y is None
    assert data.test is None
    np.testing.assert_array_equal(data.x, x)


@pytest.mark.parametrize("classes", [200, 300])
def test_every_class_of_streamed_rows_has_its_part_of_what_is_held_out(classes, tmp_path):
    """Class 256 and class 0 are two, though a byte has no room for both."""
    numbers = np.repeat(np.arange(classes), 4)
    np.save(tmp_path / "y.npy", np.eye(classes, dtype=np.uint8)[numbers])
    np.save(tmp_path / "x.npy", np.zeros((len(numbers), 1), np.float32))
    source = f"{tmp_path}/x.npy,{tmp_path}/y.npy"
    held = bpnet.data.stream(source, task="classify", validation=0.25).validation
    found = np.asarray(held[1]).argmax(axis=1)
    assert np.bincount(found, minlength=classes).tolist() == [1] * classes

"""The row of a number that is too large, where rows come in an order of their own."""

import numpy as np
import pytest

import bpnet
from bpnet.data import batches
from bpnet.errors import InputError


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 3, 1], [3]])
def test_it_is_counted_in_the_data_and_not_in_the_batch(order, tmp_path):
    x = np.ones((6, 2))
    x[3, 1] = 1e39
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.arange(6) % 2)
    held = bpnet.data.stream(f"{tmp_path}/x.npy,{tmp_path}/y.npy").x
    stored = batches.examples(held, 2, backend=bpnet.backends.get("numpy"), dtype="float32")
    with pytest.raises(InputError, match=r"X has 1e\+39 in row 3, column 1, too large for float32"):
        stored.take(np.asarray(order))


@pytest.mark.parametrize("k", [1, 3, 6])
def test_some_rows_of_a_streamed_table_are_its_first(k, tmp_path):
    """They lie in as few runs as possible, and they are as many as there should be."""
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": [0.0, 1, 2, 3, 5, 4], "y": ["p", "q"] * 3})
    frame.write_parquet(tmp_path / "t.parquet")
    rows = bpnet.data.stream(tmp_path / "t.parquet", target="y").x
    assert rows.some(k).tolist() == [*range(k)]

"""nan, inf and what is too large for the run: the row and the column are named."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import bpnet
from bpnet.errors import InputError

X = np.random.default_rng(0).normal(size=(20, 3))
Y = np.arange(20) % 2


def spoiled(value):
    x = X.copy()
    x[4, 2] = value
    return x


def train(x, y=Y, outputs=2, **options):
    net = bpnet.Network([3, outputs], output="softmax" if outputs == 2 else "identity")
    bpnet.train(net, (x, y), epochs=1, **options)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_arrays_of_any_library(backend, value):
    x = backend.asarray(spoiled(value), dtype="float32")
    y = backend.asarray(Y, dtype=None)
    with pytest.raises(InputError, match=f"X has {value} in row 4, column 2; give finite numbers"):
        train(x, y)


@pytest.mark.parametrize(("value", "text"), [(np.nan, "nan"), (1e39, r"1e\+39 in row 4, column 2")])
@pytest.mark.parametrize("make", [np.asarray, np.ndarray.tolist, csr_array])
def test_kinds_of_data(make, value, text):
    with pytest.raises(InputError, match=f"X has {text}") as caught:
        train(make(spoiled(value)))
    assert "row 4, column 2" in str(caught.value)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_frames_have_names(library):
    frames = pytest.importorskip(library)
    columns = {name: spoiled(np.inf)[:, i] for i, name in enumerate("abc")}
    with pytest.raises(InputError, match="X has inf in row 4, column 'c'; give finite numbers"):
        train(frames.DataFrame(columns))
    columns |= {"b": [None if i == 6 else 1.0 for i in range(20)], "c": X[:, 2]}
    with pytest.raises(InputError, match=r"X has (nan|None) in row 6, column 'b'"):
        train(frames.DataFrame(columns))


def test_a_missing_object_is_named():
    x = X.astype(object)
    x[7, 1] = None
    with pytest.raises(InputError, match="X has None in row 7, column 1; give finite numbers"):
        train(x)
    with pytest.raises(InputError, match="X has dtype object; give real numbers"):
        train(X.astype(object))


def test_what_is_too_large_for_the_run_is_told():
    match = r"X has 1e\+39 in row 4, column 2, too large for float32; scale it, or use float64"
    with pytest.raises(InputError, match=match):
        train(spoiled(1e39))
    train(spoiled(1e39) * 1e-30)
    halves = r"X has 70000 in row 4, column 2, too large for float16"
    with pytest.raises(InputError, match=halves):
        train(spoiled(7e4), backend="numpy", dtype="float16")
    match = r"X has 1e\+39 in row 4, column 2, too large"
    with pytest.raises(InputError, match=match):
        bpnet.Network([3, 2]).predict(spoiled(1e39), dtype="float32")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_targets(value):
    rows = np.zeros((20, 2))
    rows[5, 1] = value
    column = np.arange(20.0)
    column[5] = value
    labels = Y.astype(float)
    labels[5] = np.nan
    with pytest.raises(InputError, match=r"y has .* in row 5, column 1"):
        bpnet.train(bpnet.Network([3, 2], output="identity"), (X, rows), epochs=1)
    with pytest.raises(InputError, match=r"y has .* in row 5"):
        train(X, column, outputs=1)
    with pytest.raises(InputError, match=r"y has nan in row 5"):
        train(X, labels)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5])
def test_weights(value):
    weights = np.ones(20)
    weights[7] = value
    with pytest.raises(InputError, match=f"sample_weight has {value} in row 7, no number"):
        train(X, sample_weight=weights)


def test_validation():
    with pytest.raises(InputError, match="validation X has nan in row 4, column 2"):
        train(X, validation=(spoiled(np.nan), Y))


def test_tables_name_column_and_row(tmp_path):
    polars = pytest.importorskip("polars")
    values = [1.0] * 3 + [np.inf] + [2.0] * 8
    frame = polars.DataFrame({"size": values, "kind": ["x", "y"] * 6})
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    for path in (tmp_path / "t.csv", tmp_path / "t.parquet"):
        with pytest.raises(InputError, match="column 'size' is infinite in data row 4"):
            bpnet.data.load(path, target="kind")

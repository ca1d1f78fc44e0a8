"""Networks that know the columns of a table: raw rows in, answers out."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import bpnet
from bpnet.cli import main

ROWS = [
    {"size": 80.0, "flag": True, "kind": "flat", "built": "2001-05-06", "other": 1},
    {"size": None, "flag": False, "kind": "house", "built": "1999-01-02", "other": 2},
    {"size": 120.5, "flag": None, "kind": "castle", "built": None, "other": 3},
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A table, and a run of each task on it."""
    folder = tmp_path_factory.mktemp("rows")
    rng = np.random.default_rng(0)
    size = rng.uniform(40, 200, 150)
    frame = pl.DataFrame(
        {
            "size": size,
            "flag": rng.random(150) < 0.5,
            "kind": rng.choice(["flat", "house"], 150),
            "built": [f"{y}-03-0{1 + y % 9}" for y in rng.integers(1950, 2020, 150)],
            "price": 1e3 * size + rng.normal(0, 10, 150),
            "sold": np.where(size > 100, "late", "soon"),
        }
    )
    for target, left in (("price", "sold"), ("sold", "price")):
        frame.drop(left).write_csv(folder / f"{target}.csv")
        words = [str(folder / f"{target}.csv"), "--target", target, "--epochs", "3", "--recipe"]
        words += [
            "none",
            "--hidden",
            "8",
            "--backend",
            "numpy",
            "-q",
            "--out",
            str(folder / f"run-{target}"),
        ]
        assert main(["train", *words]) == 0
    pl.DataFrame(ROWS, infer_schema_length=None).write_csv(folder / "new.csv")
    return folder


def kinds(folder):
    """The same rows, as people have them."""
    frame = pl.DataFrame(ROWS, infer_schema_length=None)
    return {
        "polars": frame,
        "other order": frame.select(frame.columns[::-1]),
        "pandas": pd.DataFrame(ROWS),
        "pandas, typed": pd.DataFrame(ROWS).convert_dtypes(),
        "categories": pd.DataFrame(ROWS).astype({"kind": "category"}),
        "dict": frame.to_dict(as_series=False),
        "dict of arrays": {n: np.array(c, object) for n, c in frame.to_dict().items()},
        "list": ROWS,
        "path": folder / "new.csv",
        "name": str(folder / "new.csv"),
    }


KINDS = list(kinds(Path()))


def predicted(place, target):
    """What the command line writes of the rows."""
    out = place / f"{target}-out.csv"
    words = ["predict", str(place / f"run-{target}"), str(place / "new.csv"), "-o", str(out), "-q"]
    assert main(words) == 0
    return pl.read_csv(out)


@pytest.mark.parametrize("kind", KINDS)
def test_amounts_are_those_of_the_command_line(place, kind):
    net = bpnet.load(place / "run-price")
    answers = net.predict(kinds(place)[kind])
    assert answers.dtype == np.float32
    assert answers.shape == (3,)
    expected = predicted(place, "price")["prediction"].cast(pl.Float32).to_numpy()
    np.testing.assert_array_equal(answers, expected)
    assert 2e4 < answers[0] < 3e5


@pytest.mark.parametrize("kind", KINDS)
def test_classes_are_named(place, kind):
    net = bpnet.load(place / "run-sold")
    rows = kinds(place)[kind]
    expected = predicted(place, "sold")
    assert net.predict(rows).tolist() == net.classify(rows).tolist() == expected["class"].to_list()
    a = net.predict(net.encode(rows))  # an array, of which the outputs are told
    np.testing.assert_array_equal(a[:, 0], expected["p_late"].cast(pl.Float32).to_numpy())


def test_one_row_may_be_a_dict(place):
    net = bpnet.load(place / "run-price")
    np.testing.assert_array_equal(net.predict(ROWS[0]), net.predict(ROWS[:1]))


def test_arrays_stay_what_they_were(place):
    net = bpnet.load(place / "run-price")
    data = bpnet.data.load(place / "price.csv", target="price", columns=net.columns)
    assert net.predict(data.x).shape == (150, 1)
    assert abs(net.predict(data.x).mean()) < 1  # standardized
    bare = bpnet.Network([2, 1])
    np.testing.assert_array_equal(
        bare.predict(pd.DataFrame({"a": [1.0], "b": [2.0]})), bare.predict([[1.0, 2.0]])
    )


def test_replaced_cells_are_reported_by_column(place, caplog):
    net = bpnet.load(place / "run-price")
    with caplog.at_level(logging.WARNING, "bpnet"):
        net.predict([*ROWS, {**ROWS[0], "size": 1e7}])
    lines = [record.getMessage() for record in caplog.records]
    assert sum("1 missing value in 'size'" in line for line in lines) == 1
    assert any("1 value in 'kind' not seen in training" in line for line in lines)
    assert any("1 value in 'size' far outside the range of training" in line for line in lines)


def test_a_model_file_keeps_the_columns(place, tmp_path):
    net = bpnet.load(place / "run-price")
    net.save(tmp_path / "m.safetensors")
    again = bpnet.load(tmp_path / "m.safetensors")
    assert again.columns == net.columns
    np.testing.assert_array_equal(again.predict(ROWS), net.predict(ROWS))
    words = ["predict", str(tmp_path / "m.safetensors"), str(place / "new.csv"), "-q", "-o"]
    assert main([*words, str(tmp_path / "p.csv")]) == 0
    predictions = pl.read_csv(tmp_path / "p.csv")["prediction"]
    assert predictions.to_list() == predicted(place, "price")["prediction"].to_list()


def test_a_run_of_an_older_bpnet_has_them_in_its_folder(place, tmp_path):
    """Its model knows none."""
    net = bpnet.load(place / "run-price")
    columns, net.columns = net.columns, None
    net.save(tmp_path / "model.safetensors")
    assert bpnet.load(tmp_path).columns is None
    (tmp_path / "columns.json").write_text((place / "run-price" / "columns.json").read_text())
    assert bpnet.load(tmp_path).columns == columns


def test_a_network_trained_in_python_knows_its_columns(place):
    data = bpnet.data.load(place / "sold.csv", target="sold")
    net = bpnet.Network([data.x.shape[1], 8, 2], seed=1)
    bpnet.train(net, data, epochs=2)
    assert net.columns is data.columns
    assert set(net.predict(ROWS)) <= {"late", "soon"}
    bpnet.train(net, (data.x, data.y), epochs=1)
    assert net.columns is None  # nobody knows what these are


BAD = {
    "lacking": ([{"size": 1.0}], "the frame lacks 'flag', 'kind'"),
    "no number": ([{**ROWS[0], "size": "large"}], "'size' is 'large'"),
    "none": (pl.DataFrame(ROWS)[:0], "has no rows"),
    "no file": ("nowhere.csv", "there is no file"),
}


@pytest.mark.parametrize(("rows", "message"), BAD.values(), ids=BAD)
def test_rows_that_cannot_be_used_are_refused(place, rows, message):
    with pytest.raises(bpnet.InputError, match=message):
        bpnet.load(place / "run-price").predict(rows)


def test_columns_that_do_not_fit_are_refused(place):
    net = bpnet.Network([2, 1])
    with pytest.raises(bpnet.InputError, match="inputs and the network has 2"):
        net.columns = bpnet.load(place / "run-price").columns
    with pytest.raises(bpnet.InputError, match="not trained on a table"):
        net.encode(ROWS)

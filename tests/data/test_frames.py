"""Frames of pandas and polars, and standard input: the data of the file that they come from."""

import datetime
import io
import sys

import numpy as np
import polars as pl
import pytest

import bpnet
from bpnet.errors import InputError

CELLS = {
    "when": [datetime.date(2020, 1 + i % 12, 1 + i % 28) for i in range(60)],
    "size": [None if i % 9 == 4 else i % 13 + 0.5 for i in range(60)],
    "rooms": [i % 5 for i in range(60)],
    "zone": [["north", "south", None][i % 3] for i in range(60)],
    "wet": [i % 2 == 0 for i in range(60)],
    "y": [i % 7 * 1.25 for i in range(60)],
}


def same(one, other):
    np.testing.assert_array_equal(np.asarray(one.x), np.asarray(other.x))
    np.testing.assert_array_equal(np.asarray(one.y), np.asarray(other.y))
    assert (one.columns, one.taken) == (other.columns, other.taken)


@pytest.fixture
def wanted(tmp_path):
    pl.DataFrame(CELLS).write_csv(tmp_path / "t.csv")
    return bpnet.data.load(tmp_path / "t.csv", target="y", validation=0.2)


def test_polars(wanted):
    frame = pl.DataFrame(CELLS)
    for source in (frame, frame.lazy(), frame.with_columns(pl.col("zone").cast(pl.Categorical))):
        same(bpnet.data.load(source, target="y", validation=0.2), wanted)
    streamed = bpnet.data.stream(frame, target="y", validation=0.2, buffer=16)
    same(streamed, wanted)


@pytest.mark.parametrize("kinds", ["plain", "nullable", "categories"])
def test_pandas(wanted, kinds):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(CELLS).astype({"when": "datetime64[ns]"})
    if kinds == "nullable":
        frame = frame.astype({"size": "Float64", "rooms": "Int64", "zone": "string"})
    elif kinds == "categories":
        frame = frame.astype({"zone": "category"})
    same(bpnet.data.load(frame, target="y", validation=0.2), wanted)


def test_standard_input(wanted, tmp_path, monkeypatch):
    class Input:
        buffer = io.BytesIO((tmp_path / "t.csv").read_bytes())

    monkeypatch.setattr(sys, "stdin", Input)
    same(bpnet.data.load("-", target="y", validation=0.2), wanted)
    with pytest.raises(InputError, match="standard input is empty"):
        bpnet.data.load("-", target="y")


def test_text_in_parquet_is_read_as_in_csv(tmp_path):
    rows = {"a": ["1.5", "n/a", "2", "4"], "b": ["1,234", "5", "6", "2,000"],
            "c": ["31.12.2020", "", "1.2.2021", "3.4.2021"], "y": ["p", "q"] * 2}  # fmt: skip
    frame = pl.DataFrame(rows)
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_csv(tmp_path / "t.csv")
    one, other = (bpnet.data.load(tmp_path / f"t.{end}", target="y") for end in ("csv", "parquet"))
    same(one, other)
    assert [column.kind for column in one.columns.inputs] == ["number", "number", "date"]
    assert one.columns.inputs[1].mean == pytest.approx((1234 + 5 + 6 + 2000) / 4)


@pytest.mark.parametrize("form", ["t.csv", "t.parquet", "t.arrow"])
def test_streamed_in_full_gives_the_bits_of_training_from_memory(tmp_path, form):
    frame = pl.DataFrame(CELLS)
    write = {".csv": frame.write_csv, ".parquet": frame.write_parquet, ".arrow": frame.write_ipc}
    write[tmp_path.joinpath(form).suffix](tmp_path / form)
    options = {"target": "y", "validation": 0.2, "seed": 3}
    loaded = bpnet.data.load(tmp_path / form, **options)
    streamed = bpnet.data.stream(tmp_path / form, shuffle="full", buffer=16, **options)
    same(streamed, loaded)
    nets = []
    for data in (loaded, streamed):
        nets.append(bpnet.Network([data.x.shape[1], 6, 1], seed=0))
        bpnet.train(nets[-1], data, epochs=3, batch_size=7, backend="numpy")
    for one, other in zip(*(net.weights for net in nets), strict=True):
        np.testing.assert_array_equal(one, other)


def test_decimal_commas_that_come_late_are_found_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("bpnet.data.learning._PIECE", 20)  # ten rows
    size = [f"{i % 17}" for i in range(40)] + [f"{i % 17},5" for i in range(40)]
    frame = pl.DataFrame({"a": size, "y": [i % 11 * 0.5 for i in range(80)]})
    frame.write_parquet(tmp_path / "t.parquet")
    column = bpnet.data.load(tmp_path / "t.parquet", target="y").columns.inputs[0]
    wanted = [float(text.replace(",", ".")) for text in size]
    assert (column.kind, column.format, column.lenient) == ("number", ",", False)
    assert (column.mean, column.std) == pytest.approx((np.mean(wanted), np.std(wanted)))

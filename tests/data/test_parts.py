"""Rows for training, for validation and for the test: drawn once, none in two parts."""

import numpy as np
import polars as pl
import pytest

import bpnet
from bpnet.data.splits import divide
from bpnet.errors import InputError

ROWS = 400
KEPT = {"numeric": ["id"]}
"""What numbers the rows would be no input."""
SHARES = [(0.1, 0.1), (0.2, 0.05), (0.0, 0.25), (0.3, 0.3)]


@pytest.fixture
def table(tmp_path):
    """A table whose column ``id`` numbers its rows, with a class that is rare."""
    rng = np.random.default_rng(3)
    frame = pl.DataFrame(
        {
            "id": rng.permutation(ROWS),
            "size": rng.normal(size=ROWS),
            "kind": np.where(np.arange(ROWS) % 20 == 0, "rare", "usual"),
            "price": rng.normal(1e5, 2e4, ROWS),
        }
    )
    frame.write_csv(tmp_path / "t.csv")
    (tmp_path / "parts").mkdir()
    frame[:150].write_parquet(tmp_path / "parts" / "0.parquet")
    frame[150:].write_parquet(tmp_path / "parts" / "1.parquet")
    return tmp_path / "t.csv"


def numbers(data):
    """Row numbers of each part, of a table with the column ``id``."""
    at = data.columns.features.index("id")
    column = data.columns.inputs[[c.name for c in data.columns.inputs].index("id")]
    pairs = [(data.x, data.y), data.validation, data.test]
    return [
        [] if p is None else np.rint(np.asarray(p[0])[:, at] * column.std + column.mean).tolist()
        for p in pairs
    ]


@pytest.mark.parametrize(("validation", "test"), SHARES)
@pytest.mark.parametrize("target", ["kind", "price"])
def test_each_row_is_in_one_part(table, validation, test, target):
    asked = {"target": target, "validation": validation, "test": test, "columns": KEPT}
    data = bpnet.data.load(table, **asked)
    parts = numbers(data)
    assert sorted(i for part in parts for i in part) == list(range(ROWS))
    assert [len(part) / ROWS for part in parts[1:]] == pytest.approx([validation, test], abs=0.01)
    assert data.test_share == test
    again = numbers(bpnet.data.load(table, **asked))
    assert again == parts
    assert numbers(bpnet.data.load(table, **asked, seed=1)) != parts


def test_each_part_has_its_share_of_a_rare_class(table):
    data = bpnet.data.load(table, target="kind", validation=0.1, test=0.1)
    assert [int((y == "rare").sum()) for y in (data.y, data.validation[1], data.test[1])] == [
        16, 2, 2
    ]  # fmt: skip


def test_nothing_is_learned_of_rows_that_are_held_out(table):
    data = bpnet.data.load(table, target="price", validation=0.1, test=0.2)
    frame = pl.read_csv(table)[data.rows.tolist()]
    size = next(column for column in data.columns.inputs if column.name == "size")
    assert size.mean == pytest.approx(frame["size"].mean())
    assert data.columns.mean == pytest.approx(frame["price"].mean())


@pytest.mark.parametrize(("validation", "test"), SHARES)
def test_streamed_tables_are_divided_too(table, validation, test):
    folder = str(table.parent / "parts")
    shares = {"validation": validation, "test": test}
    data = bpnet.data.stream(folder, target="price", columns=KEPT, **shares)
    parts = numbers(data)
    assert sorted(i for part in parts for i in part) == list(range(ROWS))
    assert [len(part) / ROWS for part in parts[1:]] == pytest.approx([validation, test], abs=0.01)


def test_arrays_are_divided_alike_in_memory_and_streamed(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(600, dtype=np.float32).reshape(300, 2))
    np.save(tmp_path / "y.npy", np.arange(300) % 3)
    source = f"{tmp_path}/x.npy,{tmp_path}/y.npy"
    held, streamed = (
        read(source, validation=0.1, test=0.1) for read in (bpnet.data.load, bpnet.data.stream)
    )
    for one, other in ((held.validation, streamed.validation), (held.test, streamed.test)):
        np.testing.assert_array_equal(one[0], np.asarray(other[0]))
        np.testing.assert_array_equal(np.bincount(one[1]), [10, 10, 10])


def test_a_test_part_of_the_data_itself_stays():
    data = bpnet.data.load("digits", validation=0.1, test=None)
    assert len(data.test[1]) == 359
    assert data.test_share == 0
    with pytest.raises(InputError, match=r"digits has a test part of its own: leave test 0\.1 out"):
        bpnet.data.load("digits", test=0.1)


@pytest.mark.parametrize(("validation", "test"), [(0.6, 0.4), (0.1, -0.1), (0.0, float("nan"))])
def test_shares_that_cannot_be_are_refused(table, validation, test):
    with pytest.raises(InputError, match="whose sum is below 1"):
        bpnet.data.load(table, target="kind", validation=validation, test=test)


def test_rows_without_a_target_move_no_target_to_another_row(tmp_path):
    prices = [None if i % 7 == 0 else float(i) for i in range(100)]
    pl.DataFrame({"size": range(100), "price": prices}).write_csv(tmp_path / "gaps.csv")
    data = bpnet.data.load(
        tmp_path / "gaps.csv",
        target="price",
        validation=0.2,
        test=0.2,
        columns={"numeric": ["size"]},
    )
    pairs = {"validation": data.validation, "test": data.test}
    for name, (x, y) in pairs.items():
        size, column = x[:, 0], data.columns.inputs[0]
        np.testing.assert_allclose(data.columns.decode_target(y), data.places[name], rtol=1e-5)
        np.testing.assert_allclose(size * column.std + column.mean, data.places[name], rtol=1e-5)


@pytest.mark.parametrize("target", ["kind", "price"])
@pytest.mark.parametrize("test", [0.05, 0.25])
def test_the_test_rows_do_not_depend_on_validation(table, target, test):
    parts = [
        bpnet.data.load(table, target=target, validation=share, test=test).places["test"].tolist()
        for share in (0.0, 0.1, 0.6)
    ]
    assert parts[0] == parts[1] == parts[2]


def test_runs_of_version_1_divide_the_rows_that_are_held_out(table):
    shares = {"validation": 0.3, "test": 0.1, "split_version": 1}
    data = bpnet.data.load(table, target="kind", **shares)
    labels = pl.read_csv(table)["kind"].to_numpy()
    kept, held = bpnet.data.split(labels, 0.4, 0, stratify=True)
    assert data.rows.tolist() == kept.tolist()
    assert sorted([*data.places["validation"], *data.places["test"]]) == held.tolist()
    assert [int((y == "rare").sum()) for y in (data.validation[1], data.test[1])] == [6, 2]
    with pytest.raises(InputError, match="split_version 3: give 1 or 2"):
        bpnet.data.load(table, target="kind", split_version=3)


def test_training_keeps_a_row_of_each_class_however_few_there_are():
    labels = np.repeat(np.arange(30), 3)
    parts, notes = divide(labels, (0.5, 0.3), 0, stratify=True, version=2)
    assert [len(np.unique(labels[rows])) for rows in parts.values()] == [30, 30, 30]
    assert not notes
    parts, notes = divide(labels[::3].repeat(2), (0.5, 0.3), 0, stratify=True, version=2)
    assert {name: len(rows) for name, rows in parts.items()} == {"": 30, "test": 30}
    assert notes == ("no rows are held out for validation: the test part leaves one of each class",)


def test_few_rows_have_a_row_in_each_part(tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("a,y\n1,1.5\n2,2.5\n3,3.5\n4,4.5\n")
    data = bpnet.data.load(path, target="y", task="regress", validation=0.1, test=None)
    assert (len(data.y), len(data.validation[1]), len(data.test[1])) == (2, 1, 1)


def test_what_was_done_to_the_data_is_told_in_python(tmp_path, caplog):
    path = tmp_path / "gap.csv"
    path.write_text("a,b,y\n1,3,x\n,4,z\n3,5,x\n4,6,z\n")
    data = bpnet.data.load(path, target="y")
    assert "1 missing value in 'a' replaced by the mean" in caplog.text
    assert data.tally["a"].missing == 1

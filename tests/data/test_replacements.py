"""Columns of a table: what was put in place of cells, how they were taken, and differences."""

import math

import numpy as np
import pytest

import bpnet
from bpnet.data import (
    naming,
    replacements,
)
from bpnet.data.columns import Column, Columns
from bpnet.data.replacements import Replaced

SIZE = Column("size", "number", mean=3.5, std=2.0, low=0.0, high=10.0)


DAY = Column("day", "date", mean=19_723.0, std=2.0, low=19_000.0, high=20_000.0)


CITY = Column("city", "text", categories=("a", "b", "missing"))


RARE = Column("kind", "text", categories=("x", "other"), rare=True)


COLUMNS = Columns((SIZE, DAY, CITY, RARE), (), "y", "text", "classify", ("no", "yes"))


@pytest.mark.parametrize(
    ("name", "found", "lines"),
    [
        ("size", Replaced(missing=1), ["1 missing value in 'size' replaced by the mean 3.5"]),
        ("size", Replaced(missing=2), ["2 missing values in 'size' replaced by the mean 3.5"]),
        ("day", Replaced(missing=1), ["1 missing value in 'day' replaced by the mean 2024-01-01"]),
        ("city", Replaced(missing=3),
         ["3 missing values in 'city' taken as the category 'missing'"]),
        ("size", Replaced(bad=1, bad_example="'x' in data row 3"),
         ["1 value in 'size' is no number and counted as missing, first 'x' in data row 3"]),
        ("day", Replaced(bad=2, bad_example="'x' in data row 3"),
         ["2 values in 'day' are no date and counted as missing, first 'x' in data row 3"]),
        ("city", Replaced(unseen=1, examples=("c",)),
         ["1 value in 'city' not seen in training, encoded as zeros: 'c'"]),
        ("city", Replaced(unseen=9, examples=("c", "d", "e")),
         ["9 values in 'city' not seen in training, encoded as zeros: 'c', 'd', 'e'"]),
        ("kind", Replaced(unseen=9, examples=("c", "d", "e", "f")),
         ["9 values in 'kind' rare or not seen in training, taken as 'other': 'c', 'd', 'e', ..."]),
        ("size", Replaced(outside=2),
         ["2 values in 'size' far outside the range of training, 0 to 10"]),
        ("day", Replaced(outside=1),
         ["1 value in 'day' far outside the range of training, 2022-01-08 to 2024-10-04"]),
        ("size", Replaced(), []), ("gone", Replaced(missing=3), []),
        ("size", Replaced(missing=1, bad=1, bad_example="'x' in data row 1", outside=1),
         ["1 missing value in 'size' replaced by the mean 3.5",
          "1 value in 'size' is no number and counted as missing, first 'x' in data row 1",
          "1 value in 'size' far outside the range of training, 0 to 10"]),
    ],
)  # fmt: skip
def test_what_was_put_in_place_of_cells_is_told(name, found, lines):
    assert list(replacements.lines(COLUMNS, {name: found})) == lines


def test_counts_of_parts_add_up_and_examples_are_the_first_four():
    one = Replaced(1, 2, ("b", "d"), 3, "", 4)
    two = Replaced(10, 20, ("a", "c", "e"), 30, "second", 40)
    three = Replaced(bad=1, bad_example="third")
    tally = replacements.merged([{"x": one}, {"x": two, "y": three}, {"x": three}])
    assert tally["x"] == Replaced(11, 22, ("a", "b", "c", "d"), 34, "second", 44)
    assert tally["y"] == three
    assert replacements.counts(tally) == {
        "x": {"missing": 11, "bad": 34, "unseen": 22, "outside": 44}, "y": {"bad": 1}
    }  # fmt: skip


def test_columns_of_a_table_are_told_as_they_were_taken(tmp_path):
    pytest.importorskip("polars")
    path = tmp_path / "t.csv"
    rows = [f"{i},{'' if i == 7 else 'abc'[i % 3]},{i % 2 == 0},{i * 7 % 5}" for i in range(60)]
    path.write_text("n,city,flag,y\n" + "\n".join(rows) + "\n")
    found = bpnet.data.load(path, target="y", columns={"drop": ["flag"]}, validation=0.0)
    assert "column 'flag' is left out: it was dropped" in found.notes
    head, *lines = (line.split() for line in found.taken)
    assert head == ["column", "taken", "as", "inputs", "missing", "filled", "with"]
    assert ["n", "number", "1", "0"] in lines or ["n", "left"] in [line[:2] for line in lines]
    (city,) = (line for line in lines if line[0] == "city")
    assert city == [
        "city", "text", "of", "3", "values", "4", "1", "the", "category", "'missing'"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mine", "theirs", "text"),
    [
        ((SIZE, DAY), (SIZE, DAY), ""), ((SIZE, DAY), (SIZE,), "'day' is not among the others"),
        ((SIZE,), (SIZE, DAY), "'day' is only among the others"),
        ((SIZE, DAY), (DAY, SIZE), "they stand in another order"),
        ((SIZE,), (Column("size", "number", mean=4.0, std=2.0, low=0.0, high=10.0),),
         "'size' has mean 3.5 and in the others 4.0"),
    ],
)  # fmt: skip
def test_the_first_difference_of_columns_is_named(mine, theirs, text):
    of = lambda inputs, **more: Columns(inputs, (), "y", "text", "classify", ("n", "y"), **more)  # noqa: E731
    assert of(mine).difference(of(theirs)) == text
    assert of(mine, separator=";").difference(of(mine)) == ""
    other = Columns(mine, (), "z", "text", "classify", ("n", "y"))
    assert of(mine).difference(other) == "target is y and in the others z"


def test_a_range_is_widened_by_half_of_itself():
    assert SIZE.usual == (-5.0, 15.0)
    assert Column("x", "number").usual == (-math.inf, math.inf)
    assert SIZE.features == ("size",)
    marked = Column("day", "date", parts=(("year", 0.0, 1.0),), indicator=True)
    assert marked.features == ("day", "day.year", "day=missing")
    assert CITY.features == ("city=a", "city=b", "city=missing")


@pytest.mark.parametrize(
    ("numbers", "rows", "why"),
    [
        (range(60), 60, "it counts the rows"), (range(1, 61), 60, "it counts the rows"),
        (range(2, 62), 60, ""), (range(49), 49, ""), (range(50), 50, "it counts the rows"),
        (range(60, 0, -1), 60, ""), ([*range(59), 60], 60, ""), ([7] * 60, 60, "it is constant"),
        ([None] * 60, 60, "it has no values"),
    ],
)  # fmt: skip
def test_columns_that_tell_nothing_are_left_out(tmp_path, numbers, rows, why):
    pytest.importorskip("polars")
    path = tmp_path / "t.csv"
    cells = ("" if n is None else n for n in numbers)
    lines = [f"{n},{i * 7 % 5}.5,{i % 2}" for i, n in enumerate(cells)]
    path.write_text("size,other,y\n" + "\n".join(lines) + "\n")
    found = bpnet.data.load(path, target="y", validation=0.0)
    notes = [note for note in found.notes if "'size'" in note]
    assert notes == ([f"column 'size' is left out: {why}"] if why else [])
    kept = bpnet.data.load(path, target="y", validation=0.0, columns={"numeric": ["size"]})
    counts = "counts" in why
    assert ("size" in [c.name for c in kept.columns.inputs]) == (counts or not why)
    assert found.x.shape == (rows, 1 if why else 2)


@pytest.mark.parametrize("picks", [None, np.asarray([0, 1])])
def test_cells_of_a_column_are_counted_over_all_runs(picks):
    pl = pytest.importorskip("polars")
    from bpnet.data.scan import Place, Scan

    found = Scan("a")
    for begin, cells in ((0, ["x", None, None]), (3, ["y", None, "y"]), (6, ["x", "x", None])):
        found.add(pl.Series("a", cells, dtype=pl.String), Place(picks, begin, begin))
    assert (found.rows, found.missing) == (9, 4)
    assert (found.kept, found.kept_missing) == ((9, 4) if picks is None else (6, 2))


@pytest.mark.parametrize(
    ("names", "most", "listed"),
    [
        ([], 2, ""), (["a"], 2, "'a'"), (["a", "b"], 2, "'a', 'b'"),
        (["a", "b", "c"], 2, "'a', 'b', ..."), (["a", "b", "c"], 3, "'a', 'b', 'c'"),
    ],
)  # fmt: skip
def test_names_are_listed_up_to_a_number(names, most, listed):
    assert naming.listed(names, most) == listed


def test_a_column_that_is_not_there_and_the_one_that_was_meant():
    error = naming.no_column("t.csv", "pirce", ["price", "zone"], " to keep")
    assert str(error) == (
        "t.csv has no column 'pirce' to keep: did you mean 'price'? it has 'price', 'zone'"
    )
    assert str(naming.no_column("t", "q", ["a"])) == "t has no column 'q': it has 'a'"


@pytest.mark.parametrize("rows", [49, 50, 60])
@pytest.mark.parametrize("first", [-1, 0, 1, 2, 1990])
def test_a_column_that_counts_the_rows_is_no_input(rows, first, tmp_path):
    """Numbers of rows begin with 0 or 1, and years that follow one another say something."""
    pytest.importorskip("polars")
    lines = [f"{first + i},{i % 7},{'pq'[i % 2]}" for i in range(rows)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    data = bpnet.data.load(tmp_path / "t.csv", target="y")
    counts = rows >= 50 and first in (0, 1)
    assert [column.name for column in data.columns.inputs] == (["b"] if counts else ["a", "b"])

"""Cells of tables: codes, amounts and classes that look alike."""

import polars as pl
import pytest

import bpnet
from bpnet.data import cells
from bpnet.data.columns import Column, Columns
from bpnet.errors import InputError


def table(path, *columns):
    names, values = [name for name, _ in columns], zip(*(held for _, held in columns), strict=True)
    path.write_text("\n".join([",".join(names), *(",".join(row) for row in values)]) + "\n")
    return str(path)


def test_zeros_in_front_make_text_of_a_target_and_numbers_of_an_input(tmp_path):
    codes = [f"{i:03}" for i in range(30)]
    path = table(tmp_path / "t.csv", ("a", codes), ("y", ["01", "02", "10"] * 10))
    data = bpnet.data.load(path, target="y")
    assert [(column.name, column.kind) for column in data.columns.inputs] == [("a", "number")]
    assert data.columns.classes == ("01", "02", "10")


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.5, 2.0]])
def test_a_fraction_is_no_class_of_whole_numbers(values):
    typed = cells.typed_as(pl.Series("y", values), "integer")
    assert typed.to_list() == values
    assert typed.dtype == (pl.Int64 if values[0] == 1.0 else pl.Float64)


@pytest.mark.parametrize(("count", "kind"), [(2, "text"), (3, "number")])
def test_marks_stand_for_lacking_numbers_where_there_are_more_than_two(count, kind, tmp_path):
    """A column of 0, 1 and - may have three classes; one of more numbers lacks some."""
    held = [*map(str, range(count)), "-"] * 10
    path = table(tmp_path / "t.csv", ("a", held), ("y", (["p", "q"] * 20)[: len(held)]))
    assert bpnet.data.load(path, target="y").columns.inputs[0].kind == kind


@pytest.mark.parametrize("rows", [60, 100])
def test_text_with_a_value_for_more_than_every_second_row_is_a_name(rows, tmp_path):
    values = [f"v{i % 40}" for i in range(rows)]
    path = table(tmp_path / "t.csv", ("a", values), ("y", ["p", "q"] * (rows // 2)))
    if rows == 60:
        with pytest.raises(InputError, match=r"'a': it is text with 40 different values"):
            bpnet.data.load(path, target="y")
    else:
        assert len(bpnet.data.load(path, target="y").columns.inputs[0].categories) == 40


@pytest.mark.parametrize(
    ("cell", "numeric", "why"),
    [
        ("{}.5 m²", [], "it is text with 60 different values; without 'm²' they are numbers"),
        ("v{}", [], "it is text with 60 different values"),
        ("{}.5 m²", ["a"], "it has no number, as '0.5 m²' in data row 1"),
        ("word", ["a"], "it has no number, as 'word' in data row 1"),
    ],
)
def test_the_reason_for_leaving_a_column_out_names_a_unit(cell, numeric, why, tmp_path):
    values = [cell.format(i) for i in range(60)]
    path = table(
        tmp_path / "t.csv",
        ("a", values),
        ("b", list(map(str, range(2, 62)))),
        ("y", ["p", "q"] * 30),
    )
    data = bpnet.data.load(path, target="y", columns={"numeric": numeric})
    assert data.notes == (f"column 'a' is left out: {why}",)


def test_columns_that_name_a_category_twice_are_refused(tmp_path):
    path = table(tmp_path / "t.csv", ("a", ["u", "v"] * 5), ("y", ["p", "q", "q", "p", "p"] * 2))
    text = bpnet.data.load(path, target="y").columns.to_json()
    assert Columns.from_json(text).inputs[0].categories == ("u", "v")
    with pytest.raises(InputError, match="different categories"):
        Columns.from_json(text.replace('"v"', '"u"'))


@pytest.mark.parametrize(
    ("kind", "dtype", "held"),
    [
        ("date", pl.Datetime("us"), pl.Series("a", [float("nan")] * 2)),
        ("date", pl.Datetime("us"), pl.Series("a", [None, None], pl.Boolean)),
        ("number", pl.Float64, pl.Series("a", [None, None], pl.Date)),
        ("number", pl.Float64, pl.Series("a", [None, None], pl.Boolean)),
    ],
)
def test_a_column_without_values_has_the_type_that_was_learned(kind, dtype, held):
    """A file of which no cell has a value says nothing of the column's type."""
    column = Column("a", kind, 0.0, 1.0, 0.0)
    values, bad = cells.as_numbers(cells.plain(held, "t"), column, "t")
    assert (values.dtype, values.to_list(), bad.to_list()) == (dtype, [None] * 2, [False] * 2)


def test_dates_that_are_all_missing_are_predicted_as_their_mean(tmp_path):
    days = [f"2024-{1 + i % 12:02}-{1 + i:02}" for i in range(20)]
    path = table(tmp_path / "t.csv", ("a", [*days, "", ""]), ("y", ["p", "q"] * 11))
    learned = bpnet.data.load(path, target="y")
    new = table(tmp_path / "new.csv", ("a", ["nan"]))
    data = bpnet.data.load(new, columns=learned.columns, need_target=False)
    assert data.x.tolist() == learned.x[-1:].tolist()


def test_numbers_with_thousands_may_be_larger_than_an_integer():
    found = cells.numbers(pl.Series(["1,000", "99999999999999999999"]))
    assert (found.dtype, found.to_list()) == (pl.Float64, [1e3, 1e20])
    assert cells.numbers(pl.Series(["1,000", "7", None])).to_list() == [1000, 7, None]

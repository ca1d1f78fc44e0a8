"""Cells, words, shares and refusals of the data by hand, in tables of cases."""

import datetime
import json
import math

import numpy as np
import pytest

import bpnet
from bpnet import backends
from bpnet.data import (
    arrays,
    batches,
    decoder,
    delimited,
    draws,
    labels,
    naming,
    replacements,
    sources,
    targets,
)
from bpnet.data.columns import Column, Columns
from bpnet.data.host_rows import HostRows
from bpnet.data.moments import Moments, merged
from bpnet.data.options import ColumnOptions, ReadOptions
from bpnet.data.replacements import Replaced
from bpnet.data.splits import _quotas, folds, split
from bpnet.errors import InputError

NUMPY = backends.get("numpy")


def said(make, *arguments, **named):
    """The refusal of a call, whole."""
    with pytest.raises(InputError) as refused:
        make(*arguments, **named)
    return str(refused.value)


def series(cells):
    return pytest.importorskip("polars").Series("c", cells, strict=False)


@pytest.mark.parametrize(
    ("cells", "style", "found"),
    [
        (["1", "-2", None], "", [1, -2, None]), (["1.5", "2"], "", [1.5, 2.0]),
        (["1e3", "2"], "", [1000.0, 2.0]), (["1E3", "1,000"], "", [1000.0, 1000.0]),
        (["1,000", "2"], "", [1000, 2]), (["1,000.5", "2"], "", [1000.5, 2.0]),
        (["1 000", "1'000", "1’000", "1\u00a0000", "1\u202f000"], "", [1000] * 5),
        (["12,34", "1"], "", [None, 1]), (["1,0000", "1"], "", [None, 1]),
        (["$5", "12 %", "€1,000"], "", [5, 12, 1000]), (["-$5", "x"], "", [None, None]),
        (["1,000,000", "1,00,000"], "", [1000000, None]), (["+7", "7."], "", [7.0, 7.0]),
        (["1,5", "2"], ",", [1.5, 2.0]), (["1.000,5", "1 000"], ",", [1000.5, 1000.0]),
        (["1.000", "2.000,5"], ",", [1000.0, 2000.5]), (["12,5 €", "3"], ",", [12.5, 3.0]),
        (["1.000", "2.000"], ",", [1000, 2000]), (["abc", None], "", [None, None]),
        (["nan", "1.0"], "", [None, 1.0]),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(cells, style, found):
    from bpnet.data.cells import numbers

    read = numbers(series(cells), style).to_list()
    assert read == found
    assert {type(v) for v in read} == {type(v) for v in found}


@pytest.mark.parametrize(
    ("cells", "style", "found"),
    [
        (["2024-02-29", None], "", ["2024-02-29T00:00:00", None]),
        (["2024-02-29T13:05", "2023-02-29"], "", ["2024-02-29T13:05:00", None]),
        (["2024-01-01 00:30:15.5Z", "x"], "", ["2024-01-01T00:30:15.500000", None]),
        (["2024-01-01T00:30+02:00", "x"], "", ["2023-12-31T22:30:00", None]),
        (["2024-01-01T00:30-0130", "x"], "", ["2024-01-01T02:00:00", None]),
        (["3/4/2024", "13/4/2024"], "%m/%d/%Y", ["2024-03-04T00:00:00", None]),
        (["3/4/2024 5:06 PM"], "%d/%m/%Y %I:%M %p", ["2024-04-03T17:06:00"]),
        (["1 Feb 2024"], "%d %b %Y", ["2024-02-01T00:00:00"]),
    ],
)  # fmt: skip
def test_dates_as_people_write_them(cells, style, found):
    from bpnet.data.cells import dates

    read = dates(series(cells), style).to_list()
    assert [None if d is None else d.isoformat() for d in read] == found


def test_days_are_counted_from_1970_in_utc():
    polars = pytest.importorskip("polars")
    from bpnet.data.cells import date_parts, days, plain

    noon = datetime.datetime(1970, 1, 3, 12)
    assert days(polars.Series([noon])).to_list() == [2.5]
    assert date_parts(polars.Series([noon])).tolist() == [[2.5, 1970, 1, 3, 6]]  # a Saturday
    zone = datetime.timezone(datetime.timedelta(hours=2))
    zoned = polars.Series([noon.replace(tzinfo=zone)])
    assert days(plain(zoned, "")).to_list() == [2.5 - 2 / 24]
    hours = polars.Series([datetime.time(1, 30), None])
    assert plain(hours, "").to_list() == [1.5, None]
    assert plain(polars.Series([datetime.timedelta(days=2)]), "").to_list() == [48.0]


@pytest.mark.parametrize(
    ("kind", "cells", "found"),
    [
        ("boolean", ["True", "false", None], [True, False, None]),
        ("boolean", ["True", "no"], ["True", "no"]), ("integer", [1.0, 2.0], [1, 2]),
        ("integer", [1.5, 2.0], [1.5, 2.0]), ("integer", ["1", "x"], ["1", "x"]),
        ("real", ["1", "2.5"], [1.0, 2.5]), ("text", [1, 2], ["1", "2"]),
    ],
)  # fmt: skip
def test_targets_take_the_type_that_was_learned_or_stay(kind, cells, found):
    from bpnet.data.cells import typed_as

    assert typed_as(series(cells), kind).to_list() == found


@pytest.mark.parametrize(
    ("y", "task", "settled"),
    [
        ([0, 1, 2], "auto", "classify"), (range(20), "auto", "classify"),
        (range(21), "auto", "regress"), ([0.0, 1.0], "auto", "classify"),
        ([0.5, 1.0], "auto", "regress"), ([True, False], "auto", "classify"),
        (["a", "b"], "auto", "classify"), ([[0, 1], [1, 0]], "auto", "classify"),
        ([[0.0, 1.0], [1.0, 0.0]], "auto", "regress"), ([[0], [1]], "auto", "classify"),
        ([0, 1, 2], "regress", "regress"), ([0.5, 1.5], "classify", "classify"),
        ([[0], [30]], "classify", "classify"),
    ],
)  # fmt: skip
def test_the_task_that_targets_tell(y, task, settled):
    y = np.asarray(list(y))
    found, what = targets.settle(y, task, "t.csv")
    assert what == settled
    assert found.dtype.kind == ("f" if what == "regress" else y.dtype.kind)
    assert found.shape == (y[:, 0] if what == "classify" and y.shape[1:] == (1,) else y).shape


@pytest.mark.parametrize(
    ("y", "task", "text"),
    [
        ([3, 3], "classify", "t: all 2 labels are 3: give two classes or more"),
        ([3.0, 3.0], "auto", "t: all 2 targets are equal: there is nothing to learn"),
        ([3, 3], "regress", "t: all 2 targets are equal: there is nothing to learn"),
        (["a", "b"], "regress",
         "t: regression needs numbers and the targets are text: give --task classify"),
        ([[0, 1], [0, 1]], "classify",
         "t: all 2 label rows are equal: give two classes or more"),
        ([[0, 1], [1, 2]], "classify",
         "t: y is 2 in row 1, column 1: label rows hold 0s and 1s; "
         "for numbers give --task regress"),
        ([[0, 1], [-0.5, 1]], "classify",
         "t: y is -0.5 in row 1, column 0: label rows hold 0s and 1s; "
         "for numbers give --task regress"),
        ([["a", "b"]], "classify",
         "t: y of shape (1, 2) holds text: give one label an example, (1,)"),
    ],
)  # fmt: skip
def test_targets_that_tell_nothing(y, task, text):
    assert said(targets.settle, np.asarray(y), task, "t") == text


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (np.zeros(3, complex), "t: y has type complex128: give labels or numbers"),
        (np.zeros(3, "M8[D]"), "t: y has type datetime64[D]: give labels or numbers"),
        (np.zeros(3, np.longdouble),
         f"t: y has type {np.dtype(np.longdouble)}: give labels or numbers"),
        (np.zeros((3, 0)), "t: y has shape (3, 0): give at least one output"),
        (np.zeros(2), "t: y of shape (2,) does not fit 3 examples: give (3,) or (3, outputs)"),
        (np.zeros((3, 1, 1)),
         "t: y of shape (3, 1, 1) does not fit 3 examples: give (3,) or (3, outputs)"),
    ],
)  # fmt: skip
def test_targets_of_another_type_or_shape(y, text):
    assert said(arrays.check_targets, y, 3, "y", "t") == text
    for fine in (np.zeros(3), np.zeros((3, 2), np.uint8), np.full(3, "a"), np.full(3, b"a")):
        arrays.check_targets(fine, 3, "y", "t")


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (np.zeros((3, 2), complex), "t: x has type complex128: give booleans, integers or floats"),
        (np.zeros((3, 2), np.longdouble),
         f"t: x has type {np.dtype(np.longdouble)}: give booleans, integers or floats"),
        (np.full((3, 2), "a"), "t: x has type <U1: give booleans, integers or floats"),
        (np.zeros(3), "t: x has shape (3,): give one example a row, (examples, values)"),
        (np.zeros((3, 0)), "t: x has shape (3, 0): give one example a row, (examples, values)"),
    ],
)  # fmt: skip
def test_examples_of_another_type_or_shape(x, text):
    assert said(arrays.flat, x, "x", "t") == text
    flat, shape = arrays.flat(np.zeros((3, 2, 4), bool), "x", "t")
    assert (flat.shape, shape) == ((3, 8), (2, 4))
    assert arrays.flat(np.zeros((3, 2)), "x", "t")[1] is None


def test_a_label_of_the_test_part_that_training_has_not_is_named():
    known = np.asarray(["a", "b"])
    targets.check_known(np.asarray(["b", "a"]), known, "t")
    assert said(targets.check_known, np.asarray(["b", "c"]), known, "t") == (
        "t: the test labels hold 'c', the training labels don't"
    )


def held_out(validation, test, has_test):
    """Share of the rows for validation and test."""
    return sum(
        ReadOptions(None, "auto", None, validation, test, 0, True).shares("t", has_test=has_test)
    )


@pytest.mark.parametrize(
    ("validation", "test", "has_test", "share"),
    [(0.0, None, False, 0.1), (0.1, 0.2, False, 0.2), (0.1, 0.0, False, 0.0),
     (0.1, None, True, 0.0), (0.1, 0.0, True, 0.0), (0.0, 0.999, False, 0.999)],
)  # fmt: skip
def test_the_share_of_the_test_part(validation, test, has_test, share):
    assert held_out(validation, test, has_test) == validation + share


@pytest.mark.parametrize(
    ("validation", "test", "has_test", "text"),
    [
        (0.5, 0.5, False, "validation 0.5 and test 0.5: give shares whose sum is below 1"),
        (0.9, None, False, "validation 0.9 and test None: give shares whose sum is below 1"),
        (0.0, 1.0, False, "validation 0.0 and test 1.0: give shares whose sum is below 1"),
        (0.0, -0.1, False, "validation 0.0 and test -0.1: give shares whose sum is below 1"),
        (0.0, math.nan, False, "validation 0.0 and test nan: give shares whose sum is below 1"),
        (0.0, 0.1, True, "t has a test part of its own: leave test 0.1 out"),
    ],
)  # fmt: skip
def test_shares_that_cannot_be(validation, test, has_test, text):
    assert said(held_out, validation, test, has_test) == text


@pytest.mark.parametrize(
    ("counts", "fraction", "quotas"),
    [
        ([10, 10], 0.1, [1, 1]), ([90, 10], 0.1, [9, 1]), ([95, 5], 0.1, [9, 1]),
        ([1, 9], 0.5, [0, 5]), ([2, 98], 0.9, [1, 89]), ([3, 3, 3], 0.34, [1, 1, 1]),
        ([1, 1], 0.5, [0, 0]), ([15, 25], 0.1, [2, 2]), ([2, 2], 0.01, [1, 1]),
    ],
)  # fmt: skip
def test_what_each_class_holds_out(counts, fraction, quotas):
    """Its share, rounded so that the sum fits; one at least, and never all."""
    counts = np.asarray(counts)
    total = round(int(counts.sum()) * fraction)
    assert _quotas(counts, fraction, total).tolist() == quotas


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: split([1, 2, 3], 0.0, 0, False),
         "validation fraction 0.0: give a number between 0 and 1"),
        (lambda: split([1, 2, 3], 1, 0, False),
         "validation fraction 1: give a number between 0 and 1"),
        (lambda: split([1], 0.5, 0, False), "can't hold out rows of 1: give two or more"),
        (lambda: split([1, 2], 0.5, 0, True),
         "can't hold out rows: each class has only one; give more, or no validation"),
        (lambda: folds([1, 2, 3], 4, 0, False),
         "folds is 4: give a whole number from 2 to the 3 rows"),
        (lambda: folds([1, 2, 3], 1, 0, False),
         "folds is 1: give a whole number from 2 to the 3 rows"),
        (lambda: folds(3, 2, 0, False), "y is a int: give one target a row"),
        (lambda: draws.check_seed(-1), "seed is -1; give a whole number from 0 to 2^64 - 1"),
        (lambda: draws.check_seed(2**64),
         f"seed is {2**64}; give a whole number from 0 to 2^64 - 1"),
        (lambda: draws.check_seed(True), "seed is True; give a whole number from 0 to 2^64 - 1"),
        (lambda: ColumnOptions.read({"dropp": "a"}),
         "columns has 'dropp': did you mean 'drop'? give drop, categorical, numeric or separator"),
        (lambda: ColumnOptions.read({"drop": 3}),
         "columns has drop = 3: give a list of columns' names"),
        (lambda: ColumnOptions.read({"drop": ["a", 3]}),
         "columns has drop = ['a', 3]: give a list of columns' names"),
        (lambda: ColumnOptions.read({"separator": ";;"}),
         "separator ';;': give one sign, such as ';', or tab"),
        (lambda: ColumnOptions.read({"separator": '"'}),
         "separator '\"': give one sign, such as ';', or tab"),
        (lambda: ColumnOptions.read({"separator": "§"}),
         "separator '§': give one sign, such as ';', or tab"),
        (lambda: ColumnOptions.read({"drop": "y"}).resolved("xy", "y", "t"),
         "drop 'y': it is the target: leave it out of drop"),
        (lambda: ColumnOptions.read({"drop": "x", "numeric": "x"}).resolved("xy", "y", "t"),
         "column 'x' is named twice: give one of drop, categorical, numeric"),
        (lambda: ColumnOptions.read({"numeric": "price"}).resolved(["prices", "b"], "y", "t"),
         "t has no column 'price' to take as numeric: did you mean 'prices'? "
         "it has 'prices', 'b'"),
        (lambda: ColumnOptions.read({"drop": "price"}).resolved(["Asking price", "b"], "y", "t"),
         "t has no column 'price' to drop: did you mean 'Asking price'? "
         "it has 'Asking price', 'b'"),
        (lambda: ColumnOptions.read({"drop": "q"}).resolved([f"c{i}" for i in range(21)], "y", "t"),
         "t has no column 'q' to drop: it has "
         + ", ".join(f"'c{i}'" for i in range(20)) + ", ..."),
        (lambda: delimited.check_names([], "t"),
         "t is empty: give a header with the columns' names, and rows"),
        (lambda: delimited.check_names(["a", " b", "b "], "t"),
         "t has two columns named 'b': rename one"),
        (lambda: labels.named([["a"]]), "classes is \"[['a']]\"; give a list of names"),
        (lambda: labels.named(["a", "a"], count=2),
         "classes are ['a', 'a']; the outputs need 2 different names"),
        (lambda: labels.named(["a", "b"], count=3),
         "classes are ['a', 'b']; the outputs need 3 different names"),
        (lambda: labels.typed(np.asarray([b"\xff"]), "y"),
         "y holds bytes that are not UTF-8; give text"),
        (lambda: labels.typed(np.asarray([1j]), "y"),
         "y has dtype complex128; give whole numbers, text or booleans, or real rows"),
        (lambda: labels.typed(np.asarray([1, "a"], object), "y"),
         "y mixes int, str; give labels of one type"),
        (lambda: labels.typed(np.asarray([1, 2**64], object), "y"),
         f"y holds {2**64}, which no integer of 64 bits is; give text"),
        (lambda: labels.typed(np.asarray([-1, 2**63], object), "y"),
         "y holds -1, which no integer of 64 bits is; give text"),
        (lambda: labels.typed(np.asarray([1, None], object), "y"),
         "y holds values of the type NoneType; give whole numbers, text or booleans"),
        (lambda: labels.check_exact(np.asarray([2.0**53 + 2]), "y"),
         "y: labels such as 9007199254740994 are not exact as floats: give them as text"),
        (lambda: labels.check_exact(np.asarray([2049], np.float16), "y")
         or labels.check_exact(np.asarray([2050], np.float16), "y"),
         "y: labels such as 2050 are not exact as floats: give them as text"),
    ],
)  # fmt: skip
def test_what_a_refusal_says(call, text):
    assert said(call) == text


def test_what_lies_on_a_bound_is_taken():
    assert draws.check_seed(2**64 - 1) == 2**64 - 1
    assert draws.check_seed(np.int64(0)) == 0
    assert len(folds([1, 2, 3], 3, 0, False)) == 3
    assert [a.tolist() for a in split([1, 2], 0.5, 0, False)] in ([[0], [1]], [[1], [0]])
    labels.check_exact(np.asarray([2.0**53, -(2.0**53)]), "y")
    labels.check_exact(np.asarray([2048], np.float16), "y")
    assert labels.typed(np.asarray([0, 2**64 - 1], object), "y").dtype == np.uint64
    assert labels.typed(np.asarray([-(2**63), 2**63 - 1], object), "y").dtype == np.int64


@pytest.mark.parametrize(
    ("given", "sign"),
    [("tab", "\t"), ("\\t", "\t"), ("comma", ","), ("semicolon", ";"), ("space", " "),
     ("bar", "|"), (";", ";"), (None, None)],
)  # fmt: skip
def test_separators_by_name(given, sign):
    assert ColumnOptions.read({"separator": given}).separator == sign


def test_names_with_commas_are_several_unless_there_is_such_a_column():
    taken = ColumnOptions.read({"drop": "a, b", "numeric": ["c,d"], "categorical": "e"})
    found = taken.resolved(["a", "b", "c,d", "e"], ["y"], "t")
    assert (found.drop, found.numeric, found.categorical) == (("a", "b"), ("c,d",), ("e",))
    assert [found.role(name) for name in ("b", "c,d", "e", "x")] == [
        "drop", "numeric", "categorical", ""
    ]  # fmt: skip


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


@pytest.mark.parametrize("cuts", [[4], [1, 2], [3, 3], [1, 2, 3, 4, 5, 6]])
def test_moments_of_parts_are_those_of_the_whole(cuts):
    x = np.asarray([[1.0, 5.0, 2.0]] * 3 + [[4.0, 5.0, -7.0]] * 3 + [[0.5, 5.0, 9.0]] * 3)
    parts = [part for part in np.split(x, cuts) if len(part)]
    found = merged(Moments.of(part) for part in parts)
    assert found.count == 9
    np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.std, x.std(axis=0), rtol=1e-14)
    np.testing.assert_array_equal((found.low, found.high), (x.min(axis=0), x.max(axis=0)))
    whole = found.standardize(x, np.float64)
    np.testing.assert_allclose(whole[:, [0, 2]].std(axis=0), 1, rtol=1e-14)
    assert set(whole[:, 1]) == {0.0}


class Plain(HostRows):
    """Rows that are asked for by number."""

    def __init__(self, m, *shape):
        self.shape, self.dtype = (m, *shape), np.dtype(np.float32)

    def take(self, rows):
        return np.multiply.outer(rows, np.ones(self.shape[1:], self.dtype))


def test_rows_that_are_read_when_they_are_wanted():
    rows = Plain(10, 2, 3)
    assert (len(rows), rows.ndim, rows.width) == (10, 3, 6)
    assert rows.some(4).tolist() == [0, 2, 4, 6]  # spread over all
    assert rows.some(10).tolist() == list(range(10))
    assert [piece.tolist() for piece in rows.pieces(24)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [piece.tolist() for piece in Plain(2, 9).pieces(4)] == [[0], [1]]
    assert rows.identity() != Plain(10, 3, 2).identity()
    assert "float32" in rows.identity()
    np.testing.assert_array_equal(rows.whole()[:, 0, 0], np.arange(10))
    assert np.asarray(rows, np.float64).dtype == np.float64
    np.testing.assert_array_equal(rows.order(3, 1), draws.order(3, 1, 10))


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (np.zeros(3), "X has shape (3,); give (examples, values), at least one of each"),
        (np.zeros((0, 3)), "X has shape (0, 3); give (examples, values), at least one of each"),
        (np.zeros((3, 0)), "X has shape (3, 0); give (examples, values), at least one of each"),
        (np.zeros((3, 2)), "X has 2 values an example and the network takes 3; match them"),
        (np.zeros((3, 2, 2)), "X has 4 values an example and the network takes 3; match them"),
        (np.zeros((3, 3), complex), "X has dtype complex128; give real numbers"),
        (np.full((2, 3), "a"), "X has dtype <U1; give real numbers"),
        (np.asarray([[1, 2, 3], [4, np.nan, 6]]),
         "X has nan in row 1, column 1; give finite numbers"),
        (np.asarray([[1, 2, 1e39]]),
         "X has 1e+39 in row 0, column 2, too large for float32; scale it, or use float64"),
        (np.asarray([[[1, 2, -np.inf]]]),
         "X has -inf in row 0, column [0, 2]; give finite numbers"),
        (np.ma.masked_equal([[1, 2, 3]], 2),
         "X is a masked array, and a network takes every value; give X.filled(0), "
         "or leave the rows out"),
        ([[1, 2], [3]], None),
    ],
)  # fmt: skip
def test_examples_that_are_none(x, text):
    found = said(batches.examples, x, 3, backend=NUMPY, dtype="float32")
    assert found == text or (text is None and found.startswith("X is a list that makes no array ("))


@pytest.mark.parametrize(
    ("values", "kind"),
    [([0, 255], "uint8"), ([0, 256], "int16"), ([-1, 127], "int8"), ([-128, 128], "int16"),
     ([-(2**15), 2**15], "int32"), ([0, 2**31 - 1], "int32"), ([0, 2**31], "float32")],
)  # fmt: skip
def test_whole_numbers_are_stored_in_the_narrowest_type(values, kind):
    x = np.asarray([values], np.int64)
    found = batches.examples(x, 2, backend=NUMPY, dtype="float32")
    assert found.dtype == kind
    np.testing.assert_array_equal(found, np.asarray([values], kind))
    assert batches.examples(x, None, backend=NUMPY, dtype="float64").shape == (1, 2)


def test_bytes_of_windows_are_told_with_the_file_and_the_line(tmp_path, caplog):
    pytest.importorskip("polars")
    path = tmp_path / "t.csv"
    head = "name,y\n" + "abc,1\n" * 5
    path.write_bytes(head.encode() + "café,0\n".encode("cp1252") + b"abc,0\n" * 5)
    _, _, (note,) = delimited.read(path, None)
    assert note == (
        f"{path} is not UTF-8 (line 7 has the byte 0xe9): read as Windows-1252, "
        "which Latin-1 is a part of"
    )
    path.write_bytes(head.encode() + b"\x81\xe9,0\n")
    assert said(delimited.read, path, None).startswith(
        f"{path} is not UTF-8: line 7 has the byte 0x81: save it"
    )


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.csv", ".csv"), ("a.CSV", ".csv"), ("a.csv.gz", ".csv"), ("a.tsv.XZ", ".tsv"),
     ("a.b.tab.bz2", ".tab"), ("a.npz.gz", ".gz"), ("a.gz", ".gz"), ("a", ""), ("-", ".csv")],
)  # fmt: skip
def test_endings_of_tables(name, suffix):
    from pathlib import Path

    assert delimited.suffix(Path(name)) == suffix


@pytest.mark.parametrize(
    ("text", "separator", "names"),
    [
        ("a,b\n1,2\n", ",", ["a", "b"]), ("a;b\n1,5;2\n", ";", ["a", "b"]),
        ("a\tb\n1\t2\n", "\t", ["a", "b"]), ("a|b\n1|2\n", "|", ["a", "b"]),
        ("sep=;\na;b\n1;2\n", ";", ["a", "b"]), ("a\n1\n", ",", ["a"]),
        ("a;b,c\n1;2,3\n4;5,6\n", ",", ["a;b", "c"]), (",b\n1,2\n", ",", ["Unnamed: 0", "b"]),
    ],
)  # fmt: skip
def test_separators_that_are_found(tmp_path, text, separator, names):
    pytest.importorskip("polars")
    path = tmp_path / "t.csv"
    path.write_text(text)
    frame, found, notes = delimited.read(path, None)
    assert (found, frame.columns, notes) == (separator, names, ())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"shape": (1, 2)}, "a picture of shape (1, 2) does not hold 4 values"),
        ({"shape": (2, 3)}, "a picture of shape (2, 3) does not hold 4 values"),
        ({"task": "rank"}, "task 'rank': give 'classify' or 'regress'"),
        ({"validation": (np.zeros((1, 3)), [0])},
         "validation x has 3 columns and the training x 4: give equal widths"),
        ({"test": (np.zeros((1, 5)), [0])},
         "test x has 5 columns and the training x 4: give equal widths"),
        ({"y": [0, 1, 2]}, "y of shape (3,) does not fit 2 examples: give (2,) or (2, outputs)"),
        ({"x": np.zeros((2, 2, 2))}, "x of shape (2, 2, 2): give one example a row, (examples, "
                                     "values); x.reshape(len(x), -1) makes it so"),
    ],
)  # fmt: skip
def test_data_sets_that_do_not_fit(options, text):
    given = {"x": np.zeros((2, 4)), "y": [0, 1], **options}
    assert said(bpnet.data.Dataset, **given).startswith(text)
    fine = bpnet.data.Dataset(np.zeros((2, 4)), [0, 1], shape=(2, 2), task="classify")
    assert fine.shape == (2, 2)


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


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("validation", [0.0, 0.25])
def test_all_rows_of_a_stream_are_those_that_are_taken(tmp_path, standardize, validation):
    random = np.random.default_rng(0)
    for name, rows in (("1", 7), ("2", 5)):
        np.save(tmp_path / f"x-{name}.npy", random.normal(3.0, 2.0, (rows, 2)).astype("f4"))
        np.save(tmp_path / f"y-{name}.npy", np.arange(rows) % 2)
    source = f"{tmp_path}/x-*.npy,{tmp_path}/y-*.npy"
    data = bpnet.data.stream(source, standardize=standardize, validation=validation)
    parts = [data.x] if data.validation is None else [data.x, data.validation[0]]
    for part in parts:
        whole = part.whole()
        np.testing.assert_array_equal(whole, part.take(np.arange(len(part))))
        assert whole.dtype == part.dtype
        assert whole.flags.c_contiguous
    mean = parts[0].whole().mean(axis=0)
    assert (np.abs(mean) < 1e-5).all() == standardize


@pytest.mark.parametrize("there", [0, 1, 2, 5])
def test_rows_without_a_target_are_left_out_and_a_target_without_rows_is_refused(tmp_path, there):
    path = tmp_path / "t.csv"
    cells = [f"{i}.5,{i / 4 if i >= 5 - there else ''}" for i in range(5)]
    path.write_text("\n".join(["a,y", *cells]))
    if there < 2:
        text = "is missing in 5 rows, which are all: name ano" if not there else "all 1 targets are"
        with pytest.raises(InputError, match=text):
            bpnet.data.load(path, target="y", task="regress", validation=0.0)
        return
    found = bpnet.data.load(path, target="y", task="regress", validation=0.0)
    assert len(found.y) == there
    rows = f"{5 - there} row{'s' * (there < 4)} left out"
    note = f"{rows}: the target 'y' is missing, first in data row 1"
    assert (note in str(found.notes)) is (there < 5)


@pytest.mark.parametrize("picks", [None, np.asarray([0, 1])])
def test_cells_of_a_column_are_counted_over_all_runs(picks):
    pl = pytest.importorskip("polars")
    from bpnet.data.scan import Place, Scan

    found = Scan("a")
    for begin, cells in ((0, ["x", None, None]), (3, ["y", None, "y"]), (6, ["x", "x", None])):
        found.add(pl.Series("a", cells, dtype=pl.String), Place(picks, begin, begin))
    assert (found.rows, found.missing) == (9, 4)
    assert (found.kept, found.kept_missing) == ((9, 4) if picks is None else (6, 2))


def test_records_are_numbered_by_their_last_lines():
    text = b'a,b\r\n"1\n2",3\n\n4,"5\n\n6"\n'
    assert [*delimited._records(text, "t", ",")] == [
        (1, ["a", "b"]), (3, ["1\n2", "3"]), (4, []), (7, ["4", "5\n\n6"])
    ]  # fmt: skip
    refused = said(lambda: [*delimited._records(b'a\n"b"c\n', "t", ",")])
    assert refused.startswith("t: line 2 is not CSV: ")


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


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a;b,c\n1;2\n3;4\n", ["a", "b,c"]), ("a,b;c\n1,2\n3,4\n", ["a", "b;c"]),
        ("a|b\n1|2\n", ["a", "b"]), ("a;b;c\n1,5;2;3\n", ["a", "b", "c"]),
        ("a,b\n1;2,3\n4;5,6\n", ["a", "b"]), ("a\n1\n", ["a"]),
    ],
)  # fmt: skip
def test_the_separator_cuts_every_line_alike(text, names, tmp_path):
    """The header alone would say another one where two signs cut it into as many cells."""
    pytest.importorskip("polars")
    (tmp_path / "t.csv").write_text(text)
    assert delimited.read(tmp_path / "t.csv", None)[0].columns == names


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


@pytest.mark.parametrize(
    ("error", "told_of"),
    [(MemoryError(), "MemoryError"), (ValueError("no\n  file"), "no file"),
     (OSError("x" * 200), "x" * 160)],
)  # fmt: skip
def test_the_decoder_tells_of_every_error(error, told_of, monkeypatch, capsys):
    def fails(*_):
        raise error

    monkeypatch.setattr(decoder, "decode", fails)
    assert decoder.main("t.parquet", "parquet", "0") == 1
    assert json.loads(capsys.readouterr().out) == {"error": told_of}


def test_a_source_is_known_by_the_files_behind_its_names(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "x.npy").symlink_to(tmp_path / "real" / "x.npy")
    monkeypatch.chdir(tmp_path)
    here = tmp_path.resolve()
    assert sources.absolute("x.npy,y.npy") == f"{here}/real/x.npy,{here}/y.npy"
    assert sources.absolute("a,b.csv") == f"{here}/a,b.csv"
    assert [sources.absolute(name) for name in ("-", "mnist")] == ["-", "mnist"]

"""Targets, examples, shares, separators and names that a data set takes or refuses."""

import math

import numpy as np
import pytest

import bpnet
from bpnet import backends
from bpnet.data import (
    arrays,
    batches,
    delimited,
    draws,
    labels,
    targets,
)
from bpnet.data.options import ColumnOptions, ReadOptions
from bpnet.data.splits import _quotas, folds, split
from tests.assertions import error_message

NUMPY = backends.get("numpy")


def held_out(validation, test, has_test):
    """Share of the rows for validation and test."""
    return sum(
        ReadOptions(None, "auto", None, validation, test, 0, True).shares("t", has_test=has_test)
    )


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
    assert error_message(targets.settle, np.asarray(y), task, "t") == text


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
    assert error_message(arrays.check_targets, y, 3, "y", "t") == text
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
    assert error_message(arrays.flat, x, "x", "t") == text
    flat, shape = arrays.flat(np.zeros((3, 2, 4), bool), "x", "t")
    assert (flat.shape, shape) == ((3, 8), (2, 4))
    assert arrays.flat(np.zeros((3, 2)), "x", "t")[1] is None


def test_a_label_of_the_test_part_that_training_has_not_is_named():
    known = np.asarray(["a", "b"])
    targets.check_known(np.asarray(["b", "a"]), known, "t")
    assert error_message(targets.check_known, np.asarray(["b", "c"]), known, "t") == (
        "t: the test labels hold 'c', the training labels don't"
    )


@pytest.mark.parametrize(
    ("validation", "test", "has_test", "share"),
    [(0.0, None, False, 0.1), (0.1, 0.2, False, 0.2), (0.1, 0.0, False, 0.0),
     (0.1, None, True, 0.0), (0.1, 0.0, True, 0.0), (0.0, 0.999, False, 0.999),
     (0.95, None, True, 0.0)],
)  # fmt: skip
def test_the_share_of_the_test_part(validation, test, has_test, share):
    assert held_out(validation, test, has_test) == validation + share


@pytest.mark.parametrize(
    ("validation", "test", "has_test", "text"),
    [
        (0.5, 0.5, False, "validation 0.5 and test 0.5: give shares whose sum is below 1"),
        (0.9, None, False, "validation 0.9 and test 0.1: give shares whose sum is below 1"),
        (0.0, 1.0, False, "validation 0.0 and test 1.0: give shares whose sum is below 1"),
        (0.0, -0.1, False, "validation 0.0 and test -0.1: give shares whose sum is below 1"),
        (0.0, math.nan, False, "validation 0.0 and test nan: give shares whose sum is below 1"),
        (0.0, 0.1, True, "t has a test part of its own: leave test 0.1 out"),
    ],
)  # fmt: skip
def test_shares_that_cannot_be(validation, test, has_test, text):
    assert error_message(held_out, validation, test, has_test) == text


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
    assert error_message(call) == text


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
    found = error_message(batches.examples, x, 3, backend=NUMPY, dtype="float32")
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


def test_a_line_that_names_the_separator_is_no_row(tmp_path):
    pytest.importorskip("polars")
    path = tmp_path / "t.csv"
    path.write_text("sep=;\na;b\n1;2\n")
    frame, separator, _ = delimited.read(path, ";")
    assert (separator, frame.columns, frame.rows()) == (";", ["a", "b"], [(1, 2)])
    path.write_text("sep=")
    assert delimited.read(path, None)[0].columns == ["sep="]


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
    assert error_message(bpnet.data.Dataset, **given).startswith(text)
    fine = bpnet.data.Dataset(np.zeros((2, 4)), [0, 1], shape=(2, 2), task="classify")
    assert fine.shape == (2, 2)

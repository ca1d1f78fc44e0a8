"""Tables: what is learned, what it is learned from, and every cell that can't be used."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpnet.data import Columns, Dataset, load
from bpnet.errors import InputError

CELLS = {
    "age": [20, 30, None, 50],
    "height": [1.5, 1.7, 1.6, 1.6],
    "color": ["red", "blue", None, "red"],
    "smokes": [True, False, True, True],
    "one": [1, 1, 1, 1],
    "kind": ["cat", "dog", "dog", "cat"],
}


def table(path: Path, cells: dict[str, Any]) -> Path:
    frame = pl.DataFrame(cells)
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    return path


def text(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def learned(data: Dataset) -> Columns:
    assert data.columns is not None
    return data.columns


def said(data: Dataset, name: str) -> list[str]:
    """The line of a column in the table of what columns were taken for."""
    return next(re.split(r"\s{2,}", line) for line in data.taken if line.startswith(f"{name} "))


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_columns_become_inputs(tmp_path: Path, name: str) -> None:
    data = load(table(tmp_path / name, CELLS), target="kind")
    assert learned(data).features == (
        *("age", "age=missing", "height", "color=blue", "color=missing", "color=red"),
        *("smokes=false", "smokes=true"),
    )
    age = np.array([20, 30, 100 / 3, 50])
    age = (age - 100 / 3) / np.std([20, 30, 50])
    height = np.array([-1, 1, 0, 0]) * np.sqrt(2)
    expected = np.array(
        [
            [age[0], 0, height[0], 0, 0, 1, 0, 1],
            [age[1], 0, height[1], 1, 0, 0, 1, 0],
            [age[2], 1, height[2], 0, 1, 0, 0, 1],
            [age[3], 0, height[3], 0, 0, 1, 0, 1],
        ]
    )
    assert data.x.dtype == np.float32
    np.testing.assert_allclose(data.x, expected, atol=1e-6)
    assert data.task == "classify"
    assert data.y is not None
    assert data.y.tolist() == ["cat", "dog", "dog", "cat"]
    assert learned(data).classes == ("cat", "dog")
    assert data.notes == ("column 'one' is left out: it is constant",)
    assert said(data, "age") == ["age", "number", "2", "1", "the mean 33.33"]
    assert said(data, "height") == ["height", "number", "1", "0"]
    assert said(data, "color") == ["color", "text of 2 values", "3", "1", "the category 'missing'"]
    assert said(data, "one") == ["one", "left out: it is constant", "0", "0"]


def test_the_same_cells_in_either_format_are_the_same_data(tmp_path: Path) -> None:
    one, other = (load(table(tmp_path / n, CELLS), target="kind") for n in ("t.csv", "t.parquet"))
    np.testing.assert_array_equal(one.x, other.x)
    assert one.columns == other.columns


@pytest.mark.parametrize("missing", ["", "NA", "nan", "NaN", "null", "?", " ", "N/A"])
def test_each_sign_of_a_missing_value(tmp_path: Path, missing: str) -> None:
    data = load(text(tmp_path / "t.csv", f"a,y\n1,0\n{missing},1\n3,1\n"), target="y")
    np.testing.assert_array_equal(data.x[:, 1], [0, 1, 0])
    assert data.x[1, 0] == 0
    assert said(data, "a") == ["a", "number", "2", "1", "the mean 2"]


def test_nan_in_parquet_is_missing(tmp_path: Path) -> None:
    data = load(
        table(tmp_path / "t.parquet", {"a": [1.0, float("nan"), 3.0], "y": [0, 1, 1]}), target="y"
    )
    assert said(data, "a") == ["a", "number", "2", "1", "the mean 2"]


@pytest.mark.parametrize(
    ("y", "task", "settled", "labels"),
    [
        ("a b a", "auto", "classify", ["a", "b", "a"]),
        ("true False TRUE", "auto", "classify", [True, False, True]),
        ("0 2 2", "auto", "classify", [0, 2, 2]),
        ("1.5 2.5 1.5", "auto", "regress", [-1 / np.sqrt(2), np.sqrt(2), -1 / np.sqrt(2)]),
        ("1 3 1", "regress", "regress", [-1 / np.sqrt(2), np.sqrt(2), -1 / np.sqrt(2)]),
        ("false true false", "regress", "regress", [-1 / np.sqrt(2), 2**0.5, -1 / 2**0.5]),
        ("1.5 2.5 1.5", "classify", "classify", [1.5, 2.5, 1.5]),
    ],
)
def test_the_task_follows_from_the_target(
    tmp_path: Path, y: str, task: str, settled: str, labels: list[Any]
) -> None:
    rows = "".join(f"{i},{v}\n" for i, v in enumerate(y.split()))
    path = text(tmp_path / "t.csv", "a,y\n" + rows)
    data = load(path, target="y", task=task)
    assert data.task == settled
    assert data.y is not None
    np.testing.assert_allclose(
        data.y, labels, rtol=1e-6
    ) if settled == "regress" else np.testing.assert_array_equal(data.y, labels)
    again = load(path, columns=learned(data))
    np.testing.assert_array_equal(again.y, data.y)


def test_regression_outputs_come_back_in_their_own_units(tmp_path: Path) -> None:
    price = [10.5, 20.25, 40.0, 35.0]
    data = load(table(tmp_path / "t.csv", {"a": [1, 2, 3, 5], "price": price}), target="price")
    assert data.y is not None
    assert data.y.dtype == np.float32
    np.testing.assert_allclose([data.y.mean(), data.y.std()], [0, 1], atol=1e-6)
    np.testing.assert_allclose(learned(data).decode_target(data.y), price, rtol=1e-6)


def test_classes_have_no_units(tmp_path: Path) -> None:
    data = load(table(tmp_path / "t.csv", CELLS), target="kind")
    with pytest.raises(InputError, match="holds classes"):
        learned(data).decode_target([0.0])


def test_nothing_is_learned_of_validation_rows(tmp_path: Path) -> None:
    """Where one row is held out, means, categories and the target's units come from the others."""
    cells = {
        "a": np.arange(20.0) ** 2,
        "c": [f"c{i % 10}" for i in range(18)] + ["x", "y"],
        "y": np.arange(20) + 0.5,
    }
    path = table(tmp_path / "t.csv", cells)
    for seed in range(8):
        data = load(path, target="y", validation=0.4, seed=seed)
        assert data.validation is not None
        columns = learned(data)
        y_held = columns.decode_target(data.validation[1])
        held = np.rint(y_held - 0.5).astype(int)
        kept = np.setdiff1d(np.arange(20), held)
        assert (len(kept), len(held)) == (12, 8)
        assert columns.inputs[0].mean == pytest.approx(np.mean(cells["a"][kept]))
        assert columns.inputs[0].std == pytest.approx(np.std(cells["a"][kept]))
        assert set(columns.inputs[1].categories) == {cells["c"][i] for i in kept}
        assert columns.mean == pytest.approx(np.mean(cells["y"][kept]))
        assert data.y is not None
        np.testing.assert_allclose(columns.decode_target(data.y), cells["y"][kept], rtol=1e-6)
        unseen = {cells["c"][i] for i in held} - {cells["c"][i] for i in kept}
        assert any("not seen in training" in note for note in data.notes) == bool(unseen)


def test_validation_is_stratified(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", {"a": range(40), "y": ["a", "b", "b", "b"] * 10})
    data = load(path, target="y", validation=0.2)
    assert data.validation is not None
    assert sorted(data.validation[1]) == ["a"] * 2 + ["b"] * 6
    again = load(path, columns=learned(data), validation=0.2)
    assert again.validation is not None
    np.testing.assert_array_equal(again.validation[0], data.validation[0])


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_saved_columns_encode_raw_rows(tmp_path: Path, name: str) -> None:
    data = load(table(tmp_path / "train.csv", CELLS), target="kind")
    saved = Columns.from_json(learned(data).to_json())
    assert saved == data.columns
    rows = {k: v for k, v in CELLS.items() if k not in {"kind", "one"}}
    shuffled = dict(reversed(rows.items())) | {"surplus": ["p", "q", "r", "s"]}
    new = load(table(tmp_path / name, shuffled), columns=saved, need_target=False)
    np.testing.assert_array_equal(new.x, data.x)
    assert new.y is None
    full = load(table(tmp_path / name, CELLS), columns=saved)
    np.testing.assert_array_equal(full.y, data.y)


def test_new_rows_are_reported_where_they_are_strange(tmp_path: Path) -> None:
    saved = learned(load(table(tmp_path / "train.csv", CELLS), target="kind"))
    content = "age,height,color,smokes\n,1.6,teal,\n20,,red,TRUE\n"
    new = load(text(tmp_path / "t.csv", content), columns=saved, need_target=False)
    np.testing.assert_allclose(new.x[0], [0, 1, 0, 0, 0, 0, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(new.x[1, 1:], [0, 0, 0, 0, 1, 0, 1])
    assert new.notes == (
        "1 missing value in 'age' replaced by the mean 33.33",
        "1 missing value in 'height' replaced by the mean 1.6",
        "1 value in 'color' not seen in training, encoded as zeros: 'teal'",
        "1 value in 'smokes' not seen in training, encoded as zeros: 'missing'",
    )


def test_one_row_of_one_class_can_be_evaluated(tmp_path: Path) -> None:
    saved = learned(load(table(tmp_path / "train.csv", CELLS), target="kind"))
    content = "age,height,color,smokes,kind\n20,1.5,red,true,dog\n"
    new = load(text(tmp_path / "t.csv", content), columns=saved)
    assert new.y is not None
    assert new.y.tolist() == ["dog"]


def test_quotes_blank_lines_and_a_byte_order_mark_are_csv(tmp_path: Path) -> None:
    content = '\ufeff\n a ,"b,c", y\r\n1,"x ""1"", y",0\r\n\r\n2,"z\nz",1\r\n\r\n'
    data = load(text(tmp_path / "t.csv", content), target="y")
    assert learned(data).features == ("a", 'b,c=x "1", y', "b,c=z\nz")
    np.testing.assert_array_equal(data.x, [[-1, 1, 0], [1, 0, 1]])


OK = "a,c,y\n1,p,0\n2,q,1\n3,p,1\n"
BAD = {
    "empty": ("", {}, "is empty"),
    "blank": ("\n\n", {}, "is empty"),
    "no rows": ("a,y\n", {}, "no rows"),
    "short row": ("a,b,y\n1,2,0\n1,1\n", {}, "line 3 has 2 fields and the header 3"),
    "long row": ("a,y\n1,0\n\n1,1,1\n", {}, "line 4 has 3 fields and the header 2"),
    "name twice": ("a,a,y\n1,2,0\n", {}, "two columns named 'a'"),
    "open quote": ('a,y\n"1,0\n2,1\n', {}, "not CSV|damaged"),
    "quotes within the header": ('"a"b,y\n1,0\n2,1\n', {}, "line 1 is not CSV"),
    "header without end": (f"{'a' * 200_000},y\n1,0\n2,1\n", {}, "line 1 has a cell longer than"),
    "binary": (b"\x00\x01\x02" * 50, {}, "damaged|not CSV|no column|no rows"),
    "unknown target": (OK, {"target": "Y1"}, "no column 'Y1': it has 'a', 'c', 'y'"),
    "misspelt target": ("age,label\n1,0\n", {"target": "lable"}, "did you mean 'label'"),
    "no target": (OK, {"target": None}, r"--target \(in Python target=\), one of 'a', 'c', 'y'"),
    "target alone": ("y\n1\n0\n", {}, "no column but 'y'"),
    "one class": ("a,y\n1,0\n2,0\n", {}, "all 2 labels are 0"),
    "equal values": ("a,y\n1,0.5\n2,0.5\n", {}, "all 2 targets are equal"),
    "text to regress": (OK, {"target": "c", "task": "regress"}, "regression needs numbers"),
    "infinite": ("a,y\n1,0\n2,1\n-inf,1\n", {}, "'a' is infinite in data row 3"),
    "infinite target": ("a,y\n1,0.5\n2,inf\n", {}, "'y' is infinite in data row 2"),
    "too wide": ("a,y\n1e308,0\n-1e308,1\n1e308,1\n", {}, "'a' can't be standardized"),
    "nothing varies": ("a,y\n1,0\n1,1\n", {}, "no column but 'y' varies"),
    "a name in every row": (
        "a,y\n" + "".join(f"n{i},{i % 2}\n" for i in range(30)),
        {},
        "no column but 'y' varies: .*'a': it is text with 30 different values",
    ),
    "a thousand names": (
        "a,y\n" + "".join(f"n{i % 1001},{i % 2}\n" for i in range(3003)),
        {},
        "no column but 'y' varies: .*'a': its values are all rare",
    ),
}


@pytest.mark.parametrize(("content", "options", "message"), BAD.values(), ids=BAD.keys())
def test_bad_tables_are_one_line(
    tmp_path: Path, content: str | bytes, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(text(tmp_path / "t.csv", content), **({"target": "y"} | options))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value) or "validation" in options


FINE = {
    "no name": (",a,y\n" + "".join(f"{i},{i % 5},{i % 2}\n" for i in range(9)), {}, "'Unnamed: 0'"),
    "Latin-1": ("a,y\né,1\n2,0\n".encode("latin-1"), {}, "line 2 has the byte 0xe9.*Windows-1252"),
    "UTF-16": ("a,y\n5,1\n2,0\n".encode("utf-16"), {}, "is read as UTF-16"),
    "missing target": (
        "a,y\n1,0\n2,\n3,1\n4,NA\n",
        {},
        "2 rows left out: the target 'y' is missing, first in data row 2",
    ),
    "validation of two": (
        "a,y\n1,p\n2,q\n",
        {"validation": 0.5},
        "no rows are held out: each class has only one",
    ),
    "names as classes": (
        "a,y\n" + "".join(f"{i},n{i}\n" for i in range(30)),
        {},
        "the target 'y' has 30 different classes in 30 rows",
    ),
}


@pytest.mark.parametrize(("content", "options", "message"), FINE.values(), ids=FINE.keys())
def test_what_is_left_out_or_taken_for_granted_is_told(
    tmp_path: Path, content: str | bytes, options: dict[str, Any], message: str
) -> None:
    data = load(text(tmp_path / "t.csv", content), target="y", **options)
    assert any(re.search(message, note) for note in data.notes)
    assert data.x.shape[1] >= 1


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_separators_are_recognized(tmp_path: Path, sign: str) -> None:
    rows = [["a, b" if sign != "," else "a", "b", "y"], *([f"{i}", f"p{i % 2}", f"{i % 2}"]
            for i in range(8))]  # fmt: skip
    path = text(tmp_path / "t.csv", "\n".join(sign.join(row) for row in rows))
    assert learned(load(path, target="y")).features[-2:] == ("b=p0", "b=p1")
    assert load(path, target="y").x.shape == (8, 3)


NEW = {
    "lacking column": ("age,color,smokes\n1,red,true\n", False, "lacks 'height'"),
    "lacking target": ("age,height,color,smokes\n1,2,red,true\n", True, "lacks 'kind'"),
    "text for a number": (
        "age,height,color,smokes\n1,2,red,true\n2,tall,red,true\n",
        False,
        "'height' is 'tall' in data row 2",
    ),
    "infinite": ("age,height,color,smokes\n1,inf,red,true\n", False, "'height' is infinite"),
    "beyond float32": ("age,height,color,smokes\n1,1e300,red,true\n", False, "beyond float32"),
    "unknown class": (
        "age,height,color,smokes,kind\n1,2,red,true,cow\n",
        True,
        "'kind' holds 'cow', a class that training did not have",
    ),
    "a fraction of a class": (
        "age,height,color,smokes,kind\n1,2,red,true,1.5\n",
        True,
        "'kind' holds '1.5', a class that training did not have",
    ),
    "missing class": (
        "age,height,color,smokes,kind\n1,2,red,true,\n",
        True,
        "target 'kind' is missing in 1 row",
    ),
}


@pytest.mark.parametrize(("content", "need", "message"), NEW.values(), ids=NEW.keys())
def test_new_rows_that_do_not_fit_are_one_line(
    tmp_path: Path, content: str, message: str, *, need: bool
) -> None:
    saved = learned(load(table(tmp_path / "train.csv", CELLS), target="kind"))
    with pytest.raises(InputError, match=message) as caught:
        load(text(tmp_path / "t.csv", content), columns=saved, need_target=need)
    assert "\n" not in str(caught.value)


def test_a_fraction_is_no_integer_class(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    saved = learned(load(table(path, {"a": [1, 2, 3], "y": [0, 1, 2]}), target="y"))
    whole = load(table(path, {"a": [1, 2], "y": [1.0, 2.0]}), columns=saved)
    assert whole.y is not None
    assert whole.y.tolist() == [1, 2]
    with pytest.raises(InputError, match=r"'y' holds 1\.0|'y' holds 1\.5"):
        load(table(path, {"a": [1, 2], "y": [1.0, 1.5]}), columns=saved)


def test_what_contradicts_saved_columns_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", CELLS)
    saved = learned(load(path, target="kind"))
    with pytest.raises(InputError, match="trained on 'kind'"):
        load(path, columns=saved, target="age")
    with pytest.raises(InputError, match="trained to classify"):
        load(path, columns=saved, task="regress")


def test_a_table_without_learned_columns_gives_no_predictions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the model was not trained on a table"):
        load(table(tmp_path / "t.csv", CELLS), need_target=False)


def test_cells_of_other_types_are_named(tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet", {"a": [[1], [2]], "y": [0, 1]})
    with pytest.raises(InputError, match="column 'a' holds List"):
        load(path, target="y")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1xxxxPAR1", b"a,b\n1,2\n"])
def test_a_parquet_file_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match="damaged") as caught:
        load(text(tmp_path / "t.parquet", content), target="y")
    assert "\n" not in str(caught.value)


def test_without_polars_one_line_names_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = table(tmp_path / "t.csv", CELLS)
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(InputError, match=r'pip install "polars>=1.32"'):
        load(path, target="kind")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(content=st.text(alphabet='ab1.,"\n\r;\t- é', max_size=60))
def test_any_text_is_read_or_refused(tmp_path: Path, content: str) -> None:
    message = ""
    try:
        load(text(tmp_path / "t.csv", "a,b\n" + content), target="b")
    except InputError as error:
        message = str(error)
    assert "\n" not in message


WRONG = {
    "no JSON": "{",
    "a list": "[]",
    "a number": "3",
    "nothing": "{}",
    "no inputs": '{"inputs": []}',
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG.keys())
def test_what_is_not_columns_is_refused(content: str) -> None:
    with pytest.raises(InputError, match="not the columns of a table"):
        Columns.from_json(content)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"mean": 33.333333333333336', '"mean": NaN'),
        ('"mean": 33.333333333333336', '"mean": "x"'),
        ('"kind": "number"', '"kind": "code"'),
        ('"task": "classify"', '"task": "guess"'),
        ('"target_kind": "text"', '"target_kind": "integer"'),
        ('"name": "height"', '"name": "age"'),
        ('"name": "height"', '"nom": "height"'),
        ('"dog"', '"dog", 3'),
        ('"target": "kind"', '"target": 3'),
    ],
)
def test_changed_columns_are_refused(tmp_path: Path, old: str, new: str) -> None:
    saved = learned(load(table(tmp_path / "t.csv", CELLS), target="kind")).to_json()
    assert old in saved
    with pytest.raises(InputError, match="not the columns of a table"):
        Columns.from_json(saved.replace(old, new, 1))


@pytest.mark.parametrize(
    ("values", "word"),
    [(["1", "2.50", "3.0"], None), (["1.0", "2.5", "3.00"], "x"), (["2024-01-02"] * 3, "x"),
     (["2024-01-02", "2024-02-03", "2024-03-04"], None)],
)  # fmt: skip
def test_a_category_does_not_depend_on_the_other_rows_of_its_file(
    tmp_path: Path, values: list[str], word: str | None
) -> None:
    """A column is numbers, days or text by all of its cells, and new rows have other ones."""
    values = [*values, word or values[0]] * 10
    path = table(tmp_path / "t.csv", {"a": values, "y": ["p", "q"] * 20})
    data = load(path, target="y", columns={"categorical": ["a"]})
    for cells in (*([value] for value in values[:4]), [*values[:3], "none of these"]):
        new = table(tmp_path / "new.csv", {"a": cells})
        found = load(new, columns=data.columns, need_target=False)
        count = min(len(cells), 3)
        rows = [values.index(value) for value in cells[:count]]
        np.testing.assert_array_equal(found.x[:count], data.x[rows])

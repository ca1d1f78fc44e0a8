"""What columns and targets are taken for: the same in every format, and told."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from bpnet.data import Columns, Dataset, load, stream
from bpnet.errors import InputError

UTC = datetime.UTC


def write(path: Path, frame: pl.DataFrame) -> Path:
    kinds = {".csv": "write_csv", ".parquet": "write_parquet", ".arrow": "write_ipc"}
    getattr(frame, kinds[path.suffix])(path)
    return path


def read(path: Path, **options: Any) -> Dataset:
    """A table, streamed where it is Arrow."""
    return (stream if path.suffix == ".arrow" else load)(path, **options)


def learned(data: Dataset) -> Columns:
    assert data.columns is not None
    return data.columns


def rows(data: Dataset) -> Any:
    return np.asarray(data.x)


DAYS = [datetime.date(1970, 1, 2), datetime.date(1970, 1, 4), None, datetime.date(2024, 2, 29)]
COUNTS = np.array([1.0, 3.0, np.nan, 19782.0])  # 54 years, 14 leap days of them, 31 + 28


def dated(values: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({"day": values * 5, "y": ["p", "q"] * (len(values) * 5 // 2)})


FORMS = {
    "dates.csv": dated(DAYS),
    "dates.parquet": dated(DAYS),
    "dates.arrow": dated(DAYS),
    "times.csv": dated(["1970-01-02", "1970-01-04 00:00", "-", "2024-02-29T00:00:00.000Z"]),
    "zones.csv": dated(["1970-01-02T02:00+02:00", "1970-01-03T23:00:00-0100", "", "2024-02-29"]),
    "times.parquet": dated(
        [d and datetime.datetime(d.year, d.month, d.day, tzinfo=UTC) for d in DAYS]
    ),
    "zones.arrow": dated(
        [d and datetime.datetime(d.year, d.month, d.day, tzinfo=UTC) for d in DAYS]
    ).with_columns(pl.col("day").dt.convert_time_zone("Asia/Tokyo")),
}


@pytest.mark.parametrize("name", FORMS)
def test_dates_are_days_in_every_format(tmp_path: Path, name: str) -> None:
    data = read(write(tmp_path / name, FORMS[name]), target="y")
    column = learned(data).inputs[0]
    assert (column.kind, column.name) == ("date", "day")
    known = COUNTS[[0, 1, 3]]
    assert (column.mean, column.std) == pytest.approx((known.mean(), known.std()))
    expected = np.nan_to_num((COUNTS - known.mean()) / known.std())
    np.testing.assert_allclose(rows(data)[:, 0], np.tile(expected, 5), rtol=1e-6)
    assert column.features == ("day", "day.year", "day.month", "day.day", "day.weekday",
                               "day=missing")  # fmt: skip
    parts = np.array([[1970, 1, 2, 5], [1970, 1, 4, 7], [np.nan] * 4, [2024, 2, 29, 4]])
    units = np.nanmean(parts, axis=0), np.nanstd(parts, axis=0)
    wanted = np.nan_to_num((parts - units[0]) / units[1])
    np.testing.assert_allclose(rows(data)[:, 1:5], np.tile(wanted, (5, 1)), rtol=1e-5)
    np.testing.assert_array_equal(rows(data)[:, 5], [0, 0, 1, 0] * 5)
    assert data.taken[1].split() == ["day", "date", "6", "5", "the", "mean", "1988-01-22"]
    assert Columns.from_json(learned(data).to_json()) == data.columns
    for other, frame in FORMS.items():
        again = read(write(tmp_path / other, frame), columns=learned(data))
        np.testing.assert_allclose(rows(again), rows(data), rtol=1e-6)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["2024-01-01", "2024-02-30"], "'2024-02-30' in data row 2, where dates were learned"),
        (
            ["soon", "2024-01-01"],
            "'soon' in data row 1, where dates were learned: give one such as",
        ),
        ([3, 4], "'3' in data row 1, where dates were learned"),
    ],
)
def test_what_is_no_date_is_named(tmp_path: Path, cells: list[Any], message: str) -> None:
    columns = learned(load(write(tmp_path / "t.csv", FORMS["dates.csv"]), target="y"))
    new = write(tmp_path / "new.parquet", pl.DataFrame({"day": cells}))
    with pytest.raises(InputError, match=message):
        load(new, columns=columns, need_target=False)


def test_dates_are_no_numbers(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", pl.DataFrame({"day": [1, 2, 3, 4], "y": list("pqpq")}))
    new = write(tmp_path / "new.parquet", pl.DataFrame({"day": DAYS[:2]}))
    with pytest.raises(InputError, match="in data row 1, where numbers were learned"):
        load(new, columns=learned(load(table, target="y")), need_target=False)


@pytest.mark.parametrize("name", ["dates.csv", "dates.parquet", "dates.arrow"])
def test_a_target_of_dates_is_an_amount_in_days_in_every_format(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, dated(DAYS[:2]))
    data = read(path, target="day")
    assert (data.task, learned(data).target_kind) == ("regress", "date")
    found = learned(data).decode_target(np.asarray(data.y))
    np.testing.assert_allclose(found, [1, 3] * 5, rtol=1e-6)
    again = read(path, columns=Columns.from_json(learned(data).to_json()))
    np.testing.assert_array_equal(again.y, data.y)


@pytest.mark.parametrize("words", [["2024-01", "2024-02"], ["01/02/2024", "x"], ["2024-13-01"] * 2])
def test_what_is_not_iso_is_text(tmp_path: Path, words: list[str]) -> None:
    table = pl.DataFrame({"day": ["u", *words, "v"], "y": list("pqpq")})
    data = load(write(tmp_path / "t.csv", table), target="y")
    assert learned(data).inputs[0].kind == "text"


MARKS = ["-", "--", ".", "None", "n/a", "na", "#N/A", "<NA>", "NaT", "#DIV/0!", "#VALUE!", "N.A."]


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_among_numbers_is_a_missing_value(tmp_path: Path, mark: str) -> None:
    cells = ["1", "2.5", mark, "4"]
    data = load(
        write(tmp_path / "t.csv", pl.DataFrame({"a": cells, "y": list("pqpq")})), target="y"
    )
    assert learned(data).inputs[0].kind == "number"
    assert data.x[2].tolist() == [0, 1]
    assert data.taken[1].split() == ["a", "number", "2", "1", "the", "mean", "2.5"]
    new = write(tmp_path / "new.csv", pl.DataFrame({"a": [mark, "4"]}))
    again = load(new, columns=learned(data), need_target=False)
    np.testing.assert_array_equal(again.x, data.x[2:])
    assert again.notes == ("1 missing value in 'a' replaced by the mean 2.5",)


def test_a_mark_beside_one_or_two_numbers_is_a_category(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": ["1", "-", "0", "1"], "y": list("pqpq")})
    data = load(write(tmp_path / "t.csv", table), target="y")
    assert learned(data).features == ("a=-", "a=0", "a=1")


def test_a_mark_is_a_class(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": [1, 2, 3, 4], "y": ["+", "-", "+", "-"]})
    assert learned(load(write(tmp_path / "t.csv", table), target="y")).classes == ("+", "-")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow"])
def test_columns_of_many_inputs_are_told(tmp_path: Path, suffix: str) -> None:
    ages = ["40 years", *(f"{i % 40}" for i in range(99))]
    names = [f"n{i % 21}" for i in range(100)]
    few = [f"n{i % 20}" for i in range(100)]
    table = pl.DataFrame({"age": ages, "name": names, "few": few, "y": ["p", "q"] * 50})
    data = read(write(tmp_path / f"t{suffix}", table), target="y")
    told = [note for note in data.notes if not note.startswith("streamed")]
    assert told == ["1 value in 'age' is no number and counted as missing, first '40 years' in "
                    "data row 1"]  # fmt: skip
    assert [line.split()[1:5] for line in data.taken[1:]] == [
        ["number", "2", "1", "the"],
        ["text", "of", "21", "values"],
        ["text", "of", "20", "values"],
    ]
    assert len(learned(data).features) == 2 + 21 + 20


TARGETS = {
    "two floats": ([0.0, 1.0] * 30, "classify"),
    "20 whole": ([i % 20 for i in range(60)], "classify"),
    "20 whole floats": ([float(i % 20) for i in range(60)], "classify"),
    "far apart": ([(i % 3) * 1000 - 7 for i in range(60)], "classify"),
    "21 whole": ([i % 21 for i in range(60)], "regress"),
    "21 whole floats": ([float(i % 21) for i in range(60)], "regress"),
    "prices": ([1000 + 17 * (i % 50) for i in range(600)], "regress"),
    "fractions": ([0.5 * (i % 3) for i in range(60)], "regress"),
}


@pytest.mark.parametrize("form", ["t.csv", "t.parquet", "t.arrow", "npz", "npy", "streamed npy"])
@pytest.mark.parametrize(("values", "task"), TARGETS.values(), ids=TARGETS)
def test_numbers_are_classes_where_they_are_few_and_whole(
    tmp_path: Path, values: list[float], task: str, form: str
) -> None:
    x = np.arange(2.0 * len(values)).reshape(-1, 2)
    if form.startswith("t."):
        table = pl.DataFrame({"a": x[:, 0], "y": values})
        data = read(write(tmp_path / form, table), target="y")
    else:
        np.save(tmp_path / "x.npy", x)
        np.save(tmp_path / "y.npy", np.array(values))
        np.savez(tmp_path / "t.npz", x=x, y=np.array(values))
        pair = f"{tmp_path / 'x.npy'},{tmp_path / 'y.npy'}"
        opened = stream if form.startswith("streamed") else load
        data = opened(tmp_path / "t.npz" if form == "npz" else pair)
    assert data.task == task
    if task == "classify":
        found = np.unique(np.asarray(data.y)).tolist()
        assert found == sorted(set(values))
        assert {type(v) for v in found} == {type(v) for v in values}


def test_the_other_task_can_be_asked_for(tmp_path: Path) -> None:
    table = write(
        tmp_path / "t.csv", pl.DataFrame({"a": range(60), "y": [i % 30 for i in range(60)]})
    )
    assert len(learned(load(table, target="y", task="classify")).classes) == 30
    table = write(
        tmp_path / "u.csv", pl.DataFrame({"a": range(60), "y": [i % 3 for i in range(60)]})
    )
    assert learned(load(table, target="y", task="regress")).classes == ()


def test_leading_zeros_are_part_of_a_class(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,y\n1,007\n2,7\n3,010\n4,007\n")
    assert learned(load(path, target="y")).classes == ("007", "010", "7")
    assert learned(load(path, target="y", task="regress")).task == "regress"


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow"])
@pytest.mark.parametrize("task", ["auto", "classify"])
def test_classes_that_floats_cannot_tell_apart_keep_their_digits(
    tmp_path: Path, suffix: str, task: str
) -> None:
    large = pl.Series("y", [2**63 + 1, 2**63 + 3] * 4, pl.UInt64)
    path = write(tmp_path / f"t{suffix}", pl.DataFrame({"a": range(8)}).with_columns(large))
    classes = learned(load(path, target="y", task=task)).classes
    assert classes == ("9223372036854775809", "9223372036854775811")

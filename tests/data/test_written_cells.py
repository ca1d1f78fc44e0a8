"""Cells as people write them: numbers, dates, days, and the type that a target takes."""

import datetime

import pytest


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

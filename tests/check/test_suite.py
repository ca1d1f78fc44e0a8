"""The self-test: what it covers, that it passes where all is well, and how it tells of failure."""

import json
import math
from collections import Counter

import pytest

from bpnet import backends
from bpnet.check import bits, cases, check, discipline, equations, gradients, parity, suite
from bpnet.check.report import Row, difference, worst
from bpnet.core import activations, costs


def failures(rows):
    return [str(row) for row in rows if not row.passed]


@pytest.fixture(scope="module")
def rows():
    return list(check(backends.get("numpy")))


def test_numpy_passes_every_row(rows):
    assert failures(rows) == []


def test_every_equation_activation_cost_and_dtype_has_a_row(rows):
    named = {(row.group, row.dtype, row.name) for row in rows}
    assert len(named) == len(rows)
    for dtype in ("float64", "float32"):
        numbers = [
            name.partition(")")[0] for group, d, name in named if (group, d) == ("equations", dtype)
        ]
        assert sorted(numbers) == sorted(f"({n}" for n in range(1, 30))
    for dtype in ("float64", "float32", "float16"):
        for sigma in activations.ACTIVATIONS:
            assert ("gradients", dtype, f"hidden layer {sigma}") in named
        for cost in costs.COSTS:
            assert ("gradients", dtype, f"cost {cost}, every output") in named
        assert ("gradients", dtype, "dropout layer") in named
    count = Counter(row.group for row in rows)
    assert count["parity"] == 6  # two runs and a set, in two dtypes
    assert count["discipline"] == 6
    assert count["random"] == 5


def test_the_pairs_are_those_that_the_costs_allow():
    for cost in costs.COSTS:
        for output, sigma in activations.ACTIVATIONS.items():
            try:
                costs.get(cost, sigma())
            except ValueError:
                assert (cost, output) not in cases.PAIRS
            else:
                assert (cost, output) in cases.PAIRS


def test_equations_hold(backend):
    for dtype in set(backend.dtypes()) & set(equations.BOUNDS):
        assert failures(equations.rows(backend, dtype)) == []


def test_dtypes_and_transfers_are_disciplined(backend):
    """The small form: on array_api_strict's devices, on dpnp's and on NumPy's read-only arrays."""
    assert failures(discipline.rows(backend)) == []


def test_random_numbers_have_equal_bits(backend):
    assert failures(bits.rows(backend)) == []


def test_a_breakdown_is_a_row_and_not_the_end(monkeypatch):
    def broken(*_):
        yield Row("equations", "(1)", "float64", 0.0, 1.0)
        raise RuntimeError("the device\nis gone")

    monkeypatch.setattr(equations, "rows", broken)
    monkeypatch.setattr(gradients, "rows", lambda *_: iter(()))
    monkeypatch.setattr(parity, "rows", lambda *_: iter(()))
    rows = list(suite.check(backends.get("numpy")))
    assert [(row.passed, row.note) for row in rows[:2]] == [
        (True, ""),
        (False, "RuntimeError: the device is gone"),
    ]
    assert {row.group for row in rows} == {"equations", "discipline", "random"}


def test_a_run_that_breaks_down_does_not_take_the_next_along(monkeypatch):
    def run(backend, dtype, names):
        if "SGD" in names[0]:
            raise RuntimeError("no dropout here")
        yield Row("parity", names[0], dtype, 0.0, 1.0)

    monkeypatch.setattr(equations, "rows", lambda *_: iter(()))
    monkeypatch.setattr(gradients, "rows", lambda *_: iter(()))
    monkeypatch.setattr(parity, "rows", run)
    monkeypatch.setattr(discipline, "rows", lambda backend, names: run(backend, "", names))
    rows = [row for row in suite.check(backends.get("numpy")) if row.group != "random"]
    # 100 steps in two dtypes, of a set too, and the discipline of the two runs
    assert [row.passed for row in rows] == [False, True, True] * 2 + [False, True]
    assert rows[1].name == "Adam, relu"


@pytest.mark.parametrize(
    ("error", "passed"), [(0.5, True), (1.0, True), (1.1, False), (math.nan, False)]
)
def test_a_row_passes_within_its_bound(error, passed):
    row = Row("parity", "SGD", "float32", error, 1.0)
    assert row.passed is passed
    assert str(row).startswith("PASS" if passed else "FAIL")
    assert json.loads(json.dumps(row.as_dict(), allow_nan=False))["passed"] is passed


def test_the_worst_is_found_even_if_it_is_no_number():
    assert worst({"a": 1.0, "b": 3.0, "c": 2.0}) == (3.0, "b")
    assert worst({"a": 1.0, "b": math.nan, "c": math.inf})[1] in {"b", "c"}


def test_difference_is_relative_to_what_is_wanted():
    assert difference([3.0, 4.5], [3.0, 4.0]) == pytest.approx(0.1)
    assert difference([0.25], [0.0]) == 0.25
    assert math.isnan(difference([math.nan], [1.0]))
    with pytest.raises(ValueError, match="wanted"):
        difference([1.0], [[1.0]])

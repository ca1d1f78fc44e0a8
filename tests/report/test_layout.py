"""How a page is laid out, before it is HTML: rows without holes, warnings where data differ."""

import time

import numpy as np
import pytest

from bpnet import plots
from bpnet.bench import breakeven
from bpnet.bench.cells import Cell
from bpnet.bench.measure import Timing
from bpnet.data import standard
from bpnet.pages.content import Fact, Figure, Note, Page, Picture, Section, Table
from bpnet.report import several
from bpnet.training.finder import LearningRates

HALF = Figure(Picture("a", "a"), "a")
WIDE = Note("b")
NARROW = Table("c", ["x", "y"], [["1", "2"]])


@pytest.mark.parametrize(
    ("blocks", "wide"),
    [
        ([HALF], "1"), ([HALF, HALF], "00"), ([HALF, NARROW, HALF], "001"), ([HALF, WIDE], "11"),
        ([HALF, HALF, HALF, WIDE, HALF, HALF], "001100"), ([WIDE, HALF, WIDE, HALF], "1111"),
    ],
)  # fmt: skip
def test_no_block_stands_beside_a_hole(blocks, wide):
    rows = Section("one", "One", "", blocks).rows
    assert [block for block, _ in rows] == blocks
    assert "".join(str(int(one)) for _, one in rows) == wide


@pytest.mark.parametrize(("count", "across"), [(1, 1), (6, 6), (7, 4), (8, 4), (9, 5), (12, 6)])
def test_facts_stand_in_rows_as_even_as_can_be(count, across):
    assert Page("a", "", [Fact("a", "1")] * count, []).across == across


def test_runs_on_other_data_are_compared_with_a_warning(made, subjects):
    assert "not evaluated on the same examples" in made["compared"].warning
    assert "--data" in made["compared"].warning
    assert not any(fact.name.startswith("Best") for fact in made["compared"].facts)
    same = several.page([subjects["digits"], subjects["again"]])
    assert same.warning == ""
    assert same.facts[0].name == "Best test accuracy"


def test_pictures_that_stand_alone_tell_what_they_are_of(tmp_path):
    pytest.importorskip("matplotlib")
    rates = np.geomspace(1e-6, 0.1, 50)
    found = LearningRates(rates, np.linspace(2, 1, 50), 0.01)
    plots.learning_rates(found, tmp_path / "rates.svg", ["a $x.csv", "a net"])
    timings = [
        Timing(name, Cell((w,), k), 1000, seconds)
        for name in ("numpy", "other") for k in (10, 100) for w, seconds in ((16, 0.01), (64, 0.5))
    ]  # fmt: skip
    breakeven.plot(timings, tmp_path / "even.svg", ["a $x.csv", "a net"])
    for name in ("rates", "even"):
        drawn = (tmp_path / f"{name}.svg").read_text()
        assert "a $x.csv" in drawn
        assert time.strftime("%Y-%m-%d") in drawn
        assert "mathdefault" not in drawn  # numbers are written as numbers


def test_classes_of_fashion_mnist_have_names():
    assert standard.labels("fashion-mnist")[9] == "ankle boot"
    assert len(standard.labels("fashion-mnist")) == 10
    assert standard.labels("digits") == standard.labels("/a/b.csv") == ()

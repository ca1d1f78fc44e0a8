"""Figures of a report: those of the runs that they stand beside, by hand."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.data.columns import Column, Columns
from bpnet.errors import InputError
from bpnet.pages.content import Page
from bpnet.report import curves, page, rows, several, single
from bpnet.report.detail import Residuals
from bpnet.report.subject import Subject

HISTORY = {
    "cost": [3.0, 1.0, 0.5], "validation_cost": [2.0, 0.75, 1.5], "seconds": [4.0, 1.0, 2.5],
}  # fmt: skip
CONFIG = {"machine": {"backend": "numpy"}, "data": {"source": "made up"}}


def subject(evaluation=None, output="identity", folder="run", **history):
    net = bpnet.Network([2, 3, 1], output=output, seed=0)
    return Subject(Path(folder), CONFIG, {**HISTORY, **history}, [], net, None, evaluation)


def evaluation(kind=None, **figures):
    return SimpleNamespace(
        outputs=np.zeros((1200, 1)), what="the test rows", part="test", note="", calibrated=None,
        figures={"interval": {"r2": [0.25, 0.75]}, "baseline": {"r2": 0.0, "answer": "the mean"},
                 **figures},
        targets=SimpleNamespace(kind=kind, values=np.zeros((1200, 1))),
        data=SimpleNamespace(shape=None),
    )  # fmt: skip


def test_the_costs_of_a_run_side_by_side_are_of_one_model():
    """The last epoch's, or the best one's where patience watched."""
    patient = {**CONFIG, "training": {"patience": 2}}
    other = subject(validation_cost=[0.5, 1.0, 2.0], seconds=[1.0, 1.0, 7.0])
    (table,) = several._figures([subject(), replace(other, config=patient)], ["a", "b"]).blocks
    shown = [dict(zip(table.head, row, strict=True)) for row in table.rows]
    assert shown == [
        {"run": "a", "backend": "numpy", "validation cost": "1.5", "training cost": "0.5",
         "epoch of the model": "3 of 3", "best epoch": "2", "seconds": "7.50", "an epoch": "2.5"},
        {"run": "b", "backend": "numpy", "validation cost": "0.5", "training cost": "3",
         "epoch of the model": "1 of 3", "best epoch": "1", "seconds": "9.00", "an epoch": "1"},
    ]  # fmt: skip


def test_what_a_figure_was_judged_on_is_said_once():
    found = single.facts(subject(evaluation(r2=0.5, cost=0.25)))
    said = {fact.name: (fact.value, fact.note) for fact in found}
    beside = "95 % interval 0.2500 to 0.7500; always the mean: 0.0000"
    assert said["Test R2"] == ("0.5000", beside)
    assert said["Evaluated on"] == ("test", "1,200 examples: the test rows")
    assert said["Test cost"] == ("0.2500", "")
    assert said["Best epoch"] == ("2", "of 3")
    assert said["Training"][0] == "7.50 s"
    assert said["Parameters"] == ("13", "2 to 3 to 1")


@pytest.mark.parametrize(
    ("kind", "classes", "task"),
    [("threshold", None, "labels"), (None, None, "numbers"), ("threshold", ["a", "b"], "classes")],
)
def test_a_run_has_the_task_that_its_targets_show(kind, classes, task):
    run = subject(evaluation(kind), "sigmoid")
    run.network.classes = classes
    assert run.task == task
    assert replace(run, evaluation=None).task == ("classes" if classes else "numbers")


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1.0, 30.0], "linear"), ([1.0, 31.0], "log"), ([0.0, 100.0], "linear"),
        ([-1.0, 100.0], "linear"),
    ],
)  # fmt: skip
def test_a_cost_that_falls_far_and_is_never_zero_has_a_logarithmic_axis(values, scale):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.subplots()
    curves.scale(axes, "cost", values)
    assert axes.get_yscale() == scale


def test_nine_tenths_of_the_residuals_are_between_the_two_that_are_named():
    pytest.importorskip("matplotlib")
    errors = np.arange(101.0)
    picture = rows._spread("price", Residuals(np.zeros(101), errors), "")
    assert "median 50, nine tenths between 5 and 95." in picture.alt


def test_days_and_numbers_are_shown_in_the_tables_own_terms():
    inputs = (Column("size", "number", 3.0, 2.0), Column("day", "date", 20000.0, 10.0))
    columns = Columns(inputs, (), "y", "text", "classify", ("no", "yes"))
    assert rows._decoded(columns, np.asarray([0.5, 0.1]), frozenset()) == ["4", "2024-10-05"]


def test_a_number_that_was_missing_is_marked():
    """It has the mean, and an input of its own where training had such."""
    inputs = (Column("a", "number", 3.0, 2.0), Column("b", "number", 5.0, indicator=True))
    columns = Columns(inputs, (), "y", "text", "classify", ("no", "yes"))
    assert rows._decoded(columns, np.asarray([0.0, 0.0, 1.0]), frozenset("a")) == ["3*", "5*"]
    assert rows._decoded(columns, np.asarray([0.0, 0.0, 1.0]), frozenset()) == ["3", "5*"]
    assert rows._decoded(columns, np.asarray([0.5, 0.0, 0.0]), frozenset("ab")) == ["4", "5"]


def test_cells_that_were_replaced_are_told_with_the_run_that_they_are_of(monkeypatch):
    for name in ("_settings", "_answers", "_repeat", "_facts", "_warning"):
        monkeypatch.setattr(several, name, lambda *_: [])
    monkeypatch.setattr(several.curves, "overlaid", lambda *_: [])
    monkeypatch.setattr("bpnet.runs.data.replacement_notes", lambda data: ("a cell was replaced",))
    made = several.page([subject(evaluation(), folder="one"), subject(evaluation(), folder="two")])
    told = [block for section in made.sections if section for block in section.blocks]
    assert "one: a cell was replaced" in str(told)
    assert "two: a cell was replaced" in str(told)


def test_a_page_of_somebody_elses_is_not_written_over(tmp_path):
    pytest.importorskip("jinja2")
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(InputError, match=r"index\.html is not of a report; give --out another"):
        page.write(Page("report", "", [], []), tmp_path, "1.0")
    assert (tmp_path / "index.html").read_text() == "mine"

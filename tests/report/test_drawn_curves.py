"""Learning curves of a report, read off the axes: values, marks, ticks and words."""

import pytest

from bpnet.pages.drawing import DASHES
from bpnet.report import curves
from tests.report.drawn import BLUE, ORANGE, along, labels, lines, run_of
from tests.report.test_figures import subject

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.usefixtures("figures")


def test_costs_are_drawn_against_epochs_from_1_with_the_best_marked(figures):
    curves._curve(subject(), "cost")
    (axes,) = figures["cost"].axes
    training, held, upright, best = lines(axes)
    assert training == ("training", along([3.0, 1.0, 0.5]), "-", BLUE)
    assert held == ("validation", along([2.0, 0.75, 1.5]), "--", ORANGE)
    assert {x for x, _ in upright[1]} == {2.0}
    assert best[:2] == ("best epoch, 2", [(2.0, 0.75)])
    assert labels(axes) == ("epoch", "cost")
    shown = [text.get_text() for text in axes.get_legend().get_texts()]
    assert shown == ["training", "validation", "best epoch, 2"]


@pytest.mark.parametrize(("epochs", "marks"), [(30, ["o", "s"]), (31, ["None", "None"])])
def test_few_epochs_have_marks(figures, epochs, marks):
    curves._curve(subject(cost=[1.0] * epochs, validation_cost=[1.0] * epochs), "cost")
    assert [line.get_marker() for line in figures["cost"].axes[0].get_lines()[:2]] == marks


@pytest.mark.parametrize(
    ("name", "label", "tick"),
    [("accuracy", "accuracy", "50 %"), ("balanced_accuracy", "balanced accuracy", "50 %"),
     ("f1", "F1", "50 %"), ("auc", "AUC", "50 %"), ("mae", "MAE", None), ("r2", "R2", None)],
)  # fmt: skip
def test_shares_are_in_percent_and_names_are_written_out(figures, name, label, tick):
    section = curves.section(run_of(**{name: [0.25, 0.5, 0.75]}))
    assert [figure.picture.name for figure in section.blocks][1] == name.replace("_", "-")
    (axes,) = figures[name.replace("_", "-")].axes
    assert axes.get_ylabel() == label
    assert (axes.yaxis.get_major_formatter()(0.5) == "50 %") == (tick == "50 %")
    (row,) = [row for row in section.blocks[0].table.rows if row[0] == "2"]
    assert row[4] == ("50.0\xa0%" if tick else "0.5")


def test_a_learning_rate_that_changes_is_drawn_against_epochs_from_1(figures):
    made = curves.section(run_of(learning_rate=[0.5, 0.25, 0.125]))
    (axes,) = figures["learning-rate"].axes
    assert lines(axes)[0][1] == along([0.5, 0.25, 0.125])
    assert labels(axes) == ("epoch", "learning rate")
    assert made.blocks[-1].picture.alt.endswith("from 0.5 to 0.125.")
    figures.clear()
    curves.section(run_of(learning_rate=[0.5] * 3))
    assert "learning-rate" not in figures


@pytest.mark.parametrize(
    ("history", "lead"),
    [({}, "3 epochs; the best, with the least validation cost, was epoch 2."),
     ({"validation_cost": [3.0, 2.0, 1.0]}, "least validation cost, was epoch 3."),
     ({"cost": [1.0], "validation_cost": [1.0], "seconds": [1.0]}, "One epoch.")],
)  # fmt: skip
def test_the_lead_names_the_best_epoch_and_the_model_that_was_kept(history, lead):
    run = run_of(**history)
    assert curves.section(run).lead.endswith(lead)
    run.config["training"]["patience"] = 2
    assert curves.section(run).lead.endswith(f"{lead} The model is that of the best epoch.")


def test_without_held_out_rows_the_cost_itself_has_the_best_epoch(figures):
    run = run_of(cost=[3.0, 0.5, 1.0])
    del run.history["validation_cost"]
    made = curves.section(run)
    assert made.lead == "3 epochs; the best, with the least cost, was epoch 2."
    assert "Nothing was held out" in made.blocks[0].caption
    assert lines(figures["cost"].axes[0])[-1][:2] == ("best epoch, 2", [(2.0, 0.5)])


@pytest.mark.parametrize(
    ("epochs", "shown", "caption"),
    [(200, [*range(1, 201)], "Each epoch"), (201, [*range(1, 202, 2)], "Every 2th epoch"),
     (202, [*range(1, 203, 2), 202], "Every 2th epoch"), (1, [1], "Each epoch")],
)  # fmt: skip
def test_a_long_history_is_thinned_and_ends_with_the_last_epoch(epochs, shown, caption):
    table = curves._table({"cost": [*range(epochs)], "seconds": [1.0] * epochs})
    assert [int(row[0]) for row in table.rows] == shown
    assert [float(row[1]) for row in table.rows] == [n - 1 for n in shown]
    assert table.caption == f"{caption} in figures"
    assert table.head == ["epoch", "cost", "seconds"]


def test_runs_are_laid_over_each_other_by_epoch_and_by_seconds(figures):
    slow = subject(cost=[4.0, 2.0], validation_cost=[4.0, 3.0], seconds=[30.0, 50.0])
    made = curves.overlaid([subject(), slow], ["a", "b"])
    names = ["cost-by-epoch", "validation-cost-by-epoch", "validation-cost-by-seconds",
             "seconds-an-epoch"]  # fmt: skip
    assert [figure.picture.name for figure in made] == list(figures) == names
    (axes,) = figures["cost-by-epoch"].axes
    assert lines(axes) == [
        (" a", along([3.0, 1.0, 0.5]), DASHES[0], BLUE),
        (" b", along([4.0, 2.0]), DASHES[1], ORANGE),
    ]  # fmt: skip
    assert labels(axes) == ("epoch", "cost")
    (axes,) = figures["validation-cost-by-seconds"].axes
    assert [line[1] for line in lines(axes)] == [
        [(4.0, 2.0), (5.0, 0.75), (7.5, 1.5)], [(30.0, 4.0), (80.0, 3.0)]
    ]  # fmt: skip
    assert labels(axes) == ("seconds of training", "validation cost")
    assert axes.get_xscale() == "log"
    assert made[0].table.rows == [["1", "3", "4"], ["2", "1", "2"], ["3", "0.5", ""]]
    assert made[1].table.head == ["epoch", "a", "b"]
    assert "a ends at 0.5; b ends at 2" in made[0].picture.alt
    assert "equal settings" in made[0].caption
    assert "equal settings" not in made[1].caption


@pytest.mark.parametrize(("seconds", "scale"), [([30.0, 45.0], "linear"), ([30.0, 46.0], "log")])
def test_times_that_differ_tenfold_have_a_logarithmic_axis(figures, seconds, scale):
    slow = subject(cost=[4.0, 2.0], validation_cost=[4.0, 3.0], seconds=seconds)
    curves.overlaid([subject(), slow], ["a", "b"])
    assert figures["validation-cost-by-seconds"].axes[0].get_xscale() == scale


def test_paces_are_medians_the_first_run_on_top(figures):
    made = curves.overlaid([subject(), subject(seconds=[1.0, 1.0, 9.0])], ["a", "b"])[-1]
    (axes,) = figures["seconds-an-epoch"].axes
    assert [bar.get_width() for bar in axes.patches] == [2.5, 1.0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]
    assert axes.yaxis_inverted()
    assert made.table.rows == [["a", "2.5"], ["b", "1"]]
    assert made.picture.alt == "Bars of the seconds of an epoch: a 2.5 s, b 1 s."

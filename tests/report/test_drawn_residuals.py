"""Predicted and actual amounts of a report, read off the axes and the tables."""

from dataclasses import replace

import numpy as np
import pytest

from bpnet.data import Columns
from bpnet.report import outcomes, rows
from bpnet.report.detail import Residuals
from tests.report.drawn import classified, labels, lines, numbered, told

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.usefixtures("figures")


def test_residuals_are_predicted_less_actual(figures):
    made = rows.residuals(numbered([1.0, 2.0, 4.0], [1.5, 2.0, 3.0]))
    (axes,) = figures["predicted"].axes
    diagonal, dots = (line[1] for line in lines(axes))
    assert diagonal == [(1.0, 1.0), (4.0, 4.0)]
    assert dots == [(1.0, 1.5), (2.0, 2.0), (4.0, 3.0)]
    assert labels(axes) == ("actual", "predicted")
    axes, side = figures["residuals"].axes
    assert lines(axes)[1][1] == [(1.5, 0.5), (2.0, 0.0), (3.0, -1.0)]
    assert labels(axes) == ("predicted", "residual")
    assert (side.get_xlabel(), sum(bar.get_width() for bar in side.patches)) == ("examples", 3)
    scatter, left, table, largest = made.blocks
    assert scatter.table.head == ["tenth", "mean actual", "mean predicted", "examples"]
    assert scatter.table.rows[2] == ["3", "4", "3", "1"]
    assert left.table.head == ["quantile", "residual"]
    assert [row[0] for row in left.table.rows] == [
        "least", "5 %", "25 %", "median", "75 %", "95 %", "largest"
    ]  # fmt: skip
    assert [left.table.rows[i][1] for i in (0, 3, 6)] == ["-1", "0", "0.5"]
    assert [row[0] for row in table.rows] == [f"{key} of target" for key in ("R2", "MAE", "RMSE")]
    assert table.rows[0][1] == "0.7321"
    assert told(figures["predicted"])["actual 4\npredicted 3"] == ((4.0, 4.0), (3.0, 3.0))
    assert told(figures["residuals"])["actual 4\npredicted 3"] == ((3.0, 3.0), (-1.0, -1.0))
    assert largest.rows[0] == ["3", "4", "3", "-1", "4", "5"]
    assert made.lead.startswith("Evaluated on 3 examples of the test rows.")


@pytest.mark.parametrize(("n", "shown"), [(4, 4), (5, 4)])
def test_of_many_outputs_the_first_are_drawn_and_all_are_in_the_table(figures, n, shown):
    actual = np.arange(3.0)[:, None] * np.arange(1, n + 1)
    made = rows.residuals(numbered(actual, actual + 1))
    assert list(figures) == [
        f"{k}-{j}" for j in range(1, shown + 1) for k in ("predicted", "residuals")
    ]
    names = [row[0].partition(" of ")[2] for row in made.blocks[-2].rows]
    assert list(dict.fromkeys(names)) == [f"output {j}" for j in range(1, n + 1)]
    assert made.blocks[-1].caption.startswith("Largest residuals of output 1.")
    assert made.lead.endswith("The pictures show the first 4 of 5 outputs.") is (n > 4)


def test_several_targets_have_the_names_of_their_columns(figures):
    run = numbered(np.eye(3, 2), np.eye(3, 2) + 1)
    run.evaluation.data.tally = {}
    names = ("height", "width")
    both = {"mean": (0.0, 0.0), "std": (1.0, 1.0), "targets": names}
    columns = Columns((), (), "height,width", "real", "regress", **both)
    made = rows.residuals(replace(run, columns=columns))
    said = [row[0].partition(" of ")[2] for row in made.blocks[-2].rows]
    assert tuple(dict.fromkeys(said)) == names
    assert made.blocks[-1].caption.startswith("Largest residuals of height.")


@pytest.mark.parametrize(("value", "tick"), [(9999.0, "9000"), (10000.0, "9k")])
def test_large_numbers_have_letters_for_their_thousands(figures, value, tick):
    rows.residuals(numbered([0.0, -value], [0.0, 1.0]))
    formatter = figures["predicted"].axes[0].xaxis.get_major_formatter()
    formatter.set_locs([0.0, 9000.0])
    assert formatter(9000.0) == tick


def test_of_very_many_examples_evenly_spread_ones_are_drawn(figures):
    m = 3 * rows._POINTS
    rows._scatter("", Residuals(np.arange(float(m)), np.zeros(m)), "")
    x = figures["predicted"].axes[0].get_lines()[1].get_xdata()
    assert (len(x), x[0], x[-1]) == (rows._POINTS, 0, m - 1)
    assert set(np.diff(x)) <= {2, 3, 4}
    few = rows._some(Residuals(np.zeros(rows._POINTS), np.zeros(rows._POINTS)))
    assert few.tolist() == list(range(rows._POINTS))


@pytest.mark.parametrize(("width", "note"), [(12, ""), (13, "; 12 of 13 columns")])
def test_of_many_columns_the_first_are_shown(width, note):
    run = classified([[0.1, 0.2, 0.7]], [0])
    run.evaluation.data.x = np.arange(float(width))[None]
    (table,) = outcomes._mistakes(run).blocks
    assert table.head[4:] == [f"x{j}" for j in range(1, 13)]
    assert table.rows[0][4:] == [str(j) for j in range(12)]
    assert table.caption == f"Examples of the test rows{note}"

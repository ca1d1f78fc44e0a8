"""What stands in each picture of a report: its curves, axes, ticks and words, read off the axes."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.errors import InputError
from bpnet.pages import drawing, picture_files
from bpnet.pages.content import Picture
from bpnet.pages.drawing import DARK, DASHES, LIGHT, image
from bpnet.report import curves, layers, outcomes, rows
from bpnet.report.judged import Residuals, calibrate
from tests.report.test_figures import CONFIG, subject

pytest.importorskip("matplotlib")
BLUE, ORANGE = LIGHT.series[:2]
LAYER = {
    "activations": [0.0, 1.0, 2.0, 3.0, 4.0], "gradients": [0.1, 0.2, 0.4, 0.8, 1.6],
    "updates": [0.01, 0.02, 0.03, 0.04, 0.05], "silent": 0.25, "still": 0.5,
}  # fmt: skip


@pytest.fixture(autouse=True)
def figures(monkeypatch):
    """Matplotlib's figures by the names of their pictures, drawn and not written."""
    from matplotlib.figure import Figure

    drawn = {}

    def render(name, alt, draw, height, width=4.8, title="", **settings):
        figure = Figure(figsize=(width, height), dpi=72)
        figure.spots = list(draw(figure, LIGHT) or ())
        drawn[name] = figure
        return Picture(name, alt, title=title)

    for module in (curves, layers, outcomes, rows):
        monkeypatch.setattr(module, "render", render)
    return drawn


def run_of(judged=None, **history):
    """A run with such a history, whose settings are its own."""
    return replace(subject(judged, **history), config={**CONFIG, "training": {}})


def lines(axes):
    """Label, points and dash of each line of an axes."""
    points = lambda line: [tuple(map(float, p)) for p in line.get_xydata()]  # noqa: E731
    return [(a.get_label(), points(a), a.get_linestyle(), a.get_color()) for a in axes.get_lines()]


def along(values, first=1.0, step=1.0):
    return [(first + step * i, float(v)) for i, v in enumerate(values)]


def told(figure):
    """What the places of a picture tell, and where they are."""
    return {spot.text: (spot.x, spot.y) for spot in figure.spots}


def labels(axes):
    return axes.get_xlabel(), axes.get_ylabel()


def recorded(layer_count, epochs, **more):
    """Records of layers, the n-th of which has n times the values."""
    of = lambda n: {k: (np.multiply(v, n)).tolist() for k, v in {**LAYER, **more}.items()}  # noqa: E731
    return [{"epoch": e, "layers": [of(n + 1) for n in range(layer_count)]} for e in epochs]


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


def test_a_confusion_matrix_has_the_truth_downwards(figures):
    counts = np.asarray([[1200, 0], [3, 1]])
    outcomes._matrix(counts, ["cat", "crocodile"], "")
    (axes,) = figures["confusion"].axes
    assert labels(axes) == ("predicted", "true")
    assert [text.get_text() for text in axes.get_yticklabels()] == ["cat", "crocodile"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["cat", "crocodile"]
    assert axes.get_xticklabels()[0].get_rotation() == 90
    said = {text.get_text(): text for text in axes.texts}
    assert {n: text.get_position() for n, text in said.items()} == {
        "1200": (0, 0), "3": (0, 1), "1": (1, 1)
    }  # fmt: skip
    assert said["1200"].get_size() < said["3"].get_size()
    assert said["3"].get_color() == "#ffffff"  # on a strong color
    assert said["1"].get_color() == LIGHT.ink
    pixels = axes.images[0].get_array()
    right, wrong = drawing.shades("", BLUE), drawing.shades("", ORANGE)
    np.testing.assert_allclose(pixels[0, 0], right(1.0))
    np.testing.assert_allclose(pixels[1, 0], wrong(np.sqrt(0.75)))
    np.testing.assert_allclose(pixels[1, 1], right(np.sqrt(0.25)))
    assert told(figures["confusion"]) == {
        "true cat, predicted cat: 1,200": ((-0.5, 0.5), (-0.5, 0.5)),
        "true crocodile, predicted cat: 3": ((-0.5, 0.5), (0.5, 1.5)),
        "true crocodile, predicted crocodile: 1": ((0.5, 1.5), (0.5, 1.5)),
    }


@pytest.mark.parametrize(
    ("n", "named", "counted"),
    [(12, True, True), (13, True, False), (30, True, False), (31, False, False)],
)
def test_many_classes_are_neither_counted_nor_named(figures, n, named, counted):
    names = [str(j) for j in range(n)]
    outcomes._matrix(np.eye(n, dtype=int), names, "")
    (axes,) = figures["confusion"].axes
    assert ([text.get_text() for text in axes.get_yticklabels()] == names) is named
    assert axes.get_xticklabels()[0].get_rotation() == 0
    assert bool(axes.texts) is counted
    table = outcomes._counts(np.eye(n, dtype=int), names)
    assert table.head == (["true", *names] if counted else ["true", "predicted", "examples"])


def test_the_commonest_confusions_come_first_the_truth_before_what_was_said():
    names = [f"c{j}" for j in range(13)]
    counts = np.eye(13, dtype=int) * 5000
    counts[2, 7], counts[7, 2], counts[0, 1] = 3, 1400, 3
    table = outcomes._counts(counts, names)
    assert table.rows == [["c7", "c2", "1,400"], ["c0", "c1", "3"], ["c2", "c7", "3"]]
    scores = outcomes._scores(counts, names)
    assert scores.rows[7] == ["c7", "99.9\xa0%", "78.1\xa0%", "87.7\xa0%", "6,400"]
    assert scores.closed
    assert not outcomes._scores(counts[:12, :12], names[:12]).closed


def classified(outputs, truth, names=("no", "maybe", "yes"), output="softmax"):
    """A run of some classes, or of none, that was judged on rows of two numbers."""
    outputs = np.asarray(outputs, float)
    net = bpnet.Network([2, 3, outputs.shape[1]], output=output, seed=0)
    net.classes = names
    values = np.asarray(truth)
    judged = SimpleNamespace(
        outputs=outputs, what="the test rows", part="test", truth=values,
        targets=SimpleNamespace(kind="class", values=values),
        data=SimpleNamespace(
            notes=(), shape=None, rows=None, x=np.arange(2.0 * len(values)).reshape(-1, 2)
        ),
    )  # fmt: skip
    return replace(subject(judged), network=net)


def test_the_worst_confusion_is_told_from_the_truth_to_what_was_said():
    wrong = [[0.1, 0.2, 0.7]] * 2 + [[0.2, 0.6, 0.2]] * 3
    made = outcomes._confusion(classified(wrong, [0, 0, 1, 1, 2]))
    assert made.lead == (
        "3 of 5 examples of the test rows were classified wrongly. Most often, 2 times, no was "
        "predicted as yes."
    )
    assert made.blocks[0].picture.alt == (
        "Confusion matrix of 3 classes: 3 of 5 wrong. Most often, 2 times, no was predicted as yes."
    )
    once = outcomes._confusion(classified(wrong[1:], [0, 1, 1, 2]))
    assert once.lead == "2 of 4 examples of the test rows were classified wrongly."


def test_mistakes_are_told_with_the_truth_and_how_sure_the_network_was():
    run = classified([[0.1, 0.2, 0.7], [0.9, 0.05, 0.05], [0.2, 0.8, 0.0]], [0, 0, 2])
    (table,) = outcomes._mistakes(run).blocks
    assert table.head == ["example", "true", "predicted", "confidence", "x1", "x2"]
    assert table.rows == [
        ["3", "yes", "maybe", "80.0\xa0%", "4", "5"], ["1", "no", "yes", "70.0\xa0%", "0", "1"]
    ]  # fmt: skip
    assert table.caption == "Examples of the test rows"
    right = outcomes._mistakes(classified([[0.9, 0.1, 0.0]], [0]))
    assert (right.lead, list(right.blocks)) == ("There are none: every example was right.", [])


def test_of_two_classes_the_other_answer_has_the_rest_of_the_probability():
    run = classified([[0.75], [0.25], [0.5]], [1, 1, 0], ("no", "yes"), "sigmoid")
    decided, scores = run.answers()
    assert decided.tolist() == [1, 0, 0]
    assert scores.tolist() == [0.75, 0.75, 0.5]
    found = outcomes.calibration(run)
    assert (found.counts[4], found.counts[7]) == (1, 2)
    assert found.accuracy[7] == 0.5
    scored = classified([[2.0], [-3.0]], [1, 1], ("no", "yes"), "identity")
    decided, scores = scored.answers()
    assert (decided.tolist(), scores.tolist()) == ([1, 0], [2.0, 3.0])
    assert outcomes.calibration(scored) is None
    (table,) = outcomes._mistakes(scored).blocks
    assert table.rows[0][:4] == ["2", "yes", "no", "score 3"]


def test_labels_are_each_judged_by_itself():
    run = classified([[0.9, 0.2], [0.8, 0.7], [0.1, 0.6]], [0, 0, 0], None, "sigmoid")
    run.judged.targets = SimpleNamespace(
        kind="threshold", values=np.asarray([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    )
    (table,) = outcomes._labels(run).blocks
    assert table.rows == [
        ["label 1", "50.0\xa0%", "100.0\xa0%", "66.7\xa0%", "1"],
        ["label 2", "50.0\xa0%", "100.0\xa0%", "66.7\xa0%", "1"],
    ]
    assert [section.id for section in outcomes.sections(run)] == ["labels", "calibration"]


def test_bins_of_confidence_are_drawn_where_there_are_examples(figures):
    found = calibrate(np.asarray([0.65] * 4 + [0.95] * 8), np.asarray([1, 1, 0, 0] + [1] * 8, bool))
    outcomes.render("calibration", "", lambda f, t: outcomes._diagram(f, t, found), 4.4)
    above, below = figures["calibration"].axes
    assert lines(above)[0][1] == [(0.0, 0.0), (1.0, 1.0)]
    assert np.asarray(lines(above)[1][1]) == pytest.approx(np.asarray([(0.65, 0.5), (0.95, 1.0)]))
    (bars,) = above.collections
    spans = [segment[:, 1].tolist() for segment in bars.get_segments()]
    wanted = [[found.low[6], found.high[6]], [found.low[9], found.high[9]]]
    assert np.asarray(spans) == pytest.approx(np.asarray(wanted))
    assert [bar.get_height() for bar in below.patches] == found.counts.tolist()
    assert [bar.get_x() for bar in below.patches] == pytest.approx(found.edges[:-1])
    assert (above.get_ylabel(), *labels(below)) == ("accuracy", "confidence", "examples")
    assert above.get_legend_handles_labels()[1] == ["perfect", "this model, ECE 8.3\xa0%"]
    alt = outcomes._calibration_alt(found)
    assert alt.endswith("65.0\xa0% sure and 50.0\xa0% right, 95.0\xa0% sure and 100.0\xa0% right.")


def numbered(actual, predicted):
    """A run that predicts amounts."""
    outputs = np.reshape(predicted, (len(actual), -1))
    run = classified(outputs, np.zeros(len(actual), int), None, "identity")
    run.judged.targets = SimpleNamespace(kind=None, values=np.asarray(actual, float))
    return run


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
    run.judged.data.x = np.arange(float(width))[None]
    (table,) = outcomes._mistakes(run).blocks
    assert table.head[4:] == [f"x{j}" for j in range(1, 13)]
    assert table.rows[0][4:] == [str(j) for j in range(12)]
    assert table.caption == f"Examples of the test rows{note}"


def test_layers_have_their_median_and_two_bands(figures):
    made = layers._over_time(replace(subject(), records=recorded(2, [1, 5, 9])))
    first, second = figures["layers-activations"].axes
    assert (first.get_title(), second.get_title()) == ("layer 1: 2 to 3", "layer 2, output: 3 to 1")
    assert lines(first)[0][1] == [(1.0, 2.0), (5.0, 2.0), (9.0, 2.0)]
    assert lines(second)[0][1] == [(1.0, 4.0), (5.0, 4.0), (9.0, 4.0)]
    spans = [
        (band.get_paths()[0].vertices[:, 1].min(), band.get_paths()[0].vertices[:, 1].max())
        for band in second.collections
    ]
    assert spans == [(0.0, 8.0), (2.0, 6.0)]
    assert second.get_xlabel() == "epoch"
    scales = {name: figure.axes[0].get_yscale() for name, figure in figures.items()}
    assert scales == {
        "layers-activations": "linear", "layers-gradients": "log", "layers-updates": "log",
        "layers-silent": "linear",
    }  # fmt: skip
    tables = [figure.table for figure in made.blocks]
    quantiles = ["5 %", "25 %", "50 %", "75 %", "95 %"]
    assert tables[0].head == ["layer", "epoch", *quantiles, "zero"]
    assert tables[0].rows[-1] == ["2", "9", "0", "2", "4", "6", "8", "50.0\xa0%"]
    assert tables[1].rows[0] == ["1", "1", "0.1", "0.2", "0.4", "0.8", "1.6", "50.0\xa0%"]
    assert tables[2].head == ["layer", "epoch", *quantiles]
    assert [row[:2] for row in tables[2].rows] == [[l, e] for l in "12" for e in "159"]
    assert "layer 1 from 2 to 2, layer 2 from 4 to 4" in made.blocks[0].picture.alt
    assert made.lead.endswith("the light one nine tenths.")


def test_silent_units_are_drawn_as_a_line_a_layer_in_percent(figures):
    records = [*recorded(2, [1]), *recorded(2, [2], silent=0.375)]
    figure = layers._zeros(replace(subject(), records=records), [0, 1])
    (axes,) = figures["layers-silent"].axes
    assert lines(axes) == [
        ("layer 1", [(1.0, 0.25), (2.0, 0.375)], "-", BLUE),
        ("layer 2", [(1.0, 0.5), (2.0, 0.75)], "--", ORANGE),
    ]
    assert labels(axes) == ("epoch", "activations that are zero")
    assert axes.yaxis.get_major_formatter()(0.5) == "50 %"
    wanted = "layer 1 from 25.0\xa0% to 37.5\xa0%, layer 2 from 50.0\xa0% to 75.0\xa0%"
    assert wanted in figure.picture.alt


@pytest.mark.parametrize(("depth", "said"), [(10, ""), (11, " 10 of 11 layers are shown.")])
def test_of_many_layers_spread_ones_are_drawn(figures, depth, said):
    net = bpnet.Network([2] * (depth + 1), seed=0)
    made = layers._over_time(replace(subject(), network=net, records=recorded(depth, [1])))
    column = figures["layers-updates"].axes
    assert len(column) == 10
    assert column[0].get_title() == "layer 1: 2 to 2"
    assert column[-1].get_title() == f"layer {depth}, output: 2 to 2"
    assert lines(column[0])[0][1] == [(0.9, 0.03), (1.1, 0.03)]  # a band needs two
    assert made.lead.endswith(f"nine tenths.{said}")


def weighted(n=3, shape=(2, 2)):
    """A network of pictures whose neuron n has weights of n times those of the first."""
    inputs = int(np.prod(shape))
    net = bpnet.Network([inputs, n, 2], seed=0)
    net.weights[0] = np.outer(np.arange(1, n + 1), np.linspace(-1, 0.5, inputs))
    return SimpleNamespace(network=net, members=(net,), shape=shape)


def test_first_weights_are_drawn_by_neuron_those_with_most_weight_first(figures):
    made = layers._weights(weighted())
    axes, bar = figures["first-layer-weights"].axes
    sheet = axes.images[0].get_array()
    pixels = np.linspace(-1, 0.5, 4).reshape(2, 2)
    for place, n in enumerate((3, 2, 1)):
        np.testing.assert_allclose(sheet[:2, 3 * place : 3 * place + 2], n * pixels)
    assert sheet.mask[2].all()
    assert sheet.mask[:, 2].all()
    low, high = axes.images[0].get_clim()
    assert -low == high == pytest.approx(np.quantile(np.abs(np.outer([1, 2, 3], pixels)), 0.995))
    assert axes.images[0].get_cmap()(0.0)[:3] == pytest.approx(rgb(BLUE))
    assert axes.images[0].get_cmap()(1.0)[:3] == pytest.approx(rgb(ORANGE))
    assert bar.get_xlabel() == "weight"
    table = made.blocks[0].table
    assert table.head == ["neuron", "norm", "least", "largest"]
    assert table.rows[0] == ["3", f"{3 * np.linalg.norm(pixels):.4g}", "-3", "1.5"]
    assert "all neurons" in made.blocks[0].caption
    assert "the 48 of 49 neurons" in layers._weights(weighted(49)).blocks[0].caption
    assert "all neurons" in layers._weights(weighted(48)).blocks[0].caption
    assert "2 by 2" in made.blocks[0].picture.alt


def test_weights_of_colors_are_around_gray(figures):
    made = layers._weights(weighted(9, (2, 3, 3)))
    (axes,) = figures["first-layer-weights"].axes
    sheet = axes.images[0].get_array()
    assert sheet.shape == (2 * 3, 8 * 4, 4)  # two lines of eight, a gap after each
    limit = np.quantile(np.abs(np.outer(np.arange(1, 10), np.linspace(-1, 0.5, 18))), 0.995)
    first = np.clip(0.5 + 9 * np.linspace(-1, 0.5, 18).reshape(2, 3, 3) / (2 * limit), 0, 1)
    np.testing.assert_allclose(sheet[:2, :3, :3], first)
    assert set(sheet[:2, :3, 3].ravel()) == {1.0}
    assert set(sheet[2].ravel()) == {0.5, 0.0}
    assert "Gray is a weight of zero" in made.blocks[0].caption


def rgb(color):
    return [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]


@pytest.mark.parametrize(
    ("shape", "shown"),
    [((8, 8), (8, 8)), ((8, 8, 1), (8, 8)), ((8, 8, 3), (8, 8, 3)), ((8, 8, 2), None),
     ((2, 2), (2, 2)), ((1, 8), None), ((8, 1), None), ((8,), None), ((4, 4, 4, 3), None)],
)  # fmt: skip
def test_examples_that_are_pictures(shape, shown):
    run = classified([[1.0, 0.0, 0.0]], [0])
    run.judged.data.shape = shape
    assert run.shape == shown


@pytest.mark.parametrize(("side", "wide"), [(8, 96), (95, 190), (96, 96), (100, 100)])
def test_pixels_are_enlarged_until_they_can_be_seen(side, wide):
    picture = image("x", "an example", np.zeros((side, 2)), (0, 1))
    assert (picture.height, picture.width) == (wide, 2 * wide // side)
    assert (picture.name, picture.alt, picture.svg) == ("x", "an example", "")


def test_the_darkest_is_the_low_limit(figures):
    from io import BytesIO

    from matplotlib.image import imread

    pixels = np.asarray([[0.0, 128.0], [255.0, 300.0]])
    shades = imread(BytesIO(image("x", "", pixels, (0, 255)).png))[::48, ::48, 0]
    assert shades.ravel() == pytest.approx([0, 128 / 255, 1, 1], abs=1 / 255)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_and_curves_can_be_told_from_the_background(theme):
    """Contrast by WCAG 2.1: 4.5 for text, 3 for what is drawn."""

    def luminance(color):
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(color)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    def contrast(one, other):
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    settings = theme.settings()
    assert {settings["figure.facecolor"], settings["axes.facecolor"]} == {theme.surface}
    for name in ("axes.labelcolor", "axes.titlecolor", "text.color", "xtick.labelcolor",
                 "ytick.labelcolor", "axes.edgecolor"):  # fmt: skip
        assert contrast(settings[name], theme.surface) >= 4.5, name
    assert min(contrast(color, theme.surface) for color in theme.series) >= 3
    assert len(set(theme.series)) == len(theme.series)


def drawn(draw, height=2.0, **options):
    return drawing.render("x", "signs", draw, height, **options)


def test_signs_that_the_font_lacks_are_drawn_without_a_word():
    picture = drawn(lambda figure, _: figure.suptitle("\U00012000") and None, title="Signs")
    assert "\U00012000" in picture.svg
    assert (picture.name, picture.alt, picture.title, picture.png) == ("x", "signs", "Signs", b"")


def test_a_drawing_has_the_pages_colors_names_of_its_own_and_no_size():
    def draw(figure, theme):
        axes = figure.subplots()
        axes.set_title("a", color=theme.muted)
        for color in theme.series:
            axes.plot([0, 1], [0, 1], "o", color=color)
        axes.set_facecolor(theme.surface)

    svg = drawn(draw).svg
    names = {"surface", "ink", "muted", "grid", "one", "two", "three", "four", "five", "six",
             "seven"}  # fmt: skip
    assert set(re.findall(r"var\(--([a-z]+)\)", svg)) == names
    assert all(name.startswith("x-") for name in re.findall(r'\bid="([^"]*)"', svg))
    assert all(name.startswith("x-") for name in re.findall(r'href="#([^"]*)"', svg))
    head = svg[: svg.index(">")]
    assert svg.startswith("<svg")
    assert svg.endswith("</svg>")
    assert 'aria-hidden="true"' in head
    assert "width=" not in head
    assert 'viewBox="0 0 345.6 144"' in head  # 4.8 by 2 inches in points
    assert "<metadata>" not in svg
    assert drawn(draw).svg == svg
    light = drawing.in_light(svg).decode()
    assert "var(" not in light
    assert all(color in light for color in (*LIGHT.series, LIGHT.muted))


def test_places_tell_their_values_over_at_least_eight_points():
    def draw(figure, theme):
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 345.6), ylim=(0, 144))
        return [drawing.Spot(axes, "a < b\nc", (100, 120), (40, 44)),
                drawing.Spot(axes, "whole", (10, 10))]  # fmt: skip

    svg = drawn(draw).svg
    spots = re.findall(r'<rect class="spot" (.*?)><title>(.*?)</title></rect>', svg, re.DOTALL)
    assert spots == [
        ('x="100.0" y="98.0" width="20.0" height="8.0"', "a &lt; b\nc"),
        ('x="6.0" y="0.0" width="8.0" height="144.0"', "whole"),
    ]
    assert "spot" not in drawing.in_light(svg).decode()


def test_columns_reach_half_of_the_way_to_the_next():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    axes.set_xlim(5, 0)
    found = drawing.columns(axes, [1, 2, 4], ["a", "b", "c"])
    assert [(spot.text, spot.x, spot.y) for spot in found] == [
        ("a", (0, 1.5), None), ("b", (1.5, 3), None), ("c", (3, 5), None)
    ]  # fmt: skip
    assert len(drawing.columns(axes, range(400), ["a"] * 400)) == 400
    assert drawing.columns(axes, range(401), ["a"] * 401) == []


def test_bars_tell_their_values_the_first_on_top():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    long = "c" * 30
    spots = drawing.bars(axes, LIGHT, ["a", long], [2.0, -1.0], ["two", "less"], errors=[0.5, 0.25])
    assert [(bar.get_width(), bar.get_y() + 0.3) for bar in axes.patches] == [(2, 0), (-1, 1)]
    assert axes.yaxis_inverted()
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", drawing.short(long, 24)]
    assert {text.get_text(): text.xy for text in axes.texts} == {
        "two": (2.5, 0), "less": (0.25, 1)
    }  # fmt: skip
    assert [spot.text for spot in spots] == ["a: two", f"{long}: less"]
    assert [spot.y for spot in spots] == [(-0.45, 0.45), (0.55, 1.45)]
    assert {spot.x for spot in spots} == {axes.get_xlim()}


@pytest.mark.parametrize(
    ("high", "ticks"), [(299, [1, 2, 5, 10, 20, 50, 100, 200]), (300, [1, 10, 100])]
)
def test_ticks_of_a_logarithmic_axis_are_plain_numbers(high, ticks):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    axes.set(xscale="log", xlim=(1, high))
    drawing.log_axis(axes.xaxis, 1, high)
    there = [t for t in axes.xaxis.get_major_locator()() if 1 <= t <= high]
    assert there == pytest.approx(ticks)
    assert axes.xaxis.get_major_formatter()(20.0) == "20"
    assert len(axes.xaxis.get_minor_locator()()) == 0


def test_where_there_is_no_color_the_background_shows():
    fading = drawing.shades("#ff0000", "", "#0000ff")
    assert fading(0.0) == (1.0, 0.0, 0.0, 1.0)
    assert fading(1.0) == (0.0, 0.0, 1.0, 1.0)
    assert fading(0.5)[3] < 0.02
    assert drawing.shades("", "#0000ff")(0.0)[3] == 0.0


def test_a_page_has_both_sets_of_colors_dark_ones_for_dark_screens():
    light, dark = drawing.style().split("@media screen and (prefers-color-scheme: dark)")
    for text, theme in ((light, LIGHT), (dark, DARK)):
        assert f"--surface: {theme.surface};" in text
        assert f"--seven: {theme.seven};" in text
        assert text.count("--") == 11


@pytest.mark.parametrize("name", ["a.PNG", "a.svg", "b.pdf"])
def test_pictures_that_stand_alone_have_the_form_of_their_ending(tmp_path, name):
    picture_files.check(tmp_path / name)
    path = picture_files.save(
        tmp_path / name, lambda f, t: f.text(0, 0, "a"), "T", ["d", "", "m"], (2, 1)
    )
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    assert path == tmp_path / name
    assert path.read_bytes().startswith(starts[name[2:].lower()])
    assert [p.name for p in tmp_path.iterdir()] == [name]
    gone = tmp_path / "gone" / name
    with pytest.raises(InputError, match=r"can't be written .*; give a folder that is there"):
        picture_files.save(gone, lambda f, t: None, "T", [], (2, 1))


@pytest.mark.parametrize("name", ["a.jpg", "a", "png"])
def test_no_other_ending_is_a_pictures(tmp_path, name):
    with pytest.raises(InputError, match=f"not {name!r}; rename it"):
        picture_files.check(tmp_path / name)

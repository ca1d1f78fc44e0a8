"""Confusions, mistakes and calibration of a report, read off the axes and the tables."""

from types import SimpleNamespace

import numpy as np
import pytest

from bpnet.pages import drawing
from bpnet.pages.drawing import LIGHT
from bpnet.report import outcomes
from bpnet.report.detail import calibrate
from tests.report.drawn import BLUE, ORANGE, classified, labels, lines, told

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.usefixtures("figures")


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
    run.evaluation.targets = SimpleNamespace(
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

"""What a report puts first, takes for the same, and takes away again."""

from types import SimpleNamespace

import numpy as np
import pytest

from bpnet.pages.content import Figure, Page, Section
from bpnet.pages.drawing import image
from bpnet.report import page, rows, several
from bpnet.report.detail import Residuals


def test_the_largest_residuals_come_first_whatever_their_sign():
    data = SimpleNamespace(x=np.arange(8.0).reshape(4, 2), rows=None)
    evaluation = SimpleNamespace(data=data, what="a test")
    subject = SimpleNamespace(evaluation=evaluation, columns=None, named=lambda at: str(at + 1))
    found = Residuals(np.asarray([1.0, 1.0, 1.0, 1.0]), np.asarray([2.0, -4.0, 4.0, 1.5]))
    shown = rows._largest(subject, found, "price").rows
    assert [row[0] for row in shown] == ["2", "3", "1", "4"]
    assert [row[3] for row in shown] == ["-5", "3", "1", "0.5"]


def evaluation(*truth, source="a.csv", rows=None, x=0.0):
    m, targets = len(truth), SimpleNamespace(values=np.asarray(truth))
    data = SimpleNamespace(x=np.full((m, 3), x), rows=None if rows is None else np.asarray(rows))
    return SimpleNamespace(outputs=np.zeros((m, 2)), targets=targets, source=source, data=data)


@pytest.mark.parametrize(
    ("other", "same"), [((0, 1, 1), True), ((0, 1, 0), False), ((0, 1), False)]
)
def test_runs_are_compared_on_the_same_examples_only(other, same):
    assert several._same(evaluation(0, 1, 1), evaluation(*other)) is same


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"rows": (3, 5), "x": 1.0}, True),  # standardized with other means
        ({"rows": (4, 6), "x": 1.0}, False),
        ({"rows": (3, 5), "x": 1.0, "source": "b.csv"}, False),
        ({"rows": (3, 5), "source": "copy of a.csv"}, True),
        ({"rows": None, "x": 1.0}, False),
    ],
)
def test_different_examples_with_equal_targets_are_not_the_same(other, same):
    assert several._same(evaluation(0, 1, rows=(3, 5)), evaluation(0, 1, **other)) is same


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_picture_of_one_shade_can_be_drawn(value):
    found = image("one", "a square", np.full((4, 4), value), (value, value))
    assert found.png.startswith(b"\x89PNG")
    assert (found.width, found.height) == (96, 96)


def test_pictures_that_the_next_report_has_not_go_with_the_page_they_were_of(tmp_path):
    pytest.importorskip("jinja2")
    pictures = [image(name, "a square", np.eye(4), (0, i)) for i, name in enumerate("abc", start=1)]

    def write(*chosen):
        figures = [Figure(pictures[i], "a square") for i in chosen]
        made = Page("report", "", [], [Section("one", "One", "", figures)])
        page.write(made, tmp_path / "report", "1.0")
        return sorted(path.name for path in (tmp_path / "report").iterdir())

    assert write(0, 1) == ["a.png", "b.png", "index.html"]
    (tmp_path / "report" / "mine.png").write_bytes(b"\x89PNG of somebody else")
    assert write(1, 2) == ["b.png", "c.png", "index.html", "mine.png"]

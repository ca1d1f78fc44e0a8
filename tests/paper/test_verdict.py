"""The verdict at the head of the page: marked as failed where one check is."""

import pytest

from bpnet.check.report import Row
from bpnet.paper import page


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        ((0.0, 1e-13), '<b class="verdict pass">2 of 2 checks passed.</b>'),
        ((0.0, 1e-11), '<b class="verdict fail">1 of 2 checks passed.</b>'),
        ((1.0, float("nan")), '<b class="verdict fail">0 of 2 checks passed.</b>'),
    ],
)
def test_one_check_that_fails_is_enough(errors, verdict, monkeypatch):
    monkeypatch.setattr(page, "STORY", ())
    rows = [Row("equations", "(3) a step of descent", "float64", e, 1e-12) for e in errors]
    assert verdict in page.render({}, {3: rows}, {}, "0")

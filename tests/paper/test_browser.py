"""The paper's page in a real browser, at the widths of a desk and of a telephone."""

import pytest

import bpnet
from bpnet import backends, paper
from tests.browser import THEMES, WIDTHS, away, chromium, look

DRAWN = """
return [...document.querySelectorAll('.picture svg, math')].map(
  e => [e.getBoundingClientRect().width, e.getBoundingClientRect().height]);
"""
SMALLEST = """
const written = e => !e.children.length && e.textContent.trim();
return Math.min(...[...document.querySelectorAll('.picture text, .picture tspan')].filter(written)
  .map(e => [e.getScreenCTM(), parseFloat(getComputedStyle(e).fontSize)])
  .map(([at, size]) => Math.hypot(at.a, at.b) * size));
"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as process:
        yield process


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("paper") / "paper.html"
    path.write_text(paper.make(backends.get("numpy")).html(bpnet.__version__), encoding="utf-8")
    return path


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_whole_quiet_and_fits(browser, page, width, theme):
    seen = look(browser, page, width, theme)
    assert seen.messages == []
    assert away(seen, page) == []
    assert seen.width <= width
    sizes = browser.execute_script(DRAWN)
    assert len(sizes) == 29 + 15
    assert all(w > 10 and h > 10 for w, h in sizes)
    assert browser.execute_script(SMALLEST) > 5.5  # indices are the smallest letters


def test_dark_is_dark(browser, page):
    colors = {theme: look(browser, page, 1280, theme).background for theme in THEMES}
    light, dark = (sum(map(int, c[4:-1].split(","))) for c in map(colors.get, THEMES))
    assert light > 3 * 240
    assert dark < 3 * 60

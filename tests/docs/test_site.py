"""The built site in a real browser, opened as files: `ci/docs` builds it and runs this."""

import os
from pathlib import Path

import pytest

from tests.browser import WIDTHS, chromium, look

SITE = Path(__file__).parents[2] / "site"
PAGES = sorted(path for path in SITE.rglob("*.html") if path.name != "404.html")  # a server's

if not PAGES and not os.environ.get("BPNET_TEST_SITE"):
    pytest.skip("the site is not built: ci/docs", allow_module_level=True)


@pytest.fixture(scope="module")
def browser():
    with chromium() as held:
        yield held


def outside(seen):
    """Requests for anything but files of the site."""
    own = SITE.resolve().as_uri()
    return [u for u in seen.requests if not u.startswith((own, "data:", "about:", "blob:"))]


WIDE = {
    "index", "equations", "commands", "benchmarks", "bpnet", "living-paper", "coming-from",
    "compare", "sample-report",
}  # fmt: skip
"""Pages that are also looked at as on a desk; the narrow ones are where things stick out."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(SITE)))
def test_a_page_is_quiet_and_fits(browser, page):
    for width in WIDTHS:
        if width < 600 or page.stem in WIDE:
            _assert_quiet_and_fits(browser, page, width)


CUT = """
// tables that are wider than their place and do not show it
return [...document.querySelectorAll('.md-typeset__scrollwrap, .scroll')]
  .filter(e => e.scrollWidth > e.clientWidth + 1 && e.offsetParent)
  .filter(e => !getComputedStyle(e).backgroundImage.includes('linear-gradient'))
  .map(e => e.textContent.slice(0, 40));
"""


def _assert_quiet_and_fits(browser, page, width):
    seen = look(browser, page, width, "light")
    assert seen.messages == []
    assert outside(seen) == []
    assert seen.width <= width
    assert all(image["drawn"] for image in seen.images)
    assert browser.execute_script(CUT) == []


@pytest.mark.parametrize(
    ("words", "page"),
    [("backpropagation", "equations.html"), ("early stopping", "EarlyStopping"),
     ("learning rate finder", "find_learning_rate")],
)  # fmt: skip
def test_search_works_from_files(browser, words, page):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(f"{(SITE / 'index.html').resolve().as_uri()}?q={words}")
    found = WebDriverWait(browser, 30).until(
        lambda b: b.find_elements("css selector", ".md-search-result__item a")
    )
    links = [link.get_attribute("href") for link in found]
    assert any(page in link for link in links[:4]), links
    assert [m["message"] for m in browser.get_log("browser")] == []

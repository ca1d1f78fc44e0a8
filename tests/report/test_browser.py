"""The pages in a real browser, at the widths of a desk and of a telephone, light and dark."""

import pytest

import bpnet.runs
from bpnet.pages.content import number
from tests.browser import THEMES, WIDTHS, away, chromium, look


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


NAMES = ("digits", "classes", "numbers", "compared", "sweep")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole_quiet_and_fits(browser, pages, name, width, theme):
    seen = look(browser, pages[name], width, theme)
    assert seen.messages == []
    assert away(seen, pages[name]) == []
    assert seen.width <= width
    assert [image["alt"] for image in seen.images if not image["drawn"]] == []
    drawings = browser.execute_script(DRAWINGS)
    shown = [*([image["alt"], image["shown"]] for image in seen.images), *drawings]
    assert drawings
    assert len({alt for alt, _ in shown}) == len(shown)
    assert all(alt and wide >= 60 for alt, wide in shown)
    assert browser.execute_script(HOLES) == []


DRAWINGS = """
return [...document.querySelectorAll('[role=img]')].map(
  e => [e.getAttribute('aria-label'), e.querySelector('svg').getBoundingClientRect().width]);
"""
HOLES = """
// rows of a grid, by their tops, that end before the grid does
const bad = [];
for (const grid of document.querySelectorAll('.facts, section:not(#repeat) .blocks')) {
  const right = grid.getBoundingClientRect().right, rows = {};
  for (const e of grid.children) {
    const box = e.getBoundingClientRect();
    rows[Math.round(box.top)] = Math.max(rows[Math.round(box.top)] || 0, box.right);
  }
  for (const end of Object.values(rows)) if (end < right - 2) bad.push(grid.parentElement.id);
}
return bad;
"""


@pytest.mark.parametrize("theme", THEMES)
def test_a_table_that_is_cut_shows_that_it_scrolls(browser, pages, theme):
    """At its end there is a shadow, until it has been scrolled there."""
    look(browser, pages["classes"], 390, theme)
    cut = browser.execute_script(
        "const cut = [...document.querySelectorAll('.scroll')].filter("
        "e => e.scrollWidth > e.clientWidth && e.offsetParent);"
        "return cut.map(e => getComputedStyle(e).backgroundAttachment)"
    )
    assert cut
    assert set(cut) == {"local, local, scroll, scroll"}


@pytest.mark.parametrize("name", ["digits", "numbers"])
def test_values_are_told_under_the_pointer(browser, pages, name):
    look(browser, pages[name], 1280, "light")
    browser.execute_script("document.querySelector('#curves svg').scrollIntoView()")
    told = browser.execute_script(
        "const spots = [...document.querySelectorAll('#curves figure')][0]"
        ".querySelectorAll('.spot'); return [...spots].map(e => { const b = "
        "e.getBoundingClientRect(); const at = document.elementFromPoint("
        "b.x + b.width / 2, b.y + b.height / 2); return at && at.textContent; })"
    )
    history = bpnet.runs.read_history(pages[name].parent.with_name(name))
    assert told == [
        f"epoch {i}\ntraining {number(a)}\nvalidation {number(b)}"
        for i, (a, b) in enumerate(
            zip(history["cost"], history["validation_cost"], strict=True), start=1
        )
    ]


def test_light_and_dark_differ_and_print_is_light(browser, pages):
    colors = {theme: look(browser, pages["digits"], 1280, theme).background for theme in THEMES}
    assert len(set(colors.values())) == 2
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    printed = browser.execute_script("return getComputedStyle(document.body).color")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert printed == "rgb(28, 33, 40)"  # dark on white


_CONTRAST = """
const parse = c => c.match(/[\\d.]+/g).map(Number);
const linear = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
const behind = e => {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c;
  }
  return [255, 255, 255];
};
const bad = [];
for (const e of document.querySelectorAll('body *')) {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
  const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(e.tagName + ': ' + e.textContent.slice(0, 40));
}
return bad;
"""


@pytest.mark.parametrize("theme", THEMES)
def test_all_text_has_the_contrast_of_wcag_aa(browser, pages, theme):
    """4.5 to 1, WCAG 2.2, success criterion 1.4.3."""
    look(browser, pages["classes"], 1280, theme)
    assert browser.execute_script(_CONTRAST) == []


def test_a_screen_reader_finds_its_way(browser, pages):
    """Chromium's own accessibility tree: landmarks, headings in order, names for what is there."""
    look(browser, pages["digits"], 1280, "light")
    browser.execute_cdp_cmd("Accessibility.enable", {})
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    browser.execute_cdp_cmd("Accessibility.disable", {})
    found = [
        (node["role"]["value"], node.get("name", {}).get("value", ""), node)
        for node in nodes
        if not node.get("ignored")
    ]
    roles = [role for role, _, _ in found]
    assert {"banner", "navigation", "main", "contentinfo"} <= set(roles)
    assert browser.execute_script("return document.documentElement.lang") == "en"
    levels = [
        next(p["value"]["value"] for p in node["properties"] if p["name"] == "level")
        for role, _, node in found
        if role == "heading"
    ]
    assert levels[0] == 1
    assert set(levels[1:]) == {2}
    for role in ("image", "region", "link", "table", "navigation"):
        names = [name for r, name, _ in found if r == role]
        assert names, role
        assert all(names), role
    sections = browser.execute_script(
        "return [...document.querySelectorAll('nav a')].map(a => !!document.querySelector("
        "a.getAttribute('href')))"
    )
    assert sections
    assert all(sections)


def test_what_a_user_named_is_text_and_nothing_runs(browser, pages):
    look(browser, pages["classes"], 1280, "light")
    text = browser.execute_script("return document.body.textContent")
    for name in ("<script>alert(1)</script>", "<img src=x onerror=alert(2)>", "<b>&\"'$x_"):
        assert name in text
    assert (
        browser.execute_script("return document.querySelectorAll('script, img[src=x]').length") == 0
    )

"""The page: every equation beside source that is true, nothing from elsewhere, honest verdicts."""

import json
import math
import re
import shutil
import sys
from collections import Counter
from dataclasses import astuple
from html.parser import HTMLParser

import pytest

import bpnet
from bpnet import backends, paper
from bpnet.check import equations as checks
from bpnet.cli import main
from bpnet.core import descent
from bpnet.pages.drawing import PAGE
from bpnet.paper.equations import EQUATIONS
from bpnet.paper.sources import CORE, citations, excerpt

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Elements(HTMLParser):
    """Elements of a page with their attributes; every tag must be closed in its order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self._open = [], []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag


@pytest.fixture(scope="module")
def edition():
    return paper.make(backends.get("numpy"))


@pytest.fixture(scope="module")
def page(edition):
    return edition.html(bpnet.__version__)


def attributes(page, name, tag=None):
    pairs = Elements(page).tags
    return [attributes[name] for t, attributes in pairs if name in attributes and tag in (None, t)]


def test_the_sources_shown_are_those_that_cite_the_equation():
    cited = citations()
    for number, equation in EQUATIONS.items():
        (who,) = cited[number]
        file, name = who.split(":")
        first = equation.source[0].split(".")
        assert file == f"{first[0]}.py", number
        known = [source.split(".")[1] for source in equation.source]
        assert name in known, number


def test_an_excerpt_is_the_source_without_its_docstring(tmp_path):
    core = tmp_path / "core"
    shutil.copytree(CORE, core)
    file = core / "descent.py"
    file.write_text(file.read_text().replace("w - eta * gradient\n", "w + 1  # changed\n"))
    shown = excerpt("descent.descend", core)
    assert shown.text.splitlines()[1:] == ["    return w + 1  # changed"]
    assert file.read_text().splitlines()[shown.line - 1] == shown.text.splitlines()[0]
    with pytest.raises(LookupError, match=r"descent\.ascend"):
        excerpt("descent.ascend")


def test_every_equation_is_there_with_formula_source_and_verdict(page):
    ids = Counter(attributes(page, "id"))
    assert {f"eq-{n}" for n in range(1, 30)} <= set(ids)
    assert max(ids.values()) == 1
    articles = re.findall(r"<article.*?</article>", page, re.DOTALL)
    assert len(articles) == 29
    for article in articles:
        assert article.count("<math ") == 1
        assert re.search('<math [^>]*display="block"', article)  # limits above and below a sum
        assert "passed</b> in float64" in article
        assert "passed</b> in float32" in article
        assert "<merror" not in article
    assert "58 of 58 checks passed" in page


def test_figures_have_numbers_and_words_for_who_cannot_see(page):
    labels = [
        attributes["aria-label"]
        for tag, attributes in Elements(page).tags
        if attributes.get("role") == "img"
    ]
    assert [n for n in range(1, 7) if not any(s.startswith(f"Figure {n}:") for s in labels)] == []
    assert all(len(label) > 40 for label in labels)
    assert len(labels) == page.count('<svg aria-hidden="true"')


def test_the_page_asks_for_nothing_and_its_links_lead_somewhere(page):
    assert attributes(page, "src") == []
    assert "<link" not in page
    assert "Content-Security-Policy" in page
    assert "<script" not in page
    assert "@import" not in page
    ids = set(attributes(page, "id"))
    for link in (*attributes(page, "href"), *attributes(page, "xlink:href")):
        assert link.startswith("#")
        assert link[1:] in ids
    assert set(re.findall(r"url\(#?([^)]*)\)", page)) <= ids


def test_numbers_are_measured_and_none_is_left_out(page, edition):
    text = page.partition("<main")[2]
    assert not re.search(r"\{[a-zA-Z]", re.sub(r"<(pre|style).*?</\1>", "", text, flags=re.DOTALL))
    steps = edition.results["saturation"].numbers["steps to a = 0.5, quadratic"]
    assert f"needs {steps:.0f} steps" in text
    assert "50,005,000" in text


def test_each_number_stands_in_the_sentence_that_it_belongs_to(page):
    """Closed forms: C is multiplied by (1 - 2 eta)^2 a step, sigma' is sigma (1 - sigma)."""
    after = {eta: 4 * (1 - 2 * eta) ** 60 for eta in (0.1, 0.01, 0.95, 1.02)}
    a, flat = (1 / (1 + math.exp(-z)) for z in (-5, 8))
    down = math.degrees(math.atan2(-1.2, 1.6))
    lowest = -4 * math.cos(math.radians(round(down) - down))  # of directions a degree apart
    text = " ".join(re.sub("<[^>]*>", "", page).replace("−", "-").split())
    for sentence in (
        f"The gradient there has length 4.0, and the smallest slope found is {lowest:.5f}, at "
        f"{round(down)}°. (2) says at once where it is: at {down:.2f}°",
        f"is {after[0.1]:.1e} with 0.1, {after[0.01]:.2f} with 0.01, {after[0.95]:.4f} with 0.95 "
        f"and {after[1.02]:.0f} with 1.02.",
        f"is at most 0.25; at z = 8 it is {flat * (1 - flat):.5f},",
        f"Its error is {(a - 1) * a * (1 - a):.4f} with the quadratic cost and {a - 1:.4f} with "
        "the cross-entropy.",
        f"is multiplied by {1 - 0.5 * 2 / 20:.2f} in each step",
    ):
        assert sentence in text


def test_the_colors_are_the_pages(page):
    assert len({*astuple(PAGE)}) == len(astuple(PAGE))
    assert "fill: var(--surface)" in page
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert set(re.findall(r"#[0-9a-f]{6}\b", drawn)) <= {"#000000", "#ffffff"}
    assert "prefers-color-scheme: dark" in page


def test_a_wrong_formula_is_shown_and_ends_with_status_1(tmp_path, monkeypatch, capsys):
    right = descent.descend
    monkeypatch.setattr(checks.descent, "descend", lambda w, g, eta: right(w, g, -eta))
    out = tmp_path / "p.html"
    assert main(["paper", "-o", str(out), "--backend", "numpy"]) == 1
    said = capsys.readouterr().out
    assert "FAIL  equations  (3)" in said
    failed = len(re.findall(r"^FAIL ", said, re.MULTILINE))
    assert f"equations: {failed} of 58 checks FAILED\n" in said
    assert re.search(r'id="eq-3".*?FAILED</b> in float64', out.read_text(), re.DOTALL)


def test_the_command_says_where_the_page_is(tmp_path, monkeypatch, capsys, edition):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paper, "make", lambda backend: edition)
    assert main(["paper", "--backend", "numpy"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "equations: all 58 checks passed",
        "page: paper.html",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["paper.html"]


def test_json_is_alone_on_standard_output(tmp_path, monkeypatch, capsys, edition):
    monkeypatch.setattr(paper, "make", lambda backend: edition)
    out = tmp_path / "p.html"
    assert main(["paper", "-o", str(out), "--json", "--backend", "numpy"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["passed"] is True
    assert len(result["equations"]) == 29
    assert result["experiments"]["decay"]["factor of a step"] == pytest.approx(0.95)


@pytest.mark.parametrize("missing", ["matplotlib", "latex2mathml.converter"])
def test_without_a_library_it_is_refused_in_one_line(tmp_path, monkeypatch, capsys, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["paper", "-o", str(tmp_path / "p.html"), "--backend", "numpy"]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert 'pip install "matplotlib>=3.9"' in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["no/p.html", "-"])
def test_a_file_that_cannot_be_written_is_refused_first(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert main(["paper", "-o", name, "--backend", "numpy"]) == 2
    assert "can't be written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

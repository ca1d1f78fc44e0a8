"""The check of the built site, on pages with one fault each."""

import runpy
from pathlib import Path

import pytest

check = runpy.run_path(str(Path(__file__).parents[2] / "ci" / "check_site.py"))["faults"]

GOOD = '<h1 id="here">x</h1><a href="other.html#there">x</a><img src="p.png"><a href="https://a.b">'
FAULTS = {
    "a script from the network": ('<script src="https://a.b/c.js"></script>', "from the network"),
    "a font by a style": ('<link rel="stylesheet" href="//fonts.x/y.css">', "from the network"),
    "a picture that is missing": ('<img src="q.png">', "q.png, which is not there"),
    "a page that is missing": ('<a href="gone.html">x</a>', "gone.html, which is not there"),
    "a place that is missing": ('<a href="other.html#gone">x</a>', "has no such place"),
    "a place of its own": ('<a href="#gone">x</a>', "has no such place"),
}


def site(folder, extra=""):
    (folder / "p.png").touch()
    (folder / "other.html").write_text('<p id="there"></p>')
    (folder / "index.html").write_text(GOOD + extra)
    return folder


def test_a_site_without_faults_passes(tmp_path):
    assert check(site(tmp_path)) == []
    assert check(tmp_path / "nothing") == [f"{tmp_path / 'nothing'} holds no page"]


@pytest.mark.parametrize(("extra", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_named(tmp_path, extra, said):
    (fault,) = check(site(tmp_path, extra))
    assert fault.startswith(str(tmp_path / "index.html"))
    assert said in fault


def test_a_style_that_fetches_is_named(tmp_path):
    (site(tmp_path) / "s.css").write_text("a {background: url('https://a.b/c.png')}")
    (fault,) = check(tmp_path)
    assert "s.css: loads https://a.b/c.png from the network" in fault

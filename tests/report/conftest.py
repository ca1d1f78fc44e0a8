"""Runs whose names and contents try to break out of a page, and their reports."""

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.cli import main
from bpnet.pages.content import Picture
from bpnet.pages.drawing import LIGHT
from bpnet.report import curves, layers, outcomes, page, rows, several, single
from bpnet.report.subject import read

HOSTILE = "<script>alert(1)</script>"
BREAKING = "\"'><img src=x onerror=alert(2)>"
MATH = "$\\frac{_x^$ 東京 </style>"
FAST = ["--recipe", "none", "--hidden", "12", "--batch-size", "32", "--backend", "numpy", "-q"]


def table(path: Path, task: str) -> Path:
    """A table whose names, cells and classes are hostile."""
    rng = np.random.default_rng(4)
    a, city = rng.normal(size=300), rng.integers(0, 3, 300)
    score = a + city - 1 + rng.normal(0, 0.8, 300)
    kinds = [HOSTILE, BREAKING, MATH]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([f"a {BREAKING}", "city", "target"])
        for i in range(300):
            wanted = kinds[int(np.digitize(score[i], [-0.5, 0.8]))]
            y = f"{40_000 + 9_000 * score[i]:.2f}" if task == "regress" else wanted
            writer.writerow([f"{a[i]:.3f}", kinds[city[i]], y])
    return path


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Folders of short runs: digits, a table of classes, one of numbers."""
    root = tmp_path_factory.mktemp("runs")
    named = {"digits": "digits", "classes": "<b>&\"'$x_", "numbers": "numbers"}
    folders = {name: root / folder for name, folder in named.items()}
    tables = {
        "classes": table(root / f"{HOSTILE.replace('/', '')}.csv", "classify"),
        "numbers": table(root / "numbers.csv", "regress"),
    }
    for name, folder in folders.items():
        data = [str(tables[name]), "--target", "target"] if name in tables else ["digits"]
        epochs = "3" if name == "digits" else "12"
        assert main(["train", *data, *FAST, "--epochs", epochs, "--out", str(folder)]) == 0
    again = root / "digits-again"
    arguments = ["digits", *FAST, "--epochs", "3", "--seed", "1", "--out", str(again)]
    assert main(["train", *arguments]) == 0
    swept = root / "sweep"
    grid = ["--hidden", "4/6,4", "--learning-rate", "0.003,0.03", "--epochs", "2"]
    assert main(["sweep", "digits", *grid, "--backend", "numpy", "-q", "--out", str(swept)]) == 0
    return SimpleNamespace(**folders, again=again, sweep=swept, root=root, tables=tables)


@pytest.fixture(scope="session")
def subjects(runs):
    """The runs, read."""
    numpy = bpnet.backends.get("numpy")
    names = ("digits", "classes", "numbers", "again", "sweep")
    return {name: read(getattr(runs, name), None, numpy) for name in names}


@pytest.fixture(scope="session")
def made(subjects):
    """The page of each run, and one of three side by side, before they are HTML."""
    compared = [subjects[name] for name in ("digits", "again", "classes")]
    alone = {
        name: single.page(subjects[name]) for name in ("digits", "classes", "numbers", "sweep")
    }
    return {**alone, "compared": several.page(compared)}


@pytest.fixture(scope="session")
def pages(made, runs):
    """The same as files."""
    return {name: page.write(made[name], runs.root / f"{name}-page", "0") for name in made}


@pytest.fixture
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

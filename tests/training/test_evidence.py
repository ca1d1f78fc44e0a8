"""Figures with their intervals and baselines, beside resampling and scikit-learn's dummies."""

import sys

import numpy as np
import pytest
from sklearn import metrics
from sklearn.dummy import DummyClassifier, DummyRegressor

import bpnet
from bpnet.training import scores


def regression(m, seed=0, outputs=1):
    rng = np.random.default_rng(seed)
    y = rng.gamma(2.0, 30.0, (m, outputs))
    return y + rng.standard_t(6, (m, outputs)) * 12, y


def figures(a, y):
    error = y - a
    return {
        "r2": metrics.r2_score(y, a),
        "mae": np.abs(error).mean(),
        "rmse": np.sqrt((error**2).mean()),
    }


@pytest.mark.parametrize("outputs", [1, 3])
def test_figures_are_scikit_learns(outputs):
    a, y = regression(70, outputs=outputs)
    assert scores.of_numbers(a, y)[0] == pytest.approx(figures(a, y))


@pytest.mark.parametrize("outputs", [1, 2])
def test_intervals_are_those_of_resampled_examples(outputs):
    """The bootstrap, which has nothing in common with the delta method, has about the same ends."""
    a, y = regression(600, outputs=outputs)
    rng = np.random.default_rng(1)
    drawn = [figures(a[i], y[i]) for i in rng.integers(0, len(y), (2000, len(y)))]
    actual = scores.of_numbers(a, y)[1]["interval"]
    for name, ends in actual.items():
        expected = np.quantile([one[name] for one in drawn], (0.025, 0.975))
        assert ends == pytest.approx(expected, abs=0.12 * (expected[1] - expected[0])), name


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    a, y = regression(200_000)
    truth, held = figures(a, y), dict.fromkeys(("r2", "mae", "rmse"), 0)
    for start in range(0, len(y), 200):
        part = slice(start, start + 200)
        for name, (low, high) in scores.of_numbers(a[part], y[part])[1]["interval"].items():
            held[name] += low <= truth[name] <= high
    for name, count in held.items():
        assert 0.9 < count / 1000 < 0.98, (name, count)


def test_a_perfect_answer_has_no_interval_to_speak_of():
    y = np.arange(5.0)[:, None]
    figures, more = scores.of_numbers(y, y)
    assert figures == {"r2": 1.0, "mae": 0.0, "rmse": 0.0}
    assert more["interval"] == {"r2": (1.0, 1.0), "mae": (0.0, 0.0), "rmse": (0.0, 0.0)}


@pytest.mark.parametrize(
    ("output", "n"), [("softmax", 3), ("sigmoid", 1)], ids=["classes", "one output"]
)
def test_the_baseline_of_classes_is_the_most_frequent_one(output, n):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(90, 4)).astype(np.float32)
    y = np.array(["a", "b", "c"])[rng.choice(max(n, 2), 90, p=[0.2, 0.5, 0.3][: max(n, 2)] if n > 1
                                             else [0.3, 0.7])]  # fmt: skip
    net = bpnet.Network([4, n], output=output)
    bpnet.train(net, (X, y), epochs=1)
    actual = bpnet.evaluate(net, (X, y), detailed=True)
    dummy = DummyClassifier(strategy="most_frequent").fit(X, y)
    assert actual["baseline"] == {"accuracy": dummy.score(X, y), "answer": dummy.predict(X)[0]}
    low, high = actual["interval"]["accuracy"]
    assert low < actual["accuracy"] < high


def test_the_baseline_of_amounts_is_their_mean():
    a, y = regression(80)
    dummy = DummyRegressor().fit(a, y).predict(a)[:, None]
    expected = figures(dummy, y)
    baseline = scores.of_numbers(a, y)[1]["baseline"]
    assert {n: baseline[n] for n in expected} == pytest.approx(expected, abs=1e-12)


def test_labels_have_the_most_frequent_row_as_baseline():
    X = np.random.default_rng(0).normal(size=(10, 2)).astype(np.float32)
    y = np.array([[1, 0, 1]] * 6 + [[0, 1, 0]] * 4)
    net = bpnet.Network([2, 3], output="sigmoid")
    bpnet.train(net, (X, y), epochs=1)
    actual = bpnet.evaluate(net, (X, y), detailed=True)["baseline"]
    assert actual == {"accuracy": 0.6, "answer": [1.0, 0.0, 1.0]}


def test_metrics_of_amounts_need_no_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    X = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    y = X @ np.array([[1.0], [2.0]], np.float32)
    net = bpnet.Network([2, 1])
    history = bpnet.train(net, (X, y), epochs=2, validation=(X, y), metrics=("r2", "rmse", "mae"))
    error = y - net.predict(X)
    assert history["validation_rmse"][-1] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
    assert set(bpnet.evaluate(net, (X, y))) == {"cost", "r2", "mae", "rmse"}
    with pytest.raises(bpnet.InputError, match="'f1' needs scikit-learn"):
        bpnet.train(net, (X, y), epochs=1, validation=(X, y), metrics="f1")

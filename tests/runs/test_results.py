"""Lines that report the figures of an evaluation."""

import numpy as np
import pytest

from bpnet.data import Dataset
from bpnet.runs import results
from bpnet.runs.data import EvaluationSet

X = np.arange(24.0).reshape(12, 2)

Y = np.arange(12) % 3

FIGURES = {
    "cost": 0.5, "accuracy": 0.75, "interval": {"accuracy": (0.5, 0.875)},
    "baseline": {"accuracy": 0.25, "answer": "no"},
}  # fmt: skip


def test_lines_of_results_end_with_what_counts():
    part = EvaluationSet(Dataset(X, Y), "t", "test")
    assert results.lines(FIGURES, part) == [
        "test cost: 0.5000",
        "baseline: accuracy 25.0 %, by always predicting 'no'",
        "95 % interval of the accuracy: 50.0 % to 87.5 %",
        "test accuracy: 75.0 %",
    ]
    amounts = {
        "cost": 0.5, "r2": 0.25, "mae": 12345.6, "rmse": 0.123456,
        "interval": {"r2": (0, 0.5), "mae": (1e4, 2e4), "rmse": (0.1, 0.2)},
        "baseline": {"r2": 0.0, "mae": 3.0, "rmse": 4.0, "answer": "the mean"},
    }  # fmt: skip
    assert results.lines(amounts, part) == [
        "test cost: 0.5000",
        "baseline: R2 0.0000, MAE 3, RMSE 4, by always predicting the mean",
        "test RMSE: 0.12346 (95 %: 0.1 to 0.2)",
        "test MAE: 12,346 (95 %: 10,000 to 20,000)",
        "95 % interval of the R2: 0.0000 to 0.5000",
        "test R2: 0.2500",
    ]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("accuracy", 0.98765, "98.8 %"), ("mae", 9999.9, "9999.9"), ("mae", 1e4, "10,000"),
     ("rmse", -2e4, "-20,000"), ("mse", 0.1234567, "0.12346"), ("r2", 0.123456, "0.1235")],
)  # fmt: skip
def test_figures_as_text(name, value, text):
    assert results.value_text(name, value) == text

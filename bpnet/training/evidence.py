"""What a figure is worth: its 95 % interval, and what a constant answer reaches."""

from typing import Any

import numpy as np

from bpnet.core import metrics
from bpnet.training.targets import Host, Targets

_Z = 1.959964
"""Of 95 % of a normal distribution."""

Interval = tuple[float, float]


def wilson(share: Any, n: Any) -> tuple[Any, Any]:
    """95 % interval of shares of ``n`` examples each (E. B. Wilson, 1927).

    Examples
    --------
    >>> [round(float(end), 3) for end in wilson(0.9, 100)]
    [0.826, 0.945]
    """
    n = np.maximum(n, 1)
    z2 = _Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def of_classes(accuracy: float, wanted: Targets) -> dict[str, Any]:
    """Wilson's interval of an accuracy, and as a baseline the most frequent answer's accuracy."""
    values = wanted.values
    if wanted.kind == "class" and values.ndim == 2:
        values = values.argmax(axis=1)
    answers, counts = np.unique(values, axis=0, return_counts=True)
    most = answers[np.argmax(counts)]
    if wanted.classes is not None:
        most = wanted.classes[int(most.reshape(()) if most.size == 1 else most.argmax())]
    low, high = wilson(accuracy, len(values))
    share = float(counts.max()) / len(values)
    return {
        "interval": {"accuracy": (float(low), float(high))},
        "baseline": {"accuracy": share, "answer": np.asarray(most).tolist()},
    }


def of_numbers(a: Host, y: Host) -> tuple[dict[str, float], dict[str, Any]]:
    """R2, mean absolute error and root of the mean squared error; their intervals and baseline.

    An interval is that of the delta method, which takes a figure for a smooth function of means
    over the examples, on a logarithmic scale: of 1 - R2, and of an error, so that none crosses its
    limit. It needs some thirty examples. The baseline is the mean as the answer to all; outputs
    ``a`` and targets ``y``, (m, n), are in the target's unit.
    """
    a, y = a.astype(np.float64), y.astype(np.float64)
    error, spread = y - a, y - y.mean(axis=0)
    squared, varied = error**2, spread**2
    missed, total = squared.mean(axis=0), varied.mean(axis=0)
    full = np.where(total > 0, total, 1.0)
    shares = ((squared - missed) / full - missed / full**2 * (varied - total)).mean(axis=1)
    far, mse = np.abs(error).mean(axis=1), squared.mean(axis=1)
    figures = {
        "r2": metrics.r2(a, y), "mae": float(far.mean()), "rmse": float(np.sqrt(mse.mean()))
    }  # fmt: skip
    left = _around(1 - figures["r2"], shares)
    interval = {
        "r2": (1 - left[1], 1 - left[0]),
        "mae": _around(figures["mae"], far - far.mean()),
        "rmse": tuple(float(np.sqrt(end)) for end in _around(mse.mean(), mse - mse.mean())),
    }
    baseline = {
        "r2": 0.0, "mae": float(np.abs(spread).mean()), "rmse": float(np.sqrt(total.mean())),
        "answer": "the mean",
    }  # fmt: skip
    return figures, {"interval": interval, "baseline": baseline}


def _around(value: float, influence: Host) -> Interval:
    """95 % interval of a positive figure, by what each example adds to it."""
    if value <= 0:
        return value, value
    width = _Z * float(np.sqrt(np.mean(influence**2) / len(influence))) / value
    return float(value * np.exp(-width)), float(value * np.exp(width))

"""Metrics by name: how good outputs are, beside the cost. Some of them are scikit-learn's."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bpnet.core import metrics
from bpnet.core.activations import Activation
from bpnet.core.metrics import is_probability, middle, r2
from bpnet.core.namespace import namespace_of
from bpnet.errors import InputError, one_line
from bpnet.requirements import install
from bpnet.synonyms import hint
from bpnet.training.targets import Host, Targets

_TOP = re.compile(r"top_([1-9][0-9]{0,8})")

CLASSES = ("accuracy", "balanced_accuracy", "f1", "auc", "log_loss", "top_K")
USUAL = ("r2", "mae", "rmse")
"""Metrics of numbers that are shown if no others are chosen."""
NUMBERS = ("mse", "rmse", "mae", "r2")
_OWN = {"accuracy", *NUMBERS}
"""Metrics that do not need scikit-learn."""
SHRINK = ("cost", "loss", "mse", "mae")
"""Ends of the names of figures that improve by shrinking; all others improve by growing."""


def grows(name: str) -> bool:
    """Whether more of a metric is better."""
    return not name.endswith(SHRINK)


def best_epoch(name: str, values: Sequence[float]) -> int:
    """Return the epoch of the best value of a figure, from 0, as early stopping chooses it.

    The first of equal values is the best, and a value that is not a number is none.
    """
    signed = np.asarray(values, np.float64) * (1 if grows(name) else -1)
    return int(np.argmax(np.where(np.isnan(signed), -np.inf, signed)))


def names_of(metrics: Any) -> tuple[str, ...]:
    """Return names with underscores; refuse metrics that are unknown or lack scikit-learn."""
    listed = [metrics] if isinstance(metrics, str) else list(metrics)
    names = tuple(str(name).replace("-", "_") for name in listed)
    for name in names:
        if name not in {*CLASSES, *NUMBERS} and not _TOP.fullmatch(name):
            known = [one.replace("K", "5") for one in (*CLASSES, *NUMBERS)]
            raise InputError(f"there is no metric {name!r}; {hint('metric', name, known)}")
    foreign = next((name for name in names if name not in _OWN), None)
    if foreign is not None:
        try:
            import sklearn.metrics  # noqa: F401
        except ModuleNotFoundError as error:
            msg = f"the metric {foreign!r} needs scikit-learn; {install('scikit-learn')}"
            raise InputError(msg) from error
    return names


def compute(
    names: Sequence[str], targets: Targets, a: Host, output: Activation
) -> dict[str, float]:
    """Return metrics of outputs a, (m, n_L), by their names.

    Errors are in the target's own unit, or its square. F1 and the area under the curve are means
    over the classes, each against the rest. Refuse a metric that these targets do not define.
    """
    if targets.kind is None and np.any(targets.unit != 1.0):
        targets, a = replace(targets, values=targets.values * targets.unit), a * targets.unit
    a = a.astype(np.float64)
    seen = _answers(targets, a, middle(output))
    out = {}
    for name in names:
        _refuse(name, targets, a.shape[1], output)
        try:
            out[name] = float(_value(name, a, *seen, targets))
        except ValueError as error:
            raise InputError(f"{name} is not defined here: {one_line(error)}") from error
        if math.isnan(out[name]):
            msg = f"{name} is not defined for these targets"
            raise InputError(f"{msg}; give more examples")
    return out


def rehearse(names: Sequence[str], targets: Targets, n: int, output: Activation) -> None:
    """Refuse metrics that some targets do not define, before a network is trained.

    The metrics are computed once for the outputs of a network whose z are all 0.
    """
    if names:
        z = np.zeros((len(targets.values), n))
        compute(names, targets, output.sigma(z, xp=namespace_of(z)), output)


def _refuse(name: str, targets: Targets, n: int, output: Activation) -> None:
    """Refuse a metric that has no meaning for such targets or outputs."""
    if targets.kind is None and name not in NUMBERS:
        msg = f"{name} needs classes, and these targets are numbers; use {', '.join(NUMBERS)}"
        raise InputError(msg)
    if name == "log_loss" and not is_probability(output):
        msg = "log_loss needs probabilities; use the output softmax or sigmoid, or another metric"
        raise InputError(msg)
    top = _TOP.fullmatch(name)
    if top and targets.kind == "threshold" and n > 1:
        msg = f"{name} needs classes that exclude each other, and these targets are rows of labels"
        raise InputError(f"{msg}; use accuracy, f1 or auc")
    if top and int(top[1]) >= max(n, 2):
        msg = f"{name} of {max(n, 2)} classes is always 1; give a number below that of the classes"
        raise InputError(msg)


def _answers(targets: Targets, a: Host, middle: float) -> tuple[Host, Host]:
    """Return the targets as class numbers, labels or numbers, and the outputs' answers likewise."""
    values = targets.values
    if targets.kind is None:
        return values, a
    if targets.kind == "class":
        y = values if values.ndim == 1 else values.argmax(axis=1)
        return y.astype(np.int64), a.argmax(axis=1)
    y, decided = values.astype(np.int64), (a > middle).astype(np.int64)
    return (y[:, 0], decided[:, 0]) if a.shape[1] == 1 else (y, decided)


def _value(name: str, a: Host, y: Host, decided: Host, targets: Targets) -> Any:
    """Return one metric of outputs a, whose answers are ``decided`` where y is correct."""
    if name == "accuracy":
        # an example of several labels is right if all of them are
        return np.mean((y == decided).reshape(len(y), -1).all(axis=1))
    if name in NUMBERS:
        # errors of classes are those of their one-hot rows
        is_row = targets.kind is None or targets.values.ndim == 2
        return _of_numbers(name, a, targets.values if is_row else np.eye(a.shape[1])[y])
    from sklearn import metrics

    # some classes may have no example here, and one output stands for two classes
    labels = list(range(max(a.shape[1], 2)))
    one = a[:, 0] if a.shape[1] == 1 else a
    if top := _TOP.fullmatch(name):
        k = int(top[1])
        return metrics.top_k_accuracy_score(y, one, k=k, labels=labels)
    table: dict[str, Callable[[], Any]] = {
        "balanced_accuracy": lambda: metrics.balanced_accuracy_score(y, decided),
        "f1": lambda: metrics.f1_score(y, decided, average="macro", zero_division=0.0),
        "auc": lambda: _auc(metrics, y, a, labels),
        "log_loss": lambda: metrics.log_loss(y, _exact(one), labels=labels),
    }
    return table[name]()


def _of_numbers(name: str, a: Host, y: Host) -> float:
    """Return R2, or the mean of an error over all outputs."""
    if name == "r2":
        # one example has no variance that could be explained
        return r2(a, y) if len(y) > 1 else math.nan
    if name == "mae":
        return float(np.mean(np.abs(y - a)))
    mean = float(np.mean((y - a) ** 2))
    return mean if name == "mse" else math.sqrt(mean)


def _exact(p: Host) -> Host:
    """Return rows that sum to 1 in float64; those from float32 do so up to its rounding."""
    return p if p.ndim == 1 else np.asarray(p / p.sum(axis=1, keepdims=True))


def _auc(metrics: Any, y: Host, a: Host, labels: list[int]) -> Any:
    if y.ndim == 1 and len(np.unique(y)) < len(labels):
        # compute turns it into an InputError that names the metric
        raise ValueError("a class has no example")
    if y.ndim == 2 or a.shape[1] < 3:
        return metrics.roc_auc_score(y, a if y.ndim == 2 else a[:, -1])
    return metrics.roc_auc_score(y, a, multi_class="ovr", labels=labels)


_Z = 1.959964
"""Half the width of the 95 % interval of a normal distribution, in standard deviations."""

Interval = tuple[float, float]


def wilson(share: Any, n: Any) -> tuple[Any, Any]:
    """Return the 95 % interval of shares of ``n`` examples each (E. B. Wilson, 1927).

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


def of_classes(accuracy: float, targets: Targets) -> dict[str, Any]:
    """Return Wilson's interval of an accuracy, and the accuracy of the most frequent answer."""
    values = targets.values
    if targets.kind == "class" and values.ndim == 2:
        values = values.argmax(axis=1)
    answers, counts = np.unique(values, axis=0, return_counts=True)
    most = answers[np.argmax(counts)]
    if targets.classes is not None:
        most = targets.classes[int(most.reshape(()) if most.size == 1 else most.argmax())]
    low, high = wilson(accuracy, len(values))
    share = float(counts.max()) / len(values)
    return {
        "interval": {"accuracy": (float(low), float(high))},
        "baseline": {"accuracy": share, "answer": np.asarray(most).tolist()},
    }


def of_numbers(a: Host, y: Host) -> tuple[dict[str, float], dict[str, Any]]:
    """Return R2, mean absolute and root mean squared error, then their intervals and baseline.

    The intervals are those of the delta method, which treats a figure as a smooth function of
    means over the examples. They are computed on a logarithmic scale, of 1 - R2 and of the errors,
    so that none crosses its limit, and need some thirty examples. The baseline answers every
    example with the mean. Outputs ``a`` and targets ``y``, (m, n), are in the target's unit.
    """
    a, y = a.astype(np.float64), y.astype(np.float64)
    error, spread = y - a, y - y.mean(axis=0)
    squared, varied = error**2, spread**2
    missed, total = squared.mean(axis=0), varied.mean(axis=0)
    # a target that does not vary is divided by 1, as its spread is 0
    full = np.where(total > 0, total, 1.0)
    # derivatives of missed / total, which is 1 - R2, times the deviations of one example
    shares = ((squared - missed) / full - missed / full**2 * (varied - total)).mean(axis=1)
    far, mse = np.abs(error).mean(axis=1), squared.mean(axis=1)
    figures = {
        "r2": metrics.r2(a, y), "mae": float(far.mean()), "rmse": float(np.sqrt(mse.mean()))
    }  # fmt: skip
    left = _around(1 - figures["r2"], shares)
    interval = {
        "r2": (1 - left[1], 1 - left[0]),
        "mae": _around(figures["mae"], far - far.mean()),
        # the root is monotonic, so that it maps the ends of an interval to ends
        "rmse": tuple(float(np.sqrt(end)) for end in _around(mse.mean(), mse - mse.mean())),
    }
    baseline = {
        "r2": 0.0, "mae": float(np.abs(spread).mean()), "rmse": float(np.sqrt(total.mean())),
        "answer": "the mean",
    }  # fmt: skip
    return figures, {"interval": interval, "baseline": baseline}


def _around(value: float, influence: Host) -> Interval:
    """Return the 95 % interval of a positive figure, from the influence of each example on it."""
    # a figure of 0 has no logarithm, and errors that are all 0 do not vary
    if value <= 0:
        return value, value
    width = _Z * float(np.sqrt(np.mean(influence**2) / len(influence))) / value
    return float(value * np.exp(-width)), float(value * np.exp(width))

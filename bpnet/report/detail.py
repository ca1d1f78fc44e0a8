"""Measure answers in detail: confusions, calibration, mistakes and residuals."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bpnet.training.scores import of_numbers, wilson

Host = np.ndarray[Any, Any]

BINS = 10
"""Number of bins of the confidence."""


def confusion(truth: Host, decided: Host, n: int) -> Host:
    """Count examples, (n, n), by the true class (row) and the predicted class (column).

    Examples
    --------
    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    counts = np.zeros((n, n), np.int64)
    # `counts[truth, decided] += 1` would count a pair that occurs repeatedly only once
    np.add.at(counts, (truth, decided), 1)
    return counts


def by_class(counts: Host) -> tuple[Host, Host, Host]:
    """Return precision, recall and F1 of each class, 0 where there is nothing to divide by.

    Examples
    --------
    >>> [a.tolist() for a in by_class(np.array([[1, 1], [0, 1]]))]
    [[1.0, 0.5], [0.5, 1.0], [0.6666666666666666, 0.6666666666666666]]
    """
    right = np.diag(counts).astype(np.float64)
    said, true = counts.sum(axis=0), counts.sum(axis=1)
    precision = right / np.maximum(said, 1)
    recall = right / np.maximum(true, 1)
    # F1 as 2 TP / (2 TP + FP + FN), which needs no precision and no recall that may be undefined
    return precision, recall, 2 * right / np.maximum(said + true, 1)


@dataclass(frozen=True)
class Calibration:
    """Accuracy of the answers of a network by their confidence.

    Parameters
    ----------
    edges : array, (BINS + 1,)
        Edges of the bins.
    counts : array, (BINS,)
        Number of examples in each bin.
    confidence, accuracy : array, (BINS,)
        Means of each bin; 0 in empty ones.
    low, high : array, (BINS,)
        95 % interval of the accuracy.
    """

    edges: Host
    counts: Host
    confidence: Host
    accuracy: Host
    low: Host
    high: Host

    @property
    def ece(self) -> float:
        """Expected calibration error: mean distance of accuracy and confidence, by examples.

        C. Guo et al., *On Calibration of Modern Neural Networks*, 2017, equation (3).
        """
        gaps = np.abs(self.accuracy - self.confidence)
        return float((self.counts * gaps).sum() / max(self.counts.sum(), 1))


def calibrate(confidence: Host, right: Host) -> Calibration:
    """Put examples into bins of equal width.

    Parameters
    ----------
    confidence : array, (m,)
        Probability of the predicted class.
    right : array of bool, (m,)
        Whether the prediction is right.
    """
    edges = np.linspace(0, 1, BINS + 1)
    # a bin includes its upper edge, as in Guo et al.
    bins = np.digitize(confidence, edges[1:-1], right=True)
    counts = np.bincount(bins, minlength=BINS)
    sums = [np.bincount(bins, weights=values, minlength=BINS) for values in (confidence, right)]
    sure, accuracy = (values / np.maximum(counts, 1) for values in sums)
    low, high = wilson(accuracy, counts)
    return Calibration(edges, counts, sure, accuracy, low, high)


def most_confident(scores: Host, truth: Host, decided: Host, most: int = 16) -> Host:
    """Return the numbers of the misclassified examples, the most confident first.

    Parameters
    ----------
    scores : array, (m,)
        Score of the predicted class.
    truth, decided : array of int, (m,)
        True and predicted class.
    most : int
        Largest number of examples.
    """
    wrong = np.flatnonzero(truth != decided)
    # a stable sort leaves equal scores in the order of the examples, the same on every machine
    surest: Host = wrong[np.argsort(-scores[wrong], kind="stable")][:most]
    return surest


@dataclass(frozen=True)
class Residuals:
    """Predicted and actual amounts, in the unit of the target.

    Parameters
    ----------
    actual, predicted : array, (m,)
        Amounts of one output.
    """

    actual: Host
    predicted: Host

    @property
    def errors(self) -> Host:
        """Predicted minus actual amount, (m,)."""
        errors: Host = self.predicted - self.actual
        return errors

    @cached_property
    def _of_numbers(self) -> tuple[dict[str, float], dict[str, Any]]:
        # `of_numbers` takes several outputs, of which this is one
        return of_numbers(self.predicted[:, None], self.actual[:, None])

    @property
    def figures(self) -> dict[str, float]:
        """R2, mean absolute error, and root of the mean squared error."""
        return self._of_numbers[0]

    @property
    def evidence(self) -> dict[str, Any]:
        """Intervals of the figures, and the figures of the mean as a constant answer."""
        return self._of_numbers[1]

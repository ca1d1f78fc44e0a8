"""Mean and deviation of columns in one pass, from parts that are merged."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

Host = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of columns after some of their values; means and squares are in float64.

    Two parts are merged by d = mean_b - mean_a, mean = mean_a + d n_b / n, squares = squares_a +
    squares_b + d^2 n_a n_b / n (T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing
    the sample variance", The American Statistician 37, 1983). ``squares`` are the sums of squared
    distances from the mean; sums of squares, whose difference loses all digits where the mean is
    large, are never taken. The mean is ``shift``, the first value, and ``rest``, the distance from
    it, so that the difference of two large means keeps its digits.

    Examples
    --------
    >>> Moments.of([[1.0], [2.0]]).merged(Moments.of([[6.0]])).mean
    array([3.])
    """

    count: int
    shift: Host
    rest: Host
    squares: Host
    low: Host
    high: Host

    @classmethod
    def of(cls, x: npt.ArrayLike) -> "Moments":
        """Moments of rows, (m, n), or of one column, (m,); at least one row."""
        values = np.asarray(x, np.float64)
        low, high = values.min(axis=0), values.max(axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            apart = values - values[0]
            rest = apart.mean(axis=0)
            apart -= rest
            # what the mean was rounded by is taken out again
            squares = (apart**2).sum(axis=0) - apart.sum(axis=0) ** 2 / len(values)
        # rounding may leave a small negative number
        return cls(len(values), values[0].copy(), rest, np.maximum(squares, 0.0), low, high)

    def merged(self, other: "Moments") -> "Moments":
        """Moments of the values of both."""
        count = self.count + other.count
        with np.errstate(over="ignore", invalid="ignore"):
            apart = (other.shift - self.shift) + (other.rest - self.rest)
            rest = self.rest + apart * (other.count / count)
            between = apart**2 * (self.count * other.count / count)
            squares = self.squares + other.squares + between
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Moments(count, self.shift, rest, squares, low, high)

    @property
    def mean(self) -> Host:
        """Means."""
        return np.asarray(self.shift + self.rest)

    @property
    def std(self) -> Host:
        """Deviations, of the population; 0 where all values are equal."""
        # equal values may have squares other than 0, by rounding of the mean
        return np.asarray(np.where(self.low == self.high, 0.0, np.sqrt(self.squares / self.count)))

    def standardize(self, x: Host, dtype: Any) -> Host:
        """Rows, (m, n), as ``(x - mean) / std``, computed in float64; 0 in a constant column."""
        unit = np.where(self.std > 0, self.std, 1.0)
        out = np.empty(x.shape, dtype)
        step = max(1, (1 << 18) // max(1, x.shape[1]))  # float64 of a few rows, not of all
        for i in range(0, len(x), step):
            out[i : i + step] = (x[i : i + step] - self.shift - self.rest) / unit
        return out


def merged(parts: Iterable[Moments]) -> Moments:
    """Moments of the values of all parts."""
    return reduce(Moments.merged, parts)

"""Rows of a check: an error beside its bound."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

BITS = 0.0
"""Bound of a row that counts faults."""


@dataclass(frozen=True)
class Row:
    """One thing that was checked."""

    group: str
    name: str
    dtype: str
    error: float  # a relative difference, or a count; infinite where there is no number
    bound: float  # the largest error that passes
    note: str = ""  # position of the largest error, or the exception

    @property
    def passed(self) -> bool:
        """Whether the error is within the bound; nan is not."""
        return self.error <= self.bound

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, with null for infinity."""
        error = self.error if math.isfinite(self.error) else None
        return {**asdict(self), "error": error, "passed": self.passed}

    def __str__(self) -> str:
        """Return verdict, name, error and bound on one line."""
        verdict = "PASS" if self.passed else "FAIL"
        line = f"{verdict}  {self.group:<10} {self.name:<34} {self.dtype:<9}"
        line += f" {self.error:8.1e} {self.bound:8.1e}"
        return f"{line}  {self.note}".rstrip()


def difference(actual: Any, desired: Any) -> float:
    """Norm of the difference, relative to the norm of the desired array unless that is 0."""
    a, d = np.asarray(actual, np.float64), np.asarray(desired, np.float64)
    if a.shape != d.shape:
        msg = f"shape {a.shape}, wanted {d.shape}"
        raise ValueError(msg)
    size = float(np.linalg.norm(d))
    return float(np.linalg.norm(a - d)) / (size or 1.0)


def worst(errors: dict[str, float]) -> tuple[float, str]:
    """Largest error, of which nan is the largest, and its name."""
    name = max(errors, key=lambda k: math.inf if math.isnan(errors[k]) else errors[k])
    return errors[name], name

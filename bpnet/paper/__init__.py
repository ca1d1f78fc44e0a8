"""The living paper: equations beside their source and their checks, and repeated experiments."""

import platform
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from bpnet.backends import Backend
from bpnet.check import equations as checks
from bpnet.check.report import Row
from bpnet.paper import experiments, page
from bpnet.paper.lab import Results
from bpnet.public import listing

__all__ = ["Edition", "make"]
__dir__ = listing(__all__)


@dataclass(frozen=True)
class Edition:
    """Checks and experiments of the paper on one backend.

    Parameters
    ----------
    backend : Backend
        Backend of the computation.
    rows : dict of lists of Row
        Checks of each equation, by its number.
    results : dict of Results
        Results of each experiment, by its name.
    """

    backend: Backend
    rows: dict[int, list[Row]]
    results: dict[str, Results]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(row.passed for rows in self.rows.values() for row in rows)

    @property
    def verdict(self) -> str:
        """Number of checks that passed or failed, worded as ``bpnet check`` words it."""
        verdicts = [row.passed for rows in self.rows.values() for row in rows]
        failed = verdicts.count(False)
        count = len(verdicts)
        return f"{failed} of {count} checks FAILED" if failed else f"all {count} checks passed"

    def html(self, version: str) -> str:
        """Return the page as HTML; ``version`` is the version of bpnet."""
        about = {
            "backend": f"{self.backend.spec}, {self.backend.name} {self.backend.version}",
            "bpnet": version,
            "date": time.strftime("%Y-%m-%d"),
            "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        }
        return page.render(self.results, self.rows, about, version)

    def as_dict(self) -> dict[str, Any]:
        """Return the checks and the experiments' numbers as plain data, for JSON."""
        return {
            "backend": self.backend.spec,
            "version": self.backend.version,
            "passed": self.passed,
            "equations": {n: [row.as_dict() for row in rows] for n, rows in self.rows.items()},
            "experiments": {name: result.numbers for name, result in self.results.items()},
        }


def make(backend: Backend) -> Edition:
    """Run the paper's checks and experiments on a backend.

    Raises
    ------
    InputError
        If a library that draws the page is missing.
    """
    page.check_installed()
    rows: dict[int, list[Row]] = defaultdict(list)
    # half precision has no bounds of its own in the checks
    for dtype in (d for d in backend.dtypes() if d in checks.BOUNDS):
        for number, row in zip(checks.EQUATIONS, checks.rows(backend, dtype), strict=True):
            rows[number].append(row)
    return Edition(backend, dict(rows), experiments.run(backend))

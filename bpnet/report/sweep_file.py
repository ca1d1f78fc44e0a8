"""The part of a sweep's file that a report reads."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpnet.errors import InputError, one_line
from bpnet.runs import folder as run_folder
from bpnet.storage import disk, strict_json

_FIGURES = frozenset(
    {"rank", "trial", "mean", "deviation", "scores", "epochs", "diverged", "pruned"}
)
"""Keys of a row of the ranking that are not options."""


@dataclass(frozen=True)
class Trial:
    """A combination of a sweep, as its file has it.

    Parameters
    ----------
    number : int
        Number of the combination in the plan, from 1.
    options : dict
        Options of the combination.
    score, deviation : float
        Mean and standard deviation of the score over its networks; nan where one diverged.
    epochs : float
        Median of the epochs that its networks keep.
    pruned : int or None
        Epoch after which the trial was pruned.
    """

    number: int
    options: dict[str, Any]
    score: float
    deviation: float
    epochs: float
    pruned: int | None

    @property
    def state(self) -> str:
        """``complete``, ``pruned`` or ``diverged``."""
        if math.isnan(self.score):
            return "diverged"
        return "complete" if self.pruned is None else "pruned"


@dataclass(frozen=True)
class SweepFile:
    """The part of ``sweep.json`` that a report reads; its trials are ranked, the best first."""

    score: str
    seeds: int
    folds: int
    trials: Sequence[Trial]


def read(folder: Path) -> SweepFile | None:
    """Read the sweep of a folder; return None for a folder without one.

    Raises
    ------
    InputError
        If its file is damaged.
    """
    path = folder / run_folder.SWEEP
    if not path.is_file():
        return None
    try:
        file = strict_json.loads(disk.text(path))
        trials = [_trial(row) for row in file["configurations"]]
        return SweepFile(str(file["score"]), len(file["seeds"]), int(file["folds"]), trials)
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # an entry of a damaged file may have any type of JSON, and so any error
        msg = f"{path} is damaged ({one_line(error)}); delete it for a report without it"
        raise InputError(msg) from error


def _trial(row: dict[str, Any]) -> Trial:
    """Trial of a row of the ranking; in a file of an older version its rank is its number."""
    # JSON has no nan, so that null is the score of a combination that diverged
    mean, deviation = (math.nan if row[n] is None else float(row[n]) for n in ("mean", "deviation"))
    epochs = statistics.median(float(epoch) for seed in row["epochs"] for epoch in seed)
    pruned = row.get("pruned")
    return Trial(
        int(row.get("trial", row["rank"])),
        {name: value for name, value in row.items() if name not in _FIGURES},
        mean, deviation, epochs, None if pruned is None else int(pruned),
    )  # fmt: skip

"""Random search: optuna draws combinations from lists and ranges, the same for a seed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.errors import InputError
from bpnet.requirements import require

_TRIES = 20
"""Draws for each combination of a search: lists may have fewer, and none is trained twice."""


@dataclass(frozen=True)
class Span:
    """A range that values are drawn from.

    Parameters
    ----------
    low, high : float
        Ends of the range, both included. From a range that spans a factor of ten or more, orders
        of magnitude are drawn evenly.
    whole : bool
        Whether only whole numbers are drawn.
    """

    low: float
    high: float
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            msg = f"the range {self} has no values; give the lower end first"
            raise InputError(msg)

    def __str__(self) -> str:
        low, high = (int(end) if self.whole else end for end in (self.low, self.high))
        return f"{low}..{high}"

    @property
    def is_log(self) -> bool:
        """Whether orders of magnitude are drawn evenly."""
        # 0 and negative numbers have no order of magnitude
        return 0 < 10 * self.low <= self.high


@contextmanager
def quiet(optuna: Any) -> Iterator[None]:
    """Let optuna log nothing but warnings: a study is no news before its networks are trained."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def drawn(grid: Mapping[str, Sequence[Any] | Span], trials: int, seed: int) -> list[dict[str, Any]]:
    """Draw different combinations, at most as many as there are.

    Raises
    ------
    InputError
        If optuna is missing.
    """
    optuna = require("optuna", "a random search needs")
    with quiet(optuna):
        if seed >= 2**32:  # optuna takes no more
            seed = int(np.random.SeedSequence(seed).generate_state(1)[0])
        # all are drawn before any network has a score, of which another sampler could make use
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        kinds = {name: _distribution(optuna.distributions, values) for name, values in grid.items()}
        combinations: dict[str, dict[str, Any]] = {}
        for _ in range(_TRIES * trials):
            at = study.ask(kinds).params
            one = {n: at[n] if isinstance(v, Span) else v[at[n]] for n, v in grid.items()}
            # values may be lists, which cannot be hashed
            combinations.setdefault(repr(one), one)
            if len(combinations) == trials:
                break
    return list(combinations.values())


def _distribution(kinds: Any, values: Sequence[Any] | Span) -> Any:
    """Distribution that optuna draws from: the numbers of a range, or the positions in a list."""
    if not isinstance(values, Span):
        # a position: optuna warns of categories that are lists
        return kinds.IntDistribution(0, len(values) - 1)
    if values.whole:
        # the ends of a range are floats, also of whole numbers
        return kinds.IntDistribution(int(values.low), int(values.high), log=values.is_log)
    return kinds.FloatDistribution(values.low, values.high, log=values.is_log)

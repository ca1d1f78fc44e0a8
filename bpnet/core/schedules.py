"""Schedules of the learning rate: eta at a step, as a function of the run up to that step.

A schedule is a frozen dataclass with ``rate(eta, at)``, where ``at`` is a :class:`Moment`. It keeps
no state, so that a resumed run has the rates of an uninterrupted one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from bpnet.arguments import shown
from bpnet.core.lookup import by_name, check_number, table
from bpnet.errors import InputError
from bpnet.public import listing

__all__ = [
    "SCHEDULES", "Constant", "Cosine", "Exponential", "InverseScaling", "Moment", "OnPlateau",
    "OneCycle", "Schedule", "Step", "WarmUp", "get",
]  # fmt: skip
__dir__ = listing(__all__)


@dataclass(frozen=True)
class Moment:
    """The progress of a run.

    Parameters
    ----------
    step : int
        Steps done before this one.
    per_epoch : int
        Steps in an epoch.
    total : int
        Steps of the whole run.
    history : mapping of str to sequence of float
        One value for each epoch that has ended, by name.
    """

    step: int
    per_epoch: int = 1
    total: int = 1
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """Epochs that have ended."""
        return self.step // self.per_epoch

    @property
    def share(self) -> float:
        """Share of the steps that are done, from 0 to below 1."""
        return min(self.step / max(self.total, 1), 1.0)


class Schedule(Protocol):
    """The interface of a schedule."""

    def rate(self, eta: float, at: Moment) -> float:
        """Return the learning rate of a step, from the optimizer's eta."""


def _check(schedule: Any, **bounds: tuple[float, float]) -> None:
    for name, (low, high) in bounds.items():
        span = f"of at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
        message = f"{type(schedule).__name__} has {name} = {{!r}}; give a number {span}"
        check_number(schedule, name, message, partial(_is_within, low, high))


def _is_within(low: float, high: float, number: float) -> bool:
    return low <= number <= high


@dataclass(frozen=True)
class Constant:
    """eta."""

    def rate(self, eta: float, at: Moment) -> float:
        """Return eta."""
        return eta


@dataclass(frozen=True)
class Step:
    """eta factor^n after n times ``every`` epochs.

    Parameters
    ----------
    every : int
        Epochs between two drops.
    factor : float
        Factor of eta at each drop.
    """

    every: int = 10
    factor: float = 0.5

    def __post_init__(self) -> None:
        _check(self, every=(1, math.inf), factor=(0.0, 1.0))

    def rate(self, eta: float, at: Moment) -> float:
        """Return eta after the drops so far."""
        return float(eta * self.factor ** (at.epoch // self.every))


@dataclass(frozen=True)
class Exponential:
    """eta decay^e, with e in epochs, step by step.

    Parameters
    ----------
    decay : float
        Share of eta that is left after one epoch.
    """

    decay: float = 0.95

    def __post_init__(self) -> None:
        _check(self, decay=(0.0, 1.0))

    def rate(self, eta: float, at: Moment) -> float:
        """Return eta decayed to this step."""
        return float(eta * self.decay ** (at.step / at.per_epoch))


@dataclass(frozen=True)
class InverseScaling:
    """eta / t^power, with t = 1, 2, ... the number of the step.

    Parameters
    ----------
    power : float
        0.5 is the rate at which averages of noise shrink.
    """

    power: float = 0.5

    def __post_init__(self) -> None:
        _check(self, power=(0.0, math.inf))

    def rate(self, eta: float, at: Moment) -> float:
        """Return eta at step t."""
        return scaled_down(eta, at.step + 1, self.power)


@dataclass(frozen=True)
class Cosine:
    """From eta down to ``final`` eta along half a wave (Loshchilov and Hutter 2017).

    Parameters
    ----------
    final : float
        Share of eta that is left at the end.
    """

    final: float = 0.0

    def __post_init__(self) -> None:
        _check(self, final=(0.0, 1.0))

    def rate(self, eta: float, at: Moment) -> float:
        """Return eta on the wave."""
        wave = 0.5 * (1 + math.cos(math.pi * at.share))
        return eta * (self.final + (1 - self.final) * wave)


@dataclass(frozen=True)
class WarmUp:
    """Straight up to eta over the first epochs, then another schedule.

    Parameters
    ----------
    epochs : float
        Length of the warm-up.
    then : str or Schedule
        Schedule afterwards; it counts its steps from the start of the run.
    """

    epochs: float = 1.0
    then: Schedule = field(default_factory=Constant)

    def __post_init__(self) -> None:
        _check(self, epochs=(0.0, math.inf))
        object.__setattr__(self, "then", get(self.then))

    def rate(self, eta: float, at: Moment) -> float:
        """Return the rate of the other schedule, in the warm-up a growing share of it."""
        rate = self.then.rate(eta, at)
        steps = self.epochs * at.per_epoch
        # from step + 1, because a first step with a rate of 0 would be wasted
        return rate * min(1.0, (at.step + 1) / steps) if steps else rate


@dataclass(frozen=True)
class OneCycle:
    """Up to eta and down to almost nothing, once (Smith and Topin 2018), along half waves.

    Parameters
    ----------
    rise : float
        Share of the steps on the way up.
    start : float
        Share of eta to begin with.
    final : float
        Share of eta at the end.
    """

    # PyTorch's defaults: from 1/25 of eta, to 1/25/1e4 of it
    rise: float = 0.3
    start: float = 0.04
    final: float = 4e-6

    def __post_init__(self) -> None:
        _check(self, rise=(0.0, 1.0), start=(0.0, 1.0), final=(0.0, 1.0))

    def rate(self, eta: float, at: Moment) -> float:
        """Return eta on the way up, or down."""
        if at.share < self.rise:
            return eta * _wave(self.start, 1.0, at.share / self.rise)
        # with a rise of 1 there is no way down to take a share of
        left = 1 - self.rise
        return eta * _wave(1.0, self.final, (at.share - self.rise) / left if left else 1.0)


def scaled_down(eta: float, t: int, power: float) -> float:
    """The rate eta / t^power; 0 where it underflows."""
    try:
        return float(eta / float(t) ** power)
    # t^power is larger than any float
    except OverflowError:
        return 0.0


def _wave(first: float, last: float, share: float) -> float:
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * share))


@dataclass(frozen=True)
class OnPlateau:
    """eta factor^n, with n the number of times that ``patience`` epochs brought no better value.

    The value is ``validation_cost``, or ``cost`` where there is none.

    Parameters
    ----------
    factor : float
        Factor of eta at each plateau.
    patience : int
        Epochs without a better value that make a plateau.
    least : float
        Least improvement that counts.
    """

    factor: float = 0.5
    patience: int = 5
    least: float = 1e-4

    def __post_init__(self) -> None:
        _check(self, factor=(0.0, 1.0), patience=(1, math.inf), least=(0.0, math.inf))

    def rate(self, eta: float, at: Moment) -> float:
        """Return eta after the plateaus so far."""
        # without validation examples the cost of training has to do
        values = at.history.get("validation_cost") or at.history.get("cost") or ()
        # counted from the first epoch on at each call, because a schedule keeps no state
        best, waited, drops = math.inf, 0, 0
        for value in values:
            if value < best - self.least:
                best, waited = value, 0
            else:
                waited += 1
            if waited >= self.patience:
                waited, drops = 0, drops + 1
        return float(eta * self.factor**drops)


SCHEDULES: dict[str, type[Schedule]] = table({
    "constant": Constant, "step": Step, "exponential": Exponential,
    "inverse_scaling": InverseScaling, "cosine": Cosine, "warm_up": WarmUp,
    "one_cycle": OneCycle, "on_plateau": OnPlateau,
})  # fmt: skip
"""Every schedule by its name."""


def get(schedule: str | Schedule) -> Schedule:
    """Schedule of a name with its default parameters, or an object as it is.

    Raises
    ------
    InputError
        If the name is unknown or the object has no ``rate``.

    Examples
    --------
    >>> get("cosine").rate(0.1, Moment(step=50, per_epoch=10, total=100))
    0.05
    """
    if isinstance(schedule, str):
        return by_name("schedule", SCHEDULES, schedule)()
    if isinstance(schedule, type) or not callable(getattr(schedule, "rate", None)):
        msg = f"schedule is {shown(schedule)}; give a name or an object with rate"
        raise InputError(msg)
    return schedule

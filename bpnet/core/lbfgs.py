"""L-BFGS on one flat vector (Nocedal 1980; Liu and Nocedal 1989).

All vectors and their products stay on the device. For each evaluation of the function the host
reads one small array, by which it decides. Constants and the order of the tests are those of
L-BFGS-B without bounds, so that the iterates are those of SciPy to rounding.
"""

import math
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bpnet._typing import Array, Namespace
from bpnet.arguments import checked
from bpnet.core import line_search
from bpnet.core.lookup import check_number

# the host decides in float64, whatever the dtype of the vectors
_EPSILON = 2.0**-52
DECREASE = 1e7 * _EPSILON
"""Relative decrease of f below which the search is over, 2.2e-9: the default of SciPy."""

Objective = Callable[[Array], tuple[Array, ...]]
"""From w, (n,), to f, its gradient, (n,), and further numbers for the caller."""


@checked
@dataclass(frozen=True)
class LBFGS:
    """Settings of L-BFGS, batch descent with the curvature of the last steps.

    Parameters
    ----------
    memory : int
        Number of steps whose curvature is used.
    tolerance : float
        The search ends where no entry of the gradient is larger.
    max_evaluations : int
        Most evaluations of cost and gradient.
    """

    memory: int = 10
    tolerance: float = 1e-5
    max_evaluations: int = 15000

    def __post_init__(self) -> None:
        for name in ("memory", "max_evaluations"):
            message = f"{name} is {{!r}}; give a whole number of at least 1"
            check_number(self, name, message, lambda n: n >= 1, int)
        message = "tolerance is {!r}; give a number of 0 or more"
        check_number(self, "tolerance", message, lambda t: t >= 0, float)


@dataclass(frozen=True)
class SearchState:
    """State of a search after an iteration, or at its end."""

    w: Any  # the point, (n,)
    f: float  # its value
    step: float  # length of the last step, in units of its direction
    extra: tuple[float, ...]  # the objective's further numbers
    iterations: int
    evaluations: int
    round_trips: int  # copies from the device to the host
    converged: bool = False  # whether it ended at a minimum, by the tolerances
    reason: str = ""  # why it ended


@dataclass
class Memory:
    """The last steps s and changes of the gradient y."""

    size: int
    pairs: deque[tuple[Array, Array, Array]] = field(default_factory=deque)
    gamma: Any = 1.0

    def remember(self, s: Array, y: Array) -> None:
        """Add a pair, and drop the oldest."""
        sy = s @ y
        self.pairs.append((s, y, 1 / sy))
        # the first guess of H, gamma I, gets the scale of the last curvature
        self.gamma = sy / (y @ y)
        if len(self.pairs) > self.size:
            self.pairs.popleft()

    def forget(self) -> None:
        """Drop all pairs: the next direction is that of steepest descent."""
        self.pairs.clear()
        self.gamma = 1.0


def direction(g: Array, memory: Memory) -> Array:
    """Direction d = -H g, with the inverse Hessian H of the last steps, by the two loops."""
    q, alphas = g, []
    # the first loop runs from the newest pair to the oldest, the second one back
    for s, y, rho in reversed(memory.pairs):
        alpha = rho * (s @ q)
        q = q - alpha * y
        alphas.append(alpha)
    r = memory.gamma * q
    for (s, y, rho), alpha in zip(memory.pairs, reversed(alphas), strict=True):
        r = r + (alpha - rho * (y @ r)) * s
    return -r


class _At(NamedTuple):
    """Numbers of a point on the host."""

    f: float
    largest: float  # max |g|
    slope: float  # g . d, along the last direction
    slope_before: float  # g_old . d
    extra: tuple[float, ...]


class _Search:
    """The state of one minimization."""

    def __init__(
        self, objective: Objective, read: Callable[[Array], Sequence[float]], xp: Namespace
    ) -> None:
        self.objective, self.read, self.xp = objective, read, xp
        self.iterations = self.evaluations = 0

    def look(self, w: Array, d: Array | None, g_old: Array | None) -> tuple[Array, _At]:
        """Evaluate f and its gradient at ``w``, and copy the numbers to the host."""
        xp = self.xp
        f, g, *extra = self.objective(w)
        # at the start there is no direction, and g . d is the squared length of g
        d = g if d is None else d
        numbers = [f, xp.max(xp.abs(g)), g @ d, (g if g_old is None else g_old) @ d, *extra]
        self.evaluations += 1
        # all numbers are one array, because the host waits for the device at each copy
        host = [float(v) for v in self.read(xp.stack([xp.astype(v, g.dtype) for v in numbers]))]
        f, largest, slope, slope_before, *extra = host
        return g, _At(f, largest, slope, slope_before, tuple(extra))

    def result(self, w: Array, at: _At, step: float, **how: Any) -> SearchState:
        # each evaluation copies once to the host
        counts = self.iterations, self.evaluations, self.evaluations
        return SearchState(w, at.f, step, at.extra, *counts, **how)


def minimize(
    objective: Objective, w: Array, *, settings: LBFGS, max_iterations: int,
    read: Callable[[Array], Sequence[float]], xp: Namespace,
) -> Generator[SearchState, None, SearchState]:  # fmt: skip
    """Minimum of a function near ``w``, one iteration after the other.

    ``objective`` returns f, its gradient and further numbers of a point, (n,), all on the device;
    ``read`` copies an array of numbers to the host. The generator yields the state of the search
    after each iteration, and returns the last one, with the reason of its end.
    """
    state, memory = _Search(objective, read, xp), Memory(settings.memory)
    g, at = state.look(w, None, None)
    step = 0.0
    if not math.isfinite(at.f):
        return state.result(w, at, step, reason="f is not finite at the start")
    if at.largest <= settings.tolerance:
        return state.result(w, at, step, converged=True, reason="gradient below tolerance")
    # the first look had no direction: its slope is g . g
    length = math.sqrt(at.slope)
    while True:
        d = direction(g, memory)
        # as in L-BFGS-B the first step has length 1: no curvature is known yet
        first = 1 / length if state.iterations == 0 else 1.0
        trial = _along(state, w, g, d, at.f, first)
        if trial is None:
            # a search along the gradient itself has nothing left to fall back on
            if not memory.pairs:
                return state.result(w, at, step, reason="no step along the gradient gets lower")
            memory.forget()
            continue
        f, (w, g_new, at, step) = at.f, trial
        state.iterations += 1
        yield state.result(w, at, step)
        # as in SciPy the limits are tested before the tolerances
        reason = _limit(state, settings, max_iterations)
        if reason:
            return state.result(w, at, step, reason=reason)
        drop = f - at.f
        if at.largest <= settings.tolerance:
            return state.result(w, at, step, converged=True, reason="gradient below tolerance")
        if drop <= DECREASE * max(abs(f), abs(at.f), 1.0):
            return state.result(w, at, step, converged=True, reason="f hardly decreases")
        # a pair without positive curvature would make H indefinite; L-BFGS-B skips it, too
        if (at.slope - at.slope_before) * step > _EPSILON * -at.slope_before * step:
            memory.remember(step * d, g_new - g)
        g = g_new


def _along(
    state: _Search, w: Array, g: Array, d: Array, f: float, step: float
) -> tuple[Array, Array, _At, float] | None:
    """Search along ``d``; return the new point, its gradient and numbers, and the step, or None."""
    trial = None
    while True:
        w_new = w + step * d
        g_new, at = state.look(w_new, d, g)
        if trial is None:
            # the first evaluation gives g_old . d as well, which saves a copy; nan ends here, too
            if not at.slope_before < 0:
                return None
            trial = line_search.search(f, at.slope_before, step)
            next(trial)
        try:
            step = trial.send((at.f, at.slope))
        except StopIteration as end:
            step, good = end.value
            return (w_new, g_new, at, step) if good else None


def _limit(state: _Search, settings: LBFGS, max_iterations: int) -> str:
    """The limit at which the search ends; empty where there is none yet."""
    if state.iterations >= max_iterations:
        return f"as many iterations as allowed, {max_iterations}"
    if state.evaluations > settings.max_evaluations:
        return f"as many evaluations as allowed, {settings.max_evaluations}"
    return ""

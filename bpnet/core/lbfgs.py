"""L-BFGS on one flat vector (Nocedal 1980; Liu and Nocedal 1989).

All vectors and their products stay on the device; the host reads one small array for each
evaluation of the function, and decides by it. Constants and order of the tests are those of
L-BFGS-B without bounds, so that the iterates are those of SciPy's to rounding.
"""

import math
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bpnet._typing import Array, Namespace
from bpnet.arguments import checked, finite_number
from bpnet.core import line_search
from bpnet.errors import InputError

_EPSILON = 2.0**-52
DECREASE = 1e7 * _EPSILON
"""Relative decrease of f below which the search is over, 2.2e-9."""

Objective = Callable[[Array], tuple[Array, ...]]
"""From w, (n,), to f, its gradient, (n,), and further numbers that the caller wants to see."""


@checked
@dataclass(frozen=True)
class LBFGS:
    """Settings of L-BFGS: batch descent along the curvature of the last steps.

    Parameters
    ----------
    memory : int
        Steps whose curvature is remembered.
    tolerance : float
        The search is over where no entry of the gradient is larger.
    max_evaluations : int
        Of cost and gradient, at most.
    """

    memory: int = 10
    tolerance: float = 1e-5
    max_evaluations: int = 15000

    def __post_init__(self) -> None:
        for name in ("memory", "max_evaluations"):
            n = finite_number(getattr(self, name))
            if not isinstance(n, int) or n < 1:
                msg = f"{name} is {getattr(self, name)!r}; give a whole number of at least 1"
                raise InputError(msg)
            object.__setattr__(self, name, n)
        tolerance = finite_number(self.tolerance)
        if tolerance is None or tolerance < 0:
            msg = f"tolerance is {self.tolerance!r}; give a number of 0 or more"
            raise InputError(msg)
        object.__setattr__(self, "tolerance", float(tolerance))


@dataclass(frozen=True)
class Found:
    """Where a search ended, or is after an iteration."""

    w: Any  # the point, (n,)
    f: float  # its value
    step: float  # length of the last step, in units of its direction
    extra: tuple[float, ...]  # the objective's further numbers
    iterations: int
    evaluations: int
    round_trips: int  # copies from the device to the host
    converged: bool = False  # whether it ended at a minimum, as far as the tolerances tell
    reason: str = ""  # why it ended


@dataclass
class Memory:
    """The last steps s and changes of the gradient y."""

    size: int
    pairs: deque[tuple[Array, Array, Array]] = field(default_factory=deque)
    gamma: Any = 1.0

    def remember(self, s: Array, y: Array) -> None:
        """Take a pair in, and drop the oldest."""
        sy = s @ y
        self.pairs.append((s, y, 1 / sy))
        self.gamma = sy / (y @ y)
        if len(self.pairs) > self.size:
            self.pairs.popleft()

    def forget(self) -> None:
        """Start again from steepest descent."""
        self.pairs.clear()
        self.gamma = 1.0


def direction(g: Array, memory: Memory) -> Array:
    """D = -H g, with H the inverse Hessian as the remembered steps tell it: the two loops."""
    q, alphas = g, []
    for s, y, rho in reversed(memory.pairs):
        alpha = rho * (s @ q)
        q = q - alpha * y
        alphas.append(alpha)
    r = memory.gamma * q
    for (s, y, rho), alpha in zip(memory.pairs, reversed(alphas), strict=True):
        r = r + (alpha - rho * (y @ r)) * s
    return -r


class _Search:
    """The state of one minimization."""

    def __init__(
        self, objective: Objective, read: Callable[[Array], Sequence[float]], xp: Namespace
    ) -> None:
        self.objective, self.read, self.xp = objective, read, xp
        self.iterations = self.evaluations = 0

    def look(self, w: Array, d: Array | None, g_old: Array | None) -> tuple[Array, list[float]]:
        """Gradient at ``w``, and on the host: f, max |g|, g . d, g_old . d, extras."""
        xp = self.xp
        f, g, *extra = self.objective(w)
        d = g if d is None else d
        wanted = [f, xp.max(xp.abs(g)), g @ d, (g if g_old is None else g_old) @ d, *extra]
        self.evaluations += 1
        return g, [float(v) for v in self.read(xp.stack([xp.astype(v, g.dtype) for v in wanted]))]

    def found(self, w: Array, numbers: Sequence[float], step: float, **how: Any) -> Found:
        extra, counts = tuple(numbers[4:]), (self.iterations, self.evaluations, self.evaluations)
        return Found(w, numbers[0], step, extra, *counts, **how)


def minimize(
    objective: Objective, w: Array, *, settings: LBFGS, max_iterations: int,
    read: Callable[[Array], Sequence[float]], xp: Namespace,
) -> Generator[Found, None, Found]:  # fmt: skip
    """Minimum of a function near ``w``, one iteration after the other.

    ``objective`` gives f, its gradient and further numbers of a point, (n,), all on the device;
    ``read`` copies an array of numbers to the host. It yields where the search is after each
    iteration, and returns the last point, and why it is the last.
    """
    state, memory = _Search(objective, read, xp), Memory(settings.memory)
    g, here = state.look(w, None, None)
    step = 0.0
    if not math.isfinite(here[0]):
        return state.found(w, here, step, reason="f is not finite at the start")
    if here[1] <= settings.tolerance:
        return state.found(w, here, step, converged=True, reason="gradient below tolerance")
    length = math.sqrt(here[2])
    while True:
        d = direction(g, memory)
        first = 1 / length if state.iterations == 0 else 1.0
        tried = _along(state, w, g, d, here[0], first)
        if tried is None:
            if not memory.pairs:
                return state.found(w, here, step, reason="no step along the gradient gets lower")
            memory.forget()
            continue
        before, (w, g_new, here, step, slope) = here, tried
        state.iterations += 1
        yield state.found(w, here, step)
        reason = _limit(state, settings, max_iterations)
        if reason:
            return state.found(w, here, step, reason=reason)
        drop = before[0] - here[0]
        if here[1] <= settings.tolerance:
            return state.found(w, here, step, converged=True, reason="gradient below tolerance")
        if drop <= DECREASE * max(abs(before[0]), abs(here[0]), 1.0):
            return state.found(w, here, step, converged=True, reason="f hardly decreases")
        if (here[2] - slope) * step > _EPSILON * -slope * step:
            memory.remember(step * d, g_new - g)
        g = g_new


def _along(
    state: _Search, w: Array, g: Array, d: Array, f: float, step: float
) -> tuple[Array, Array, list[float], float, float] | None:
    """Point, gradient, numbers, step and old slope after a line search; None where it fails."""
    trial = None
    while True:
        w_new = w + step * d
        g_new, numbers = state.look(w_new, d, g)
        slope = numbers[3]
        if trial is None:
            if not slope < 0:
                return None
            trial = line_search.search(f, slope, step)
            next(trial)
        try:
            step = trial.send((numbers[0], numbers[2]))
        except StopIteration as end:
            step, good = end.value
            return (w_new, g_new, numbers, step, slope) if good else None


def _limit(state: _Search, settings: LBFGS, max_iterations: int) -> str:
    if state.iterations >= max_iterations:
        return f"as many iterations as allowed, {max_iterations}"
    if state.evaluations > settings.max_evaluations:
        return f"as many evaluations as allowed, {settings.max_evaluations}"
    return ""

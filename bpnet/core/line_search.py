"""The line search of Moré and Thuente (1994): a step that meets the strong Wolfe conditions.

It works on plain numbers, phi(t) = f(w + t d) and its slope phi'(t) = d . grad f(w + t d), and
follows MINPACK-2's ``dcsrch``, with the constants of L-BFGS-B.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass, replace

DECREASE, CURVATURE, WIDTH = 1e-3, 0.9, 0.1
"""c1 and c2 of the Wolfe conditions, and the relative width at which a bracket is narrow enough."""

EVALUATIONS = 20
_FARTHEST = 1e10
"""Most trials of a search, and the longest step, as in L-BFGS-B."""


@dataclass(frozen=True)
class Point:
    """A step with phi and its slope there."""

    t: float
    phi: float
    slope: float

    def tilted(self, slope: float) -> "Point":
        """The same point of phi(t) - slope t."""
        return Point(self.t, self.phi - self.t * slope, self.slope - slope)


@dataclass(frozen=True)
class Bracket:
    """Interval with the best step so far at one end; a minimum lies within if it is closed."""

    best: Point
    other: Point
    closed: bool = False


def search(
    phi: float, slope: float, step: float
) -> Generator[float, tuple[float, float], tuple[float, bool]]:
    """Search a step that meets phi(t) <= phi(0) + c1 t phi'(0) and |phi'(t)| <= c2 |phi'(0)|.

    The arguments are phi and its negative slope at 0, and the first step. The generator yields
    steps, and must be sent phi and its slope at each. It returns the last step, and whether it may
    be taken: it meets the conditions, or the bracket is too narrow to find a better one.
    """
    test = DECREASE * slope
    start = Point(0.0, phi, slope)
    bracket, first = Bracket(start, start), True
    # dcsrch starts with 0 and 4 times the first step beyond it
    low, high, farthest = 0.0, 5 * step, _FARTHEST
    width, wider = farthest, 2 * farthest
    for _ in range(EVALUATIONS):
        trial = Point(step, *(yield step))
        if not math.isfinite(trial.phi) or not math.isfinite(trial.slope):
            # without a finite value only a shorter step helps, and no later one may be as long
            farthest = high = step
            step = bracket.best.t + 0.1 * (step - bracket.best.t)
            continue
        enough = trial.phi <= phi + step * test
        # stage 1 of dcsrch lasts until a step gets low enough with a slope that does not fall
        first = first and not (enough and trial.slope >= 0)
        # no step within is better than rounding, or the bracket is narrow enough
        narrow = bracket.closed and (not low < step < high or high - low <= WIDTH * high)
        far = step == farthest and enough and trial.slope <= test
        if narrow or far or (enough and abs(trial.slope) <= CURVATURE * -slope):
            return step, True
        if first and trial.phi <= bracket.best.phi and not enough:
            bracket, step = _tilted_step(bracket, trial, test, low, high)
        else:
            bracket, step = next_step(bracket, trial, low, high)
        best, other = bracket.best.t, bracket.other.t
        if bracket.closed:
            # a bracket that is not a third narrower after two steps is halved
            if abs(other - best) >= 0.66 * wider:
                step = best + 0.5 * (other - best)
            wider, width = width, abs(other - best)
            low, high = min(best, other), max(best, other)
        else:
            # without a bracket the next step goes 1.1 to 4 times as far beyond the best one
            low, high = step + 1.1 * (step - best), step + 4 * (step - best)
        step = min(max(step, 0.0), farthest)
        if bracket.closed and (not low < step < high or high - low <= WIDTH * high):
            # no step within is better: dcsrch ends at the best one so far
            step = best
    return step, False


def _tilted_step(
    bracket: Bracket, trial: Point, slope: float, low: float, high: float
) -> tuple[Bracket, float]:
    """Next step by phi(t) - c1 phi'(0) t, as long as no step decreased phi enough."""
    leaning = Bracket(bracket.best.tilted(slope), bracket.other.tilted(slope), bracket.closed)
    leaning, step = next_step(leaning, trial.tilted(slope), low, high)
    ends = leaning.best.tilted(-slope), leaning.other.tilted(-slope)
    return Bracket(*ends, leaning.closed), step


def next_step(bracket: Bracket, trial: Point, low: float, high: float) -> tuple[Bracket, float]:
    """Update the bracket by a trial, and choose the next step: ``dcstep``.

    Return the bracket with the trial as one of its ends, and the next step, between ``low`` and
    ``high``.
    """
    best, other, closed = bracket.best, bracket.other, bracket.closed
    turned = trial.slope * math.copysign(1.0, best.slope) < 0
    if trial.phi > best.phi:
        step, closed = _higher(best, trial), True
    elif turned:
        step, closed = _turned(best, trial), True
    elif abs(trial.slope) < abs(best.slope):
        step = _flatter(best, trial, other, closed, low, high)
    # case 4: a lower value, and a slope of the same sign that is no smaller
    elif closed:
        step = _cubic(trial, other, trial)
    else:
        step = high if trial.t > best.t else low
    if trial.phi > best.phi:
        return Bracket(best, trial, closed), step
    return replace(bracket, best=trial, other=best if turned else other, closed=closed), step


def _parts(a: Point, b: Point, *, floor: bool = False) -> tuple[float, float]:
    """Theta and gamma of the cubic through two points with their slopes."""
    theta = 3 * (a.phi - b.phi) / (b.t - a.t) + a.slope + b.slope
    # scaled by the largest number, because the squares could overflow
    s = max(abs(theta), abs(a.slope), abs(b.slope))
    root = (theta / s) ** 2 - (a.slope / s) * (b.slope / s)
    # only a flatter slope may have no real root, as the cubic then rises; else it is rounding
    gamma = s * math.sqrt(max(root, 0.0) if floor else abs(root))
    return theta, gamma


def _cubic(origin: Point, end: Point, trial: Point) -> float:
    """Minimum of the cubic through ``end`` and the trial, as a step from ``origin`` to ``end``."""
    theta, gamma = _parts(end, trial)
    gamma = -gamma if trial.t > end.t else gamma
    r = ((gamma - trial.slope) + theta) / (((gamma - trial.slope) + gamma) + end.slope)
    return origin.t + r * (end.t - origin.t)


def _secant(best: Point, trial: Point) -> float:
    """Zero of the line through the slopes at both points."""
    return trial.t + trial.slope / (trial.slope - best.slope) * (best.t - trial.t)


def _higher(best: Point, trial: Point) -> float:
    """Case 1, a higher value: the cubic's minimum, or the mean of it and the parabola's."""
    theta, gamma = _parts(best, trial)
    gamma = -gamma if trial.t < best.t else gamma
    r = ((gamma - best.slope) + theta) / (((gamma - best.slope) + gamma) + trial.slope)
    cubic = best.t + r * (trial.t - best.t)
    chord = (best.phi - trial.phi) / (trial.t - best.t) + best.slope
    parabola = best.t + best.slope / chord / 2 * (trial.t - best.t)
    if abs(cubic - best.t) < abs(parabola - best.t):
        return cubic
    return cubic + (parabola - cubic) / 2


def _turned(best: Point, trial: Point) -> float:
    """Case 2, a lower value and the other slope: the step that is farther from the trial."""
    cubic, secant = _cubic(trial, best, trial), _secant(best, trial)
    return cubic if abs(cubic - trial.t) > abs(secant - trial.t) else secant


def _flatter(
    best: Point, trial: Point, other: Point, closed: bool, low: float, high: float
) -> float:
    """Case 3, a lower value and a smaller slope of the same sign: the cubic may have no minimum."""
    theta, gamma = _parts(best, trial, floor=True)
    gamma = -gamma if trial.t > best.t else gamma
    r = ((gamma - trial.slope) + theta) / ((gamma + (best.slope - trial.slope)) + gamma)
    if r < 0 and gamma != 0:
        cubic = trial.t + r * (best.t - trial.t)
    else:
        cubic = high if trial.t > best.t else low
    secant = _secant(best, trial)
    nearer = abs(cubic - trial.t) < abs(secant - trial.t)
    if not closed:
        step = secant if nearer else cubic
        return min(max(step, low), high)
    step = cubic if nearer else secant
    # not too near to the other end, where the next bracket would hardly be narrower
    bound = trial.t + 0.66 * (other.t - trial.t)
    return min(bound, step) if trial.t > best.t else max(bound, step)

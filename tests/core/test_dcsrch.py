"""The line search beside SciPy's, step by step, on the functions of Moré and Thuente (1994)."""

import math

import pytest

from bpnet.core import lbfgs, line_search
from tests.core import searching

STARTS = (1e-3, 1e-1, 1e1, 1e3)


def _waves(beta=0.01, l=39):
    def phi(a):
        if a <= 1 - beta:
            bend = 1 - a
        elif a >= 1 + beta:
            bend = a - 1
        else:
            bend = (a - 1) ** 2 / (2 * beta) + beta / 2
        return bend + 2 * (1 - beta) / (l * math.pi) * math.sin(l * math.pi / 2 * a)

    def slope(a):
        bend = -1.0 if a <= 1 - beta else 1.0 if a >= 1 + beta else (a - 1) / beta
        return bend + (1 - beta) * math.cos(l * math.pi / 2 * a)

    return phi, slope


def _yanai(beta1, beta2):
    first, second = (math.sqrt(1 + b * b) - b for b in (beta1, beta2))

    def phi(a):
        return first * math.hypot(1 - a, beta2) + second * math.hypot(a, beta1)

    def slope(a):
        return first * (a - 1) / math.hypot(1 - a, beta2) + second * a / math.hypot(a, beta1)

    return phi, slope


SIX = {
    "5.1": (lambda a: -a / (a * a + 2), lambda a: (a * a - 2) / (a * a + 2) ** 2),
    "5.2": (
        lambda a: (a + 0.004) ** 5 - 2 * (a + 0.004) ** 4,
        lambda a: 5 * (a + 0.004) ** 4 - 8 * (a + 0.004) ** 3,
    ),
    "5.3": _waves(),
    "5.4, 0.001 0.001": _yanai(0.001, 0.001),
    "5.5, 0.01 0.001": _yanai(0.01, 0.001),
    "5.6, 0.001 0.01": _yanai(0.001, 0.01),
}


def trials(phi, slope, first):
    """Every step that the search asks about."""
    search = line_search.search(phi(0.0), slope(0.0), first)
    steps = [next(search)]
    while True:
        try:
            steps.append(search.send((phi(steps[-1]), slope(steps[-1]))))
        except StopIteration:
            return steps


def scipys(phi, slope, first):
    """The same of MINPACK-2's dcsrch, as SciPy has it."""
    module = pytest.importorskip("scipy.optimize._dcsrch")
    steps = []

    def watched(a):
        steps.append(float(a))
        return phi(a)

    constants = (line_search.DECREASE, line_search.CURVATURE, line_search.WIDTH)
    module.DCSRCH(watched, slope, *constants, 0.0, 1e10)(first, phi(0.0), slope(0.0), maxiter=20)
    return steps


@pytest.mark.parametrize("first", STARTS)
@pytest.mark.parametrize("name", SIX)
def test_each_trial_is_that_of_scipy(name, first):
    actual, expected = trials(*SIX[name], first), scipys(*SIX[name], first)
    assert actual == pytest.approx(expected, rel=1e-12)


WAVES = [
    (100.0, 0.01, 0.5, -0.7, [(-0.3, 2.2, 4.5), (-0.6, 4.8, 1.4)]),
    (100.0, 0.01, 2.2, -0.6, [(-0.1, 4.6, 3.2), (1.5, 5.2, 3.8)]),
    (100.0, 0.01, 1.7, -0.7, [(1.2, 1.3, 5.1)]),
    (1.0, 0.1, 4.4, -1.2, [(-1.9, 3.8, 5.6), (1.8, 4.6, 4.6), (1.4, 5.5, 0.3)]),
    (1.0, 0.01, 0.1, -1.6, [(-0.9, 1.0, 0.0), (1.4, 3.0, 1.9), (-0.8, 5.5, 4.0)]),
]
"""First step, bowl and waves on it whose brackets shrink slowly, so that some are cut in half."""


@pytest.mark.parametrize(("first", "bowl", "low", "tilt", "waves"), WAVES)
def test_each_trial_is_that_of_scipy_on_waves(first, bowl, low, tilt, waves):
    def phi(t):
        return bowl * (t - low) ** 2 + tilt * t + sum(a * math.sin(w * t + p) for a, w, p in waves)

    def slope(t):
        return 2 * bowl * (t - low) + tilt + sum(a * w * math.cos(w * t + p) for a, w, p in waves)

    assert trials(phi, slope, first) == pytest.approx(scipys(phi, slope, first), rel=1e-9)


def test_a_search_that_decreased_enough_while_it_falls_goes_on_by_the_tilted_function():
    """The first stage ends where phi decreased enough and its slope is not negative, not before."""
    values = [(0.0, -1.0), (-0.0302, -1.01), (-0.036, -0.93), (-0.002, -1.03), (-1.0736, -1.19)]

    def scripted():
        phis, slopes = (iter(column) for column in zip(*values, strict=True))
        return lambda _: next(phis, -1.0), lambda _: next(slopes, 0.0)

    actual, expected = (ask(*scripted(), 10.0) for ask in (trials, scipys))
    assert actual == pytest.approx(expected, rel=1e-12)
    assert len(actual) > 4


def test_a_step_without_a_number_is_the_farthest_of_all():
    """Though phi falls ever faster up to it."""
    search = line_search.search(0.0, -1.0, 0.1)
    steps = [next(search)]
    steps += [search.send(answer) for answer in [(math.inf, math.nan), (-0.0127, -0.98)]]
    with pytest.raises(StopIteration) as end:
        search.send((-0.4475, -1.19))
    assert steps == pytest.approx([0.1, 0.01, 0.1])
    assert end.value.value == (pytest.approx(0.1), True)


@pytest.mark.parametrize("first", [3.0, 10.0, 1e3])
def test_no_trial_goes_where_there_was_no_number(first):
    """A cost that is not finite from 2 on, and falls up to there."""
    steps = trials(
        lambda a: -a if a < 2 else math.inf, lambda a: -1.0 if a < 2 else math.nan, first
    )
    wall = math.inf
    for step in steps:
        assert step <= wall
        wall = min(wall, step) if step >= 2 else wall
    assert max(step for step in steps if step < 2) > 1.5


def test_a_memory_that_forgot_knows_steepest_descent_alone():
    import array_api_compat.numpy as xp

    memory = lbfgs.Memory(3)
    g = xp.asarray([1.0, -2.0])
    memory.remember(xp.asarray([0.1, 0.0]), xp.asarray([3.0, 0.0]))
    assert not bool(xp.all(lbfgs.direction(g, memory) == -g))
    memory.forget()
    assert bool(xp.all(lbfgs.direction(g, memory) == -g))


def test_near_zero_a_small_decrease_is_absolute():
    """L-BFGS-B measures the decrease by max(|f|, |f'|, 1), so a cost near 0 ends the search."""
    import array_api_compat.numpy as xp

    actual = searching.minimize(
        lambda w: (1e-10 * (w @ w), 2e-10 * w),
        xp.asarray([1.0, 2.0]),
        settings=lbfgs.LBFGS(tolerance=0.0),
        max_iterations=50,
        read=lambda numbers: numbers.tolist(),
        xp=xp,
    )
    assert (actual.iterations, actual.reason, actual.converged) == (1, "f hardly decreases", True)

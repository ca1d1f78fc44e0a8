"""The line search against the definition of the strong Wolfe conditions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpnet.core import line_search

C1, C2 = 1e-3, 0.9


def along(phi, slope, step):
    """Step that the search ends with, and how often it asked."""
    search = line_search.search(phi(0.0), slope(0.0), step)
    t, evaluations = next(search), 0
    while True:
        evaluations += 1
        try:
            t = search.send((phi(t), slope(t)))
        except StopIteration as end:
            return *end.value, evaluations


PHI = {
    "Moré and Thuente (1994), 5.1": (
        lambda a: -a / (a * a + 2.0),
        lambda a: (a * a - 2.0) / (a * a + 2.0) ** 2,
    ),
    "steep": (lambda a: 0.5 * (a - 1) ** 2 * 1e6, lambda a: (a - 1) * 1e6),
    "quartic": (lambda a: (a - 3) ** 4, lambda a: 4 * (a - 3) ** 3),
}


@pytest.mark.parametrize("first", [1e-3, 1e-1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize("name", PHI)
def test_it_ends_where_the_strong_wolfe_conditions_hold(name, first):
    phi, slope = PHI[name]
    t, good, evaluations = along(phi, slope, first)
    assert good
    assert evaluations <= 20
    assert phi(t) <= phi(0.0) + C1 * t * slope(0.0)
    assert abs(slope(t)) <= C2 * abs(slope(0.0))


@given(
    low=st.floats(0.1, 50),
    curve=st.floats(1e-3, 1e3),
    wave=st.floats(0, 0.4),
    first=st.floats(1e-4, 1e3),
)
def test_on_any_bowl_with_waves(low, curve, wave, first):
    def phi(t):
        return curve * ((t - low) ** 2 / 2 + wave * math.sin(t - low))

    def slope(t):
        return curve * (t - low + wave * math.cos(t - low))

    if slope(0.0) >= -1e-3 * curve:
        return
    t, good, _ = along(phi, slope, first)
    assert good
    assert phi(t) <= phi(0.0) + C1 * t * slope(0.0)
    assert abs(slope(t)) <= C2 * abs(slope(0.0)) * (1 + 1e-12)


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_step_without_a_number_is_shortened(bad):
    def phi(t):
        return bad if t > 2 else (t - 1) ** 2

    def slope(t):
        return bad if t > 2 else 2 * (t - 1)

    t, good, _ = along(phi, slope, 100.0)
    assert good
    assert 0 < t <= 2


def test_it_gives_up_where_nothing_gets_lower():
    t, good, evaluations = along(lambda t: t, lambda t: -1.0, 1.0)
    assert evaluations <= 20
    assert not good or t < 1e-3

"""The learning rate at a step, against closed forms and counts done by hand."""

import math

import pytest

from bpnet.core import schedules
from bpnet.core.schedules import Moment
from bpnet.errors import InputError


def rates(schedule, steps, per_epoch=10, total=100, eta=0.5):
    return [schedule.rate(eta, Moment(step, per_epoch, total)) for step in steps]


def test_constant():
    assert rates(schedules.Constant(), [0, 50, 99]) == [0.5, 0.5, 0.5]


def test_step_drops_after_every_so_many_epochs():
    actual = rates(schedules.Step(every=2, factor=0.1), [0, 19, 20, 39, 40])
    assert actual == pytest.approx([0.5, 0.5, 0.05, 0.05, 0.005])


def test_exponential_decays_by_the_epoch():
    assert rates(schedules.Exponential(0.25), [0, 5, 10, 20]) == pytest.approx(
        [0.5, 0.25, 0.125, 0.5 / 16]
    )


def test_inverse_scaling():
    assert rates(schedules.InverseScaling(0.5), [0, 3, 99]) == pytest.approx([0.5, 0.25, 0.05])
    assert rates(schedules.InverseScaling(1.0), [4]) == pytest.approx([0.1])


def test_cosine_ends_at_its_share():
    actual = rates(schedules.Cosine(final=0.2), [0, 25, 50, 75, 100])
    wave = [1, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125), 0]
    assert actual == pytest.approx([0.1 + 0.4 * w for w in wave])


def test_warm_up_reaches_the_rate_and_hands_over():
    actual = rates(schedules.WarmUp(2, then=schedules.Cosine()), [0, 9, 19, 50])
    cosine = rates(schedules.Cosine(), [0, 9, 19, 50])
    shares = [1 / 20, 0.5, 1, 1]
    assert actual == pytest.approx([c * s for c, s in zip(cosine, shares, strict=True)])
    assert rates(schedules.WarmUp(0), [0]) == [0.5]


def test_one_cycle_goes_up_and_down_once():
    cycle = schedules.OneCycle(rise=0.25, start=0.1, final=0.01)
    actual = rates(cycle, range(101))
    assert actual[0] == pytest.approx(0.05)
    assert actual[25] == pytest.approx(0.5)
    assert actual[100] == pytest.approx(0.005)
    assert actual[:26] == sorted(actual[:26])
    assert actual[25:] == sorted(actual[25:], reverse=True)
    assert rates(schedules.OneCycle(rise=0.0), [0]) == [0.5]
    assert rates(schedules.OneCycle(rise=1.0), [100]) == pytest.approx([0.5 * 4e-6])


@pytest.mark.parametrize(
    ("history", "drops"),
    [
        ({}, 0),
        ({"cost": [5, 4, 3, 2, 1]}, 0),
        ({"cost": [5, 5, 5]}, 1),
        ({"cost": [5, 5, 5, 5, 5]}, 2),
        ({"cost": [5, 5, 4, 4, 4]}, 1),
        ({"cost": [5, 4.95, 4.95]}, 1),  # not better by 0.1
        ({"cost": [5, 5, 5], "validation_cost": [3, 2, 1]}, 0),
        ({"cost": [5, math.nan, math.nan]}, 1),
    ],
)
def test_on_plateau_counts_epochs_without_a_better_cost(history, drops):
    plateau = schedules.OnPlateau(factor=0.5, patience=2, least=0.1)
    assert plateau.rate(1.0, Moment(0, history=history)) == 0.5**drops


@pytest.mark.parametrize("name", schedules.SCHEDULES)
def test_every_schedule_has_a_name_and_a_rate(name):
    schedule = schedules.get(name.replace("_", "-"))
    assert type(schedule) is schedules.SCHEDULES[name]
    assert all(0 <= r <= 0.5 for r in rates(schedule, range(0, 100, 7)))
    assert schedules.get(schedule) is schedule


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: schedules.get("cosin"), "did you mean 'cosine'"),
        (lambda: schedules.get(3), "give a name or an object with rate"),
        (lambda: schedules.get(schedules.Cosine), "give a name or an object with rate"),
        (lambda: schedules.Step(every=0), "every = 0; give a number of at least 1"),
        (lambda: schedules.Exponential(1.5), "decay = 1.5; give a number from 0 to 1"),
        (lambda: schedules.OnPlateau(patience=True), "patience = True"),
    ],
)
def test_what_is_no_schedule_is_refused(make, text):
    with pytest.raises(InputError, match=text):
        make()

"""Recorded steps: to the bit what the plain loop does, or not at all."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from bpnet.backends import loop, trees
from bpnet.backends.numpy import NumPy
from bpnet.backends.trace import replay
from bpnet.backends.trace.lines import Writer
from bpnet.backends.trace.on_numpy import OnNumPy
from bpnet.backends.trace.recorder import Tracer

XP, LIBRARY = NumPy().xp, OnNumPy()


@dataclass(frozen=True)
class Step:
    """A step that says of itself that it is pure."""

    function: Any
    xp: Any = XP

    def __call__(self, carry, x):
        return self.function(carry, x, xp=self.xp)


Step.pure = True


def pure(function):
    function.pure = True
    return function


def by_replay(step, carry, xs, **options):
    arguments = {"operands": (), "numbers": None, "rows_per_load": 1, **options}
    return replay.scan(step, carry, xs, **arguments, xp=XP, library=LIBRARY)


def scanned(function, carry, count=9):
    """A scan by a recording and by the plain loop, from the same start."""
    step = Step(pure(function))
    xs = np.arange(count * 4, dtype=np.float32).reshape(count, 4)
    start = trees.map_leaves(np.array, carry)
    replayed = by_replay(step, start, xs)
    plain = loop.run(step, trees.map_leaves(np.array, carry), xs, (), None, 1, xp=XP)
    untouched = zip(trees.leaves(start), trees.leaves(carry), strict=True)
    assert all(np.array_equal(a, b) for a, b in untouched)
    return replayed, plain


def assert_same(replayed, plain):
    assert replayed is not None
    for a, b in zip(trees.leaves(replayed), trees.leaves(plain), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


def turn(x, xp, rows=slice(None)):
    """The product with a matrix, which can be told where to write."""
    return xp.matmul(x[None, :], xp.eye(4, dtype=x.dtype)[rows])[0]


def four():
    return tuple(np.full(4, value, np.float32) for value in (1.0, 2.0, 3.0))


def move_by(p, g):
    g *= 0.125
    p -= g


def alike(carry, x, *, xp):
    """Three lanes that are alike."""
    for i, g in enumerate([x * 2.0, turn(x, xp), x + x]):
        move_by(carry[i], g)
    return carry, (xp.matmul(carry[0], carry[1]),)


def in_turn(carry, x, *, xp):
    """Lanes that are alike, but one needs what the other gave."""
    first, second, third = carry
    g = x * 0.5
    first -= g
    h = xp.add(first, x)
    h *= 0.25
    total = xp.matmul(second, h)
    second -= h
    third += total
    return (first, second, third), (xp.matmul(third, first),)


def looked_at_between(carry, x, *, xp):
    """Lanes that are alike, one of them read before the other is written."""
    first, second, third = carry
    g, h = x * 0.5, x * 0.25
    first -= g
    third += xp.matmul(first, x)
    second -= h
    return (first, second, third), (xp.matmul(third, second),)


def swapped(carry, x, *, xp):
    """The arrays that are handed on change places."""
    first, second, third = carry
    first += x
    return (second, third, first), (xp.matmul(first, second),)


def through_views(carry, x, *, xp):
    """A part of an array is written to by another name."""
    first, second, third = carry
    half = first[:2]
    half += x[2:]
    whole = x * 1.0
    part = whole[1:3]
    whole *= 2.0
    return (first, second, third), (xp.matmul(part, half),)


def lanes_of_views(carry, x, *, xp):
    """What is taken off is a view of what is looked at later."""
    seen = [x * 0.5 for _ in carry]
    views = [xp.reshape(xp.astype(whole, whole.dtype, copy=False), (4,)) for whole in seen]
    for i, g in enumerate(views):
        move_by(carry[i], g)
    return carry, tuple(xp.matmul(whole, x) for whole in seen)


def a_rate_that_changes(carry, x, *, xp):
    """Lanes that are alike, but for what a number is by then."""
    first, second, rate = carry
    g, h = turn(x, xp), x + x
    g *= rate
    first -= g
    rate *= 0.5
    h *= rate
    second -= h
    return (first, second, rate), (xp.matmul(second, first),)


def into_another(carry, x, *, xp):
    """What a function gives is written to another array beside."""
    first, second, third = carry
    second -= second
    second += xp.add(first, x)
    return (first, second, third), (xp.matmul(second, third),)


def gradients_handed_on(carry, x, *, xp):
    """What lanes took off is handed on: its memory is not free for the next step."""
    p, q, before, second = carry
    g, h = turn(x, xp), turn(x, xp, slice(None, None, -1))
    total = xp.matmul(before, before) + xp.matmul(second, x)
    move_by(p, g)
    move_by(q, h)
    return (p, q, g, h), (total,)


def changed_before_they_are_copied(carry, x, *, xp):
    """What lanes are given can't be made in their place, and is looked at after them."""
    p, q, _ = carry
    g, h = (xp.astype(xp.astype(xp.where(x > 1, x, -x), xp.float64), xp.float32) for _ in range(2))
    g *= p
    h *= q
    return carry, (xp.matmul(g, h),)


def by_an_element(carry, x, *, xp):
    """An element of an array is looked at when the array's memory might be used again."""
    a = x * 2.0
    first = a[1, ...]
    b = x * 3.0
    c = b * 5.0
    return carry, (xp.matmul(c, b) + first, xp.matmul(carry[0], x))


def an_element_between(carry, x, *, xp):
    """An element of a lane's array is looked at before a later lane."""
    p, q, r = carry
    first = p[1, ...]
    move_by(p, turn(x, xp))
    r *= first
    move_by(q, turn(x, xp))
    return carry, (xp.matmul(r, q),)


def least(carry, x, *, xp):
    """Lanes with a number that others have an array of."""
    gradients = [turn(x, xp) for _ in carry]
    for p, g in zip(carry, gradients, strict=True):
        move_by(p, xp.maximum(xp.abs(g), xp.asarray(1.5, dtype=g.dtype)))
    return carry, (xp.matmul(carry[0], x),)


def into_zeros(carry, x, *, xp):
    """Zeros that are added to are new ones at each step."""
    room = xp.zeros(4, dtype=x.dtype)
    room += x
    return carry, (xp.matmul(room, x),)


STEPS = [
    into_zeros,
    alike, in_turn, looked_at_between, swapped, through_views, lanes_of_views, into_another,
    gradients_handed_on, changed_before_they_are_copied, by_an_element, an_element_between, least,
]  # fmt: skip


def start_of(step):
    return (*four(), four()[0]) if step is gradients_handed_on else four()


def into_a_constant(carry, x, *, xp):
    """Refused: the array would be the same at each step."""
    room = np.zeros(4, np.float32)
    np.add(carry, x, out=room)
    return carry, (xp.matmul(room, x),)


def with_an_array_of_its_own(carry, x, *, xp):
    """Refused: the array may be another one at each step."""
    return carry + x * np.ones(4, np.float32), (xp.matmul(carry, x),)


def beside_the_standard(carry, x, *, xp):
    """Refused: a function that the standard does not have."""
    return carry, (xp.matmul(xp.nan_to_num(carry), x),)


def as_many_as_there_are(carry, x, *, xp):
    """Refused: lengths that depend on values."""
    some = x[x > 2.5]
    some *= 2.0
    return carry, (xp.matmul(some, some),)


def told_by_a_list(carry, x, *, xp):
    """Refused: numbers on their way to Python."""
    return carry, (xp.matmul(x, x) * x.tolist()[0],)


def into_what_is_given(carry, x, *, xp):
    """Refused: the place of what is written to may be an argument like others."""
    move_by(carry, x * 1.0)
    xp.clip(carry, -0.5, 0.5, carry)
    return carry, (xp.matmul(carry, x),)


def without_a_copy(carry, x, *, xp):
    """Refused: a function that by a keyword writes to what it is given."""
    xp.positive(carry, out=carry)
    return carry, (xp.matmul(carry, x),)


def repeated(carry, x, *, xp):
    """Refused: as many as the numbers say."""
    return carry, (xp.sum(xp.repeat(x, xp.astype(x, xp.int64))),)


class Remembering:
    """Refused before it is begun: what it keeps would be of another kind."""

    def __init__(self):
        self.mean = 0.0

    def __call__(self, carry, x):
        self.mean = 0.9 * self.mean + 0.1 * XP.matmul(x, x)
        return carry + x, (self.mean * XP.matmul(carry, x),)


@dataclass(frozen=True)
class Silent:
    """Refused before it is begun: it does not say that it is pure."""

    function: Any
    xp: Any = XP

    def __call__(self, carry, x):
        return self.function(carry, x, xp=self.xp)


@dataclass(frozen=True)
class Holding(Silent):
    """Refused before it is begun: a part of it does not say so."""

    pure = True
    part: Any = field(default_factory=Remembering)


def turned_round(carry, x, *, xp):
    """Refused: in another order in memory from the second step on."""
    square = x[:, None] * x + carry
    return xp.where(square > 0, square, 0 * square).T, (xp.matmul(xp.matmul(carry, x), x),)


def silent(carry, x, *, xp):
    """Refused unless it says that it is pure."""
    return carry, (xp.matmul(carry, x),)


def branching(carry, x, *, xp):
    """Refused: what is done depends on a value."""
    return carry, (xp.matmul(carry, x) if xp.max(x) > 1 else xp.sum(x),)


def an_item_set(carry, x, *, xp):
    """Refused: an array that is written to by an index."""
    y = x * 1.0
    y[0] = 5.0
    return carry, (xp.matmul(carry, y),)


REFUSED = [
    into_a_constant, with_an_array_of_its_own, beside_the_standard, as_many_as_there_are,
    told_by_a_list, into_what_is_given, without_a_copy, repeated, branching, an_item_set,
]  # fmt: skip


def refused(step, start):
    xs = np.arange(36, dtype=np.float32).reshape(9, 4)
    return by_replay(step, start, xs) is None


@pytest.mark.parametrize("step", STEPS)
def test_a_step_has_the_bits_of_the_plain_loop(step):
    assert_same(*scanned(step, start_of(step)))


@pytest.mark.parametrize("count", range(5, 19))
def test_any_number_of_steps_has_the_results_of_the_plain_loop(count, monkeypatch):
    """They are stacked six at a time; a first few are there before the replay runs."""
    monkeypatch.setattr(loop, "FOLD", 6)
    assert_same(*scanned(alike, four(), count))


def test_a_number_that_changes_in_a_step():
    assert_same(*scanned(a_rate_that_changes, (*four()[:2], np.asarray(0.5, np.float32))))


@pytest.mark.parametrize("step", REFUSED)
def test_what_is_refused(step):
    start = four()[0]
    assert refused(Step(pure(step)), start)
    assert np.array_equal(start, four()[0])


@pytest.mark.parametrize("kind", [Silent, Step, Holding])
def test_what_does_not_say_that_it_is_pure_is_not_begun(kind):
    assert refused(kind(silent), four()[0])
    assert not refused(Step(pure(lambda carry, x, *, xp: silent(carry, x, xp=xp))), four()[0])


def test_a_step_with_a_state_is_not_begun():
    step = Remembering()
    assert refused(step, four()[0])
    assert refused(step.__call__, four()[0])
    assert step.mean == 0.0


def test_a_value_that_another_step_has_left_behind_is_refused():
    left = []

    def leaving(carry, x, *, xp):
        left.append(x * 2.0)
        return carry, (xp.matmul(x, left[0]),)

    def taking(carry, x, *, xp):
        return carry, (xp.matmul(x, left[0]),)

    def recorded(step):
        x, tracer = np.arange(4, dtype=np.float32), Tracer(XP)
        return replay.record(tracer, Step(step, tracer), four(), x, (), (), LIBRARY)

    assert recorded(leaving) is not None
    assert recorded(taking) is None


def test_a_carry_whose_order_in_memory_changes_is_refused():
    assert scanned(turned_round, np.zeros((4, 4), np.float32))[0] is None


def test_a_carry_of_numbers_or_of_one_array_twice_is_refused():
    step = Step(pure(lambda carry, x, *, xp: (carry, (xp.matmul(carry[0], x[: len(carry[0])]),))))
    a, b, _ = four()
    xs = np.zeros((9, 4), np.float32)
    for carry, done in [((a, b), True), ((a, 3), False), ((a, a), False), ((a, a[1:]), False)]:
        assert (by_replay(step, carry, xs) is not None) == done


def test_plain_arguments_are_told_apart(monkeypatch):
    """1, 1.0 and True are equal and not alike; -0.0 and 0.0 neither."""
    monkeypatch.setattr(replay, "_functions", {})

    def times(factor):
        return lambda carry, x, *, xp: (carry, (xp.matmul(carry * factor, x + factor),))

    for factor in (1, 1.0, True, 0.0, -0.0, float("nan")):
        replayed, plain = scanned(times(factor), four()[1])
        assert_same(replayed, plain)
    assert len(replay._functions) == 6


def test_a_large_carry_is_refused(monkeypatch):
    def step(carry, x, *, xp):
        return carry, (xp.matmul(x, carry),)

    assert scanned(step, four()[0])[0] is not None
    monkeypatch.setattr(replay, "_MOST", 15)
    assert scanned(step, four()[0])[0] is None


def test_what_failed_is_not_tried_again(monkeypatch):
    monkeypatch.setattr(replay, "_functions", {})
    made, usual = [], Writer.function
    monkeypatch.setattr(Writer, "function", lambda self: made.append(1) or usual(self))

    def step(carry, x, *, xp):
        return carry, (xp.matmul(x, x) * (1.0 if type(x) is np.ndarray else 2.0),)

    assert [scanned(step, four()[0])[0] for _ in range(3)] == [None] * 3
    assert len(made) == 1

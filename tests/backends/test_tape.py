"""Steps on a tape: to the bit what the plain loop does, or not at all."""

import numpy as np
import pytest

from bpnet.backends import loop, trees
from bpnet.backends.numpy import NumPy
from bpnet.backends.tape import calls, plan, replay
from bpnet.backends.tape.code import Writer


def scanned(step, carry, count=9):
    """A scan by the tape and by the plain loop, from the same start."""
    xs = np.arange(count * 4, dtype=np.float32).reshape(count, 4)
    start = trees.map_leaves(np.array, carry)
    by_tape = replay.scan(step, start, xs, (), None, 1, xp=NumPy().xp)
    plain = loop.run(step, trees.map_leaves(np.array, carry), xs, (), None, 1, xp=NumPy().xp)
    untouched = zip(trees.leaves(start), trees.leaves(carry), strict=True)
    assert all(np.array_equal(a, b) for a, b in untouched)
    return by_tape, plain


def assert_same(by_tape, plain):
    assert by_tape is not None
    for a, b in zip(trees.leaves(by_tape), trees.leaves(plain), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


def four():
    return tuple(np.full(4, value, np.float32) for value in (1.0, 2.0, 3.0))


def move_by(p, g):
    g *= 0.125
    p -= g


def alike(carry, x):
    """Three lanes that are alike."""
    for i, g in enumerate([x * 2.0, x.dot(np.eye(4, dtype=np.float32)), x + x]):
        move_by(carry[i], g)
    return carry, (carry[0].dot(carry[1]),)


def in_turn(carry, x):
    """Lanes that are alike, but one needs what the other gave."""
    first, second, third = carry
    g = x * 0.5
    first -= g
    h = np.add(first, x)
    h *= 0.25
    total = second.dot(h)
    second -= h
    third += total
    return (first, second, third), (third.dot(first),)


def looked_at_between(carry, x):
    """Lanes that are alike, one of them read before the other is written."""
    first, second, third = carry
    g, h = x * 0.5, x * 0.25
    first -= g
    third += first.dot(x)
    second -= h
    return (first, second, third), (third.dot(second),)


def swapped(carry, x):
    """The arrays that are handed on change places."""
    first, second, third = carry
    first += x
    return (second, third, first), (first.dot(second),)


def through_views(carry, x):
    """A part of an array is written to by another name."""
    first, second, third = carry
    half = first[:2]
    half += x[2:]
    whole = x * 1.0
    part = whole[1:3]
    whole *= 2.0
    return (first, second, third), (part.dot(half),)


def lanes_of_views(carry, x):
    """What is taken off is a view of what is looked at later."""
    seen = [x * 0.5 for _ in carry]
    views = [whole.astype(whole.dtype, copy=False).reshape(4) for whole in seen]
    for i, g in enumerate(views):
        move_by(carry[i], g)
    return carry, tuple(whole.dot(x) for whole in seen)


def a_rate_that_changes(carry, x):
    """Lanes that are alike, but for what a number is by then."""
    first, second, rate = carry
    g, h = x.dot(np.eye(4, dtype=np.float32)), x + x
    g *= rate
    first -= g
    rate *= 0.5
    h *= rate
    second -= h
    return (first, second, rate), (second.dot(first),)


def into_another(carry, x):
    """What a function gives is written to an array beside."""
    first, second, third = carry
    np.add(first, x, out=second)
    return (first, second, third), (second.dot(third),)


def gradients_handed_on(carry, x):
    """What lanes took off is handed on: its memory is not free for the next step."""
    p, q, before, second = carry
    g, h = x.dot(np.eye(4, dtype=np.float32)), x.dot(np.eye(4, dtype=np.float32)[::-1])
    total = before.dot(before) + second.dot(x)
    move_by(p, g)
    move_by(q, h)
    return (p, q, g, h), (total,)


def changed_before_they_are_copied(carry, x):
    """What lanes are given can't be made in their place, and is looked at after them."""
    p, q, _ = carry
    g, h = (np.where(x > 1, x, -x).astype(np.float64).astype(np.float32) for _ in range(2))
    g *= p
    h *= q
    return carry, (g.dot(h),)


def by_an_element(carry, x):
    """An element of an array is looked at when the array's memory might be used again."""
    a = x * 2.0
    first = a[1, ...]
    b = x * 3.0
    c = b * 5.0
    return carry, (c.dot(b) + first, carry[0].dot(x))


def an_element_between(carry, x):
    """An element of a lane's array is looked at before a later lane."""
    p, q, r = carry
    first = p[1, ...]
    move_by(p, x.dot(np.eye(4, dtype=np.float32)))
    r *= first
    move_by(q, x.dot(np.eye(4, dtype=np.float32)))
    return carry, (r.dot(q),)


def least(carry, x):
    """Lanes with a number that others have an array of."""
    gradients = [x.dot(np.eye(4, dtype=np.float32)) for _ in carry]
    for p, g in zip(carry, gradients, strict=True):
        np.abs(g, out=g)
        np.maximum(g, 1.5, out=g)
        move_by(p, g)
    return carry, (carry[0].dot(x),)


STEPS = [
    alike, in_turn, looked_at_between, swapped, through_views, lanes_of_views, into_another,
    gradients_handed_on, changed_before_they_are_copied, by_an_element, an_element_between, least,
]  # fmt: skip


def start_of(step):
    return (*four(), four()[0]) if step is gradients_handed_on else four()


@pytest.mark.parametrize("step", STEPS)
def test_a_step_has_the_bits_of_the_plain_loop(step):
    assert_same(*scanned(step, start_of(step)))


@pytest.mark.parametrize("count", range(5, 19))
def test_any_number_of_steps_has_the_results_of_the_plain_loop(count, monkeypatch):
    """They are stacked six at a time; a first few are there before the tape runs."""
    monkeypatch.setattr(loop, "FOLD", 6)
    assert_same(*scanned(alike, four(), count))


def test_a_number_that_changes_in_a_step():
    assert_same(*scanned(a_rate_that_changes, (*four()[:2], np.asarray(0.5, np.float32))))


def into_a_constant(carry, x):
    """Refused: the array would be the same at each step."""
    room = np.zeros(4, np.float32)
    np.add(carry, x, out=room)
    return carry, (room.dot(x),)


def as_many_as_there_are(carry, x):
    """Refused: lengths that depend on values."""
    some = x[x > 2.5]
    some *= 2.0
    return carry, (some.dot(some),)


def told_by_a_list(carry, x):
    """Refused: numbers on their way to Python."""
    return carry, (x.dot(x) * x.tolist()[0],)


def into_what_is_given(carry, x):
    """Refused: the place of what is written to may be an argument like others."""
    move_by(carry, x * 1.0)
    np.clip(carry, -0.5, 0.5, carry)
    return carry, (carry.dot(x),)


def without_a_copy(carry, x):
    """Refused: a function that by a keyword writes to what it is given."""
    np.nan_to_num(carry, copy=False)
    return carry, (carry.dot(x),)


def repeated(carry, x):
    """Refused: as many as the numbers say."""
    return carry, (np.repeat(x, x.astype(np.int64)).dot(np.ones(6, np.float32)),)


class Remembering:
    """Refused before it is begun: what it keeps would be of another kind."""

    def __init__(self):
        self.mean = 0.0

    def __call__(self, carry, x):
        self.mean = 0.9 * self.mean + 0.1 * x.dot(x)
        return carry + x, (self.mean * carry.dot(x),)


def turned_round(carry, x):
    """Refused: in another order in memory from the second step on."""
    square = np.outer(x, x) + carry
    return np.where(square > 0, square, 0 * square).T, (carry.dot(x).dot(x),)


REFUSED = [
    into_a_constant, as_many_as_there_are, told_by_a_list, into_what_is_given, without_a_copy,
    repeated, Remembering(), Remembering().__call__,
]  # fmt: skip


@pytest.mark.parametrize("step", REFUSED)
def test_what_is_refused(step):
    xs = np.arange(36, dtype=np.float32).reshape(9, 4)
    start = four()[0]
    assert replay.scan(step, start, xs, (), None, 1, xp=NumPy().xp) is None
    assert np.array_equal(start, four()[0])
    assert getattr(getattr(step, "__self__", step), "mean", 0.0) == 0.0


def test_a_value_that_another_step_has_left_behind_is_refused():
    left = []

    def leaving(carry, x):
        left.append(x * 2.0)
        return carry, (x.dot(left[0]),)

    def taking(carry, x):
        return carry, (x.dot(left[0]),)

    x = np.arange(4, dtype=np.float32)
    assert replay._write(leaving, four(), (x, ()), (x,), ()) is not None
    assert replay._write(taking, four(), (x, ()), (x,), ()) is None


def test_a_carry_whose_order_in_memory_changes_is_refused():
    assert scanned(turned_round, np.zeros((4, 4), np.float32))[0] is None


def test_who_asks_whether_it_is_numpys_array_is_told_so():
    def step(carry, x):
        return carry, (x.dot(x) * (2.0 if isinstance(x, np.ndarray) else 1.0),)

    assert_same(*scanned(step, four()[0]))


def test_a_carry_of_numbers_or_of_one_array_twice_is_refused():
    def step(carry, x):
        return carry, (carry[0].dot(x),)

    a, b, _ = four()
    xs = np.zeros((9, 4), np.float32)
    for carry, done in [((a, b), True), ((a, 3), False), ((a, a), False), ((a, a[1:]), False)]:
        assert (replay.scan(step, carry, xs, (), None, 1, xp=NumPy().xp) is not None) == done


def read_only_view(rows):
    view = rows[:]
    view.flags.writeable = False
    return view


@pytest.mark.parametrize("kind", [np.ndarray.tolist, np.asarray, read_only_view])
def test_constants_are_kept_as_they_were(kind, monkeypatch):
    """What is kept serves a later scan with an index of the same numbers."""
    monkeypatch.setattr(replay, "_functions", {})

    def step(rows):
        return lambda carry, x: (carry, (x[rows].dot(carry[:2]),))

    first, other = np.asarray([0, 1]), np.asarray([0, 1])
    rows = kind(first)
    assert_same(*scanned(step(rows), four()[1]))
    first[:] = [2, 3]
    if isinstance(rows, list):
        rows[:] = [2, 3]
    assert_same(*scanned(step(kind(other)), four()[1]))
    assert len(replay._functions) == 1


def test_a_large_constant_or_carry_is_refused(monkeypatch):
    table = np.ones((4, 4), np.float32)

    def step(carry, x):
        return carry, (x.dot(table).dot(carry),)

    assert scanned(step, four()[0])[0] is not None
    with monkeypatch.context() as patch:
        patch.setattr(calls, "_LARGEST", 63)
        assert scanned(step, four()[0])[0] is None
    monkeypatch.setattr(replay, "_MOST", 15)
    assert scanned(step, four()[0])[0] is None


def test_what_failed_is_not_tried_again(monkeypatch):
    monkeypatch.setattr(replay, "_functions", {})
    made, usual = [], Writer.function
    monkeypatch.setattr(Writer, "function", lambda self: made.append(1) or usual(self))

    def step(carry, x):
        return carry, (x.dot(x) * (1.0 if type(x) is np.ndarray else 2.0),)

    assert [scanned(step, four()[0])[0] for _ in range(3)] == [None] * 3
    assert len(made) == 1


def planned(step, carry):
    """Tape and ends of a step."""
    x = np.arange(4, dtype=np.float32)
    written = replay._write(step, trees.map_leaves(np.array, carry), (x, ()), (x,), ())
    tape, ends, _, _ = written
    return plan.make(tape, ends)


def joined(carry, x):
    a, b = x * 2.0, np.add(x, 1.0)
    v = np.concatenate([a.reshape(2, 2).reshape(-1), b])
    v *= 0.5
    w = carry[0]
    w -= v[:4]
    return carry, (v.dot(v),)


def written_before(carry, x):
    a, b = x * 2.0, x + 1.0
    a *= 3.0
    v = np.concatenate([a, b])
    return carry, (v.dot(v),)


def read_after(carry, x):
    """The first is looked at after the vector has changed."""
    a, b = x * 2.0, x + 1.0
    v = np.concatenate([a, b])
    v *= 0.5
    return carry, (v.dot(v) + a.dot(x),)


def written_after(carry, x):
    """The first changes after it was joined."""
    a, b = x * 2.0, x + 1.0
    v = np.concatenate([a, b])
    a *= 0.5
    return carry, (v.dot(v) + a.dot(x),)


def of_what_is_given(carry, x):
    v = np.concatenate([x, carry[0], x * 2.0])
    v *= 0.5
    return carry, (v.dot(v),)


def twice(carry, x):
    a = x * 2.0
    v = np.concatenate([a, a])
    v *= 0.5
    return carry, (v.dot(v),)


def of_a_part(carry, x):
    a = x * 2.0
    v = np.concatenate([a[:2], x + 1.0])
    return carry, (v.dot(v) + a.dot(x),)


def of_what_is_told_nowhere(carry, x):
    """A function that cannot be told where to write."""
    v = np.concatenate([np.where(x > 1, x, -x), x * 2.0])
    return carry, (v.dot(v),)


def handed_on(carry, x):
    """The vector is the next step's, too."""
    first, second, third = carry
    v = np.concatenate([x[:2] * 2.0, third[2:] * 0.5])
    return (first, second, v), (v.dot(first),)


JOINS = {
    joined: [True, True], written_before: [True, True], read_after: [False, True],
    written_after: [False, True], of_what_is_given: [False, False, True], twice: [True, False],
    of_a_part: [False, True], of_what_is_told_nowhere: [False, True], handed_on: None,
}  # fmt: skip


@pytest.mark.parametrize("step", JOINS)
def test_what_is_joined_has_the_bits_of_the_plain_loop(step):
    assert_same(*scanned(step, four()))


@pytest.mark.parametrize("step", JOINS)
def test_what_is_made_in_its_place(step):
    found = [[root >= 0 for _, root in join.parts] for join in planned(step, four()).joins.values()]
    assert found == ([] if JOINS[step] is None else [JOINS[step]])


def test_memory_of_a_step_is_used_again():
    def step(carry, x):
        for _ in range(50):
            x = x * 0.5
        carry += x
        return carry, (x.dot(x),)

    assert len(planned(step, np.zeros(4, np.float32)).buffers) == 2


def test_a_large_array_that_no_memory_waits_for_is_let_go_of():
    def step(carry, x):
        carry += np.where(carry > 0, carry, x[0])
        return carry, (x.dot(x),)

    for size, count in ((1 << 14, 1), (1 << 10, 0)):
        assert len(planned(step, np.zeros(size, np.float32)).done) == count


class Loading:
    """A step that counts what is loaded."""

    loads = 0

    def load(self, rows, table):
        type(self).loads += 1
        return np.take(table, rows, axis=0)

    def __call__(self, carry, x, table):
        return carry, (x.sum(),)


def test_no_more_is_loaded_than_the_next_steps_need(monkeypatch):
    """To gather the batches of a whole scan would be the data once more."""
    step, seen, usual = Loading(), [], Writer.function
    monkeypatch.setattr(Loading, "loads", 0)
    monkeypatch.setattr(replay, "_ROOM", 20 * 8)  # of rows of two numbers

    def watched(self):
        function = usual(self)

        def counted(carry, operands, steps, outs):
            return function(carry, operands, (seen.append(step.loads) or x for x in steps), outs)

        return counted

    monkeypatch.setattr(Writer, "function", watched)
    table, rows = np.zeros((4, 2), np.float32), np.zeros((3000, 1), np.int64)
    replay.scan(step, np.zeros(1, np.float32), rows, (table,), None, 10, xp=NumPy().xp)
    # ten at first, then as many as there is room for; two were tried beforehand
    assert seen[2:] == [1 + (i >= 10) * (1 + (i - 10) // 20) for i in range(3, 3000)]


def test_a_tape_is_kept_for_the_next_scan_and_no_more_than_some(monkeypatch):
    monkeypatch.setattr(replay, "_functions", {})
    made, usual = [], Writer.function
    monkeypatch.setattr(Writer, "function", lambda self: made.append(1) or usual(self))
    scanned(alike, four())
    scanned(alike, four())
    assert len(made) == 1
    for i in range(replay._KEPT + 3):
        scanned(lambda carry, x, i=i: (carry, (x.dot(x) * float(i),)), four())
    assert len(replay._functions) == replay._KEPT


def test_few_steps_are_not_worth_a_tape(monkeypatch):
    monkeypatch.setattr(replay, "WORTH", 10)
    assert scanned(alike, four(), 9)[0] is None
    assert scanned(alike, four(), 10)[0] is not None


def test_arrays_that_change_places_are_not_kept():
    first, second = planned(alike, four()), planned(swapped, four())
    assert first.ends.kept == set(first.ends.carry)
    assert second.ends.kept == frozenset()

"""Plans of recorded steps: what is joined, which memory is used again, what is loaded and kept."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from bpnet.backends import trees
from bpnet.backends.trace import plan, recorder, replay
from bpnet.backends.trace.lines import Writer
from bpnet.backends.trace.recorder import Tracer
from tests.backends.test_trace import (
    LIBRARY,
    XP,
    Step,
    alike,
    assert_same,
    by_replay,
    four,
    scanned,
    swapped,
)


def planned(step, carry):
    """Plan of a step."""
    x, tracer = np.arange(4, dtype=np.float32), Tracer(XP)
    carry = trees.map_leaves(np.array, carry)
    graph, ends, _, _ = replay.record(tracer, Step(step, tracer), carry, x, (), (), LIBRARY)
    return plan.make(graph, ends, LIBRARY)


def joined(carry, x, *, xp):
    a, b = x * 2.0, xp.add(x, 1.0)
    v = xp.concat([xp.reshape(xp.reshape(a, (2, 2)), (-1,)), b])
    v *= 0.5
    w = carry[0]
    w -= v[:4]
    return carry, (xp.matmul(v, v),)


def written_before(carry, x, *, xp):
    a, b = x * 2.0, x + 1.0
    a *= 3.0
    v = xp.concat([a, b])
    return carry, (xp.matmul(v, v),)


def read_after(carry, x, *, xp):
    """The first is looked at after the vector has changed."""
    a, b = x * 2.0, x + 1.0
    v = xp.concat([a, b])
    v *= 0.5
    return carry, (xp.matmul(v, v) + xp.matmul(a, x),)


def written_after(carry, x, *, xp):
    """The first changes after it was joined."""
    a, b = x * 2.0, x + 1.0
    v = xp.concat([a, b])
    a *= 0.5
    return carry, (xp.matmul(v, v) + xp.matmul(a, x),)


def of_what_is_given(carry, x, *, xp):
    v = xp.concat([x, carry[0], x * 2.0])
    v *= 0.5
    return carry, (xp.matmul(v, v),)


def twice(carry, x, *, xp):
    a = x * 2.0
    v = xp.concat([a, a])
    v *= 0.5
    return carry, (xp.matmul(v, v),)


def of_a_part(carry, x, *, xp):
    a = x * 2.0
    v = xp.concat([a[:2], x + 1.0])
    return carry, (xp.matmul(v, v) + xp.matmul(a, x),)


def of_what_is_told_nowhere(carry, x, *, xp):
    """A function that cannot be told where to write."""
    v = xp.concat([xp.where(x > 1, x, -x), x * 2.0])
    return carry, (xp.matmul(v, v),)


def handed_on(carry, x, *, xp):
    """The vector is the next step's, too."""
    first, second, third = carry
    v = xp.concat([x[:2] * 2.0, third[2:] * 0.5])
    return (first, second, v), (xp.matmul(v, first),)


JOINS = {
    joined: [True, True], written_before: [True, True], read_after: [False, True],
    written_after: [False, True], of_what_is_given: [False, False, True], twice: [True, False],
    of_a_part: [False, True], of_what_is_told_nowhere: [False, True], handed_on: None,
}  # fmt: skip


@dataclass(frozen=True)
class Loading:
    """A step that counts what is loaded."""

    xp: Any = XP
    pure = True
    loads = 0

    def load(self, rows, table):
        type(self).loads += 1
        return np.take(table, rows, axis=0)

    def __call__(self, carry, x, table):
        return carry, (self.xp.sum(x),)


@pytest.mark.parametrize("step", JOINS)
def test_what_is_joined_has_the_bits_of_the_plain_loop(step):
    assert_same(*scanned(step, four()))


@pytest.mark.parametrize("step", JOINS)
def test_what_is_made_in_its_place(step):
    actual = [
        [root >= 0 for _, root in join.parts] for join in planned(step, four()).joins.values()
    ]
    assert actual == ([] if JOINS[step] is None else [JOINS[step]])


def test_memory_of_a_step_is_used_again():
    def step(carry, x, *, xp):
        for _ in range(50):
            x = x * 0.5
        carry += x
        return carry, (xp.matmul(x, x),)

    assert len(planned(step, np.zeros(4, np.float32)).buffers) == 2


def test_a_large_array_that_no_memory_waits_for_is_let_go_of():
    def step(carry, x, *, xp):
        carry += xp.where(carry > 0, carry, x[0])
        return carry, (xp.matmul(x, x),)

    for size, count in ((1 << 14, 1), (1 << 10, 0)):
        assert len(planned(step, np.zeros(size, np.float32)).released) == count


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
    by_replay(step, np.zeros(1, np.float32), rows, operands=(table,), rows_per_load=10)
    # ten at first, then as many as there is room for; two were tried beforehand
    assert seen[2:] == [1 + (i >= 10) * (1 + (i - 10) // 20) for i in range(3, 3000)]


def test_a_function_is_kept_for_the_next_scan_and_no_more_than_some(monkeypatch):
    monkeypatch.setattr(replay, "_functions", {})
    made, usual = [], Writer.function
    monkeypatch.setattr(Writer, "function", lambda self: made.append(1) or usual(self))
    scanned(alike, four())
    scanned(alike, four())
    assert len(made) == 1
    for i in range(replay._KEPT + 3):
        scanned(lambda carry, x, *, xp, i=i: (carry, (xp.matmul(x, x) * float(i),)), four())
    assert len(replay._functions) == replay._KEPT


def test_few_steps_are_not_worth_a_recording(monkeypatch):
    monkeypatch.setattr(replay, "WORTH", 10)
    assert scanned(alike, four(), 9)[0] is None
    assert scanned(alike, four(), 10)[0] is not None


def test_arrays_that_change_places_are_not_kept():
    first, second = planned(alike, four()), planned(swapped, four())
    assert first.ends.in_place == set(first.ends.carry)
    assert second.ends.in_place == frozenset()


def test_a_tracer_hides_no_function_of_the_standard():
    assert not set(dir(Tracer(XP))) & (recorder._RECORDABLE | recorder.INSPECTION)

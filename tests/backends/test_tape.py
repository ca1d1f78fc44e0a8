"""NumPy's steps replayed: to the bit what the plain loop does, or not at all."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import bpnet
from bpnet.backends import loop, trees
from bpnet.backends.numpy import NumPy
from bpnet.backends.tape import lanes, plan, replay
from bpnet.backends.tape.code import Writer
from bpnet.core.activations import ACTIVATIONS, Elementwise
from bpnet.core.optimizers import OPTIMIZERS, Optimizer

RNG = np.random.default_rng(7)
X, LABELS = RNG.standard_normal((95, 6)), RNG.integers(0, 3, 95)
ROWS, WEIGHTS = RNG.random((95, 2)), RNG.random(95)
DATA = X, LABELS


def network(**options):
    return bpnet.Network((6, 5, 4, 3), **{"seed": 3, **options})


@dataclass(frozen=True)
class Refilled(Elementwise):
    """Has an array of its own that it fills again and again."""

    room: ClassVar = np.zeros(1, np.float32)

    def sigma(self, z, *, xp):
        self.room.fill(0.5)
        a = z * self.room
        self.room.fill(0.25)
        return a + self.room

    def prime(self, z, a, *, xp):
        return xp.ones_like(z)


CASES = {
    **{f"hidden {name}": {"net": {"hidden": name}} for name in ACTIVATIONS if name != "softmax"},
    **{name: {"optimizer": name} for name in OPTIMIZERS},
    "quadratic": {"cost": "quadratic"},
    "mae": {"cost": "mae"},
    "sigmoid outputs": {"net": {"output": "sigmoid"}},
    "l2": {"l2": 0.1},
    "l1 and momentum": {"l1": 0.1, "optimizer": "momentum"},
    "max-norm": {"max_norm": 0.5},
    "clipped": {"clip_norm": 0.1},
    "weights": {"sample_weight": WEIGHTS},
    "dropout": {"dropout": 0.4},
    "batch normalization": {"net": {"norm": "batch"}, "optimizer": "adam"},
    "layer normalization": {"net": {"norm": "layer"}},
    "float64": {"dtype": "float64", "optimizer": "adam"},
    "float16": {"dtype": "float16", "optimizer": "adamw"},
    "integers": {"data": (RNG.integers(0, 9, (95, 6)).astype(np.uint8), LABELS)},
    "a schedule": {"schedule": "cosine", "optimizer": "adam"},
    "batches of one": {"batch_size": 1},
    "a room of its own": {"net": {"hidden": Refilled()}},
}


def trained(case, monkeypatch, *, plainly):
    """Parameters and history of a run, and how many steps were replayed in it."""
    options = {"epochs": 3, "batch_size": 8, "data": DATA, **case, "backend": "numpy"}
    net, data = network(**options.pop("net", {})), options.pop("data")
    replayed = []
    with monkeypatch.context() as patch:
        if plainly:
            patch.setattr(replay, "WORTH", 1 << 60)
        usual = Writer.function

        def watched(self):
            function = usual(self)

            def counted(carry, operands, steps, outs):
                steps = list(steps)
                replayed.append(len(steps))
                return function(carry, operands, steps, outs)

            return counted

        patch.setattr(Writer, "function", watched)
        patch.setattr(replay, "_functions", {})
        history = bpnet.train(net, data, **options)
    del history["seconds"]
    return net.parameters, history, sum(replayed)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_replayed_run_has_the_bits_of_the_plain_one(case, monkeypatch):
    parameters, history, replayed = trained(case, monkeypatch, plainly=False)
    expected, wanted, none = trained(case, monkeypatch, plainly=True)
    steps = 3 * (95 // case.get("batch_size", 8))
    assert none == 0
    assert steps - 3 <= replayed < steps  # all but the first of each epoch
    assert history == wanted
    pairs = zip(trees.leaves(parameters), trees.leaves(expected), strict=True)
    assert all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def test_a_set_of_networks_has_the_bits_of_the_plain_loop(monkeypatch):
    found = []
    for worth in (3, 1 << 60):
        monkeypatch.setattr(replay, "WORTH", worth)
        nets = [network(seed=i, norm="layer") for i in range(3)]
        rules = [bpnet.optimizers.Adam(rate) for rate in (0.1, 0.01, 0.001)]
        options = {"optimizer": rules, "dropout": [0.1, 0.2, 0.3], "seed": [0, 1, 2]}
        bpnet.train(nets, DATA, epochs=2, batch_size=8, backend="numpy", **options)
        found.append([a.tobytes() for net in nets for a in trees.leaves(net.parameters)])
    assert found[0] == found[1]


@dataclass(frozen=True)
class Branching(Elementwise):
    """Looks at a value: no tape can."""

    def sigma(self, z, *, xp):
        return z if bool(xp.max(z) > 0.5) else z * 0.5

    def prime(self, z, a, *, xp):
        return xp.ones_like(z)


@dataclass(frozen=True)
class Noisy(Elementwise):
    """Another number at each call."""

    rng: ClassVar = None

    def sigma(self, z, *, xp):
        return z + self.rng.standard_normal(z.shape[-1]).astype(z.dtype)

    def prime(self, z, a, *, xp):
        return xp.ones_like(z)


@dataclass(frozen=True)
class Masked(Elementwise):
    """Writes to an array by a mask."""

    def sigma(self, z, *, xp):
        a = np.array(z)
        a[a < 0] = 0
        return a

    def prime(self, z, a, *, xp):
        return xp.astype(a > 0, z.dtype)


@dataclass(frozen=True)
class Caught(Elementwise):
    """Does something else where a value can't be told, which no trial shows."""

    def sigma(self, z, *, xp):
        try:
            return z * 0.5 if float(xp.max(z)) > 1e9 else z
        except TypeError:
            return z

    def prime(self, z, a, *, xp):
        return xp.ones_like(z)


@dataclass(frozen=True)
class Named(Elementwise):
    """Does something else for what is no array of NumPy's, which only the trial shows."""

    def sigma(self, z, *, xp):
        return z * 0.5 if isinstance(z, np.ndarray) else z

    def prime(self, z, a, *, xp):
        return xp.ones_like(z)


@dataclass(frozen=True)
class Aliased(Elementwise):
    """Adds to an array that it has another name for, which only the trial shows."""

    def sigma(self, z, *, xp):
        first = start = np.ones(z.shape, z.dtype)
        first += z
        return first + start

    def prime(self, z, a, *, xp):
        return 2 * xp.ones_like(z)


@pytest.mark.parametrize(
    ("kind", "tried"),
    [(Branching, 0), (Masked, 0), (Caught, 0), (Noisy, 3), (Named, 3), (Aliased, 3)],
)
def test_what_cant_be_written_down_is_done_plainly(kind, tried, monkeypatch):
    found = []
    for plainly in (False, True):
        monkeypatch.setattr(Noisy, "rng", np.random.default_rng(5))
        case = {"net": {"hidden": kind()}, "optimizer": bpnet.optimizers.SGD(0.01)}
        found.append(trained(case, monkeypatch, plainly=plainly))
    assert found[0][2] == tried  # one of each epoch
    if kind is not Noisy:  # which has drawn for the trials too
        assert found[0][1] == found[1][1]


@dataclass(eq=False)
class Changing:
    """A cost whose factor a callback changes."""

    factor: float = 1.0

    def value(self, z, y, output, *, xp):
        return self.factor * xp.sum((z - y) ** 2, axis=-1)

    def delta(self, z, y, output, *, xp):
        return self.factor * 2 * (z - y)


def test_an_object_that_changes_between_epochs_is_taken_as_it_is(monkeypatch):
    found = []
    for worth in (3, 1 << 60):
        monkeypatch.setattr(replay, "WORTH", worth)
        cost, net = Changing(), bpnet.Network((6, 4, 2), output="identity", seed=1)

        class Change(bpnet.Callback):
            def on_epoch_end(self, run, cost=cost):
                cost.factor *= 0.5

        rule = bpnet.optimizers.SGD(0.01)
        options = {"cost": cost, "optimizer": rule, "callbacks": [Change()]}
        history = bpnet.train(net, (X, ROWS), epochs=3, batch_size=8, backend="numpy", **options)
        found.append(history["cost"])
    assert found[0] == found[1]


@dataclass(frozen=True)
class Rooted(Optimizer):
    """New arrays at each step, by a square root of another array of the state."""

    slots: ClassVar[int] = 1

    def update(self, p, g, slots, coefficients, *, xp):
        (v,) = slots
        v = 0.9 * v + g * g
        return p - coefficients[0] * g / (xp.sqrt(v) + 1e-3), (v,)


def test_an_optimizer_that_makes_new_arrays_is_replayed(monkeypatch):
    case = {"optimizer": Rooted(0.01)}
    parameters, history, replayed = trained(case, monkeypatch, plainly=False)
    expected, wanted, _ = trained(case, monkeypatch, plainly=True)
    assert replayed >= 30
    assert history == wanted
    pairs = zip(trees.leaves(parameters), trees.leaves(expected), strict=True)
    assert all(a.tobytes() == b.tobytes() for a, b in pairs)


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


STEPS = [alike, in_turn, looked_at_between, swapped, through_views, lanes_of_views, into_another]


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


@pytest.mark.parametrize("step", [into_a_constant, as_many_as_there_are, told_by_a_list])
def test_what_is_refused(step):
    assert scanned(step, four()[0])[0] is None


@pytest.mark.parametrize("step", STEPS)
def test_steps_with_little_order(step):
    assert_same(*scanned(step, four()))


def planned(step, carry):
    """Tape and ends of a step."""
    row = (np.arange(4, dtype=np.float32), ())
    tape, ends, _, _ = replay._write(step, trees.map_leaves(np.array, carry), row, ())
    return plan.make(tape, ends)


@pytest.mark.parametrize(("step", "count"), [(alike, 3), (in_turn, 0), (looked_at_between, 0)])
def test_which_calls_become_one(step, count):
    made = planned(step, four())
    assert [len(group.calls) for group in made.lanes] == ([count] if count else [])


def test_large_arrays_are_left_where_they_are():
    large = np.zeros(lanes._SMALL + 1, np.float32)

    def step(carry, x):
        move_by(carry[0], carry[1])
        move_by(carry[2], carry[3])
        return carry, (x.dot(x),)

    assert planned(step, tuple(large + i for i in range(4))).lanes == []
    assert len(planned(step, (*four(), four()[0])).lanes) == 1


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

    def __init__(self):
        self.loads = 0

    def load(self, rows, table):
        self.loads += 1
        return np.take(table, rows, axis=0)

    def __call__(self, carry, x, table):
        return carry, (x.sum(),)


def test_no_more_is_loaded_than_the_next_steps_need(monkeypatch):
    """To gather the batches of a whole scan would be the data once more."""
    step, seen, usual = Loading(), [], Writer.function

    def watched(self):
        function = usual(self)

        def counted(carry, operands, steps, outs):
            return function(carry, operands, (seen.append(step.loads) or x for x in steps), outs)

        return counted

    monkeypatch.setattr(Writer, "function", watched)
    table, rows = np.zeros((4, 2), np.float32), np.zeros((3000, 1), np.int64)
    replay.scan(step, np.zeros(1, np.float32), rows, (table,), None, 10, xp=NumPy().xp)
    assert seen == [1 + i // 10 for i in range(1, 3000)]


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

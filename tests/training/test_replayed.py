"""Runs whose steps NumPy replays: to the bit what they are when each step is called."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import bpnet
from bpnet.backends import trees
from bpnet.backends.trace import replay
from bpnet.backends.trace.lines import Writer
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

    pure: ClassVar = True
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
    expected, reference, none = trained(case, monkeypatch, plainly=True)
    steps = 3 * (95 // case.get("batch_size", 8))
    assert none == 0
    assert steps - 3 <= replayed < steps  # all but the first of each epoch
    assert history == reference
    pairs = zip(trees.leaves(parameters), trees.leaves(expected), strict=True)
    assert all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def test_a_set_of_networks_has_the_bits_of_the_plain_loop(monkeypatch):
    actual = []
    for worth in (3, 1 << 60):
        monkeypatch.setattr(replay, "WORTH", worth)
        nets = [network(seed=i, norm="layer") for i in range(3)]
        rules = [bpnet.optimizers.Adam(rate) for rate in (0.1, 0.01, 0.001)]
        options = {"optimizer": rules, "dropout": [0.1, 0.2, 0.3], "seed": [0, 1, 2]}
        bpnet.train(nets, DATA, epochs=2, batch_size=8, backend="numpy", **options)
        actual.append([a.tobytes() for net in nets for a in trees.leaves(net.parameters)])
    assert actual[0] == actual[1]


@dataclass(frozen=True)
class Silent(Elementwise):
    """Does not say that it is pure."""

    def sigma(self, z, *, xp):
        return z * 0.5

    def prime(self, z, a, *, xp):
        return 0.5 * xp.ones_like(z)


class Declared(Silent):
    """Says that it is."""

    pure = True


def test_a_users_part_is_replayed_if_it_says_that_it_is_pure(monkeypatch):
    actual = [
        trained({"net": {"hidden": kind()}}, monkeypatch, plainly=False)
        for kind in (Silent, Declared)
    ]
    assert actual[0][2] == 0
    assert actual[1][2] >= 30
    assert actual[0][1] == actual[1][1]


@dataclass(frozen=True)
class Branching(Elementwise):
    """Looks at a value: nothing can be recorded."""

    pure: ClassVar = True

    def sigma(self, z, *, xp):
        return z if bool(xp.max(z) > 0.5) else z * 0.5

    def prime(self, z, a, *, xp):
        return xp.ones_like(z)


@dataclass(frozen=True)
class Noisy(Elementwise):
    """Another number at each call."""

    pure: ClassVar = True
    rng: ClassVar = None

    def sigma(self, z, *, xp):
        return z + float(self.rng.standard_normal())

    def prime(self, z, a, *, xp):
        return xp.ones_like(z)


@dataclass(frozen=True)
class Masked(Elementwise):
    """Writes to an array by a mask."""

    pure: ClassVar = True

    def sigma(self, z, *, xp):
        a = np.array(z)
        a[a < 0] = 0
        return a

    def prime(self, z, a, *, xp):
        return xp.astype(a > 0, z.dtype)


@dataclass(frozen=True)
class Caught(Elementwise):
    """Does something else where a value can't be told, which no trial shows."""

    pure: ClassVar = True

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

    pure: ClassVar = True

    def sigma(self, z, *, xp):
        return z * 0.5 if type(z) is np.ndarray else z

    def prime(self, z, a, *, xp):
        return xp.ones_like(z)


@dataclass(frozen=True)
class Aliased(Elementwise):
    """Adds to an array that it has another name for."""

    pure: ClassVar = True

    def sigma(self, z, *, xp):
        first = start = np.ones(z.shape, z.dtype)
        first += z
        return first + start

    def prime(self, z, a, *, xp):
        return 2 * xp.ones_like(z)


@pytest.mark.parametrize(
    ("kind", "tried"),
    [(Branching, 0), (Masked, 0), (Caught, 0), (Aliased, 0), (Refilled, 0), (Noisy, 6), (Named, 2)],
)
def test_what_cant_be_recorded_is_done_plainly(kind, tried, monkeypatch):
    actual = []
    for plainly in (False, True):
        monkeypatch.setattr(Noisy, "rng", np.random.default_rng(5))
        case = {"net": {"hidden": kind()}, "optimizer": bpnet.optimizers.SGD(0.01)}
        actual.append(trained(case, monkeypatch, plainly=plainly))
    assert actual[0][2] == tried
    if kind is not Noisy:  # which has drawn for the trials too
        assert actual[0][1] == actual[1][1]


@dataclass(eq=False)
class Changing:
    """A cost whose factor a callback changes."""

    factor: float = 1.0

    def value(self, z, y, output, *, xp):
        return self.factor * xp.sum((z - y) ** 2, axis=-1)

    def delta(self, z, y, output, *, xp):
        return self.factor * 2 * (z - y)


def test_an_object_that_changes_between_epochs_is_taken_as_it_is(monkeypatch):
    actual = []
    for worth in (3, 1 << 60):
        monkeypatch.setattr(replay, "WORTH", worth)
        cost, net = (
            Changing(),
            bpnet.Network((6, 4, 2), hidden="sigmoid", output="identity", seed=1),
        )

        class Change(bpnet.Callback):
            def on_epoch_end(self, run, cost=cost):
                cost.factor *= 0.5

        rule = bpnet.optimizers.SGD(0.01)
        options = {"cost": cost, "optimizer": rule, "callbacks": [Change()]}
        history = bpnet.train(net, (X, ROWS), epochs=3, batch_size=8, backend="numpy", **options)
        actual.append(history["cost"])
    assert actual[0] == actual[1]


@dataclass(frozen=True)
class Rooted(Optimizer):
    """New arrays at each step, by a square root of another array of the state."""

    slots: ClassVar[int] = 1
    pure: ClassVar[bool] = True

    def update(self, p, g, slots, coefficients, *, xp):
        (v,) = slots
        v = 0.9 * v + g * g
        return p - coefficients[0] * g / (xp.sqrt(v) + 1e-3), (v,)


def test_an_optimizer_that_makes_new_arrays_is_replayed(monkeypatch):
    case = {"optimizer": Rooted(0.01)}
    parameters, history, replayed = trained(case, monkeypatch, plainly=False)
    expected, reference, _ = trained(case, monkeypatch, plainly=True)
    assert replayed >= 30
    assert history == reference
    pairs = zip(trees.leaves(parameters), trees.leaves(expected), strict=True)
    assert all(a.tobytes() == b.tobytes() for a, b in pairs)

"""A scan is a loop, on every backend; on JAX a compiled one."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from bpnet import backends
from bpnet.backends import loop
from bpnet.errors import InputError
from tests.assertions import assert_close


@dataclass(frozen=True)
class Decay:
    """w <- w - eta (w - x), giving the sums of w and of x."""

    eta: float
    calls: list = field(default_factory=list, compare=False)

    def __call__(self, carry, x, scale):
        self.calls.append(None)
        w = carry["w"] - self.eta * (carry["w"] - x * scale)
        xp = w.__array_namespace__() if hasattr(w, "__array_namespace__") else backends.of(w).xp
        return {"w": w}, (xp.sum(w), xp.sum(x))


@dataclass(frozen=True)
class Silent:
    """A step without results."""

    def __call__(self, carry, x):
        return carry + x["a"] - x["b"][0], ()


@dataclass(frozen=True)
class Scaled:
    """A step that takes numbers of the host."""

    def __call__(self, carry, x, numbers, operand):
        (rate, power), (count,) = numbers
        return carry * rate + x * power + operand * count, ()


def by_hand(xs, eta, scale):
    w = np.zeros(xs.shape[1])
    sums = []
    for x in xs:
        w = w - eta * (w - x * scale)
        sums.append((w.sum(), x.sum()))
    return w, np.asarray(sums).T


@pytest.fixture
def xs():
    return np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)


def test_scan_is_a_loop(backend, xs):
    w, (ws, sums) = by_hand(xs.astype(np.float64), 0.25, 2.0)
    carry = {"w": backend.asarray(np.zeros(5, np.float32), copy=True)}
    with backend.session("float32"):
        scale = backend.asarray(np.full(5, 2, np.float32))
        carry, outs = backend.scan(Decay(0.25), carry, backend.asarray(xs), (scale,))
    assert len(outs) == 2
    assert_close(carry["w"], w, 1e-6, backend)
    assert_close(outs[0], ws, 1e-6, backend)
    assert_close(outs[1], sums, 1e-6, backend)


def test_results_are_folded_in_order(backend, xs, monkeypatch):
    """Stacked two at a time, so that the last fold is a short one."""
    monkeypatch.setattr(loop, "FOLD", 2)
    _, (_, sums) = by_hand(xs.astype(np.float64), 0.5, 1.0)
    carry = {"w": backend.asarray(np.zeros(5, np.float32), copy=True)}
    ones = backend.asarray(np.ones(5, np.float32))
    _, outs = backend.scan(Decay(0.5), carry, backend.asarray(xs), (ones,))
    assert outs[1].shape == (7,)
    assert_close(outs[1], sums, 1e-6, backend)


def test_scan_takes_nested_slices_and_steps_without_results(backend):
    a = backend.asarray(np.arange(4, dtype=np.float32))
    b = backend.asarray(np.ones(4, np.float32))
    zero = backend.asarray(np.float32(0), copy=True)
    carry, outs = backend.scan(Silent(), zero, {"a": a, "b": (b,)})
    assert outs == ()
    assert_close(carry, 6.0 - 4.0, 0.0, backend)


class Added:
    """A step that takes what it loads: two rows by their numbers, and these."""

    def __init__(self, xp):
        self.xp, self.loads = xp, []

    def load(self, rows, table):
        self.loads.append(int(rows.shape[0]))
        return {"row": self.xp.take(table, rows, axis=0), "number": (rows,)}

    def __call__(self, carry, taken, table):
        (numbers,) = taken["number"]
        return carry + taken["row"][0, ...] - taken["row"][1, ...], (numbers[0], numbers[1])


@pytest.mark.parametrize("rows_per_load", [1, 4, 6, 100])
def test_steps_take_what_was_loaded_for_several_at_once(backend, monkeypatch, rows_per_load):
    monkeypatch.setattr(type(backend), "rows_per_load", rows_per_load)
    table = np.arange(30, dtype=np.float32).reshape(10, 3) ** 2
    rows = np.asarray([[3, 1], [0, 9], [2, 2], [7, 4], [5, 8]])
    step = Added(backend.xp)
    carry, outs = backend.scan(
        step,
        backend.asarray(np.zeros(3, np.float32), copy=True),
        backend.asarray(rows, dtype=backend.index_dtype),
        (backend.asarray(table),),
    )
    assert_close(carry, (table[rows[:, 0]] - table[rows[:, 1]]).sum(0), 0.0, backend)
    assert [backend.to_numpy(out).tolist() for out in outs] == rows.T.tolist()
    if backend.name != "jax":
        size = max(rows_per_load // 2, 1)
        assert step.loads == [2 * min(size, 5 - first) for first in range(0, 5, size)]


def test_scan_without_steps_gives_the_carry_back(backend):
    carry = backend.asarray(np.float32(3), copy=True)
    none = backend.asarray(np.empty(0, np.float32))
    carry, outs = backend.scan(Silent(), carry, {"a": none, "b": (none,)})
    assert outs == ()
    assert_close(carry, 3.0, 0.0, backend)


def test_scan_passes_numbers_of_the_host(backend):
    coefficients = np.asarray([[0.5, 1.0], [0.25, 2.0], [2.0, 0.5]])
    counts = np.asarray([[1], [2], [3]])
    expected = 1.0
    for (rate, power), (count,), x in zip(coefficients, counts, (1.0, 2.0, 3.0), strict=True):
        expected = expected * rate + x * power + 10.0 * count

    carry, _ = backend.scan(
        Scaled(),
        backend.asarray(np.float32(1), copy=True),
        backend.asarray(np.asarray([1, 2, 3], np.float32)),
        (backend.asarray(np.float32(10)),),
        (coefficients, counts),
    )
    assert_close(carry, expected, 1e-6, backend)


def test_leading_axes_of_two_lengths_are_refused(backend):
    a, b = (backend.asarray(np.ones(n, np.float32)) for n in (3, 4))
    with pytest.raises(InputError, match=r"leading axes of \[3, 4\]"):
        backend.scan(Silent(), a[0, ...], {"a": a, "b": (b,)})


@pytest.fixture
def jax_backend():
    pytest.importorskip("jax")
    return backends.get("jax:cpu")


def run(backend, step, xs):
    with backend.session("float32"):
        carry = {"w": backend.asarray(np.zeros(xs.shape[1], np.float32), copy=True)}
        ones = backend.asarray(np.ones(xs.shape[1], np.float32))
        for _ in range(3):
            carry, _ = backend.scan(step, carry, backend.asarray(xs), (ones,))
    return carry


def test_jax_traces_once_for_equal_steps_and_shapes(jax_backend, xs):
    first = Decay(0.125)
    run(jax_backend, first, xs)
    assert len(first.calls) == 1

    equal = Decay(0.125)
    run(jax_backend, equal, xs)
    assert equal.calls == []

    run(jax_backend, first, xs[:, :4])
    assert len(first.calls) == 2


def test_jax_takes_the_memory_of_the_carry_and_not_of_the_data(jax_backend, xs):
    carry = {"w": jax_backend.asarray(np.zeros(5, np.float32), copy=True)}
    data, ones = jax_backend.asarray(xs), jax_backend.asarray(np.ones(5, np.float32))
    jax_backend.scan(Decay(0.5), carry, data, (ones,))
    assert carry["w"].is_deleted()
    assert not data.is_deleted()
    assert not ones.is_deleted()


def test_jax_scans_in_float64_inside_its_session(jax_backend, xs):
    expected, _ = by_hand(xs.astype(np.float64), 0.25, 1.0)
    with jax_backend.session("float64"):
        carry = {"w": jax_backend.asarray(np.zeros(5), copy=True)}
        data = jax_backend.asarray(xs, dtype="float64")
        ones = jax_backend.asarray(np.ones(5))
        carry, outs = jax_backend.scan(Decay(0.25), carry, data, (ones,))
        assert_close(carry["w"], expected, 1e-15, jax_backend)
    assert str(outs[0].dtype) == "float64"


def test_synchronize_waits_for_work_under_way(backend):
    array = backend.asarray(np.ones((64, 64), np.float32))
    product = array @ array
    backend.synchronize()
    assert_close(product, np.full((64, 64), 64.0), 0.0, backend)

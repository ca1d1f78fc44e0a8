"""A fault in one array, word, pair, example or layer alone: no check looks at the others only."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from bpnet import backends
from bpnet.check import bits, cases, discipline, equations, gradients, jobs, parity
from bpnet.check.watch import Call, Watch
from bpnet.core import activations, costs, descent, feedforward, optimizers, random, regularizers

NUMPY = backends.get("numpy")
ARRAYS = [(l, i) for l in (0, 1) for i in (0, 1)]


def failing(dtype="float64"):
    """Numbers of the equations whose checks fail on NumPy."""
    rows = zip(equations.EQUATIONS, equations.rows(NUMPY, dtype), strict=True)
    return {number for number, row in rows if not row.passed}


def doubled(arrays, l, i):
    """Arrays of layers, of which one has twice its numbers."""
    return tuple(
        tuple(2 * a if (m, j) == (l, i) else a for j, a in enumerate(layer))
        for m, layer in enumerate(arrays)
    )


@pytest.mark.parametrize(("l", "i"), ARRAYS)
def test_the_gradient_of_each_array_of_each_layer(monkeypatch, l, i):
    right = feedforward.cost_and_gradients

    def wrong(*args, **named):
        z, values, actual = right(*args, **named)
        return z, values, doubled(actual, l, i)

    monkeypatch.setattr(feedforward, "cost_and_gradients", wrong)
    assert failing() == {6, 7, 28, 29, 24 if i == 0 else 23}


@pytest.mark.parametrize(("l", "i"), ARRAYS)
def test_the_step_of_each_array_of_each_layer(monkeypatch, l, i):
    right = optimizers.update

    def wrong(*args, **named):
        moved, state = right(*args, **named)
        return doubled(moved, l, i), state

    monkeypatch.setattr(optimizers, "update", wrong)
    assert failing() == {7, 29}


@pytest.mark.parametrize(("l", "i"), ARRAYS)
def test_regularization_of_each_array_of_each_layer(monkeypatch, l, i):
    right = regularizers.l2_gradient
    wrong = lambda *args, **named: doubled(right(*args, **named), l, i)  # noqa: E731
    monkeypatch.setattr(regularizers, "l2_gradient", wrong)
    assert failing() == {28, 29}


@pytest.mark.parametrize(
    ("holder", "name", "own"),
    [
        (feedforward, "weighted_input", {12, 13}),
        (costs.Quadratic, "value", {5}),
        (costs.CrossEntropy, "value", {25}),
        (descent, "steepest_descent", {2}),
        (feedforward, "activate", {10, 11, 14}),
    ],
)
@pytest.mark.parametrize("row", [0, 1])
def test_each_example(monkeypatch, holder, name, own, row):
    right = getattr(holder, name)

    def wrong(*args, **named):
        actual = np.array(right(*args, **named))
        actual[row : row + 1] *= 1.5  # of a batch that has so many
        return actual

    monkeypatch.setattr(holder, name, wrong)
    assert own <= failing()


@pytest.mark.parametrize("z", [-30.0, -1e30, -1000.0, 1000.0, 1e30, 0.0, 2.0])
def test_the_sigmoid_near_and_far(monkeypatch, z):
    right = activations.Sigmoid.sigma

    def wrong(self, a, *, xp):
        actual = right(self, a, xp=xp)
        return xp.where(a == z, actual * (1 + 1e-9) + (0 if z == -30 else 1e-9), actual)

    monkeypatch.setattr(activations.Sigmoid, "sigma", wrong)
    assert 8 in failing()


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_mini_batch_of_each_size(monkeypatch, k):
    right = equations.Bench.gradients

    def wrong(self, cost, size=3):
        actual = right(self, cost, size)
        return doubled(actual, 0, 0) if size == k else actual

    monkeypatch.setattr(equations.Bench, "gradients", wrong)
    actual = failing()
    assert 7 in actual
    assert (k == 3) == (6 in actual)


@pytest.mark.parametrize("l", [1, 2, 3])
@pytest.mark.parametrize("i", [0, 1])
def test_parity_tells_the_layer_whose_array_is_off(monkeypatch, l, i):
    expected = {f"layer {m}": [np.ones((2, 2)), np.ones(2)] for m in (1, 2, 3)}
    actual = {name: [a.copy() for a in arrays] for name, arrays in expected.items()}
    actual[f"layer {l}"][i][-1] += 1e-4
    monkeypatch.setattr(parity, "_trained", lambda *_: actual)
    monkeypatch.setattr(parity, "_on_numpy", lambda *_: expected)
    (row,) = parity.rows(NUMPY, "float32", ["SGD, tanh"])
    assert (row.passed, row.note) == (False, f"layer {l}")
    assert (row.name, row.bound) == ("100 steps, SGD, tanh", 1e-5)
    actual[f"layer {l}"][i][-1] = expected[f"layer {l}"][i][-1]
    (row,) = parity.rows(NUMPY, "float32", ["SGD, tanh"])
    assert row.passed


def test_parity_of_a_set_looks_at_every_network(monkeypatch):
    networks = jobs.run_set(NUMPY, "float64")
    monkeypatch.setattr(jobs, "run_set", lambda *_: networks)
    trained = parity._trained("a set of 3", NUMPY, "float64")
    assert [len(arrays) for arrays in trained.values()] == [6, 6, 6]
    for n, network in enumerate(networks):
        for l, pair in enumerate(network.parameters, start=1):
            for i, array in enumerate(pair):
                np.testing.assert_array_equal(trained[f"layer {l}"][2 * n + i], array)
    starts = [W for network in networks for W in network.weights]
    assert len({W.tobytes() for W in starts}) == len(starts)


@pytest.mark.parametrize("n", range(3))
@pytest.mark.parametrize("word", [0, 1])
def test_each_word_of_each_known_answer_counts(monkeypatch, n, word):
    right, calls = random.threefry, []

    def wrong(words, x0, x1, *, xp):
        calls.append(words)
        actual = list(right(words, x0, x1, xp=xp))
        if len(calls) == n + 1:
            actual[word] = actual[word] ^ 1
        return tuple(actual)

    monkeypatch.setattr(random, "threefry", wrong)
    row = next(iter(bits.rows(NUMPY)))
    assert (row.error, row.passed) == (1.0, False)


@pytest.mark.parametrize(("l", "i"), ARRAYS)
def test_each_array_of_first_weights_counts_by_number(monkeypatch, l, i):
    right = bits.batches.on_device

    def wrong(parameters, **named):
        moved = [[np.array(a) for a in pair] for pair in right(parameters, **named)]
        moved[l][i].reshape(-1)[-2:] += 1
        return moved

    monkeypatch.setattr(bits.batches, "on_device", wrong)
    actual = {row.name: row.error for row in bits.rows(NUMPY)}
    assert actual.pop("first weights") == 2
    assert set(actual.values()) == {0}


@pytest.mark.parametrize("at", [(0, 0), (3, 256), (2, 255), (1, 100)])
def test_each_cell_of_a_mask_counts(monkeypatch, at):
    right = random.keep_mask

    def wrong(key, n, steps, *, xp):
        actual = np.array(right(key, n, steps, xp=xp))
        actual[at] = ~actual[at]
        return actual

    monkeypatch.setattr(random, "keep_mask", wrong)
    actual = {row.name: row.error for row in bits.rows(NUMPY)}
    masks = {name for name in actual if name.startswith("mask of layer")}
    assert {name for name, error in actual.items() if error} == masks
    assert {actual[name] for name in masks} == {1.0}


def test_a_mask_keeps_what_lies_on_the_rate_itself(monkeypatch):
    """P(drop) is a whole number of 65536ths: a word equal to it is kept."""
    monkeypatch.setattr(random, "threefry_of_words", lambda *_: (0x80008000, 0x80008000))
    assert not bits._mask_by_hand(0, 1 / 65536).any()
    assert bits._mask_by_hand(0, 0.0).all()
    monkeypatch.setattr(random, "threefry_of_words", lambda *_: (0x80018001, 0x80018001))
    assert bits._mask_by_hand(0, 1 / 65536).all()


def test_the_order_of_examples_is_that_of_the_device(monkeypatch):
    right = bits.draws.order
    wrong = lambda *args: right(*args)[::-1]  # noqa: E731
    swapped = type("Swapped", (type(NUMPY),), {"to_numpy": lambda self, a: np.flip(np.asarray(a))})
    monkeypatch.setattr(bits.draws, "order", wrong)
    (row,) = (row for row in bits.rows(swapped()) if row.name == "order of examples")
    assert (row.error, row.dtype) == (1000.0, "int64")


@pytest.mark.parametrize("i", range(5))
def test_the_cost_and_each_gradient_are_beside_differences(monkeypatch, i):
    right = cases.gradients

    def wrong(backend, case, dtype):
        C, actual = right(backend, case, dtype)
        if i == 4:
            return C * 1.001, actual
        actual[i] = actual[i] * 1.001
        return C, actual

    case = cases.small("tanh", "softmax", "cross_entropy")
    assert gradients._error(NUMPY, "float64", case) < gradients.BOUNDS["float64"]
    monkeypatch.setattr(cases, "gradients", wrong)
    assert gradients._error(NUMPY, "float64", case) == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize("i", range(6))
def test_each_gradient_of_a_large_network_is_looked_along(monkeypatch, i):
    case = cases.large("tanh", "softmax", "cross_entropy")
    assert gradients._along(NUMPY, "float64", case) < gradients.BOUNDS["float64"]
    right = cases.gradients

    def wrong(backend, case, dtype):
        C, actual = right(backend, case, dtype)
        actual[i] = actual[i] + 0.01 * np.abs(actual[i]).max()
        return C, actual

    monkeypatch.setattr(cases, "gradients", wrong)
    assert gradients._along(NUMPY, "float64", case) > 10 * gradients.BOUNDS["float64"]


def test_a_row_of_several_cases_names_the_worst(monkeypatch):
    monkeypatch.setattr(gradients, "_error", lambda _, __, case: {"sigmoid": 0.25}.get(case, 0.0))
    made = {"quadratic, sigmoid": "sigmoid", "cross_entropy, softmax": "softmax"}
    row = gradients._row(NUMPY, "float64", "hidden layer tanh", made, 0.5)
    assert (row.error, row.note, row.passed) == (0.25, "quadratic, sigmoid", True)
    assert gradients._row(NUMPY, "float64", "x", {"": "sigmoid"}, 0.125).note == ""


def test_half_precision_is_checked_on_small_networks_only(monkeypatch):
    monkeypatch.setattr(gradients, "_error", lambda *_: 0.0)
    monkeypatch.setattr(gradients, "_along", lambda *_: 0.0)
    names = {d: [row.name for row in gradients.rows(NUMPY, d)] for d in gradients.BOUNDS}
    assert names["float16"] == names["bfloat16"] == names["float32"][:-4]
    assert names["float32"] == names["float64"]
    assert all(name.startswith("200-100-50-10") for name in names["float32"][-4:])


def test_a_case_stays_away_from_the_kinks():
    """Differences of central steps would be wrong across one."""
    for hidden in ("relu", "leaky_relu", "elu", "selu"):
        case = cases.small(hidden, "sigmoid", "quadratic")
        (W, b), _ = case.parameters
        assert np.abs(case.x @ W + b).min() > 0.06
        output = cases.small("tanh", hidden, "quadratic")
        (W, b), (V, c) = output.parameters
        assert np.abs(np.tanh(output.x @ W + b) @ V + c).min() > 0.06
    for cost, gap in (("mae", lambda a, y: a - y), ("huber", lambda a, y: np.abs(a - y) - 1)):
        case = cases.small("tanh", "identity", cost)
        (W, b), (V, c) = case.parameters
        assert np.abs(gap(np.tanh(case.x @ W + b) @ V + c, case.y)).min() > 0.06


def test_targets_of_a_case_are_such_as_its_cost_takes():
    source = np.random.default_rng(0)
    shape = (50, 4)
    share = cases.targets("cross_entropy", "softmax", shape, source)
    np.testing.assert_array_equal(share.sum(axis=1), 1)
    each = cases.targets("cross_entropy", "sigmoid", shape, source)
    assert (each.min() >= 0, each.max() <= 1, 0 < each.mean() < 1) == (True, True, True)
    assert (np.abs(each.sum(axis=1) - 1) > 0.01).any()
    assert set(cases.targets("hinge", "tanh", shape, source).ravel()) == {0.0, 1.0}
    assert set(cases.targets("poisson", "exp", shape, source).ravel()) == {0.0, 1.0, 2.0, 3.0}
    assert cases.targets("quadratic", "identity", shape, source).min() < 0
    assert np.abs(cases._grid(np.asarray([9.0, -9.0, 0.013]))).tolist() == [4.0, 4.0, 1 / 64]


def test_central_differences_are_exact_for_quartics():
    """Five points: the error is of the fifth derivative."""

    def mean_costs(_backend, case):
        ((W, b),) = case.parameters
        return (W**4).sum(axis=(-2, -1)) + (b**3).sum(axis=-1)

    rng = np.random.default_rng(0)
    parameters = ((rng.normal(size=(2, 3)), rng.normal(size=3)),)
    case = replace(cases.small("tanh", "softmax", "cross_entropy"), parameters=parameters)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cases, "mean_costs", mean_costs)
        actual = cases.central_differences(NUMPY, case, cases.every_axis(parameters), 0.125)
    W, b = cases.split(actual, parameters[0])
    np.testing.assert_allclose(W, 4 * parameters[0][0] ** 3, rtol=1e-10)
    np.testing.assert_allclose(b, 3 * parameters[0][1] ** 2, rtol=1e-10)


@pytest.mark.parametrize(
    ("short", "long", "error", "note"),
    [(3, 5, 0, "1 copies to the host an epoch"), (3, 7, 2, "2 copies to the host an epoch"),
     (3, 4, 1, "0.5 copies to the host an epoch")],
)  # fmt: skip
def test_copies_are_counted_by_the_epochs_that_were_added(monkeypatch, short, long, error, note):
    def watched(_backend, _name, epochs):
        watch = Watch(NUMPY)
        copies = {1: short, 3: long}[epochs]
        watch.calls += [Call("copy", "to the host", ("float32",))] * copies
        watch.calls += [Call("function", "add", (), (), (name,)) for name in STRANGE]
        watch.calls += [Call("foreign", "numpy.float64")] * 2
        return watch

    monkeypatch.setattr(discipline, "watched", watched)
    other, foreign, one = discipline.rows(NUMPY, ["SGD, tanh"])
    assert (one.error, one.note, one.passed) == (error, note, not error)
    assert (other.error, other.note, other.name) == (3, "add", "no other float dtype, SGD, tanh")
    assert (foreign.error, foreign.note) == (2, "numpy.float64")


STRANGE = ("float64", "float16", "bfloat16", "float32", "int32", "bool")


def test_the_first_rows_of_gradients_are_those_of_the_hidden_layers():
    rows = islice(gradients.rows(NUMPY, "float64"), len(activations.ACTIVATIONS))
    assert [row.name for row in rows] == [f"hidden layer {n}" for n in activations.ACTIVATIONS]

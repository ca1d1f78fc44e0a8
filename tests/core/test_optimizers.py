"""Optimizers against their textbook updates in plain Python, PyTorch's, and what they are for."""

import dataclasses
import math

import numpy as np
import pytest

from bpnet import backends
from bpnet.core import optimizers
from bpnet.core.optimizers import OPTIMIZERS
from bpnet.errors import InputError
from tests.assertions import assert_close

STEPS = 20


def sgd(w, gradients, eta):
    """The paper's (3) and (7)."""
    for g in gradients:
        w -= eta * g
    return w


def momentum(w, gradients, eta, mu):
    """Polyak 1964, as equation (1) (2) of Sutskever et al. 2013."""
    v = 0.0
    for g in gradients:
        v = mu * v - eta * g
        w = w + v
    return w


def nesterov(w, gradients, eta, mu):
    """Sutskever et al. 2013 (3) (4) after the change of variable to the look-ahead w + mu v.

    With theta the position whose gradient at theta + mu v is ``g``, w = theta + mu v.
    """
    v = 0.0
    theta = w
    for g in gradients:
        v = mu * v - eta * g
        theta = theta + v
        w = theta + mu * v
    return w


def adagrad(w, gradients, eta, eps):
    history = []
    for g in gradients:
        history.append(g)
        w -= eta * g / (math.sqrt(sum(h * h for h in history)) + eps)
    return w


def rmsprop(w, gradients, eta, rho, eps):
    mean_square = 0.0
    for g in gradients:
        mean_square = rho * mean_square + (1 - rho) * g**2
        w -= eta * g / (math.sqrt(mean_square) + eps)
    return w


def adam(w, gradients, eta, beta1, beta2, eps, decay=0.0):
    """Kingma and Ba 2015, Algorithm 1; Loshchilov and Hutter 2019, Algorithm 2, with the decay."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        w -= eta * decay * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        w -= eta * m_hat / (math.sqrt(v_hat) + eps)
    return w


TEXTBOOK = {
    "sgd": (optimizers.SGD(0.3), lambda w, g: sgd(w, g, 0.3)),
    "momentum": (optimizers.Momentum(0.2, 0.8), lambda w, g: momentum(w, g, 0.2, 0.8)),
    "nesterov": (optimizers.Nesterov(0.2, 0.8), lambda w, g: nesterov(w, g, 0.2, 0.8)),
    "adagrad": (optimizers.Adagrad(0.5, 1e-3), lambda w, g: adagrad(w, g, 0.5, 1e-3)),
    "rmsprop": (optimizers.RMSprop(0.1, 0.7, 1e-3), lambda w, g: rmsprop(w, g, 0.1, 0.7, 1e-3)),
    "adam": (
        optimizers.Adam(0.1, 0.8, 0.95, 1e-3),
        lambda w, g: adam(w, g, 0.1, 0.8, 0.95, 1e-3),
    ),
    "adamw": (
        optimizers.AdamW(0.1, 0.8, 0.95, 1e-3, 0.2),
        lambda w, g: adam(w, g, 0.1, 0.8, 0.95, 1e-3, 0.2),
    ),
}


def run(optimizer, w, gradients, backend, dtype):
    """Where the steps lead, on a backend; ``gradients`` are an array (steps, ...)."""
    xp = backend.xp
    with backend.session(dtype):
        p = backend.asarray(w, dtype=dtype, copy=True)
        slots = optimizer.init(p, xp=xp)
        assert len(slots) == optimizer.slots
        for t, g in enumerate(gradients, start=1):
            coefficients = optimizer.coefficients(t, optimizer.learning_rate)
            donated = backend.asarray(g, dtype=dtype, copy=True)
            p, slots = optimizer.update(p, donated, slots, coefficients, xp=xp)
            assert all(s.dtype == p.dtype == backend.dtype(dtype) for s in slots)
            assert all(s.shape == p.shape == w.shape for s in slots)
        return p


@pytest.fixture(scope="module")
def path():
    """A start, (3, 2), and the gradients of 20 steps."""
    rng = np.random.default_rng(5)
    return rng.normal(0, 1, (3, 2)), rng.normal(0, 1, (STEPS, 3, 2))


def test_every_optimizer_has_a_textbook():
    assert list(TEXTBOOK) == list(OPTIMIZERS)
    assert [type(optimizer) for optimizer, _ in TEXTBOOK.values()] == list(OPTIMIZERS.values())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_twenty_steps_as_in_the_textbook(backend, path, name):
    optimizer, textbook = TEXTBOOK[name]
    start, gradients = path
    desired = [
        [textbook(start[i, j], gradients[:, i, j].tolist()) for j in range(2)] for i in range(3)
    ]
    dtype = backend.dtypes()[0]
    w = run(optimizer, start, gradients, backend, dtype)
    assert_close(w, np.asarray(desired), {"float64": 1e-13, "float32": 1e-6}[dtype], backend)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_all_that_a_step_needs_is_among_its_coefficients(path, name):
    """So that what was compiled for one optimizer serves all of its kind."""
    optimizer, xp = TEXTBOOK[name][0], backends.get("numpy").xp
    actual = []
    for rule in (optimizer, type(optimizer)()):
        p, slots = path[0].copy(), optimizer.init(path[0], xp=xp)
        for t, g in enumerate(path[1], start=1):
            numbers = optimizer.coefficients(t, 0.3)
            p, slots = rule.update(p, g.copy(), slots, numbers, xp=xp)
        actual.append(p)
    np.testing.assert_array_equal(*actual)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_coefficients_of_many_steps_at_once(name):
    optimizer, rates = TEXTBOOK[name][0], np.linspace(0.1, 0.2, 50)
    stacked = optimizer.coefficients(np.arange(1.0, 51.0), rates)
    each = [optimizer.coefficients(t, eta) for t, eta in enumerate(rates.tolist(), start=1)]
    np.testing.assert_allclose(np.stack(np.broadcast_arrays(*stacked), -1), each, rtol=1e-14)


def test_nesterov_looks_ahead():
    """On a function: the gradient that moves theta is the one at theta + mu v."""
    eta, mu, theta, v = 0.1, 0.8, 2.0, 0.0
    optimizer, backend = optimizers.Nesterov(eta, mu), backends.get("numpy")
    w = np.asarray([theta])
    slots = optimizer.init(w, xp=backend.xp)
    for _ in range(5):
        v = mu * v - eta * 3 * (theta + mu * v) ** 2
        theta += v
        w, slots = optimizer.update(w, 3 * w**2, slots, (eta, mu), xp=backend.xp)
        np.testing.assert_allclose(w, theta + mu * v, rtol=1e-13)


def in_torch(name, torch, parameters):
    """The same optimizer in PyTorch; its momentum is v <- mu v + g, w <- w - eta v.

    For a learning rate that does not change that is ours, with v scaled by -eta. Its RMSprop and
    Adagrad add eps after the root, as ours do.
    """
    kinds = {
        "sgd": lambda p: torch.optim.SGD(p, 0.3),
        "momentum": lambda p: torch.optim.SGD(p, 0.2, momentum=0.8),
        "nesterov": lambda p: torch.optim.SGD(p, 0.2, momentum=0.8, nesterov=True),
        "adagrad": lambda p: torch.optim.Adagrad(p, 0.5, eps=1e-3),
        "rmsprop": lambda p: torch.optim.RMSprop(p, 0.1, alpha=0.7, eps=1e-3),
        "adam": lambda p: torch.optim.Adam(p, 0.1, betas=(0.8, 0.95), eps=1e-3),
        "adamw": lambda p: torch.optim.AdamW(p, 0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2),
    }
    return kinds[name](parameters)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_twenty_steps_as_in_torch(path, name):
    torch = pytest.importorskip("torch")
    start, gradients = path
    w = torch.tensor(start, requires_grad=True)
    theirs = in_torch(name, torch, [w])
    for g in gradients:
        w.grad = torch.tensor(g)
        theirs.step()
    backend = backends.get("numpy")
    ours = run(TEXTBOOK[name][0], start, gradients, backend, "float64")
    assert_close(ours, w.detach().numpy(), 1e-12, backend)


RATES = {"adagrad": 1.0, "rmsprop": 0.01, "adam": 0.05, "adamw": 0.05}


def minimize(optimizer, gradient, w, steps):
    """Where an optimizer goes when the learning rate falls to zero linearly."""
    xp = backends.get("numpy").xp
    slots = optimizer.init(w, xp=xp)
    for t in range(1, steps + 1):
        eta = optimizer.learning_rate * (1 - t / (steps + 1))
        w, slots = optimizer.update(w, gradient(w), slots, optimizer.coefficients(t, eta), xp=xp)
    return w


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_parabola_is_minimized(name):
    """C = (x - 3)^2 + 2 (y + 1)^2, Figure 1 moved and stretched; without weight decay."""
    optimizer = optimizers.get(name, learning_rate=RATES.get(name, 0.05))
    if name == "adamw":
        optimizer = dataclasses.replace(optimizer, weight_decay=0.0)
    gradient = lambda w: np.asarray([2.0, 4.0]) * (w - [3.0, -1.0])  # noqa: E731
    w = minimize(optimizer, gradient, np.zeros(2), 1500)
    np.testing.assert_allclose(w, [3.0, -1.0], atol=1e-4)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rosenbrock_is_minimized(name):
    """C = (1 - x)^2 + 100 (y - x^2)^2: along a bent valley from (-1.2, 1) to (1, 1)."""
    rates = {"sgd": 1.5e-3, "momentum": 5e-4, "nesterov": 5e-4, **RATES}
    optimizer = optimizers.get(name, learning_rate=rates[name])
    if name == "adamw":
        optimizer = dataclasses.replace(optimizer, weight_decay=0.0)

    def gradient(w):
        x, y = w
        return np.asarray([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])

    w = minimize(optimizer, gradient, np.asarray([-1.2, 1.0]), 12_000)
    x, y = w
    assert (1 - x) ** 2 + 100 * (y - x * x) ** 2 < 1e-3


def test_weight_decay_alone_shrinks():
    w = np.asarray([2.0])
    optimizer = optimizers.AdamW(0.1, weight_decay=0.5)
    slots = optimizer.init(w, xp=backends.get("numpy").xp)
    w, _ = optimizer.update(
        w, np.zeros(1), slots, optimizer.coefficients(1, 0.1), xp=backends.get("numpy").xp
    )
    assert w.tolist() == [2.0 * (1 - 0.1 * 0.5)]


BAD = [0.0, -0.1, math.nan, math.inf, -math.inf, "0.1", None, True]


@pytest.mark.parametrize("value", BAD, ids=repr)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_bad_learning_rates_are_refused(name, value):
    with pytest.raises(InputError, match=r"learning_rate is .*; give a number above 0"):
        OPTIMIZERS[name](learning_rate=value)
    if value is not None:
        with pytest.raises(InputError, match="learning_rate"):
            optimizers.get(name, learning_rate=value)


@pytest.mark.parametrize("value", [-0.1, 1.0, 1.5, math.nan, "0.9", None, True], ids=repr)
@pytest.mark.parametrize(
    ("name", "parameter"),
    [("momentum", "momentum"), ("nesterov", "momentum"), ("rmsprop", "rho")]
    + [(name, beta) for name in ("adam", "adamw") for beta in ("beta1", "beta2")],
)
def test_bad_decays_are_refused(name, parameter, value):
    with pytest.raises(InputError, match=rf"{parameter} is .*; give a number from 0 and below 1"):
        OPTIMIZERS[name](**{parameter: value})
    assert getattr(OPTIMIZERS[name](**{parameter: 0.0}), parameter) == 0


@pytest.mark.parametrize("value", BAD, ids=repr)
@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam", "adamw"])
def test_bad_epsilons_are_refused(name, value):
    with pytest.raises(InputError, match="epsilon is"):
        OPTIMIZERS[name](epsilon=value)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf], ids=repr)
def test_bad_weight_decays_are_refused(value):
    with pytest.raises(InputError, match="weight_decay is"):
        optimizers.AdamW(weight_decay=value)
    assert optimizers.AdamW(weight_decay=0).weight_decay == 0


@pytest.mark.parametrize("thing", [3, None, optimizers.SGD, object()])
def test_what_is_no_optimizer_is_refused(thing):
    with pytest.raises(InputError, match="give a name or an instance"):
        optimizers.get(thing)


def test_an_object_keeps_its_parameters_when_the_rate_is_replaced():
    chosen = optimizers.get(optimizers.Adam(0.5, beta1=0.7), learning_rate=0.25)
    assert chosen == optimizers.Adam(0.25, beta1=0.7)
    assert optimizers.get(chosen) is chosen


def test_layers_without_arrays_are_passed_over(backend):
    """Dropout has none: its place in parameters, gradients and state is an empty tuple."""
    xp, dtype = backend.xp, backend.dtypes()[0]
    with backend.session(dtype):
        one = lambda v: backend.asarray(np.asarray([v]), dtype=dtype, copy=True)  # noqa: E731
        parameters = ((one(1.0), one(2.0)), (), (one(3.0),))
        gradients = ((one(10.0), one(20.0)), (), (one(30.0),))
        momentum = optimizers.Momentum(0.1)
        state = optimizers.init(momentum, parameters, xp=xp)
        moved, state = optimizers.update(
            momentum, parameters, gradients, state, momentum.coefficients(1, 0.1), xp=xp
        )
    assert [len(layer) for layer in moved] == [len(layer) for layer in state] == [2, 0, 1]
    for p, desired in zip([*moved[0], *moved[2]], [0.0, 0.0, 0.0], strict=True):
        assert_close(p, np.asarray([desired]), 1e-6, backend)

"""Batch and layer normalization: values, gradients, averages."""

import math

import numpy as np
import pytest

from bpnet import backends
from bpnet.core import costs, feedforward, layers, random
from bpnet.core.layers import BatchNorm, Dense, LayerNorm
from bpnet.errors import InputError

K, N = 7, 4
KINDS = {"batch": BatchNorm, "layer": LayerNorm}
rng = np.random.default_rng(11)
X = rng.normal(1.5, 2.0, (K, N))
GAMMA, BETA = rng.uniform(0.5, 2.0, N), rng.normal(size=N)
MEAN, VARIANCE = rng.normal(size=N), rng.uniform(0.5, 2.0, N)


def arrays_of(kind):
    return (GAMMA, BETA, MEAN, VARIANCE) if kind == "batch" else (GAMMA, BETA)


def by_hand(kind, x, averages=None):
    """The paper of each, one number at a time."""
    x = x.tolist()
    columns = [list(c) for c in zip(*x, strict=True)]
    groups = columns if kind == "batch" else x
    means = [math.fsum(g) / len(g) for g in groups]
    variances = [
        math.fsum((v - m) ** 2 for v in g) / len(g) for g, m in zip(groups, means, strict=True)
    ]
    if averages:
        means, variances = averages
    out = []
    for i, row in enumerate(x):
        at = [j if kind == "batch" else i for j in range(N)]
        out.append(
            [
                GAMMA[j] * (v - means[at[j]]) / math.sqrt(variances[at[j]] + 1e-5) + BETA[j]
                for j, v in enumerate(row)
            ]
        )
    return out


def wide(backend):
    dtype = "float64" if "float64" in backend.dtypes() else "float32"
    return dtype, (1e-12 if dtype == "float64" else 2e-6)


def key(backend):
    rows = backend.asarray(np.arange(K), dtype=backend.index_dtype)
    return random.Key(random.step_words(0, 4, 1), rows)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_values_are_those_of_the_papers(backend, kind, training):
    dtype, bound = wide(backend)
    with backend.session(dtype):
        layer = KINDS[kind](N)
        on_device = [backend.asarray(a, dtype=dtype) for a in arrays_of(kind)]
        x = backend.asarray(X, dtype=dtype)
        a, _ = layer.forward(on_device, x, xp=backend.xp, key=key(backend) if training else None)
        averages = None if training or kind == "layer" else (MEAN, VARIANCE)
        np.testing.assert_allclose(
            backend.to_numpy(a), by_hand(kind, X, averages), rtol=0, atol=20 * bound
        )


def network(kind):
    norm = layers.with_norm((Dense(3, N, "tanh"), Dense(N, 2, "softmax")), kind)
    generator = np.random.default_rng(4)
    parameters = []
    for layer in norm:
        made = [generator.normal(size=shape) for shape in layer.shapes]
        if len(made) == 4:
            made[3] = np.abs(made[3]) + 0.5
        parameters.append(tuple(made))
    return norm, tuple(parameters), generator.normal(size=(K, 3)), np.eye(2)[np.arange(K) % 2]


def cost_of(backend, net, parameters, x, y, *, training, dtype="float64"):
    with backend.session(dtype):
        on_device = tuple(
            tuple(backend.asarray(a, dtype=dtype, copy=True) for a in arrays)
            for arrays in parameters
        )
        _, values, gradients = feedforward.cost_and_gradients(
            net, on_device, backend.asarray(x, dtype=dtype), backend.asarray(y, dtype=dtype),
            costs.CrossEntropy(), xp=backend.xp, key=key(backend) if training else None,
        )  # fmt: skip
        mean = costs.mean_cost(values, xp=backend.xp)
        return float(mean), backends.to_numpy(gradients)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_central_differences(kind, training):
    numpy, h = backends.get("numpy"), 1e-6
    net, parameters, x, y = network(kind)
    _, gradients = cost_of(numpy, net, parameters, x, y, training=training)
    for l, layer in enumerate(net):
        learned = len(layer.shapes) - layer.averages
        for i in range(learned):
            for at in np.ndindex(parameters[l][i].shape):
                ends = []
                for sign in (h, -h):
                    moved = [[a.copy() for a in arrays] for arrays in parameters]
                    moved[l][i][at] += sign
                    ends.append(cost_of(numpy, net, moved, x, y, training=training)[0])
                assert gradients[l][i][at] == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-8)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_every_backend_has_the_gradients_of_numpy(backend, kind, training):
    dtype, bound = wide(backend)
    net, parameters, x, y = network(kind)
    cost, gradients = cost_of(backend, net, parameters, x, y, training=training, dtype=dtype)
    want, slopes = cost_of(backends.get("numpy"), net, parameters, x, y, training=training)
    assert cost == pytest.approx(want, abs=20 * bound)
    for got, expected in zip(gradients, slopes, strict=True):
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=50 * bound)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_pytorch(kind):
    torch = pytest.importorskip("torch")
    net, parameters, x, y = network(kind)
    _, gradients = cost_of(backends.get("numpy"), net, parameters, x, y, training=True)
    on_device = [[torch.tensor(a, requires_grad=True) for a in arrays] for arrays in parameters]
    (W1, b1), norm, (W2, b2) = on_device
    z = torch.tensor(x) @ W1 + b1
    if kind == "batch":
        z = torch.nn.functional.batch_norm(z, None, None, norm[0], norm[1], training=True)
    else:
        z = torch.nn.functional.layer_norm(z, (N,), norm[0], norm[1])
    out = torch.log_softmax(torch.tanh(z) @ W2 + b2, dim=1)
    (-(torch.tensor(y) * out).sum() / K).backward()
    for l, arrays in enumerate(on_device):
        for i, a in enumerate(arrays[:2]):
            np.testing.assert_allclose(gradients[l][i], a.grad.numpy(), rtol=0, atol=1e-10)


def test_averages_follow_the_batches():
    numpy = backends.get("numpy")
    net, parameters, x, y = network("batch")
    _, slopes = cost_of(numpy, net, parameters, x, y, training=True)
    moved = layers.after_step(net, parameters, slopes)
    z = x @ parameters[0][0] + parameters[0][1]
    np.testing.assert_allclose(moved[1][-2], 0.9 * parameters[1][2] + 0.1 * z.mean(axis=0))
    np.testing.assert_allclose(moved[1][-1], 0.9 * parameters[1][3] + 0.1 * z.var(axis=0, ddof=1))
    _, still = cost_of(numpy, net, parameters, x, y, training=False)
    kept = layers.after_step(net, parameters, still)
    np.testing.assert_array_equal(kept[1][-1], parameters[1][3])


def test_members_are_networks_of_their_own(backend):
    dtype, bound = wide(backend)
    with backend.session(dtype):
        for kind, make in KINDS.items():
            layer, xp = make(N, "tanh"), backend.xp
            stack = [np.stack([a, 2 * a + 1]) for a in arrays_of(kind)]
            x = np.stack([X, X[::-1] ** 2])
            on_device = tuple(backend.asarray(a, dtype=dtype) for a in stack)
            out, cache = layer.forward(
                on_device, backend.asarray(x, dtype=dtype), xp=xp, key=key(backend)
            )
            delta = layer.error(out * 0 + 1, cache, xp=xp)
            slopes, below = layer.backward(on_device, cache, delta, True, xp=xp)
            for i in range(2):
                one = tuple(backend.asarray(a[i], dtype=dtype) for a in stack)
                a, alone = layer.forward(
                    one, backend.asarray(x[i], dtype=dtype), xp=xp, key=key(backend)
                )
                got, under = layer.backward(
                    one, alone, layer.error(a * 0 + 1, alone, xp=xp), True, xp=xp
                )
                for p, q in [
                    (out[i, ...], a),
                    (below[i, ...], under),
                    *zip((s[i, ...] for s in slopes), got, strict=True),
                ]:
                    np.testing.assert_allclose(
                        backend.to_numpy(p), backend.to_numpy(q), rtol=0, atol=100 * bound
                    )


def test_halves_keep_their_dtype_and_wide_statistics():
    numpy = backends.get("numpy")
    x = (X * 100 + 3000).astype(np.float16)  # squares of these overflow
    for kind, make in KINDS.items():
        on_device = tuple(a.astype(np.float32) for a in arrays_of(kind))
        a, cache = make(N).forward(on_device, x, xp=numpy.xp, key=key(numpy))
        assert a.dtype == np.float16
        np.testing.assert_allclose(a, by_hand(kind, x.astype(np.float64)), atol=1e-2)
        slopes, below = make(N).backward(on_device, cache, np.ones_like(x), True, xp=numpy.xp)
        assert below.dtype == np.float16
        assert {s.dtype for s in slopes} == {np.dtype(np.float32)}


def test_with_norm_and_dropout():
    net = layers.with_norm((Dense(5, 4, "relu"), Dense(4, 3, "tanh"), Dense(3, 2)), "batch")
    kinds = [type(layer).__name__ for layer in layers.with_dropout(net, 0.5)]
    assert kinds == ["Dense", "BatchNorm", "Dropout", "Dense", "BatchNorm", "Dropout", "Dense"]
    assert net[0].init == Dense(5, 4, "relu").init
    assert layers.differs_in_training(net)
    assert not layers.differs_in_training(layers.with_norm((Dense(5, 4), Dense(4, 2)), "layer"))
    for layer in net:
        assert layers.rebuild(layers.describe(layer)) in {
            layer,
            Dense(5, 4, "identity"),
            Dense(4, 3, "identity"),
        }


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: BatchNorm(0), "a normalization has n = 0 values; give a whole number"),
        (lambda: LayerNorm(True), "n = True"),
        (lambda: BatchNorm(3, epsilon=0.0), "epsilon of a normalization is 0.0; give a positive"),
        (lambda: BatchNorm(3, momentum=1.5), "momentum of BatchNorm is 1.5; give a number above 0"),
        (lambda: layers.with_norm((Dense(2, 2),), "group"), "norm"),
    ],
)
def test_bad_input_is_refused(make, match):
    with pytest.raises(InputError, match=match):
        make()

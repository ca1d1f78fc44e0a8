"""Weights of examples and classes, against training on examples counted twice and left out."""

import numpy as np
import pytest

import bpnet
from bpnet.core import activations, costs
from bpnet.training import targets

SGD = bpnet.optimizers.SGD(learning_rate=0.3)


def blobs(m=60):
    random = np.random.default_rng(1)
    y = random.integers(0, 3, m)
    return random.normal(size=(m, 4)) + 2 * np.eye(3, 4)[y], y


def trained(data, backend="numpy", dtype="float64", **options):
    net = bpnet.Network([4, 5, 3], hidden="tanh", seed=2)
    usual = {"epochs": 3, "batch_size": None, "optimizer": SGD, "dtype": dtype}
    return net, bpnet.train(net, data, backend=backend, **{**usual, **options})


def assert_alike(one, other, bound):
    for a, b in zip([*one.weights, *one.biases], [*other.weights, *other.biases], strict=True):
        np.testing.assert_allclose(a, b, rtol=bound, atol=bound)


def test_weights_count_examples_twice_and_leave_them_out(backend):
    dtype = backend.dtypes()[0]
    X, y = blobs()
    counts = np.arange(60) % 3
    weighed, history = trained((X, y), backend, dtype, sample_weight=counts * 7.0)
    repeated, expected = trained((X.repeat(counts, 0), y.repeat(counts)), backend, dtype)
    bound = {"float64": 1e-12, "float32": 1e-5}[dtype]
    assert_alike(weighed, repeated, bound)
    np.testing.assert_allclose(history["cost"], expected["cost"], rtol=bound)
    plain, _ = trained((X, y), backend, dtype)
    assert np.abs(plain.weights[0] - weighed.weights[0]).max() > 1e-3


def test_balanced_weights_make_every_class_count_the_same():
    X, y = blobs()
    kept = np.sort(np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y > 0)[:12]]))
    X, y = X[kept], y[kept]
    by_hand = np.asarray([len(y) / (3 * np.sum(y == label)) for label in y])
    assert len(np.unique(by_hand)) > 1
    one, _ = trained((X, y), class_weight="balanced")
    assert_alike(one, trained((X, y), sample_weight=by_hand)[0], 1e-12)
    totals = [by_hand[y == label].sum() for label in range(3)]
    assert totals == pytest.approx([len(y) / 3] * 3)


def test_weights_of_classes_are_given_by_name_and_multiply_those_of_examples():
    X, y = blobs()
    names = np.asarray(["red", "green", "blue"])[y]
    own = np.linspace(0.5, 2.0, 60)
    one, _ = trained((X, names), class_weight={"red": 3, "blue": 0.5}, sample_weight=own)
    factor = np.select([names == "red", names == "blue"], [3.0, 0.5], 1.0)
    assert_alike(one, trained((X, names), sample_weight=own * factor)[0], 1e-12)


def test_two_classes_with_one_output():
    X, y = blobs()
    nets = [bpnet.Network([4, 1], output="sigmoid", seed=0) for _ in range(2)]
    options = {"epochs": 2, "backend": "numpy", "dtype": "float64"}
    bpnet.train(nets[0], (X, y == 1), class_weight={True: 4.0}, **options)
    bpnet.train(nets[1], (X, y == 1), sample_weight=np.where(y == 1, 4.0, 1.0), **options)
    assert_alike(*nets, 1e-12)


def test_a_batch_that_weighs_nothing_moves_nothing(backend):
    X, y = blobs()
    heavy = np.where(np.arange(60) < 6, 1.0, 0.0)
    net, history = trained(
        (X, y), backend, backend.dtypes()[-1], sample_weight=heavy, batch_size=4, epochs=2
    )
    assert np.isfinite(history["cost"]).all()
    assert all(np.isfinite(W).all() for W in net.weights)


def test_the_cost_of_an_epoch_is_the_weighted_mean():
    """With a rate of almost nothing the epoch's cost is that of the first weights."""
    X, y = blobs()
    own = np.linspace(0.0, 3.0, 60)
    still = bpnet.optimizers.SGD(learning_rate=1e-300)
    net, history = trained((X, y), sample_weight=own, batch_size=7, epochs=1, optimizer=still)
    C = -np.log(net.predict(X, dtype="float64")[np.arange(60), y])
    assert history["cost"][0] == pytest.approx((own * C).sum() / own.sum(), rel=1e-12)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sample_weight": np.ones(59)}, r"shape \(59,\) and X 60 examples"),
        ({"sample_weight": [1.0] * 59 + [-1.0]}, "no number of 0 or more"),
        ({"sample_weight": [1.0] * 59 + [np.nan]}, "no number of 0 or more"),
        ({"sample_weight": ["a"] * 60}, "no number of 0 or more"),
        ({"sample_weight": np.zeros(60)}, "all examples have the weight 0"),
        ({"class_weight": "equal"}, "give 'balanced'"),
        ({"class_weight": {7: 1.0}}, "names 7; the classes are 0, 1, 2"),
        ({"class_weight": {1: -1.0}}, "class_weight of 1 is -1.0"),
        ({"class_weight": {0: 0, 1: 0, 2: 0}}, "all examples have the weight 0"),
        ({"l1": -1.0}, "l1 is -1.0; give a number of 0 or more"),
        ({"max_norm": "a"}, "max_norm is 'a'"),
        ({"clip_norm": float("inf")}, "clip_norm is inf"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
    ],
)
def test_what_cannot_be_used_is_refused(options, text):
    with pytest.raises(bpnet.InputError, match=text):
        trained(blobs(), **options)


def test_numbers_have_no_classes_to_weigh():
    rows = targets.make_targets(
        np.ones((4, 2)), 4, 2, activations.Identity(), costs.Quadratic(), None
    )
    with pytest.raises(bpnet.InputError, match="give sample_weight"):
        targets.weigh(None, "balanced", rows, 4)


@pytest.mark.parametrize("spec", ["numpy", "jax:cpu"])
def test_no_neuron_has_longer_weights_than_it_may(spec):
    """Whether a library writes to the weights of a step where they are, or makes others."""
    pytest.importorskip(spec.partition(":")[0])
    net = bpnet.Network([4, 5, 3], hidden="tanh", seed=2)
    bpnet.train(net, blobs(), max_norm=0.5, epochs=2, backend=spec)
    lengths = [np.linalg.norm(W, axis=1).max() for W in net.weights]
    assert 0.4 < max(lengths) <= 0.5 * (1 + 1e-6)


def test_schedule_clipping_and_norms_reach_the_run():
    X, y = blobs()
    _, history = trained((X, y), schedule="step", epochs=21, batch_size=20)
    assert history["learning_rate"] == pytest.approx([0.3] * 10 + [0.15] * 10 + [0.075])
    short, _ = trained((X, y), max_norm=0.5, epochs=5)
    assert np.linalg.norm(short.weights[0], axis=1).max() <= 0.5 + 1e-12
    before = bpnet.Network([4, 5, 3], hidden="tanh", seed=2)
    clipped, _ = trained((X, y), clip_norm=1e-3, epochs=1)
    moved = [
        a - b
        for a, b in zip(
            [*clipped.weights, *clipped.biases], [*before.weights, *before.biases], strict=True
        )
    ]
    assert np.sqrt(sum((d**2).sum() for d in moved)) == pytest.approx(0.3e-3, rel=1e-9)
    sparse, history = trained((X, y), l1=6.0, epochs=1, optimizer=bpnet.optimizers.SGD(1e-300))
    plain = trained((X, y), epochs=1, optimizer=bpnet.optimizers.SGD(1e-300))[1]
    sizes = sum(np.abs(W).sum() for W in sparse.weights)
    assert history["cost"][0] - plain["cost"][0] == pytest.approx(6.0 / 60 * sizes, rel=1e-9)

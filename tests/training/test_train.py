"""``bpnet.train``: what it promises beside the numbers of one step."""

import signal

import numpy as np
import pytest

import bpnet
from bpnet.training import Callback, blocks
from bpnet.training.step import TrainingStep

ADAM = bpnet.optimizers.Adam(learning_rate=0.02)


def blobs(m=300, n=6, classes=3, seed=0):
    """Well separated classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(m) % classes
    return (rng.normal(size=(m, n)) * 0.3 + 2 * np.eye(classes, n)[y]).astype(np.float32), y


class Unhashable:
    """A user's activation, tanh, that compares by value and so has no hash."""

    def __eq__(self, other):
        return isinstance(other, Unhashable)

    __hash__ = None

    def sigma(self, z, *, xp):
        return xp.tanh(z)

    def backward(self, dC_da, z, a, *, xp):
        return dC_da * (1 - a * a)


def test_history_has_one_value_an_epoch():
    X, y = blobs()
    net = bpnet.Network([6, 8, 3], hidden="sigmoid", seed=0)
    history = bpnet.train(net, (X, y), epochs=4, validation=(X[:50], y[:50]), backend="numpy")
    assert {name: len(values) for name, values in history.items()} == dict.fromkeys(
        ["cost", "accuracy", "validation_cost", "validation_accuracy", "learning_rate", "seconds"],
        4,
    )


def test_batch_descent_reports_the_cost_before_the_update():
    X, y = blobs()
    net = bpnet.Network([6, 8, 3], hidden="sigmoid", seed=0)
    before, _ = bpnet.gradients(net, X, y, l2=0.7)
    history = bpnet.train(
        net, (X, y), epochs=1, batch_size=None, l2=0.7, dtype="float64", backend="numpy"
    )
    assert history["cost"][0] == pytest.approx(before, rel=1e-12)


def test_one_step_of_batch_descent_is_gradient_descent():
    X, y = blobs()
    net = bpnet.Network([6, 8, 3], hidden="tanh", seed=0)
    before = [W.copy() for W in net.weights]
    _, slopes = bpnet.gradients(net, X, y, l2=0.3)
    bpnet.train(
        net,
        (X, y),
        optimizer=bpnet.optimizers.SGD(learning_rate=0.2),
        epochs=1,
        batch_size=None,
        l2=0.3,
        dtype="float64",
        backend="numpy",
    )
    for W, old, (dW, _) in zip(net.weights, before, slopes, strict=True):
        np.testing.assert_allclose(W, old - 0.2 * dW, rtol=0, atol=1e-15)


def test_short_last_batch_is_a_mean_over_its_own_examples():
    """10 examples in batches of 4: steps of 4, 4 and 2, each the mean over its own."""
    X, y = blobs(m=10)
    net = bpnet.Network([6, 3], seed=0)
    expected = bpnet.Network([6, 3], seed=0)
    order = bpnet.data.draws.order(5, 0, 10)
    for start in (0, 4, 8):
        rows = order[start : start + 4]
        _, [(dW, db)] = bpnet.gradients(expected, X[rows], y[rows])
        expected.weights[0] = expected.weights[0] - 0.5 * dW
        expected.biases[0] = expected.biases[0] - 0.5 * db
    sgd = bpnet.optimizers.SGD(learning_rate=0.5)
    bpnet.train(
        net, (X, y), optimizer=sgd, epochs=1, batch_size=4, dtype="float64", seed=5,
        backend="numpy",
    )  # fmt: skip
    np.testing.assert_allclose(net.weights[0], expected.weights[0], rtol=0, atol=1e-14)
    np.testing.assert_allclose(net.biases[0], expected.biases[0], rtol=0, atol=1e-14)


def test_weight_decay_is_by_the_training_set_in_mini_batches_too():
    """With zero gradients of C_0, w shrinks by 1 - eta l2 / m a step, (29)."""
    X = np.zeros((8, 3))
    net = bpnet.Network([3, 2], output="identity", init="he", seed=0)
    before = net.weights[0].copy()
    sgd = bpnet.optimizers.SGD(learning_rate=0.5)
    bpnet.train(
        net, (X, np.zeros((8, 2))), cost="quadratic", optimizer=sgd, epochs=1, batch_size=2,
        l2=0.4, dtype="float64", backend="numpy",
    )  # fmt: skip
    np.testing.assert_allclose(net.weights[0], before * (1 - 0.5 * 0.4 / 8) ** 4, rtol=1e-14)


def test_labels_of_any_type_keep_their_names():
    X, y = blobs()
    names = np.asarray(["ant", "bee", "cat"])[y]
    net = bpnet.Network([6, 8, 3], hidden="sigmoid", seed=0)
    bpnet.train(net, (X, names), optimizer=ADAM, epochs=30, backend="numpy")
    assert np.mean(net.classify(X) == names) > 0.95


def test_one_sigmoid_output_means_two_classes():
    X, y = blobs(classes=2)
    net = bpnet.Network([6, 8, 1], hidden="sigmoid", output="sigmoid", seed=0)
    history = bpnet.train(
        net, (X, np.asarray(["no", "yes"])[y]), optimizer=ADAM, epochs=30, backend="numpy"
    )
    assert set(net.classify(X)) == {"no", "yes"}
    assert history["accuracy"][-1] > 0.95


def test_multi_label_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    Y = (X[:, :3] > 0).astype(int)
    net = bpnet.Network([4, 16, 3], hidden="sigmoid", output="sigmoid", seed=0)
    history = bpnet.train(net, (X, Y), epochs=60, batch_size=20, backend="numpy")
    assert history["accuracy"][-1] > 0.85  # every label of a row right
    assert np.mean(net.classify(X) == Y) > 0.9


def test_regression_has_no_accuracy():
    X = np.linspace(-1, 1, 100)[:, None]
    net = bpnet.Network([1, 8, 1], hidden="tanh", output="identity", seed=0)
    history = bpnet.train(
        net, (X, X[:, 0] ** 2), optimizer=ADAM, epochs=200, batch_size=10, backend="numpy"
    )
    assert "accuracy" not in history
    assert bpnet.evaluate(net, (X, X[:, 0] ** 2))["r2"] > 0.9


def test_integer_inputs_are_scaled_in_training_and_prediction():
    X, y = blobs()
    pixels = np.clip(X * 60 + 100, 0, 255).astype(np.uint8)
    data = bpnet.data.Dataset(pixels, y, scale=1 / 255)
    one, two = (
        bpnet.Network([6, 8, 3], hidden="sigmoid", seed=0),
        bpnet.Network([6, 8, 3], hidden="sigmoid", seed=0),
    )
    bpnet.train(one, data, epochs=3, dtype="float64", backend="numpy")
    bpnet.train(two, (pixels / 255, y), epochs=3, dtype="float64", backend="numpy")
    np.testing.assert_allclose(one.weights[0], two.weights[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(one.predict(pixels), two.predict(pixels / 255), atol=1e-12)


def test_callbacks_do_not_change_the_run():
    """A callback that looks into blocks makes them short; the bits stay."""

    class Look(Callback):
        seen = 0

        def on_block_end(self, run):
            Look.seen += 1

    X, y = blobs(m=1200)
    nets = [bpnet.Network([6, 8, 3], hidden="sigmoid", seed=0) for _ in range(2)]
    for net, callbacks in zip(nets, [[], [Look()]], strict=True):
        bpnet.train(net, (X, y), epochs=2, batch_size=1, callbacks=callbacks, backend="numpy")
    assert Look.seen == 40
    assert np.array_equal(nets[0].weights[0], nets[1].weights[0])


def test_a_callback_can_stop_the_run():
    class Stop(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 2:
                run.stop("enough")

    X, y = blobs()
    history = bpnet.train(
        bpnet.Network([6, 3]), (X, y), epochs=50, callbacks=[Stop()], backend="numpy"
    )
    assert len(history["cost"]) == 3


def test_ctrl_c_keeps_what_was_learned():
    class Interrupt(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 3:
                signal.raise_signal(signal.SIGINT)

    X, y = blobs()
    net = bpnet.Network([6, 3], seed=0)
    # a shell starts what runs in its background with Ctrl-C ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            bpnet.train(net, (X, y), epochs=1000, callbacks=[Interrupt()], backend="numpy")
    finally:
        signal.signal(signal.SIGINT, before)
    same = bpnet.Network([6, 3], seed=0)
    bpnet.train(same, (X, y), epochs=4, backend="numpy")
    assert np.array_equal(net.weights[0], same.weights[0])


def test_divergence_names_layer_step_and_cure_and_leaves_the_network():
    X, y = blobs()
    net = bpnet.Network([6, 8, 3], hidden="relu", output="identity", seed=0)
    before = net.weights[0].copy()
    sgd = bpnet.optimizers.SGD(learning_rate=1e20)
    with (
        np.errstate(all="ignore"),
        pytest.raises(bpnet.Diverged, match=r"step \d+ of epoch 1: .*layer.*learning rate"),
    ):
        bpnet.train(net, (X, y), cost="quadratic", optimizer=sgd, epochs=3, backend="numpy")
    assert np.array_equal(net.weights[0], before)


def test_halves_train(backend):
    """float16 and bfloat16, where there are such, learn what float32 learns."""
    X, y = blobs()
    halves = [name for name in ("float16", "bfloat16") if name in backend.dtypes()]
    for dtype in halves:
        net = bpnet.Network([6, 8, 3], hidden="relu", seed=0)
        bpnet.train(net, (X, y), optimizer=ADAM, epochs=10, backend=backend, dtype=dtype)
        assert np.mean(net.classify(X) == y) > 0.95
        assert net.weights[0].dtype == np.float32
    if not halves:
        with pytest.raises(bpnet.InputError, match="float16"):
            bpnet.train(bpnet.Network([6, 3]), (X, y), backend=backend, dtype="float16")


def test_whole_numbers_beyond_int32_are_scaled_like_others():
    X, y = blobs()
    small = np.abs(X * 40).astype(np.uint8)
    large = small.astype(np.uint64) << np.uint64(40)
    nets = [bpnet.Network([6, 8, 3], hidden="sigmoid", seed=0) for _ in range(2)]
    for net, x, scale in zip(nets, (small, large), (2.0**-8, 2.0**-48), strict=True):
        data = bpnet.data.Dataset(x, y, scale=scale)
        bpnet.train(net, data, epochs=2, validation=data, backend="numpy")
    np.testing.assert_array_equal(nets[0].weights[0], nets[1].weights[0])
    np.testing.assert_array_equal(nets[0].predict(small), nets[1].predict(large))


def test_names_of_classes_outlive_training_with_rows():
    X, y = blobs()
    net = bpnet.Network([6, 8, 3], hidden="sigmoid", seed=0)
    bpnet.train(net, (X, np.asarray(["ant", "bee", "cat"])[y]), epochs=1, backend="numpy")
    rows = np.eye(3)[y]
    for reference in (rows, 0.9 * rows + 0.1 / 3):
        bpnet.train(net, (X, reference), epochs=1, backend="numpy")
        assert net.classes.tolist() == ["ant", "bee", "cat"]


def test_one_example_has_a_gradient_and_a_cost():
    """Two classes are asked of training only."""
    X, y = blobs()
    net = bpnet.Network([6, 8, 3], hidden="sigmoid", seed=0)
    as_label, _ = bpnet.gradients(net, X[2:3], y[2:3])
    as_row, _ = bpnet.gradients(net, X[2:3], np.eye(3)[y[2:3]])
    assert as_label == as_row == bpnet.evaluate(net, (X[2:3], y[2:3]), backend="numpy")["cost"]


def test_text_in_bytes_is_text(tmp_path):
    X, y = blobs()
    net = bpnet.Network([6, 8, 3], hidden="sigmoid", seed=0)
    bpnet.train(net, (X, np.asarray([b"ant", b"bee", b"cat"])[y]), epochs=1, backend="numpy")
    same = bpnet.load(net.save(tmp_path / "m.safetensors"))
    assert same.classes.tolist() == ["ant", "bee", "cat"]


@pytest.mark.parametrize("seed", [np.int32(3), np.uint8(3)])
def test_a_seed_of_any_integer_type_draws_the_same(seed):
    X, y = blobs()
    nets = [bpnet.Network([6, 8, 3], hidden="sigmoid", seed=0) for _ in range(2)]
    for net, s in zip(nets, (seed, 3), strict=True):
        bpnet.train(net, (X, y), epochs=1, dropout=0.5, seed=s, backend="numpy")
    np.testing.assert_array_equal(nets[0].weights[0], nets[1].weights[0])


def test_dropout_of_the_inputs_trains_and_predicts():
    X, y = blobs()
    layers = [bpnet.layers.Dropout(0.2), bpnet.layers.Dense(6, 3, "softmax")]
    net = bpnet.Network(layers, seed=0)
    history = bpnet.train(net, (X, y), optimizer=ADAM, epochs=5, backend="numpy")
    assert history["cost"][-1] < history["cost"][0]
    assert net.predict(X).shape == (300, 3)
    assert bpnet.evaluate(net, (X, y), backend="numpy")["accuracy"] > 0.9


@pytest.mark.parametrize("dtype", ["int32", "complex64"])
def test_only_floating_dtypes_compute(dtype):
    X, y = blobs()
    net = bpnet.Network([6, 3])
    for call in (
        lambda: net.predict(X, dtype=dtype),
        lambda: bpnet.evaluate(net, (X, y), dtype=dtype),
        lambda: bpnet.gradients(net, X, y, dtype=dtype),
    ):
        with pytest.raises(bpnet.InputError, match=dtype):
            call()


def test_the_inputs_may_be_what_is_wanted():
    X, _ = blobs()
    net = bpnet.Network([6, 3, 6], hidden="tanh", output="identity", seed=0)
    history = bpnet.train(net, (X, X), optimizer=ADAM, epochs=10, backend="numpy")
    assert history["cost"][-1] < 0.5 * history["cost"][0]


def test_sums_over_many_examples_do_not_overflow_float16():
    X, y = blobs(m=60_000, n=3)
    net = bpnet.Network([3, 3], seed=0)
    exact, _ = bpnet.gradients(net, X, y, l2=1e5)
    half, _ = bpnet.gradients(net, X, y, l2=1e5, dtype="float16", backend="numpy")
    assert half == pytest.approx(exact, rel=2e-2)


def test_r2_in_float16_does_not_overflow():
    X, _ = blobs(m=3000)
    net = bpnet.Network([6, 1], output="identity", seed=0)
    options = {"cost": "mae", "backend": "numpy"}
    exact = bpnet.evaluate(net, (X, 100 * X[:, 0]), **options)["r2"]
    half = bpnet.evaluate(net, (X, 100 * X[:, 0]), dtype="float16", **options)["r2"]
    assert half == pytest.approx(exact, rel=2e-2)


def test_a_trained_network_is_judged_with_the_scale_that_it_predicts_with():
    X, y = blobs()
    pixels = np.clip(X * 60 + 100, 0, 255).astype(np.uint8)
    net = bpnet.Network([6, 8, 3], hidden="sigmoid", seed=0)
    bpnet.train(net, bpnet.data.Dataset(pixels, y, scale=1 / 255), epochs=3, backend="numpy")
    right = np.mean(net.classify(pixels) == y)
    for scale in (None, 1 / 255, 1.0):
        data = bpnet.data.Dataset(pixels, y, scale=scale)
        assert bpnet.evaluate(net, data, backend="numpy")["accuracy"] == right


def test_an_activation_without_a_hash_trains_like_the_one_it_is(backend):
    X, y = blobs()
    nets = [bpnet.Network([6, 4, 3], hidden=h, seed=0) for h in (Unhashable(), "tanh")]
    for net in nets:
        bpnet.train(net, (X, y), epochs=1, optimizer=bpnet.optimizers.SGD(0.1), backend=backend)
    np.testing.assert_allclose(nets[0].weights[0], nets[1].weights[0], rtol=1e-4, atol=1e-6)


def test_a_validation_cost_that_is_no_number_ends_the_run():
    X = np.linspace(-1, 1, 40)[:, None]
    net = bpnet.Network([1, 1], output="identity", seed=0)
    far = (np.asarray([[1e30]]), np.asarray([-1e30]))
    with pytest.raises(bpnet.Diverged, match="validation cost is not finite after epoch 1"):
        bpnet.train(net, (X, X[:, 0]), epochs=2, validation=far, backend="numpy")


def test_numpys_numbers_are_numbers():
    layer = bpnet.layers.Dense(np.int64(3), np.int32(2))
    assert (type(layer.n_in), type(layer.n_out)) == (int, int)
    sgd = bpnet.optimizers.SGD(np.float32(0.5))
    assert type(sgd.learning_rate) is float
    assert sgd == bpnet.optimizers.SGD(0.5)


@pytest.mark.parametrize("options", [{}, {"class_weight": "balanced"}, {"micro_batch": 7}])
@pytest.mark.parametrize("looks", [False, True])
def test_a_short_last_batch_is_the_same_step_on_a_backend_that_compiles(
    backend, options, looks, monkeypatch
):
    """Filled up with rows that are none: one compilation, and what NumPy finds."""
    if not backend.compiles:
        pytest.skip("compiles nothing")

    class Looks(bpnet.Callback):
        def on_block_end(self, run):
            pass

    monkeypatch.setattr(blocks, "_STEPS", 2)
    traced, plain = [], TrainingStep.__call__

    def counted(self, *args):
        traced.append(None)
        return plain(self, *args)

    monkeypatch.setattr(TrainingStep, "__call__", counted)
    X, y = np.random.default_rng(0).normal(size=(89, 5)), np.arange(89) % 3
    actual = {}
    for where in ("numpy", backend):
        traced.clear()
        net = bpnet.Network([5, 9, 3], hidden="tanh", seed=0)
        history = bpnet.train(
            net, (X, y), epochs=3, batch_size=16, l2=0.5, dropout=0.2, dtype="float64", seed=2,
            backend=where, callbacks=[Looks()] if looks else [], **options,
        )  # fmt: skip
        actual[str(where)] = net.weights[0], history["cost"], history["accuracy"]
    assert len(traced) == 1
    (W, cost, accuracy), (W_here, cost_here, accuracy_here) = actual.values()
    np.testing.assert_allclose(W_here, W, rtol=0, atol=1e-12)
    np.testing.assert_allclose(cost_here, cost, rtol=1e-12)
    assert accuracy_here == accuracy

"""Bounds of every setting, on them and past them, and what a refusal says: given, wanted, cure."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from bpnet import backends
from bpnet.core import (
    activations,
    costs,
    initializers,
    layers,
    lookup,
    metrics,
    namespace,
    optimizers,
    random,
    regularizers,
    schedules,
    special,
)
from bpnet.errors import ArrayMismatch
from tests.assertions import error_message

XP = backends.get("numpy").xp
TINY = 5e-324


SHARE = ([0, 0.0, 0.5, 1, 1.0], [-TINY, 1.0000001, math.nan, math.inf, "0.5", None, True])
BELOW_1 = ([0, 0.0, 0.999], [-TINY, 1, 1.0, math.nan, "0", None])
ABOVE_0 = ([TINY, 1, 1e300], [0, 0.0, -1, math.inf, math.nan, "1"])
FROM_0 = ([0, 0.5, 1e300], [-TINY, math.nan, "0"])
FROM_1 = ([1, 7], [0, 0.9, -1, math.nan, "1", True])


@pytest.mark.parametrize(
    ("make", "name", "bounds"),
    [
        (schedules.Step, "factor", SHARE), (schedules.Step, "every", FROM_1),
        (schedules.Exponential, "decay", SHARE), (schedules.InverseScaling, "power", FROM_0),
        (schedules.Cosine, "final", SHARE), (schedules.WarmUp, "epochs", FROM_0),
        (schedules.OneCycle, "rise", SHARE), (schedules.OneCycle, "start", SHARE),
        (schedules.OneCycle, "final", SHARE), (schedules.OnPlateau, "factor", SHARE),
        (schedules.OnPlateau, "patience", FROM_1), (schedules.OnPlateau, "least", FROM_0),
        *((kind, "learning_rate", ABOVE_0) for kind in optimizers.OPTIMIZERS.values()),
        (optimizers.Momentum, "momentum", BELOW_1), (optimizers.Nesterov, "momentum", BELOW_1),
        (optimizers.Adagrad, "epsilon", ABOVE_0), (optimizers.RMSprop, "epsilon", ABOVE_0),
        (optimizers.RMSprop, "rho", BELOW_1), (optimizers.Adam, "beta1", BELOW_1),
        (optimizers.Adam, "beta2", BELOW_1), (optimizers.Adam, "epsilon", ABOVE_0),
        (optimizers.AdamW, "beta1", BELOW_1), (optimizers.AdamW, "weight_decay", FROM_0),
        (costs.Huber, "threshold", ABOVE_0),
        (layers.Dropout, "rate", ([0, 0.5, 0.99999], [-TINY, 1, 0.999999, math.nan, "0"])),
        (lambda n: layers.Dense(n, 2), "n", ([1, 3], [0, -1, 1.5, "3", None, True])),
        (lambda n: layers.Dense(2, n), "n", ([1, 3], [0, -1, 1.5, "3", None, True])),
        (layers.BatchNorm, "n", ([1, 3], [0, -1, 1.5, "3", None, True])),
        (layers.LayerNorm, "n", ([2, 3], [0, -1, 1.5, "3", None])),
        (lambda momentum: layers.BatchNorm(3, momentum=momentum), "momentum",
         ([TINY, 0.5, 1, 1.0], [0, 1.0001, -0.1, math.nan, "0.1"])),
        (lambda epsilon: layers.BatchNorm(3, epsilon=epsilon), "epsilon",
         ([2.0**-126, 1e-5, 2.0**126], [2.0**-127, 0, -1e-5, 2.0**127, math.nan, "1"])),
        (lambda epsilon: layers.LayerNorm(3, epsilon=epsilon), "epsilon",
         ([2.0**-126, 2.0**126], [2.0**-127, 0, 2.0**127])),
        (activations.ELU, "alpha", ([-1.0, 0, 3], [math.inf, math.nan, "1"])),
        (activations.LeakyReLU, "slope", ([-1.0, 0, 3], [math.inf, math.nan, "1"])),
        (initializers.Orthogonal, "gain", ([-1.0, 0, 3], [math.inf, math.nan, "1"])),
    ],
)  # fmt: skip
def test_settings_on_their_bounds_are_taken_and_past_them_refused(make, name, bounds):
    for value in bounds[0]:
        made = make(**{name: value})
        if hasattr(made, name):
            assert getattr(made, name) == value
    for value in bounds[1]:
        text = error_message(make, **{name: value})
        assert repr(value) in text, value
        assert "\n" not in text


def rebuilt(**described):
    """An activation as a file describes it."""
    return lookup.rebuild("activation", activations.ACTIVATIONS, described)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: costs.get("poisson", activations.Softmax()),
         "cost Poisson is not defined for the output Softmax; use Exp outputs or another cost"),
        (lambda: costs.get("cross-entropy", activations.Tanh()),
         "cost CrossEntropy is not defined for the output Tanh; "
         "use Sigmoid or Softmax outputs or another cost"),
        (lambda: costs.get("hinge", activations.Sigmoid()),
         "cost Hinge is not defined for the output Sigmoid; "
         "use Identity or Tanh outputs or another cost"),
        (lambda: costs.named(costs.Huber),
         "cost is the class Huber; give an object of it, Huber()"),
        (lambda: costs.named(SimpleNamespace(value=len)),
         "cost is namespace(value=<built-in function len>); "
         "give a name or an object with value and delta"),
        (lambda: costs.Huber(0),
         "huber's threshold is 0; give a positive number"),
        (lambda: optimizers.get("adam", momentum=0.5),
         "momentum is 0.5 and adam has none; use momentum or nesterov"),
        (lambda: optimizers.get(optimizers.SGD(), momentum=0.0),
         "momentum is 0.0 and sgd has none; use momentum or nesterov"),
        (lambda: optimizers.get("lbfgs", momentum=0.5),
         "momentum is 0.5 and lbfgs has none; use momentum or nesterov"),
        (lambda: optimizers.get("lbfgs", 0.5),
         "learning_rate is 0.5 and lbfgs finds its own; leave it out"),
        (lambda: optimizers.SGD(0),
         "learning_rate is 0; give a number above 0 and below inf"),
        (lambda: optimizers.Adam(beta2=1.0),
         "beta2 is 1.0; give a number from 0 and below 1"),
        (lambda: schedules.Step(factor=2),
         "Step has factor = 2; give a number from 0 to 1"),
        (lambda: schedules.OnPlateau(patience=0),
         "OnPlateau has patience = 0; give a number of at least 1"),
        (lambda: layers.Dropout(1),
         "the dropout rate is 1; give a number from 0 to below 1"),
        (lambda: layers.Dense(0, 3),
         "a layer has n_in = 0 neurons; give a whole number of at least 1"),
        (lambda: layers.Dense(3, -2),
         "a layer has n_out = -2 neurons; give a whole number of at least 1"),
        (lambda: layers.Dense(1 << 24, 1 << 24),
         "a layer has 16777216 times 16777216 weights, more than any memory holds; "
         "give fewer neurons"),
        (lambda: layers.BatchNorm(0),
         "a normalization has n = 0 values; give a whole number of at least 1"),
        (lambda: layers.BatchNorm(3, momentum=0),
         "momentum of BatchNorm is 0; give a number above 0 and up to 1"),
        (lambda: layers.LayerNorm(3, epsilon=0),
         "epsilon of a normalization is 0; give a positive number, such as 1e-5"),
        (lambda: layers.LayerNorm(1),
         "LayerNorm of one value has no variance, its output is always beta; leave it out"),
        (lambda: layers.check_batch([layers.BatchNorm(3)], 1),
         "batch normalization was given one example a batch, which has no variance; give a "
         "batch_size of at least 2 and as many examples, or norm='layer'"),
        (lambda: activations.ELU(math.inf),
         "ELU has alpha = inf; give a finite number"),
        (lambda: rebuilt(name="elu", alpha="1"),
         "activation 'elu' has alpha = '1'; wanted a number"),
        (lambda: rebuilt(name="elu", alpha=math.inf),
         "activation 'elu' has alpha = inf; wanted a number"),
        (lambda: rebuilt(name="tanh", b=1, a=2),
         "activation 'tanh' does not take ['a', 'b']"),
        (lambda: layers.rebuild({"kind": "dropout", "speed": 1}),
         "a layer of kind 'dropout' does not take ['speed']"),
        (lambda: namespace.library_of([1.0]),
         "list is no array; make one first, such as numpy.asarray(x)"),
    ],
)  # fmt: skip
def test_what_a_refusal_says(call, text):
    assert error_message(call) == text


def test_layers_just_small_enough_are_taken():
    assert layers.Dense(1 << 24, (1 << 24) - 1).n_out == (1 << 24) - 1
    layers.check_batch([layers.BatchNorm(3)], 2)
    layers.check_batch([layers.LayerNorm(3), layers.Dropout(0.5)], 1)


def test_arrays_of_two_libraries_or_devices_are_told_with_the_way_out():
    strict = backends.get("array_api_strict")
    a, b = np.ones(2), strict.asarray(np.ones(2))
    with pytest.raises(ArrayMismatch) as refused:
        namespace.namespace_of(a, a, b)
    assert str(refused.value) == (
        "arrays of numpy and of array_api_strict met in one call; "
        'move them together first: bpnet.to_device(array, "numpy")'
    )
    other = backends.get("array_api_strict:device1").asarray(np.ones(2))
    with pytest.raises(ArrayMismatch, match=r"of array_api_strict:array_api_strict\.Device"):
        namespace.namespace_of(b, other)
    assert namespace.library_of(a) == "numpy"
    assert namespace.namespace_of(a, a).__name__ == "array_api_compat.numpy"


class Wrong:
    """A cost of a user's own whose results have another shape, or none."""

    def value(self, z, y, output):
        return 0.5

    def delta(self, z, y, output, *, xp):
        return xp.sum(z, axis=-1)


def test_a_users_cost_gives_arrays_of_the_right_shape():
    cost = costs.get(Wrong(), activations.Softmax())
    z = np.ones((4, 3))
    assert error_message(cost.value, z, z, activations.Softmax(), xp=XP) == (
        "Wrong.value gave no array; give (4,), one number an example"
    )

    class Mixed(Wrong):
        value = lambda self, z, y, output, *, xp: xp.sum(z, axis=-1)  # noqa: E731

    cost = costs.get(Mixed(), activations.Softmax())
    assert cost.value(z, z, activations.Softmax(), xp=XP).tolist() == [3.0] * 4
    assert error_message(cost.delta, z, z, activations.Softmax(), xp=XP) == (
        "Mixed.delta gave shape (4,); give (4, 3), like z"
    )


def test_a_rate_or_momentum_that_is_given_takes_the_place_of_the_rules_own():
    rule = optimizers.Nesterov(0.25, 0.75)
    assert optimizers.get(rule) is rule
    assert optimizers.get(rule, 0.5) == optimizers.Nesterov(0.5, 0.75)
    assert optimizers.get(rule, momentum=0.0) == optimizers.Nesterov(0.25, 0.0)
    assert optimizers.get("momentum", 0.5, 0.25) == optimizers.Momentum(0.5, 0.25)
    assert optimizers.without_numbers(rule) == optimizers.Nesterov()


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_of_equal_values_the_first_is_the_largest_in_every_index_type(backend, dtype):
    if dtype not in {backend.index_dtype, "int32"}:
        pytest.skip("no int64 here")
    rows = [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [-1.0, -2.0, -0.5]]
    with backend.session("float32"):
        z = backend.asarray(np.asarray(rows), dtype="float32")
        classes = backend.asarray(np.arange(3), dtype=dtype)
        actual = special.argmax(z, classes, xp=backend.xp)
    assert backend.to_numpy(actual).tolist() == [1, 0, 2]
    assert str(backend.to_numpy(actual).dtype) == dtype


def test_numbers_of_members_stand_before_the_axes_that_they_lack():
    assert special.beside(0.5, np.ones((2, 3))) == 0.5
    each = special.beside(np.asarray([1.0, 2.0]), np.ones((2, 3, 4)))
    assert each.shape == (2, 1, 1)
    assert special.beside(np.ones((2, 3)), np.ones((2, 3, 4))).shape == (2, 3, 1)


@pytest.mark.parametrize(
    ("output", "middle"),
    [("sigmoid", 0.5), ("softmax", 0.5), ("tanh", 0.0), ("identity", 0.0), ("relu", 0.0)],
)
def test_the_middle_of_an_output_belongs_to_the_lower_answer(output, middle):
    assert metrics.middle(activations.get(output)) == middle
    a = np.asarray([[middle], [middle + 1e-9], [middle - 1e-9]])
    assert metrics.decide(a, "threshold", middle, xp=XP).tolist() == [[0], [1], [0]]


def test_counts_of_what_is_right_skip_rows_that_are_none(backend):
    with backend.session("float32"):
        put = lambda a, kind: backend.asarray(np.asarray(a), dtype=kind)  # noqa: E731
        classes = put(np.arange(2), backend.index_dtype)
        z = put([[2.0, 1.0], [0.0, 1.0], [3.0, 0.0]], "float32")
        labels = put([0, 1, 0], backend.index_dtype)
        rows = put([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], "float32")
        real = put([True, False, True], "bool")
        count = lambda y, kind, *more: int(  # noqa: E731
            backend.to_numpy(metrics.count_correct(z, y, classes, kind, 0.5, *more, xp=backend.xp))
        )
        assert [count(labels, "class"), count(labels, "class", real)] == [3, 2]
        assert [count(rows, "class"), count(rows, "class", real)] == [2, 1]
        # all labels of an example must be right: of the first and the third one is not
        assert count(rows, "threshold") == 1


def test_words_of_a_step_change_with_seed_purpose_and_step():
    base = random.step_words(5, 4, 3)
    others = [random.step_words(*given) for given in
              [(6, 4, 3), (5, 3, 3), (5, 4, 2), (5 + 2**32, 4, 3), (5, 4, 3 + 2**32)]]  # fmt: skip
    assert len({base, *others}) == 6
    assert all(-(2**31) <= word < 2**31 for words in (base, *others) for word in words)


@pytest.mark.parametrize(
    ("value", "is_given"),
    [(None, False), (0, False), (0.0, False), (1e-300, True), (np.zeros(2), True)],
)
def test_a_strength_of_zero_is_none_unless_members_have_each_their_own(value, is_given):
    assert regularizers.is_given(value) is is_given


def test_a_vector_is_clipped_beyond_its_limit_and_untouched_on_it():
    g = (np.asarray([[3.0], [0.0]]), np.asarray([4.0]))
    for limit, factor in ((5.0, 1.0), (10.0, 1.0), (2.5, 0.5)):
        actual = regularizers.clip(g, limit, xp=XP)
        for a, b in zip(actual, g, strict=True):
            np.testing.assert_array_equal(a, factor * b)
    members = (np.stack([g[0], 2 * g[0]]), np.stack([g[1], 2 * g[1]]))
    each = regularizers.clip(members, np.asarray([5.0, 5.0]), 1, xp=XP)
    np.testing.assert_allclose(each[0][1], g[0])
    np.testing.assert_allclose(each[1][0], g[1])


def test_columns_are_shortened_and_biases_and_averages_are_not():
    W, b = np.asarray([[3.0, 0.3], [4.0, 0.4]]), np.asarray([9.0, 9.0])
    norm = (np.asarray([9.0, 9.0]), np.asarray([9.0, 9.0]))
    (W1, b1), (gamma, beta) = regularizers.max_norm(((W.copy(), b), norm), 1.0, xp=XP)
    np.testing.assert_allclose(W1, [[0.6, 0.3], [0.8, 0.4]])
    assert (b1.tolist(), gamma.tolist(), beta.tolist()) == ([9.0, 9.0],) * 3


@pytest.mark.parametrize("step", [0, 1, 9, 10, 19, 20, 50])
def test_the_share_of_a_run_ends_at_its_end(step):
    at = schedules.Moment(step, per_epoch=10, total=20)
    assert (at.epoch, at.share) == (step // 10, min(step / 20, 1))
    assert schedules.Moment(3, total=0).share == 1.0


def test_what_is_not_bpnets_own_is_not_described():
    class Own(activations.Tanh):
        pass

    assert "Own() is not one of bpnet's own" in error_message(
        lookup.describe, Own(), activations.ACTIVATIONS
    )
    assert "is no layer of bpnet's own" in error_message(layers.describe, object())
    for layer in (
        layers.Dense(3, 2, activations.ELU(0.5)), layers.Dropout(0.25),
        layers.BatchNorm(3, activations.LeakyReLU(0.2), 0.5, 1e-3),
        layers.LayerNorm(4, "tanh", 1e-4),
    ):  # fmt: skip
        assert layers.rebuild(layers.describe(layer)) == layer


@pytest.mark.parametrize("n", range(1, 10))
def test_a_mask_of_any_width_is_of_quarters_of_words_lane_by_lane(backend, n):
    """Lane j of a row has the values j, j + lanes, ... of its two words' four halves."""
    key, rows, layer, steps = (5, -7), [3, 2**31 - 1], 2, 20_000
    lanes = -(-n // 4)
    held = backend.asarray(np.asarray(rows, np.int32))
    actual = random.keep_mask(random.Key(key, held, layer), n, steps, xp=backend.xp)
    for i, row in enumerate(rows):
        words = [
            random.threefry_of_words((5, 2**32 - 7), row, lane + (layer << 20))
            for lane in range(lanes)
        ]
        halves = [
            [word[which] >> shift & 0xFFFF for word in words]
            for which in (0, 1) for shift in (0, 16)
        ]  # fmt: skip
        drawn = [half ^ 0x8000 for column in halves for half in column][:n]
        assert backend.to_numpy(actual)[i].tolist() == [bits >= steps for bits in drawn]

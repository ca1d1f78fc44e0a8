"""Special functions against the C library's, and random bits against their authors' vectors."""

import math

import numpy as np
import pytest

from bpnet.core import random, special
from tests.assertions import assert_close

SPREAD = np.concatenate(
    [np.linspace(-6, 6, 241), [-0.46875, 0.46875, -4.0, 4.0, 1e-300, -1e-300, 1e-8, -1e-8]]
)
NEAR = {"float64": 4e-15, "float32": 2e-6}


def relative(actual, desired):
    return np.max(np.abs(actual - desired) / np.abs(desired))


def on_host(f, z, backend, dtype):
    with backend.session(dtype):
        return backend.to_numpy(f(backend.asarray(z, dtype=dtype), xp=backend.xp)).astype(float)


@pytest.fixture
def dtype(backend):
    return backend.dtypes()[0]


def held(z, dtype):
    """Numbers as the dtype holds them, in float64."""
    return np.asarray(z, dtype=dtype).astype(np.float64)


def test_erfc(backend, dtype):
    """Relative, number by number: a few units in the last place up to 4, as it says."""
    z = held(SPREAD[np.abs(SPREAD) <= 4], dtype)
    desired = np.asarray([math.erfc(v) for v in z])
    assert relative(on_host(special.erfc, z, backend, dtype), desired) < NEAR[dtype]


def test_erfc_beyond(backend, dtype):
    """In the tail exp(-x^2) costs x^2 units; beyond what the dtype holds it is 0, and 2."""
    z = held(np.linspace(4, 26 if dtype == "float64" else 9, 101), dtype)
    desired = np.asarray([math.erfc(v) for v in z])
    bound = 4e-13 if dtype == "float64" else 2e-5
    assert relative(on_host(special.erfc, z, backend, dtype), desired) < bound
    assert on_host(special.erfc, [30.0, 1e38, math.inf], backend, dtype).tolist() == [0, 0, 0]
    assert on_host(special.erfc, [-9.0, -1e38, -math.inf], backend, dtype).tolist() == [2, 2, 2]
    assert np.isnan(on_host(special.erfc, [math.nan], backend, dtype)).all()


def test_normal_distribution(backend, dtype):
    """Relative in the lower tail too, where 1 - Phi(-z) would have lost every digit."""
    z = held(np.linspace(-37 if dtype == "float64" else -12, 9, 231), dtype)
    desired = np.asarray([math.erfc(-v / math.sqrt(2)) / 2 for v in z])
    bound = {"float64": 4e-13, "float32": 3e-5}[dtype]
    assert relative(on_host(special.normal_cdf, z, backend, dtype), desired) < bound
    # tables: Phi(1.96), Phi(-3), and phi(0), phi(1)
    table = on_host(special.normal_cdf, [1.96, -3.0, 0.0], backend, dtype)
    np.testing.assert_allclose(table, [0.9750021048517795, 0.0013498980316300945, 0.5], rtol=1e-6)
    density = on_host(special.normal_pdf, [0.0, 1.0, -1.0], backend, dtype)
    np.testing.assert_allclose(
        density, [0.3989422804014327, 0.24197072451914337, 0.24197072451914337], rtol=1e-6
    )


def test_normal_distribution_of_halves(backend):
    """By way of float32: the polynomials leave float16's range."""
    for half in {"float16", "bfloat16"} & set(backend.dtypes()):
        z = np.asarray([-8.0, -3.0, -0.5, 0.0, 0.25, 2.0, 6.0, 100.0])
        actual = on_host(special.normal_cdf, z, backend, half)
        desired = [math.erfc(-v / math.sqrt(2)) / 2 for v in z]
        np.testing.assert_allclose(actual, desired, rtol=1e-2, atol=1e-7)


def test_softplus(backend, dtype):
    z = held(np.concatenate([SPREAD, [-80.0, -30.0, 30.0, 80.0]]), dtype)
    desired = np.asarray([max(v, 0) + math.log1p(math.exp(-abs(v))) for v in z])
    assert relative(on_host(special.softplus, z, backend, dtype), desired) < NEAR[dtype]
    far = on_host(special.softplus, [-1e38, 1e38, -math.inf, math.inf], backend, dtype)
    assert far.tolist() == [0, held(1e38, dtype), 0, math.inf]


def test_logsumexp(backend, dtype):
    rows = [[0.1, -2.0, 3.0], [1e4, 1e4, -1e4], [-1e4, -1e4, -1e4], [0.0, -math.inf, 0.0]]
    desired = [
        math.log(math.exp(0.1) + math.exp(-2) + math.exp(3)),
        1e4 + math.log(2),
        -1e4 + math.log(3),
        math.log(2),
    ]
    actual = on_host(special.logsumexp, rows, backend, dtype)
    assert actual.shape == (4, 1)
    np.testing.assert_allclose(actual[:, 0], desired, rtol=1e-14 if dtype == "float64" else 2e-7)
    nothing = on_host(special.logsumexp, [[-math.inf] * 2, [math.inf, 0]], backend, dtype)
    assert nothing[:, 0].tolist() == [-math.inf, math.inf]


def test_one_hot_rows(backend, dtype):
    with backend.session(dtype):
        labels = backend.asarray(np.asarray([[2, 0], [1, 1]]), dtype="int32")
        classes = backend.asarray(np.arange(3), dtype="int32")
        rows = special.one_hot(labels, classes, backend.dtype(dtype), xp=backend.xp)
        assert rows.dtype == backend.dtype(dtype)
        assert_close(rows, np.eye(3)[[[2, 0], [1, 1]]], 0, backend)


def test_halves_are_added_up_in_float32(backend):
    """4,096 ones, column by column: float16 alone would stop at 2,048, bfloat16 at 256."""
    for half in {"float16", "bfloat16"} & set(backend.dtypes()):
        with backend.session(half):
            x = backend.asarray(np.ones((4096, 3)), dtype=half)
            total = special.accumulate(x, axis=0, xp=backend.xp)
            assert total.dtype == backend.dtype(half)
            assert backend.to_numpy(total).tolist() == [4096] * 3


# Known answers of Threefry-2x32 with 20 rounds, from kat_vectors of Random123
# (Salmon et al. 2011): counter, key, result.
THREEFRY = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def signed(words):
    return [word - (1 << 32) if word >> 31 else word for word in words]


@pytest.mark.parametrize(("counter", "key", "result"), THREEFRY)
def test_threefry_gives_its_authors_bits(backend, counter, key, result):
    x0, x1 = (
        backend.asarray(np.asarray([word], dtype=np.int32), copy=True) for word in signed(counter)
    )
    bits = random.threefry(tuple(signed(key)), x0, x1, xp=backend.xp)
    assert [int(backend.to_numpy(b)[0]) for b in bits] == signed(result)


def test_words_of_a_step_are_threefry_of_the_seed():
    """The host's plain-integer form agrees with the arrays' form, for words above 2^31 too."""
    import array_api_compat.numpy as xp

    for seed, purpose, step in ((0, 0, 0), (2**64 - 1, 4, 2**33 + 5), (12345, 1, 2**31 + 1)):
        counter = signed([step % 2**32, (step // 2**32 << 16) + purpose])
        x0, x1 = (np.asarray([word], dtype=np.int32) for word in counter)
        bits = random.threefry(tuple(signed([seed % 2**32, seed >> 32])), x0, x1, xp=xp)
        assert [int(b[0]) for b in bits] == list(random.step_words(seed, purpose, step))


def masks(backend, rows, step=0, layer=0, seed=1, n=10, rate=0.3):
    numbers = backend.asarray(np.asarray(rows, dtype=np.int32))
    key = random.Key(random.step_words(seed, 4, step), numbers).at(layer)
    return backend.to_numpy(random.keep_mask(key, n, rate, xp=backend.xp))


def test_a_mask_belongs_to_its_example(backend):
    """Wherever in a batch an example stands, in one batch or two; and so on every backend."""
    from bpnet import backends

    whole = masks(backend, range(20))
    assert whole.shape == (20, 10)
    np.testing.assert_array_equal(masks(backend, [7, 3, 19]), whole[[7, 3, 19]])
    np.testing.assert_array_equal(whole, masks(backends.get("numpy"), range(20)))


def test_masks_keep_the_share_that_is_asked_for_and_differ(backend):
    kept = masks(backend, range(400), n=50, rate=0.3)
    n = kept.size
    assert abs(np.mean(kept) - 0.7) < 5 * math.sqrt(0.3 * 0.7 / n)
    for other in ({"step": 1}, {"layer": 1}, {"seed": 2}):
        same = np.mean(masks(backend, range(400), n=50, rate=0.3, **other) == kept)
        chance = 0.7**2 + 0.3**2
        assert abs(same - chance) < 5 * math.sqrt(chance * (1 - chance) / n)

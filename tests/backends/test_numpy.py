"""NumPy's namespace by the shortest way, and memory that is kept from step to step."""

import array_api_compat.numpy as compat
import array_api_strict
import numpy as np
import pytest

import bpnet
from bpnet.backends import numpy_namespace as xp

A = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
INTEGERS = np.arange(-12, 12, dtype=np.int32).reshape(2, 3, 4)

CALLS = {
    "sum": [{}, {"axis": 1}, {"axis": (0, 2)}, {"axis": -1, "keepdims": True}],
    "max": [{}, {"axis": -1, "keepdims": True}],
    "min": [{}, {"axis": 0}],
    "all": [{}, {"axis": -1}],
    "argmax": [{}, {"axis": -1}, {"axis": 1, "keepdims": True}],
    "zeros_like": [{}, {"dtype": np.int32}],
    "ones_like": [{}, {"dtype": np.float64}],
    "matrix_transpose": [{}],
}


@pytest.mark.parametrize("x", [A, INTEGERS, A[:, ::2], A > 3], ids=["float", "int", "view", "bool"])
@pytest.mark.parametrize("name", CALLS)
def test_functions_do_what_the_standard_says(name, x):
    if x.dtype == bool and name not in {"all", "zeros_like", "ones_like", "matrix_transpose"}:
        return
    for options in CALLS[name]:
        actual, expected = getattr(xp, name)(x, **options), getattr(compat, name)(x, **options)
        assert np.array_equal(actual, expected)
        assert actual.dtype == expected.dtype
        assert np.shape(actual) == np.shape(expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int32])
@pytest.mark.parametrize("shape", [(400, 10), (33, 40), (1000, 31), (5, 6, 70)])
def test_large_sums_and_maxima_take_a_detour_to_the_same_numbers(shape, dtype):
    x = (np.random.default_rng(0).normal(size=shape) * 8).astype(dtype)
    for keepdims in (False, True):
        for axis in (-1, -2):
            options = {"axis": axis, "keepdims": keepdims}
            actual, expected = xp.sum(x, **options), compat.sum(x, **options)
            assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
            exact = np.sum(x.astype(float), **options)
            bound = {"f": 1e-5, "d": 1e-13, "e": 0.05, "i": 0}[np.dtype(dtype).char]
            assert np.abs(actual - exact).max() <= bound * np.abs(x.astype(float)).sum(axis).max()
        actual = xp.max(x, axis=-1, keepdims=keepdims)
        assert np.array_equal(actual, compat.max(x, axis=-1, keepdims=keepdims))
    x = x.astype(float)
    x[..., 3, 2] = np.nan
    assert np.isnan(xp.max(x, axis=-1)).sum() == np.isnan(x).sum()
    assert np.isnan(xp.sum(x, axis=-1)).sum() == np.isnan(x).sum()


def test_functions_with_more_arguments():
    rows = np.asarray([1, 0, 1])
    assert np.array_equal(xp.take(A, rows, axis=0), A[rows])
    assert np.array_equal(xp.reshape(A, (6, 4)), A.reshape(6, 4))
    assert not np.shares_memory(xp.reshape(A, (6, 4), copy=True), A)
    assert xp.astype(A, xp.int32).dtype == np.int32
    assert xp.astype(A, xp.float32, copy=False) is A
    assert not np.shares_memory(xp.astype(A, xp.float32), A)
    assert xp.sum(A > 3, axis=0, dtype=xp.int32).dtype == np.int32
    assert xp.linalg is np.linalg
    assert bpnet.backends.get(xp).name == "numpy"


def test_it_has_every_function_of_the_standard():
    names = [n for n in array_api_strict.__all__ if not n.startswith("_")]
    own = {"ArrayAPIStrictFlags", "Device", "get_array_api_strict_flags", "fft"}
    own |= {n for n in names if "array_api_strict" in n}
    missing = [n for n in names if n not in own and not hasattr(xp, n)]
    assert missing == []


def test_freed_memory_is_kept_from_step_to_step():
    """On glibc a step of large arrays costs no page faults once it has run."""
    resource = pytest.importorskip("resource")
    libc = pytest.importorskip("platform").libc_ver()[0]
    if libc != "glibc":
        pytest.skip("another allocator")

    seen = []

    class Faults(bpnet.Callback):
        def on_epoch_end(self, run):
            seen.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)

    data = (np.ones((512, 800), np.float32), np.arange(512) % 10)
    net = bpnet.Network([800, 1024, 10], hidden="relu", seed=0)
    bpnet.train(net, data, batch_size=256, epochs=8, backend="numpy", callbacks=[Faults()])
    # one array of the batch alone is 200 pages; 2 steps an epoch with tens of arrays
    assert seen[-1] - seen[2] < 5 * 200


@pytest.mark.parametrize("shape", [(3,), (5, 3), (4, 5, 3), (2, 4, 5, 3)])
def test_a_product_with_a_transpose_is_that_of_any_rows(shape):
    """Few rows take another way; members before the rows, or no rows, must not."""
    x = np.arange(np.prod(shape), dtype=float).reshape(shape)
    W = np.arange(21.0).reshape(7, 3)

    assert np.array_equal(xp.matmul(x, W.T), np.matmul(x, W.T.copy()))

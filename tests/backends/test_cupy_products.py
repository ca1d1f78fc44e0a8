"""Products of sets on CuPy, by a cuBLAS that reads memory as its manual says."""

import numpy as np
import pytest

from bpnet import backends
from tests.cupy_modules import installed

RANDOM = np.random.default_rng(0)
SHAPES = {
    "a set": ((3, 4, 5), (3, 5, 2)),
    "examples shared by all": ((4, 5), (3, 5, 2)),
    "weights shared by all": ((3, 4, 5), (5, 2)),
    "one network": ((1, 4, 5), (1, 5, 2)),
    "one row": ((3, 1, 5), (3, 5, 2)),
    "one column": ((3, 4, 5), (3, 5, 1)),
    "one number": ((3, 4, 1), (3, 1, 2)),
}


@pytest.fixture
def gpu():
    with installed() as gpu:
        yield gpu


def lies(a, transposed, backend):
    """The array on the GPU, in C order or as the transpose of one that is."""
    xp = backend.xp
    if not transposed:
        return backend.asarray(a)
    return xp.matrix_transpose(backend.asarray(np.ascontiguousarray(a.swapaxes(-1, -2))))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transposed", [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("name", SHAPES)
def test_a_product_is_one_call_and_copies_nothing(gpu, name, transposed, dtype):
    backend = backends.get("cupy:0")
    x, y = (RANDOM.normal(size=shape).astype(dtype) for shape in SHAPES[name])
    a, b = (lies(v, t, backend) for v, t in zip((x, y), transposed, strict=True))
    gpu.happened.clear()
    launched = gpu.launches
    product = backend.xp.matmul(a, b)
    assert gpu.happened == [f"gemm {68 if dtype == 'float32' else 70}"]
    assert gpu.launches - launched <= 4  # memory for the result, and looks at how operands lie
    np.testing.assert_allclose(backend.to_numpy(product), x @ y, rtol=1e-5, atol=1e-6)
    assert product.dtype == dtype


def test_tf32_is_for_sets_too(gpu):
    backend = backends.get("cupy:0")
    a = backend.asarray(np.ones((2, 3, 3), np.float32))
    gpu.happened.clear()
    with backend.session("float32"), backend.precision("tf32"):
        backend.xp.matmul(a, a)
    assert gpu.happened == ["gemm 77"]


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.ones((2, 3), np.float32), np.ones((3, 4), np.float32)),
        (np.ones((2, 3, 4), np.float16), np.ones((2, 4, 3), np.float16)),
        (np.ones((2, 3, 4), np.float32), np.ones((2, 4, 3))),
        (np.ones((5, 2, 3, 4), np.float32), np.ones((2, 4, 3), np.float32)),
        (np.ones((1, 3, 4), np.float32), np.ones((2, 4, 3), np.float32)),
        (np.ones((0, 3, 4), np.float32), np.ones((0, 4, 3), np.float32)),
    ],
    ids=["matrices", "halves", "two dtypes", "four axes", "one for two", "none"],
)
def test_all_other_products_are_cupys_own(gpu, x, y):
    backend = backends.get("cupy:0")
    gpu.happened.clear()
    product = backend.xp.matmul(backend.asarray(x), backend.asarray(y))
    assert gpu.happened == []
    assert np.array_equal(backend.to_numpy(product), x @ y)


def test_a_view_with_gaps_and_amds_gpus_are_left_to_cupy(gpu):
    backend = backends.get("cupy:0")
    x = RANDOM.normal(size=(2, 6, 6)).astype(np.float32)
    a = backend.asarray(x)
    gpu.happened.clear()
    actual = backend.xp.matmul(a[:, ::2, :], a)
    np.testing.assert_allclose(backend.to_numpy(actual), x[:, ::2] @ x, rtol=1e-5, atol=1e-6)
    gpu.module.cuda.runtime.is_hip = True
    backend.xp.matmul(a, a)
    assert gpu.happened == []

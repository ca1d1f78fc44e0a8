"""``precision="tf32"``: refused where there is none, set within a run and put back after it."""

import types

import numpy as np
import pytest

import bpnet
from bpnet.backends.cupy import CuPy
from bpnet.backends.torch import Torch


def test_a_cpu_has_none(backend):
    if any(kind in backend.spec for kind in ("cuda", "cupy")):
        pytest.skip("it has")
    with backend.precision(None):
        pass
    with pytest.raises(bpnet.InputError, match="has no tf32, only CUDA GPUs do"):
        backend.precision("tf32")
    with pytest.raises(bpnet.InputError, match="give 'tf32'"):
        backend.precision("bf16")


def test_training_refuses_it_before_it_starts():
    net = bpnet.Network([2, 2], seed=0)
    with pytest.raises(bpnet.InputError, match="numpy has no tf32"):
        bpnet.train(net, (np.zeros((4, 2)), [0, 1, 0, 1]), precision="tf32", backend="numpy")


@pytest.mark.parametrize("before", ["highest", "high"])
def test_torch_on_cuda_sets_it_and_puts_it_back(before):
    torch = pytest.importorskip("torch")
    backend = Torch(device=torch.device("cuda", 0))
    usual = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(before)
    try:
        with backend.precision(None):
            assert torch.get_float32_matmul_precision() == "highest"
        with backend.precision("tf32"):
            assert torch.get_float32_matmul_precision() == "high"
        with pytest.raises(bpnet.InputError, match="give 'tf32'"), backend.precision("fp8"):
            pass
        assert torch.get_float32_matmul_precision() == before
    finally:
        torch.set_float32_matmul_precision(usual)


def test_cupy_sets_it_and_puts_it_back(cupy, monkeypatch):
    """On CuPy's own switch; turning it asks a device, so here it is turned on paper."""
    from cupy._core import _routines_linalg as products

    kind, seen = np.dtype(np.float32), [products.COMPUTE_TYPE_FP32]
    stand_in = types.SimpleNamespace(
        COMPUTE_TYPE_TF32=products.COMPUTE_TYPE_TF32,
        COMPUTE_TYPE_DEFAULT=products.COMPUTE_TYPE_DEFAULT,
        get_compute_type=lambda dtype: seen[-1] if dtype == kind else None,
        set_compute_type=lambda dtype, value: seen.append(value) if dtype == kind else None,
    )
    assert callable(products.get_compute_type)
    assert callable(products.set_compute_type)
    monkeypatch.setattr("cupy._core._routines_linalg", stand_in)
    monkeypatch.setattr(CuPy, "_has_tf32", lambda self: True)  # which asks a device, too
    with CuPy().precision("tf32"):
        assert seen[-1] == products.COMPUTE_TYPE_TF32
    with CuPy().precision(None):
        assert seen[-1] == products.COMPUTE_TYPE_DEFAULT
    assert seen[-1] == products.COMPUTE_TYPE_FP32
    assert len(seen) == 5

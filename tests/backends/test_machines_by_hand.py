"""Groups, drivers, wheels, probes and candidates of a machine."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from bpnet.backends import (
    hardware,
    libraries,
    selection,
    survey,
)
from bpnet.backends.base import DeviceInfo
from bpnet.backends.nccl import Group
from bpnet.backends.survey import BackendStatus
from bpnet.errors import BackendUnavailable

REPLAYED = {
    **{
        f"{name} axis={axis} keepdims={keeps}": (
            lambda a, x, xp, name=name, axis=axis, keeps=keeps:
            getattr(xp, name)(a + x, axis=axis, keepdims=keeps)
        )
        for name in ("sum", "max", "min", "mean", "all", "argmax")
        for axis in (-1, -2, 0) for keeps in (False, True)
    },
    "sum of all": lambda a, x, xp: xp.sum(a * x),
    "sum in another type": lambda a, x, xp: xp.sum(a + x, axis=-1, dtype=xp.float64),
    "sum of whole numbers": lambda a, x, xp: xp.sum(xp.astype(a + x, xp.int32), axis=-1),
    "max of all": lambda a, x, xp: xp.max(a - x),
    "a product": lambda a, x, xp: (a + x) @ xp.matrix_transpose(a),
    "a product of transposes": lambda a, x, xp: (a + x).T @ a,
    "a power": lambda a, x, xp: (a * x) ** 2,
    "a root": lambda a, x, xp: xp.abs(a * x) ** 0.5,
    "clip below": lambda a, x, xp: xp.clip(a + x, 0.5, None),
    "clip above": lambda a, x, xp: xp.clip(a + x, None, 0.5),
    "maximum with a number": lambda a, x, xp: xp.maximum(a + x, xp.asarray(0.25, dtype=xp.float32)),
    "where": lambda a, x, xp: xp.where(a > x, a, -a),
    "comparisons": lambda a, x, xp: xp.astype(
        xp.logical_and(a >= x, xp.logical_not(a == x)), xp.float32
    ),
    "take of rows": lambda a, x, xp: xp.take(a * x, xp.asarray([2, 0, 2]), axis=0),
    "take of columns": lambda a, x, xp: xp.take(a * x, xp.asarray([1, 1]), axis=1),
    "concat of rows": lambda a, x, xp: xp.concat([a + x, a - x]),
    "concat of columns": lambda a, x, xp: xp.concat([a + x, a - x], axis=1),
    "reshape": lambda a, x, xp: xp.reshape(a * x, (-1, 2)),
    "reshape to a copy": lambda a, x, xp: xp.reshape(a * x, (2, -1), copy=True),
    "a type": lambda a, x, xp: xp.astype(a * x, xp.float64),
    "the same type": lambda a, x, xp: xp.astype(a * x, xp.float32, copy=False) + 1,
    "an axis more": lambda a, x, xp: (a * x)[..., None] + (a - x)[None, ...][0][..., None],
    "parts": lambda a, x, xp: (a * x)[1:3, ::2],
    "zeros and ones": lambda a, x, xp: xp.zeros_like(a) + xp.ones_like(a + x) * x,
    "signs": lambda a, x, xp: xp.sign(a - x) * xp.floor(a) + xp.round(x),
    "numbers before": lambda a, x, xp: (1.0 - a) / (2.0 + xp.abs(x)) + 3,
    "exponentials": lambda a, x, xp: xp.log1p(xp.exp(-xp.abs(a))) + xp.expm1(-xp.abs(x)),
    "squares of sums": lambda a, x, xp: xp.sqrt(xp.sum(a * a, axis=-1, keepdims=True)) * x,
}  # fmt: skip


class OnDevice:
    """An array as CuPy's, of which only the host's copy can be looked at."""

    def __init__(self, host):
        self.host, self.dtype, self.shape = host, host.dtype, host.shape

    def get(self):
        return self.host


def status(name, usable, *devices):
    return BackendStatus(name, usable, devices=tuple(DeviceInfo(d, "x") for d in devices))


def test_sums_and_copies_of_a_group_are_in_place():
    seen = []
    record = lambda name: lambda *a: seen.append((name, *a))  # noqa: E731
    Group(SimpleNamespace(all_reduce=record("all"), broadcast=record("one"))).allreduce("a")
    Group(SimpleNamespace(all_reduce=record("all"), broadcast=record("one"))).broadcast("a")
    assert seen == [("all", "a", "a"), ("one", "a", 0)]


@pytest.mark.parametrize(
    ("driver", "wheels"),
    [((13000, 1, 0, 75), "cuda13"), ((12090, 1, 0, 90), "cuda12"), ((13000, 1, 0, 74), "cuda12"),
     ((13010, 1, 0, 0), "cuda13"), ((0, 0, 0, 0), "cuda12")],
)  # fmt: skip
def test_wheels_that_fit_a_driver(driver, wheels):
    assert hardware.cuda_major(hardware.CudaDriver(*driver)) == wheels


def test_hardware_is_described():
    driver = hardware.CudaDriver(12080, 2)
    assert hardware.cuda(driver.version) == "CUDA 12.8"
    assert driver.describe() == "the NVIDIA driver serves CUDA 12.8 and sees 2 GPUs"
    assert hardware.NO_DRIVER.describe() == "there is no NVIDIA driver"
    assert str(DeviceInfo("numpy", "a processor", 3 * 2**30, "x")) == (
        "numpy: a processor, 3.0 GiB, x"
    )
    assert str(DeviceInfo("numpy", "a processor")) == "numpy: a processor"


@pytest.mark.parametrize(
    ("kind", "version", "cure"),
    [("cuda", 12080, 'pip install "jax[cuda12]"'), ("gpu", 13000, 'pip install "jax[cuda13]"'),
     ("cuda", 0, "use 'jax:cpu'"), ("tpu", 12080, "use 'jax:cpu'")],
)  # fmt: skip
def test_a_gpu_that_jax_does_not_see(monkeypatch, kind, version, cure):
    pytest.importorskip("jax")
    from bpnet.backends import jax

    driver = hardware.CudaDriver(version, 1, 0, 90)
    monkeypatch.setattr(hardware, "cuda_driver", lambda: driver)
    with pytest.raises(BackendUnavailable) as refused:
        jax.open_backend(kind)
    assert (refused.value.why, refused.value.cure) == ("JAX finds only: cpu", cure)


@pytest.mark.parametrize(
    ("variable", "here", "expected"),
    [(None, {"g++", "clang++"}, "g++"), (None, {"clang++"}, "clang++"), (None, set(), None),
     ("icpx", {"icpx", "g++"}, "icpx"), ("icpx", {"g++"}, None)],
)  # fmt: skip
def test_the_compiler_that_pytorch_would_use(monkeypatch, variable, here, expected):
    from bpnet.backends import torch

    monkeypatch.delenv("CXX", raising=False)
    if variable:
        monkeypatch.setenv("CXX", variable)
    monkeypatch.setattr(torch.shutil, "which", lambda name: name if name in here else None)
    assert torch._compiler() == expected


@pytest.mark.parametrize(
    ("a", "b", "rounded", "alike"),
    [
        (np.zeros(2, "f4"), np.zeros(2, "f4"), False, True),
        (np.zeros(2, "f4"), np.zeros(2, "i4"), False, False),
        (np.zeros((2, 1), "f4"), np.zeros(2, "f4"), True, False),
        (np.ones(2, "f4"), np.ones(2, "f4") + 1e-7, False, False),
        (np.ones(2, "f4"), np.ones(2, "f4") + np.float32(1.2e-7), True, True),
        (np.ones(2, "f4"), np.ones(2, "f4") + np.float32(1e-3), True, False),
        (np.full(2, np.nan, "f4"), np.full(2, np.nan, "f4"), True, True),
        (np.ones(2, "i4"), np.full(2, 2, "i4"), True, False),
    ],
)  # fmt: skip
def test_results_of_a_gpu_are_alike_to_the_bit_but_for_what_is_rounded(a, b, rounded, alike):
    from bpnet.backends.trace import expressions, on_cupy

    (name, *_) = expressions.ROUNDED if rounded else ("add",)
    graph = SimpleNamespace(calls=[SimpleNamespace(name=name)])
    assert on_cupy.OnCuPy.alike(None, graph, OnDevice(a), OnDevice(b)) is alike


def test_what_works_is_named_gpus_first_then_numpy(monkeypatch):
    rows = [status("torch", True, "torch:cpu"), status("numpy", True, "numpy"),
            status("jax", True, "jax:cpu", "jax:gpu:0"), status("cupy", False),
            status("dpnp", True, "dpnp:cpu")]  # fmt: skip
    monkeypatch.setattr(survey, "status", lambda: iter(rows))
    assert survey.available() == ["jax", "numpy", "torch", "dpnp"]


@pytest.mark.parametrize(
    ("code", "err", "why"),
    [
        (1, "", "its probe ended with exit status 1 (no message)"),
        (-11, "x\nlast\n", "its probe ended with SIGSEGV (last)"),
        (-99, "", "its probe ended with signal 99 (no message)"),
    ],
)
def test_a_probe_that_dies(code, err, why):
    row = survey._read("jax", code, "", err)
    assert (row.usable, row.why) == (False, why)
    assert row.cure == "python -X faulthandler -m bpnet.backends.probe jax shows where"


def test_a_probe_that_hangs():
    sleeps = lambda name: [sys.executable, "-c", "import time; time.sleep(60)"]  # noqa: E731
    (row,) = survey.status(["array_api_strict"], 0.2, sleeps)
    assert row.why == "its probe did not answer within 0.2 s"
    assert row.cure == (
        "python -X faulthandler -m bpnet.backends.probe array_api_strict tries without a limit"
    )


@pytest.mark.parametrize(
    ("gpus", "have", "expected"),
    [
        ({"cuda"}, {"cupy", "torch", "jax"}, ["cupy", "torch:cuda", "jax:gpu"]),
        ({"rocm"}, {"torch"}, ["torch:cuda"]), ({"mps"}, {"torch", "cupy"}, ["torch:mps"]),
        ({"intel"}, {"dpnp", "torch"}, ["dpnp:gpu"]), (set(), {"cupy", "torch", "dpnp"}, []),
        ({"cuda", "intel"}, {"dpnp", "cupy"}, ["cupy", "dpnp:gpu"]),
    ],
)  # fmt: skip
def test_candidates_for_a_gpu(monkeypatch, gpus, have, expected):
    monkeypatch.setattr(libraries, "installed", lambda name: name in have)
    monkeypatch.setattr(selection, "_is_cpu_build", lambda _: False)
    monkeypatch.setattr(selection, "_has_jax_plugin", lambda: True)
    assert list(selection.candidates(frozenset(gpus))) == expected
    monkeypatch.setattr(selection, "_is_cpu_build", lambda _: True)
    monkeypatch.setattr(selection, "_has_jax_plugin", lambda: False)
    without = [one for one in expected if one not in {"torch:cuda", "jax:gpu"}]
    assert list(selection.candidates(frozenset(gpus))) == without


@pytest.mark.parametrize(
    ("gpus", "why"),
    [(set(), "no GPU was found"),
     ({"cuda"}, "there is a GPU (cuda) but no library for it: pip install cupy-cuda12x"),
     ({"rocm"}, "there is a GPU (rocm) but no library for it: pip install cupy-rocm-7-0"),
     ({"mps"}, "there is a GPU (mps) but no library for it: pip install torch"),
     ({"intel"}, "there is a GPU (intel) but no library for it: pip install dpnp"),
     ({"mps", "intel"}, "there is a GPU (mps) but no library for it: pip install torch")],
)  # fmt: skip
def test_why_there_is_no_gpu(monkeypatch, gpus, why):
    monkeypatch.setattr(hardware, "cuda_driver", lambda: hardware.NO_DRIVER)
    assert selection._why_not(frozenset(gpus)).replace('"', "").startswith(why)

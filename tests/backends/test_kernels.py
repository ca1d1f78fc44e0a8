"""Kernels made of recorded steps: NVRTC compiles them, C++ runs them, faults in them are seen."""

import ctypes
import importlib.util
import os
import shutil
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import bpnet
from benchmarks.launches import count, planned
from bpnet.backends import libraries
from bpnet.backends.trace import expressions, kernels, on_cupy, plan, replay
from bpnet.backends.trace.graph import Call, Ref, Value
from bpnet.backends.trace.recorder import Tracer
from bpnet.check import cases
from bpnet.core import activations, optimizers
from tests.cupy_kernels import function
from tests.cupy_modules import installed

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(96, 6)).astype(np.float32)
Y = np.arange(96) % 4
ROWS = np.eye(4)[Y]

CASES = {
    **{f"hidden {name}": {"hidden": name} for name in activations.ACTIVATIONS if name != "softmax"},
    **{name: {"optimizer": name} for name in optimizers.OPTIMIZERS},
    **{f"{cost}, {output}": {"cost": cost, "output": output, "y": ROWS}
       for cost, output in cases.PAIRS},
    "regularized": {"l2": 0.1, "l1": 0.1, "max_norm": 1.0, "clip_norm": 1.0},
    "dropout": {"dropout": 0.3, "optimizer": "adam"},
    "two layers of dropout": {"hidden": ["relu", "tanh"], "dropout": 0.2, "sizes": (6, 5, 5, 4)},
    "batch normalization": {"norm": "batch", "optimizer": "adam"},
    "layer normalization": {"norm": "layer"},
    "weights": {"class_weight": "balanced"},
    "parts of a batch": {"micro_batch": 3, "class_weight": "balanced"},
    "float64": {"dtype": "float64", "optimizer": "adamw"},
    "float16": {"dtype": "float16", "optimizer": "adam", "dropout": 0.2},
}  # fmt: skip


def network(sizes=(6, 5, 4), **options):
    return bpnet.Network(sizes, seed=1, **options)


def trained(backend, *, epochs=9, y=Y, **options):
    """Parameters after 12 steps an epoch, and the costs."""
    shape = {key: options.pop(key) for key in ("hidden", "output", "norm", "sizes")
             if key in options}  # fmt: skip
    net = network(**shape)
    rate = {} if "optimizer" in options else {"optimizer": bpnet.optimizers.SGD(0.01)}
    history = bpnet.train(net, (X, y), epochs=epochs, batch_size=8, backend=backend,
                          **{**rate, **options})  # fmt: skip
    return net.parameters, history["cost"]


@pytest.fixture
def gpu(monkeypatch):
    if not shutil.which("g++"):
        pytest.skip("needs g++, which makes kernels functions of the processor")
    monkeypatch.setattr(libraries, "installed", lambda _: True)
    with installed() as gpus:
        yield gpus


def was_replayed():
    functions = [function for function, _ in replay._functions.values()]
    return bool(functions) and all(functions)


BOUNDS = {"float64": (1e-10, 1e-12), "float16": (2e-2, 2e-2), "float32": (1e-4, 1e-5)}


@pytest.mark.parametrize("name", CASES)
def test_kernels_train_as_numpy_does(gpu, name):
    actual, costs = trained("cupy", **CASES[name])
    assert was_replayed()
    assert gpu.races == []
    expected, desired = trained("numpy", **CASES[name], compiled=False)
    relative, absolute = BOUNDS[CASES[name].get("dtype", "float32")]
    np.testing.assert_allclose(costs, desired, rtol=max(relative, 1e-5))
    for one, other in zip(actual, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=relative, atol=absolute)


def test_a_set_of_networks_is_replayed(gpu):
    actual = []
    for backend in ("cupy", "numpy"):
        nets = [bpnet.Network((6, 5, 4), seed=i, hidden="gelu") for i in range(3)]
        bpnet.train(nets, (X, Y), epochs=3, batch_size=8, dropout=[0.0, 0.1, 0.3], l2=[0.0, 0.1, 1],
                    backend=backend, seed=[0, 1, 2])  # fmt: skip
        actual.append(nets)
        assert was_replayed()
    for one, other in zip(*actual, strict=True):
        for a, b in zip(one.weights, other.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("compiled", "replayed"), [(None, True), (True, True), (False, False)])
def test_the_replay_is_on_unless_asked_not_to(gpu, compiled, replayed):
    trained("cupy", epochs=1, compiled=compiled)
    assert bool(replay._functions) == replayed


def test_the_time_of_compiling_is_told(gpu, caplog):
    with caplog.at_level("INFO", "bpnet"):
        trained("cupy", epochs=1)
    assert "compiled a step in" in caplog.text


# What NVRTC makes of the kernels, without a driver.


def nvrtc():
    spec = importlib.util.find_spec("nvidia")
    roots = [Path(path) for path in (spec.submodule_search_locations if spec else [])]
    actual = [lib for root in roots for lib in root.glob("cu*/lib/libnvrtc.so.*")]
    if not actual and not os.environ.get("BPNET_TEST_CUPY"):
        pytest.skip("needs NVRTC: pip install nvidia-cuda-nvrtc-cu12 nvidia-cuda-runtime-cu12")
    include = [str(path) for root in roots for path in root.glob("cu*/include")]
    return ctypes.CDLL(str(actual[0])), include


@lru_cache
def made(name):
    """Kernels of a case."""
    options = dict(CASES[name])
    shape = {key: options.pop(key) for key in ("hidden", "output", "norm", "sizes")
             if key in options}  # fmt: skip
    plans = planned(network(**shape), (X, options.pop("y", Y)), batch_size=8, **options)
    return {
        kernels.kernel(p.graph, unit, p.internal)
        for p in plans
        for unit in p.body
        if unit.is_kernel
    }


def source(cupy, kernel, name):
    """What CuPy would compile of a kernel, for matrices with gaps."""
    from cupy._core import _carray, _kernel

    made = cupy.ElementwiseKernel(kernel.in_params, kernel.out_params, kernel.operation, name)
    infos = [
        _kernel._ArgInfo(1, cupy.ndarray, p.dtype.type, 2, False, True) for p in made.params[:-1]
    ]
    infos.append(_kernel._ArgInfo(2, _carray.Indexer, None, 2, True, True))
    arguments = tuple(infos), _kernel._TypeMap(()), made.params, made.operation, name, ""
    return _kernel._get_elementwise_kernel_code(*arguments)


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_nvrtc_compiles_every_kernel(cupy, architecture):
    library, include = nvrtc()
    distinct = sorted({kernel for name in CASES for kernel in made(name)}, key=str)
    assert len(distinct) > 100
    text = ["#include <cupy/carray.cuh>"]
    text += [source(cupy, kernel, f"step_{i}") for i, kernel in enumerate(distinct)]
    assert compiled(library, "\n".join(text), architecture, [headers(cupy), *include]) == ""


def test_nvrtc_refuses_what_is_no_kernel(cupy):
    library, include = nvrtc()
    kernel = kernels.Kernel("float32 x0", "float32 y0", "y0 = exq(x0);", (0,), (1,))
    text = f"#include <cupy/carray.cuh>\n{source(cupy, kernel, 'wrong')}"
    assert "exq" in compiled(library, text, "sm_80", [headers(cupy), *include])


def headers(cupy):
    return str(Path(cupy._core.__file__).with_name("include"))


def compiled(library, text, architecture, include):
    """Errors of a compilation."""
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    code = text.encode()
    assert library.nvrtcCreateProgram(ctypes.byref(program), code, b"", 0, None, None) == 0
    options = [f"--gpu-architecture={architecture}", "-ftz=true", "-std=c++17", *on_cupy.OPTIONS]
    options = [o.encode() for o in (*options, *(f"-I{path}" for path in include))]
    arguments = (ctypes.c_char_p * len(options))(*options)
    status = library.nvrtcCompileProgram(program, len(options), arguments)
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return log.value.decode() if status else ""


# Each expression beside NumPy's function.

_ULPS = 4
NAMES = [(name, kind) for kind, table in expressions._TABLES.items() for name in table]
DTYPES = {"f": ("float32", "float64", "float16"), "i": ("int32", "int64", "uint8"), "b": ("bool",)}
REAL = (-2.5, -1.0, -0.75, -0.0, 0.0, 0.25, 1.0, 1.5, 3.0)
EDGES = (np.nan, np.inf, -np.inf, 1e-30)
WHOLE = (-7, -1, 0, 1, 2, 5, 100)


def values_of(dtype):
    if dtype.kind == "f":
        return np.asarray([*REAL, *EDGES], dtype)
    if dtype.kind == "b":
        return np.asarray([False, True])
    top = np.iinfo(dtype)
    return np.asarray([*(n for n in WHOLE if top.min <= n <= top.max), top.min, top.max], dtype)


@pytest.mark.parametrize(("name", "dtype"), [(n, d) for n, kind in NAMES for d in DTYPES[kind]])
@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero", "ignore:overflow")
def test_an_expression_is_what_numpys_function_is(name, dtype):
    dtype = np.dtype(dtype)
    reference = getattr(np, name)
    n = 3 if name == "where" else reference.nin if isinstance(reference, np.ufunc) else 1
    grid = np.meshgrid(*[values_of(dtype)] * n)
    arguments = [np.ascontiguousarray(a.reshape(-1)) for a in grid]
    if name == "where":
        arguments[0] = arguments[0].astype(bool)
    if "shift" in name:
        arguments[1] = np.abs(arguments[1] % 7).astype(dtype)
    expected = np.asarray(reference(*arguments))
    known = [Value(a.shape, a.dtype, "C", False, i) for i, a in enumerate((*arguments, expected))]
    call = Call(name, tuple(map(Ref, range(n))), (), n)
    assert expressions.has(call, known)
    graph = kernels.Graph(known, [call])
    kernel = kernels.kernel(graph, plan.Unit((call,), True), frozenset())
    actual = run(kernel, arguments, expected)
    if expected.dtype.kind == "f" and name not in {"add", "subtract", "multiply", "divide"}:
        scale = np.spacing(np.abs(np.where(np.isfinite(expected), expected, 1)))
        apart = np.abs(np.where(np.isfinite(expected), actual - expected, 0))
        assert (apart <= _ULPS * scale).all()
        actual, expected = (np.where(np.isfinite(a), 0, a) for a in (actual, expected))
    np.testing.assert_array_equal(actual, expected)


def run(kernel, arguments, like):
    """Result of a kernel of the processor."""
    call, params = function(kernel.in_params, kernel.out_params, kernel.operation)
    arrays = [*(arguments[n] for n in kernel.ins), np.zeros_like(like)]
    assert len(arrays) == len(params)
    at = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
    strides = np.asarray([a.strides for a in arrays], np.int64)
    length = np.asarray(like.shape, np.int64)
    pointer = ctypes.c_void_p
    call(ctypes.c_long(like.size), 1, length.ctypes.data_as(pointer), at,
         strides.ctypes.data_as(pointer))  # fmt: skip
    return arrays[-1]


@pytest.mark.parametrize("value", [0.1, -1e30, 3.0, 1e-40, float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_number_keeps_its_bits_in_the_text(value, dtype):
    dtype = np.dtype(dtype)
    text = f"y0 = {expressions.literal(value, dtype)};"
    kernel = kernels.Kernel("", f"{dtype} y0", text, (), (0,))
    actual = run(kernel, [], np.zeros(1, dtype))
    assert actual[0] == dtype.type(value)


# Launches, and faults.


def test_launches_are_few():
    assert count((128, 64), "adam")[1] <= 40
    assert count((128, 64), "adam", 0.2)[1] <= 48
    assert count((64,) * 6, "adam", 0.2)[1] <= 95


def test_what_is_read_at_another_place_than_it_is_written_is_no_kernel():
    """Another thread may have written there, or not yet."""
    tracer = Tracer(np)
    x = tracer.argument(np.arange(4, dtype=np.float32))
    whole = x * 2.0
    whole *= 3.0
    turned = tracer.flip(whole)
    assert turned + x is not None
    body = [call for call in tracer.graph.calls if call.name != "flip"]  # taken before the step
    assert [len(unit.calls) for unit in kernels.fused(tracer.graph, body)] == [2, 1]


def test_no_kernel_takes_more_than_a_launch_can():
    net = bpnet.Network([6, *[5] * 60, 4], seed=0)
    (made,) = planned(net, (X, Y), batch_size=96, l2=0.1, optimizer="sgd")
    units = [unit for unit in made.body if unit.is_kernel]
    each = [kernels.kernel(made.graph, unit, made.internal) for unit in units]
    assert max(len(k.ins) for k in each) == kernels.READS
    assert max(len(k.ins) + len(k.outs) for k in each) * 64 <= 4096


def wrong_expression(patch):
    patch.setitem(expressions._TABLES["f"], "sqrt", "sqrt($0) * 1.1f")


def wrong_by_a_bit(patch):
    patch.setitem(expressions._TABLES["f"], "divide", "$0 / $1 * 1.0000001f")


def kernels_in_the_wrong_order(patch):
    usual = kernels.fused

    def swapped(graph, calls):
        units = usual(graph, calls)
        first, last = next(
            (i, j)
            for i, one in enumerate(units)
            for j, other in enumerate(units[i + 1 :], i + 1)
            if one.is_kernel and other.is_kernel and {*one.made} & other.touched
        )
        units[first], units[last] = units[last], units[first]
        return units

    patch.setattr(kernels, "fused", swapped)


def a_buffer_used_too_early(patch):
    usual = plan._places

    def places(graph, body, last_use, excluded, takes_out):
        made, buffers = usual(graph, body, last_use, excluded, takes_out)
        kinds = {}
        return {n: kinds.setdefault(buffers[i], i) for n, i in made.items()}, buffers

    patch.setattr(plan, "_places", places)


def a_number_of_the_first_step(patch):
    usual = kernels._Text.param

    def param(self, n, dtype):
        name = usual(self, n, dtype)
        return name if not self.values[n].scalar else f"({name} * 0 + 0.05f)"

    patch.setattr(kernels._Text, "param", param)


EXACT = {"optimizer": "adam", "cost": "quadratic", "output": "identity", "y": ROWS}
"""A step without a function whose bits may differ: a replay must have those of the step."""

FAULTS = [
    wrong_expression, wrong_by_a_bit, kernels_in_the_wrong_order, a_buffer_used_too_early,
    a_number_of_the_first_step,
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_plan_is_seen_before_it_is_used(gpu, fault, monkeypatch):
    with monkeypatch.context() as patch:
        fault(patch)
        _, costs = trained("cupy", epochs=2, **EXACT)
        assert [function for function, _ in replay._functions.values()] == [None]
    _, desired = trained("numpy", epochs=2, **EXACT)
    np.testing.assert_allclose(costs, desired, rtol=1e-5)

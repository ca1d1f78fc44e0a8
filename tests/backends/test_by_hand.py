"""Parts of the backends by themselves: replayed functions, routes, groups, refusals and choices."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from bpnet import backends
from bpnet.backends import (
    dtypes,
    hardware,
    libraries,
    loop,
    routes,
    selection,
    specs,
    survey,
    trees,
)
from bpnet.backends.base import DeviceInfo
from bpnet.backends.nccl import Group
from bpnet.backends.numpy import NumPy
from bpnet.backends.survey import BackendStatus
from bpnet.check.watch import Watch
from bpnet.errors import ArrayMismatch, BackendUnavailable, InputError
from tests.backends.test_trace import assert_same, scanned
from tests.strangers import Converted, Dlpack, Library

XP = NumPy().xp


def said(make, *arguments, kind=InputError, **named):
    """The refusal of a call, whole."""
    with pytest.raises(kind) as refused:
        make(*arguments, **named)
    return str(refused.value)


def array(*shape, dtype=np.float32):
    return np.random.default_rng(1).normal(size=shape).astype(dtype) * 3


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


@pytest.mark.parametrize("name", REPLAYED)
@pytest.mark.parametrize("shape", [(6, 4), (3, 4), (40, 4)])
def test_each_function_with_each_option_is_replayed_to_the_bit(name, shape):
    function = REPLAYED[name]

    def step(carry, x, *, xp):
        (a,) = carry
        return (a * 0.5 + x * 0.25,), (function(a, x, xp),)

    assert_same(*scanned(step, (array(*shape),)))


@pytest.mark.parametrize("result", [(np.ones(1), 2.0), [np.ones(1), 2.0]])
def test_arrays_in_what_a_function_gives_are_watched_too(result):
    watch = Watch(NumPy())
    actual = watch.wrap(result)
    assert type(actual) is type(result)
    assert (type(actual[0]).__name__, actual[1]) == ("Recorded", 2.0)


def test_parts_of_trees():
    tree = {"a": (np.ones((2, 1)), [np.zeros((2, 2)), 3]), "b": None}
    assert [leaf.shape for leaf in trees.leaves(tree)] == [(2, 1), (2, 2)]
    assert trees.map_leaves(lambda a: a.shape, tree) == {"a": ((2, 1), [(2, 2), 3]), "b": None}
    rows = list(zip(range(2), trees.unstack(tree, loop.elements), strict=False))
    assert rows[1][1]["a"][0].tolist() == [1.0]
    assert rows[0][1]["a"][1][1] == 3
    assert [trees.scalars(t) for t in (tree, {"a": (np.ones(1),)}, None, "x", [None])] == [
        True, False, False, True, False
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("carry", "dtype"),
    [((np.ones(1, np.float32), np.ones(1)), "float64"), ((np.ones(1, np.float32),), "float32"),
     ((np.ones(1, np.float16),), "float32"), ((), "float32")],
)  # fmt: skip
def test_real_numbers_of_a_carry(carry, dtype):
    assert loop.real(carry) == dtype


def test_axes_of_different_lengths_are_refused():
    assert loop.length({"a": np.ones((3, 1)), "b": np.ones(3)}) == 3
    assert said(loop.length, (np.ones(3), np.ones(2))) == (
        "scan was given leading axes of [2, 3]; wanted arrays of one length"
    )


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (np.ones(1), "numpy"), (np.float32(1), "numpy"), (np.random.default_rng(0), None),
        (np.random.RandomState(0), None), ([1.0], None), (3, None), (np, None), (None, None),
        ("text", None), (np.ndarray, None),
    ],
)  # fmt: skip
def test_who_owns_an_array(thing, name):
    actual = libraries.owner(thing)
    assert (None if actual is None else actual.name) == name


@pytest.mark.parametrize(
    ("name", "library"),
    [("numpy", "numpy"), ("array_api_compat.numpy", "numpy"), ("jax.numpy", "jax"),
     ("array_api_compat.torch", "torch"), ("numpy.linalg", None), ("jaxlib", "jax"),
     ("bpnet.backends.numpy_namespace", "numpy"), ("mylib", None), ("numpyro", None)],
)  # fmt: skip
def test_modules_of_libraries(name, library):
    assert libraries.library_of(ModuleType(name)) == library


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: dtypes.check_precision("bf16"),
         "precision is 'bf16'; give 'tf32', or leave it out for exact products"),
        (lambda: dtypes.check_precision(True),
         "precision is True; give 'tf32', or leave it out for exact products"),
        (lambda: dtypes.check_float("int32"),
         "dtype is 'int32'; use float64, float32, float16 or bfloat16"),
        (lambda: backends.to_device([3.5, object()], "numpy"),
         "object is neither an array nor a container of arrays"),
        (lambda: backends.of([1.0]), "list is no array; wanted one of a library of the standard"),
        (lambda: backends.require_one({}), "no array was given; wanted at least one"),
        (lambda: backends.select([]),
         "the list of backends by the argument is empty; name at least one"),
        (lambda: specs.merge("torch:cpu", "cpu", "cuda"),
         "backend 'torch:cpu' and device 'cuda' disagree; give the device once"),
        (lambda: specs.merge("torch:cuda:1", "cuda:1", "cuda:0"),
         "backend 'torch:cuda:1' and device 'cuda:0' disagree; give the device once"),
    ],
)  # fmt: skip
def test_what_a_refusal_says(call, text):
    actual = said(call)
    assert actual == text or (
        text.startswith("dtype is") and actual.startswith("dtype is 'int32'; ")
    )
    dtypes.check_precision(None)
    dtypes.check_precision("tf32")


@pytest.mark.parametrize(
    ("first", "second", "merged"),
    [(None, None, None), ("cuda", None, "cuda"), (None, "1", "1"), ("cuda", "1", "cuda:1"),
     ("1", "cuda", "cuda:1"), ("cuda:1", "cuda", "cuda:1"), ("cuda:1", "cuda:1", "cuda:1")],
)  # fmt: skip
def test_devices_that_complete_each_other(first, second, merged):
    assert specs.merge("x", first, second) == merged


@pytest.mark.parametrize(
    ("spec", "is_gpu"),
    [("cupy", True), ("cupy:1", True), ("torch:cuda", True), ("torch:cuda:1", True),
     ("torch:cpu", False), ("torch:mps", True), ("jax:gpu:0", True), ("numpy", False),
     ("dpnp:gpu", True), ("jax:rocm", True), ("gpu", False), ("array_api_strict:device1", False)],
)  # fmt: skip
def test_specifications_of_gpus(spec, is_gpu):
    assert specs.is_gpu(spec) is is_gpu


@pytest.mark.parametrize(
    ("text", "parts"),
    [("Torch:CUDA:1", ("torch", "cuda:1")), (" numpy ", ("numpy", None)), ("a-b", ("a_b", None)),
     ("jax: cpu", ("jax", "cpu")), ("cupy:", ("cupy", None))],
)  # fmt: skip
def test_specifications_are_split(text, parts):
    assert specs.split_spec(text) == parts


@pytest.mark.parametrize(
    ("device", "text"),
    [(None, None), ("CPU", "cpu"), (1, "1"), ("", None), (SimpleNamespace(id=2), "2"),
     (SimpleNamespace(platform="gpu", id=1), "gpu:1"),
     (SimpleNamespace(sycl_device=SimpleNamespace(filter_string="opencl:cpu:0")), "opencl:cpu:0")],
)  # fmt: skip
def test_devices_as_text(device, text):
    assert specs.device_text(device) == text


def test_a_backend_is_given_with_its_device_once_more():
    assert backends.get(NumPy("numpy"), "cpu").spec == "numpy"
    strict = backends.get("array_api_strict:device1")
    assert backends.get(strict, "device1") == strict
    assert said(backends.get, strict, "device2") == (
        f"backend {strict.spec!r} and device 'device2' disagree; give the device once"
    )


def test_arrays_of_two_backends_are_told_with_the_way_out():
    strict = backends.get("array_api_strict")
    a, b = np.ones(1), strict.asarray(np.ones(1))
    assert said(backends.require_one, {"X": a, "y": b}, kind=ArrayMismatch) == (
        f"X is an array of numpy and y of {backends.of(b).spec}; move one: "
        'bpnet.to_device(y, "numpy")'
    )
    assert backends.require_one({"X": a, "y": np.zeros(2)}).name == "numpy"


def test_what_another_library_hands_over_as_a_third_one_is_not_taken(monkeypatch):
    strict, numpy = backends.get("array_api_strict"), backends.get("numpy")
    x = np.ones(2)
    kind = type(strict)
    assert strict._receive(x, numpy) is not None
    monkeypatch.setattr(kind, "_from_dlpack", lambda self, a: np.asarray(a))
    assert strict._receive(x, numpy) is None
    monkeypatch.setattr(kind, "_from_dlpack", lambda self, a: [1.0, 1.0])
    assert strict._receive(x, numpy) is None
    for error in (AttributeError, BufferError, TypeError, RuntimeError, ValueError):

        def refuse(self, a, error=error):
            raise error

        monkeypatch.setattr(kind, "_from_dlpack", refuse)
        assert strict._receive(x, numpy) is None


@pytest.mark.parametrize(
    ("send", "receive", "calls"),
    [(2, 3, [("send_recv", 2, 3, 1)]), (2, 0, [("send", 2, 1)]), (0, 3, [("recv", 3, 1)]),
     (0, 0, [])],
)  # fmt: skip
def test_nothing_is_sent_or_waited_for_where_there_is_nothing(send, receive, calls):
    seen = []
    size = lambda a: a.size if isinstance(a, np.ndarray) else a  # noqa: E731
    names = ("send_recv", "send", "recv")
    group = SimpleNamespace(
        **{name: lambda *a, name=name: seen.append((name, *map(size, a))) for name in names}
    )
    Group(group).exchange(1, np.ones(send), np.ones(receive))
    assert seen == calls


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


def test_kinds_of_tensors_tell_their_order_in_memory():
    torch = pytest.importorskip("torch")
    from bpnet.backends.torch_graphs import _kind, _place

    a = torch.ones(2, 3)
    assert _kind(a) == _kind(a.clone())
    for other in (torch.ones(3, 2).T, a.double(), torch.ones(3, 3), a.to("meta")):
        assert _kind(a) != _kind(other)
    assert _place(a) == _place(a)
    assert _place(a) != _place(a.clone())


class OnDevice:
    """An array as CuPy's, of which only the host's copy can be looked at."""

    def __init__(self, host):
        self.host, self.dtype, self.shape = host, host.dtype, host.shape

    def get(self):
        return self.host


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


def status(name, usable, *devices):
    return BackendStatus(name, usable, devices=tuple(DeviceInfo(d, "x") for d in devices))


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


class Boxed:
    """An array of a library that gives single elements and nothing else."""

    def __init__(self, a):
        self.a, self.dtype, self.shape = a, a.dtype, a.shape

    def __getitem__(self, index):
        return self.a[index]

    def tolist(self):
        return self.a.tolist()


@pytest.mark.parametrize("dtype", [*dtypes.INTEGERS, "float64", "float32", "float16", "bool"])
def test_samples_of_a_type_hold_all_that_may_be_lost_on_the_way(dtype):
    samples = routes._samples(dtype)
    assert {tuple(x.shape) for x in samples} == {(2, 3), (3, 2), (0, 3), (), (1, 3, 1)}
    assert {x.flags.c_contiguous for x in samples} == {True, False}
    assert any(stride < 0 for x in samples for stride in x.strides)
    values = samples[0].ravel()
    if np.dtype(dtype).kind == "f":
        assert np.isnan(values).any()
        assert np.isinf(values).any()
        assert (values < 0).any()
        assert (values[np.isfinite(values)] % 1).any()
    elif dtype != "bool":
        assert {np.iinfo(dtype).min, np.iinfo(dtype).max} <= set(values.tolist())
    for x in samples:
        for take in (routes._take_elements, routes._take_list):
            actual = take(Boxed(x))
            assert (actual.dtype, actual.shape) == (x.dtype, x.shape)
            np.testing.assert_array_equal(actual, x)
        for send in routes._UPLOADS:
            sent = send(np, x)
            assert (sent.dtype, sent.shape) == (x.dtype, x.shape)
            np.testing.assert_array_equal(sent, x)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("le", "lt"), ("lt", "le"), ("gt", "ge"), ("ge", "gt"), ("eq", "ne"), ("xor", "or"),
        ("lshift", "rshift"), ("rshift", "lshift"), ("add", "sub"), ("sub", "add"),
        ("mul", "truediv"), ("truediv", "mul"), ("rsub", "sub"), ("rtruediv", "truediv"),
    ],
)  # fmt: skip
def test_a_library_with_another_operator_in_the_place_of_one_is_refused(name, other):
    library = Library("mylib", Dlpack, Converted)
    assert backends.get(library).name == "mylib"
    library = Library("mylib", Dlpack, Converted)
    setattr(library.Array, f"__{name}__", getattr(library.Array, f"__{other}__"))
    text = said(backends.get, library)
    assert text.startswith("mylib can't be used as a backend: ")
    assert text.endswith("; name another backend")


@pytest.mark.parametrize("name", ["sum", "max", "min"])
@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("keeps", [False, True])
def test_sums_and_extremes_keep_the_axes_that_they_were_told_to(name, by_name, keeps):
    from bpnet.backends.trace.graph import Call, Constant
    from bpnet.backends.trace.on_cupy import OnCuPy

    options = {"axis": 1, **({"dtype": "f8"} if name == "sum" else {}), "keepdims": keeps}
    given = {key: Constant(value) for key, value in options.items()}
    call = (
        Call(name, (0,), tuple(given.items()), 1)
        if by_name
        else Call(name, (0, *given.values()), (), 1)
    )
    graph = SimpleNamespace(values={1: SimpleNamespace(scalar=False)})
    actual = OnCuPy(np, np.ndarray)._form(graph, call).constants
    assert (actual["axis"], actual["keeps"]) == (1, keeps)
    assert actual["dtype"] == options.get("dtype", actual["dtype"])

"""Specifications, devices, and arrays of other libraries: what is taken and refused."""

from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from bpnet import backends
from bpnet.backends import (
    dtypes,
    libraries,
    routes,
    specs,
)
from bpnet.backends.nccl import Group
from bpnet.backends.numpy import NumPy
from bpnet.errors import ArrayMismatch
from tests.assertions import error_message

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


class Boxed:
    """An array of a library that gives single elements and nothing else."""

    def __init__(self, a):
        self.a, self.dtype, self.shape = a, a.dtype, a.shape

    def __getitem__(self, index):
        return self.a[index]

    def tolist(self):
        return self.a.tolist()


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
    actual = error_message(call)
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
    assert error_message(backends.get, strict, "device2") == (
        f"backend {strict.spec!r} and device 'device2' disagree; give the device once"
    )


def test_arrays_of_two_backends_are_told_with_the_way_out():
    strict = backends.get("array_api_strict")
    a, b = np.ones(1), strict.asarray(np.ones(1))
    assert error_message(backends.require_one, {"X": a, "y": b}, kind=ArrayMismatch) == (
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


def test_kinds_of_tensors_tell_their_order_in_memory():
    torch = pytest.importorskip("torch")
    from bpnet.backends.torch_graphs import _kind, _place

    a = torch.ones(2, 3)
    assert _kind(a) == _kind(a.clone())
    for other in (torch.ones(3, 2).T, a.double(), torch.ones(3, 3), a.to("meta")):
        assert _kind(a) != _kind(other)
    assert _place(a) == _place(a)
    assert _place(a) != _place(a.clone())


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

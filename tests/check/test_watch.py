"""The watching namespace: it computes what its backend computes and misses nothing."""

import numpy as np
import pytest

import bpnet
from bpnet.backends.numpy import NumPy
from bpnet.check import jobs
from bpnet.check.watch import Call, Watch


@pytest.fixture
def watch():
    return Watch(NumPy())


def test_a_run_gives_the_same_bits(watch):
    plain = jobs.JOBS["Adam, relu"].run("numpy", "float32", 2)
    watched = jobs.JOBS["Adam, relu"].run(watch.as_backend(), "float32", 2)
    for a, b in zip(plain.weights, watched.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_functions_operators_and_attributes_are_written_down(watch):
    a = watch.asarray(np.ones((2, 3), np.float32))
    b = watch.exp(-a)
    b *= 2.0
    c = watch.sum(b @ a.T, axis=-1)
    assert c[0] > 1
    assert watch.calls == [
        Call("upload", "asarray", result=("float32",)),
        Call("operator", "__neg__", ("float32",), (), ("float32",), 1),
        Call("function", "exp", ("float32",), (), ("float32",), 1),
        Call("operator", "__imul__", ("float32", "number"), (), ("float32",), 2),
        Call("attribute", "T", ("float32",), (), ("float32",), 1),
        Call("operator", "__matmul__", ("float32", "float32"), (), ("float32",), 2),
        Call("function", "sum", ("float32", "number"), ("axis",), ("float32",), 1),
        Call("operator", "__getitem__", ("float32", "number"), (), ("float32",), 2),
        Call("operator", "__gt__", ("float32", "number"), (), ("bool",), 2),
        Call("copy", "to the host", ("bool",)),
    ]
    assert watch.launches() == 6  # an element is a view


@pytest.mark.parametrize(
    "read", [float, int, bool, np.asarray, lambda a: [1, 2][a], lambda a: f"{float(a)}"]
)
def test_no_number_leaves_unseen(watch, read):
    read(watch.asarray(np.asarray(1)))
    assert [call.kind for call in watch.calls] == ["upload", "copy"]


@pytest.mark.parametrize("stranger", [np.float64(2.0), np.ones(1), np.float32(1.0)])
def test_an_operand_of_another_library_is_written_down(watch, stranger):
    a = watch.asarray(np.ones(1, np.float32))
    assert a * stranger is not None
    assert stranger * a is not None
    assert watch.add(a, stranger) is not None
    assert [call.name for call in watch.of_kind("foreign")] == [
        f"numpy.{type(stranger).__name__}"
    ] * 3


def test_numpys_functions_refuse_it(watch):
    with pytest.raises(TypeError):
        np.exp(watch.asarray(np.ones(1)))


def test_memory_is_written_in_place_where_the_library_does(watch):
    a = watch.asarray(np.ones(3), copy=True)
    before = a
    a += 1
    assert a is before
    np.testing.assert_array_equal(np.asarray(before), [2, 2, 2])
    a[0] = 5.0
    assert float(a[0]) == 5.0
    assert len(a) == 3


def test_a_dtype_that_the_device_lacks_is_refused():
    watch = Watch(bpnet.backends.get("array_api_strict:no_x64"))
    with pytest.raises(TypeError, match="no_x64 has no float64"):
        watch.zeros((1,), dtype=watch.float64)
    assert watch.as_backend().index_dtype == "int32"

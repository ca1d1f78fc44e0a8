"""Arrays go to every backend and come back, whatever they look like on the way."""

from collections import namedtuple

import numpy as np
import pytest

from bpnet import backends
from bpnet.errors import ArrayMismatch, InputError
from tests.assertions import assert_close

# what each dtype must hold exactly: halves of small integers
VALUES = np.arange(-6, 6, dtype=np.float64).reshape(3, 4) / 2

Layer = namedtuple("Layer", ["W", "b"])


@pytest.fixture(
    params=[
        "numpy",
        "array_api_strict:CPU_DEVICE",
        "array_api_strict:device1",
        "torch:cpu",
        "jax:cpu",
    ]
)
def source(request):
    """One backend of each library that is light enough to try against all others."""
    pytest.importorskip(request.param.partition(":")[0])
    return backends.get(request.param)


def aligned(n):
    """Zeros at an address that JAX can share: it copies what is not aligned to 64 bytes."""
    raw = np.zeros(4 * n + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + 4 * n].view(np.float32)


def dtype_of(array):
    return str(array.dtype).rpartition(".")[2]


def test_each_float_dtype_makes_the_round_trip(backend, dtypes):
    assert "float32" in dtypes
    for dtype in dtypes:
        with backend.session(dtype):
            array = backend.asarray(VALUES, dtype=dtype)
            assert array.dtype == backend.dtype(dtype)
            assert dtype_of(array) == dtype
            assert_close(array, VALUES, 0.0, backend)
            host = backend.to_numpy(array)
        assert type(host) is np.ndarray
        assert host.dtype == ("float32" if dtype == "bfloat16" else dtype)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32"])
def test_integers_stay_what_they_are(backend, dtype):
    values = np.asarray([[0, 1], [1, 1]], dtype=dtype)
    array = backend.asarray(values)
    assert dtype_of(array) == dtype
    assert np.array_equal(backend.to_numpy(array), values)


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.ascontiguousarray(VALUES).astype(">f4"),
        lambda: np.asfortranarray(VALUES.astype(np.float32)),
        lambda: VALUES.astype(np.float32)[::-1, ::2],
        lambda: VALUES.astype(np.float32).T,
        lambda: np.float32(1.5).reshape(()),
        lambda: np.empty((0, 4), np.float32),
        lambda: VALUES.astype(np.float16),
        lambda: [[1.0, 2.0], [3.0, 4.0]],
        lambda: 2.5,
    ],
    ids=["big-endian", "fortran", "strided", "transposed", "0-d", "empty", "half", "list", "float"],
)
def test_host_data_of_every_layout_arrives(backend, make):
    values = make()
    assert_close(backend.asarray(values, dtype="float32"), values, 0.0, backend)
    assert_close(backend.asarray(values, copy=True), values, 0.0, backend)


def test_read_only_memory_is_never_written_to(backend):
    values = VALUES.astype(np.float32)
    values.flags.writeable = False
    array = backend.asarray(values)
    assert_close(array, VALUES, 0.0, backend)
    if backend.name in {"torch", "cupy", "dpnp"}:
        array += 1
    assert np.array_equal(values, VALUES)


def test_a_copy_owns_its_memory(backend):
    values = aligned(4096)
    own = backend.asarray(values, copy=True)
    again = backend.asarray(own, copy=True)
    assert again is not own
    values += 1
    assert_close(own, np.zeros(4096), 0.0, backend)
    if backend.name != "jax":  # whose arrays never change
        own += 1
        assert_close(again, np.zeros(4096), 0.0, backend)


def test_what_comes_back_is_the_callers(backend):
    array = backend.asarray(np.zeros(4096, np.float32), copy=True)
    host = backend.to_numpy(array)
    host += 1
    assert_close(array, np.zeros(4096), 0.0, backend)


def test_an_array_that_is_there_already_is_not_touched(backend):
    array = backend.asarray(VALUES, dtype="float32")
    assert backend.asarray(array) is array
    assert backend.asarray(array, dtype="float32") is array


def test_arrays_of_other_libraries_arrive(backend, source):
    for dtype in ("float32", *{"float16", "bfloat16"}.intersection(source.dtypes())):
        original = source.asarray(VALUES, dtype=dtype)
        array = backend.asarray(original)
        kept = dtype if dtype in backend.dtypes() else "float32"
        assert dtype_of(array) == kept
        assert_close(array, VALUES, 0.0, backend)
        assert_close(backend.asarray(original, dtype="float32"), VALUES, 0.0, backend)
        backwards = source.xp.flip(original, axis=0)  # negative strides, where there are strides
        assert_close(backend.asarray(backwards), VALUES[::-1], 0.0, backend)


def test_a_copy_of_another_librarys_array_is_not_shared(backend, source):
    original = source.asarray(np.zeros(4096, np.float32), copy=True)
    array = backend.asarray(original, copy=True)
    if source.name != "jax":
        original += 1
        assert_close(array, np.zeros(4096), 0.0, backend)
    elif backend.name != "jax":
        array += 1
        assert_close(original, np.zeros(4096), 0.0, source)


def test_torch_does_not_write_into_arrays_of_jax():
    for name in ("jax", "torch"):
        pytest.importorskip(name)
    original = backends.get("jax:cpu").asarray(np.zeros(4096, np.float32))
    array = backends.get("torch:cpu").asarray(original)
    array += 1
    assert not np.asarray(original).any()


def test_memory_is_shared_where_it_can_be():
    """Data that is on the host already is not copied once more, from NumPy nor to it."""
    torch = pytest.importorskip("torch")
    values = np.zeros(8, np.float32)
    tensor = backends.get("torch:cpu").asarray(values)
    view = backends.get("numpy").asarray(tensor.requires_grad_())
    values += 1
    assert tensor.tolist() == [1.0] * 8
    assert view.tolist() == [1.0] * 8
    assert isinstance(tensor, torch.Tensor)


def test_a_tensor_that_requires_a_gradient_is_detached(backend):
    torch = pytest.importorskip("torch")
    original = torch.ones(3, requires_grad=True)
    assert_close(backend.asarray(original), np.ones(3), 0.0, backend)
    assert np.array_equal(backends.to_numpy(original), np.ones(3))


def test_bfloat16_of_ml_dtypes_arrives(backend):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = backend.asarray(VALUES.astype(ml_dtypes.bfloat16))
    assert dtype_of(array) == ("bfloat16" if "bfloat16" in backend.dtypes() else "float32")
    assert_close(array, VALUES, 0.0, backend)


def test_64_bits_become_32_where_there_are_no_more(backend):
    wide = backend.index_dtype == "int64"
    assert dtype_of(backend.asarray(np.arange(3))) == ("int64" if wide else "int32")
    floats = dtype_of(backend.asarray(VALUES))
    assert floats == ("float64" if backend.has("float64") else "float32")
    large = np.asarray([2**40])
    if wide:
        assert int(backend.to_numpy(backend.asarray(large))[0]) == 2**40
    else:
        with pytest.raises(InputError, match="do not fit int32"):
            backend.asarray(large)


def test_a_dtype_that_is_missing_is_refused_with_what_to_use(backend):
    for dtype in ("float64", "float16", "bfloat16", "int64"):
        if not backend.has(dtype):
            with pytest.raises(InputError, match=rf"{backend.spec} has .*{dtype}.*use .*32"):
                backend.dtype(dtype)
            with pytest.raises(InputError, match=dtype):
                backend.asarray(VALUES, dtype=dtype)
    with pytest.raises(InputError, match="did you mean 'float32'"):
        backend.dtype("float23")


def test_float64_on_jax_needs_its_session():
    pytest.importorskip("jax")
    backend = backends.get("jax:cpu")
    with pytest.raises(InputError, match=r'backend\.session\("float64"\)'):
        backend.dtype("float64")
    with backend.session("float64"):
        assert dtype_of(backend.asarray(VALUES)) == "float64"
        assert backend.index_dtype == "int64"
    assert backend.index_dtype == "int32"
    assert "float64" in backend.dtypes()


@pytest.mark.parametrize(
    "bad", [[[1, 2], [3]], ["a"], np.asarray([object()]), np.asarray(["2024-01-01"], "M8[D]")]
)
def test_what_holds_no_numbers_is_refused(backend, bad):
    with pytest.raises(InputError, match="wanted numbers"):
        backend.asarray(bad)


def test_nested_containers_keep_their_structure(backend):
    tree = {
        "layers": [Layer(np.ones((2, 3), np.float32), np.zeros(3, np.float32))],
        "state": (np.arange(3, dtype=np.int32), {"step": 7, "name": "adam", "none": None}),
    }
    moved = backends.to_device(tree, backend)
    assert type(moved["layers"][0]) is Layer
    assert type(moved["state"]) is tuple
    assert moved["state"][1] == {"step": 7, "name": "adam", "none": None}
    assert_close(moved["layers"][0].W, np.ones((2, 3)), 0.0, backend)

    back = backends.to_numpy(moved)
    assert type(back["layers"][0]) is Layer
    assert np.array_equal(back["state"][0], [0, 1, 2])
    assert back["state"][0].dtype == np.int32
    assert type(back["state"][1]["step"]) is int


@pytest.mark.parametrize("function", [lambda t: backends.to_device(t, "numpy"), backends.to_numpy])
def test_a_leaf_that_is_no_array_is_refused(function):
    with pytest.raises(InputError, match="object"):
        function({"a": object()})


def test_the_owner_of_an_array_is_found(backend):
    array = backend.asarray(VALUES, dtype="float32")
    assert backends.of(array) == backend
    assert hash(backends.of(array)) == hash(backend)
    assert backends.get(backend.spec) == backend
    with pytest.raises(InputError, match="list is no array"):
        backends.of([1.0])


def test_copying_a_strangers_array_to_the_host_is_refused(backend):
    stranger = np.ones(2) if backend.name != "numpy" else [1.0, 2.0]
    with pytest.raises(ArrayMismatch, match=backend.name):
        backend.to_numpy(stranger)


def test_arrays_of_two_libraries_are_refused_with_the_call_that_mends_it(backend):
    if backend.name == "numpy":
        pytest.skip("needs a library beside NumPy")
    arrays = {"X": backend.asarray(VALUES, dtype="float32"), "y": np.ones(3)}
    with pytest.raises(ArrayMismatch) as caught:
        backends.require_one(arrays)
    text = str(caught.value)
    assert backend.spec in text
    assert "numpy" in text

    arrays["y"] = backends.to_device(arrays["y"], text.split('"')[1])
    assert f'bpnet.to_device(y, "{backend.spec}")' in text
    assert backends.require_one(arrays) == backend


def test_arrays_of_two_devices_are_refused():
    pytest.importorskip("array_api_strict")
    one, two = (backends.get(f"array_api_strict:{d}") for d in ("device1", "no_float64"))
    arrays = {"X": one.asarray([1.0]), "y": two.asarray([1.0])}
    with pytest.raises(ArrayMismatch, match=r"device1 and y of array_api_strict:no_float64"):
        backends.require_one(arrays)
    with pytest.raises(InputError, match="no array"):
        backends.require_one({})


def test_no_numbers_fit_where_64_bits_are_missing():
    pytest.importorskip("array_api_strict")
    narrow = backends.get("array_api_strict:no_x64")
    a = narrow.asarray(np.empty((0, 2), np.int64))
    assert (a.shape, a.dtype) == ((0, 2), narrow.xp.int32)
    for value in (2**31, -(2**31) - 1):
        with pytest.raises(InputError, match="has no int64, and the values do not fit int32"):
            narrow.asarray(np.asarray([0, value]))

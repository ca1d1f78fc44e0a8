"""Libraries that nobody here has seen: numbers get in and out unharmed, or they are refused."""

import numpy as np
import pytest

import bpnet
from bpnet import backends
from bpnet.backends import rehearsal, routes
from bpnet.check.watch import Watch
from bpnet.errors import ArrayMismatch, InputError
from tests import strangers, surface
from tests.strangers import Converted, Dlpack, InPlace, Library, Listed

VALUES = np.asarray([[1.5, -2.0, 3.25], [0.0, 1e-3, 7.0]], np.float32)

USABLE = {
    "everything": Library("mylib", Dlpack, Converted, Listed, InPlace),
    "no way out but single numbers": Library("mylib"),
    "lists in, lists out": strangers.ListsOnly("mylib", Listed),
    "lists in, numbers out": strangers.ListsOnly("mylib", InPlace),
    "numbers in, numbers out": strangers.NumbersOnly("mylib"),
    "asarray ignores dtype": strangers.DtypeIgnored("mylib", Converted),
    "asarray takes no device": strangers.DeviceForCreation("mylib", Dlpack),
    "read-only DLPack": Library("mylib", strangers.ReadOnlyDlpack),
    "refused DLPack": Library("mylib", strangers.RefusedDlpack, Converted),
    "wrong numbers by DLPack": Library("mylib", strangers.WrongDlpack, Listed),
    "wrong shape by DLPack": Library("mylib", strangers.WrongShapeDlpack),
    "wrong numbers from DLPack": strangers.WrongImport("mylib", Converted),
    "no float64": strangers.NoFloat64("mylib", Dlpack),
    "big-endian": Library("mylib", strangers.Swapped, InPlace),
    "integers of any size": strangers.Unbounded("mylib"),
}

REFUSED = {
    "another shape": (strangers.Transposed("mylib", Dlpack), "asarray with copy gives float32"),
    "no device": (strangers.NoDevice("mylib", Dlpack), "arange raises TypeError: arange.* 'device"),
    "integers only": (strangers.IntegersOnly("mylib", Dlpack), "it has no float32"),
    "shape unknown": (strangers.Lazy("mylib", Dlpack), "arrays of float32 do not come back"),
    "no shape": (strangers.Shapeless("mylib", Dlpack), "arrays of float32 do not come back"),
    "no copy": (strangers.CopyIgnored("mylib", Dlpack, InPlace), "asarray with copy gives other"),
    "NumPy's arrays": (strangers.Leaking("mylib", Dlpack), "exp gives ndarray, no array of its"),
    "float64 unasked": (strangers.Widening("mylib", Dlpack), r"\* gives float64"),
    "immutable": (strangers.Immutable("mylib", Dlpack), "immutable, and .* fail: .*[+*]="),
}


@pytest.mark.parametrize("library", USABLE.values(), ids=USABLE)
def test_numbers_come_and_go_by_what_works(library):
    backend = backends.get(library)
    for dtype in ("float32", "int32", "bool", "uint8", *backend.dtypes()):
        for x in (VALUES.T, VALUES[:, ::-1], VALUES[:0], VALUES[1, 2]):
            values = np.abs(x).astype(dtype)
            array = backend.asarray(values)
            assert type(array) is library.Array
            assert array.dtype.name == dtype
            host = backend.to_numpy(array)
            assert type(host) is np.ndarray
            assert host.dtype == np.dtype(dtype)
            assert host.flags.writeable
            assert np.array_equal(host, values)
    tree = bpnet.to_numpy(bpnet.to_device({"W": VALUES}, library))
    assert np.array_equal(tree["W"], VALUES)


@pytest.mark.parametrize("library", USABLE.values(), ids=USABLE)
def test_it_trains_as_numpy_does(library):
    data = VALUES, np.asarray([0, 1])
    trained = []
    for backend in (library, "numpy"):
        net = bpnet.Network([3, 4, 2], hidden="tanh", seed=1)
        bpnet.train(net, data, epochs=3, batch_size=1, l2=0.1, backend=backend)
        trained.append(net)
    for a, b in zip(trained[0].weights, trained[1].weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("library", USABLE.values(), ids=USABLE)
def test_another_librarys_arrays_arrive(library, backend):
    actual = backends.get(library).asarray(backend.asarray(VALUES))
    assert np.array_equal(backends.get(library).to_numpy(actual), VALUES)


@pytest.mark.parametrize("library", USABLE.values(), ids=USABLE)
def test_its_arrays_are_data_for_any_backend(library, backend):
    given = backends.get(library).asarray(VALUES)
    assert np.array_equal(backend.to_numpy(backend.asarray(given)), VALUES)
    net = bpnet.Network([3, 2], seed=0)
    assert np.array_equal(net.predict(given, backend="numpy"), net.predict(VALUES, backend="numpy"))


@pytest.mark.parametrize(("library", "why"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_hold_is_refused_by_name_in_one_line(library, why):
    with pytest.raises(InputError, match=f"^mylib can't be used as a backend: .*{why}") as caught:
        backends.get(library)
    assert "\n" not in str(caught.value)


def test_arrays_that_do_not_come_back_are_refused_as_data():
    library = strangers.Lazy("mylib", Dlpack)
    array = library.asarray(VALUES)
    with pytest.raises(InputError, match=r"mylib has no way for arrays of float32.*give NumPy's"):
        bpnet.to_numpy(array)


def test_data_is_trained_on_where_it_is_if_its_library_can(monkeypatch):
    monkeypatch.delenv("BPNET_BACKEND", raising=False)
    net = bpnet.Network([3, 1], output="sigmoid", seed=0)
    y = np.asarray([[1.0], [0.0]], np.float32)
    good, bad = Library("mylib", Dlpack), REFUSED["float64 unasked"][0]
    bpnet.train(net, (good.asarray(VALUES), good.asarray(y)), epochs=1)
    with pytest.raises(InputError, match="mylib can't be used as a backend"):
        bpnet.train(net, (bad.asarray(VALUES), bad.asarray(y)), epochs=1)
    bpnet.train(net, (bad.asarray(VALUES), bad.asarray(y)), epochs=1, backend="numpy")


def test_arrays_of_two_libraries_are_refused_with_a_call_that_works():
    pair = {"X": Library("mylib", Dlpack).asarray(VALUES), "y": VALUES}
    for given in (pair, dict(reversed(pair.items()))):
        with pytest.raises(ArrayMismatch, match=r"mylib.*move one: bpnet\.to_numpy\(X\)$"):
            backends.require_one(given)


def test_what_is_lost_on_a_later_way_is_not_lost_without_a_word():
    """The few numbers that a library is tried with do not show it."""
    values = np.ones((2, 200), np.float32)
    with pytest.raises(InputError, match=r"mylib was given float32 of shape \(2, 200\) to move"):
        backends.get(strangers.Short("mylib", Dlpack)).asarray(values)
    backend = backends.get(Library("mylib", strangers.ShortWayOut))
    with pytest.raises(InputError, match=r"gave float32 of shape \(2, 100\); name another"):
        backend.to_numpy(backend.asarray(values))


def test_a_library_whose_arrays_are_anothers_is_refused_with_the_module_to_give():
    other = Library("other", Dlpack)
    front = Library("front", Dlpack)
    front.Array = other.Array
    with pytest.raises(
        InputError, match=r"front can't be used.*its arrays are of other: give that"
    ):
        backends.get(front)


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("everything", ("_send_whole", "_take_dlpack")),
        ("lists in, lists out", ("_send_lists", "_take_list")),
        ("numbers in, numbers out", ("_send_elements", "_take_elements")),
        ("refused DLPack", ("_send_whole", "_take_whole")),
        ("big-endian", ("_send_whole", "_take_whole")),
        ("wrong numbers by DLPack", ("_send_whole", "_take_list")),
    ],
)
def test_the_cheapest_way_is_taken(name, ways):
    for dtype in ("float32", "int32", "bool"):
        actual = routes.find(USABLE[name], dtype)
        assert (actual.upload, actual.download) == tuple(getattr(routes, way) for way in ways)


def test_a_way_is_chosen_once():
    library = Library("mylib", strangers.RefusedDlpack, Converted)
    backend = backends.get(library)
    library.calls.clear()
    for _ in range(3):
        backend.to_numpy(backend.asarray(VALUES, dtype="float32"))
    assert library.calls == ["asarray"] * 3
    assert backends.get(library) is backend


def test_a_copy_is_the_callers_though_the_library_shares_memory():
    backend = backends.get(Library("mylib", Dlpack, InPlace))
    values = VALUES.copy()
    shared, own = backend.asarray(values), backend.asarray(values, copy=True)
    values += 1
    assert np.array_equal(backend.to_numpy(shared), VALUES + 1)
    assert np.array_equal(backend.to_numpy(own), VALUES)


def test_shards_need_no_float64():
    net = bpnet.Network([3, 2], seed=0)
    library = strangers.NoFloat64("mylib", Dlpack)
    weight = np.asarray([1.0, 2.0])
    bpnet.train(net, (VALUES, [0, 1]), epochs=1, shards=2, sample_weight=weight, backend=library)
    assert np.isfinite(net.weights[0]).all()


def test_dropout_is_refused_where_integers_do_not_overflow():
    library = strangers.Unbounded("mylib")
    data = VALUES, np.asarray([0, 1])
    assert backends.get(Library("mylib", Dlpack)).wraps
    for network in (
        bpnet.Network([3, 4, 2], seed=1),
        [bpnet.Network([3, 4, 2], seed=s) for s in (1, 2)],
    ):
        with pytest.raises(InputError, match="mylib can't draw dropout's masks: its int32 do not"):
            bpnet.train(network, data, epochs=1, dropout=0.5, backend=library)


def test_every_call_of_a_training_run_is_rehearsed():
    """What core asks of a library is in tests/surface.txt."""
    watch = Watch(backends.get("numpy"))
    for call in rehearsal.calls().values():
        call(watch, rehearsal._operands(watch.as_backend()))
    seen = {(call.kind, call.name) for call in watch.calls}
    lines = [line.split(" ")[:2] for line in surface.FILE.read_text("utf-8").splitlines()]
    expected = {tuple(line) for line in lines if line[0] in {"function", "operator"}}
    assert len(expected) >= 60
    assert expected - seen == set()


def test_a_dtype_that_is_lost_on_the_way_is_one_that_it_lacks():
    backend = backends.get(strangers.NoFloat64("mylib", Dlpack))
    assert backend.dtypes() == ("float32", "float16")
    assert backend.index_dtype == "int32"
    with pytest.raises(InputError, match="mylib has no float64; use float32"):
        backend.dtype("float64")

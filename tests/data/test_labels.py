"""Names of classes come back as they were, or are refused when training begins."""

import json
from typing import Any

import numpy as np
import pytest

import bpnet
from bpnet.data import labels
from bpnet.errors import InputError
from bpnet.runs import predictions

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(12, 3)).astype(np.float32)

KEPT: dict[str, tuple[Any, list[Any]]] = {
    "floats": (np.array([0.5, 1.5, 2.5]), [0.5, 1.5, 2.5]),
    "whole floats": (np.array([0.0, 1.0, 2.0]), [0.0, 1.0, 2.0]),
    "float32": (np.array([0.1, 0.2, 0.3], np.float32), np.float32([0.1, 0.2, 0.3]).tolist()),
    "float16": (np.array([0, 1, 2048], np.float16), [0.0, 1.0, 2048.0]),
    "whole numbers": (np.array([-3, 0, 7], np.int8), [-3, 0, 7]),
    "large ones": (np.array([-(2**63), 2**53, 2**53 + 1]), [-(2**63), 2**53, 2**53 + 1]),
    "beyond int64": (np.array([1, 2**63 + 1, 2**63 + 3], np.uint64), [1, 2**63 + 1, 2**63 + 3]),
    "text": (np.array([" b", "a", "ö€"]), [" b", "a", "ö€"]),
    "text with sequences": (np.array(["\x1b[1m", "new\nline", "[red]"]), None),
    "bytes": (np.array([b"a", b"b", "ö".encode()]), ["a", "b", "ö"]),
    "objects of text": (np.array(["a", "b", "c"], object), ["a", "b", "c"]),
    "objects of numbers": (np.array([1, 2, 2**60 + 1], object), [1, 2, 2**60 + 1]),
    "objects of large ones": (np.array([1, 2, 2**63 + 1], object), [1, 2, 2**63 + 1]),
    "objects of floats": (np.array([0.5, 1, 2], object), [0.5, 1.0, 2.0]),
    "a list of text": (["a", "b", "c"], ["a", "b", "c"]),
    "strings of NumPy": (np.array(["a", "b", "c"], np.dtypes.StringDType()), ["a", "b", "c"]),
}
TWO: dict[str, tuple[Any, list[Any]]] = {
    "booleans": (np.array([False, True]), [False, True]),
    "objects of booleans": (np.array([False, True], object), [False, True]),
    "a list of booleans": ([False, True], [False, True]),
    "floats 0 and 1": (np.array([0.0, 1.0]), [0.0, 1.0]),
    "floats 1 and 2": (np.array([1.0, 2.0]), [1.0, 2.0]),
    "floats -1 and 1": (np.array([-1.0, 1.0]), [-1.0, 1.0]),
}


def repeated(names: Any, count: int) -> Any:
    """Labels of the examples, of the same type as their names."""
    if isinstance(names, list):
        return names * (count // len(names))
    return names[np.arange(count) % len(names)]


def check(net: bpnet.Network, y: Any, wanted: list[Any], tmp_path: Any) -> None:
    """Names in the network, in its file, in ONNX and in the CSV of predictions."""
    bpnet.train(net, (X, y), epochs=1, backend="numpy")
    assert net.classes is not None
    assert net.classes.tolist() == wanted
    assert {type(name) for name in net.classes.tolist()} == {type(name) for name in wanted}
    same = bpnet.load(net.save(tmp_path / "m.safetensors"))
    assert same.classes is not None
    assert same.classes.tolist() == wanted
    assert same.classes.dtype.kind == net.classes.dtype.kind
    assert set(net.classify(X).tolist()) <= set(wanted)
    known = bpnet.evaluate(same, (X, y), backend="numpy")
    assert known == bpnet.evaluate(net, (X, y), backend="numpy")
    path = tmp_path / "p.csv"
    predictions.write(path, same, [same.predict(X)], None)
    assert path.read_bytes().decode().count("p_") == len(wanted)


@pytest.mark.parametrize(("names", "wanted"), KEPT.values(), ids=KEPT)
def test_several_come_back(tmp_path: Any, names: Any, wanted: list[Any] | None) -> None:
    net = bpnet.Network([3, 4, 3], seed=0)
    check(net, repeated(names, 12), sorted(names.tolist()) if wanted is None else wanted, tmp_path)


@pytest.mark.parametrize(("names", "wanted"), TWO.values(), ids=TWO)
@pytest.mark.parametrize(("n", "output"), [(1, "sigmoid"), (2, "softmax")])
def test_two_come_back(tmp_path: Any, names: Any, wanted: list[Any], n: int, output: str) -> None:
    check(bpnet.Network([3, 4, n], output=output), repeated(names, 12), wanted, tmp_path)


def test_numbers_from_0_to_1_are_no_labels_of_a_sigmoid() -> None:
    for y in (np.linspace(0, 1, 12), np.array([0.25, 0.75] * 6)):
        net = bpnet.Network([3, 4, 1], output="sigmoid")
        bpnet.train(net, (X, y), epochs=1, backend="numpy")
        assert net.classes is None


REFUSED: dict[str, tuple[Any, str]] = {
    "dates": (np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "M8[D]"), "datetime64"),
    "complex": (np.array([1j, 2j, 3j]), "complex128"),
    "bytes that are no text": (np.array([b"\xe9", b"\xe8", b"a"]), "not UTF-8"),
    "half a character": (np.array(["\ud800", "a", "b"]), "no Unicode"),
    "whole numbers beyond 64 bits": (np.array([1, 2, 2**70], object), "no integer of 64 bits"),
    "floats that stand for several": (np.array([1.0, 2.0, 2.0**60]), "not exact as floats"),
    "float32 that stand for several": (np.float32([1, 2, 2**25]), "not exact as floats"),
    "float16 that stand for several": (np.float16([1, 2, 4096]), "not exact as floats"),
    "mixed": (np.array([1, "a", 2], object), "mixes int, str"),
    "a mixed list": ([1, "a", 2], "mixes int, str"),
    "booleans and numbers": (np.array([True, 2, 3], object), "mixes bool, int"),
    "a list of booleans and numbers": ([True, 2, 3], "mixes bool, int"),
    "None": (np.array([None, "a", "b"], object), "mixes NoneType, str"),
    "tuples": (np.array([(1,), (2,), (3,), None], object)[:3], "type tuple"),
    "text that NumPy cuts": (np.array(["a\0", "a", "b"], object), "does not keep"),
    "large floats among whole numbers": (np.array([0.5, 2**53 + 1, 1], object), "not keep"),
}


@pytest.mark.parametrize(("names", "message"), REFUSED.values(), ids=REFUSED)
def test_the_rest_is_refused_in_one_line(names: Any, message: str) -> None:
    net = bpnet.Network([3, 4, 3])
    before = net.weights[0].copy()
    with pytest.raises(InputError, match=message) as caught:
        bpnet.train(net, (X, repeated(names, 12)), epochs=1, backend="numpy")
    assert "\n" not in str(caught.value)
    assert net.classes is None
    np.testing.assert_array_equal(net.weights[0], before)


@pytest.mark.parametrize("name", ["dates", "complex", "half a character", "None", "mixed"])
def test_no_network_has_such_names(name: str) -> None:
    net = bpnet.Network([3, 4, 3])
    with pytest.raises(InputError):
        net.classes = REFUSED[name][0]
    assert net.classes is None


def test_names_of_a_file_are_whole_numbers_exactly() -> None:
    """Where NumPy by itself makes floats of them."""
    names = json.loads("[1, 9223372036854775809]")
    assert labels.named(names).tolist() == [1, 9223372036854775809]


ESTIMATED = ["whole floats", "whole numbers", "large ones", "beyond int64", "text"]


@pytest.mark.parametrize("name", [*ESTIMATED, "booleans", "floats 1 and 2"])
def test_estimators_give_them_back(tmp_path: Any, name: str) -> None:
    MLPClassifier = pytest.importorskip("bpnet.sklearn").MLPClassifier
    names, wanted = {**KEPT, **TWO}[name]
    y = repeated(names, 12)
    est = MLPClassifier(4, max_iter=300, tol=0, random_state=0, solver="lbfgs")
    est.fit(X, y)
    assert est.classes_.tolist() == wanted
    assert est.predict(X).dtype == y.dtype
    net = est.to_network()
    assert net.classes is not None
    assert net.classes.tolist() == wanted
    assert bpnet.load(net.save(tmp_path / "m.safetensors")).classes.tolist() == wanted
    np.testing.assert_array_equal(net.classify(X), est.predict(X))


@pytest.mark.parametrize("y", [[1, 2**63 + 1, 2**63 + 3] * 4, [1.0, 2.0**60, 2.0**61] * 4])
def test_an_estimator_refuses_what_floats_merge(y: list[Any]) -> None:
    MLPClassifier = pytest.importorskip("bpnet.sklearn").MLPClassifier
    with pytest.raises(InputError, match="not exact as floats"):
        MLPClassifier(4, max_iter=2).fit(X, y)

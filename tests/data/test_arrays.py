"""npz and npy: what is read, and what is refused before it is believed."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpnet.data import load
from bpnet.data.mapped import open_npy
from bpnet.errors import InputError

X = np.arange(12, dtype=np.uint8).reshape(4, 3)
Y = np.array([0, 1, 2, 1])


def npz(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def header(text: str, data: bytes = b"") -> bytes:
    """Write a .npy file whose header says `text`."""
    body = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body + data


def test_an_archive_is_read_as_stored(tmp_path: Path) -> None:
    data = load(npz(tmp_path / "a.npz", x=X, y=Y))
    assert data.x.dtype == np.uint8
    np.testing.assert_array_equal(data.x, X)
    np.testing.assert_array_equal(data.y, Y)
    assert (data.scale, data.test, data.task, data.name) == (None, None, "classify", "a")


def test_test_rows_and_scale_come_along(tmp_path: Path) -> None:
    data = load(npz(tmp_path / "a.npz", x=X, y=Y, x_test=X[:2], y_test=Y[:2], scale=1 / 16))
    assert data.scale == 1 / 16
    assert data.test is not None
    np.testing.assert_array_equal(data.test[0], X[:2])
    np.testing.assert_array_equal(data.test[1], Y[:2])


def test_pictures_are_flattened_and_keep_their_shape(tmp_path: Path) -> None:
    x = np.arange(4 * 2 * 3).reshape(4, 2, 3)
    data = load(npz(tmp_path / "a.npz", x=x, y=Y))
    assert data.shape == (2, 3)
    np.testing.assert_array_equal(data.x, x.reshape(4, 6))


def test_a_pair_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "labels.npy", np.array(["b", "a", "b", "c"]))
    data = load(f"{tmp_path / 'x.npy'},{tmp_path / 'labels.npy'}")
    np.testing.assert_array_equal(data.x, X)
    assert data.y is not None
    assert data.y.tolist() == ["b", "a", "b", "c"]


def test_predictions_need_x_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    for source in (tmp_path / "x.npy", npz(tmp_path / "a.npz", x=X)):
        data = load(source, need_target=False)
        np.testing.assert_array_equal(data.x, X)
        assert data.y is None


@pytest.mark.parametrize("dtype", ["?", "i1", ">u2", "<i8", ">f4", "f8", "e"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_types_and_orders_are_read(tmp_path: Path, dtype: str, order: Any) -> None:
    array = np.asarray([[0, 1, 1], [1, 0, 0]], np.dtype(dtype), order=order)
    np.save(tmp_path / "x.npy", array)
    got = open_npy([tmp_path / "x.npy"], "x").whole()
    assert got.dtype == array.dtype.newbyteorder("=")
    assert got.dtype.isnative
    assert got.flags.c_contiguous
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize(
    ("y", "task", "settled"),
    [
        (np.array([0, 1, 2, 1]), "auto", "classify"),
        (np.array([True, False, True, True]), "auto", "classify"),
        (np.array(["a", "b", "a", "a"]), "auto", "classify"),
        (np.array([b"a", b"b", b"a", b"a"]), "auto", "classify"),
        (np.array([0.5, 1, 2, 3]), "auto", "regress"),
        (np.eye(4), "auto", "regress"),
        (np.eye(4), "classify", "classify"),
        (np.eye(4, dtype=int), "auto", "classify"),
        (np.array([0.0, 1, 1, 0]), "classify", "classify"),
        (np.array([3, 1, 4, 1]), "regress", "regress"),
    ],
)
def test_the_task_follows_from_the_targets(
    tmp_path: Path, y: np.ndarray, task: str, settled: str
) -> None:
    data = load(npz(tmp_path / "a.npz", x=X, y=y), task=task)
    assert data.task == settled
    assert data.y is not None
    if settled == "regress":
        assert data.y.dtype.kind == "f"
    if y.dtype.kind == "S":
        y = np.array(["a", "b", "a", "a"])
    np.testing.assert_array_equal(data.y, y)


def test_a_column_of_labels_is_a_row_of_labels(tmp_path: Path) -> None:
    data = load(npz(tmp_path / "a.npz", x=X, y=Y[:, None], x_test=X[:1], y_test=Y[:1, None]))
    assert data.test is not None
    np.testing.assert_array_equal(data.y, Y)
    np.testing.assert_array_equal(data.test[1], Y[:1])


def test_validation_rows_leave_the_training_rows(tmp_path: Path) -> None:
    x, y = np.arange(200).reshape(100, 2), np.arange(100) % 4
    data = load(npz(tmp_path / "a.npz", x=x, y=y), validation=0.2, seed=7)
    assert data.validation is not None
    x_held, y_held = data.validation
    np.testing.assert_array_equal(np.bincount(y_held), [5, 5, 5, 5])
    assert data.y is not None
    for rows, labels in ((data.x, data.y), (x_held, y_held)):
        np.testing.assert_array_equal(rows[:, 0] // 2 % 4, labels)
    assert sorted([*data.x[:, 0], *x_held[:, 0]]) == x[:, 0].tolist()


def with_value(value: float) -> np.ndarray:
    x = np.zeros((4, 3), np.float32)
    x[2, 1] = value
    return x


BAD = {
    "no x": ({"y": Y}, "lacks 'x': it holds 'y'"),
    "no y": ({"x": X, "labels": Y}, "lacks 'y': it holds 'x', 'labels'"),
    "nothing": ({}, "lacks 'x' and 'y': it holds nothing"),
    "half a test": ({"x": X, "y": Y, "x_test": X}, "one of 'x_test' and 'y_test'"),
    "lengths": ({"x": X, "y": Y[:3]}, r"y of shape \(3,\) does not fit 4 examples"),
    "test lengths": ({"x": X, "y": Y, "x_test": X, "y_test": Y[:1]}, "y_test of shape"),
    "test width": (
        {"x": X, "y": Y, "x_test": X[:, :2], "y_test": Y},
        r"a test example has the shape \(2,\), a training example \(3,\)",
    ),
    "test type": ({"x": X, "y": Y, "x_test": X, "y_test": Y.astype(str)}, "unlike y"),
    "test class": ({"x": X, "y": Y, "x_test": X, "y_test": Y + 1}, "test labels hold 3"),
    "nan in x": ({"x": with_value(np.nan), "y": Y}, "x is nan in row 2, column 1"),
    "inf in x": ({"x": with_value(-np.inf), "y": Y}, "x is -inf in row 2, column 1"),
    "nan in y": ({"x": X, "y": np.array([0.1, np.nan, 2, 3])}, "y is nan in row 1 "),
    "inf in rows of y": ({"x": X, "y": with_value(np.inf)}, "y is inf in row 2, column 1"),
    "nan in test": (
        {"x": with_value(0), "y": Y, "x_test": with_value(np.nan), "y_test": Y},
        "x_test is nan in row 2",
    ),
    "one class": ({"x": X, "y": Y * 0}, "all 4 labels are 0: give two classes"),
    "one class of rows": ({"x": X, "y": np.ones((4, 2), int)}, "all 4 label rows are equal"),
    "equal values": ({"x": X, "y": np.ones(4)}, "all 4 targets are equal"),
    "counts as label rows": ({"x": X, "y": X.astype(int)}, "y is 2 in row 0, column 2"),
    "text x": ({"x": X.astype(str), "y": Y}, "x has type <U3"),
    "complex x": ({"x": X * 1j, "y": Y}, "x has type complex128"),
    "dates as y": ({"x": X, "y": Y.astype("M8[D]")}, "y has type datetime64"),
    "records": ({"x": np.zeros(4, "i4,i4"), "y": Y}, "give a plain array"),
    "objects": ({"x": X, "y": np.array([0, 1, None, "a"], object)}, "Python objects"),
    "flat x": ({"x": Y, "y": Y}, "x has shape"),
    "no rows": ({"x": X[:0], "y": Y[:0]}, "x has shape"),
    "no columns": ({"x": X[:, :0], "y": Y}, "x has shape"),
    "y of three axes": ({"x": X, "y": np.zeros((4, 1, 1))}, "does not fit"),
    "y of no outputs": ({"x": X, "y": np.zeros((4, 0))}, "at least one output"),
    "y of no text": ({"x": X, "y": np.array([""] * 4)}, "all 4 labels are ''"),
    "bytes that are no text": ({"x": X, "y": np.array([b"\xff", b"a"] * 2)}, "damaged"),
    "scale of two": ({"x": X, "y": Y, "scale": np.ones(2)}, "scale has shape"),
    "scale nan": ({"x": X, "y": Y, "scale": np.nan}, "scale is nan"),
    "scale text": ({"x": X, "y": Y, "scale": "1"}, "scale has shape"),
}


@pytest.mark.parametrize(("arrays", "message"), BAD.values(), ids=BAD.keys())
def test_bad_archives_are_one_line(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(npz(tmp_path / "a.npz", **arrays))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value) or "scale is nan" in message


def test_regression_needs_numbers(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="regression needs numbers"):
        load(npz(tmp_path / "a.npz", x=X, y=Y.astype(str)), task="regress")


class Planted:
    """Unpickling it would leave a file behind."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("planted", "w"))


@pytest.mark.parametrize("kind", ["array of objects", "bare pickle", "objects by header"])
def test_no_pickle_is_ever_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    content = {
        "array of objects": npy(np.array([[Planted()]], object)),
        "bare pickle": pickle.dumps(Planted()),
        "objects by header": header(
            "{'descr': '|O', 'fortran_order': False, 'shape': (1, 1), }", pickle.dumps(Planted())
        ),
    }[kind]
    Path("x.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"Python objects|not a \.npy file"):
        load("x.npy", need_target=False)
    assert not Path("planted").exists()


GOOD = npy(X)
DAMAGED = {
    "empty": (b"", "not a .npy file"),
    "magic": (b"\x93NUMPX" + GOOD[6:], "not a .npy file"),
    "cut in the header": (GOOD[:40], "damaged"),
    "cut in the data": (GOOD[:-1], "truncated: .* 12 bytes"),
    "too long": (GOOD + b"\0", "too long"),
    "version": (GOOD[:6] + b"\x03\x00" + GOOD[8:], "version 3.0"),
    "a type by another name": (
        header("{'descr': 'float', 'fortran_order': False, 'shape': (1, 1), }", bytes(8)),
        "give a plain array",
    ),
    "several types in one": (
        header("{'descr': '<f4,<i4', 'fortran_order': False, 'shape': (1, 1), }", bytes(8)),
        r"has type \[\('f0', '<f4'\), \('f1', '<i4'\)\]: give a plain array",
    ),
    "a long header": (
        b"\x93NUMPY\x02\x00" + (2**31).to_bytes(4, "little") + bytes(100),
        "reading array header",
    ),
    "no literal": (header("import os"), "damaged"),
    "a call": (header("{'descr': exit(), 'fortran_order': False, 'shape': (1,), }"), "damaged"),
    "a key too few": (header("{'descr': '<f4', 'shape': (1, 1), }"), "damaged"),
    "a negative size": (
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -1), }", bytes(4)),
        "claims the shape",
    ),
    "a terabyte": (
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }"),
        "truncated",
    ),
    "beyond all": (
        header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**30}, 2), }}"),
        "truncated",
    ),
    "nesting": (header("(" * 100), "damaged"),
}


@pytest.mark.parametrize(("content", "message"), DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load(tmp_path / "x.npy", need_target=False)
    assert "\n" not in str(caught.value)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(InputError, match=message):
        load(tmp_path / "a.npz", need_target=False)


def test_text_beyond_unicode_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    content = npy(np.array(["a", "b", "c", "d"]))
    (tmp_path / "y.npy").write_bytes(content[:-1] + b"\x7f")
    with pytest.raises(InputError, match="not Unicode"):
        load(f"{tmp_path / 'x.npy'},{tmp_path / 'y.npy'}")


def claim(path: Path, size: int) -> None:
    """Let an archive of one deflated member claim another size for it."""
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")  # in the central directory, which readers believe
    content[at + 24 : at + 28] = size.to_bytes(4, "little")
    path.write_bytes(content)


def test_an_archive_cannot_claim_more_than_deflate_could_hold(tmp_path: Path) -> None:
    size = 3_000_000_000
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "x.npy", header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({size}, 1), }}")
        )
    claim(tmp_path / "a.npz", size + 128)
    with pytest.raises(InputError, match="can't hold 3,000,000,128"):
        load(tmp_path / "a.npz", need_target=False)


def test_a_bomb_under_a_small_header_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy(X) + bytes(10**8))
    with pytest.raises(InputError, match="too long"):
        load(tmp_path / "a.npz", need_target=False)


def test_other_compressions_are_refused(tmp_path: Path) -> None:
    """bz2 and xz can make gigabytes of a few bytes."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x.npy", npy(X))
    with pytest.raises(InputError, match="another method"):
        load(tmp_path / "a.npz", need_target=False)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip", npy(X)])
def test_an_archive_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        load(tmp_path / "a.npz")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=st.data(), packed=st.booleans())
def test_a_changed_byte_is_read_or_refused(
    tmp_path: Path, data: st.DataObject, *, packed: bool
) -> None:
    path = npz(tmp_path / "a.npz", x=X) if packed else tmp_path / "x.npy"
    content = bytearray(path.read_bytes() if packed else GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    message = ""
    try:
        load(path, need_target=False)
    except InputError as error:
        message = str(error)
    assert "\n" not in message


def test_the_row_of_a_nan_is_counted_over_the_whole_array(tmp_path: Path) -> None:
    """The search runs in blocks of a million values."""
    x = np.zeros((1_200_000, 2), np.float32)
    x[1_150_000, 1] = np.nan
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(InputError, match="row 1150000, column 1"):
        load(tmp_path / "x.npy", need_target=False)

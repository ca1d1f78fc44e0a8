"""IDX files: what is read, and every way to be damaged."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpnet.data import load
from bpnet.data.mapped import open_idx
from bpnet.errors import InputError

CODES = {"u1": 8, "i1": 9, ">i2": 11, ">i4": 12, ">f4": 13, ">f8": 14}


def idx(values: np.ndarray) -> bytes:
    """Write the format from its description."""
    code = next(c for t, c in CODES.items() if np.dtype(t) == values.dtype.newbyteorder(">"))
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return (
        bytes([0, 0, code, values.ndim])
        + sizes
        + values.astype(values.dtype.newbyteorder(">")).tobytes()
    )


IMAGES = np.arange(5 * 6, dtype=np.uint8).reshape(5, 2, 3)
LABELS = np.array([0, 1, 2, 1, 0], np.uint8)


def write(folder: Path, *, test: bool = True, zipped: bool = False, **changed: bytes) -> Path:
    """Write a folder; `changed` replaces the bytes of one of its files."""
    files = {
        "train_images": ("train-images-idx3-ubyte", idx(IMAGES)),
        "train_labels": ("train-labels-idx1-ubyte", idx(LABELS)),
        "test_images": ("t10k-images-idx3-ubyte", idx(IMAGES[:2])),
        "test_labels": ("t10k-labels-idx1-ubyte", idx(LABELS[:2])),
    }
    for key, (name, content) in files.items():
        if test or not key.startswith("test"):
            path = folder / (f"{name}.gz" if zipped else name)
            written = changed.get(key, content)
            path.write_bytes(gzip.compress(written) if zipped else written)
    return folder


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_each_type_is_read(tmp_path: Path, dtype: str, pack: Callable[[bytes], bytes]) -> None:
    values = np.array([[1, 2, 3], [4, 5, 100]], dtype)
    (tmp_path / "f").write_bytes(pack(idx(values.astype(values.dtype.newbyteorder("=")))))
    got = open_idx(tmp_path / "f", "x").whole()
    assert got.dtype == values.dtype.newbyteorder("=")
    assert got.dtype.isnative
    np.testing.assert_array_equal(got, values)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_is_read(tmp_path: Path, *, zipped: bool) -> None:
    data = load(write(tmp_path, zipped=zipped))
    assert data.x.dtype == np.uint8
    np.testing.assert_array_equal(data.x, IMAGES.reshape(5, 6))
    np.testing.assert_array_equal(data.y, LABELS)
    assert data.scale == 1 / 255
    assert data.shape == (2, 3)
    assert data.task == "classify"
    assert data.test is not None
    np.testing.assert_array_equal(data.test[0], IMAGES[:2].reshape(2, 6))
    np.testing.assert_array_equal(data.test[1], LABELS[:2])


def test_the_test_pair_may_be_absent(tmp_path: Path) -> None:
    assert load(write(tmp_path, test=False)).test is None


def test_images_of_floats_have_no_scale(tmp_path: Path) -> None:
    data = load(write(tmp_path, test=False, train_images=idx(IMAGES.astype(np.float32))))
    assert data.scale is None


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        (("train-images-idx3-ubyte",), "lacks train-images-idx3-ubyte "),
        (("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"), "lacks train-labels-idx1-ubyte "),
        (("t10k-labels-idx1-ubyte",), "lacks t10k-labels-idx1-ubyte "),
        (("t10k-images-idx3-ubyte",), "lacks t10k-images-idx3-ubyte "),
    ],
)
def test_missing_files_are_named(tmp_path: Path, gone: tuple[str, ...], message: str) -> None:
    write(tmp_path)
    for name in gone:
        (tmp_path / name).unlink()
    with pytest.raises(InputError, match=message):
        load(tmp_path)


def test_a_folder_without_idx_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lacks train-images-idx3-ubyte and train-labels"):
        load(tmp_path)


NAN = IMAGES.astype(np.float32)
NAN[3, 1, 2] = np.nan
BAD = {
    "empty": ({"train_images": b""}, "empty or cut short"),
    "cut in the magic": ({"train_images": b"\0\0"}, "empty or cut short"),
    "cut in the header": ({"train_images": idx(IMAGES)[:10]}, "truncated within its header"),
    "cut in the data": ({"train_images": idx(IMAGES)[:-1]}, "truncated"),
    "too long": ({"train_images": idx(IMAGES) + b"\0"}, "too long|holds more"),
    "wrong magic": ({"train_images": b"\x89PNG" + idx(IMAGES)[4:]}, "not an IDX file"),
    "unknown type": ({"train_images": b"\0\0\x0a\x03" + idx(IMAGES)[4:]}, "not an IDX file"),
    "no axes": ({"train_images": b"\0\0\x08\x00x"}, "not an IDX file"),
    "a claim of 4 GB": (
        {"train_images": b"\0\0\x08\x03" + struct.pack(">3I", 2**20, 64, 64)},
        "truncated",
    ),
    "a claim beyond all": (
        {"train_images": b"\0\0\x08\x03" + struct.pack(">3I", *[2**32 - 1] * 3)},
        "truncated",
    ),
    "no examples": (
        {"train_images": idx(IMAGES[:0]), "train_labels": idx(LABELS[:0])},
        "holds no values",
    ),
    "lengths": (
        {"train_labels": idx(LABELS[:4])},
        r"labels-idx1-ubyte.*: y of shape \(4,\) does not fit 5 examples",
    ),
    "labels of two axes": ({"train_labels": idx(LABELS.reshape(5, 1))}, "give one integer each"),
    "labels of floats": ({"train_labels": idx(LABELS.astype(np.float32))}, "one integer each"),
    "images of one axis": ({"train_images": idx(LABELS)}, "give one example a row"),
    "test images of another shape": (
        {"test_images": idx(IMAGES[:2].reshape(2, 3, 2))},
        r"a test example has the shape \(3, 2\), a training example \(2, 3\)",
    ),
    "a test label unknown to training": (
        {"test_labels": idx(np.array([0, 7], np.uint8))},
        "test labels hold 7",
    ),
    "one class": ({"train_labels": idx(np.ones(5, np.uint8))}, "all 5 labels are 1"),
    "nan": ({"train_images": idx(NAN)}, "x is nan in row 3, column 5"),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("changed", "message"), BAD.values(), ids=BAD.keys())
def test_damage_is_one_line(
    tmp_path: Path, changed: dict[str, bytes], message: str, *, zipped: bool
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(write(tmp_path, zipped=zipped, **changed))
    assert "\n" not in str(caught.value)


def test_a_header_cannot_claim_more_than_a_gzip_stream_could_hold(tmp_path: Path) -> None:
    """The claim is refused before memory is taken for it: 1032 is DEFLATE's largest ratio."""
    header = b"\0\0\x08\x01" + struct.pack(">I", 2**32 - 1)
    (tmp_path / "f").write_bytes(gzip.compress(header + bytes(1000)))
    with pytest.raises(InputError, match=r"truncated: .* 4,294,967,295 bytes .* can follow"):
        open_idx(tmp_path / "f", "x").whole()


def test_a_gzip_bomb_is_read_no_further_than_its_header_says(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(gzip.compress(idx(LABELS) + bytes(10**8)))
    with pytest.raises(InputError, match="holds more than the 5 bytes"):
        open_idx(tmp_path / "f", "x").whole()


def test_a_gzip_stream_that_ends_early_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(idx(np.random.default_rng(0).integers(0, 255, 1000, np.uint8)))
    for end in (5, 20, len(packed) - 4):
        (tmp_path / "f").write_bytes(packed[:end])
        with pytest.raises(InputError):
            open_idx(tmp_path / "f", "x").whole()


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(idx(LABELS)))
    packed[-8] ^= 1
    (tmp_path / "f").write_bytes(packed)
    with pytest.raises(InputError, match="CRC"):
        open_idx(tmp_path / "f", "x").whole()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(at=st.integers(0, 60), value=st.integers(0, 255), zipped=st.booleans())
def test_a_changed_byte_is_read_or_refused(
    tmp_path: Path, at: int, value: int, *, zipped: bool
) -> None:
    content = bytearray(idx(IMAGES))
    if zipped:
        content = bytearray(gzip.compress(content, mtime=0))
    content[at % len(content)] = value
    (tmp_path / "f").write_bytes(content)
    message = ""
    try:
        open_idx(tmp_path / "f", "x").whole()
    except InputError as error:
        message = str(error)
    assert "\n" not in message

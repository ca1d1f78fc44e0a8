"""The built-in data sets: the digits as published, the others where they are found."""

import gzip
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from bpnet.data import catalog, download, fetch, load, split, standard
from bpnet.data.idx import FILES
from bpnet.errors import InputError

FASHION = Path("/usr/share/datasets/fashion-mnist")


def test_digits_are_the_published_ones() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    x, y = datasets.load_digits(return_X_y=True)
    kept, held = split(y, 0.2, 1998, stratify=True)
    data = load("digits")
    assert data.test is not None
    np.testing.assert_array_equal(data.x, x[kept])
    np.testing.assert_array_equal(data.y, y[kept])
    np.testing.assert_array_equal(data.test[0], x[held])
    np.testing.assert_array_equal(data.test[1], y[held])


def test_digits_are_bytes_with_a_scale() -> None:
    data = load("digits")
    assert data.x.dtype == np.uint8
    assert data.x.max() * data.scale == 1
    assert (data.name, data.task, data.shape) == ("digits", "classify", (8, 8))
    assert "10.24432/C50P49" in data.attribution
    assert "CC BY 4.0" in data.attribution


def test_the_test_part_of_the_digits_never_changes() -> None:
    """A pin, not a proof: accuracies that were published hold for these rows alone."""
    data = load("digits", validation=0.1, seed=3)
    assert data.test is not None
    digest = hashlib.sha256(data.test[0].tobytes() + data.test[1].tobytes()).hexdigest()
    assert digest == "edbe92fad7b533b43662a98c95fcd27eb4a378399dcaf35d443efb265f64f463"


def test_validation_rows_come_from_the_training_rows() -> None:
    whole, parted = load("digits"), load("digits", validation=0.1)
    assert parted.validation is not None
    assert parted.test is not None
    assert whole.test is not None
    np.testing.assert_array_equal(parted.test[0], whole.test[0])
    rows = np.concatenate([parted.x, parted.validation[0]])
    np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(whole.x, axis=0))


def test_the_catalog_tells_the_sizes_as_they_are() -> None:
    for entry in catalog():
        if entry.ready:
            data = load(entry.name)
            assert data.test is not None
            assert (len(data.x), len(data.test[0])) == (entry.rows, entry.test_rows)
            assert data.x.shape[1] == entry.features
            assert Path(entry.where).is_dir()
        else:
            assert re.match("https?://", entry.where)


def test_digits_are_there_without_fetching() -> None:
    assert (fetch("digits") / "digits.npz").is_file()
    assert "Alpaydin" in (fetch("digits") / "ATTRIBUTION.md").read_text(encoding="utf-8")


def test_an_unknown_name_is_refused_with_a_near_one() -> None:
    with pytest.raises(InputError, match="did you mean 'mnist'"):
        fetch("mnits")


@pytest.mark.skipif(not FASHION.is_dir(), reason="no system package of Fashion-MNIST")
def test_fashion_mnist_of_the_system_is_read() -> None:
    assert fetch("fashion-mnist") == FASHION
    data = load("fashion-mnist")
    assert data.x.shape == (60_000, 784)
    assert data.scale == 1 / 255
    assert data.y is not None
    assert np.bincount(data.y).tolist() == [6000] * 10


def idx_bytes(array: np.ndarray) -> bytes:
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def small_set(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in FILES:
        values = np.arange(40, dtype=np.uint8)
        array = values.reshape(10, 2, 2) if "images" in name else values[:10]
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array)))


def test_files_that_are_another_set_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "SYSTEM", tmp_path)
    small_set(tmp_path / "mnist")
    assert next(e for e in standard.catalog() if e.name == "mnist").ready
    with pytest.raises(InputError, match=r"not mnist: 10 \+ 10 examples of 4 values"):
        load("mnist")


def test_the_cache_is_searched_after_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "SYSTEM", tmp_path / "system")
    monkeypatch.setenv("BPNET_DATA", str(tmp_path / "cache"))
    assert download.find("mnist") is None
    small_set(tmp_path / "cache" / "mnist")
    assert download.find("mnist") == tmp_path / "cache" / "mnist"
    small_set(tmp_path / "system" / "mnist")
    assert download.find("mnist") == tmp_path / "system" / "mnist"
    (tmp_path / "system" / "mnist" / f"{FILES[2]}.gz").unlink()
    assert download.find("mnist") == tmp_path / "cache" / "mnist"

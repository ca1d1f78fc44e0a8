"""``.keras`` files that claim, link to or hide what they should not: one line, and no memory."""

import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest

from bpnet.cli import main
from bpnet.errors import InputError
from bpnet.imports import from_keras
from tests.fuzz import foreign
from tests.optional import library

CONFIG = json.dumps(foreign.config())
MOST = 64 << 20
"""Bytes of memory that a refusal may take."""


@pytest.fixture
def file(tmp_path):
    """What writes a ``.keras`` file of parts, good ones where none are given."""
    library("h5py")

    def write(method=zipfile.ZIP_STORED, **parts):
        contents = {"config.json": CONFIG, "model.weights.h5": foreign.weights()}
        contents |= {name.replace("__", "."): part for name, part in parts.items()}
        with zipfile.ZipFile(tmp_path / "m.keras", "w", method) as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        return tmp_path / "m.keras"

    return write


def check_refused(path, word, capsys):
    """In Python and on the command line, in one line, before memory is taken."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=word):
            from_keras(path)
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()
    out = path.with_name("out.safetensors")
    assert main(["import", str(path), str(out)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not out.exists()


def test_the_good_file_is_read(file):
    net = from_keras(file())
    assert net.sizes == [3, 4, 2]
    first, second = (np.linspace(-1, 1, n, dtype=np.float32) for n in (12, 8))
    np.testing.assert_array_equal(net.weights[0], first.reshape(3, 4).T)
    np.testing.assert_array_equal(net.weights[1], second.reshape(4, 2).T)


def built(change):
    """HDF5 of the good file after a change."""
    content = io.BytesIO(foreign.weights())
    with library("h5py").File(content, "r+") as weights:
        change(weights)
    return content.getvalue()


KERNEL = "layers/dense/vars/0"


def put(shape=(3, 4), dtype="<f4", **options):
    """A change of the first weights."""

    def change(weights):
        del weights[KERNEL]
        weights.create_dataset(KERNEL, shape, dtype, **options)

    return change


def soft(weights):
    del weights[KERNEL]
    weights[KERNEL] = library("h5py").SoftLink("/layers/dense_1/vars/0")


def virtual(weights):
    layout = library("h5py").VirtualLayout((3, 4), "<f4")
    layout[:] = library("h5py").VirtualSource("elsewhere.h5", "x", (3, 4))
    del weights[KERNEL]
    weights.create_virtual_dataset(KERNEL, layout)


def references(weights):
    put(dtype=library("h5py").special_dtype(ref=library("h5py").Reference))(weights)


def aliased(weights):
    """One array, of most of the file, as that of both layers."""
    for name in (KERNEL, "layers/dense_1/vars/0"):
        del weights[name]
    weights[KERNEL] = np.ones((100, 100), np.float32)
    weights["layers/dense_1/vars/0"] = weights[KERNEL]


def third(weights):
    weights.create_group("layers/dense_2")


def fourth(weights):
    weights["layers/dense/vars/2"] = np.ones(4, np.float32)


HDF5 = {
    "claimed in pieces": (put(shape=(40_000, 20_000), chunks=(1000, 1000)), "shape .40000, 20000."),
    "claimed in one": (put(shape=(40_000, 20_000)), "shape .40000, 20000."),
    "compressed": (put(data=np.zeros((3, 4)), compression="gzip"), "does not hold"),
    "a link inside": (soft, "lies outside"),
    "virtual": (virtual, "lies outside"),
    "references": (references, "as no dense layer has"),
    "texts": (put(dtype="S4", data=np.full((3, 4), b"x")), "as no dense layer has"),
    "integers": (put(dtype="<i4", data=np.ones((3, 4))), "as no dense layer has"),
    "three axes": (put(shape=(3, 4, 1), data=np.ones((3, 4, 1))), "as no dense layer has"),
    "one array twice": (aliased, "claim more than"),
    "a layer too many": (third, "more than 2 dense layers"),
    "an array too many": (fourth, "has 3 arrays .* 2"),
}


@pytest.mark.parametrize("kind", HDF5)
def test_arrays_are_in_the_file_as_they_are(file, capsys, kind):
    change, word = HDF5[kind]
    content = built(change)
    check_refused(file(model__weights__h5=content), word, capsys)


ZIP = {
    "blanks": ({"config__json": " " * (300 << 20)}, "claims to hold 314,"),
    "a configuration too long": ({"config__json": f"[{'[],' * (2 << 20)}[]]"}, "is longer than"),
    "of Keras 2": ({"metadata__json": '{"keras_version": "2.15.0"}'}, "is of Keras 2.15.0"),
    "metadata that are none": ({"metadata__json": "3"}, "damaged"),
    "another layout": ({"config__json": '{"class_name": "Sequential"}'}, "damaged"),
}


@pytest.mark.parametrize("kind", ZIP)
def test_parts_are_of_a_size_that_the_file_allows(file, capsys, kind):
    parts, word = ZIP[kind]
    check_refused(file(zipfile.ZIP_DEFLATED, **parts), word, capsys)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_without_a_bound_are_refused(file, capsys, method):
    check_refused(file(method), "another method than deflate", capsys)


def test_flags_and_streams_that_are_damaged(file, capsys):
    whole = file(zipfile.ZIP_DEFLATED).read_bytes()
    start = whole.index(b"config.json") + len("config.json")
    local, central = whole.index(b"PK\x03\x04"), whole.index(b"PK\x01\x02")
    changes = {
        "damaged .*encrypted": ((local + 6, 1), (central + 8, 1)),
        "another method": ((local + 8, 99), (central + 10, 99)),
        "damaged .*decompressing": tuple((start + k, 0x5A) for k in range(20)),
        "damaged .*File name in directory": ((local + 30, ord("x")),),
    }
    for word, bytes_ in changes.items():
        content = bytearray(whole)
        for at, value in bytes_:
            content[at] = value
        path = file()
        path.write_bytes(content)
        check_refused(path, word, capsys)


def test_a_file_that_can_not_be_read(tmp_path):
    with pytest.raises(InputError, match="there is no"):
        from_keras(tmp_path)
    with pytest.raises(InputError, match="there is no"):
        from_keras("no\0name.keras")

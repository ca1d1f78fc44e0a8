"""``.keras`` files: a zip of a configuration in JSON and of weights in HDF5, both plain data.

What a file says of its size is held against the bytes that it has before any memory is taken.
"""

import json
import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from bpnet.data.reading import check_entry, read_exactly, refuse_growth
from bpnet.errors import InputError
from bpnet.imports import foreign
from bpnet.imports.tensor_file import as_float32
from bpnet.requirements import install

_CONFIG, _WEIGHTS, _METADATA = "config.json", "model.weights.h5", "metadata.json"

_LONGEST = 1 << 22
"""Bytes of a configuration: that of a dense layer has a thousand, and a list in Python takes many
times what it takes as text."""

_FLOATS = {"f2", "f4", "f8", "V2"}
"""Types of arrays, whatever their byte order; bfloat16 is kept as two bytes without a type."""


@contextmanager
def opened(path: Path) -> Iterator["KerasFile"]:
    """A ``.keras`` file to be read from; whatever is wrong with it is told in one line.

    Raises
    ------
    InputError
        If there is none, it is damaged, or it claims to hold more than it can.
    """
    foreign.check_there(path, "a .keras file")
    with (
        foreign.refusing(path, "no .keras file of Keras 3", "save the model anew"),
        zipfile.ZipFile(path) as archive,
    ):
        yield KerasFile(archive, path)


class KerasFile:
    """An open ``.keras`` file.

    Parameters
    ----------
    archive : ZipFile
        Of the file.
    path : Path
        Its name, for messages.

    Raises
    ------
    InputError
        If it lacks a part, or a part claims to be larger than the file allows.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive, self._path = archive, path
        parts = [archive.getinfo(name) for name in (_CONFIG, _WEIGHTS)]
        refuse_growth(sum(part.file_size for part in parts), path.stat().st_size, str(path))

    def model(self) -> Mapping[str, Any]:
        """Class and configuration of the model, as Keras 3 writes them."""
        version = str(self._json(_METADATA).get("keras_version", "3"))
        if not version.startswith("3"):
            msg = f"{self._path} is of Keras {version}; load it in Keras 3 and save it anew"
            raise InputError(msg)
        found: Mapping[str, Any] = self._json(_CONFIG)
        return found

    def arrays(self, counts: Sequence[int]) -> list[list[Any]]:
        """Arrays of the dense layers, first to last, of which each has so many."""
        return _dense_arrays(self._bytes(_WEIGHTS), counts)

    def _json(self, name: str) -> Any:
        if name == _METADATA and name not in self._archive.namelist():
            return {}
        if self._archive.getinfo(name).file_size > _LONGEST:
            msg = f"{self._path}: {name} is longer than {_LONGEST:,} bytes; give a smaller model"
            raise InputError(msg)
        return json.loads(self._bytes(name))

    def _bytes(self, name: str) -> bytes:
        part, what = self._archive.getinfo(name), f"{self._path}: {name}"
        check_entry(part, what)
        with self._archive.open(part) as stream:
            return read_exactly(stream, part.file_size, what).tobytes()


def _dense_arrays(content: bytes, counts: Sequence[int]) -> list[list[Any]]:
    """Arrays of the groups ``layers/dense``, ``dense_1``, ...: dense layers in their order."""
    try:
        import h5py
    except ImportError as error:
        msg = f".keras files need h5py, which is not installed: {install('h5py')}"
        raise InputError(msg) from error
    found, left = [], len(content)
    with h5py.File(BytesIO(content), "r") as file:
        layers = _inside(h5py, file, "layers")
        for l, count in enumerate(counts):
            name = f"dense_{l}" if l else "dense"
            held = _inside(h5py, _inside(h5py, layers, name), "vars")
            sets = [_inside(h5py, held, str(i)) for i in range(min(count, len(held)))]
            if len(held) != count:
                msg = f"{name} has {len(held)} arrays where its settings speak of {count}"
                raise ValueError(msg)
            left -= sum(_claimed(data) for data in sets)
            if left < 0:
                msg = f"its arrays claim more than the {len(content):,} bytes of {_WEIGHTS}"
                raise ValueError(msg)
            found.append([_values(data) for data in sets])
        if f"dense_{len(counts)}" in layers:
            msg = f"it has weights of more than {len(counts)} dense layers"
            raise ValueError(msg)
    return found


def _inside(h5py: Any, group: Any, name: str) -> Any:
    """A member of a group, if it lies in this file: a link could lead to any other."""
    member = group[name] if isinstance(group.get(name, getlink=True), h5py.HardLink) else None
    away = isinstance(member, h5py.Dataset) and (member.external or member.is_virtual)
    if member is None or away:
        msg = f"{name} lies outside of it"
        raise ValueError(msg)
    return member


def _claimed(data: Any) -> int:
    """Bytes of an array as its shape and type have it, all of which are in the file as they are.

    Pieces, which may be compressed or left out, are what Keras does not write.
    """
    claimed: int = math.prod(data.shape) * data.dtype.itemsize
    if data.dtype.str[1:] not in _FLOATS or len(data.shape) not in {1, 2}:
        msg = f"{data.name} has shape {data.shape} and type {data.dtype}, as no dense layer has"
        raise ValueError(msg)
    if data.chunks is not None or data.id.get_storage_size() != claimed:
        msg = f"{data.name} does not hold the values that its shape {data.shape} claims"
        raise ValueError(msg)
    return claimed


def _values(data: Any) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = data[()]
    return as_float32(array.view(np.uint16)) if array.dtype.kind == "V" else array

"""``.keras`` files: a zip of a configuration in JSON and of weights in HDF5, both plain data.

The sizes that a file claims are compared with its bytes before memory is allocated.
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
from bpnet.requirements import require

_CONFIG, _WEIGHTS, _METADATA = "config.json", "model.weights.h5", "metadata.json"

_LONGEST = 1 << 22
"""Most bytes of a configuration: a dense layer has about a thousand, and a list in Python is many
times larger than its text."""

_FLOATS = {"f2", "f4", "f8", "V2"}
"""NumPy types of arrays without their byte order; bfloat16 is two bytes without a type."""


@contextmanager
def opened(path: Path) -> Iterator["KerasFile"]:
    """Open a ``.keras`` file; any error over it becomes one line."""
    kinds = "a .keras file", "no .keras file of Keras 3"
    with foreign.reading(path, *kinds, "save the model anew"), zipfile.ZipFile(path) as archive:
        yield KerasFile(archive, path)


class KerasFile:
    """An open ``.keras`` file; one whose parts claim more than its bytes allow is refused."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive, self._path = archive, path
        # a zip may claim far more bytes than it has
        parts = [archive.getinfo(name) for name in (_CONFIG, _WEIGHTS)]
        refuse_growth(sum(part.file_size for part in parts), path.stat().st_size, str(path))

    def model(self) -> Mapping[str, Any]:
        """Class and configuration of the model, as Keras 3 writes them."""
        # a file without metadata is taken for one of Keras 3
        version = str(self._json(_METADATA).get("keras_version", "3"))
        if not version.startswith("3"):
            msg = f"{self._path} is of Keras {version}; load it in Keras 3 and save it anew"
            raise InputError(msg)
        config: Mapping[str, Any] = self._json(_CONFIG)
        return config

    def arrays(self, counts: Sequence[int]) -> list[list[Any]]:
        """Arrays of the dense layers, first to last; ``counts`` has their number in each."""
        return _dense_arrays(self._bytes(_WEIGHTS), counts)

    def _json(self, name: str) -> Any:
        if name == _METADATA and name not in self._archive.namelist():
            return {}
        if self._archive.getinfo(name).file_size > _LONGEST:
            msg = f"{self._path}: {name} is longer than {_LONGEST:,} bytes; give a smaller model"
            raise InputError(msg)
        return json.loads(self._bytes(name))

    def _bytes(self, name: str) -> bytes:
        part, label = self._archive.getinfo(name), f"{self._path}: {name}"
        check_entry(part, label)
        with self._archive.open(part) as stream:
            return read_exactly(stream, part.file_size, label).tobytes()


def _dense_arrays(content: bytes, counts: Sequence[int]) -> list[list[Any]]:
    """Arrays of the groups ``layers/dense``, ``layers/dense_1``, ..., one for each dense layer."""
    h5py = require("h5py", ".keras files need")
    arrays, remaining = [], len(content)
    with h5py.File(BytesIO(content), "r") as file:
        layers = _inside(h5py, file, "layers")
        for l, count in enumerate(counts):
            # Keras counts the layers of a class, whatever names they have in the model
            name = f"dense_{l}" if l else "dense"
            group = _inside(h5py, _inside(h5py, layers, name), "vars")
            # not more than there are: a missing one would be taken for a link
            sets = [_inside(h5py, group, str(i)) for i in range(min(count, len(group)))]
            if len(group) != count:
                msg = f"{name} has {len(group)} arrays where its settings speak of {count}"
                raise ValueError(msg)
            remaining -= sum(_claimed_size(data) for data in sets)
            if remaining < 0:
                msg = f"its arrays claim more than the {len(content):,} bytes of {_WEIGHTS}"
                raise ValueError(msg)
            arrays.append([_values(data) for data in sets])
        if f"dense_{len(counts)}" in layers:
            msg = f"it has weights of more than {len(counts)} dense layers"
            raise ValueError(msg)
    return arrays


def _inside(h5py: Any, group: Any, name: str) -> Any:
    """A member of a group; one outside of this file, to which a link could lead, is refused."""
    member = group[name] if isinstance(group.get(name, getlink=True), h5py.HardLink) else None
    is_outside = isinstance(member, h5py.Dataset) and (member.external or member.is_virtual)
    if member is None or is_outside:
        msg = f"{name} lies outside of it"
        raise ValueError(msg)
    return member


def _claimed_size(data: Any) -> int:
    """Bytes of an array by its shape and type, all of which the file must have.

    Chunks, which may be compressed or missing, are refused: Keras does not write them.
    """
    claimed: int = math.prod(data.shape) * data.dtype.itemsize
    # without its byte order
    if data.dtype.str[1:] not in _FLOATS or len(data.shape) not in {1, 2}:
        msg = f"{data.name} has shape {data.shape} and type {data.dtype}, as no dense layer has"
        raise ValueError(msg)
    # HDF5 reads an array that was never written as zeros
    if data.chunks is not None or data.id.get_storage_size() != claimed:
        msg = f"{data.name} does not hold the values that its shape {data.shape} claims"
        raise ValueError(msg)
    return claimed


def _values(data: Any) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = data[()]
    return as_float32(array.view(np.uint16)) if array.dtype.kind == "V" else array

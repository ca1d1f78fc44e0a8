"""Arrays in files to data sets of lazy rows, and what is done with all of them before training."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.data import facts, idx
from bpnet.data.arrays import check_targets, flat
from bpnet.data.dataset import Dataset
from bpnet.data.host_rows import HostRows
from bpnet.data.mapped import Mapped, open_idx, open_npy
from bpnet.data.splits import split
from bpnet.data.targets import check_known, settle
from bpnet.errors import InputError


def open_arrays(x_paths: Sequence[Path], y_paths: Sequence[Path] | None) -> Dataset:
    """Data set of ``.npy`` files, whose rows are read when they are taken.

    Raises
    ------
    InputError
        If a file is missing or damaged, or x and y don't fit together.
    """
    x = open_npy(x_paths, "x")
    y = None if y_paths is None else open_npy(y_paths, "y")
    x, shape = _flat(x)
    if y is not None:
        check_targets(y, len(x), "y", str(y.parts[0].stamp.path))
    return Dataset(x, y, name=x_paths[0].stem, shape=shape)


def open_folder(folder: Path) -> Dataset:
    """Data set of a folder of IDX files: images and labels, and the test pair where there is one.

    Parameters
    ----------
    folder : Path
        It holds ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, and both or
        none of ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, each plain or
        with ``.gz``.

    Returns
    -------
    Dataset
        uint8 images have the scale 1/255.

    Raises
    ------
    InputError
        If files are missing, damaged, or don't fit together.
    """
    training, test = idx.find_pairs(folder)
    pairs, shapes = [], []
    for images, labels in [training, *([test] if test else [])]:
        x, y = open_idx(images, "x"), open_idx(labels, "y")
        idx.check_pair(x.parts[0].array, y.parts[0].array, images, labels)
        shapes.append(x.shape[1:])
        pairs.append((_flat(x)[0], y))
    if shapes[0] != shapes[-1]:
        message = f"{folder}: test images of shape {shapes[-1]}, the training images have "
        raise InputError(f"{message}{shapes[0]}")
    (x, y), held = pairs[0], pairs[1] if test else None
    scale = 1 / 255 if x.dtype == np.uint8 else None
    picture = shapes[0] if len(shapes[0]) > 1 else None
    return Dataset(x, y, scale=scale, test=held, name=folder.name, shape=picture)


def _flat(x: Mapped) -> tuple[Mapped, tuple[int, ...] | None]:
    """Rows with pictures flattened, and their shape."""
    shape, parts = None, []
    for part in x.parts:
        array, shape = flat(part.array, "x", str(part.stamp.path))
        parts.append(replace(part, array=array))
    return replace(x, parts=tuple(parts)), shape


def in_memory(data: Dataset) -> Dataset:
    """The same data set with all of its rows in memory.

    Raises
    ------
    InputError
        If a value can't be used.
    """

    def read(pair: Any) -> Any:
        return None if pair is None else tuple(map(_whole, pair))

    y = None if data.y is None else _whole(data.y)
    return replace(
        data, x=_whole(data.x), y=y, validation=read(data.validation), test=read(data.test)
    )


def _whole(rows: Any) -> Any:
    return rows.whole() if isinstance(rows, HostRows) else rows


def finish(data: Dataset, task: str, validation: float, seed: int, where: str) -> Dataset:
    """Settle the task of arrays, for the test rows too, and hold rows out.

    Raises
    ------
    InputError
        If the targets don't fit the task or one another.
    """
    y: Any = data.y
    if y is None:
        if validation:
            message = f"{where}: rows to validate on need targets: give them, or no validation"
            raise InputError(message)
        return data
    lazy = isinstance(y, HostRows)
    few = lazy and task == "auto" and y.dtype.kind == "f" and y.width == 1
    if few and facts.few(y) is None:
        task = "regress"  # a few that stand for all may be whole
    known, task = settle(y.facts[0] if lazy else y, task, where, len(y))
    test = data.test
    if test is not None:
        held: Any = test[1]
        found = _settle_test(held.facts[0] if lazy else held, known, task, where)
        test = (test[0], _as(held, task) if lazy else found)
    y = _as(y, task) if lazy else known
    data = replace(data, y=y, test=test, task=task)
    if not validation:
        return data
    return hold_out(data, *split(y, validation, seed, stratify=task == "classify"))


def _as(y: Mapped, task: str) -> Mapped:
    """Targets in the form of a task, as `settle` brings them into it."""
    if task == "regress" and y.dtype.kind in "biu":
        return replace(y, cast=np.float64)
    if task == "classify" and y.width == 1:
        return replace(y.column() if y.ndim == 2 else y, labels=True)
    return y


def _settle_test(test: Any, y: Any, task: str, where: str) -> Any:
    """Test targets in the form of the training targets."""
    if task == "regress" and test.dtype.kind in "biu":
        test = test.astype(np.float64)
    if task == "classify" and test.ndim == 2 and test.shape[1] == 1:
        test = test[:, 0]
    if test.shape[1:] != y.shape[1:] or (test.dtype.kind in "fUS") != (y.dtype.kind in "fUS"):
        message = (
            f"{where}: y_test of shape {test.shape}, type {test.dtype} is unlike y, of shape "
            f"{y.shape}, type {y.dtype}: give both alike"
        )
        raise InputError(message)
    if task == "classify" and y.ndim == 1:
        check_known(test, y, where)
    return test


def hold_out(data: Dataset, kept: npt.NDArray[np.intp], held: npt.NDArray[np.intp]) -> Dataset:
    """Move the rows `held` of a data set to its validation pair."""
    x: Any = data.x
    y: Any = data.y
    return replace(
        data, x=x[kept], y=y[kept], validation=(x[held], y[held]), rows=kept, source_rows=len(y)
    )

"""Arrays in files to data sets, and what is settled of them before training."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.data import idx
from bpnet.data.arrays import check_targets, flat
from bpnet.data.asked import Asked
from bpnet.data.dataset import Dataset
from bpnet.data.host_rows import HostRows
from bpnet.data.mapped import Mapped, open_idx, open_npy
from bpnet.data.splits import split
from bpnet.data.targets import check_known, settle
from bpnet.errors import InputError

Host = npt.NDArray[Any]


def open_arrays(x_paths: Sequence[Path], y_paths: Sequence[Path] | None) -> Dataset:
    """Data set of ``.npy`` files, whose examples are read when they are taken, targets now."""
    x, shape = _flat(open_npy(x_paths, "x"))
    y = None
    if y_paths is not None:
        rows = open_npy(y_paths, "y")
        check_targets(rows, len(x), "y", str(y_paths[0]))
        y = rows.whole()
    return Dataset(x, y, name=x_paths[0].stem, shape=shape)


def open_folder(folder: Path) -> Dataset:
    """Data set of a folder of IDX files: images and labels, and the test pair where there is one.

    The files are named as :data:`bpnet.data.idx.FILES` says, each plain or with ``.gz``. Images in
    uint8 have the scale 1/255.
    """
    pairs, shapes = [], []
    for images, labels in idx.find_pairs(folder):
        rows, classes = open_idx(images, "x"), open_idx(labels, "y")
        idx.check_pair(rows.parts[0].array, classes.parts[0].array, images, labels)
        shapes.append(rows.shape[1:])
        pairs.append((_flat(rows)[0], classes.whole()))
    if shapes[0] != shapes[-1]:
        message = f"{folder}: test images of shape {shapes[-1]}, the training images have "
        raise InputError(f"{message}{shapes[0]}")
    (x, y), test = pairs[0], pairs[1] if len(pairs) > 1 else None
    scale = 1 / 255 if x.dtype == np.uint8 else None
    picture = shapes[0] if len(shapes[0]) > 1 else None
    return Dataset(x, y, scale=scale, test=test, name=folder.name, shape=picture)


def _flat(x: Mapped) -> tuple[Mapped, tuple[int, ...] | None]:
    """Rows with pictures flattened, and their shape."""
    shape, parts = None, []
    for part in x.parts:
        array, shape = flat(part.array, "x", str(part.stamp.path))
        parts.append(replace(part, array=array))
    return replace(x, parts=tuple(parts)), shape


def in_memory(data: Dataset) -> Dataset:
    """The same data set with all of its examples in memory."""
    whole = data.changed(lambda x: x.whole() if isinstance(x, HostRows) else x)
    lazy = {name: x for name, x in data.examples.items() if isinstance(x, HostRows)}
    return replace(whole, tallies={name: x.tally() for name, x in lazy.items()})


def finish(data: Dataset, asked: Asked, where: str) -> Dataset:
    """Settle the task of arrays, for the test rows too, and hold rows out."""
    held_out = asked.held_out(data.test is not None, where)
    if data.y is None:
        if held_out:
            message = f"{where}: rows to validate on need targets: give them, or no validation"
            raise InputError(message)
        return data
    x: Any = data.x
    y, task = settle(np.asarray(data.y), asked.task, where)
    test = data.test
    if test is not None:
        test = (test[0], _settle_test(np.asarray(test[1]), y, task, where))
    data = replace(data, y=y, test=test, task=task)
    if not held_out:
        return data
    kept, held = split(y, held_out, asked.seed, stratify=task == "classify")
    data = replace(
        data, x=x[kept], y=y[kept], validation=(x[held], y[held]), rows=kept, source_rows=len(y),
        places={"validation": held},
    )  # fmt: skip
    return asked.divided(data)


def _settle_test(test: Host, y: Host, task: str, where: str) -> Host:
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

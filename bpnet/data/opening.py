"""Data sets from arrays in files, whose task is settled and of which rows are held out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.data import arrays, idx
from bpnet.data.dataset import Dataset
from bpnet.data.host_rows import HostRows
from bpnet.data.mapped import Mapped, Part, open_idx, open_npy
from bpnet.data.options import ReadOptions
from bpnet.data.reading import Stamp
from bpnet.data.targets import check_known, settle
from bpnet.errors import InputError

Host = npt.NDArray[Any]


def open_arrays(x_paths: Sequence[Path], y_paths: Sequence[Path] | None) -> Dataset:
    """Data set of ``.npy`` files, whose examples are read when they are taken, targets now."""
    y = None if y_paths is None else open_npy(y_paths, "y")
    return _dataset([(open_npy(x_paths, "x"), y)], x_paths[0])


def open_npz(path: Path, *, need_target: bool) -> Dataset:
    """Data set of a ``.npz`` with ``x``, ``y`` and, where they are, a test part and a scale."""
    values, stamp = arrays.read_npz(path, need_target=need_target), Stamp.of(path)
    scale = values.pop("scale", None)
    if scale is not None and (scale.size != 1 or scale.dtype.kind not in "iuf"):
        message = f"{path}: scale has shape {scale.shape}, type {scale.dtype}: give one number"
        raise InputError(message)
    rows = {n: Mapped((Part(stamp, array, None, 0),), n) for n, array in values.items()}
    pairs = [(rows[f"x{n}"], rows.get(f"y{n}")) for n in ("", "_test") if f"x{n}" in rows]
    return _dataset(pairs, path, scale=None if scale is None else float(scale.reshape(-1)[0]))


def open_folder(folder: Path) -> Dataset:
    """Data set of a folder of IDX files: images and labels, and the test pair where there is one.

    The files are named as :data:`bpnet.data.idx.FILES` says, each plain or with ``.gz``. Images in
    uint8 have the scale 1/255.
    """
    pairs = []
    for images, labels in idx.find_pairs(folder):
        x, y = open_idx(images, "x"), open_idx(labels, "y")
        if y.ndim != 1 or y.dtype.kind not in "iu":
            message = f"{labels}: labels of shape {y.shape} and type {y.dtype}: "
            raise InputError(f"{message}give one integer each")
        pairs.append((x, y))
    return _dataset(pairs, folder, scale=1 / 255 if pairs[0][0].dtype == np.uint8 else None)


def _dataset(
    pairs: Sequence[tuple[Mapped, Mapped | None]], path: Path, scale: float | None = None
) -> Dataset:
    """Data set of a training pair and perhaps a test pair, pictures flattened, targets read."""
    opened: list[Any] = []
    shapes = [x.shape[1:] for x, _ in pairs]
    for x, y in pairs:
        parts = [(p, arrays.flat(p.array, x.name, str(p.stamp.path))[0]) for p in x.parts]
        rows = replace(x, parts=tuple(replace(part, array=array) for part, array in parts))
        if y is not None:
            arrays.check_targets(y, len(x), y.name, str(y.parts[0].stamp.path))
        opened.append((rows, None if y is None else y.whole()))
    if shapes[0] != shapes[-1]:
        message = f"{path}: a test example has the shape {shapes[-1]}, a training example "
        raise InputError(f"{message}{shapes[0]}: give both alike")
    return Dataset(
        opened[0][0], opened[0][1], scale=scale, test=opened[1] if len(opened) > 1 else None,
        name=path.stem, shape=shapes[0] if len(shapes[0]) > 1 else None,
    )  # fmt: skip


def in_memory(data: Dataset) -> Dataset:
    """The same data set with all of its examples in memory."""
    # The tallies are taken afterwards, since they count the cells of rows that have been read.
    whole = data.changed(lambda x: x.whole() if isinstance(x, HostRows) else x)
    lazy = {name: x for name, x in data.examples.items() if isinstance(x, HostRows)}
    return replace(whole, tallies={name: x.tally() for name, x in lazy.items()})


def finish(data: Dataset, options: ReadOptions, where: str) -> Dataset:
    """Settle the task of arrays, for the test rows too, and hold rows out."""
    shares = options.shares(where, has_test=data.test is not None)
    if data.y is None:
        if any(shares):
            raise InputError(
                f"{where}: rows to validate on need targets: give them, or no validation"
            )
        return data
    x: Any = data.x
    y, task = settle(np.asarray(data.y), options.task, where)
    test = data.test
    if test is not None:
        test = (test[0], _settle_test(np.asarray(test[1]), y, task, where))
    data = replace(data, y=y, test=test, task=task)
    if not any(shares):
        return data
    parts, notes = options.divide(y, task, has_test=test is not None)
    kept = parts.pop("")
    pairs: dict[str, Any] = {name: (x[rows], y[rows]) for name, rows in parts.items()}
    return replace(
        data, x=x[kept], y=y[kept], **pairs, rows=kept, source_rows=len(y), places=parts,
        test_share=shares[1] if "test" in parts else 0.0, notes=(*data.notes, *notes),
    )  # fmt: skip


def _settle_test(test: Host, y: Host, task: str, where: str) -> Host:
    """Test targets in the form of the training targets."""
    # `settle` converts the training targets likewise.
    if task == "regress" and test.dtype.kind in "biu":
        test = test.astype(np.float64)
    if task == "classify" and test.ndim == 2 and test.shape[1] == 1:
        test = test[:, 0]
    if test.shape[1:] != y.shape[1:] or (test.dtype.kind in "fUS") != (y.dtype.kind in "fUS"):
        raise InputError(
            f"{where}: y_test of shape {test.shape}, type {test.dtype} is unlike y, of shape "
            f"{y.shape}, type {y.dtype}: give both alike"
        )
    if task == "classify" and y.ndim == 1:
        check_known(test, y, where)
    return test

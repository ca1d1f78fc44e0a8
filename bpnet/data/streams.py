"""``stream``: data sets larger than memory, of which only the rows that are asked for are read."""

import glob
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bpnet import disk
from bpnet.arguments import accepted, checked
from bpnet.data import facts, idx
from bpnet.data.arrays import check_targets, flat
from bpnet.data.columns import Columns
from bpnet.data.dataset import Dataset
from bpnet.data.encoded import Encoded, Table
from bpnet.data.frames import STREAMED
from bpnet.data.learning import learn
from bpnet.data.mapped import Mapped, open_idx, open_npy
from bpnet.data.moments import Moments
from bpnet.data.parts import divided, share_of
from bpnet.data.sources import agreed, check_asked, halves, settle_test
from bpnet.data.splits import split
from bpnet.data.table_files import Share, open_tables
from bpnet.data.tables import check_learned, find_target, hold_out
from bpnet.data.targets import settle
from bpnet.errors import InputError

SHUFFLES = ("auto", "full", "blocks")

_BUFFER = 1 << 25
"""Numbers in a buffer."""

_CHUNK = 1 << 20
"""Bytes of a chunk of a mapped file: a disk reads so much at about full speed."""

_CHUNKS = 8
"""Runs of a table that fill a buffer."""


@checked
def stream(
    source: str | Path | Sequence[Any],
    *,
    target: str | None = None,
    task: str = "auto",
    columns: Columns | None = None,
    validation: float = 0.0,
    test: float | None = 0.0,
    seed: int = 0,
    need_target: bool = True,
    scale: float | None = None,
    standardize: bool | Moments = False,
    shuffle: str = "auto",
    buffer: int | None = None,
) -> Dataset:
    """Open a data set larger than memory: rows are read when a batch needs them.

    Use it as data of :func:`bpnet.train`, for validation, :func:`bpnet.evaluate` and
    ``network.predict(data.x)``. The next block of batches is read in a thread, and on its way to
    the device, while this one computes. ``data.x.take(rows)`` reads rows by their numbers, and no
    others.

    What ``shuffle`` does, honestly: "full" mixes all rows with all, as training from memory does,
    with the same batches from the same seed, and reads rows from all over the file: fast where
    the file is in the system's page cache, slow on a cold disk. It holds 8 bytes a row. "blocks"
    puts chunks of neighboring rows into a random order and mixes the rows of as many chunks as
    fill ``buffer``; rows of one chunk always meet in one buffer, so that a file sorted by class
    wants a buffer of many chunks.

    Parameters
    ----------
    source : str, Path, pair or list
        ``"x.npy,y.npy"`` or a pair of such names, each also a pattern (``x-*.npy``) or a list of
        files that follow one another; a folder of uncompressed IDX files; a folder, a pattern or
        a list of ``.parquet``, ``.arrow``, ``.feather`` or ``.ipc`` files with the same columns.
    target : str, optional
        The target's column, for tables.
    task : {"auto", "classify", "regress"}
        As in :func:`bpnet.data.load`.
    columns : Columns, optional
        What was learned of a table when the model was trained; without it, it is learned in one
        pass over the files.
    validation : float
        Share of the rows to hold out. Of arrays, the same rows as :func:`bpnet.data.load` holds
        out, drawn in memory: about 25 bytes a row for that moment. Of tables, each row by a draw
        of its own, so that classes keep their shares by chance only.
    test : float or None
        As in :func:`bpnet.data.load`, drawn as for validation.
    seed : int
        Key of that draw.
    need_target : bool
        If False, for predictions, no target is read.
    scale : float, optional
        What integers are multiplied by; uint8 images in IDX files have 1/255.
    standardize : bool or Moments
        Of arrays: whether columns are brought to mean 0 and deviation 1, by the ``moments`` of
        the training rows, learned in one pass, or by those given, such as ``other.x.moments``.
        Tables always are, by their ``columns``.
    shuffle : {"auto", "full", "blocks"}
        "auto" is full for arrays and blocks for tables, which have no other.
    buffer : int, optional
        Rows that "blocks" mixes with one another; the default is about 2^25 numbers.

    Returns
    -------
    Dataset
        Its ``x`` and ``y`` have shapes and ``take``, and are read when they are used.

    Raises
    ------
    InputError
        If anything is missing, damaged or doesn't fit together. What is found later, such as a
        file that changes or a nan in a row, is raised by the call that reads it.

    Examples
    --------
    >>> import bpnet, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> names = [f"{folder.name}/{name}.npy" for name in ("x", "y")]
    >>> for name, array in zip(names, (np.eye(4, dtype=np.float32), [0, 1, 0, 1])):
    ...     np.save(name, array)
    >>> data = bpnet.data.stream(names)
    >>> data.x.shape, data.x.take(np.array([2])).tolist()
    ((4, 4), [[0.0, 0.0, 1.0, 0.0]])
    >>> folder.cleanup()
    """
    check_asked(task, validation)
    held = validation + share_of(validation, test, False, str(source))
    if shuffle not in SHUFFLES:
        message = f"shuffle {shuffle!r}: give {', '.join(SHUFFLES)}"
        raise InputError(message)
    if buffer is not None and (type(buffer) is not int or buffer < 1):
        message = f"buffer {buffer!r}: give a whole number of rows"
        raise InputError(message)
    kind, found = find(source, need_target)
    if kind == "table":
        if shuffle == "full":
            message = f"{found[0]} is a table, which can't be read row by row: shuffle by blocks"
            raise InputError(message)
        if standardize or scale is not None:
            message = f"{found[0]} is a table, which is standardized anyway: leave scale out"
            raise InputError(message)
        share = Share(held, seed)
        data = _tables(found, target, task, columns, share, need_target, buffer)
        return divided(data, validation, test, seed)
    if target is not None or columns is not None:
        wanted = f"target '{target}'" if target is not None else "a model trained on a table"
        message = f"{wanted} needs a table: give .parquet or .arrow files, not {source}"
        raise InputError(message)
    data = _images(found, scale) if kind == "idx" else _arrays(found, scale)
    data = _blocks(data, shuffle == "blocks", buffer)
    held = validation + share_of(validation, test, data.test is not None, str(source))
    data = divided(_finish(data, task, held, seed, str(source)), validation, test, seed)
    if standardize is not False:
        data = _standardized(data, standardize)
    return replace(data, notes=(_note(data.x),))


def can(source: str) -> bool:
    """Whether a source as the command line names it can be streamed."""
    try:
        find(source, need_target=False)
    except InputError:
        return False
    return True


def find(source: Any, need_target: bool) -> tuple[str, Any]:
    """Kind of a source, array, idx or table, and its files."""
    if isinstance(source, str) and (pair := halves(source)):
        source = pair
    if isinstance(source, tuple | list):
        if len(source) == 2 and _is_npy(source[0]):
            return "array", (_files(source[0]), _files(source[1]) if need_target else None)
        paths = [path for one in source for path in _files(one)]
        if not paths:
            message = f"source is {source!r}, no files: give some, a folder or a pattern"
            raise InputError(message)
    else:
        paths = _files(source)
    if len(paths) == 1 and paths[0].is_dir():
        folder = paths[0]
        paths = sorted(
            p for p in folder.iterdir() if p.suffix.lower() in STREAMED and disk.there(p)
        )
        if not paths:
            return "idx", folder
    strange = next((p for p in paths if p.suffix.lower() not in STREAMED), None)
    if strange is None:
        return "table", paths
    if not need_target and all(_is_npy(path) for path in paths):
        return "array", (paths, None)
    message = (
        f"{strange} can't be streamed: give 'x.npy,y.npy', a folder of IDX files, or .parquet or "
        ".arrow files"
    )
    raise InputError(message)


def _is_npy(name: Any) -> bool:
    names = name if isinstance(name, list | tuple) else [name]
    return all(str(one).lower().endswith(".npy") for one in names)


def _files(name: Any) -> list[Path]:
    """Files of a name, a pattern or a list."""
    if isinstance(name, list | tuple) and name:
        return [path for one in name for path in _files(one)]
    accepted("source", name, str | Path)
    path = Path(name)
    if disk.there(path):
        return [path]
    found = [path for path in _expanded(path) if disk.there(path)]
    if not found:
        message = f"there is no file {name}: check the path"
        raise InputError(message)
    return found


def _expanded(path: Path) -> list[Path]:
    """Files that a pattern stands for; the folders that are there are names, not patterns."""
    folder = next((p for p in path.parents if disk.there(p)), Path())
    rest = str(path.relative_to(folder))
    return [folder / found for found in sorted(glob.glob(rest, root_dir=folder))]


def _arrays(found: tuple[Sequence[Path], Sequence[Path] | None], scale: float | None) -> Dataset:
    x_paths, y_paths = found
    x = open_npy(x_paths, "x")
    y = None if y_paths is None else open_npy(y_paths, "y")
    where = str(x_paths[0])
    shape = None
    parts = []
    for part in x.parts:
        array, shape = flat(part.array, "x", str(part.stamp.path))
        parts.append(replace(part, array=array))
    if y is not None:
        check_targets(y, len(x), "y", str(y.parts[0].stamp.path))  # type: ignore[arg-type]
    name = Path(where).stem
    return Dataset(replace(x, parts=tuple(parts)), y, scale=scale, name=name, shape=shape)


def _images(folder: Path, scale: float | None) -> Dataset:
    training, test = idx.find_pairs(folder)
    pairs, shapes = [], []
    for images, labels in [training, *([test] if test else [])]:
        x, y = open_idx(images, "x"), open_idx(labels, "y")
        idx.check_pair(x.parts[0].array, y.parts[0].array, images, labels)
        array, _ = flat(x.parts[0].array, "x", str(images))
        shapes.append(x.shape[1:])
        pairs.append((replace(x, parts=(replace(x.parts[0], array=array),)), y))
    if shapes[0] != shapes[-1]:
        message = f"{folder}: test images of shape {shapes[-1]}, the training images have "
        raise InputError(f"{message}{shapes[0]}")
    (x, y), held = pairs[0], pairs[1] if test else None
    if scale is None and x.dtype == np.uint8:
        scale = 1 / 255
    picture = shapes[0] if len(shapes[0]) > 1 else None
    return Dataset(x, y, scale=scale, test=held, name=folder.name, shape=picture)


def _blocks(data: Dataset, asked: bool, buffer: int | None) -> Dataset:
    if not asked:
        if buffer is not None:
            message = f"buffer {buffer} is of shuffling by blocks: give shuffle='blocks' too"
            raise InputError(message)
        return data
    x: Any = data.x
    chunk = max(1, _CHUNK // (x.width * x.parts[0].array.dtype.itemsize))
    if buffer is not None:
        chunk = min(chunk, max(1, buffer // _CHUNKS))
    return replace(data, x=replace(x, chunk=chunk, buffer=buffer or max(chunk, _BUFFER // x.width)))


def _finish(data: Dataset, task: str, validation: float, seed: int, where: str) -> Dataset:
    """Settle the task, for the test rows too, and hold rows out."""
    y: Any = data.y
    if y is None:
        return data
    if task == "auto" and y.dtype.kind == "f" and y.width == 1 and facts.few(y) is None:
        task = "regress"  # a few that stand for all may be whole
    known, task = settle(y.facts[0], task, where, len(y))
    test = data.test
    if test is not None:
        held: Any = test[1]
        settle_test(held.facts[0], known, task, where)
        test = (test[0], _as(held, task))
    data = replace(data, y=_as(y, task), test=test, task=task)
    if not validation:
        return data
    rows: Any = data.y
    return hold_out(data, *split(rows, validation, seed, stratify=task == "classify"))


def _as(y: Mapped, task: str) -> Mapped:
    """Targets in the form of a task, as `settle` brings them into it."""
    if task == "regress" and y.dtype.kind in "biu":
        return replace(y, cast=np.float64)
    if task == "classify" and y.width == 1:
        return replace(y.column() if y.ndim == 2 else y, labels=True)
    return y


def _standardized(data: Dataset, asked: bool | Moments) -> Dataset:
    x: Any = data.x
    moments = x.learn() if asked is True else asked
    if not isinstance(moments, Moments) or moments.mean.shape != (x.width,):
        message = f"standardize is {asked!r}: give True, or the moments of {x.width} columns"
        raise InputError(message)
    pairs: dict[str, Any] = {"validation": data.validation, "test": data.test}
    for name, pair in pairs.items():
        if pair is not None:
            pairs[name] = (replace(pair[0], moments=moments), pair[1])
    return replace(data, x=replace(x, moments=moments), **pairs)


def _tables(
    paths: Sequence[Path],
    target: str | None,
    task: str,
    columns: Columns | None,
    share: Share,
    need_target: bool,
    buffer: int | None,
) -> Dataset:
    files = open_tables(paths)
    names, where = list(files.kinds), str(paths[0])
    notes: tuple[str, ...] = ()
    if columns is None and need_target:
        columns, notes = learn(files, find_target(target, names, where), task, share)
    columns = agreed(columns, target, task, paths[0])
    wanted = [column.name for column in columns.inputs] + [columns.target] * need_target
    check_learned(wanted, names, where)
    if not need_target:
        files.kinds.pop(columns.target, None)
    buffer = buffer or max(1, _BUFFER // len(columns.features))
    table = Table(files, columns, share, buffer, max(1, buffer // _CHUNKS))
    held = None
    if share.fraction and need_target:
        other = table.part(replace(share, held=True))
        held = (Encoded(other, "x"), Encoded(other, "y")) if other.starts[-1] else None
    y = Encoded(table, "y") if need_target else None
    name = paths[0].stem if len(paths) == 1 else paths[0].parent.name
    return Dataset(
        Encoded(table, "x"), y, task=columns.task, name=name, columns=columns, validation=held,
        notes=(_note(Encoded(table, "x")), *notes),
    )  # fmt: skip


def _note(x: Any) -> str:
    buffer = x.table.buffer if isinstance(x, Encoded) else x.buffer
    how = f"by blocks, {buffer:,} rows with one another" if buffer else "in full"
    return f"streamed; shuffled {how}"

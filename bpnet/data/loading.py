"""``load`` and ``stream``: every source becomes a data set, in memory or read block by block."""

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bpnet.arguments import checked
from bpnet.data import frames, replacements
from bpnet.data.columns import Columns
from bpnet.data.dataset import Dataset, checked_scale
from bpnet.data.encoded import Encoded
from bpnet.data.mapped import check_mapped
from bpnet.data.moments import Moments
from bpnet.data.opening import finish, in_memory, open_arrays, open_folder, open_npz
from bpnet.data.options import ReadOptions
from bpnet.data.sources import Source, find
from bpnet.data.splits import VERSION
from bpnet.data.standard import read_standard
from bpnet.data.tables import data_of
from bpnet.errors import InputError

_log = logging.getLogger("bpnet")

SHUFFLES = ("auto", "full", "blocks")

_BUFFER = 1 << 25  # numbers in a buffer
_CHUNK = 1 << 20  # bytes of a chunk of a mapped file: a disk reads so much at about full speed
_CHUNKS = 8  # chunks that fill a buffer, at least


@checked
def load(
    source: Any,
    *,
    target: str | None = None,
    task: str = "auto",
    columns: Columns | Mapping[str, Any] | None = None,
    validation: float = 0.0,
    test: float | None = 0.0,
    seed: int = 0,
    need_target: bool = True,
    split_version: int = VERSION,
) -> Dataset:
    """Read a data set by its name, or from a folder, a file or a frame.

    Parameters
    ----------
    source : str, Path, list or frame
        A built-in name (``digits``, ``fashion-mnist``, ``mnist``); a folder of IDX files; a
        ``.npz`` with ``x``, ``y`` and, if wanted, ``x_test``, ``y_test`` and ``scale``; a
        pair ``x.npy,y.npy``; a table: ``.csv`` or ``.tsv``, also compressed (``.csv.gz``),
        ``.parquet``, ``.arrow``, "-" for CSV from standard input, a folder or list of tables
        with the same columns, or a frame of pandas or polars. A built-in name given as a
        str goes before a file of that name, ``./mnist`` or a Path is the file.
    target : str, optional
        The target's column, for tables; several amounts with commas, ``"ya,yb"``.
    task : {"auto", "classify", "regress"}
        With "auto", text and booleans are classes, numbers too where there are at most 20
        different whole ones, and amounts else.
    columns : Columns or dict, optional
        What was learned of a table when the model was trained; or what is said of columns that
        are learned from this one: ``{"drop": ["id"], "categorical": ["zip"], "numeric":
        ["size"], "separator": ";"}``.
    validation : float
        The share of training rows to hold out, stratified where there are classes; 0 for
        none. Of a table, it is held out before anything is learned.
    test : float or None
        The share to hold out as a test part beside it; None is a tenth where the data has no test
        part of its own.
    seed : int
        Key of that draw.
    need_target : bool
        If False, for predictions, files need no target, and none is read from them.
    split_version : {1, 2}
        With 2 the test rows are drawn before the validation rows, so that they do not depend on
        ``validation``; with 1 after them, as in runs of earlier versions.

    Returns
    -------
    Dataset
        With its task settled.

    Raises
    ------
    InputError
        If anything is missing, damaged or doesn't fit together.

    Examples
    --------
    >>> digits = load("digits", validation=0.1)
    >>> digits.x.shape, digits.x.dtype, digits.scale, digits.shape
    ((1294, 64), dtype('uint8'), 0.0625, (8, 8))
    """
    options = ReadOptions(
        target, task, columns, validation, test, seed, need_target, split_version
    )  # fmt: skip
    files = find(source, need_target)
    try:
        if files.kind == "table":
            data = in_memory(_tabular(files, options, in_memory=True))
            # The table of learned columns already counts the cells that were replaced.
            lines = () if data.taken else replacements.lines(data.columns, data.tally)
            return replace(data, notes=(*data.notes, *lines))
        options.check_no_table(files.where)
        return finish(in_memory(_arrays(files, need_target)), options, files.where)
    except MemoryError:
        message = f"{files.where} does not fit into this machine's memory: give less of it"
        raise InputError(message) from None


@checked
def stream(
    source: Any,
    *,
    scale: float | None = None,
    standardize: bool | Moments = False,
    shuffle: str = "auto",
    buffer: int | None = None,
    target: str | None = None,
    task: str = "auto",
    columns: Columns | Mapping[str, Any] | None = None,
    validation: float = 0.0,
    test: float | None = 0.0,
    seed: int = 0,
    need_target: bool = True,
    split_version: int = VERSION,
) -> Dataset:
    """Open a data set larger than memory: examples are read when a batch needs them.

    Use it as data of :func:`bpnet.train`, for validation, :func:`bpnet.evaluate` and
    ``network.predict(data.x)``. The next block of batches is read in a thread, and on its way to
    the device, while this one computes. ``data.x.take(rows)`` reads rows by their numbers, and no
    others. Targets are in memory.

    Arguments that are not named here are those of :func:`bpnet.data.load`, with which columns and
    rows that are held out are the same.

    Parameters
    ----------
    source : str, Path, pair or list
        ``"x.npy,y.npy"`` or a pair of such names, each also a pattern (``x-*.npy``) or a list of
        files that follow one another; a folder of uncompressed IDX files; a folder, a pattern or
        a list of ``.parquet``, ``.arrow``, ``.feather`` or ``.ipc`` files with the same columns.
    scale : float, optional
        What integers are multiplied by; uint8 images in IDX files have 1/255.
    standardize : bool or Moments
        Of arrays: whether columns are brought to mean 0 and deviation 1, by the ``moments`` of
        the training rows, learned in one pass, or by those given, such as ``other.x.moments``.
        Tables always are, by their ``columns``.
    shuffle : {"auto", "full", "blocks"}
        "full" mixes all rows with all, with the same batches as training from memory; it reads
        rows from all over the file, which a cold disk does slowly, and holds 8 bytes a row.
        "blocks" puts chunks of neighboring rows into a random order and mixes the rows of as many
        chunks as fill ``buffer``: a file sorted by class wants a buffer of many chunks. "auto" is
        full for arrays and blocks for tables.
    buffer : int, optional
        Rows that "blocks" mixes with one another; the default is about 2^25 numbers.

    Returns
    -------
    Dataset
        Its ``x`` has a shape and ``take``, and is read when it is used.

    Raises
    ------
    InputError
        If anything is missing, damaged or doesn't fit together. What is found later, such as a
        file that changes or a nan in a row, is raised by the call that reads it.

    Examples
    --------
    >>> import bpnet, numpy as np, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> names = [f"{folder.name}/{name}.npy" for name in ("x", "y")]
    >>> for name, array in zip(names, (np.eye(4, dtype=np.float32), [0, 1, 0, 1])):
    ...     np.save(name, array)
    >>> data = bpnet.data.stream(names)
    >>> data.x.shape, data.x.take(np.array([2])).tolist()
    ((4, 4), [[0.0, 0.0, 1.0, 0.0]])
    >>> folder.cleanup()
    """
    options = ReadOptions(
        target, task, columns, validation, test, seed, need_target, split_version
    )  # fmt: skip
    if shuffle not in SHUFFLES:
        raise InputError(f"shuffle {shuffle!r}: give {', '.join(SHUFFLES)}")
    if buffer is not None and (type(buffer) is not int or buffer < 1):
        raise InputError(f"buffer {buffer!r}: give a whole number of rows")
    files = _streamable(source, need_target)
    if files.kind == "table":
        if standardize or scale is not None:
            message = f"{files.where} is a table, which is standardized anyway: leave scale out"
            raise InputError(message)
        data = _tabular(files, options, in_memory=False, buffer=buffer or 0, full=shuffle == "full")
        by_blocks = not data.x.full
    else:
        options.check_no_table(files.where)
        opened = _arrays(files, need_target)
        for rows in (opened.x, *(opened.test or ())[:1]):
            check_mapped(rows)  # type: ignore[arg-type]
        data = replace(opened, scale=opened.scale if scale is None else checked_scale(scale))
        data = finish(_mixed(data, shuffle, buffer), options, files.where)
        if standardize is not False:  # after rows are held out: moments are of training rows
            data = _standardized(data, standardize)
        by_blocks = data.x.buffer > 0
    mixed = f"by blocks, {min(data.x.buffer, len(data.x)):,} rows with one another"
    note = f"streamed; shuffled {mixed if by_blocks else 'in full'}"
    return replace(data, notes=(note, *data.notes))


def aloud(opened: Callable[..., Dataset]) -> Callable[..., Dataset]:
    """Wrap a function that opens a data set to log its notes and replaced cells as warnings."""

    @functools.wraps(opened)
    def open_aloud(*args: Any, **options: Any) -> Dataset:
        data = opened(*args, **options)
        replaced = replacements.lines(data.columns, replacements.merged(data.tallies.values()))
        for note in (*data.notes, *(line for line in replaced if line not in data.notes)):
            _log.warning("%s", note)
        if not isinstance(data.x, Encoded) or data.taken:
            return data
        return data.changed(lambda x: replace(x, aloud=True))  # its rows have not been seen yet

    return open_aloud


def can_stream(source: str) -> bool:
    """Return whether a source, as the command line names it, can be streamed."""
    try:
        _streamable(source, need_target=False)
    except InputError:
        return False
    return True


def _streamable(source: Any, need_target: bool) -> Source:
    files = find(source, need_target, patterns=True)
    if files.kind in {"name", "npz"}:
        raise InputError(
            f"{files.where} can't be streamed: give 'x.npy,y.npy', a folder of IDX files, or a "
            "table"
        )
    return files


def _arrays(files: Source, need_target: bool) -> Dataset:
    """Arrays in files, whose examples are read when they are taken, or are in memory."""
    if files.kind == "name":
        return read_standard(files.where)
    if files.kind == "npz":
        return open_npz(files.paths[0], need_target=need_target)
    if files.kind == "idx":
        return open_folder(files.paths[0])
    return open_arrays(files.paths, files.targets)


def _tabular(files: Source, options: ReadOptions, *, in_memory: bool, **how: Any) -> Dataset:
    """Data set of a table, whose rows are encoded when they are taken."""
    if files.frame is not None:
        return data_of(frames.of_frame(files.frame), options, **how)
    table = frames.open_table(files.paths, separator=options.separator, in_memory=in_memory)
    return data_of(table, options, **how)


def _mixed(data: Dataset, shuffle: str, buffer: int | None) -> Dataset:
    """The same arrays, whose rows are shuffled by blocks where ``shuffle`` says so."""
    if shuffle != "blocks":
        if buffer is not None:
            message = f"buffer {buffer} is of shuffling by blocks: give shuffle='blocks' too"
            raise InputError(message)
        return data
    x: Any = data.x
    chunk = max(1, _CHUNK // (x.width * x.parts[0].array.dtype.itemsize))
    if buffer is not None:
        # A small buffer still mixes rows of several places of the file.
        chunk = min(chunk, max(1, buffer // _CHUNKS))
    return replace(data, x=replace(x, chunk=chunk, buffer=buffer or max(chunk, _BUFFER // x.width)))


def _standardized(data: Dataset, standardize: bool | Moments) -> Dataset:
    x: Any = data.x
    moments = x.learn() if standardize is True else standardize
    if not isinstance(moments, Moments) or moments.mean.shape != (x.width,):
        message = f"standardize is {standardize!r}: give True, or the moments of {x.width} columns"
        raise InputError(message)
    return data.changed(lambda rows: replace(rows, moments=moments))

"""``stream``: data sets larger than memory, of which only the rows that are asked for are read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bpnet.arguments import checked
from bpnet.data.columns import Columns
from bpnet.data.dataset import Dataset, checked_scale
from bpnet.data.encoded import Encoded
from bpnet.data.mapped import check_mapped
from bpnet.data.moments import Moments
from bpnet.data.opening import finish, open_arrays, open_folder
from bpnet.data.parts import divided, share_of
from bpnet.data.sources import Found, check_asked, check_no_table, find, tabular
from bpnet.errors import InputError

SHUFFLES = ("auto", "full", "blocks")

_BUFFER = 1 << 25
"""Numbers in a buffer."""

_CHUNK = 1 << 20
"""Bytes of a chunk of a mapped file: a disk reads so much at about full speed."""

_CHUNKS = 8
"""Chunks that fill a buffer, at least."""


@checked
def stream(
    source: Any,
    *,
    target: str | None = None,
    task: str = "auto",
    columns: Columns | Mapping[str, Any] | None = None,
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
        As in :func:`bpnet.data.load`.
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
    check_asked(task, validation)
    if shuffle not in SHUFFLES:
        message = f"shuffle {shuffle!r}: give {', '.join(SHUFFLES)}"
        raise InputError(message)
    if buffer is not None and (type(buffer) is not int or buffer < 1):
        message = f"buffer {buffer!r}: give a whole number of rows"
        raise InputError(message)
    held = validation + share_of(validation, test, False, str(source))
    found = _found(source, need_target)
    if found.kind == "table":
        if standardize or scale is not None:
            message = f"{found.where} is a table, which is standardized anyway: leave scale out"
            raise InputError(message)
        data = tabular(
            found, target, task, columns, held, seed, need_target, streamed=True,
            buffer=buffer, full=shuffle == "full",
        )  # fmt: skip
        data = divided(data, validation, test, seed)
        return replace(data, notes=(_note(data.x), *data.notes))
    check_no_table(target, columns, found.where)
    opened = (
        open_folder(found.paths[0]) if found.kind == "idx"
        else open_arrays(found.paths, found.targets)
    )  # fmt: skip
    for rows in (opened.x, *(opened.test or ())[:1]):
        check_mapped(rows)  # type: ignore[arg-type]
    data = replace(opened, scale=opened.scale if scale is None else checked_scale(scale))
    data = _blocks(data, shuffle == "blocks", buffer)
    held = validation + share_of(validation, test, data.test is not None, found.where)
    data = divided(finish(data, task, held, seed, found.where), validation, test, seed)
    if standardize is not False:
        data = _standardized(data, standardize)
    return replace(data, notes=(_note(data.x),))


def can(source: str) -> bool:
    """Whether a source as the command line names it can be streamed."""
    try:
        _found(source, need_target=False)
    except InputError:
        return False
    return True


def _found(source: Any, need_target: bool) -> Found:
    found = find(source, need_target, patterns=True)
    if found.kind in {"name", "npz"}:
        message = (
            f"{found.where} can't be streamed: give 'x.npy,y.npy', a folder of IDX files, or a "
            "table"
        )
        raise InputError(message)
    return found


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


def _note(x: Any) -> str:
    by_blocks = not x.full if isinstance(x, Encoded) else x.buffer
    mixed = min(x.buffer, len(x))
    how = f"by blocks, {mixed:,} rows with one another" if by_blocks else "in full"
    return f"streamed; shuffled {how}"

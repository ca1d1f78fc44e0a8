"""The one door to all data: a name, a folder or a file becomes a data set."""

import glob
import re
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from bpnet import disk
from bpnet.arguments import checked
from bpnet.data.arrays import read_npz, read_pair
from bpnet.data.columns import Columns
from bpnet.data.dataset import Dataset
from bpnet.data.frames import STREAMED
from bpnet.data.frames import SUFFIXES as TABLES
from bpnet.data.idx import read_folder
from bpnet.data.parts import divided, share_of
from bpnet.data.splits import split
from bpnet.data.standard import NAMES, catalog, read_standard, unknown
from bpnet.data.tables import hold_out, read_table, read_table_as
from bpnet.data.targets import TASKS, check_known, settle
from bpnet.errors import InputError
from bpnet.shown import quoted


@checked
def load(
    source: str | Path,
    *,
    target: str | None = None,
    task: str = "auto",
    columns: Columns | None = None,
    validation: float = 0.0,
    test: float | None = 0.0,
    seed: int = 0,
    need_target: bool = True,
) -> Dataset:
    """Read a data set by its name, or from a folder or a file.

    Parameters
    ----------
    source : str or Path
        A built-in name (``digits``, ``fashion-mnist``, ``mnist``); a folder of IDX files; a
        ``.npz`` with ``x``, ``y`` and, if wanted, ``x_test``, ``y_test`` and ``scale``; a
        pair ``x.npy,y.npy``; a ``.csv`` or a ``.parquet``. A built-in name given as a str
        goes before a file of that name, ``./mnist`` or a Path is the file.
    target : str, optional
        The target's column, for tables.
    task : {"auto", "classify", "regress"}
        With "auto", text and booleans are classes, numbers too where there are at most 20
        different whole ones, and amounts else.
    columns : Columns, optional
        What was learned of a table when the model was trained; without it, it is learned
        from this one.
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
    check_asked(task, validation)
    held = validation + share_of(validation, test, False, str(source))
    try:
        path = _find(source)
        if isinstance(path, Path) and path.suffix.lower() in TABLES:
            if columns is None and need_target:
                data = read_table(path, target=target, task=task, validation=held, seed=seed)
            else:
                learned = agreed(columns, target, task, path)
                data = read_table_as(
                    path, learned, validation=held, seed=seed, need_target=need_target
                )
            return divided(data, validation, test, seed)
        if target is not None or columns is not None:
            wanted = f"target '{target}'" if target is not None else "a model trained on a table"
            message = f"{wanted} needs a table: give a .csv or a .parquet, not {source}"
            raise InputError(message)
        data = _read_arrays(path, need_target)
        held = validation + share_of(validation, test, data.test is not None, str(source))
        return divided(_finish(data, task, held, seed, str(source)), validation, test, seed)
    except MemoryError:
        message = f"{source} does not fit into this machine's memory: give less of it"
        raise InputError(message) from None


def check_asked(task: str, validation: float) -> None:
    """Refuse a task or a share that there is not."""
    if task not in TASKS:
        message = f"task {task!r}: give {', '.join(TASKS)}"
        raise InputError(message)
    if not 0 <= validation < 1:  # nan too
        message = f"validation {validation!r}: give a share from 0 to below 1"
        raise InputError(message)


def _find(source: str | Path) -> str | Path | tuple[Path, Path]:
    """Return a built-in name, one path that exists and can be read, or two."""
    if isinstance(source, str):
        if source in NAMES:
            return source
        if pair := halves(source):
            return _existing(Path(pair[0])), _existing(Path(pair[1]))
    path = _existing(Path(source))
    suffixes = (".npz", ".npy", *TABLES)
    if path.is_dir():
        if path.suffix.lower() in suffixes:
            message = f"{path} is a folder, where a file was wanted: give the file"
            raise InputError(message)
        table = next((p for p in sorted(path.iterdir()) if p.suffix.lower() in STREAMED), None)
        if table is not None:
            message = (
                f"{path} holds tables, such as {table.name}: give one of them, or train on all"
            )
            raise InputError(f"{message} as one with --stream (bpnet.data.stream)")
        return path
    if path.suffix.lower() not in suffixes:
        message = (
            f"{path}: can't tell what it is by its ending '{path.suffix}': give a folder of IDX "
            "files, .npz, 'x.npy,y.npy', .csv or .parquet"
        )
        raise InputError(message)
    return path


def absolute(source: str) -> str:
    """Source as :func:`load` takes it from any folder: a built-in name as it is, files in full.

    Examples
    --------
    >>> absolute("digits"), absolute("/data/../x.csv")
    ('digits', '/x.csv')
    """
    if source in NAMES:
        return source
    return ",".join(str(disk.followed(Path(part))) for part in halves(source) or [source])


def halves(source: str) -> tuple[str, str] | None:
    """Both files of ``x.npy,y.npy``; other commas belong to their names.

    Examples
    --------
    >>> halves("a,b/x.npy,a,b/y.npy"), halves("x,y.npy")
    (('a,b/x.npy', 'a,b/y.npy'), None)
    """
    parts = re.split(r"(?<=\.npy),", source, flags=re.IGNORECASE)
    is_pair = len(parts) == 2 and parts[1].lower().endswith(".npy")
    return (parts[0], parts[1]) if is_pair else None


@checked
def read_from(source: str) -> list[str]:
    """Names and patterns of the files that :func:`load` or :func:`stream` reads of a source.

    Examples
    --------
    >>> read_from("x-*.npy,y-*.npy"), read_from("a,b.csv")
    (['x-*.npy', 'y-*.npy'], ['a,b.csv'])
    """
    found = [entry.where for entry in catalog() if entry.name == source]
    found = found or list(halves(source) or [source])
    folder = Path(found[0])
    if not folder.is_dir():
        return found
    endings = [*(f"*{suffix}" for suffix in STREAMED), "*-ubyte", "*-ubyte.gz", "*.npz"]
    return [*found, *(str(Path(glob.escape(str(folder)), ending)) for ending in endings)]


def _existing(path: Path) -> Path:
    if disk.there(path):
        return path
    looks_like_a_name = not path.suffix and len(path.parts) == 1
    try:
        near = get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    except (OSError, ValueError):
        near = []
    hint = f"did you mean '{path.parent / near[0]}'?" if near else "check the path"
    message = unknown(str(path)) if looks_like_a_name else f"there is no file {path}: {hint}"
    raise InputError(message)


def agreed(columns: Columns | None, target: str | None, task: str, path: Path) -> Columns:
    """What was learned of a table, where nothing else was asked for.

    Raises
    ------
    InputError
        If nothing was learned, or it was another target or task.
    """
    if columns is None:
        message = (
            f"{path} is a table, and no columns were learned that say how to encode it: give "
            "x as .npz or .npy, or a model trained on a table"
        )
        raise InputError(message)
    if target not in {None, columns.target}:
        message = f"target '{target}': the model was trained on '{columns.target}', leave it out"
        raise InputError(message)
    if task not in {"auto", columns.task}:
        message = f"task '{task}': the model was trained to {columns.task}, leave it out"
        raise InputError(message)
    return columns


def _read_arrays(path: str | Path | tuple[Path, Path], need_target: bool) -> Dataset:
    if isinstance(path, str):
        return read_standard(path)
    if isinstance(path, tuple):
        return read_pair(path[0], path[1] if need_target else None)
    if path.is_dir():
        return read_folder(path)
    if path.suffix.lower() == ".npz":
        return read_npz(path, need_target=need_target)
    if need_target:
        pair = quoted(f"{path},y.npy")
        pair = pair if pair.endswith("'") else f"'{pair}'"
        message = f"{path} holds x alone: give its targets too, {pair}"
        raise InputError(message)
    return read_pair(path, None)


def _finish(data: Dataset, task: str, validation: float, seed: int, where: str) -> Dataset:
    """Settle the task, for the test rows too, and hold rows out."""
    if data.y is None:
        if validation:
            message = f"{where}: rows to validate on need targets: give them, or no validation"
            raise InputError(message)
        return data
    y, task = settle(data.y, task, where)
    test: tuple[Any, Any] | None = None
    if data.test is not None:
        test = (data.test[0], settle_test(data.test[1], y, task, where))
    data = replace(data, y=y, test=test, task=task)
    if not validation:
        return data
    return hold_out(data, *split(y, validation, seed, stratify=task == "classify"))


def settle_test(test: Any, y: Any, task: str, where: str) -> Any:
    """Test targets in the form of the training targets.

    Raises
    ------
    InputError
        If they are unlike these.
    """
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

"""The one door to all data: a name, a folder, a file or a frame becomes a data set."""

import glob
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bpnet.arguments import accepted, checked
from bpnet.data import frames, told
from bpnet.data.arrays import read_npz
from bpnet.data.columns import Columns
from bpnet.data.dataset import Dataset
from bpnet.data.encoded import tally_of
from bpnet.data.frames import STREAMED, is_frame, is_table
from bpnet.data.opening import finish, in_memory, open_arrays, open_folder
from bpnet.data.parts import divided, share_of
from bpnet.data.standard import NAMES, catalog, read_standard, unknown
from bpnet.data.tables import data_of
from bpnet.data.taking import Taking
from bpnet.data.targets import TASKS
from bpnet.errors import InputError
from bpnet.shown import quoted
from bpnet.storage import disk


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
    found = find(source, need_target)
    where = found.where
    try:
        if found.kind == "table":
            lazy = tabular(found, target, task, columns, held, seed, need_target)
            lazy = divided(lazy, validation, test, seed)
            data = in_memory(lazy)
            data = replace(data, tally=tally_of(lazy))
            learned: Any = data.columns
            notes = () if data.taken else told.replaced(learned, data.tally)
            return replace(data, notes=(*data.notes, *notes))
        check_no_table(target, columns, where)
        if found.kind == "name":
            data = read_standard(str(source))
        elif found.kind == "npz":
            data = read_npz(found.paths[0], need_target=need_target)
        elif found.kind == "idx":
            data = in_memory(open_folder(found.paths[0]))
        else:
            data = in_memory(open_arrays(found.paths, found.targets))
        held = validation + share_of(validation, test, data.test is not None, where)
        return divided(finish(data, task, held, seed, where), validation, test, seed)
    except MemoryError:
        message = f"{where} does not fit into this machine's memory: give less of it"
        raise InputError(message) from None


def tabular(
    found: "Found", target: str | None, task: str, columns: Any, validation: float, seed: int,
    need_target: bool, *, streamed: bool = False, **how: Any,
) -> Dataset:  # fmt: skip
    """Data set of a table, whose rows are encoded when they are taken.

    Raises
    ------
    InputError
        If the table can't be used.
    """
    learned = columns if isinstance(columns, Columns) else None
    taking = Taking.read(None if isinstance(columns, Columns) else columns)
    separator = (learned.separator or None) if learned is not None else taking.separator
    if found.frame is not None:
        table = frames.of_frame(found.frame)
    else:
        table = frames.open_table(found.paths, separator=separator, in_memory=not streamed)
    if learned is not None or not need_target:
        learned = agreed(learned, target, task, found.where)
    return data_of(
        table, target=target, task=task, columns=learned, taking=taking, validation=validation,
        seed=seed, need_target=need_target, **how,
    )  # fmt: skip


def check_no_table(target: str | None, columns: Any, where: str) -> None:
    """Refuse what only tables have."""
    if target is not None or columns is not None:
        wanted = f"target '{target}'" if target is not None else "a model trained on a table"
        message = f"{wanted} needs a table: give a .csv or a .parquet, not {where}"
        raise InputError(message)


def check_asked(task: str, validation: float) -> None:
    """Refuse a task or a share that there is not."""
    if task not in TASKS:
        message = f"task {task!r}: give {', '.join(TASKS)}"
        raise InputError(message)
    if not 0 <= validation < 1:  # nan too
        message = f"validation {validation!r}: give a share from 0 to below 1"
        raise InputError(message)


@dataclass(frozen=True)
class Found:
    """What a source is.

    Parameters
    ----------
    kind : {"name", "npz", "array", "idx", "table"}
        Of which kind.
    where : str
        What to call it.
    paths, targets : list of Path
        Its files, and of arrays those of the targets.
    frame : frame, optional
        A table in memory.
    """

    kind: str
    where: str
    paths: list[Path]
    targets: list[Path] | None = None
    frame: Any = None


def find(source: Any, need_target: bool, *, patterns: bool = False) -> Found:
    """What a source is, and its files, which are there; a name that is none may be a pattern.

    Raises
    ------
    InputError
        If it is nothing that can be read.
    """
    if is_frame(source):
        return Found("table", "the frame", [], frame=source)
    where = str(source)
    if isinstance(source, str) and source in NAMES:
        return Found("name", source, [])
    if where == "-":
        return Found("table", "-", [Path("-")])
    if isinstance(source, str):
        source = halves(source) or source
    if isinstance(source, tuple | list) and len(source) == 2 and all(map(_is_npy, source)):
        targets = _files(source[1], patterns) if need_target else None
        return Found("array", where, _files(source[0], patterns), targets)
    paths = _files(source, patterns)
    if not paths:
        message = f"source is {source!r}, no files: give some, a folder or a pattern"
        raise InputError(message)
    if len(paths) == 1 and paths[0].is_dir():
        return _of_folder(paths[0], where)
    return _of_files(paths, where, need_target)


def _of_files(paths: list[Path], where: str, need_target: bool) -> Found:
    """What files are, by their endings."""
    strange = next((path for path in paths if not is_table(path)), None)
    if strange is None:
        return Found("table", where, paths)
    if len(paths) == 1 and strange.suffix.lower() == ".npz":
        return Found("npz", where, paths)
    if not all(map(_is_npy, paths)):
        message = (
            f"{strange}: can't tell what it is by its ending '{strange.suffix}': give a folder of "
            "IDX files, .npz, 'x.npy,y.npy', .csv or .parquet"
        )
        raise InputError(message)
    if need_target:
        pair = quoted(f"{where},y.npy")
        pair = pair if pair.endswith("'") else f"'{pair}'"
        message = f"{where} holds x alone: give its targets too, {pair}"
        raise InputError(message)
    return Found("array", where, paths)


def _of_folder(folder: Path, where: str) -> Found:
    """What a folder holds: tables, or IDX files."""
    if is_table(folder) or folder.suffix.lower() in {".npz", ".npy"}:
        message = f"{folder} is a folder, where a file was wanted: give the file"
        raise InputError(message)
    held = sorted(p for p in folder.iterdir() if p.suffix.lower() in STREAMED and disk.there(p))
    return Found("table", where, held) if held else Found("idx", where, [folder])


def _is_npy(name: Any) -> bool:
    names = name if isinstance(name, list | tuple) else [name]
    return all(str(one).lower().endswith(".npy") for one in names)


def _files(name: Any, patterns: bool) -> list[Path]:
    """Files of a name, a pattern or a list."""
    if isinstance(name, list | tuple):
        return [path for one in name for path in _files(one, patterns)]
    accepted("source", name, str | Path)
    path = Path(name)
    if disk.there(path):
        return [path]
    found = [one for one in _expanded(path) if disk.there(one)] if patterns else []
    return found or [_existing(path)]


def _expanded(path: Path) -> list[Path]:
    """Files that a pattern stands for; the folders that are there are names, not patterns."""
    folder = next((p for p in path.parents if disk.there(p)), Path())
    rest = str(path.relative_to(folder))
    return [folder / found for found in sorted(glob.glob(rest, root_dir=folder))]


def absolute(source: str) -> str:
    """Source as :func:`load` takes it from any folder: a built-in name as it is, files in full.

    Examples
    --------
    >>> absolute("digits"), absolute("/data/../x.csv")
    ('digits', '/x.csv')
    """
    if source in NAMES or source == "-":
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


def agreed(columns: Columns | None, target: str | None, task: str, path: str) -> Columns:
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

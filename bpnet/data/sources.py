"""Sources of data: a built-in name, a folder, files or a frame."""

import glob
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bpnet.arguments import accepted, checked
from bpnet.data.frames import STREAMED, is_frame, is_table
from bpnet.data.standard import NAMES, catalog, unknown
from bpnet.errors import InputError
from bpnet.shown import quoted
from bpnet.storage import disk


@dataclass(frozen=True)
class Source:
    """Source of data: its kind, its name in messages, and its files, with separate target files.

    The kind is "name", "npz", "array", "idx" or "table"; a table may be a frame in memory.
    """

    kind: str
    where: str
    paths: list[Path]
    targets: list[Path] | None = None
    frame: Any = None


def find(source: Any, need_target: bool, *, patterns: bool = False) -> Source:
    """Find the files of a source, all of which exist; with ``patterns`` a name may be a pattern."""
    if is_frame(source):
        return Source("table", "the frame", [], frame=source)
    where = str(source)
    if isinstance(source, str) and source in NAMES:
        return Source("name", source, [])
    if where == "-":
        return Source("table", "-", [Path("-")])
    if isinstance(source, str):
        source = halves(source) or source
    if isinstance(source, tuple | list) and len(source) == 2 and all(map(_is_npy, source)):
        targets = _files(source[1], patterns) if need_target else None
        return Source("array", where, _files(source[0], patterns), targets)
    paths = _files(source, patterns)
    if not paths:
        raise InputError(f"source is {source!r}, no files: give some, a folder or a pattern")
    if len(paths) == 1 and paths[0].is_dir():
        return _of_folder(paths[0], where)
    return _of_files(paths, where, need_target)


def _of_files(paths: list[Path], where: str, need_target: bool) -> Source:
    """Determine the kind of files by their endings."""
    strange = next((path for path in paths if not is_table(path)), None)
    if strange is None:
        return Source("table", where, paths)
    if len(paths) == 1 and strange.suffix.lower() == ".npz":
        return Source("npz", where, paths)
    if not all(map(_is_npy, paths)):
        raise InputError(
            f"{strange}: can't tell what it is by its ending '{strange.suffix}': give a folder of "
            "IDX files, .npz, 'x.npy,y.npy', .csv or .parquet"
        )
    if need_target:
        pair = quoted(f"{where},y.npy")
        pair = pair if pair.endswith("'") else f"'{pair}'"  # quoted once, by the shell or here
        raise InputError(f"{where} holds x alone: give its targets too, {pair}")
    return Source("array", where, paths)


def _of_folder(folder: Path, where: str) -> Source:
    """Determine whether a folder holds tables or IDX files."""
    if is_table(folder) or folder.suffix.lower() in {".npz", ".npy"}:
        raise InputError(f"{folder} is a folder, where a file was wanted: give the file")
    tables = sorted(p for p in folder.iterdir() if p.suffix.lower() in STREAMED and disk.there(p))
    return Source("table", where, tables) if tables else Source("idx", where, [folder])


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
    if patterns:  # folders that are there are names, not patterns
        folder = next((p for p in path.parents if disk.there(p)), Path())
        names = sorted(glob.glob(str(path.relative_to(folder)), root_dir=folder))
        if paths := [folder / one for one in names if disk.there(folder / one)]:
            return paths
    try:
        near = get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    except (OSError, ValueError):
        near = []
    if not path.suffix and len(path.parts) == 1:
        raise InputError(unknown(str(path)))
    hint = f"did you mean '{path.parent / near[0]}'?" if near else "check the path"
    raise InputError(f"there is no file {path}: {hint}")


def absolute(source: str) -> str:
    """Source with absolute paths, for use in any working folder; a built-in name stays as it is.

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
    names = [entry.where for entry in catalog() if entry.name == source]
    names = names or list(halves(source) or [source])
    folder = Path(names[0])
    if not folder.is_dir():
        return names
    endings = [*(f"*{suffix}" for suffix in STREAMED), "*-ubyte", "*-ubyte.gz", "*.npz"]
    return [*names, *(str(Path(glob.escape(str(folder)), ending)) for ending in endings)]

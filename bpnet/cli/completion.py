"""Completion of values with the Tab key."""

from collections.abc import Callable
from pathlib import Path

from bpnet import data
from bpnet.backends import registry

_TABLES = {".csv", ".npz", ".npy", ".parquet"}


def one_of(names: Callable[[], list[str]]) -> Callable[[str], list[str]]:
    """Completion among names; ``names`` is called only when Tab is pressed, as it may be slow."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def data_sources(incomplete: str) -> list[str]:
    """Names of built-in data sets, folders, and files with the ending of a data format."""
    names = [entry.name for entry in data.catalog() if entry.name.startswith(incomplete)]
    return names + [
        f"{path}/" if path.is_dir() else str(path)
        for path in _paths(incomplete)
        if path.is_dir() or path.suffix in _TABLES
    ]


def runs(incomplete: str) -> list[str]:
    """Folders of runs, and other folders, in which a run may be."""
    return [
        str(path) if (path / "config.toml").is_file() else f"{path}/"
        for path in _paths(incomplete)
        if path.is_dir()
    ]


def _paths(incomplete: str) -> list[Path]:
    folder, _, start = incomplete.rpartition("/")  # "/etc" has an empty folder, which is the root
    inside = Path(folder or ("/" if incomplete.startswith("/") else "."))
    if not inside.is_dir():
        return []
    return sorted(p for p in inside.iterdir() if p.name.startswith(start) and p.name[0] != ".")


backends = one_of(lambda: ["auto", "fastest", *registry.names()])

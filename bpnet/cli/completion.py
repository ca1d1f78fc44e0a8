"""What the Tab key offers in place of a value."""

from collections.abc import Callable
from pathlib import Path

from bpnet import data
from bpnet.backends import registry

_TABLES = {".csv", ".npz", ".npy", ".parquet"}


def one_of(names: Callable[[], list[str]]) -> Callable[[str], list[str]]:
    """Completion among names, which are asked for when Tab is pressed."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def data_sources(incomplete: str) -> list[str]:
    """Built-in data sets, and the folders and files that may hold data."""
    names = [entry.name for entry in data.catalog() if entry.name.startswith(incomplete)]
    return names + [
        f"{path}/" if path.is_dir() else str(path)
        for path in _paths(incomplete)
        if path.is_dir() or path.suffix in _TABLES
    ]


def runs(incomplete: str) -> list[str]:
    """Folders: a run, or on the way to one."""
    return [
        str(path) if (path / "config.toml").is_file() else f"{path}/"
        for path in _paths(incomplete)
        if path.is_dir()
    ]


def _paths(incomplete: str) -> list[Path]:
    folder, _, start = incomplete.rpartition("/")
    inside = Path(folder or ("/" if incomplete.startswith("/") else "."))
    if not inside.is_dir():
        return []
    return sorted(p for p in inside.iterdir() if p.name.startswith(start) and p.name[0] != ".")


backends = one_of(lambda: ["auto", "fastest", *registry.names()])

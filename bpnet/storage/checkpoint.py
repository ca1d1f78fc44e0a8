"""Checkpoints: the state from which a run is resumed, in safetensors files with a checksum.

A file appears under its name only when it is complete and on the disk
(:mod:`bpnet.storage.disk`). Nothing in it is used before its SHA-256, over metadata and tensors,
is verified (:mod:`bpnet.storage.checksummed`).
"""

import json
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bpnet.errors import InputError, one_line
from bpnet.storage import checksummed, disk, lock, owned, strict_json

_FORMAT, _VERSION = "bpnet checkpoint", 5
_NAME = re.compile(r"step-\d{12}\.safetensors")  # twelve digits: names sort as steps do
_KEPT = 2  # where the newest turns out to be damaged, the run is resumed from the one before
_log = logging.getLogger("bpnet")


@dataclass(frozen=True)
class Snapshot:
    """State of a run between two steps.

    ``arrays`` holds, for network ``i``, its ``i parameters``, its optimizer's ``i state`` and the
    arrays of its callbacks, as nested tuples of NumPy arrays. ``numbers`` is plain data: the run's
    options, and under ``networks`` the progress of each.
    """

    arrays: dict[str, Any]
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def step(self) -> int:
        """Steps since the start of the run."""
        return int(self.numbers["at"])


def _with(**more: Any) -> Callable[[Snapshot], Snapshot]:
    return lambda snapshot: replace(snapshot, numbers={**snapshot.numbers, **more})


def _as_of_a_set(snapshot: Snapshot) -> Snapshot:
    """Convert the checkpoint of one network, until version 4 a format of its own, to a set."""
    if "set" in snapshot.numbers:
        msg = "it is of a set, in the form of a version that was never released"
        raise ValueError(msg)
    of_run = ("at", "asked", "backend", "machine", "columns")
    numbers = {name: snapshot.numbers[name] for name in of_run if name in snapshot.numbers}
    own = {name: value for name, value in snapshot.numbers.items() if name not in of_run}
    return Snapshot(
        {f"0 {name}": arrays for name, arrays in snapshot.arrays.items()},
        {**numbers, "stacks": [1], "before": 0, "networks": {"0": {**own, "error": None}}},
    )  # fmt: skip


_UPGRADES: dict[int, Callable[[Snapshot], Snapshot]] = {
    1: _with(machine={}, columns=None),
    2: _with(means=True),  # Adam kept m and v, not M and V
    3: _with(shifts=True),  # shifts under a normalization had a state
    4: _as_of_a_set,
}
"""For each version of the format, the conversion to the next version."""


def write(folder: Path, snapshot: Snapshot) -> Path:
    """Write a checkpoint, then delete all older ones but the newest; return its path.

    The folder is created if it is missing. Where writing fails, the older ones stay as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{snapshot.step:012d}.safetensors"
    disk.write(path, encode(snapshot))
    owned.clear(folder, _NAME)  # this process has the folder's lock: their writers were killed
    earlier = sorted(name for name in names(folder) if name <= path.name)
    for name in earlier[:-_KEPT]:  # a later name is none of this run's: it has not come so far
        with suppress(OSError):
            (folder / name).unlink()
    return path


def names(folder: Path) -> list[str]:
    """Sorted names of the checkpoints in a folder, also where the path is a link or no file."""
    try:
        return sorted(path.name for path in folder.iterdir() if _NAME.fullmatch(path.name))
    except OSError:
        return []


def check(folder: Path) -> None:
    """Refuse a folder in which the lock or a checkpoint is a link or no file."""
    owned.check(folder, [lock.NAME, *names(folder)])


def read(path: Path) -> Snapshot:
    """Read and verify a checkpoint; refuse a damaged file and any other. No code in it is run."""
    try:
        content = checksummed.read(path)
        if not content.has_checksum:
            msg = "it has no SHA-256"
            raise ValueError(msg)
        numbers = strict_json.loads(content.text)
        if numbers.pop("format") != _FORMAT:
            msg = "it is of another format"
            raise ValueError(msg)
        version = numbers.pop("version")
        return _upgraded(Snapshot(_nest(content.tensors), numbers), version, path)
    except InputError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        msg = f"{path} is damaged or no checkpoint ({one_line(error)}); use an older one"
        raise InputError(msg) from error


def _upgraded(snapshot: Snapshot, version: Any, path: Path) -> Snapshot:
    """Convert a snapshot of an earlier version of the format to the current one."""
    # JSON's true would pass for version 1.
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        msg = f"it is of version {version!r}"
        raise ValueError(msg)
    if version > _VERSION:
        msg = f"{path} was written by a later bpnet (version {version} of the format); update bpnet"
        raise InputError(msg)
    for earlier in range(version, _VERSION):
        snapshot = _UPGRADES[earlier](snapshot)
    return snapshot


def encode(snapshot: Snapshot) -> bytes:
    """Content of a checkpoint's file."""
    tensors = dict(_flatten(snapshot.arrays))
    text = json.dumps({"format": _FORMAT, "version": _VERSION, **snapshot.numbers}, allow_nan=False)
    return checksummed.encode(text, tensors)


def decode(data: bytes) -> Snapshot:
    """Snapshot from the bytes of :func:`encode` in another process of the same run."""
    content = checksummed.decode(data)
    numbers = strict_json.loads(content.text)
    del numbers["format"], numbers["version"]
    return Snapshot(_nest(content.tensors), numbers)


def latest(folder: Path) -> Snapshot | None:
    """Newest checkpoint of a folder that verifies; None if there is no checkpoint.

    A damaged one is skipped with a warning; if all are damaged, the folder is refused.
    """
    checkpoints = names(folder)
    for name in reversed(checkpoints):
        try:
            return read(folder / name)
        except InputError as error:
            _log.warning("%s", error)
    if checkpoints:
        msg = f"all {len(checkpoints)} checkpoints in {folder} are damaged; start another run"
        raise InputError(msg)
    return None


def _flatten(tree: Any, name: str = "") -> Any:
    if isinstance(tree, dict | tuple | list):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, item in items:
            yield from _flatten(item, f"{name}.{key}" if name else str(key))
        if not isinstance(tree, dict) and not tree:
            yield f"{name}.-", np.zeros(0, np.uint8)  # stands for an empty tuple
    else:
        yield name, np.ascontiguousarray(tree)


def _nest(tensors: dict[str, Any]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for name, tensor in tensors.items():
        *path, last = name.split(".")
        inner = root
        for key in path:
            inner = inner.setdefault(key, {})
        if last != "-":
            inner[last] = tensor
    return {key: _tuples(item) for key, item in root.items()}


def _tuples(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    # The keys are sorted as numbers: as text 10 comes before 2.
    return tuple(_tuples(tree[key]) for key in sorted(tree, key=int))


def fitting(arrays: Any, like: Any, what: str) -> Any:
    """Return arrays of a checkpoint, if structure, shapes and kinds are those of ``like``."""
    if _shapes(arrays) != _shapes(like):
        msg = f"the {what} in the checkpoint are not those of this network and optimizer"
        raise InputError(f"{msg}; resume it as it was begun, or start another")
    return arrays


def _shapes(tree: Any) -> Any:
    if isinstance(tree, tuple | list):
        return tuple(_shapes(item) for item in tree)
    return None if tree is None else (tuple(tree.shape), tree.dtype.kind)

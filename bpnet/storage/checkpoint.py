"""Checkpoints: all that a run needs to go on, in safetensors files that verify themselves.

A file appears under its name only when it is complete and on the disk
(:mod:`bpnet.storage.disk`). A SHA-256 over metadata and tensors is compared with the file before
anything of the file is used (:mod:`bpnet.storage.sealed`).
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
from bpnet.storage import disk, lock, owned, sealed, strict_json

_FORMAT, _VERSION = "bpnet checkpoint", 5
_NAME = re.compile(r"step-\d{12}\.safetensors")
_KEPT = 2
_log = logging.getLogger("bpnet")


@dataclass(frozen=True)
class Snapshot:
    """A run between two steps.

    Parameters
    ----------
    arrays : dict of nested tuples of numpy arrays
        Of network ``i`` its ``i parameters``, the ``i state`` of its optimizer, and what its
        callbacks keep.
    numbers : dict
        Plain data: what the run was asked for, and under ``networks`` where each is.
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
    """One network as a set of one: until version 4 it had a form of its own."""
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
"""From what a version wrote to what the next one does."""


def write(folder: Path, snapshot: Snapshot) -> Path:
    """Write a checkpoint, then drop all before it but the newest.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    snapshot : Snapshot
        What to write.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        If it could not be written; the earlier ones are as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{snapshot.step:012d}.safetensors"
    disk.write(path, packed(snapshot))
    owned.clear(folder, _NAME)  # the folder is held: whoever began them was killed
    known = sorted(name for name in names(folder) if name <= path.name)
    for name in known[:-_KEPT]:  # a later one is no checkpoint: the run has not come so far
        with suppress(OSError):
            (folder / name).unlink()
    return path


def names(folder: Path) -> list[str]:
    """Names of the checkpoints in a folder, whatever has them."""
    try:
        return sorted(path.name for path in folder.iterdir() if _NAME.fullmatch(path.name))
    except OSError:
        return []


def check(folder: Path) -> None:
    """Refuse a folder in which a checkpoint is a link or no file.

    Raises
    ------
    InputError
        Naming it.
    """
    owned.check(folder, [lock.NAME, *names(folder)])


def read(path: Path) -> Snapshot:
    """Read a checkpoint and verify it.

    Raises
    ------
    InputError
        If it is damaged or holds something else. No code in it is run.
    """
    try:
        held = sealed.read(path)
        if not held.is_sealed:
            msg = "it has no SHA-256"
            raise ValueError(msg)
        numbers = strict_json.loads(held.text)
        if numbers.pop("format") != _FORMAT:
            msg = "it is of another format"
            raise ValueError(msg)
        version = numbers.pop("version")
        return _upgraded(Snapshot(_nest(held.tensors), numbers), version, path)
    except InputError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        msg = f"{path} is damaged or no checkpoint ({one_line(error)}); use an older one"
        raise InputError(msg) from error


def _upgraded(snapshot: Snapshot, version: Any, path: Path) -> Snapshot:
    """Return a checkpoint in this version's form, from any before it."""
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        msg = f"it is of version {version!r}"
        raise ValueError(msg)
    if version > _VERSION:
        msg = f"{path} was written by a later bpnet (version {version} of the format); update bpnet"
        raise InputError(msg)
    for older in range(version, _VERSION):
        snapshot = _UPGRADES[older](snapshot)
    return snapshot


def packed(snapshot: Snapshot) -> bytes:
    """Content of a checkpoint's file."""
    tensors = dict(_flatten(snapshot.arrays))
    text = json.dumps({"format": _FORMAT, "version": _VERSION, **snapshot.numbers}, allow_nan=False)
    return sealed.encode(text, tensors)


def unpacked(content: bytes) -> Snapshot:
    """Snapshot of which :func:`packed` has just made this content, in another process."""
    held = sealed.decode(content)
    numbers = strict_json.loads(held.text)
    del numbers["format"], numbers["version"]
    return Snapshot(_nest(held.tensors), numbers)


def latest(folder: Path) -> Snapshot | None:
    """Newest checkpoint of a folder that verifies; None where there is none.

    Damaged ones are passed over with a warning.

    Raises
    ------
    InputError
        If there are checkpoints and all are damaged.
    """
    found = names(folder)
    for name in reversed(found):
        try:
            return read(folder / name)
        except InputError as error:
            _log.warning("%s", error)
    if found:
        msg = f"all {len(found)} checkpoints in {folder} are damaged; start another run"
        raise InputError(msg)
    return None


def _flatten(tree: Any, name: str = "") -> Any:
    if isinstance(tree, dict | tuple | list):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, item in items:
            yield from _flatten(item, f"{name}.{key}" if name else str(key))
        if not isinstance(tree, dict) and not tree:
            yield f"{name}.-", np.zeros(0, np.uint8)  # an empty tuple has its place
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

"""Checkpoints: all that a run needs to go on, in safetensors files that verify themselves.

A file appears under its name only when it is complete and on the disk: it is written under
another, synchronized, renamed, and the folder synchronized. A SHA-256 over metadata and tensors
is held against the file before anything of it is used.
"""

import hashlib
import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bpnet.errors import InputError

_FORMAT, _VERSION = "bpnet checkpoint", 1
_PATTERN = "step-*.safetensors"
_KEPT = 2
_log = logging.getLogger("bpnet")


@dataclass(frozen=True)
class Snapshot:
    """A run between two steps.

    Parameters
    ----------
    arrays : dict of nested tuples of numpy arrays
        ``parameters``, ``state`` of the optimizer, and what callbacks keep.
    numbers : dict
        Plain data: where the run is, its history, what it was asked for.
    """

    arrays: dict[str, Any]
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def step(self) -> int:
        """Steps since the start of the run."""
        return int(self.numbers["at"])


def write(folder: Path, snapshot: Snapshot) -> Path:
    """Write a checkpoint, then drop all but the newest two.

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
    from safetensors.numpy import save

    folder.mkdir(parents=True, exist_ok=True)
    tensors = dict(_flatten(snapshot.arrays))
    text = json.dumps({"format": _FORMAT, "version": _VERSION, **snapshot.numbers}, allow_nan=False)
    metadata = {"bpnet": text, "sha256": _digest(text, tensors)}
    path = folder / f"step-{snapshot.step:012d}.safetensors"
    partial = folder / f".{path.name}.{os.getpid()}.partial"
    try:
        with partial.open("wb") as file:
            file.write(save(tensors, metadata=metadata))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _synchronize(folder)
    for left in folder.glob(".step-*.partial"):  # by a process that was killed while it wrote
        left.unlink(missing_ok=True)
    for old in sorted(folder.glob(_PATTERN))[:-_KEPT]:
        old.unlink(missing_ok=True)
    return path


def read(path: Path) -> Snapshot:
    """Read a checkpoint and verify it.

    Raises
    ------
    InputError
        If it is damaged or holds something else. No code in it is run.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        text = metadata["bpnet"]
        if _digest(text, tensors) != metadata["sha256"]:
            msg = "its SHA-256 does not fit"
            raise ValueError(msg)
        numbers = json.loads(text)
        if numbers.pop("format") != _FORMAT or numbers.pop("version") != _VERSION:
            msg = "it is of another format or version"
            raise ValueError(msg)
        return Snapshot(_nest(tensors), numbers)
    except (OSError, ValueError, LookupError, TypeError, SafetensorError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        msg = f"{path} is damaged or no checkpoint ({reason}); use an older one"
        raise InputError(msg) from error


def latest(folder: Path) -> Snapshot | None:
    """Newest checkpoint of a folder that verifies; None where there is none.

    Damaged ones are passed over with a warning.

    Raises
    ------
    InputError
        If there are checkpoints and all are damaged.
    """
    found = sorted(folder.glob(_PATTERN), reverse=True)
    for path in found:
        try:
            return read(path)
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


def _digest(text: str, tensors: dict[str, Any]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _synchronize(folder: Path) -> None:
    """Put the folder's entries on the disk, where the system knows of such a thing."""
    with suppress(OSError, AttributeError):
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

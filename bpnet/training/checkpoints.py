"""``Checkpoint``: writes a run into a folder, from which another process can resume it."""

import hashlib
import logging
import math
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from bpnet.arguments import checked
from bpnet.data import batches
from bpnet.data.host_rows import HostRows, is_sparse
from bpnet.errors import InputError
from bpnet.storage import checkpoint
from bpnet.storage.checkpoint import Snapshot
from bpnet.storage.lock import FolderLock
from bpnet.training import prepare, resuming
from bpnet.training.callbacks import Callback, Run
from bpnet.training.objective import Objective
from bpnet.training.recipe import OPTIONS, RECIPE, Place, Recipe

_log = logging.getLogger("bpnet")
# the repr of a user's object may have its address, which differs from process to process
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")

ON_ERROR = ("stop", "continue")

_OF_NETWORK = {"network", "batch_size", "examples", "folds"}
"""Settings, beside options, that the networks of a set may differ in."""


@checked
class Checkpoint(Callback):
    """Writes checkpoints into a folder: after epochs, steps or minutes, and when a run is stopped.

    Parameters
    ----------
    folder : str or Path
        Folder of the checkpoints; the newest two are kept.
    epochs : int
        Epochs from one checkpoint to the next; 0 writes none after epochs.
    steps : int, optional
        Steps from one checkpoint to the next, which is written when a block has ended.
    minutes : float, optional
        Minutes from one checkpoint to the next, which is written when a block has ended.
    on_error : {"stop", "continue"}
        What happens if the disk is full or fails: the run ends with an error, or goes on with a
        warning and tries again when the next checkpoint is due. Older ones are kept either way.
    """

    def __init__(
        self,
        folder: str | Path,
        epochs: int = 1,
        steps: int | None = None,
        minutes: float | None = None,
        on_error: str = "stop",
    ) -> None:
        if on_error not in ON_ERROR:
            msg = f"on_error of a checkpoint is {on_error!r}; give {' or '.join(ON_ERROR)}"
            raise InputError(msg)
        for name, value in {"epochs": epochs, "steps": steps, "minutes": minutes}.items():
            # the upper limit refuses inf and nan too
            if value is not None and (isinstance(value, bool) or not 0 <= value < 1e9):
                raise InputError(f"{name} of a checkpoint is {value!r}; give a positive number")
        self.folder = Path(folder)
        self.epochs, self.steps, self.minutes = epochs, steps, minutes
        self.on_error = on_error
        self.lock: FolderLock | None = None
        self._at: int | None = None
        self._where: list[Any] = []
        self._time = 0.0

    def on_train_begin(self, run: Run) -> None:
        """Lock the folder, and begin to count.

        Raises
        ------
        InputError
            If another run has locked it, or its lock is no file.
        """
        self._where, self._at, self._time = [], None, time.monotonic()
        with suppress(OSError):  # a folder that is not writable is reported when one is due
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock = FolderLock(self.folder)
            self.lock.take()

    def on_block_end(self, run: Run) -> None:
        """Write a checkpoint if enough steps or minutes have passed."""
        enough = self.steps and run.at - (self._at or 0) >= self.steps
        late = self.minutes and time.monotonic() - self._time >= 60 * self.minutes
        if enough or late:
            self._write(run)

    def on_epoch_end(self, run: Run) -> None:
        """Write a checkpoint after every so many epochs."""
        if self.epochs and (run.epoch + 1) % self.epochs == 0:
            self._write(run)

    def on_train_end(self, run: Run) -> None:
        """Write the last checkpoint, which says where the run stopped or that it has ended."""
        self._write(run)

    def _write(self, run: Run) -> None:
        """Write a checkpoint, unless the last one has every network where it is now."""
        snapshot = run.snapshot()
        networks = snapshot.numbers["networks"].values()
        # the end of a run often falls together with that of an epoch, which has been written
        where = [(own["epoch"], own["step"], own["done"]) for own in networks]
        if where == self._where:
            return
        try:
            numbers = {**snapshot.numbers, "at": run.at}
            checkpoint.write(self.folder, Snapshot(snapshot.arrays, numbers))
        except OSError as error:
            self._failed(run, error)
        # a write that failed counts too, so that the next try is when another checkpoint is due
        self._where, self._at, self._time = where, run.at, time.monotonic()

    def _failed(self, run: Run, error: OSError) -> None:
        """End the run with its network up to date, or warn and go on."""
        reason = error.strerror or str(error)
        msg = f"no checkpoint could be written to {self.folder} ({reason}); older ones are kept; "
        if self.on_error == "continue":
            _log.warning("%straining goes on and tries again later", msg)
            return
        # the error leaves train, and the user keeps what was learned so far
        run.pull()
        failure = OSError(f"{msg}mend that and resume, or train on with on_error='continue'")
        failure.errno = error.errno
        raise failure from error


@contextmanager
def locked(writer: Checkpoint | None) -> Iterator[None]:
    """Unlock the folder of a writer in any case, and remove a folder that is empty."""
    try:
        yield
    finally:
        if writer is not None and writer.lock is not None:
            writer.lock.release()
            with suppress(OSError):  # the folder holds checkpoints
                writer.folder.rmdir()


def make(
    folder: Any, resume: bool, settings: dict[str, Any]
) -> tuple[Checkpoint | None, Snapshot | None]:
    """Return the writer of checkpoints, and the snapshot that a resumed run starts from.

    Refuse the folder of a run with other settings, or one that holds checkpoints of another run.
    """
    if folder is None:
        if resume:
            msg = "resume=True needs the folder of the checkpoints; give checkpoint=folder"
            raise InputError(msg)
        return None, None
    writer = folder if isinstance(folder, Checkpoint) else Checkpoint(folder)
    checkpoint.check(writer.folder)
    if not resume:
        if checkpoint.names(writer.folder):
            msg = f"{writer.folder} holds checkpoints; give resume=True, or another folder"
            raise InputError(msg)
        return writer, None
    snapshot = checkpoint.latest(writer.folder)
    if snapshot is not None:
        resuming.check(snapshot, writer.folder)
        before, usual = snapshot.numbers["asked"], _compared(Recipe(), Place())
        for name, value in settings.items():
            # an older version did not know the option, and trained as the default does
            # a setting without a default, such as that of shards, is not compared then
            had = before.get(name, repr(usual[name]) if name in usual else value)
            if had != value and not (name == "weights" and _is_close(had, value)):
                msg = f"the run in {writer.folder} has {name} = {had}, not {value}"
                raise InputError(f"{msg}; resume it as it was begun, or start another")
    return writer, snapshot


def _is_close(had: Any, value: Any) -> bool:
    """Whether two sums of weights differ only by the order in which they were added up."""
    try:
        return math.isclose(float(had), float(value), rel_tol=1e-9)
    except (TypeError, ValueError):
        return False


def settings(call: Any, objective: Objective) -> dict[str, Any]:
    """Return the settings of a call as plain data that is the same in another process.

    A checkpoint keeps them and ranks compare them. Those that may differ in a set are lists.
    """
    arrays: dict[str, Any] = {
        name: None if pair is None else prepare.pair(pair, name)
        for name, pair in {"data": call.data, "validation": call.validation}.items()
    }
    if call.several:
        # the networks of a set share these weights; those of one network are compared as a sum
        arrays["sample_weight"] = None if call.sample_weight is None else (call.sample_weight,)
    shared = {n: None if a is None else fingerprint(*a) for n, a in arrays.items()}

    def of(plan: Any) -> dict[str, Any]:
        more, weights = call.split.settings(), plan.weights
        if call.several:
            more = {name: getattr(plan.recipe, name) for name in ("metrics", "class_weight")}
            more["folds"] = None if plan.fold is None else fingerprint(*plan.fold)
            weights = None
        own = {
            **_compared(plan.recipe, call.place), "network": plan.layers, "cost": objective.cost,
            "batch_size": plan.k, "examples": plan.m, "scale": objective.scale, **shared, **more,
        }  # fmt: skip
        plain: dict[str, Any] = {n: _ADDRESS.sub("", repr(value)) for n, value in own.items()}
        if weights is not None:
            # the factors tell apart two orders of the same weights
            weights = repr(float(np.sum(weights * np.arange(1, len(weights) + 1))))
        return {**plain, "weights": weights}

    each = [of(plan) for plan in call.plans]
    if not call.several:
        return each[0]
    listed = _OF_NETWORK | {name for name, about in RECIPE.items() if about.each}
    return {
        name: f"[{', '.join(str(one[name]) for one in each)}]" if name in listed else value
        for name, value in each[0].items()
    }


def _compared(recipe: Recipe, place: Place) -> dict[str, Any]:
    """Return the options that a run and its resumption must have in common."""
    options = {**vars(recipe), **vars(place)}
    return {name: value for name, value in options.items() if OPTIONS[name].compared}


def fingerprint(*arrays: Any) -> str:
    """Return a BLAKE2 hash of arrays, so that a resume with other data is refused.

    An array on a device counts with its shape and dtype only, a sparse one with what it stores,
    and one that is not in memory with the sizes of its files and samples of their contents.
    """
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        if isinstance(array, HostRows):
            digest.update(array.identity().encode())
            continue
        parts = [array]
        if is_sparse(array):
            rows = array.tocsr()
            parts = [rows.data, rows.indices, rows.indptr]
        for part in parts:
            whole: Any = batches.as_array(part, "data")  # a frame or a list becomes an array
            digest.update(f"{tuple(whole.shape)} {whole.dtype}".encode())
            if isinstance(whole, np.ndarray):
                # objects and strings of variable width have no bytes of their own to hash
                plain = whole.astype(str) if whole.dtype.kind in "OT" else whole
                digest.update(np.ascontiguousarray(plain).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()

"""Checkpoints while a run goes on, and how a run is taken up again."""

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
from bpnet.data import batches, sparse
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError
from bpnet.storage import checkpoint
from bpnet.storage.checkpoint import Snapshot
from bpnet.storage.lock import FolderLock
from bpnet.training import prepare, resuming
from bpnet.training.callbacks import Callback, Run
from bpnet.training.judge import Judge
from bpnet.training.recipe import OPTIONS, RECIPE, Place, Recipe

_log = logging.getLogger("bpnet")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")

ON_ERROR = ("stop", "continue")

_OWN = {"network", "batch_size", "examples", "folds"}
"""What is asked for of each network of a set, beside options."""


@checked
class Checkpoint(Callback):
    """Writes checkpoints into a folder: after epochs, steps or minutes, and when a run is stopped.

    Parameters
    ----------
    folder : str or Path
        The newest two are kept there.
    epochs : int
        Epochs from one to the next; 0 for none by epochs.
    steps : int, optional
        Steps from one to the next, at the end of the block in which they are done.
    minutes : float, optional
        Minutes from one to the next, at the end of the block in which they are over.
    on_error : {"stop", "continue"}
        What a disk that is full or fails does to the run: it ends with an error, or goes on with a
        warning and tries again when the next one is due. The older ones are kept either way.
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
        """Hold the folder, and start to count.

        Raises
        ------
        InputError
            If another run holds it, or its lock is no file.
        """
        self._where, self._at, self._time = [], None, time.monotonic()
        with suppress(OSError):  # what cannot be written to is told when a checkpoint is due
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock = FolderLock(self.folder)
            self.lock.take()

    def on_block_end(self, run: Run) -> None:
        """Write one if steps or minutes are over."""
        enough = self.steps and run.at - (self._at or 0) >= self.steps
        late = self.minutes and time.monotonic() - self._time >= 60 * self.minutes
        if enough or late:
            self._write(run)

    def on_epoch_end(self, run: Run) -> None:
        """Write one after every so many epochs."""
        if self.epochs and (run.epoch + 1) % self.epochs == 0:
            self._write(run)

    def on_train_end(self, run: Run) -> None:
        """Write the last one: where a stopped run is, or that the run is over."""
        self._write(run)

    def _write(self, run: Run) -> None:
        taken = run.snapshot()
        networks = taken.numbers["networks"].values()
        where = [(own["epoch"], own["step"], own["done"]) for own in networks]
        if where == self._where:
            return
        try:
            numbers = {**taken.numbers, "at": run.at}
            checkpoint.write(self.folder, Snapshot(taken.arrays, numbers))
        except OSError as error:
            self._failed(run, error)
        self._where, self._at, self._time = where, run.at, time.monotonic()

    def _failed(self, run: Run, error: OSError) -> None:
        """End the run, its network up to date, or say that it goes on."""
        reason = error.strerror or str(error)
        msg = f"no checkpoint could be written to {self.folder} ({reason}); older ones are kept; "
        if self.on_error == "continue":
            _log.warning("%straining goes on and tries again later", msg)
            return
        run.pull()
        failure = OSError(f"{msg}mend that and resume, or train on with on_error='continue'")
        failure.errno = error.errno
        raise failure from error


@contextmanager
def held(writer: Checkpoint | None) -> Iterator[None]:
    """Let go of a writer's folder at the end, whatever that is, and of an empty one altogether."""
    try:
        yield
    finally:
        if writer is not None and writer.lock is not None:
            writer.lock.release()
            with suppress(OSError):  # there are checkpoints in it
                writer.folder.rmdir()


def make(given: Any, resume: bool, asked: dict[str, Any]) -> tuple[Checkpoint | None, Any]:
    """Writer of checkpoints, and the snapshot that a resumed run starts from, if there is one.

    Refuse a folder of a run that was asked for other things, or one with checkpoints of another
    run.
    """
    if given is None:
        if resume:
            msg = "resume=True needs the folder of the checkpoints; give checkpoint=folder"
            raise InputError(msg)
        return None, None
    writer = given if isinstance(given, Checkpoint) else Checkpoint(given)
    checkpoint.check(writer.folder)
    if not resume:
        if checkpoint.names(writer.folder):
            msg = f"{writer.folder} holds checkpoints; give resume=True, or another folder"
            raise InputError(msg)
        return writer, None
    found = checkpoint.latest(writer.folder)
    if found is not None:
        resuming.check(found, writer.folder)
        before, usual = found.numbers["asked"], _compared(Recipe(), Place())
        for name, value in asked.items():
            # an older version trained as the default does with what it did not know
            had = before.get(name, repr(usual[name]) if name in usual else value)
            if had != value and not (name == "weights" and _is_close(had, value)):
                msg = f"the run in {writer.folder} has {name} = {had}, not {value}"
                raise InputError(f"{msg}; resume it as it was begun, or start another")
    return writer, found


def _is_close(had: Any, value: Any) -> bool:
    """Whether sums of weights are the same but for the order in which a machine adds them up."""
    try:
        return math.isclose(float(had), float(value), rel_tol=1e-9)
    except (TypeError, ValueError):
        return False


def asked(call: Any, judge: Judge) -> dict[str, Any]:
    """What a call is asked for, as plain data that is the same in another process.

    A checkpoint keeps it and ranks compare it. What may differ among networks of a set is a list.
    """
    arrays: dict[str, Any] = {
        name: None if pair is None else prepare.pair(pair, name)
        for name, pair in {"data": call.data, "validation": call.validation}.items()
    }
    if call.several:
        arrays["sample_weight"] = None if call.sample_weight is None else (call.sample_weight,)
    shared = {n: None if a is None else fingerprint(*a) for n, a in arrays.items()}

    def of(plan: Any) -> dict[str, Any]:
        more, weights = call.split.asked(), plan.weights
        if call.several:
            more = {name: getattr(plan.recipe, name) for name in ("metrics", "class_weight")}
            more["folds"] = None if plan.fold is None else fingerprint(*plan.fold)
            weights = None
        settings = {
            **_compared(plan.recipe, call.place), "network": plan.layers, "cost": judge.cost,
            "batch_size": plan.k, "examples": plan.m, "scale": judge.scale, **shared, **more,
        }  # fmt: skip
        plain: dict[str, Any] = {n: _ADDRESS.sub("", repr(value)) for n, value in settings.items()}
        if weights is not None:
            weights = repr(float(np.sum(weights * np.arange(1, len(weights) + 1))))
        return {**plain, "weights": weights}

    each = [of(plan) for plan in call.plans]
    if not call.several:
        return each[0]
    own = _OWN | {name for name, about in RECIPE.items() if about.each}
    return {
        name: f"[{', '.join(str(one[name]) for one in each)}]" if name in own else value
        for name, value in each[0].items()
    }


def _compared(recipe: Recipe, place: Place) -> dict[str, Any]:
    """Options that are the same in a run that is taken up again, by their names."""
    given = {**vars(recipe), **vars(place)}
    return {name: value for name, value in given.items() if OPTIONS[name].compared}


def fingerprint(*arrays: Any) -> str:
    """BLAKE2 hash of arrays on the host, so that a resume on other data is refused.

    Arrays of a device count with shape and dtype only, sparse ones with what they hold, those
    that are not in memory with the sizes of their files and samples of what these hold.
    """
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        if isinstance(array, HostRows):
            digest.update(array.identity().encode())
            continue
        parts = [array]
        if sparse.is_sparse(array):
            rows = array.tocsr()
            parts = [rows.data, rows.indices, rows.indptr]
        for part in parts:
            held: Any = batches.as_array(part, "data")  # of a frame, or a list, what it holds
            digest.update(f"{tuple(held.shape)} {held.dtype}".encode())
            if isinstance(held, np.ndarray):
                plain = held.astype(str) if held.dtype.kind in "OT" else held
                digest.update(np.ascontiguousarray(plain).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()

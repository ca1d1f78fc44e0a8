"""Checkpoints while a run goes on, and how a run is taken up again."""

import hashlib
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bpnet import backends, checkpoint
from bpnet.checkpoint import Snapshot
from bpnet.data import sparse
from bpnet.errors import InputError
from bpnet.training.callbacks import Callback, Run
from bpnet.training.loop import Session

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")

SIGNALS = frozenset({"interrupted", "SIGINT", "SIGTERM"})
"""Reasons of a stop after which the run is not over."""


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
    """

    def __init__(
        self,
        folder: str | Path,
        epochs: int = 1,
        steps: int | None = None,
        minutes: float | None = None,
    ) -> None:
        for name, value in {"epochs": epochs, "steps": steps, "minutes": minutes}.items():
            if value is not None and (isinstance(value, bool) or not 0 <= value < 1e9):
                msg = f"{name} of a checkpoint is {value!r}; give a positive number"
                raise InputError(msg)
        self.folder = Path(folder)
        self.epochs, self.steps, self.minutes = epochs, steps, minutes
        self._at: int | None = None
        self._time = 0.0

    def on_train_begin(self, run: Run) -> None:
        """Start to count."""
        self._at, self._time = None, time.monotonic()

    def on_block_end(self, run: Run) -> None:
        """Write one if steps or minutes are over."""
        at = run.epoch * run.steps + run.step
        enough = self.steps and at - (self._at or 0) >= self.steps
        late = self.minutes and time.monotonic() - self._time >= 60 * self.minutes
        if enough or late:
            self._write(run, run.epoch, run.step)

    def on_epoch_end(self, run: Run) -> None:
        """Write one after every so many epochs."""
        if self.epochs and (run.epoch + 1) % self.epochs == 0:
            self._write(run, run.epoch + 1, 0)

    def on_train_end(self, run: Run) -> None:
        """Write the last one: where a stopped run is, or that the run is over."""
        whole = len(run.history.get("cost", ())) > run.epoch
        position = (run.epoch + 1, 0) if whole else (run.epoch, run.step)
        self._write(run, *position, done=run.stopped not in SIGNALS)

    def _write(self, run: Run, epoch: int, step: int, *, done: bool = False) -> None:
        at = epoch * run.steps + step
        if at == self._at and not done:
            return
        taken = run.snapshot()
        # an epoch that has ended is in the history, its sums are not needed any more
        sums = (0.0, 0.0) if step == 0 else run.sums
        where = {"at": at, "epoch": epoch, "step": step, "sums": sums, "done": done}
        checkpoint.write(self.folder, Snapshot(taken.arrays, {**taken.numbers, **where}))
        self._at, self._time = at, time.monotonic()


def make(given: Any, resume: bool, asked: dict[str, Any]) -> tuple[Checkpoint | None, Any]:
    """Callback and, where a run is taken up again, what it starts from.

    Parameters
    ----------
    given : str, Path, Checkpoint or None
        Folder of the checkpoints.
    resume : bool
        Whether to go on from the newest; without one the run starts anew.
    asked : dict
        What the run is asked for: it must be what the checkpoint's run was asked for.

    Raises
    ------
    InputError
        If there is no folder to resume from, the folder belongs to another run, or it holds
        checkpoints and nobody asked to resume.
    """
    if given is None:
        if resume:
            msg = "resume=True needs the folder of the checkpoints; give checkpoint=folder"
            raise InputError(msg)
        return None, None
    writer = given if isinstance(given, Checkpoint) else Checkpoint(given)
    if not resume:
        if any(writer.folder.glob("step-*.safetensors")):
            msg = f"{writer.folder} holds checkpoints; give resume=True, or another folder"
            raise InputError(msg)
        return writer, None
    found = checkpoint.latest(writer.folder)
    if found is not None:
        before = found.numbers["asked"]
        for name, value in asked.items():
            had = before.get(name, value)  # what an older version did not know cannot differ
            if had != value:
                msg = f"the run in {writer.folder} has {name} = {had}, not {value}"
                raise InputError(f"{msg}; resume it as it was begun, or start another")
    return writer, found


def asked(*, weights: Any, **settings: Any) -> dict[str, Any]:
    """What a run is asked for, as plain data that is the same in another process."""
    total = None if weights is None else repr(float(weights @ np.arange(1, len(weights) + 1)))
    plain = {name: _ADDRESS.sub("", repr(value)) for name, value in settings.items()}
    return {**plain, "weights": total}


def fingerprint(*arrays: Any) -> str:
    """BLAKE2 hash of arrays on the host, so that a resume on other data is refused.

    Arrays of a device count with shape and dtype only, sparse ones with what they hold.
    """
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        parts = [array]
        if sparse.is_sparse(array):
            rows = array.tocsr()
            parts = [rows.data, rows.indices, rows.indptr]
        for part in parts:
            held = part if hasattr(part, "shape") else np.asarray(part)
            digest.update(f"{tuple(held.shape)} {held.dtype}".encode())
            if isinstance(held, np.ndarray):
                plain = held.astype(str) if held.dtype.kind == "O" else held
                digest.update(np.ascontiguousarray(plain).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def snapshot(
    session: Session, run: Run, callbacks: Sequence[Callback], asked: dict[str, Any]
) -> Snapshot:
    """Take what a checkpoint holds, but for where the run is."""
    states = {type(c).__name__: c.state() for c in callbacks}
    kept = {name: pair for name, pair in states.items() if pair is not None}
    arrays = {name: held for name, (_, held) in kept.items() if held is not None}
    parameters, state = backends.to_numpy((session.parameters, session.state))
    if run.result is not None:
        arrays["result"] = run.result
    numbers = {
        "asked": asked,
        "epochs": run.epochs,
        "backend": run.backend,
        "threads": run.threads,
        "history": run.history,
        "learning_rate": run.learning_rate,
        "callbacks": {name: plain for name, (plain, _) in kept.items()},
    }
    return Snapshot({**arrays, "parameters": parameters, "state": state}, numbers)


def take_up(run: Run, found: Snapshot) -> dict[str, Any]:
    """Put a run where its checkpoint was; return what callbacks kept, by their class."""
    numbers = found.numbers
    run.epoch, run.step = numbers["epoch"], numbers["step"]
    run.sums = (numbers["sums"][0], numbers["sums"][1])
    run.history.update(numbers["history"])
    run.learning_rate = numbers["learning_rate"]
    if numbers["done"] and numbers["epochs"] >= run.epochs:
        run.result = found.arrays.get("result")
    kept = numbers["callbacks"].items()
    return {name: (plain, found.arrays.get(name)) for name, plain in kept}


def threads(found: Snapshot | None, backend: str, given: int | None) -> int | None:
    """Threads of a run that is taken up again: products of one and of two differ in bits."""
    if found is None or given is not None or found.numbers["backend"] != backend:
        return given
    before: int | None = found.numbers["threads"]
    return before

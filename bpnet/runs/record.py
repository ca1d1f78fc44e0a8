"""Writing and reading the folder of a run: model.safetensors, config.toml and history.json.

``columns.json`` has the encodings of a table's columns, ``distributions.json`` the distributions
of the layers.
"""

import json
import logging
import platform
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import bpnet
from bpnet.arguments import fits
from bpnet.backends import hardware, libraries
from bpnet.data import Columns
from bpnet.errors import InputError, one_line
from bpnet.model.ensemble import Model
from bpnet.model.loading import load
from bpnet.model.reading import MODEL
from bpnet.runs import configuration
from bpnet.runs import folder as run_folder
from bpnet.runs.folder import CHECKPOINTS, DISTRIBUTIONS, EVENTS, FILES, LEARNED, SWEEP
from bpnet.shown import pasted
from bpnet.storage import checkpoint, disk, lock, owned, strict_json
from bpnet.training import Callback, Distributions, History, Run, resuming
from bpnet.training.callbacks import SIGNALS
from bpnet.training.recipe import RECIPE

_log = logging.getLogger("bpnet")

Config = run_folder.Config


@dataclass(eq=False)
class Recorder(Callback):
    """Callback that writes the folder: configuration first, history after every epoch.

    ``folder`` comes from :func:`bpnet.runs.folder.choose`; ``fresh`` says that it was named there,
    not by the user. It is made when training begins, unless the run is ``resuming``.
    ``distributions`` is a callback that runs before this one. ``on_error`` is "stop" or
    "continue", for a history that cannot be written, as in :class:`bpnet.Checkpoint`.
    """

    folder: Path
    config: Config
    columns: Columns | None = None
    resuming: bool = False
    distributions: Distributions | None = None
    on_error: str = "stop"
    fresh: bool = False
    _lock: lock.FolderLock | None = None
    _wrote: bool = False
    _created: list[Path] = field(default_factory=list)

    def claim(self) -> Path:
        """Make the folder; a fresh one gets a number where its name is taken."""
        if not self._created:
            self.folder, self._created = owned.claim(self.folder, fresh=self.fresh)
        return self.folder

    def on_train_begin(self, run: Run) -> None:
        """Make and lock the folder, and write the configuration."""
        self.claim()
        run_folder.check(self.folder)
        folder_lock = lock.FolderLock(self.folder)
        folder_lock.take()
        self._lock = folder_lock
        # Only with the lock is it certain that the writers of partial files were killed.
        owned.clear(self.folder, FILES)
        if self.resuming:
            _set_epochs(self.folder, run.epochs)
            return
        machine = {"backend": run.backend, "threads": run.threads, **this_machine(run.backend)}
        if run.compiled:
            machine["compiled"] = True
        text = configuration.to_toml({**self.config, "machine": machine})
        try:
            disk.write(self.folder / "config.toml", text.encode(), replace=False)
        except FileExistsError:
            msg = f"another run has taken {self.folder} meanwhile; give --out another name"
            raise InputError(msg) from None
        self._wrote = True
        if self.columns is not None:
            disk.write(self.folder / "columns.json", self.columns.to_json().encode())

    def on_epoch_end(self, run: Run) -> None:
        """Write the history, and the distributions of the layers."""
        records = self.distributions.records if self.distributions else []
        try:
            history = json.dumps(run.history, indent=1).encode()
            disk.write(self.folder / "history.json", history, sync=False)
            if records and records[-1]["epoch"] == run.epoch + 1:
                disk.write(self.folder / DISTRIBUTIONS, json.dumps(records).encode(), sync=False)
        except OSError as error:
            if self.on_error != "continue":
                raise
            _log.warning("no history in %s (%s); training goes on", self.folder, error.strerror)

    def on_train_end(self, run: Run) -> None:
        """Write the model; the folder of checkpoints then marks a run that a signal stopped."""
        run.pull()
        stopped = run.stopped in SIGNALS
        if stopped:
            (self.folder / CHECKPOINTS).mkdir(exist_ok=True)
        run.network.save(self.folder / MODEL)
        if not stopped:
            with suppress(OSError):  # it has checkpoints, or does not exist
                (self.folder / CHECKPOINTS).rmdir()

    def complete(self, network: Model) -> None:
        """Write the missing model of a run that is over according to its checkpoint."""
        if self.resuming and self._lock is None and not (self.folder / MODEL).is_file():
            network.save(self.folder / MODEL)

    def discard(self) -> None:
        """Unlock the folder; delete the files of a run that has neither model nor checkpoint."""
        if self._lock is not None:
            self._lock.release()
        kept = (self.folder / MODEL, self.folder / CHECKPOINTS)
        if any(path.exists() for path in kept):
            return
        if self._wrote:  # a resumed run's files are those of the run before
            for name in LEARNED:
                (self.folder / name).unlink(missing_ok=True)
            shutil.rmtree(self.folder / EVENTS, ignore_errors=True)
        owned.unmake(self._created)


def _set_epochs(folder: Path, epochs: int) -> None:
    """Write the number of epochs into a run's configuration, where it differs."""
    config, _ = read_config(folder, with_columns=False)
    if config["training"].get("epochs", RECIPE["epochs"].default) != epochs:
        config["training"]["epochs"] = epochs
        disk.write(folder / "config.toml", configuration.to_toml(config).encode())


def this_machine(backend: str) -> dict[str, str]:
    """Versions, processor and device that a run on a backend stores."""
    library = backend.partition(":")[0]
    # The backend has imported its library already.
    version = getattr(sys.modules.get(library), "__version__", None)
    devices = libraries.adapter(library).devices() if library in libraries.NAMES else []
    host = hardware.host(backend).name
    device = next((d.name for d in devices if d.spec == backend), host)
    return {
        **({"device": device} if device != host else {}),
        "processor": host,
        "system": f"{platform.system()} {platform.machine()}",
        "bpnet": bpnet.__version__,
        **({library: str(version)} if version else {}),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def open_run(folder: Path) -> tuple[Model, Config, Columns | None]:
    """Model, configuration and column encodings of a finished run, or of a model's file."""
    if folder.is_file():
        network: Model = load(folder)
        return network, {"data": {"source": ""}, "network": {}, "training": {}}, network.columns
    check_exists(folder)
    if not (folder / MODEL).is_file():
        msg = f"{folder} is not a finished run: it holds no model.safetensors"
        raise InputError(f"{msg}; give the folder that `bpnet train` printed")
    config, columns = read_config(folder)
    return load(folder), config, columns


def check_exists(folder: Path) -> None:
    """Refuse a run whose folder does not exist."""
    if not folder.is_dir():
        msg = f"there is no run at {folder}; give the folder that `bpnet train` printed"
        raise InputError(msg)


def resumable(folder: Path, epochs: int | None = None) -> Config | None:
    """Configuration with which a run is resumed; None if the run is over.

    ``epochs`` is the number of epochs in all, in place of the one that the run began with; a
    smaller one is refused.
    """
    check_exists(folder)
    if (folder / SWEEP).is_file() and not (folder / "config.toml").exists():
        msg = f"{folder} is the folder of a sweep that has not ended"
        raise InputError(f"{msg}; go on with: bpnet sweep --resume {pasted(folder)}")
    if not (folder / "config.toml").is_file():
        msg = f"{folder} is not the folder of a run: it holds no config.toml"
        raise InputError(f"{msg}; give the folder that `bpnet train` printed")
    config, _ = read_config(folder, with_columns=False)
    configuration.check_resumable(config)
    checkpoints, training = folder / CHECKPOINTS, config["training"]
    snapshot = checkpoint.latest(checkpoints)
    before = training.get("epochs", RECIPE["epochs"].default)
    if epochs is not None and epochs < before:
        msg = f"the run in {folder} has {before} epochs, and {epochs} are asked for; give more"
        raise InputError(msg)
    if snapshot is None and (epochs or before) > before:
        msg = f"{folder} holds no checkpoint from which more epochs could follow; train anew"
        raise InputError(msg)
    training["epochs"] = epochs or before
    if snapshot is None:
        # An empty folder of checkpoints marks a run that a signal has stopped.
        is_over = not checkpoints.exists()
    else:
        resuming.check(snapshot, checkpoints)
        is_over = resuming.is_over(snapshot, [training["epochs"]])
    if is_over and (folder / MODEL).is_file():
        return None
    run_folder.check(folder)
    return config


def summary(folder: Path) -> dict[str, Any]:
    """JSON of ``bpnet train --json`` for a run that is finished."""
    config, _ = read_config(folder, with_columns=False)
    return {
        "run": str(folder),
        "backend": config["machine"]["backend"],
        "history": read_history(folder),
        "finished": True,
    }


def read_history(folder: Path) -> History:
    """History of a run: lists with one value an epoch, among them the cost."""
    path = folder / "history.json"
    try:
        history: History = strict_json.loads(disk.text(path))
        lengths = {len(values) for values in history.values()}
        is_whole = all(_is_plottable(v) for values in history.values() for v in values)
        if "cost" not in history or len(lengths) != 1 or not is_whole:
            msg = "it lacks a cost for each epoch"
            raise ValueError(msg)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        msg = f"{path} is missing or damaged ({one_line(error)}); train again"
        raise InputError(msg) from error
    return history


def _is_plottable(value: Any) -> bool:
    """Whether a value of a history is a number that stays finite in a picture, in percent too."""
    return fits(value, float) and abs(value) < 1e300


def read_config(folder: Path, *, with_columns: bool = True) -> tuple[Config, Columns | None]:
    """Configuration of a run, and the encodings of its table's columns, if it has a table."""
    try:
        config = configuration.from_toml(disk.text(folder / "config.toml"))
        path = folder / "columns.json"
        columns = Columns.from_json(disk.text(path)) if path.is_file() else None
        configuration.check(config, columns, with_columns=with_columns)
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{folder} is damaged ({error}); train again"
        raise InputError(msg) from error
    return config, columns

"""The folder that a run leaves: model.safetensors, config.toml, history.json.

``columns.json`` joins them where the data was a table: what was learned of its columns; and
``distributions.json`` where the layers were watched.
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
from bpnet.model.loading import load
from bpnet.model.network import Network
from bpnet.runs import configuration
from bpnet.runs import folder as run_folder
from bpnet.runs.folder import CHECKPOINTS, DISTRIBUTIONS, EVENTS, FILES, LEARNED, MODEL, SWEEP
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

    Parameters
    ----------
    folder : Path
        From :func:`bpnet.runs.folder.choose`; made when training begins, not before.
    config : dict of dicts
        What was asked for.
    columns : Columns or None
        What was learned of a table.
    resuming : bool
        Whether the folder is that of a run that is taken up again.
    distributions : Distributions or None
        What watches the layers; a callback that comes before this one.
    on_error : {"stop", "continue"}
        What a history that cannot be written does, as in :class:`bpnet.Checkpoint`.
    fresh : bool
        Whether the folder is one that :func:`bpnet.runs.folder.choose` has named.
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
    _made: list[Path] = field(default_factory=list)

    def claim(self) -> Path:
        """Make the folder; one that the user has not named gets a name that nobody else has."""
        if not self._made:
            self.folder, self._made = owned.claim(self.folder, fresh=self.fresh)
        return self.folder

    def on_train_begin(self, run: Run) -> None:
        """Make the folder, hold it, and write the configuration."""
        self.claim()
        run_folder.check(self.folder)
        held = lock.FolderLock(self.folder)
        held.take()
        self._lock = held
        owned.clear(self.folder, FILES)
        if self.resuming:
            _lengthen(self.folder, run.epochs)
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
        """Write the history, and what was seen in the layers."""
        seen = self.distributions.records if self.distributions else []
        try:
            _write_text(self.folder / "history.json", json.dumps(run.history, indent=1))
            if seen and seen[-1]["epoch"] == run.epoch + 1:
                _write_text(self.folder / DISTRIBUTIONS, json.dumps(seen))
        except OSError as error:
            if self.on_error != "continue":
                raise
            _log.warning("no history in %s (%s); training goes on", self.folder, error.strerror)

    def on_train_end(self, run: Run) -> None:
        """Write the model, also after a stop: then a folder for checkpoints says so."""
        run.pull()
        stopped = run.stopped in SIGNALS
        if stopped:
            (self.folder / CHECKPOINTS).mkdir(exist_ok=True)
        run.network.save(self.folder / MODEL)
        if not stopped:
            with suppress(OSError):  # there are checkpoints in it, or there is none
                (self.folder / CHECKPOINTS).rmdir()

    def complete(self, network: Network) -> None:
        """Write the model of a run whose checkpoint said that it was over, if it has gone."""
        if self.resuming and self._lock is None and not (self.folder / MODEL).is_file():
            network.save(self.folder / MODEL)

    def discard(self) -> None:
        """Let go of the folder; take away what a run without a model has left."""
        if self._lock is not None:
            self._lock.release()
        kept = (self.folder / MODEL, self.folder / CHECKPOINTS)
        if any(path.exists() for path in kept):
            return
        if self._wrote:
            for name in LEARNED:
                (self.folder / name).unlink(missing_ok=True)
            shutil.rmtree(self.folder / EVENTS, ignore_errors=True)
        owned.unmake(self._made)


def _lengthen(folder: Path, epochs: int) -> None:
    """Write into the configuration of a run that it has so many epochs, where these are others."""
    config, _ = read_config(folder, with_columns=False)
    if config["training"].get("epochs", RECIPE["epochs"].default) != epochs:
        config["training"]["epochs"] = epochs
        disk.write(folder / "config.toml", configuration.to_toml(config).encode())


def this_machine(backend: str) -> dict[str, str]:
    """Versions and processor, as they are written into a run on a backend."""
    library = backend.partition(":")[0]
    version = getattr(sys.modules.get(library), "__version__", None)
    known = libraries.adapter(library).devices() if library in libraries.NAMES else []
    host = hardware.host(backend).name
    device = next((d.name for d in known if d.spec == backend), host)
    return {
        **({"device": device} if device != host else {}),
        "processor": host,
        "system": f"{platform.system()} {platform.machine()}",
        "bpnet": bpnet.__version__,
        **({library: str(version)} if version else {}),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def open_run(folder: Path) -> tuple[Network, Config, Columns | None]:
    """Model, configuration and column encodings of a run, or of a model's file.

    Raises
    ------
    InputError
        If the folder is not that of a run, or a file in it is damaged.
    """
    if folder.is_file():
        network = load(folder)
        return network, {"data": {"source": ""}, "network": {}, "training": {}}, network.columns
    check_there(folder)
    if not (folder / MODEL).is_file():
        msg = f"{folder} is not a finished run: it holds no model.safetensors"
        raise InputError(f"{msg}; give the folder that `bpnet train` named")
    config, columns = read_config(folder)
    return load(folder), config, columns


def check_there(folder: Path) -> None:
    """Refuse a run that is not there.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    if not folder.is_dir():
        msg = f"there is no run at {folder}; give the folder that `bpnet train` named"
        raise InputError(msg)


def unfinished(folder: Path, epochs: int | None = None) -> Config | None:
    """Configuration of a run that can be taken up again; None if it is over.

    Parameters
    ----------
    folder : Path
        Of the run.
    epochs : int, optional
        Epochs that it shall have in all, in place of those that it was begun with.

    Raises
    ------
    InputError
        If the folder is not that of a run, its configuration is damaged, or it cannot have so
        many epochs.
    """
    check_there(folder)
    if (folder / SWEEP).is_file() and not (folder / "config.toml").exists():
        msg = f"{folder} is that of a sweep that has not ended"
        raise InputError(f"{msg}; go on with: bpnet sweep --resume {pasted(folder)}")
    if not (folder / "config.toml").is_file():
        msg = f"{folder} is not the folder of a run: it holds no config.toml"
        raise InputError(f"{msg}; give the folder that `bpnet train` named")
    config, _ = read_config(folder, with_columns=False)
    configuration.check_resumable(config)
    place, training = folder / CHECKPOINTS, config["training"]
    found = checkpoint.latest(place)
    before = training.get("epochs", RECIPE["epochs"].default)
    if epochs is not None and epochs < before:
        msg = f"the run in {folder} has {before} epochs, and {epochs} are asked for; give more"
        raise InputError(msg)
    if found is None and (epochs or before) > before:
        msg = f"{folder} holds no checkpoint from which more epochs could follow; train anew"
        raise InputError(msg)
    training["epochs"] = epochs or before
    if found is None:
        ended = not place.exists()
    else:
        resuming.check(found, place)
        ended = resuming.is_over(found, [training["epochs"]])
    if ended and (folder / MODEL).is_file():
        return None
    run_folder.check(folder)
    return config


def outcome(folder: Path) -> dict[str, Any]:
    """What ``bpnet train --json`` says of a run, of one that is finished.

    Raises
    ------
    InputError
        If a file in its folder is missing or damaged.
    """
    config, _ = read_config(folder, with_columns=False)
    return {
        "run": str(folder),
        "backend": config["machine"]["backend"],
        "history": read_history(folder),
        "finished": True,
    }


def read_history(folder: Path) -> History:
    """History of a run: a cost, and whatever else there is, for each epoch.

    Raises
    ------
    InputError
        If it is missing or damaged.
    """
    path = folder / "history.json"
    try:
        history: History = strict_json.loads(disk.text(path))
        lengths = {len(values) for values in history.values()}
        whole = all(_is_drawn(v) for values in history.values() for v in values)
        if "cost" not in history or len(lengths) != 1 or not whole:
            msg = "it lacks a cost for each epoch"
            raise ValueError(msg)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        msg = f"{path} is missing or damaged ({one_line(error)}); train again"
        raise InputError(msg) from error
    return history


def _is_drawn(value: Any) -> bool:
    """Whether a value of a history is a number that a picture has room for, in percent too."""
    return fits(value, float) and abs(value) < 1e300


def read_config(folder: Path, *, with_columns: bool = True) -> tuple[Config, Columns | None]:
    """Configuration of a run, and what it learned of a table.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    """
    try:
        config = configuration.from_toml(disk.text(folder / "config.toml"))
        path = folder / "columns.json"
        columns = None
        if path.is_file():
            columns = Columns.from_json(disk.text(path))
        configuration.check(config, columns, with_columns=with_columns)
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{folder} is damaged ({error}); train again"
        raise InputError(msg) from error
    return config, columns


def _write_text(path: Path, text: str) -> None:
    """Write what each epoch writes anew; nothing waits for the disk."""
    with disk.writing(path, text=True, sync=False) as file:
        file.write(text)

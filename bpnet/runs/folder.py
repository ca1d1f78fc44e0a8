"""The folder of a run: where it is, and all that bpnet writes into it."""

import glob
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bpnet.data.sources import read_from
from bpnet.errors import InputError
from bpnet.shown import pasted
from bpnet.storage import checkpoint, disk, lock, owned

Config = dict[str, dict[str, Any]]
"""Tables of the TOML file: data, network, training, machine."""

DISTRIBUTIONS = "distributions.json"
EVENTS = "tensorboard"
"""Folder of TensorBoard's event files, where they were asked for."""
SWEEP = "sweep.json"
CHECKPOINTS = "checkpoints"
MODEL = "model.safetensors"

LEARNED = ("config.toml", "columns.json", "history.json", DISTRIBUTIONS)
FILES = (*LEARNED, MODEL, SWEEP, "sweep.csv", "learning-rate.png", lock.NAME)
"""All that is written into the folder of a run, but for the folders in it."""


def choose(out: Path | None, name: str, reads: Iterable[str | Path] = ()) -> Path:
    """Folder for a run: ``out``, or one below ``runs`` named after data and time.

    Parameters
    ----------
    out : Path or None
        What was given.
    name : str
        Of the data.
    reads : iterable of str or Path
        What is read, as :func:`bpnet.storage.reads.holds` takes it.

    Raises
    ------
    InputError
        If ``out`` is there already and not an empty folder, or cannot be written to.
    """
    if out is None:
        stem = "stdin" if name == "-" else Path(name).stem
        out = Path(f"runs/{stem}-{time.strftime('%Y%m%d-%H%M%S')}")
        disk.makeable(out)
        return out  # whoever comes first has it, see `owned.claim`
    disk.makeable(out, reads=reads)
    if (out / SWEEP).is_file():
        msg = f"{out} is that of a sweep; go on with: bpnet sweep --resume {pasted(out)}"
        raise InputError(f"{msg}; or give --out another name")
    if out.is_dir() and not _is_empty(out):
        msg = f"{out} is not an empty folder; give --out another name"
        raise InputError(msg)
    return disk.followed(out) if out.is_symlink() else out


def _is_empty(folder: Path) -> bool:
    """Whether there is nothing but what a run that was killed while it began has left."""
    left = {*owned.leftovers(folder, FILES), folder / lock.NAME}
    return all(path in left for path in folder.iterdir())


def read_by(folder: Path, config: Config) -> list[str | Path]:
    """What a run is read from: its own files, data and weights; nothing may be written there."""
    if folder.is_file():
        return [folder]
    held = (config.get("data", {}).get("source"), config.get("training", {}).get("sample_weight"))
    given = [part for name in held if isinstance(name, str) and name for part in read_from(name)]
    kept = Path(glob.escape(str(folder)), CHECKPOINTS, "*")
    return [*given, *(folder / name for name in (*FILES, CHECKPOINTS)), kept]


def check(folder: Path) -> None:
    """Refuse the folder of a run in which something else has the name of what is written there.

    Raises
    ------
    InputError
        If there is a link, or a file is a folder, a pipe or the like.
    """
    owned.check(folder, FILES, (CHECKPOINTS, EVENTS))
    checkpoint.check(folder / CHECKPOINTS)

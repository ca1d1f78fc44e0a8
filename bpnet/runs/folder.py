"""The folder of a run: its place, and the names of the files that bpnet writes into it."""

import glob
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bpnet.data.sources import read_from
from bpnet.errors import InputError
from bpnet.model.reading import MODEL
from bpnet.shown import pasted
from bpnet.storage import checkpoint, disk, lock, owned

Config = dict[str, dict[str, Any]]
"""Tables of the TOML file: data, network, training, machine."""

DISTRIBUTIONS = "distributions.json"
EVENTS = "tensorboard"
"""Folder of TensorBoard's event files."""
SWEEP = "sweep.json"
CHECKPOINTS = "checkpoints"

LEARNED = ("config.toml", "columns.json", "history.json", DISTRIBUTIONS)
FILES = (*LEARNED, MODEL, SWEEP, "sweep.csv", "learning-rate.png", lock.NAME)
"""Files in the folder of a run; it also has the folders of checkpoints and event files."""


def choose(out: Path | None, name: str, reads: Iterable[str | Path] = ()) -> Path:
    """Folder for a run: ``out``, or one below ``runs`` named after the data ``name`` and the time.

    ``out`` is refused if it exists and is not an empty folder, cannot be written to, or is among
    the input files ``reads``.
    """
    if out is None:
        stem = "stdin" if name == "-" else Path(name).stem
        out = Path(f"runs/{stem}-{time.strftime('%Y%m%d-%H%M%S')}")
        disk.makeable(out)
        return out  # `owned.claim` adds a number where two runs begin in one second
    disk.makeable(out, reads=reads)
    if (out / SWEEP).is_file():
        msg = f"{out} is the folder of a sweep; go on with: bpnet sweep --resume {pasted(out)}"
        raise InputError(f"{msg}; or give --out another name")
    if out.is_dir() and not _is_empty(out):
        msg = f"{out} is not an empty folder; give --out another name"
        raise InputError(msg)
    return disk.followed(out) if out.is_symlink() else out


def _is_empty(folder: Path) -> bool:
    """Whether a folder has nothing but the files of a run that was killed at its beginning."""
    ignored = {*owned.leftovers(folder, FILES), folder / lock.NAME}
    return all(path in ignored for path in folder.iterdir())


def input_files(folder: Path, config: Config) -> list[str | Path]:
    """Files that a run is read from, its own and those of its data and weights: never written."""
    if folder.is_file():
        return [folder]
    names = (config.get("data", {}).get("source"), config.get("training", {}).get("sample_weight"))
    data = [part for name in names if isinstance(name, str) and name for part in read_from(name)]
    # The input files may be patterns, so brackets in a folder's own name are escaped.
    checkpoints = Path(glob.escape(str(folder)), CHECKPOINTS, "*")
    return [*data, *(folder / name for name in (*FILES, CHECKPOINTS)), checkpoints]


def check(folder: Path) -> None:
    """Refuse the folder of a run in which one of bpnet's names is a link or of another kind."""
    owned.check(folder, FILES, (CHECKPOINTS, EVENTS))
    checkpoint.check(folder / CHECKPOINTS)

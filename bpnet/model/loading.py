"""Models read from bpnet's own safetensors files, and from the JSON of Nielsen's network2."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bpnet.arguments import checked
from bpnet.core import activations
from bpnet.core.layers import Dense
from bpnet.data import Columns
from bpnet.errors import InputError
from bpnet.model import ensemble
from bpnet.model.ensemble import Ensemble
from bpnet.model.network import Network
from bpnet.model.reading import MODEL, check_format, explained, rebuild
from bpnet.model.saving import FORMAT, VERSION
from bpnet.storage import checksummed, disk, strict_json

_CHECKSUMMED = 2
"""First version of the format whose files have a SHA-256."""

_LIMIT = 1 << 31
"""Largest size of a JSON file in bytes, as the whole file is read into memory."""


@checked
def load(path: str | Path) -> Any:
    """Read a model that ``save`` wrote, or the JSON of Nielsen's ``network2``.

    Parameters
    ----------
    path : str or Path
        A ``.safetensors`` or ``.json`` file, or the folder of a run.

    Returns
    -------
    Network or Ensemble
        The model with its classes, scale and columns; an ensemble where the file has several
        networks.

    Raises
    ------
    InputError
        If the file is missing, damaged or holds something else. No code in it is run.
    """
    path, learned = Path(path), None
    if path.is_dir():
        path, learned = path / MODEL, path / "columns.json"
    model = explained(_load_network2 if path.suffix == ".json" else _load_safetensors, path)
    # models of earlier versions have no columns: the run's folder has them
    if model.columns is None and learned is not None and learned.is_file():
        columns = explained(lambda file: Columns.from_json(disk.text(file)), learned)
        for network in getattr(model, "networks", (model,)):
            network.columns = columns
    return model


def _load_safetensors(path: Path) -> Network | Ensemble:
    content = checksummed.read(path)
    described = strict_json.loads(content.text)
    if described["format"] == ensemble.FORMAT:
        return ensemble.from_content(content, described)
    check_format(described, FORMAT)
    # a bool is an int, and True >= 1
    if isinstance(described["version"], bool) or not described["version"] >= 1:
        msg = f"it is of version {described['version']!r}"
        raise ValueError(msg)
    # a later version may have layers and numbers that this one does not know
    if described["version"] > VERSION:
        msg = f"written by a later version ({described['version']}); update bpnet"
        raise InputError(msg)
    if described["version"] >= _CHECKSUMMED and not content.has_checksum:
        msg = "it has no SHA-256"
        raise ValueError(msg)
    return rebuild(described, content.tensors)


def _load_network2(path: Path) -> Network:
    """Return a network that ``network2.Network.save`` wrote; all its activations are sigmoids.

    Several outputs stand for classes; the largest output is the predicted class.
    """
    if path.stat().st_size > _LIMIT:
        msg = "larger than 2 GB; give a smaller file"
        raise InputError(msg)
    saved = strict_json.loads(path.read_text(encoding="utf-8"))
    sizes = saved["sizes"]
    dense = [Dense(n, m, activations.Sigmoid()) for n, m in pairwise(sizes)]
    pairs = zip(saved["weights"], saved["biases"], strict=True)
    # network2 stores a bias as a column, (n, 1)
    init = [(np.asarray(W, float), np.asarray(b, float).reshape(-1)) for W, b in pairs]
    network = Network(dense, init=init)
    network.classes = np.arange(sizes[-1]) if sizes[-1] > 1 else None
    return network

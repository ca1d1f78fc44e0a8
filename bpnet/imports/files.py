"""Networks from other libraries' files, whose format the ending of the name tells."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bpnet.arguments import checked
from bpnet.errors import InputError
from bpnet.imports import tensor_file
from bpnet.imports.keras import from_keras
from bpnet.imports.state_dict import from_torch
from bpnet.model.network import Network

_CURES = {
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt"), tensor_file.SAVE),
    **dict.fromkeys(
        (".pkl", ".pickle", ".joblib"), "open it where you trust it: bpnet.imports.from_sklearn"
    ),
    **dict.fromkeys((".h5", ".hdf5"), "save the whole model anew: model.save('model.keras')"),
}
"""What to do with a file that may run code, or lacks the activations."""


@checked
def from_file(
    path: str | Path,
    *,
    hidden: Any = None,
    output: Any = None,
    order: Sequence[str] | None = None,
    classes: Sequence[Any] | None = None,
) -> Network:
    """Network of a ``.keras`` file, or of a ``.safetensors`` file of a PyTorch ``state_dict``.

    Parameters
    ----------
    path : str or Path
        The file.
    hidden, output, order : optional
        Activations, and the order of the layers, as in :func:`from_torch`; a ``.keras`` file has
        its own.
    classes : sequence, optional
        Names of the classes.

    Returns
    -------
    Network
        Network with the weights of the file.

    Raises
    ------
    InputError
        If it is no such file, or lacks activations that are not given.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind == ".keras":
        if any(option is not None for option in (hidden, output, order)):
            msg = f"{path} says its activations and the order of its layers; leave them out"
            raise InputError(msg)
        return from_keras(path, classes)
    if kind != ".safetensors":
        cure = _CURES.get(kind, "give a .keras or a .safetensors file")
        msg = f"{path} is not read, as it may hold code or lack activations; {cure}"
        raise InputError(msg)
    state = tensor_file.read(path)
    missing = {"output": "--output softmax"} if output is None else {}
    if hidden is None and sum(name.endswith("weight") for name in state) > 1:
        missing = {"hidden": "--activation relu", **missing}
    if missing:
        msg = f"{path} does not say its activations; give {' and '.join(missing)}"
        raise InputError(f"{msg} ({' '.join(missing.values())}, or what it was trained with)")
    # a file of one layer needs no activation of hidden layers
    return from_torch(state, hidden=hidden or [], output=output, order=order, classes=classes)

"""A file of another library, known by its ending."""

from pathlib import Path
from typing import Any

from bpnet.arguments import checked
from bpnet.errors import InputError
from bpnet.imports.keras import from_keras
from bpnet.imports.state_dict import from_torch, read
from bpnet.network import Network

_SAVE_TORCH = "save the weights: safetensors.torch.save_file(module.state_dict(), 'w.safetensors')"
_CURES = {
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt"), _SAVE_TORCH),
    **dict.fromkeys(
        (".pkl", ".pickle", ".joblib"), "open it where you trust it: bpnet.imports.from_sklearn"
    ),
    **dict.fromkeys((".h5", ".hdf5"), "save the whole model anew: model.save('model.keras')"),
}
"""What to do in place of files that hold code, or no activations."""


@checked
def from_file(
    path: str | Path, *, hidden: Any = None, output: Any = None, classes: Any = None
) -> Network:
    """Network of a ``.keras`` file, or of a ``.safetensors`` file of a PyTorch ``state_dict``.

    Parameters
    ----------
    path : str or Path
        The file.
    hidden, output : optional
        Activations, as in :func:`from_torch`; a ``.keras`` file says its own.
    classes : sequence, optional
        Names of the classes.

    Returns
    -------
    Network
        With the weights of the file.

    Raises
    ------
    InputError
        If it is no such file, or what it does not say is not given.
    """
    path = Path(path)
    if path.suffix == ".keras":
        if hidden is not None or output is not None:
            msg = f"{path} says its activations; leave them out"
            raise InputError(msg)
        return from_keras(path, classes)
    if path.suffix != ".safetensors":
        cure = _CURES.get(path.suffix, "give a .keras or a .safetensors file")
        msg = f"{path} is not read, as it may hold code or lack activations; {cure}"
        raise InputError(msg)
    state = read(path)
    lacking = {"output": "--output softmax"} if output is None else {}
    if hidden is None and sum(name.endswith("weight") for name in state) > 1:
        lacking = {"hidden": "--activation relu", **lacking}
    if lacking:
        msg = f"{path} does not say its activations; give {' and '.join(lacking)}"
        raise InputError(f"{msg} ({' '.join(lacking.values())}, or what it was trained with)")
    return from_torch(state, hidden=hidden or [], output=output, classes=classes)

"""A PyTorch ``state_dict`` of ``Linear`` layers, from a safetensors file or a mapping."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bpnet.arguments import checked
from bpnet.core.activations import Activation
from bpnet.errors import InputError
from bpnet.imports.assembling import network_of
from bpnet.network import Network


@checked
def from_torch(
    state: Mapping[str, Any] | str | Path,
    *,
    hidden: str | Activation | Sequence[str | Activation],
    output: str | Activation,
    order: Sequence[str] | None = None,
    classes: Sequence[Any] | None = None,
) -> Network:
    """Network of the ``Linear`` layers of an ``nn.Sequential``, or of another module.

    A ``state_dict`` has names and arrays and no activations, so these are to be given. The layers
    are taken by the numbers in their names: ``0.weight``, ``0.bias``, ``2.weight``, or
    ``fc1.weight``, ``fc2.weight``; names that differ in more than numbers need ``order``.

    Parameters
    ----------
    state : mapping of str to array, str or Path
        What ``module.state_dict()`` gives, or a file that ``safetensors.torch.save_file`` wrote.
    hidden : str, Activation or a sequence with one per hidden layer
        sigma of the hidden layers.
    output : str or Activation
        sigma of the output layer: "softmax" where the module was trained with ``CrossEntropyLoss``,
        "sigmoid" with ``BCEWithLogitsLoss``, "identity" with ``MSELoss``.
    order : sequence of str, optional
        Names of the layers, first to last.
    classes : sequence, optional
        Names of the classes.

    Returns
    -------
    Network
        With the weights in their dtype.

    Raises
    ------
    InputError
        If the file is none, a tensor is not that of a ``Linear``, or the layers do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> state = {"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3), "2.weight": np.ones((1, 3))}
    >>> net = from_torch(state, hidden="relu", output="identity")
    >>> net.sizes, net.predict([[1.0, 2.0]]).tolist()
    ([2, 3, 1], [[9.0]])
    """
    tensors = dict(state) if isinstance(state, Mapping) else read(Path(state))
    strange = next((name for name, one in tensors.items() if not hasattr(one, "shape")), None)
    if strange is not None:
        inner = [name for name, one in tensors.items() if isinstance(one, Mapping)]
        msg = f"state has {strange!r}, which is of the type {type(tensors[strange]).__name__}"
        cure = f"state[{inner[0]!r}]" if inner else "what module.state_dict() gives"
        raise InputError(f"{msg}, and not an array; give {cure}")
    prefixes = _ordered(tensors, order)
    one_each = isinstance(hidden, Sequence) and not isinstance(hidden, str)
    sigmas: list[Any] = [*hidden] if one_each else [hidden] * (len(prefixes) - 1)  # type: ignore[misc]
    if len(sigmas) != len(prefixes) - 1:
        msg = f"hidden names {len(sigmas)} activations and the hidden layers are {prefixes[:-1]}"
        raise InputError(f"{msg}; give one for each, or one name")
    return network_of(
        [tensors[_key(prefix, "weight")] for prefix in prefixes],
        [tensors.get(_key(prefix, "bias")) for prefix in prefixes],
        [*sigmas, output],
        prefixes,
        classes,
    )


def _key(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def read(path: Path) -> dict[str, Any]:
    """Tensors of a safetensors file by their names.

    Raises
    ------
    InputError
        If the file is none, or bpnet's own.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        msg = f"there is no {path}; give a .safetensors file of a state_dict"
        raise InputError(msg)
    try:
        with safe_open(path, framework="numpy") as file:
            if "bpnet" in (file.metadata() or {}):
                msg = f"{path} is a model of bpnet's own, there is nothing to import; bpnet.load"
                raise InputError(f"{msg}, predict, evaluate and export take it as it is")
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError, AttributeError, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        msg = f"{path} can't be read as safetensors ({reason}); give a file of a state_dict"
        raise InputError(msg) from error


def _ordered(tensors: Mapping[str, Any], order: Sequence[str] | None) -> list[str]:
    """Names of the layers, first to last."""
    prefixes = {name.rpartition(".")[0] for name in tensors}
    for name, tensor in tensors.items():
        dims = {"weight": 2, "bias": 1}.get(name.rpartition(".")[2])
        if dims is None or len(tensor.shape) != dims:
            msg = f"{name}, of shape {tuple(tensor.shape)}, is not that of a Linear layer"
            raise InputError(f"{msg}; give a state_dict of Linear layers only")
    bare = sorted(p for p in prefixes if _key(p, "weight") not in tensors)
    if bare or not prefixes:
        msg = f"'{bare[0]}' has a bias and no weight" if bare else "the state_dict is empty"
        raise InputError(f"{msg}; give a state_dict of Linear layers")
    if order is not None:
        if sorted(order) != sorted(prefixes):
            msg = f"order is {list(order)} and the layers are {sorted(prefixes)}; name each once"
            raise InputError(msg)
        return list(order)
    if len({re.sub(r"\d+", "0", prefix) for prefix in prefixes}) > 1:
        msg = f"the names {', '.join(sorted(prefixes))} do not say the order of the layers"
        raise InputError(f"{msg}; give it: order=[first, ..., last]")
    return sorted(prefixes, key=lambda prefix: [int(n) for n in re.findall(r"\d+", prefix)])

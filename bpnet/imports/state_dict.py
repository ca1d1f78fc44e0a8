"""A PyTorch ``state_dict`` of ``Linear`` layers, from a safetensors file or a mapping."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bpnet import backends
from bpnet.arguments import checked
from bpnet.backends import dtypes
from bpnet.core.activations import Activation
from bpnet.errors import InputError, one_line
from bpnet.imports import tensor_file
from bpnet.imports.assembling import Linear, build_network
from bpnet.model.network import Network

_DIMENSIONS = {"weight": 2, "bias": 1}
"""Arrays of a ``Linear``, with their numbers of axes."""

_MERGED = {
    r"weight_[gv]$": "remove it first: torch.nn.utils.remove_weight_norm(layer)",
    r"parametrizations": "make it plain first: "
    "torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight')",
    r"lora_|base_layer": "merge it first: model.merge_and_unload()",
    r"running_(mean|var)$|num_batches_tracked$": "it is of a normalization, whose factors belong "
    "into the Linear before it: torch.nn.utils.fusion.fuse_linear_bn_eval",
}
"""Patterns of arrays that change what a ``Linear`` computes, with the cure."""

_DIGITS = 18
"""Most digits of a layer's number."""


@checked
def from_torch(
    state: Any,
    *,
    hidden: str | Activation | Sequence[str | Activation],
    output: str | Activation,
    order: Sequence[str] | None = None,
    classes: Sequence[Any] | None = None,
) -> Network:
    """Network of the ``Linear`` layers of an ``nn.Sequential``, or of another module.

    A ``state_dict`` has names and arrays, but neither activations, which must be given, nor layers
    without arrays (dropout, skips, normalization without parameters). The layers are ordered by
    the numbers in their names: ``0.weight``, ``0.bias``, ``2.weight``, or ``fc1.weight``,
    ``fc2.weight``, after any common prefix; names that differ in more than numbers need ``order``.

    Parameters
    ----------
    state : mapping of str to array, str or Path
        Result of ``module.state_dict()``, or a file that ``safetensors.torch.save_file`` wrote.
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
        Network with the weights in their dtype; half precision becomes float32, which is exact.

    Raises
    ------
    InputError
        If it is no state_dict, a tensor is not that of a ``Linear``, or the layers do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> state = {"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3), "2.weight": np.ones((1, 3))}
    >>> net = from_torch(state, hidden="relu", output="identity")
    >>> net.sizes, net.predict([[1.0, 2.0]]).tolist()
    ([2, 3, 1], [[9.0]])
    """
    tensors = _tensors(state)
    prefixes = _layer_names(tensors, order)
    sigmas = _one_each(hidden, prefixes[:-1])
    return build_network(
        [
            Linear(name, _values(tensors, name, "weight"), _values(tensors, name, "bias"), sigma)
            for name, sigma in zip(prefixes, [*sigmas, output], strict=True)
        ],
        classes,
    )


def _values(tensors: Mapping[str, Any], prefix: str, name: str) -> Any:
    """An array of a layer on the host; None if the layer lacks it."""
    tensor = tensors.get(_key(prefix, name))
    try:
        return None if tensor is None else backends.to_numpy(tensor)
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        msg = f"{_key(prefix, name)} has values that can't be read ({one_line(error)})"
        raise InputError(
            f"{msg}; give dense tensors, not sparse ones or those of the device 'meta'"
        ) from error


def _one_each(hidden: Any, prefixes: Sequence[str]) -> list[Any]:
    """Activation of each hidden layer."""
    if isinstance(hidden, str) or hasattr(hidden, "sigma"):
        return [hidden] * len(prefixes)
    if not isinstance(hidden, Sequence):
        msg = f"hidden is {hidden!r}; give the name of an activation, or a list with one for each"
        raise InputError(f"{msg} of the hidden layers {list(prefixes)}")
    if len(hidden) != len(prefixes):
        msg = f"hidden names {len(hidden)} activations and the hidden layers are {list(prefixes)}"
        raise InputError(f"{msg}; give one for each, or one name")
    return list(hidden)


def _key(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _tensors(state: Any) -> dict[str, Any]:
    """Arrays by their names; a mapping with anything else is refused."""
    if isinstance(state, str | Path):
        return tensor_file.read(Path(state))
    if not isinstance(state, Mapping):
        cure = "module.state_dict()" if hasattr(state, "state_dict") else "what state_dict() gives"
        msg = f"a {type(state).__name__} is no state_dict; give {cure}"
        raise InputError(msg)
    # a checkpoint has the weights in an entry beside those of the optimizer
    for name, value in state.items():
        if isinstance(value, Mapping) and value and all(_is_array(v) for v in value.values()):
            msg = f"the weights are the entry {name!r} of the state; give that entry alone"
            raise InputError(f"{msg}: state[{name!r}]")
    for name, value in state.items():
        if not isinstance(name, str) or not _is_array(value):
            msg = f"{name!r} is a {type(value).__name__}, where a state_dict has names and arrays"
            raise InputError(f"{msg}; give what module.state_dict() gives")
    return dict(state)


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _layer_names(tensors: Mapping[str, Any], order: Sequence[str] | None) -> list[str]:
    """Names of the layers, first to last."""
    prefixes = {name.rpartition(".")[0] for name in tensors}
    for name, tensor in tensors.items():
        _check_linear(name, tensor)
    bare = sorted(p for p in prefixes if _key(p, "weight") not in tensors)
    if bare or not prefixes:
        msg = f"'{bare[0]}' has a bias and no weight" if bare else "the state_dict is empty"
        raise InputError(f"{msg}; give a state_dict of Linear layers")
    if order is not None:
        # a single name is the list of one layer
        names = [order] if isinstance(order, str) else list(order)
        if sorted(names) != sorted(prefixes):
            msg = f"order is {names} and the layers are {sorted(prefixes)}; name each once"
            raise InputError(msg)
        return names
    # names that are equal but for their numbers have an order
    if len({re.sub(r"\d+", "0", prefix) for prefix in prefixes}) > 1:
        msg = f"the names {', '.join(sorted(prefixes))} do not say the order of the layers"
        raise InputError(
            f"{msg}; give it: order=[first, ..., last], on the command line --order first,...,last"
        )
    # by numbers, as "10" stands before "2" by letters
    return sorted(prefixes, key=_numbers)


def _numbers(prefix: str) -> list[int]:
    """Numbers in a name, by which layers are ordered."""
    numbers: list[str] = re.findall(r"\d+", prefix)
    longest = max(map(len, numbers), default=0)
    if longest > _DIGITS:
        msg = f"the name {prefix[:30]}... has a number of {longest} digits, no layer's; give "
        raise InputError(f"{msg}the order of the layers: order=[first, ..., last]")
    return [int(number) for number in numbers]


def _check_linear(name: str, tensor: Any) -> None:
    """Refuse an array that is not of a ``Linear``, or that changes what it computes."""
    cure = next((cure for part, cure in _MERGED.items() if re.search(part, name)), None)
    dims = _DIMENSIONS.get(name.rpartition(".")[2])
    # a dtype of PyTorch has no name, but a text such as "torch.float32"
    dtype = getattr(tensor.dtype, "name", str(tensor.dtype).rpartition(".")[2])
    if cure is None and dims == len(tensor.shape):
        if dtype in dtypes.FLOATS:
            return
        cure = f"give numbers of {', '.join(dtypes.FLOATS)}, not quantized ones"
    msg = f"{name}, of shape {tuple(tensor.shape)} and type {dtype}, is not that of a Linear layer"
    raise InputError(f"{msg}; {cure or 'give a state_dict of Linear layers only'}")

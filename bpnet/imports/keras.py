"""Keras models of dense layers: a ``.keras`` file, or a model that is there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from bpnet.arguments import checked
from bpnet.core import activations
from bpnet.core.activations import Activation
from bpnet.errors import InputError
from bpnet.imports.assembling import network_of
from bpnet.network import Network
from bpnet.requirements import install

_LIMIT = 1 << 31
"""Bytes of an entry of a file above which it is refused."""

_DAMAGE = (
    BadZipFile,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    OSError,
    RecursionError,
)
"""What reading a file raises that is not what its name says."""

_SIGMAS: dict[str, Activation] = {
    "linear": activations.Identity(),
    "sigmoid": activations.Sigmoid(),
    "tanh": activations.Tanh(),
    "relu": activations.ReLU(),
    "leaky_relu": activations.LeakyReLU(0.2),  # the slope of keras.activations.leaky_relu
    "elu": activations.ELU(),
    "selu": activations.SELU(),
    "softplus": activations.Softplus(),
    "gelu": activations.GELU(),
    "silu": activations.SiLU(),
    "swish": activations.SiLU(),
    "exponential": activations.Exp(),
    "softmax": activations.Softmax(),
}

_LEFT_OUT = {"InputLayer", "Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"}
"""Layers that do nothing in prediction."""


@dataclass
class _Found:
    """Dense layers so far: their settings, and their activations."""

    layers: list[dict[str, Any]] = field(default_factory=list)
    sigmas: list[Activation] = field(default_factory=list)
    flat: bool = True


@checked
def from_keras(model: Any, classes: Sequence[Any] | None = None) -> Network:
    """Network of a Keras 3 model, Sequential or Functional, of dense layers one after the other.

    Activation layers belong to the dense layer before them; dropout and noise, which do nothing in
    prediction, and a Flatten before the first dense layer are left out; others are refused.

    Parameters
    ----------
    model : keras.Model, str or Path
        A built model, or a ``.keras`` file, which is read with h5py and without Keras.
    classes : sequence, optional
        Names of the classes.

    Returns
    -------
    Network
        With the weights in their dtype.

    Raises
    ------
    InputError
        If the file is none, or the model has a layer or an activation that a network has not.
    """
    if isinstance(model, str | Path):
        return _of_file(Path(model), classes)
    if not all(hasattr(model, name) for name in ("get_config", "layers", "built")):
        msg = f"{type(model).__name__} is no Keras model; give one, or a .keras file"
        raise InputError(msg)
    dense = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    weights = [layer.get_weights() for layer in dense]
    return _network(type(model).__name__, model.get_config(), weights, classes)


def _network(
    kind: str, config: Mapping[str, Any], weights: list[list[Any]], classes: Any
) -> Network:
    """Network of a model's class and configuration, and the arrays of its dense layers."""
    found = _walked(kind, config)
    names = [str(layer["name"]) for layer in found.layers]
    if not names or len(weights) != len(names):
        msg = f"the model has {len(names)} dense layers and weights of {len(weights)}"
        raise InputError(f"{msg}; give a built model of dense layers")
    for name, arrays, layer in zip(names, weights, found.layers, strict=True):
        if len(arrays) != 1 + bool(layer.get("use_bias", True)):
            msg = f"'{name}' has {len(arrays)} arrays; give a model that is built, without LoRA"
            raise InputError(msg)
    return network_of(
        [arrays[0].T for arrays in weights],
        [arrays[1] if len(arrays) > 1 else None for arrays in weights],
        found.sigmas,
        names,
        classes,
    )


def _walked(kind: str, config: Mapping[str, Any]) -> _Found:
    """Dense layers of a model, from its configuration."""
    if kind not in ("Sequential", "Functional"):
        msg = f"the model is a {kind}; give a Sequential or a Functional one"
        raise InputError(msg)
    found, before = _Found(), None
    for layer in config["layers"]:
        name = layer["config"]["name"]
        if kind == "Functional":
            _check_chain(layer, before)
        before = name
        _take(layer["class_name"], layer["config"], found)
    return found


def _check_chain(layer: Mapping[str, Any], before: str | None) -> None:
    """Refuse a graph that is not one layer after the other."""
    origins = _origins(layer.get("inbound_nodes", []))
    if origins != ([] if before is None else [before]):
        msg = f"'{layer['config']['name']}' comes after {', '.join(origins) or 'nothing'}"
        raise InputError(f"{msg}; give a model whose layers follow one another")


def _origins(node: Any) -> list[str]:
    """Layers that a node's arguments come from."""
    if isinstance(node, Mapping):
        if "keras_history" in node:
            return [node["keras_history"][0]]
        return _origins(list(node.values()))
    return [o for part in node for o in _origins(part)] if isinstance(node, list | tuple) else []


def _take(kind: str, config: dict[str, Any], found: _Found) -> None:
    """Add what a layer is to what was found."""
    if kind == "InputLayer":
        found.flat = len(config.get("batch_shape") or (0, 0)) == 2
    elif kind == "Flatten" and not found.layers:
        found.flat = True
    elif kind == "Dense" and found.flat:
        found.layers.append(config)
        found.sigmas.append(_sigma(config.get("activation") or "linear", config["name"]))
    elif kind in ("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax") and found.layers:
        if not isinstance(found.sigmas[-1], activations.Identity):
            msg = f"'{config['name']}' is a second activation after one dense layer"
            raise InputError(f"{msg}; a layer here has one")
        found.sigmas[-1] = _of_layer(kind, config)
    elif kind not in _LEFT_OUT:
        msg = f"'{config.get('name')}' is a layer {kind}, which a network here has not in its place"
        raise InputError(f"{msg}; give a model of dense layers")


def _of_layer(kind: str, config: dict[str, Any]) -> Activation:
    """Activation that a layer of its own is."""
    name = config["name"]
    plain = {"max_value": None, "threshold": 0.0, "negative_slope": 0.0, "axis": -1}
    if kind == "LeakyReLU":
        return activations.LeakyReLU(float(config["negative_slope"]))
    if kind == "ELU":
        return activations.ELU(float(config["alpha"]))
    if kind != "Activation":
        if any(config.get(key, value) not in (value, [value]) for key, value in plain.items()):
            msg = f"'{name}' is a {kind} with settings of its own; give a plain one"
            raise InputError(msg)
        return _SIGMAS[kind.lower()]
    return _sigma(config["activation"], name)


def _sigma(given: Any, layer: str) -> Activation:
    if isinstance(given, Mapping):
        given = given.get("config")
    if not isinstance(given, str) or given not in _SIGMAS:
        msg = f"'{layer}' has the activation {given!r}, which is not one of {', '.join(_SIGMAS)}"
        raise InputError(f"{msg}; give a model with one of these")
    return _SIGMAS[given]


def _of_file(path: Path, classes: Any) -> Network:
    """Network of a ``.keras`` file: a zip of a configuration and of weights in HDF5."""
    if not path.is_file():
        msg = f"there is no {path}; give a .keras file"
        raise InputError(msg)
    try:
        with ZipFile(path) as file:
            for name in ("config.json", "model.weights.h5"):
                if file.getinfo(name).file_size > _LIMIT:
                    msg = f"{path}: {name} is larger than 2 GB; give a smaller model"
                    raise InputError(msg)
            described = json.loads(file.read("config.json"))
            weights = _dense_arrays(file.read("model.weights.h5"))
        return _network(described["class_name"], described["config"], weights, classes)
    except _DAMAGE as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).split())[:120]
        msg = f"{path} is damaged or no .keras file of Keras 3 ({reason}); save the model anew"
        raise InputError(msg) from error


def _dense_arrays(content: bytes) -> list[list[Any]]:
    """Arrays of the groups ``layers/dense``, ``dense_1``, ...: dense layers in their order."""
    try:
        import h5py
    except ImportError as error:
        msg = f".keras files need h5py, which is not installed: {install('h5py')}"
        raise InputError(msg) from error
    found: list[list[Any]] = []
    with h5py.File(BytesIO(content), "r") as file:
        layers = _inside(h5py, file, "layers")
        while (name := f"dense_{len(found)}" if found else "dense") in layers:
            arrays = _inside(h5py, _inside(h5py, layers, name), "vars")
            found.append([_inside(h5py, arrays, key)[()] for key in sorted(arrays)])
    return found


def _inside(h5py: Any, group: Any, name: str) -> Any:
    """A member of a group, if it lies in this file: a link could lead to any other."""
    member = group[name] if isinstance(group.get(name, getlink=True), h5py.HardLink) else None
    away = isinstance(member, h5py.Dataset) and (member.external or member.is_virtual)
    if member is None or away:
        msg = f"{name} lies outside of it"
        raise ValueError(msg)
    return member

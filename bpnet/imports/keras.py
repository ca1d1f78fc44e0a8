"""Keras models of dense layers, from a ``.keras`` file or from memory."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bpnet.arguments import checked
from bpnet.core.layers import Dropout
from bpnet.errors import InputError
from bpnet.imports import keras_file, keras_layers
from bpnet.imports.assembling import Linear, build_network
from bpnet.imports.keras_layers import Chain, DenseLayer
from bpnet.model.network import Network

_Arrays = Callable[[list[DenseLayer]], list[list[Any]]]
"""A function that returns the arrays of dense layers."""


@checked
def from_keras(model: Any, classes: Sequence[Any] | None = None) -> Network:
    """Network of a Keras 3 model, Sequential or Functional, of dense layers one after the other.

    An activation layer becomes the activation of the dense layer before it, Dropout stays, and a
    Flatten before the first dense layer changes nothing. Noise, regularizers and constraints, which
    act in training only, are left out with a warning. A layer or setting that changes predictions
    and has no equal here is refused by name.

    Parameters
    ----------
    model : keras.Model, str or Path
        A built model, or a ``.keras`` file, which is read with h5py and without Keras.
    classes : sequence, optional
        Names of the classes.

    Returns
    -------
    Network
        Network with the weights in their dtype, half precision in float32.

    Raises
    ------
    InputError
        If it is no Keras model, or has a layer or an activation that a network cannot have.
    """
    if isinstance(model, str | Path):
        with keras_file.opened(Path(model)) as file:
            described = file.model()
            return _network(
                described,
                lambda dense: file.arrays([1 + layer.has_bias for layer in dense]),
                classes,
            )
    # told by its attributes, so that Keras is not imported
    if not all(hasattr(model, name) for name in ("get_config", "layers", "built")):
        msg = f"{type(model).__name__} is no Keras model; give one, or a .keras file"
        raise InputError(msg)
    if not model.built:
        msg = f"'{model.name}' is not built; build it, or call it, before"
        raise InputError(msg)
    _check_own(model)
    layers = {layer.name: layer for layer in model.layers}
    module, kind = type(model).__module__.partition(".")[0], type(model).__name__
    return _network(
        {"module": module, "class_name": kind, "config": model.get_config()},
        lambda dense: [layers[layer.name].get_weights() for layer in dense],
        classes,
    )


def _check_own(model: Any) -> None:
    """Refuse activations that are not Keras's own: the configuration has only a name for them."""
    for layer in model.layers:
        sigma = getattr(layer, "activation", None)
        module = getattr(sigma, "__module__", "keras")
        if sigma is not None and module.partition(".")[0] != "keras":
            name = getattr(sigma, "__name__", type(sigma).__name__)
            msg = f"'{layer.name}' has the activation {name} of {module}, which is not Keras's own"
            raise InputError(f"{msg}; give a model with one of Keras's")


def _network(described: Mapping[str, Any], arrays: _Arrays, classes: Any) -> Network:
    """Network from a model's class and configuration, and the arrays of its dense layers."""
    chain = _chain(described)
    dense = chain.dense
    if not dense:
        msg = "the model has no dense layers; give a built model of dense layers"
        raise InputError(msg)
    # dropout has no arrays, and is passed over when they are assigned
    linear = iter([_linear(*pair) for pair in zip(dense, arrays(dense), strict=True)])
    parts = [part if isinstance(part, Dropout) else next(linear) for part in chain.parts]
    network = build_network(parts, classes)
    _warn(chain)
    return network


def _linear(layer: DenseLayer, arrays: list[Any]) -> Linear:
    # LoRA adds arrays, and a layer that was not built has none
    shapes = [array.shape for array in arrays]
    if len(arrays) != 1 + layer.has_bias or shapes[0][1:] != (layer.units,):
        msg = f"'{layer.name}' has arrays of shapes {shapes} for {layer.units} neurons"
        raise InputError(f"{msg}; give a model that is built, without LoRA")
    # Keras stores W as (n_in, n_out)
    return Linear(layer.name, arrays[0].T, arrays[1] if layer.has_bias else None, layer.sigma)


def _warn(chain: Chain) -> None:
    """Warn of parts of the model that were left out, and of half precision."""
    if chain.left_out:
        msg = f"left out, as it acts in training only: {', '.join(chain.left_out)}"
        # 5 frames up is the user's line: `_network`, `from_keras` and its check stand between
        warnings.warn(msg, stacklevel=5)
    if chain.halves:
        msg = f"the model computes in {chain.halves[0]}, the network in the dtype of its weights"
        warnings.warn(msg, stacklevel=5)


def _chain(described: Mapping[str, Any]) -> Chain:
    """Layers of a model, from its configuration."""
    kind, config = described["class_name"], described["config"]
    own = described.get("module", "keras").partition(".")[0] == "keras"
    if kind not in ("Sequential", "Functional") or not own:
        msg = f"the model is a {kind} of {described.get('module')}"
        raise InputError(f"{msg}; give a Sequential or a Functional one of Keras")
    chain, before = Chain(), None
    for layer in config["layers"]:
        name = layer["config"]["name"]
        if kind == "Functional":
            _check_chain(layer, before)
        keras_layers.append(layer, chain)
        before = name
    if kind == "Functional":
        # a graph of one chain may still have its outputs in the middle
        ends = [config["layers"][0]["config"]["name"]], [before]
        if (_ends(config["input_layers"]), _ends(config["output_layers"])) != ends:
            msg = f"its outputs are {', '.join(_ends(config['output_layers']))}, its last layer is"
            raise InputError(f"{msg} {before}; give a model with one input and one output")
    keras_layers.finish(chain)
    return chain


def _check_chain(layer: Mapping[str, Any], before: str | None) -> None:
    """Refuse a graph whose layers do not follow one another, each called once without options."""
    nodes, name = layer.get("inbound_nodes", []), layer["config"]["name"]
    origins = _origins(nodes)
    if origins != ([] if before is None else [before]):
        msg = f"'{name}' comes after {', '.join(origins) or 'nothing'}"
        raise InputError(f"{msg}; give a model whose layers follow one another")
    for node in nodes:
        for key, value in node.get("kwargs", {}).items():
            # None and False are what a plain call has for mask and training
            if value is not None and value is not False:
                msg = f"'{name}' is called with {key} = {value!r}"
                raise InputError(f"{msg}; give a model that calls its layers without it")


def _origins(node: Any) -> list[str]:
    """Names of the layers whose outputs are a node's arguments."""
    if isinstance(node, Mapping):
        if "keras_history" in node:
            # ["name of the layer", node, output]
            return [node["keras_history"][0]]
        return _origins(list(node.values()))
    return [o for part in node for o in _origins(part)] if isinstance(node, list | tuple) else []


def _ends(node: Any) -> list[str]:
    """Names of a model's input or output layers: from ``[name, 0, 0]``, a list or dict of them."""
    if isinstance(node, Mapping):
        return _ends(list(node.values()))
    if node and isinstance(node[0], str):
        return [node[0]]
    return [name for part in node for name in _ends(part)]

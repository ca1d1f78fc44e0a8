"""What a layer of Keras is here, from its settings: each is followed exactly, or refused by name.

A setting that no table names is refused unless it is None, so that one which Keras gains later
cannot be missed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from bpnet.core import activations
from bpnet.core.activations import Activation
from bpnet.core.layers import Dropout
from bpnet.errors import InputError

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

_ACTIVATIONS = {
    "Activation": {"activation"},
    "ReLU": {"max_value", "negative_slope", "threshold"},
    "LeakyReLU": {"negative_slope"},
    "ELU": {"alpha"},
    "Softmax": {"axis"},
}
"""Layers that are an activation, and the settings that are followed."""

_FOLLOWED = {
    **_ACTIVATIONS,
    "InputLayer": {"batch_shape", "sparse", "ragged", "optional"},
    "Flatten": {"data_format"},
    "Dense": {"units", "activation", "use_bias"},
    "Dropout": {"rate"},
}
"""Layers that are followed, and their settings that are."""

_IN_TRAINING = {"GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization"}
"""Layers that do nothing in prediction."""

_LEFT_OUT = {
    *("kernel_regularizer", "bias_regularizer", "activity_regularizer"),
    *("kernel_constraint", "bias_constraint", "noise_shape"),
}
"""Settings that do nothing in prediction."""

_NEUTRAL = {"name", "trainable", "dtype", "seed", "kernel_initializer", "bias_initializer"}
"""Settings that do nothing to weights that are there, and those that are looked at for all."""

_DTYPES = {"float64", "float32", None}
_HALF = {"float16", "bfloat16", "mixed_float16", "mixed_bfloat16"}
"""Policies under which weights are what they seem."""


@dataclass(frozen=True)
class DenseLayer:
    """A dense layer without its arrays: its name, neurons, whether it has biases, and sigma."""

    name: str
    units: int
    has_bias: bool
    sigma: Activation


@dataclass
class Chain:
    """Layers so far, what was left out of them, and whether their values are one axis."""

    parts: list[DenseLayer | Dropout] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    halves: list[str] = field(default_factory=list)
    is_flat: bool = False

    @property
    def dense(self) -> list[DenseLayer]:
        """Those that have arrays."""
        return [part for part in self.parts if isinstance(part, DenseLayer)]


def take(layer: Mapping[str, Any], chain: Chain) -> None:
    """Add what a layer is to the chain.

    Parameters
    ----------
    layer : mapping
        As Keras writes it in a configuration.
    chain : Chain
        Layers before it; added to.

    Raises
    ------
    InputError
        If the layer or a setting has no equal here.
    """
    kind, config = layer["class_name"], layer["config"]
    name = config["name"]
    _check(layer, chain)
    if kind == "InputLayer":
        chain.is_flat = len(config["batch_shape"]) == 2
    elif kind == "Flatten":
        _flatten(name, config, chain)
    elif kind == "Dense":
        if not chain.is_flat:
            _refuse(name, kind, "takes inputs of more than one axis; flatten them before it")
        sigma = _sigma(config.get("activation") or "linear", name, chain)
        has_bias = bool(config.get("use_bias", True))
        chain.parts.append(DenseLayer(name, config["units"], has_bias, sigma))
    elif kind == "Dropout":
        chain.parts.append(Dropout(config["rate"]))
    elif kind in _IN_TRAINING:
        chain.left_out.append(f"'{name}' ({kind})")
    else:
        _activate(name, _of_layer(layer, chain), chain)


def finish(chain: Chain) -> None:
    """Leave out dropout of the outputs, which are what they are."""
    while chain.parts and isinstance(chain.parts[-1], Dropout):
        chain.parts.pop()
        chain.left_out.append("Dropout after the last dense layer")


def _refuse(name: str, kind: str, why: str) -> NoReturn:
    msg = f"'{name}' is a layer {kind}, which {why}"
    raise InputError(msg)


def _check(layer: Mapping[str, Any], chain: Chain) -> None:
    """Refuse what is not Keras's own, not known, or has settings that are not followed."""
    kind, config = layer["class_name"], layer["config"]
    name = config["name"]
    is_keras = layer.get("module", "keras.layers") == "keras.layers"
    if not is_keras or layer.get("registered_name") is not None:
        _refuse(name, f"{kind} of {layer.get('registered_name')}", "is not Keras's own; give one")
    if kind not in _FOLLOWED and kind not in _IN_TRAINING:
        why = "a network here has not in its place; give a model of dense layers"
        _refuse(name, kind, why)
    for key, value in config.items():
        if key in _LEFT_OUT and value is not None:
            chain.left_out.append(f"{key} of '{name}'")
        elif value is not None and key not in _NEUTRAL | _FOLLOWED.get(kind, {key}):
            _refuse(name, kind, f"has {key} = {value!r:.60}; give a model without that")
    if config.get("trainable", True) is not True:
        chain.left_out.append(f"trainable = {config['trainable']!r} of '{name}'")
    if kind != "InputLayer":
        _check_dtype(name, config.get("dtype"), chain)


def _check_dtype(name: str, given: Any, chain: Chain) -> None:
    policy = given
    if isinstance(given, Mapping) and given.get("class_name") == "DTypePolicy":
        policy = given["config"]["name"]
    if not isinstance(policy, str | None) or policy not in _DTYPES | _HALF:
        msg = f"'{name}' has the dtype {policy!r}; give a model of floats, not a quantized one"
        raise InputError(msg)
    if policy in _HALF:
        chain.halves.append(policy)


def _flatten(name: str, config: Mapping[str, Any], chain: Chain) -> None:
    if not chain.is_flat and config.get("data_format") != "channels_last":
        why = f"is {config.get('data_format')} and puts values in another order than they come in"
        _refuse(name, "Flatten", f"{why}; build the model with channels_last")
    chain.is_flat = True


def _activate(name: str, sigma: Activation, chain: Chain) -> None:
    """Give the last dense layer its activation."""
    if not chain.dense:
        _refuse(name, "of activation", "comes before the first dense layer; give it after one")
    if isinstance(sigma, activations.Identity):
        return
    while isinstance(chain.parts[-1], Dropout):
        chain.parts.pop()
        chain.left_out.append(f"Dropout before the activation '{name}'")
    last = chain.parts[-1]
    if not isinstance(last.sigma, activations.Identity):
        msg = f"'{name}' is a second activation after one dense layer"
        raise InputError(f"{msg}; a layer here has one")
    chain.parts[-1] = DenseLayer(last.name, last.units, last.has_bias, sigma)


def _of_layer(layer: Mapping[str, Any], chain: Chain) -> Activation:
    """Activation that a layer of its own is."""
    kind, config = layer["class_name"], layer["config"]
    name = config["name"]
    if kind == "Activation":
        return _sigma(config["activation"], name, chain)
    if kind == "ELU":
        return activations.ELU(float(config["alpha"]))
    if kind == "Softmax":
        axes = config["axis"] if isinstance(config["axis"], Sequence) else [config["axis"]]
        if list(axes) not in ([-1], [1]):
            _own_settings(name, kind)
        return activations.Softmax()
    if config.get("max_value") is not None or config.get("threshold", 0.0) != 0:
        _own_settings(name, kind)
    slope = float(config["negative_slope"])
    return activations.LeakyReLU(slope) if slope else activations.ReLU()


def _own_settings(name: str, kind: str) -> NoReturn:
    msg = f"'{name}' is a {kind} with settings of its own; give a plain one"
    raise InputError(msg)


def _sigma(given: Any, name: str, chain: Chain) -> Activation:
    """Activation of a name, or of a layer that stands where a name could."""
    if isinstance(given, Mapping) and given.get("class_name") in _ACTIVATIONS:
        _check(given, chain)
        return _of_layer(given, chain)
    if not isinstance(given, str) or given not in _SIGMAS:
        msg = f"'{name}' has the activation {given!r}, which is not one of {', '.join(_SIGMAS)}"
        raise InputError(f"{msg}; give a model with one of these")
    return _SIGMAS[given]

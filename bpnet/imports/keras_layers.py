"""Layers of Keras from their settings: each setting is followed exactly, or refused by name.

A setting that no table here names is refused unless it is None: Keras may gain settings.
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
    # exact, as in Keras without approximate=True
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
"""Layers of an activation alone, with the settings that are followed."""

_FOLLOWED = {
    **_ACTIVATIONS,
    "InputLayer": {"batch_shape", "sparse", "ragged", "optional"},
    "Flatten": {"data_format"},
    "Dense": {"units", "activation", "use_bias"},
    "Dropout": {"rate"},
}
"""All layers that are followed, with the settings that are followed."""

_IN_TRAINING = {"GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization"}
"""Layers that act in training only."""

_LEFT_OUT = {
    *("kernel_regularizer", "bias_regularizer", "activity_regularizer"),
    *("kernel_constraint", "bias_constraint", "noise_shape"),
}
"""Settings that act in training only."""

_NEUTRAL = {"name", "trainable", "dtype", "seed", "kernel_initializer", "bias_initializer"}
"""Settings that do not change a trained network, or that are checked for every layer."""

_DTYPES = {"float64", "float32", None}
_HALF = {"float16", "bfloat16", "mixed_float16", "mixed_bfloat16"}
"""Policies whose weights are plain floats."""


@dataclass(frozen=True)
class DenseLayer:
    """A dense layer without its arrays."""

    name: str
    units: int
    has_bias: bool
    sigma: Activation


@dataclass
class Chain:
    """Layers so far, parts that were left out, and policies of half precision.

    ``is_flat`` says whether the values of an example have one axis at this point.
    """

    parts: list[DenseLayer | Dropout] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    halves: list[str] = field(default_factory=list)
    is_flat: bool = False

    @property
    def dense(self) -> list[DenseLayer]:
        """The layers that have arrays."""
        return [part for part in self.parts if isinstance(part, DenseLayer)]


def append(layer: Mapping[str, Any], chain: Chain) -> None:
    """Append a layer to the chain, from its entry in Keras's configuration.

    A layer or a setting that has no equal here is refused.
    """
    kind, config = layer["class_name"], layer["config"]
    name = config["name"]
    _check(layer, chain)
    if kind == "InputLayer":
        # the axis of examples, and one of values
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
        _activate(name, _layer_activation(layer, chain), chain)


def finish(chain: Chain) -> None:
    """Leave out dropout after the last dense layer, as it would change the outputs."""
    while chain.parts and isinstance(chain.parts[-1], Dropout):
        chain.parts.pop()
        chain.left_out.append("Dropout after the last dense layer")


def _refuse(name: str, kind: str, why: str) -> NoReturn:
    msg = f"'{name}' is a layer {kind}, which {why}"
    raise InputError(msg)


def _check(layer: Mapping[str, Any], chain: Chain) -> None:
    """Refuse a layer that is not Keras's own, is unknown, or has settings that are not followed."""
    kind, config = layer["class_name"], layer["config"]
    name = config["name"]
    # Keras's own layers have no registered name, a user's have one
    is_keras = layer.get("module", "keras.layers") == "keras.layers"
    if not is_keras or layer.get("registered_name") is not None:
        _refuse(name, f"{kind} of {layer.get('registered_name')}", "is not Keras's own; give one")
    if kind not in _FOLLOWED and kind not in _IN_TRAINING:
        why = "a network here has not in its place; give a model of dense layers"
        _refuse(name, kind, why)
    for key, value in config.items():
        if key in _LEFT_OUT and value is not None:
            chain.left_out.append(f"{key} of '{name}'")
        # of a layer that is left out no setting matters
        elif value is not None and key not in _NEUTRAL | _FOLLOWED.get(kind, {key}):
            _refuse(name, kind, f"has {key} = {value!r:.60}; give a model without that")
    if config.get("trainable", True) is not True:
        chain.left_out.append(f"trainable = {config['trainable']!r} of '{name}'")
    # the dtype of an input is that of the data, and no policy
    if kind != "InputLayer":
        _check_dtype(name, config.get("dtype"), chain)


def _check_dtype(name: str, policy: Any, chain: Chain) -> None:
    if isinstance(policy, Mapping) and policy.get("class_name") == "DTypePolicy":
        policy = policy["config"]["name"]
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
    """Set the activation of the last dense layer."""
    if not chain.dense:
        _refuse(name, "of activation", "comes before the first dense layer; give it after one")
    if isinstance(sigma, activations.Identity):
        return
    # dropout between a dense layer and its activation has no equal here
    while isinstance(chain.parts[-1], Dropout):
        chain.parts.pop()
        chain.left_out.append(f"Dropout before the activation '{name}'")
    last = chain.parts[-1]
    if not isinstance(last.sigma, activations.Identity):
        msg = f"'{name}' is a second activation after one dense layer"
        raise InputError(f"{msg}; give a model with one for each layer")
    chain.parts[-1] = DenseLayer(last.name, last.units, last.has_bias, sigma)


def _layer_activation(layer: Mapping[str, Any], chain: Chain) -> Activation:
    """Activation of a layer that is an activation alone."""
    kind, config = layer["class_name"], layer["config"]
    name = config["name"]
    if kind == "Activation":
        return _sigma(config["activation"], name, chain)
    if kind == "ELU":
        return activations.ELU(float(config["alpha"]))
    if kind == "Softmax":
        axes = config["axis"] if isinstance(config["axis"], Sequence) else [config["axis"]]
        # on flat values both are the last axis
        if list(axes) not in ([-1], [1]):
            _refuse_settings(name, kind)
        return activations.Softmax()
    # a layer LeakyReLU has neither of the two
    if config.get("max_value") is not None or config.get("threshold", 0.0) != 0:
        _refuse_settings(name, kind)
    slope = float(config["negative_slope"])
    return activations.LeakyReLU(slope) if slope else activations.ReLU()


def _refuse_settings(name: str, kind: str) -> NoReturn:
    msg = f"'{name}' is a {kind} with settings of its own; give a plain one"
    raise InputError(msg)


def _sigma(sigma: Any, name: str, chain: Chain) -> Activation:
    """Activation by its name, or of the layer that Keras allows in place of a name."""
    if isinstance(sigma, Mapping) and sigma.get("class_name") in _ACTIVATIONS:
        _check(sigma, chain)
        return _layer_activation(sigma, chain)
    if not isinstance(sigma, str) or sigma not in _SIGMAS:
        msg = f"'{name}' has the activation {sigma!r}, which is not one of {', '.join(_SIGMAS)}"
        raise InputError(f"{msg}; give a model with one of these")
    return _SIGMAS[sigma]

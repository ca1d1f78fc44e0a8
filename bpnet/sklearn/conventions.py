"""Where scikit-learn's conventions differ from the paper's and from bpnet's own."""

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from bpnet._typing import Array, Namespace
from bpnet.core import activations, costs, initializers, layers, optimizers, schedules
from bpnet.core.activations import Activation
from bpnet.core.costs import Cost
from bpnet.core.optimizers import Optimizer
from bpnet.data.draws import HostDraw
from bpnet.training.declared import STRENGTH
from bpnet.training.recipe import RECIPE


def activation(given: str | Activation) -> Activation:
    """Activation of a name; ``"logistic"`` is the sigmoid."""
    named = isinstance(given, str) and given == "logistic"
    return activations.get("sigmoid" if named else given)


def name(given: Activation) -> str:
    """Name of an activation, in scikit-learn's words where it has one."""
    names = {kind: key for key, kind in activations.ACTIVATIONS.items()}
    names[activations.Sigmoid] = "logistic"
    return names.get(type(given), type(given).__name__)


@dataclass(frozen=True)
class MeanOutputs(costs.Quadratic):
    """Half the squared error whose value is the mean over outputs, while delta is that of the sum.

    It is so in scikit-learn, where ``loss_`` of several outputs is smaller by their number.
    """

    def value(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return C of each example, ``(..., batch)``."""
        return super().value(z, y, output, xp=xp) / z.shape[-1]


@dataclass(frozen=True)
class Adam(optimizers.Adam):
    """Adam whose epsilon is not corrected for the start at zero.

    w <- w - eta sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps).
    """

    def coefficients(self, t: int, learning_rate: float) -> tuple[float, ...]:
        """Return Adam's, with eps / sqrt(1 - beta2) in place of eps'."""
        eta, _, *betas = super().coefficients(t, learning_rate)
        return eta, self.epsilon / (1 - self.beta2) ** 0.5, *betas


def cost(loss: str, output: Activation) -> Cost:
    """Cost of scikit-learn's ``loss``."""
    if loss == "squared_error":
        return MeanOutputs()
    return costs.get("cross_entropy" if loss == "log_loss" else loss, output)


def optimizer(estimator: Any) -> Optimizer:
    """Optimizer of an estimator's ``solver`` and its parameters."""
    solver, eta = estimator.solver, float(estimator.learning_rate_init)
    if solver not in ("sgd", "adam"):
        found: Optimizer = optimizers.get(solver, eta if isinstance(solver, str) else None)
        return found
    if solver == "adam":
        return Adam(eta, *map(float, (estimator.beta_1, estimator.beta_2, estimator.epsilon)))
    if estimator.momentum == 0:
        return optimizers.SGD(eta)
    kind = optimizers.Nesterov if estimator.nesterovs_momentum else optimizers.Momentum
    # scikit-learn allows 1, where nothing is ever lost
    return kind(eta, min(float(estimator.momentum), math.nextafter(1.0, 0.0)))


def first_weights(
    n_in: int, n_out: int, hidden: Activation, given: Any, source: np.random.RandomState
) -> tuple[Any, Any]:
    """First ``W``, (n_in, n_out), and ``b``, (n_out,), in float64.

    The default is uniform on +-sqrt(6 / (n_in + n_out)), biases too, or on +-sqrt(2 / ...) where
    the hidden layers are sigmoids (Glorot and Bengio 2010).
    """
    if given != "auto":
        W, b = initializers.get(given, hidden)(HostDraw(source), n_in, n_out, xp=np)
        return np.ascontiguousarray(W), b
    factor = 2.0 if isinstance(hidden, activations.Sigmoid) else 6.0
    bound = np.sqrt(factor / (n_in + n_out))
    W = source.uniform(-bound, bound, (n_in, n_out))
    return W, source.uniform(-bound, bound, n_out)


def make_layers(
    sizes: list[int], sigmas: list[Activation], *, dropout: float, norm: str | None
) -> tuple[Any, ...]:
    """Layers of a network with dropout and normalization after the hidden ones."""
    dense = [
        layers.Dense(n_in, n_out, sigma)
        for n_in, n_out, sigma in zip(sizes[:-1], sizes[1:], sigmas, strict=True)
    ]
    made = layers.with_norm(dense, norm)
    return layers.with_dropout(made, dropout) if dropout else made


_SIGMAS = {*activations.ACTIVATIONS, "logistic"}
_OBJECT = HasMethods(["sigma", "backward"])
_COUNT = Interval(Integral, 1, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")
_LIMIT = Interval(Real, STRENGTH.low, None, closed="left")

LEARNING_RATES = ("constant", "invscaling", "adaptive")
"""Those of scikit-learn, which act between epochs."""

COMMON: dict[str, Any] = {
    "hidden_layer_sizes": ["array-like", _COUNT],
    "activation": [StrOptions(_SIGMAS), _OBJECT, "array-like"],
    "solver": [StrOptions({"lbfgs", *optimizers.OPTIMIZERS}), HasMethods(["init", "update"])],
    "alpha": [_LIMIT],
    "batch_size": [StrOptions({"auto"}), _COUNT],
    "learning_rate": [StrOptions({*LEARNING_RATES, *schedules.SCHEDULES}), HasMethods(["rate"])],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [_LIMIT],
    "max_iter": [_COUNT],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_LIMIT],
    "verbose": ["verbose"],
    "warm_start": ["boolean", StrOptions({"exact"})],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_SHARE],
    "beta_1": [_SHARE],
    "beta_2": [_SHARE],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [_COUNT, Options(Real, {math.inf})],
    "max_fun": [_COUNT],
    "output_activation": [StrOptions(_SIGMAS), _OBJECT, None],
    "initializer": [StrOptions({"auto", *initializers.INITIALIZERS}), callable],
    "cost": [str, HasMethods(["value", "delta"]), None],
    "dropout": [_SHARE],
    "norm": [StrOptions({"batch", "layer"}), None],
    **{name: [_LIMIT] for name, about in RECIPE.items() if about.range == STRENGTH},
    "scoring": [str, callable, None],
    "callbacks": ["array-like", None],
    "backend": "no_validation",
    "device": "no_validation",
    "dtype": [StrOptions({"float64", "float32", "float16", "bfloat16"}), None],
    "precision": [StrOptions({"tf32"}), None],
    "threads": [_COUNT, None],
}
"""For scikit-learn's ``_validate_params``, which words the errors."""


def taken(est: Any) -> dict[str, Any]:
    """What the training step takes of an estimator's parameters, by the step's names."""
    names = [name for name, about in RECIPE.items() if about.taken and hasattr(est, name)]
    return {"l2": float(est.alpha), **{name: float(getattr(est, name)) for name in names}}


def of_steps(est: Any) -> dict[str, Any]:
    """What L-BFGS has no use for, each as it is given and as it has to be."""
    names = [name for name, about in RECIPE.items() if about.of_steps and hasattr(est, name)]
    return {name: (getattr(est, name), RECIPE[name].default) for name in names}

"""Where the conventions of scikit-learn differ from those of the paper and of bpnet."""

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


def activation(sigma: str | Activation) -> Activation:
    """Return the activation of a name; ``"logistic"`` is the sigmoid."""
    return activations.get("sigmoid" if isinstance(sigma, str) and sigma == "logistic" else sigma)


def name(sigma: Activation) -> str:
    """Return the name of an activation, which is scikit-learn's where it has one."""
    names = {kind: key for key, kind in activations.ACTIVATIONS.items()}
    # out_activation_ has scikit-learn's name
    names[activations.Sigmoid] = "logistic"
    return names.get(type(sigma), type(sigma).__name__)


@dataclass(frozen=True)
class MeanOutputs(costs.Quadratic):
    """Half the squared error, whose value is the mean over outputs, and delta that of the sum.

    scikit-learn divides ``loss_`` by the number of outputs, but not the gradient.
    """

    def value(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return C of each example, ``(..., batch)``."""
        return super().value(z, y, output, xp=xp) / z.shape[-1]


@dataclass(frozen=True)
class Adam(optimizers.Adam):
    """Adam as in scikit-learn, which adds epsilon to the root before its bias is corrected.

    w <- w - eta sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps).
    """

    def coefficients(self, t: int, learning_rate: float) -> tuple[float, ...]:
        """Return Adam's coefficients with eps / sqrt(1 - beta2) in place of eps'."""
        eta, _, *betas = super().coefficients(t, learning_rate)
        return eta, self.epsilon / (1 - self.beta2) ** 0.5, *betas


def cost(loss: str, output: Activation) -> Cost:
    """Return the cost of scikit-learn's ``loss``."""
    if loss == "squared_error":
        return MeanOutputs()
    return costs.get("cross_entropy" if loss == "log_loss" else loss, output)


def optimizer(estimator: Any) -> Optimizer:
    """Return the optimizer of an estimator's ``solver`` and its parameters."""
    solver, eta = estimator.solver, float(estimator.learning_rate_init)
    if solver not in ("sgd", "adam"):
        # an optimizer that is an object has a rate of its own
        rule: Optimizer = optimizers.get(solver, eta if isinstance(solver, str) else None)
        return rule
    if solver == "adam":
        return Adam(eta, *map(float, (estimator.beta_1, estimator.beta_2, estimator.epsilon)))
    # without momentum there is no velocity to keep
    if estimator.momentum == 0:
        return optimizers.SGD(eta)
    kind = optimizers.Nesterov if estimator.nesterovs_momentum else optimizers.Momentum
    # scikit-learn allows a momentum of 1, which nothing slows down; bpnet's is below 1
    return kind(eta, min(float(estimator.momentum), math.nextafter(1.0, 0.0)))


def first_weights(
    n_in: int, n_out: int, hidden: Activation, initializer: Any, source: np.random.RandomState
) -> tuple[Any, Any]:
    """Return first ``W``, (n_in, n_out), and ``b``, (n_out,), in float64.

    The default is uniform on +-sqrt(6 / (n_in + n_out)), for biases too; where the hidden layers
    are sigmoids it is uniform on +-sqrt(2 / (n_in + n_out)) (Glorot and Bengio 2010).
    """
    if initializer != "auto":
        W, b = initializers.get(initializer, hidden)(HostDraw(source), n_in, n_out, xp=np)
        return np.ascontiguousarray(W), b
    factor = 2.0 if isinstance(hidden, activations.Sigmoid) else 6.0
    bound = np.sqrt(factor / (n_in + n_out))
    # scikit-learn draws W before b
    W = source.uniform(-bound, bound, (n_in, n_out))
    return W, source.uniform(-bound, bound, n_out)


def make_layers(
    sizes: list[int], sigmas: list[Activation], *, dropout: float, norm: str | None
) -> tuple[Any, ...]:
    """Return the layers of a network, with dropout and normalization after the hidden ones."""
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
"""Learning rates of scikit-learn, which change, if at all, between epochs."""

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
"""Constraints for scikit-learn's ``_validate_params``, which words the errors."""


def taken(est: Any) -> dict[str, Any]:
    """Return what the training step takes of an estimator, by the names of the step."""
    names = [name for name, about in RECIPE.items() if about.taken and hasattr(est, name)]
    return {"l2": float(est.alpha), **{name: float(getattr(est, name)) for name in names}}


def of_steps(est: Any) -> dict[str, Any]:
    """Return the parameters that L-BFGS does not use, each with the value that it must have."""
    # an estimator has no micro_batch, and its schedule is the parameter learning_rate
    names = [name for name, about in RECIPE.items() if about.of_steps and hasattr(est, name)]
    return {name: (getattr(est, name), RECIPE[name].default) for name in names}

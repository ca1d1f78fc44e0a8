"""What the estimators accept for each parameter; scikit-learn's own rules, widened."""

import math
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from bpnet.core import activations, initializers, optimizers, schedules
from bpnet.training.declared import STRENGTH
from bpnet.training.recipe import RECIPE

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

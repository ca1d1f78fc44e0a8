"""What the parts of a network and of its training do that are named alone."""

import dataclasses

import pytest

from bpnet.core import activations, costs, initializers, layers, lbfgs, optimizers, schedules

SCHEDULES = {
    "constant": {},
    "step": {"every": 10, "factor": 0.5},
    "exponential": {"decay": 0.95},
    "inverse_scaling": {"power": 0.5},
    "cosine": {"final": 0.0},
    "warm_up": {"epochs": 1.0, "then": schedules.Constant()},
    "one_cycle": {"rise": 0.3, "start": 1 / 25, "final": 1 / 25 / 1e4},  # as PyTorch's
    "on_plateau": {"factor": 0.5, "patience": 5, "least": 1e-4},
}

ADAM = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}  # of its paper
OTHERS = {
    activations.LeakyReLU: {"slope": 0.01},
    activations.ELU: {"alpha": 1.0},
    costs.Huber: {"threshold": 1.0},
    initializers.Orthogonal: {"gain": 1.0},
    layers.Dense: {"activation": "sigmoid", "init": "auto"},  # the paper's
    layers.BatchNorm: {"activation": "identity", "momentum": 0.1, "epsilon": 1e-5},  # as PyTorch's
    layers.LayerNorm: {"activation": "identity", "epsilon": 1e-5},
    optimizers.SGD: {"learning_rate": 0.1},
    optimizers.Momentum: {"learning_rate": 0.1, "momentum": 0.9},
    optimizers.Nesterov: {"learning_rate": 0.1, "momentum": 0.9},
    optimizers.Adagrad: {"learning_rate": 0.01, "epsilon": 1e-10},  # as PyTorch's
    optimizers.RMSprop: {"learning_rate": 1e-3, "rho": 0.9, "epsilon": 1e-8},
    optimizers.Adam: ADAM,
    optimizers.AdamW: {**ADAM, "weight_decay": 0.01},  # as PyTorch's
    lbfgs.LBFGS: {"memory": 10, "tolerance": 1e-5, "max_evaluations": 15_000},  # as SciPy's
}
REGISTERED = {
    *activations.ACTIVATIONS.values(), *costs.COSTS.values(), *layers.LAYERS.values(),
    *optimizers.OPTIMIZERS.values(), *map(type, initializers.INITIALIZERS.values()), lbfgs.LBFGS,
}  # fmt: skip


@pytest.mark.parametrize("name", schedules.SCHEDULES)
def test_the_settings_of_a_schedule_that_is_named_alone(name):
    assert vars(schedules.get(name)) == pytest.approx(SCHEDULES[name])


@pytest.mark.parametrize("kind", sorted(REGISTERED, key=lambda kind: kind.__name__))
def test_the_settings_of_what_else_is_named_alone(kind):
    known = {f.name: f.default for f in dataclasses.fields(kind)}
    assert {k: v for k, v in known.items() if v is not dataclasses.MISSING} == OTHERS.get(kind, {})

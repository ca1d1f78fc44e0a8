"""Every way in which bpnet learns, as one function of the options of ``bpnet.train``."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score, r2_score

import bpnet
from bpnet import optimizers
from bpnet.core.activations import Tanh
from bpnet.core.lbfgs import LBFGS
from bpnet.data.host_rows import HostRows
from bpnet.distributed import simulate
from bpnet.sklearn import GridSearch, MLPClassifier, MLPRegressor
from bpnet.sklearn import search as grid_search

M, ETA, STEPS = 48, 0.5, 21
"""Examples, learning rate, and the steps of a search for one."""

RANDOM = np.random.default_rng(5)
X, Y = RANDOM.normal(size=(M, 6)), np.arange(M) % 3
HELD = RANDOM.normal(size=(30, 6)), np.arange(30) % 3
NUMBERS = X[:, 0] + X[:, 1] ** 2
HELD_NUMBERS = HELD[0], HELD[0][:, 0] + HELD[0][:, 1] ** 2
FOLDS = [(np.arange(s, s + 24), np.arange((s + 24) % M, (s + 24) % M + 8)) for s in (0, 8, 16, 24)]


@dataclass(frozen=True, eq=False)
class Probe(Tanh):
    """The hyperbolic tangent, which writes down what it sees of each ``z`` that it is given."""

    look: Callable[[Any], Any] = field(default=lambda z: z.shape[-2], repr=False)
    seen: list[Any] = field(default_factory=list, repr=False)

    def sigma(self, z, *, xp):
        """Return tanh(z)."""
        self.seen.append(self.look(z))
        return super().sigma(z, xp=xp)


@dataclass(frozen=True, eq=False, repr=False)
class Rows(HostRows):
    """Rows that stay on the host until they are taken."""

    held: Any

    @property
    def shape(self):
        """Of the whole."""
        return self.held.shape

    @property
    def dtype(self):
        """Of the rows."""
        return self.held.dtype

    def take(self, rows):
        """Rows by their numbers."""
        return self.held[rows]


@dataclass(frozen=True)
class Trained:
    """One network before and after it learned, and its history."""

    start: Any
    end: Any
    history: dict[str, list[float]]


@dataclass(frozen=True, eq=False)
class Mode:
    """A way to learn.

    ``run`` takes a probe and the options by the names of ``bpnet.train``. The first step of one
    that ``descends`` is eta times the gradient; L-BFGS chooses the length of its own. ``errors``
    are what it refuses an option with; ``y``, ``held``, ``cost`` and ``metric`` are targets, what
    is judged by, a cost that is not the usual one, and a metric with scikit-learn's own function.
    """

    run: Callable[..., list[Trained]]
    descends: bool = True
    errors: Any = bpnet.InputError
    estimates: bool = False
    usual: dict[str, Any] = field(default_factory=dict)
    y: Any = field(default_factory=lambda: Y)
    held: Any = HELD
    cost: str = "quadratic"
    metric: tuple[str, Any] = ("balanced_accuracy", balanced_accuracy_score)

    def train(self, probe=None, **options):
        """Networks that learned with these options, and else with one step of plain descent."""
        return self.run(probe or Probe(), **{**self.usual, **options})


SGD = optimizers.SGD(ETA)
USUAL = {
    "optimizer": SGD, "epochs": 1, "batch_size": None, "dtype": "float64", "backend": "numpy"
}  # fmt: skip


def network(probe, seed=0):
    return bpnet.Network([6, 5, 3], hidden=probe, seed=seed)


def alone(probe, data=(X, Y), **options):
    net = network(probe)
    history = bpnet.train(net, data, **{**USUAL, **options})
    return [Trained(network(probe), net, history)]


def several(probe, data=(X, Y), **options):
    nets = [network(probe, seed) for seed in range(4)]
    actual = bpnet.train(nets, data, **{**USUAL, **options})
    start = (network(probe, seed) for seed in range(4))
    return [Trained(*each) for each in zip(start, nets, actual, strict=True)]


def on_ranks(probe, data=(X, Y), **options):
    if "communicator" in options:
        return alone(probe, data, **options)
    actual, _ = simulate(2, lambda ranks: alone(probe, data, communicator=ranks, **options))
    return [one for of_rank in actual for one in of_rank]


def streamed(probe, data=(X, Y), **options):
    if "validation" in options:
        options["validation"] = tuple(map(Rows, options["validation"]))
    return alone(probe, tuple(map(Rows, data)), **options)


@dataclass(frozen=True)
class Growing:
    """The rates of a search for the learning rate, as a schedule."""

    low: float = 0.01
    high: float = 1.0

    def rate(self, eta, at):
        """Return the rate of a step."""
        return self.low * (self.high / self.low) ** (at.step / (STEPS - 1))


def found_rate(probe, data=(X, Y), **options):
    """A search, its costs as those of the epochs of a run are given."""
    given = {name: value for name, value in USUAL.items() if name != "epochs"}
    ends = {"low": Growing.low, "high": Growing.high, "steps": STEPS}
    net = network(probe)
    costs = bpnet.find_learning_rate(net, data, **{**given, **ends, **options}).costs
    k = options.get("batch_size") or M
    return [Trained(net, net, {"cost": costs.reshape(-1, M // k).mean(axis=1).tolist()})]


NAMES = {
    "optimizer": "solver", "epochs": "max_iter", "l2": "alpha", "schedule": "learning_rate",
    "metrics": "scoring", "seed": "random_state",
}  # fmt: skip
"""What the estimators call options of ``bpnet.train``."""


def parameters(probe, options):
    """Parameters of an estimator for options of ``bpnet.train``."""
    given = {NAMES.get(name, name): value for name, value in {**USUAL, **options}.items()}
    given["batch_size"] = given["batch_size"] or M
    if isinstance(given["solver"], LBFGS):
        given.update(tol=given["solver"].tolerance, solver="lbfgs")
    usual = {"alpha": 0.0, "random_state": 0, "shuffle": False, "activation": probe}
    return {**usual, "hidden_layer_sizes": 5, **given}


def fitted(probe, data=(X, Y), kind=MLPClassifier, **options):
    judged = options.pop("validation", None)
    extra = {} if judged is None else dict(zip(("X_val", "y_val"), judged, strict=True))
    weights = options.pop("sample_weight", None)
    est = kind(**parameters(probe, options))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        est.fit(*data, weights, **extra)
    return [outcome(est)]


def outcome(est):
    """A fitted estimator as a network; its first weights are those of one like it."""
    start = type(est)(**est.get_params())
    outputs = getattr(est, "classes_", est.n_outputs_)
    start = start.build(est.n_features_in_, outputs, dtype="float64")
    curve = [est.loss_] * est.n_iter_
    return Trained(start.to_network(), est.to_network(), getattr(est, "history_", {"cost": curve}))


def in_a_grid(probe, data=(X, Y), **options):
    judged, weights = options.pop("validation", None), options.pop("sample_weight", None)
    made = [MLPClassifier(**parameters(probe, {"seed": seed, **options})) for seed in range(2)]
    rows = np.arange(len(data[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if judged is not None:
            search = GridSearch(made[0], {"random_state": [0]}, cv=[(rows, rows)])
            return [outcome(search.fit(*data, X_val=judged[0], y_val=judged[1]).best_estimator_)]
        done = grid_search.fit_all(
            [grid_search.Candidate(est, rows) for est in made], *data, weights
        )
    for actual in done:
        if isinstance(actual, Exception):
            raise actual
    return [outcome(est) for est in done]


def regressed(probe, data=(X, NUMBERS), **options):
    return fitted(probe, data, kind=MLPRegressor, **options)


ESTIMATES = {"errors": (TypeError, ValueError), "estimates": True}
REGRESSES = {"y": NUMBERS, "held": HELD_NUMBERS, "cost": "mae", "metric": ("r2", r2_score)}
BFGS = {"optimizer": LBFGS()}

MODES = {
    "one": Mode(alone),
    "stack": Mode(several),
    "turn": Mode(several, usual={"micro_batch": M}),
    "ranks": Mode(on_ranks),
    "shards": Mode(alone, usual={"shards": 4}),
    "lbfgs": Mode(alone, descends=False, usual=BFGS),
    "streamed": Mode(streamed),
    "finder": Mode(found_rate),
    "fastest": Mode(alone, usual={"backend": "fastest"}),
    "fit": Mode(fitted, **ESTIMATES),
    "regress": Mode(regressed, **ESTIMATES, **REGRESSES),
    "fit_lbfgs": Mode(fitted, descends=False, usual=BFGS, **ESTIMATES),
    "grid": Mode(in_a_grid, **ESTIMATES),
}

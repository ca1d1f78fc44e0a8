"""Learning-rate finder: one pass with a rate that grows, and the cost at each (Smith 2017)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.arguments import checked
from bpnet.core import optimizers
from bpnet.core.lbfgs import LBFGS
from bpnet.core.optimizers import Optimizer
from bpnet.core.schedules import Moment
from bpnet.data import draws
from bpnet.errors import InputError
from bpnet.network import Network
from bpnet.training import loop, options
from bpnet.training.callbacks import Run
from bpnet.training.prepare import check_strength, kept, prepare
from bpnet.training.step import TrainingStep

_LOOK = 10
"""Steps from one look at the cost to the next."""

_MEMORY = 0.9
"""Of the running mean that smooths the costs."""


@dataclass(frozen=True, eq=False)
class LearningRates:
    """What a finder saw.

    Parameters
    ----------
    rates : array, (steps,)
        Learning rates, growing by the same factor.
    costs : array, (steps,)
        Smoothed cost of the batch at each.
    suggestion : float
        A tenth of the rate with the lowest cost.
    """

    rates: np.ndarray[Any, Any]
    costs: np.ndarray[Any, Any]
    suggestion: float


@dataclass(frozen=True)
class _Sweep:
    """From ``low`` to ``high`` in ``steps`` steps."""

    low: float
    high: float
    steps: int

    def rate(self, eta: float, at: Moment) -> float:
        """Return the rate of a step."""
        return float(self.low * (self.high / self.low) ** (at.step / max(self.steps - 1, 1)))


@checked
def find_learning_rate(
    network: Network,
    data: Any,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
    cost: str | Any | None = None,
    optimizer: str | Optimizer | LBFGS = "adam",
    batch_size: int | None = 64,
    l2: float = 0.0,
    backend: Any = None,
    device: Any = None,
    dtype: str = "float32",
    seed: int = 0,
) -> LearningRates:
    """Learning rate to begin with, found by a short run whose rate grows.

    Parameters
    ----------
    network : Network
        It is not changed.
    data : (X, y) or Dataset
        As in :func:`bpnet.train`.
    low, high : float
        First and last rate; the run ends earlier where the cost is four times the lowest.
    steps : int
        Of the run.
    cost, optimizer, batch_size, l2, backend, device, dtype, seed
        As in :func:`bpnet.train`.

    Returns
    -------
    LearningRates
        Rates, costs, and the suggestion.

    Raises
    ------
    InputError
        If an argument cannot be used, or the cost is lowest at the first rate.

    Examples
    --------
    >>> import bpnet
    >>> net = bpnet.Network([64, 32, 10], hidden="relu", seed=0)
    >>> found = bpnet.find_learning_rate(net, bpnet.data.load("digits"))
    >>> 1e-4 < found.suggestion < 1e-1
    True
    """
    if not 0 < low < high < math.inf or isinstance(steps, bool) or steps < 2 * _LOOK:
        msg = f"low is {low!r}, high {high!r} and steps {steps!r}; give 0 < low < high and at "
        raise InputError(f"{msg}least {2 * _LOOK} steps")
    options.check(dtype, (), epochs=1, batch_size=batch_size)
    rule, seed = optimizers.get(optimizer), draws.check_seed(seed)
    if not isinstance(rule, Optimizer):
        msg = "lbfgs finds its own rate at each step; give another optimizer"
        raise InputError(msg)
    chosen, judge, stored, _ = prepare(
        network, data, cost, backend=backend, device=device, dtype=dtype, learn=True
    )
    m = int(stored[0].shape[0])
    k = min(batch_size or m, m)
    with chosen.session(dtype), chosen.threads(None, k):
        step = TrainingStep(judge, rule, check_strength(l2), m)
        parameters = kept(network.parameters, chosen, dtype)
        sweep = _Sweep(low, high, steps)
        session = loop.Session(
            step,
            chosen,
            stored,
            parameters,
            step.start(parameters),
            k,
            draws.check_seed(seed),
            sweep,
        )
        run = Run(network, 1, steps, m, chosen.spec)
        epochs = (
            draws.order(seed, epoch, m)[: m // k * k] for epoch in range(-(-steps // (m // k)))
        )
        rows = np.concatenate(list(epochs)).reshape(-1, k)[:steps]
        seen = _costs(session, run, rows)
    costs = _smoothed(seen)
    rates = np.asarray([sweep.rate(0.0, Moment(t)) for t in range(len(costs))])
    lowest = int(np.argmin(costs))
    if lowest == 0:
        msg = f"the cost is lowest at the first rate, {low:g}; give a lower one as low"
        raise InputError(msg)
    return LearningRates(rates, costs, float(rates[lowest]) / 10)


def _costs(session: loop.Session, run: Run, rows: Any) -> list[float]:
    """Mean cost of each step, until it is far above the lowest."""
    seen: list[float] = []
    for first in range(0, len(rows), _LOOK):
        run.step = first
        block = rows[first : first + _LOOK]
        costs = session.costs(block, run) / session.batch_size
        finite = np.isfinite(costs)
        seen += costs[: len(costs) if finite.all() else int(np.argmin(finite))].tolist()
        if not finite.all() or seen[-1] > 4 * min(seen):
            break
    return seen


def _smoothed(values: list[float]) -> np.ndarray[Any, Any]:
    mean, out = 0.0, []
    for t, value in enumerate(values, start=1):
        mean = _MEMORY * mean + (1 - _MEMORY) * value
        out.append(mean / (1 - _MEMORY**t))
    return np.asarray(out)

"""Learning-rate finder: a short run with a rate that grows, and the cost at each (Smith 2017)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.arguments import checked, finite_number
from bpnet.backends import dtypes
from bpnet.core.lbfgs import LBFGS
from bpnet.core.optimizers import Optimizer
from bpnet.core.schedules import Moment
from bpnet.data import batches, draws
from bpnet.data.host_rows import HostRows
from bpnet.display.figures import pyplot
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.training import divergence, fastest
from bpnet.training.declared import Strength
from bpnet.training.epochs import Validate
from bpnet.training.opening import opened
from bpnet.training.planning import plan
from bpnet.training.prepare import pair, validation_data
from bpnet.training.recipe import Place, Recipe
from bpnet.training.session import Session

_LOOK = 10
"""Steps of a block, after which the costs are looked at."""

_MEMORY = 0.9
"""Weight of the past in the running mean that smooths the costs."""

_BELOW = 10
"""Ratio of the rate with the lowest cost to the suggestion."""

_FAR = 3
"""The run ends at a cost that is above the lowest by this many times the lowest."""

_EXAMPLES = 64
"""Examples whose mean cost stands for the cost of others."""

_VALIDATION = 1000
"""Most validation examples that each rate is tried on."""

_SURE = 4.2
"""Standard errors of the difference of two means, one of them the lowest of many, that noise alone
gives in less than one run of fifty, for noise that is normal or as skewed as its squares."""

_ALMOST = 0.85
"""Fall, as a share of the early cost, that noise alone gives as rarely."""

_LEAST = 1e-3
"""Least fall, as a share of the first cost."""

_RISE = 0.05
"""Least rise after the lowest cost, as a share of the fall."""


@dataclass(frozen=True, eq=False)
class LearningRates:
    """The costs of a pass over growing learning rates, and the rate that they suggest.

    Parameters
    ----------
    rates : array, (steps,)
        Learning rates, growing by the same factor.
    costs : array, (steps,)
        Smoothed cost at each rate: of the validation examples, or of the step's own batch.
    suggestion : float
        A tenth of the rate with the lowest cost, which is one of ``rates`` or between two.
    """

    rates: np.ndarray[Any, Any]
    costs: np.ndarray[Any, Any]
    suggestion: float

    def __repr__(self) -> str:
        span = f"{len(self.rates)} steps from {self.rates[0]:.3g} to {self.rates[-1]:.3g}"
        return f"LearningRates(suggestion {self.suggestion:.3g}, {span})"

    def plot(self) -> Any:
        """Draw the cost against the learning rate, with the suggestion.

        Returns
        -------
        matplotlib.axes.Axes
            A notebook shows the figure by itself; elsewhere ``matplotlib.pyplot.show()`` does.

        Raises
        ------
        InputError
            If matplotlib is missing.
        """
        _, axes = pyplot().subplots()
        self.draw(axes)
        axes.grid(alpha=0.3)
        return axes

    def draw(self, axes: Any, colors: Sequence[Any] = ("C0", "C1", "0.4")) -> None:
        """Draw on axes of matplotlib, in the colors of cost, suggestion and lowest cost."""
        lowest = self.rates[self.costs.argmin()]
        curve, line, mark = colors
        axes.plot(self.rates, self.costs, color=curve)
        label = f"suggestion {self.suggestion:.2g}"
        axes.axvline(self.suggestion, color=line, ls="--", label=label)
        label = f"lowest cost, at {lowest:.2g}"
        axes.plot([lowest], [self.costs.min()], "o", mfc="none", mec=mark, label=label)
        axes.set(xscale="log", xlabel="learning rate", ylabel="cost, smoothed")
        axes.legend()


@dataclass(frozen=True)
class _Sweep:
    """A schedule from ``low`` to ``high`` in ``steps`` steps, each by the same factor."""

    low: float
    high: float
    steps: int

    def rate(self, eta: float, at: Moment) -> float:
        """Return the learning rate of a step."""
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
    l2: Strength = 0.0,
    validation: Any = "auto",
    backend: Any = None,
    device: Any = None,
    dtype: dtypes.Float = "float32",
    seed: int = 0,
) -> LearningRates:
    """Return a learning rate to begin with, from a short run whose rate grows.

    Parameters
    ----------
    network : Network
        Network that is tried; it is not changed.
    data : (X, y) or Dataset
        As in :func:`bpnet.train`.
    low, high : float
        First and last rate; the run ends earlier if the cost of 64 examples, or of a larger batch,
        is four times the lowest.
    steps : int
        Steps of the run.
    validation : (X, y), Dataset, "auto" or None
        Examples whose cost is measured after each step, or 1,000 examples spread over them. "auto"
        is as in :func:`bpnet.train`. Without them the cost is that of each step's batch before it.
    cost, optimizer, batch_size, l2, backend, device, dtype, seed
        As in :func:`bpnet.train`.

    Returns
    -------
    LearningRates
        Rates, costs and the suggestion.

    Raises
    ------
    InputError
        If an argument cannot be used, or the costs show no rate to begin with: they rise before
        ten times the first rate, fall by no more than they vary from batch to batch, or do not
        rise again.
    Diverged
        If the cost is not finite at the first step.

    Examples
    --------
    >>> import bpnet
    >>> net = bpnet.Network([64, 32, 10], seed=0)
    >>> found = bpnet.find_learning_rate(net, bpnet.data.load("digits"))
    >>> 1e-4 < found.suggestion < 1e-1
    True
    """
    _check(low, high, steps)
    sweep = _Sweep(low, high, steps)
    recipe = Recipe(
        cost=cost, optimizer=optimizer, batch_size=batch_size, l2=l2, seed=seed, schedule=sweep
    )
    if not isinstance(recipe.optimizer, Optimizer):
        raise InputError("lbfgs finds its own rate at each step; give another optimizer")
    call = plan(
        network, data, recipe, Place(backend=backend, device=device, dtype=dtype),
        validation=_few(validation_data(data, validation)),
    )  # fmt: skip
    if call.place.is_fastest:
        call = fastest.resolved(call)
    # the choice whether to compile depends on these few steps, not on epochs of training
    job = opened(call, steps)
    with job.running(0) as used:
        session = job.session([0], used, [None])
        m, k = session.members[0].run.samples, session.members[0].k
        epochs = (  # whole batches only, so that each cost is a mean of k examples
            draws.order(recipe.seed, epoch, m)[: m // k * k]
            for epoch in range(-(-steps // (m // k)))
        )
        rows = np.concatenate(list(epochs)).reshape(-1, k)[:steps]
        validate = None if call.validation is None else job.validation
        seen, broken_off = _costs(session, rows, validate)
    costs = _smoothed(seen)
    rates = np.asarray([sweep.rate(0.0, Moment(t)) for t in range(len(costs))])
    lowest = _lowest(seen, costs, rates, broken_off=broken_off)
    return LearningRates(rates, costs, float(rates[lowest]) / _BELOW)


def _check(low: Any, high: Any, steps: Any) -> None:
    """Refuse rates and steps that make no sweep."""
    first, last, count = (finite_number(value) for value in (low, high, steps))
    is_sweep = first is not None and last is not None and 0 < first < last
    if not is_sweep or not isinstance(count, int) or count < 2 * _LOOK:
        msg = f"low is {low!r}, high {high!r} and steps {steps!r}; give 0 < low < high and at "
        raise InputError(f"{msg}least {2 * _LOOK} steps")


def _few(validation: Any) -> Any:
    """Return examples that are spread over a validation set, few enough for every step."""
    if validation is None:
        return None
    x, y = (batches.as_array(values, "validation") for values in pair(validation, "validation"))
    m = max(x.shape[:1], default=0)
    if m <= _VALIDATION or x.shape[:1] != y.shape[:1]:
        return validation
    if isinstance(x, HostRows):
        rows = x.some(_VALIDATION)  # streamed rows that are read quickly
        return [x.take(rows), y[rows]]
    step = m // _VALIDATION
    return [v[::step][:_VALIDATION] for v in (x, y)]


def _costs(session: Session, rows: Any, validate: Validate | None) -> tuple[list[float], bool]:
    """Return the cost of each step, and whether the run was broken off at one far too high.

    With ``validate`` the cost is that of the validation examples after the step. Raise Diverged if
    the first cost is not finite.
    """
    seen: list[float] = []
    (member,) = session.members
    # one small batch may have a high cost by chance, so a mean of several is looked at
    size = max(1, min(-(-_EXAMPLES // member.k), len(rows) // 5))
    look = _LOOK if validate is None else 1  # validation sees the end of a block
    for first in range(0, len(rows), look):
        # a block counts its steps from the position of the run, which no loop moves here
        member.run.step = first
        block = rows[first : first + look]
        costs, _, before = session.take([block])
        costs = costs[:, 0] / member.k  # the block has sums over its batches
        if validate is not None and np.isfinite(costs[0]):
            (figures,) = validate(session.parameters, session.members)
            costs = np.asarray([figures["validation_cost"]])
        finite = np.isfinite(costs)
        if not seen and not finite[0]:
            session.carry = before  # the step is traced from these parameters
            raise divergence.explain(session, block, 0)
        count = len(costs) if finite.all() else int(np.argmin(finite))
        seen += costs[:count].tolist()
        if not finite.all() or _is_far(seen, size):
            return seen, True
    return seen, False


def _is_far(seen: list[float], size: int) -> bool:
    """Whether the mean of the last ``size`` costs is far above the lowest such mean."""
    if len(seen) < size:
        return False
    means = np.convolve(seen, np.full(size, 1 / size), "valid")
    return bool(means[-1] - means.min() > _FAR * abs(means.min()))


def _lowest(seen: list[float], costs: Any, rates: Any, *, broken_off: bool) -> int:
    """Return the step of the lowest cost; refuse costs that do not fall to it and rise again."""
    # the suggestion is a tenth of the best rate, and must not be below the first rate
    early = int(np.sum(rates < _BELOW * rates[0]))
    if early == len(rates):
        lowest = int(np.argmin(costs))
        msg = f"the cost is lowest at {rates[lowest]:g}, and a tenth of that is below"
        if lowest == 0:
            msg = "the cost is lowest at"
        raise InputError(f"{msg} the first rate, {rates[0]:g}; give a lower one as low")
    lowest = early + int(np.argmin(costs[early:]))
    before = float(np.mean(seen[:early]))
    fall = before - costs[lowest]
    if not _is_sure(fall, before, seen[: lowest + 1], early):
        msg = f"the cost does not fall between the rates {rates[0]:g} and {rates[-1]:g} by more "
        msg += "than it varies from batch to batch; give others as low and high, more steps or a "
        raise InputError(f"{msg}larger batch_size")
    if not broken_off and costs[-1] - costs[lowest] <= _RISE * fall:
        msg = f"the cost does not rise again up to the last rate, {rates[-1]:g}; give a higher one"
        raise InputError(f"{msg} as high")
    return lowest


def _is_sure(fall: float, before: float, seen: list[float], early: int) -> bool:
    """Whether costs fall, from the mean of the early ones, by more than noise explains."""
    # differences of neighbors have no trend, and twice the variance of one cost
    deviation = float(np.std(np.diff(seen))) / math.sqrt(2)
    # a running mean with weight w has (1 - w) / (1 + w) of the variance of one value
    error = deviation * math.sqrt(1 / early + (1 - _MEMORY) / (1 + _MEMORY))
    almost_all = early >= _LOOK and fall > _ALMOST * before > 0
    falls = fall > _SURE * error or almost_all
    return bool(falls and fall > _LEAST * abs(before))


def _smoothed(values: list[float]) -> np.ndarray[Any, Any]:
    """Return the running mean of values, corrected for its start at zero."""
    mean, out = 0.0, []
    for t, value in enumerate(values, start=1):
        mean = _MEMORY * mean + (1 - _MEMORY) * value
        out.append(mean / (1 - _MEMORY**t))  # the weights of t values add up to 1 - w^t
    return np.asarray(out)

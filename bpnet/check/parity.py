"""The same training run on two backends: parameters after 100 steps, and step by step."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np

from bpnet import backends
from bpnet._typing import Array, Namespace
from bpnet.arguments import checked
from bpnet.backends import Backend
from bpnet.check import jobs
from bpnet.check.jobs import Host, Job
from bpnet.check.report import Row, difference, worst
from bpnet.core.costs import Cost
from bpnet.core.layers import Dense
from bpnet.data import draws
from bpnet.errors import InputError
from bpnet.training.opening import opened
from bpnet.training.planning import plan
from bpnet.training.recipe import Place
from bpnet.training.step import TrainingStep

BOUNDS = {"float64": 1e-12, "float32": 1e-5}
"""Bounds on the relative difference of each parameter array after 100 steps."""

_SET = "a set of 3"
RUNS = (*jobs.COMPARED, _SET)
"""The training runs whose parameters are compared."""

QUANTITIES = ("z", "a", "delta", "dC/dW", "dC/db")


def rows(backend: Backend, dtype: str, names: Sequence[str] = RUNS) -> Iterator[Row]:
    """Compare the parameters after 100 steps with NumPy's, of two jobs and of a set of networks."""
    for name in names:
        actual, expected = _trained(name, backend, dtype), _on_numpy(name, dtype)
        errors = {
            where: max(difference(*pair) for pair in zip(actual[where], arrays, strict=True))
            for where, arrays in expected.items()
        }
        error, where = worst(errors)
        yield Row("parity", f"100 steps, {name}", dtype, error, BOUNDS[dtype], where)


@cache
def _on_numpy(name: str, dtype: str) -> dict[str, list[Host]]:
    return _trained(name, "numpy", dtype)


def _trained(name: str, backend: Any, dtype: str) -> dict[str, list[Host]]:
    """Arrays of each layer after 100 steps, of all networks of the set."""
    if name == _SET:
        networks = jobs.run_set(backend, dtype)
    else:
        networks = [jobs.JOBS[name].run(backend, dtype)]
    layers_of = zip(*(network.parameters for network in networks), strict=True)
    return {
        f"layer {l}": [a for arrays in same for a in arrays]
        for l, same in enumerate(layers_of, start=1)
    }


@dataclass(frozen=True)
class Deviation:
    """How far one quantity of one layer differs over all steps of a run."""

    layer: int  # 1 is the first with weights
    quantity: str  # z, a, delta, dC/dW or dC/db
    relative: float  # largest relative difference over the steps
    absolute: float  # largest difference of two numbers
    ulp: float  # the same in units of the last place of the larger of the two
    step: int  # step of the largest relative difference, from 1
    first_past: int | None  # the first step whose relative difference is above the bound
    by_step: tuple[tuple[float, float, float], ...] = ()  # these three differences at each step


@dataclass(frozen=True)
class Parity:
    """Differences of two backends on the same run."""

    one: str
    other: str
    dtype: str
    bound: float
    deviations: tuple[Deviation, ...]

    @property
    def first_past(self) -> Deviation | None:
        """The first quantity past the bound, by step, forward before backward."""
        past = [d for d in self.deviations if d.first_past is not None]
        return min(past, key=_order) if past else None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, with null for infinity and nan."""
        first = None if self.first_past is None else asdict(self.first_past)
        plain: dict[str, Any] = _finite({**asdict(self), "first_past": first})
        return plain


def _finite(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _finite(item) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [_finite(item) for item in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree


def _order(d: Deviation) -> tuple[int, bool, int]:
    forward = d.quantity in {"z", "a"}
    # the order of a step: forward from the first layer on, then back from the last
    return d.first_past or 0, not forward, d.layer if forward else -d.layer


@checked
def compare(
    one: Any,
    other: Any,
    dtype: str = "float32",
    job: Job = jobs.JOBS["SGD, tanh"],
    bound: float | None = None,
) -> Parity:
    """Train on two backends and compare the quantities of every step.

    Parameters
    ----------
    one, other : str or Backend
        The backends.
    dtype : str
        Dtype of both runs.
    job : Job
        Network, data and options of the run.
    bound : float, optional
        Bound on the relative difference of an array at one step.

    Returns
    -------
    Parity
        One deviation for each layer and quantity.

    Raises
    ------
    InputError
        If a backend has no such dtype.
    """
    pair = [backends.get(spec) for spec in (one, other)]
    if dtype not in BOUNDS:
        msg = f"dtype is {dtype!r}; a parity report takes {' or '.join(BOUNDS)}"
        raise InputError(msg)
    for backend in pair:
        if dtype not in backend.dtypes():
            msg = f"{backend.spec} has no {dtype}; use {', '.join(backend.dtypes())}"
            raise InputError(msg)
    bound = BOUNDS[dtype] if bound is None else bound
    first, second = (_trace(backend, dtype, job) for backend in pair)
    deviations = tuple(_deviation(key, first[key], second[key], dtype, bound) for key in first)
    return Parity(pair[0].spec, pair[1].spec, dtype, bound, deviations)


def _deviation(key: tuple[int, str], a: Host, b: Host, dtype: str, bound: float) -> Deviation:
    """Compare two arrays, (steps, ...).

    Subnormal numbers count as 0, as in CuPy's kernels of float32: otherwise they would be millions
    of units in the last place apart.
    """
    tiny = np.finfo(dtype).tiny
    a, b = (np.where(np.abs(c) < tiny, np.zeros_like(c), c) for c in (a, b))
    relative = np.asarray([difference(*pair) for pair in zip(a, b, strict=True)])
    gap = np.abs(np.asarray(a, np.float64) - b)
    place = np.spacing(np.maximum(np.abs(a), np.abs(b)).astype(dtype)).astype(np.float64)
    each = (len(gap), -1)
    absolute, ulp = gap.reshape(each).max(1), (gap / place).reshape(each).max(1)
    # not with >, because nan is past the bound as well
    past = np.flatnonzero(~(relative <= bound))
    at = int(np.argmax(np.where(np.isnan(relative), np.inf, relative)))
    worst_of = float(relative[at]), float(absolute.max()), float(ulp.max())
    first_past = int(past[0]) + 1 if past.size else None
    by_step = tuple(zip(relative.tolist(), absolute.tolist(), ulp.tolist(), strict=True))
    return Deviation(*key, *worst_of, at + 1, first_past, by_step)


def _trace(backend: Backend, dtype: str, job: Job) -> dict[tuple[int, str], Host]:
    """Quantities of each dense layer at all steps, (steps, ...), by (layer, quantity)."""
    place = Place(backend=backend, dtype=dtype)
    run = opened(plan(job.network(), jobs.examples(), job.recipe, place))
    with run.running(0) as threads:
        session, chosen = run.session([0], threads, [None]), run.backend
        order = [draws.order(job.seed, epoch, jobs.M) for epoch in range(jobs.EPOCHS)]
        rows = np.concatenate(order).reshape(-1, jobs.BATCH)
        index = chosen.asarray(rows, dtype=chosen.index_dtype)
        # steps count from 1, as Adam's correction needs it
        numbers = session.members[0].numbers(1, len(rows))
        _, outs = chosen.scan(_Traced(session.step), session.carry, index, (session.data,), numbers)
        host = [chosen.to_numpy(out) for out in outs]
    return dict(zip(_keys(session.step.objective.layers), host, strict=True))


def _keys(net: tuple[Any, ...]) -> list[tuple[int, str]]:
    """Layer and quantity of each traced array, in the order of the results."""
    dense = sum(isinstance(layer, Dense) for layer in net)
    return [(l, quantity) for l in range(1, dense + 1) for quantity in QUANTITIES]


@dataclass(frozen=True)
class _Traced:
    """A training step that returns the quantities of each layer in place of its sums."""

    step: TrainingStep

    def load(self, rows: Array, data: Any) -> Any:
        return self.step.load(rows, data)

    def __call__(self, carry: Any, rows: Array, numbers: Any, data: Any) -> Any:
        objective = self.step.objective
        # anew in each step: a dictionary that outlived it would be a state of the step
        traced: dict[tuple[int, str], Array] = {}
        numbered, l = [], 0
        for layer in objective.layers:
            l += isinstance(layer, Dense)
            numbered.append(_Layer(layer, l, traced) if isinstance(layer, Dense) else layer)
        cost = _Cost(objective.cost, l, traced)
        watched = replace(objective, layers=tuple(numbered), cost=cost)
        carry, _ = replace(self.step, objective=watched)(carry, rows, numbers, data)
        # in the order of _keys, by which _trace names the results
        return carry, tuple(traced[key] for key in _keys(objective.layers))


@dataclass(frozen=True)
class _Layer:
    """A dense layer, which traces its quantities under the number ``l``."""

    layer: Dense
    l: int
    traced: dict[tuple[int, str], Array]
    averages: ClassVar[int] = 0

    @property
    def shapes(self) -> Any:
        return self.layer.shapes

    @property
    def activation(self) -> Any:
        return self.layer.activation

    def forward(self, arrays: Any, a: Array, *, xp: Namespace, key: Any = None) -> Any:
        out, cache = self.layer.forward(arrays, a, xp=xp, key=key)
        self._trace(xp, z=cache[1], a=out)
        return out, cache

    def error(self, dC_da: Array, cache: Any, *, xp: Namespace) -> Array:
        return self.layer.error(dC_da, cache, xp=xp)

    def backward(self, arrays: Any, cache: Any, delta: Array, below: bool, *, xp: Namespace) -> Any:
        self._trace(xp, delta=delta)
        (dW, db), dC_da = self.layer.backward(arrays, cache, delta, below, xp=xp)
        self._trace(xp, **{"dC/dW": dW, "dC/db": db})
        return (dW, db), dC_da

    def _trace(self, xp: Namespace, **arrays: Array) -> None:
        # copies, because later calls may write to donated arrays
        for name, array in arrays.items():
            self.traced[self.l, name] = xp.asarray(array, copy=True)


@dataclass(frozen=True)
class _Cost:
    """The cost, which traces z and a of the last layer, whose ``forward`` is never called."""

    cost: Cost
    l: int
    traced: dict[tuple[int, str], Array]

    def value(self, z: Array, y: Array, output: Any, *, xp: Namespace) -> Array:
        self.traced[self.l, "z"] = xp.asarray(z, copy=True)
        self.traced[self.l, "a"] = xp.asarray(output.sigma(z, xp=xp), copy=True)
        return self.cost.value(z, y, output, xp=xp)

    def delta(self, z: Array, y: Array, output: Any, *, xp: Namespace) -> Array:
        return self.cost.delta(z, y, output, xp=xp)

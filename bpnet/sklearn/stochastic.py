"""The solvers that go by batches: scikit-learn's course of epochs around bpnet's own step."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from bpnet import backends
from bpnet.core import schedules
from bpnet.core.optimizers import Optimizer
from bpnet.errors import Diverged
from bpnet.sklearn import conventions
from bpnet.sklearn.course import Course
from bpnet.sklearn.fitting import NOT_FINITE, Job, batch_size
from bpnet.sklearn.parameters import LEARNING_RATES, taken
from bpnet.sklearn.scores import Scorer
from bpnet.training import loop
from bpnet.training.callbacks import Run
from bpnet.training.stack import Member
from bpnet.training.step import TrainingStep


@dataclass(frozen=True, eq=False)
class Memory:
    """What a fit that goes on needs of the one before; NumPy, whatever the backend.

    Parameters
    ----------
    rule : Optimizer
        Whose state it is.
    state : tuple or None
        Slots of each array; None before the first step.
    steps : int
        Steps done.
    learning_rate : float
        eta of the next epoch.
    order : array, (m,)
        Of the rows in the last epoch, which the next one shuffles.
    """

    rule: Optimizer
    state: Any
    steps: int
    learning_rate: float
    order: Any


@dataclass(frozen=True, eq=False)
class Begun:
    """A fit that is ready to be run.

    Parameters
    ----------
    member : Member
        Its session, run and callbacks.
    finish : callable
        Writes what it gave to the estimator; takes the error of a run that diverged, or None.
    """

    member: Member
    finish: Callable[[Diverged | None], None]


def fit(job: Job, rows: Any, judged: Any, *, goes_on: bool, incremental: bool) -> None:
    """Fit by epochs; see :func:`begin`."""
    begun = begin(job, rows, judged, goes_on=goes_on, incremental=incremental)
    begun.finish(alone(begun.member))


def alone(member: Member) -> Diverged | None:
    """Run a fit by itself; returns why it diverged if it did."""
    try:
        loop.run_epochs(member.session, member.run, member.callbacks, lambda _parameters: {})
    except Diverged as error:
        return error
    return None


def begin(job: Job, rows: Any, judged: Any, *, goes_on: bool, incremental: bool) -> Begun:
    """Make a fit ready.

    Parameters
    ----------
    job : Job
        Data and estimator.
    rows : array of int, (m,)
        Those to train with.
    judged : (X, y, weights) or None
        What the fit is scored by after each epoch.
    goes_on, incremental : bool
        As in :func:`bpnet.sklearn.fitting.fit`.
    """
    est, m = job.est, len(rows)
    if est.batch_size != "auto" and est.batch_size > m:
        msg = "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
        warnings.warn(msg, stacklevel=4)
    session, memory, orders = _session(job, rows, goes_on)
    best = est._parameters()

    def pull() -> None:
        held = run.result
        est._take(backends.to_numpy(session.parameters) if held is None else held)
        run.network.parameters = est._parameters()

    def keep() -> None:
        nonlocal best
        best = backends.to_numpy(session.parameters)

    scorer = None if judged is None else Scorer(job, judged, session, pull)
    course = Course(est, m, memory.learning_rate, scorer, keep)
    if isinstance(est.learning_rate, str) and est.learning_rate in LEARNING_RATES:
        session.schedule = course
    epochs = 1 if incremental else est.max_iter
    run = Run(
        est._network(), epochs, -(-m // session.batch_size), m, job.backend.spec, job.threads,
        pull=pull,
    )  # fmt: skip
    est.n_iter_ = 0
    member = Member(session, run, [course, *(est.callbacks or ())], reads=True)

    def finish(error: Diverged | None) -> None:
        if error is not None:
            if not est.early_stopping or not est.n_iter_:
                raise ValueError(NOT_FINITE) from error
            run.stop("diverged")
        if run.stopped == "interrupted":
            warnings.warn("Training interrupted by user.", stacklevel=5)
        elif run.stopped is None and not incremental:
            msg = f"Stochastic Optimizer: Maximum iterations ({est.max_iter}) reached and the "
            msg += "optimization hasn't converged yet."
            warnings.warn(msg, ConvergenceWarning, stacklevel=5)
        if est.early_stopping:
            est._take(best)
        else:
            pull()
        steps = session.done + run.epoch * run.steps + run.step
        state = backends.to_numpy(session.state)
        est._optimizer = Memory(memory.rule, state, steps, course.eta, orders[0])
        est.history_ = run.history

    return Begun(member, finish)


def _session(job: Job, rows: Any, goes_on: bool) -> tuple[loop.Session, Memory, list[Any]]:
    """Return the run on its device, what it starts from, and the order of the last epoch."""
    est, m = job.est, len(rows)
    rule = conventions.optimizer(est)
    memory: Memory | None = est._optimizer if goes_on else None
    if memory is None or memory.rule != rule:
        memory = Memory(rule, None, 0, rule.learning_rate, np.arange(m))
    parameters = job.parameters()
    orders = [memory.order if len(memory.order) == m else np.arange(m)]

    def order(_epoch: int) -> Any:
        if est.shuffle:  # as sklearn.utils.shuffle draws, which checks its arguments longer
            drawn = np.arange(m)
            est._random_state.shuffle(drawn)
            orders[0] = orders[0][drawn]
        return rows[orders[0]]

    step = TrainingStep(job.judge, rule, m=None, **taken(est))
    if memory.state is None:
        state = step.start(parameters)
    else:
        state = tuple(job.on_device(layer) for layer in memory.state)
    given = "constant" if est.learning_rate in LEARNING_RATES else est.learning_rate
    session = loop.Session(
        step, job.backend, job.data, parameters, state, batch_size(est, m), est._seed,
        schedules.get(given), job.weights, order, memory.steps,
    )  # fmt: skip
    return session, memory, orders

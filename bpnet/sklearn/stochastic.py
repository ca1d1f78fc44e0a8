"""The solvers that go by batches: scikit-learn's course of epochs around bpnet's own step."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.core import schedules
from bpnet.core.feedforward import Parameters
from bpnet.core.optimizers import Optimizer
from bpnet.core.regularizers import Regularization
from bpnet.core.schedules import Constant
from bpnet.sklearn import conventions
from bpnet.sklearn.course import Course
from bpnet.sklearn.fitting import NOT_FINITE, Job, batch_size, tell_end, users_level
from bpnet.sklearn.parameters import LEARNING_RATES, taken
from bpnet.sklearn.scores import Scorer
from bpnet.training import epochs
from bpnet.training.callbacks import Run
from bpnet.training.judge import Data
from bpnet.training.member import Member
from bpnet.training.session import Session
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


@dataclass(eq=False)
class Fit:
    """A fit that is ready to be run, alone or in a stack with others.

    Parameters
    ----------
    job : Job
        Data and estimator.
    member : Member
        Its network.
    memory : Memory
        What it starts from.
    course : Course
        What writes its curves.
    orders : list of one array
        Rows in the order of the last epoch.
    incremental : bool
        Whether it is one epoch of ``partial_fit``.
    session : Session, optional
        That it is run in.
    best : tuple of tuples of arrays
        Parameters with the best score so far.
    """

    job: Job
    member: Member
    memory: Memory
    course: Course
    orders: list[Any]
    incremental: bool
    session: Session = None  # type: ignore[assignment]
    best: Parameters = ()

    def pull(self) -> None:
        """Bring the estimator's own arrays up to date."""
        est, run = self.job.est, self.member.run
        held = self.session.to_host(self.member) if run.result is None else run.result
        est._take(held)
        run.network.parameters = est._parameters()

    def keep(self) -> None:
        """Keep the parameters as they are as the best so far."""
        self.best = self.session.to_host(self.member)

    def parameters(self) -> Parameters:
        """Parameters of the network on the device, without an axis of members."""
        session = self.session
        return session.of(session.members.index(self.member)).parameters

    def state(self) -> Any:
        """Return the optimizer's arrays to start from, on the device."""
        held = self.memory.state
        return None if held is None else tuple(self.job.on_device(layer) for layer in held)

    def finish(self) -> None:
        """Write what it gave to the estimator.

        Raises
        ------
        ValueError
            If it diverged before there was a best score.
        """
        est, member, run = self.job.est, self.member, self.member.run
        if member.error is not None and (not est.early_stopping or not est.n_iter_):
            raise ValueError(NOT_FINITE) from member.error
        msg = f"Stochastic Optimizer: Maximum iterations ({est.max_iter}) reached and the "
        tell_end(run, None if self.incremental else f"{msg}optimization hasn't converged yet.")
        if est.early_stopping:
            est._take(self.best)
        else:
            self.pull()
        steps = member.done + run.epoch * run.steps + run.step
        state = self.session.state_to_host(member)
        est._optimizer = Memory(self.memory.rule, state, steps, self.course.eta, self.orders[0])
        est.history_ = run.history


def run(fits: Sequence[Fit], data: Data | None = None) -> None:
    """Run fits of one kind together, on the data of the first, or on ``data``."""
    job = fits[0].job
    session = Session(
        [fit.member for fit in fits], job.backend, data or job.data, job.est._dtype,
        [fit.job.parameters() for fit in fits], [fit.state() for fit in fits],
    )  # fmt: skip
    for fit in fits:
        fit.session = session
    epochs.run(session, lambda _parameters, members: [{} for _ in members])


def begin(job: Job, rows: Any, judged: Any, *, goes_on: bool, incremental: bool) -> Fit:
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
        warnings.warn(msg, stacklevel=users_level())
    rule = conventions.optimizer(est)
    memory: Memory | None = est._optimizer if goes_on else None
    if memory is None or memory.rule != rule:
        memory = Memory(rule, None, 0, rule.learning_rate, np.arange(m))
    orders = [memory.order if len(memory.order) == m else np.arange(m)]

    def order(_epoch: int) -> Any:
        if est.shuffle:  # as sklearn.utils.shuffle draws, which checks its arguments longer
            drawn = np.arange(m)
            est._random_state.shuffle(drawn)
            orders[0] = orders[0][drawn]
        return rows[orders[0]]

    step = TrainingStep(job.judge, rule, None, Regularization(**taken(est)))
    k = batch_size(est, m)
    run = Run(
        est._network(), 1 if incremental else est.max_iter, -(-m // k), m, job.backend.spec,
        job.threads,
    )  # fmt: skip
    est.n_iter_ = 0
    member = Member(step, run, k, est._seed, Constant(), [], job.weights, order, memory.steps)
    course = Course(est, m, memory.learning_rate)
    fit = Fit(job, member, memory, course, orders, incremental, best=est._parameters())
    run.pull, course.keep = fit.pull, fit.keep
    if judged is not None:
        course.scorer = Scorer(job, judged, fit.parameters, fit.pull)
    between = isinstance(est.learning_rate, str) and est.learning_rate in LEARNING_RATES
    member.schedule = course if between else schedules.get(est.learning_rate)
    member.callbacks = [course, *job.callbacks]
    return fit

"""``Fit``: a fit that has begun, is run alone or in a stack with others, and is finished."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from bpnet.backends import Backend
from bpnet.core import costs
from bpnet.core.lbfgs import LBFGS
from bpnet.core.regularizers import Regularization
from bpnet.data import batches
from bpnet.errors import InputError
from bpnet.sklearn import conventions
from bpnet.sklearn.conventions import LEARNING_RATES, of_steps, taken
from bpnet.sklearn.progress import Tasks
from bpnet.training import Callback, Run, epochs, lbfgs, prepare
from bpnet.training.member import Member
from bpnet.training.objective import Data, Objective
from bpnet.training.step import TrainingStep

Host = np.ndarray[Any, Any]

# scikit-learn's own words
NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


class Examples(NamedTuple):
    """Examples and targets, checked by scikit-learn."""

    X: Any
    y: Any
    """Targets as scorers take them."""
    values: Host
    """Targets as the cost takes them: class numbers, (m,), or rows, (m, n_outputs)."""
    weights: Host | None


class Fit(Callback):
    """A fit that has begun: the first callback of its own run, which writes to the estimator.

    The first weights of the estimator are set before. The network is trained on ``backend`` with
    ``rows`` of the examples, in batches of ``k`` and for ``limit`` epochs at most.
    """

    session: Any = None
    tasks: Tasks | None = None

    def __init__(
        self,
        est: Any,
        backend: Backend,
        examples: Examples,
        optimizer: Any,
        rows: Host,
        k: int,
        limit: int,
    ) -> None:
        self.est, self.backend, self.rows = est, backend, rows
        output, cost = est._layers[-1].activation, est.cost
        cost = conventions.cost(est.loss, output) if cost is None else costs.get(cost, output)
        # inputs are floats already, and scores are computed between epochs: no scale and no kind
        self.objective = Objective(
            est._layers, cost, None, None, backend.dtype(est._dtype), backend.xp
        )
        self.data = store(est, backend, examples)
        # None for m: scikit-learn divides the regularization by the size of the batch
        step = TrainingStep(self.objective, optimizer, None, Regularization(**taken(est)))
        run = Run(
            est._network(), limit, -(-len(rows) // k), len(rows), backend.spec, pull=self.pull
        )
        # the fit comes first, so that other callbacks find the attributes of the epoch
        callbacks = [self, *(est.callbacks or ())]
        self.member = Member(step, run, k, est._seed, callbacks=callbacks, weights=examples.weights)
        est.n_iter_ = 0

    def on_epoch_end(self, run: Run) -> None:
        """Count the epoch, and print its loss."""
        est = self.est
        est.n_iter_ += 1
        est.loss_ = run.cost
        if est.verbose:
            print(f"Iteration {est.n_iter_}, loss = {est.loss_:.8f}")

    def pull(self) -> None:
        """Copy the parameters from the device into the estimator and the network of the run."""
        run = self.member.run
        self.est._take(self.session.to_host(self.member) if run.result is None else run.result)
        run.network.parameters = self.est._parameters()

    def on_device(self, arrays: Any) -> Any:
        """Return copies of arrays on the device, in the dtype in which parameters are kept."""
        return prepare.on_device(arrays, self.backend, self.est._dtype)

    def open(self, fits: Sequence[Any]) -> Any:
        """Return the session that runs several fits of this kind."""
        raise NotImplementedError

    def write(self) -> str | None:
        """Write the results of the solver; return a warning for a fit that nothing stopped."""
        raise NotImplementedError

    def finish(self) -> None:
        """Write the results of the fit to the estimator, and warn where it ended early.

        Raise ValueError if the fit diverged before the first score, or a weight is not finite.
        """
        est, run, error = self.est, self.member.run, self.member.error
        # with early stopping the best weights so far are the result of a fit that diverges later
        if error is not None and not (est.early_stopping and est.n_iter_):
            raise ValueError(NOT_FINITE) from error
        unconverged = self.write()
        est.history_ = run.history
        # scikit-learn, too, ends an interrupted fit with a warning
        if run.stopped == "interrupted":
            warnings.warn("Training interrupted by user.", stacklevel=users_level())
        elif run.stopped is None and unconverged:
            warnings.warn(unconverged, ConvergenceWarning, stacklevel=users_level())
        if not all(np.isfinite(a).all() for arrays in est._parameters() for a in arrays):
            raise ValueError(NOT_FINITE)
        if self.tasks is not None:
            self.tasks.end()


class LBFGSFit(Fit):
    """A fit by L-BFGS, which takes the whole training set in each step.

    It refuses parameters that L-BFGS does not use, except those of scikit-learn's other solvers.
    """

    def __init__(self, est: Any, backend: Backend, examples: Examples, validation: Any) -> None:
        if validation is not None:
            msg = "lbfgs is not judged while it fits, and X_val was given; leave it out, or use "
            raise InputError(f"{msg}another solver")
        settings = LBFGS(tolerance=float(est.tol), max_evaluations=int(est.max_fun))
        m = int(examples.X.shape[0])
        super().__init__(est, backend, examples, settings, np.arange(m), m, int(est.max_iter))
        # scikit-learn ignores its own learning rates here; a schedule of bpnet is refused
        rate = "constant" if est.learning_rate in LEARNING_RATES else est.learning_rate
        others = {"scoring": (est.scoring, None), "learning_rate": (rate, "constant")}
        lbfgs.check(self.objective, **of_steps(est), **others)

    def open(self, _fits: Sequence[Fit]) -> lbfgs.Descent:
        """Return the descent of this fit; L-BFGS runs one fit at a time."""
        est = self.est
        first = self.on_device(est._parameters())
        return lbfgs.Descent(self.member, self.backend, self.data, est._dtype, first)

    def write(self) -> str | None:
        """Write the weights and the results of the search."""
        est, end = self.est, self.session.latest
        self.pull()
        est.loss_, est.n_iter_, est.round_trips_ = end.f, end.iterations, end.round_trips
        if end.converged:
            return None
        msg = f"lbfgs failed to converge after {end.iterations} iteration(s): {end.reason}.\n"
        return (
            f"{msg}Increase the number of iterations (max_iter={est.max_iter}), or scale the data."
        )


def run(fits: Sequence[Fit]) -> None:
    """Run fits of one kind to their ends, with the data of the first."""
    with placed(fits[0]) as threads:
        session = fits[0].open(fits)
        for fit in fits:
            fit.session, fit.member.run.threads = session, threads
        # a fit validates by itself, in its callback
        epochs.run(session, lambda _parameters, members: [{} for _ in members])


@contextmanager
def placed(fit: Fit) -> Iterator[int | None]:
    """Prepare the backend of an estimator: dtype, precision and threads, which are yielded."""
    est, backend = fit.est, fit.backend
    # multiplications of the largest product, by which a backend chooses its threads
    work = batch_size(est, fit.member.run.samples) * max(W.size for W in est.coefs_)
    with (
        backend.session(est._dtype),
        backend.threads(est.threads, work) as threads,
        backend.precision(est.precision),
    ):
        yield threads


def batch_size(est: Any, m: int) -> int:
    """Return the examples in a step of an estimator."""
    # 200 is scikit-learn's default
    return min(200 if est.batch_size == "auto" else int(est.batch_size), m)


def store(est: Any, backend: Backend, examples: Examples) -> Data:
    """Return examples, targets and class numbers on the device."""
    x = batches.examples(examples.X, None, backend=backend, dtype=est._dtype)
    return x, *prepare.store_targets(examples.values, est.n_outputs_, backend, est._dtype)


def users_level() -> int:
    """Return the stack level of the caller's first frame outside of libraries, for a warning."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals["__name__"].partition(".")[0] in {"bpnet", "sklearn"}:
        frame, level = frame.f_back, level + 1
    return level

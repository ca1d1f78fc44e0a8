"""The solver ``lbfgs``: the whole training set in each step."""

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from bpnet import backends
from bpnet.core.feedforward import Parameters
from bpnet.core.lbfgs import LBFGS, Found
from bpnet.errors import Diverged, InputError
from bpnet.sklearn.fitting import NOT_FINITE, Job
from bpnet.sklearn.parameters import LEARNING_RATES
from bpnet.training import lbfgs


def _check(job: Job, validation: Any) -> None:
    """Refuse what L-BFGS would leave undone, but for what scikit-learn says is for other solvers.

    Raises
    ------
    InputError
        Naming it.
    """
    est = job.est
    if validation is not None:
        msg = "lbfgs is not judged while it fits, and X_val was given; leave it out, or use another"
        raise InputError(f"{msg} solver")
    rate = "constant" if est.learning_rate in LEARNING_RATES else est.learning_rate
    lbfgs.check(
        job.judge, max_norm=(est.max_norm, 0.0), clip_norm=(est.clip_norm, 0.0),
        callbacks=(est.callbacks, None), scoring=(est.scoring, None),
        learning_rate=(rate, "constant"),
    )  # fmt: skip


def fit(job: Job, validation: Any = None) -> None:
    """Fit by L-BFGS.

    Parameters
    ----------
    job : Job
        Data and estimator.
    validation : (X, y), optional
        The user's own; refused.
    """
    est = job.est
    _check(job, validation)
    total = float(job.samples if job.weights is None else job.weights.sum())
    problem = lbfgs.Problem(
        job.judge, job.backend, job.data, total, total, float(est.alpha), float(est.l1)
    )
    settings = LBFGS(tolerance=float(est.tol), max_evaluations=int(est.max_fun))

    def look(found: Found, _parameters: Parameters) -> bool:
        if est.verbose:
            print(f"Iteration {found.iterations}, loss = {found.f:.8f}")
        return False

    try:
        found, parameters = lbfgs.minimize(
            problem, job.parameters(), settings, int(est.max_iter), look
        )
    except Diverged as error:
        raise ValueError(NOT_FINITE) from error
    est._take(backends.to_numpy(parameters))
    est.loss_, est.n_iter_ = found.f, found.iterations
    est.round_trips_ = found.round_trips
    if not found.converged:
        msg = f"lbfgs failed to converge after {found.iterations} iteration(s): {found.reason}.\n"
        msg += f"Increase the number of iterations (max_iter={est.max_iter}), or scale the data."
        warnings.warn(msg, ConvergenceWarning, stacklevel=5)

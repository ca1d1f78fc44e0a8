"""The solver ``lbfgs``: the whole training set in each step."""

import warnings

from sklearn.exceptions import ConvergenceWarning

from bpnet import backends
from bpnet.core.feedforward import Parameters
from bpnet.core.lbfgs import LBFGS, Found
from bpnet.errors import Diverged
from bpnet.sklearn.fitting import NOT_FINITE, Job
from bpnet.sklearn.parameters import of_steps
from bpnet.training import lbfgs


def fit(job: Job) -> None:
    """Fit by L-BFGS.

    Parameters
    ----------
    job : Job
        Data and estimator.
    """
    est = job.est
    lbfgs.check(job.judge, **of_steps(est), callbacks=(est.callbacks, None))
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

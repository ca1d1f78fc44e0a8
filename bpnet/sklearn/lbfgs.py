"""The solver ``lbfgs``: the whole training set in each step."""

from typing import Any

from bpnet.core.lbfgs import LBFGS
from bpnet.core.regularizers import Regularization
from bpnet.errors import InputError
from bpnet.sklearn.fitting import NOT_FINITE, Job, tell_end
from bpnet.sklearn.parameters import LEARNING_RATES, of_steps
from bpnet.training import epochs, lbfgs
from bpnet.training.callbacks import Callback, Run
from bpnet.training.member import Member
from bpnet.training.step import TrainingStep


class _Printing(Callback):
    """Prints the loss of each iteration."""

    def on_epoch_end(self, run: Any) -> None:
        print(f"Iteration {run.epoch + 1}, loss = {run.cost:.8f}")


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
        job.judge, **of_steps(est), scoring=(est.scoring, None), learning_rate=(rate, "constant")
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
    regularization = Regularization(float(est.alpha), float(est.l1))
    problem = lbfgs.Problem(job.judge, job.backend, job.data, total, total, regularization)
    settings = LBFGS(tolerance=float(est.tol), max_evaluations=int(est.max_fun))
    step = TrainingStep(job.judge, settings, None, regularization)
    run = Run(est._network(), int(est.max_iter), 1, job.samples, job.backend.spec, job.threads)
    callbacks = [*([_Printing()] if est.verbose else []), *job.callbacks]
    member = Member(step, run, job.samples, 0, callbacks=callbacks)
    descent = lbfgs.Descent(problem, member, settings, job.parameters())

    def pull() -> None:
        est._take(descent.to_host() if run.result is None else run.result)
        run.network.parameters = est._parameters()

    run.pull = pull
    epochs.run(descent, lambda _parameters, _members: [{}])
    if member.error is not None:
        raise ValueError(NOT_FINITE) from member.error
    found = descent.found
    pull()
    est.loss_, est.n_iter_, est.history_ = found.f, found.iterations, run.history
    est.round_trips_ = found.round_trips
    msg = f"lbfgs failed to converge after {found.iterations} iteration(s): {found.reason}.\n"
    msg += f"Increase the number of iterations (max_iter={est.max_iter}), or scale the data."
    tell_end(run, None if found.converged else msg)

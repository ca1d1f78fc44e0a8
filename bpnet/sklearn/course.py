"""The course of a fit between epochs, as scikit-learn has it: loss, score, when to stop."""

from collections.abc import Callable
from typing import Any

from bpnet.core.schedules import Moment, scaled_down
from bpnet.training import Callback, Run


class Course(Callback):
    """Writes the curves, lowers the rate and stops; it is the schedule of the learning rate too.

    Parameters
    ----------
    estimator : Base
        Whose fitted attributes are written.
    samples : int
        Examples in an epoch.
    eta : float
        Learning rate of the first epoch.

    Attributes
    ----------
    scorer : Scorer or None
        Of a validation set.
    keep : callable
        Keeps the parameters as they are as the best so far.
    """

    def __init__(self, estimator: Any, samples: int, eta: float) -> None:
        self.estimator, self.samples, self.eta = estimator, samples, eta
        self.scorer: Any = None
        self.keep: Callable[[], None] = lambda: None

    def rate(self, eta: float, at: Moment) -> float:
        """Return the learning rate of the epoch."""
        return self.eta

    def on_epoch_end(self, run: Run) -> None:
        """Write what the epoch gave; stop, or lower the rate, where nothing gets better."""
        est = self.estimator
        est.n_iter_ += 1
        est.t_ += self.samples
        est.loss_ = run.cost
        est.loss_curve_.append(est.loss_)
        if est.verbose:
            print(f"Iteration {est.n_iter_}, loss = {est.loss_:.8f}")
        if self.scorer is not None:
            self._score(run)
        worse = self._worse_score() if est.early_stopping else self._worse_loss()
        est._no_improvement_count = est._no_improvement_count + 1 if worse else 0
        if est.learning_rate == "invscaling" and est.solver == "sgd":
            self.eta = scaled_down(est.learning_rate_init, est.t_ + 1, float(est.power_t))
        if est._no_improvement_count > est.n_iter_no_change:
            self._end(run)

    def _score(self, run: Run) -> None:
        est = self.estimator
        found = {"validation_score": self.scorer.score(), "validation_cost": self.scorer.loss()}
        for name, value in found.items():
            run.history.setdefault(name, []).append(value)
        est.validation_scores_ = [*(est.validation_scores_ or ()), found["validation_score"]]
        if est.verbose:
            print(f"Validation score: {est.validation_scores_[-1]:f}")

    def _worse_score(self) -> bool:
        est = self.estimator
        score, best = est.validation_scores_[-1], est.best_validation_score_
        if score > best:
            est.best_validation_score_ = score
            self.keep()
        return bool(score < best + est.tol)

    def _worse_loss(self) -> bool:
        est = self.estimator
        best = est.best_loss_
        if est.loss_ < best:
            est.best_loss_ = est.loss_
        return bool(est.loss_ > best - est.tol)

    def _end(self, run: Run) -> None:
        est = self.estimator
        what = "Validation score" if est.early_stopping else "Training loss"
        reason = f"{what} did not improve more than tol={est.tol:f} for "
        reason += f"{est.n_iter_no_change} consecutive epochs."
        adaptive = est.learning_rate == "adaptive" and est.solver == "sgd"
        if adaptive and self.eta > 1e-6:
            self.eta /= 5.0
            est._no_improvement_count = 0
            reason += f" Setting learning rate to {self.eta:f}"
        else:
            reason += " Learning rate too small. Stopping." if adaptive else " Stopping."
            run.stop(reason)
        if est.verbose:
            print(reason)

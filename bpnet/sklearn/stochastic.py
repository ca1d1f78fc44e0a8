"""Solvers by batches: scikit-learn's rules between epochs, around bpnet's own step."""

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split

from bpnet.backends import Backend
from bpnet.core import schedules
from bpnet.core.feedforward import Parameters
from bpnet.core.optimizers import Optimizer
from bpnet.core.schedules import Moment, scaled_down
from bpnet.data import batches
from bpnet.sklearn import conventions, inputs
from bpnet.sklearn.conventions import LEARNING_RATES
from bpnet.sklearn.fitting import Examples, Fit, Host, batch_size, store, users_level
from bpnet.training import Run, blocks
from bpnet.training.objective import Data, EvaluationStep
from bpnet.training.session import Session


class Memory(NamedTuple):
    """What the next fit needs in order to go on; its arrays are NumPy's on every backend."""

    optimizer: Optimizer
    slots: Any
    """Slots of the optimizer for each array; None before the first step."""
    steps: int
    learning_rate: float
    """Learning rate of the next epoch."""
    permutation: Host
    """Order of the rows in the last epoch, which the next one shuffles."""


class StochasticFit(Fit):
    """A fit by batches: after each epoch it writes the curves, lowers the rate, or stops.

    The fit is its own schedule where ``learning_rate`` is one of scikit-learn's. If
    ``incremental``, it is one epoch of ``partial_fit``. ``best`` are the parameters with the best
    validation score.
    """

    def __init__(
        self,
        est: Any,
        backend: Backend,
        examples: Examples,
        validation: Examples | None,
        *,
        incremental: bool,
    ) -> None:
        rows: Host = np.arange(examples.X.shape[0])
        if validation is None and est.early_stopping:
            rows, validation = _split(est, examples)
        m, optimizer = len(rows), conventions.optimizer(est)
        if est.batch_size != "auto" and est.batch_size > m:
            msg = "Got `batch_size` less than 1 or larger than sample size. It is going to be "
            warnings.warn(f"{msg}clipped", stacklevel=users_level())
        limit = 1 if incremental else int(est.max_iter)
        super().__init__(est, backend, examples, optimizer, rows, batch_size(est, m), limit)
        memory: Memory | None = est._optimizer
        # the slots of one optimizer mean nothing to another, nor to one with other settings
        if memory is None or memory.optimizer != optimizer:
            memory = Memory(optimizer, None, 0, optimizer.learning_rate, np.arange(m))
        _, self.slots, self.member.done, self.learning_rate, self.permutation = memory
        # calls of partial_fit may have different numbers of examples
        if len(self.permutation) != m:
            self.permutation = np.arange(m)
        own = est.learning_rate in LEARNING_RATES
        # scikit-learn's rates change between epochs, by what on_epoch_end has seen
        self.member.schedule = self if own else schedules.get(est.learning_rate)
        self.member.order = self.draw_order
        self.incremental, self.best = incremental, est._parameters()
        self.validation: Any = validation
        if validation is not None:
            self.validation_data = store(est, backend, validation)
            named = est.scoring not in {None, "loss"}
            self.scorer = check_scoring(est, est.scoring) if named else None

    def draw_order(self, _epoch: int) -> Host:
        """Return the rows of an epoch in the order of ``sklearn.utils.shuffle``, but faster."""
        if self.est.shuffle:
            drawn = np.arange(len(self.permutation))
            self.est._random_state.shuffle(drawn)
            # scikit-learn shuffles the order of the epoch before, not the rows themselves
            self.permutation = self.permutation[drawn]
        rows: Host = self.rows[self.permutation]
        return rows

    def move(self, data: Data, rows: Host) -> None:
        """Take the examples from a larger set, in which their row numbers are ``rows``."""
        member, m = self.member, int(data[0].shape[0])
        self.data, self.rows = data, rows[self.rows]
        # places and weights are looked up by row numbers of the larger set
        member.places = np.zeros(m, np.int64)
        member.places[rows] = np.arange(len(rows))
        if member.weights is not None:
            weights, member.weights = member.weights, np.zeros(m)
            member.weights[rows] = weights

    def open(self, fits: Sequence[Any]) -> Session:
        """Return the session of some fits, each with the optimizer state that it goes on with."""
        states = [fit.slots and tuple(fit.on_device(layer) for layer in fit.slots) for fit in fits]
        return Session(
            [fit.member for fit in fits], self.backend, self.data, self.est._dtype,
            [fit.on_device(fit.est._parameters()) for fit in fits], states,
        )  # fmt: skip

    def write(self) -> str | None:
        """Write the weights, and the state from which the next fit may go on."""
        est, member, run = self.est, self.member, self.member.run
        # the weights of the best score are the result, not the last ones
        if est.early_stopping:
            est._take(self.best)
        else:
            self.pull()
        slots = self.session.state_to_host(member)
        steps = member.done + run.epoch * run.steps + run.step
        est._optimizer = Memory(
            member.step.optimizer, slots, steps, self.learning_rate, self.permutation
        )
        if self.incremental:
            return None
        msg = f"Stochastic Optimizer: Maximum iterations ({est.max_iter}) reached and the "
        return f"{msg}optimization hasn't converged yet."

    def rate(self, eta: float, at: Moment) -> float:
        """Return the learning rate of the epoch."""
        return self.learning_rate

    def on_epoch_end(self, run: Run) -> None:
        """Write the results of the epoch; stop or lower the rate if they do not improve."""
        super().on_epoch_end(run)
        est = self.est
        est.t_ += run.samples
        est.loss_curve_.append(est.loss_)
        if self.validation is not None:
            self._validate(run)
        worse = self._worse_score() if est.early_stopping else self._worse_loss()
        est._no_improvement_count = est._no_improvement_count + 1 if worse else 0
        if est.learning_rate == "invscaling" and est.solver == "sgd":
            eta, power = est.learning_rate_init, float(est.power_t)
            # scikit-learn's rate after t examples, eta / (t + 1)^power_t
            self.learning_rate = scaled_down(eta, est.t_ + 1, power)
        if est._no_improvement_count > est.n_iter_no_change:
            self._slow_down(run)

    def _validate(self, run: Run) -> None:
        """Write the validation score, which improves by growing, and the validation cost."""
        est, session, step = self.est, self.session, EvaluationStep(self.objective)
        # members that are over leave the stack, which moves the others to other places
        parameters = session.of(session.members.index(self.member)).parameters
        cost = blocks.evaluate(step, parameters, self.validation_data, self.backend)[0]
        score = -cost if est.scoring == "loss" else self._score(parameters)
        for name, value in {"validation_score": score, "validation_cost": cost}.items():
            run.history.setdefault(name, []).append(value)
        est.validation_scores_ = [*(est.validation_scores_ or ()), score]
        if est.verbose:
            print(f"Validation score: {score:f}")

    def _score(self, parameters: Parameters) -> float:
        """Return the score of the scorer, or accuracy or R2."""
        est, (X, y, _, weights) = self.est, self.validation
        if self.scorer is not None:
            # a scorer predicts with the estimator's own weights
            self.pull()
            return float(self.scorer(est, X, y))
        outputs = batches.outputs(
            est._layers, self.objective.compute(parameters), self.validation_data[0],
            scale=None, backend=self.backend, dtype=est._dtype,
        )  # fmt: skip
        # scikit-learn's metrics refuse such outputs
        if not np.isfinite(outputs).all():
            return math.nan
        return float(est._metric(y, est._decode(outputs), sample_weight=weights))

    def _worse_score(self) -> bool:
        """Keep the best score and its parameters; return whether this one is not better by tol."""
        est = self.est
        # tol is held against the best score before this one, as in scikit-learn
        score, best = est.validation_scores_[-1], est.best_validation_score_
        if score > best:
            est.best_validation_score_ = score
            self.best = self.session.to_host(self.member)
        return bool(score < best + est.tol)

    def _worse_loss(self) -> bool:
        """Keep the smallest loss; return whether this one is not smaller by tol."""
        est = self.est
        best = est.best_loss_
        if est.loss_ < best:
            est.best_loss_ = est.loss_
        return bool(est.loss_ > best - est.tol)

    def _slow_down(self, run: Run) -> None:
        """Lower an adaptive rate that is not too small yet; else stop the run."""
        est = self.est
        what = "Validation score" if est.early_stopping else "Training loss"
        reason = f"{what} did not improve more than tol={est.tol:f} for "
        reason += f"{est.n_iter_no_change} consecutive epochs."
        adaptive = est.learning_rate == "adaptive" and est.solver == "sgd"
        # the limit and the divisor are scikit-learn's
        if adaptive and self.learning_rate > 1e-6:
            self.learning_rate /= 5.0
            est._no_improvement_count = 0
            reason += f" Setting learning rate to {self.learning_rate:f}"
        else:
            reason += " Learning rate too small. Stopping." if adaptive else " Stopping."
            run.stop(reason)
        if est.verbose:
            print(reason)


def _split(est: Any, examples: Examples) -> tuple[Host, Examples]:
    """Return the rows to train with, and the examples that early stopping holds out."""
    X, y, values, weights = examples
    # row numbers are split in place of examples, with the draws of scikit-learn
    train, held_out = train_test_split(
        np.arange(X.shape[0]),
        random_state=est._random_state,
        test_size=est.validation_fraction,
        # scikit-learn stratifies two classes only, which have one output
        stratify=values == 1 if is_classifier(est) and est.n_outputs_ == 1 else None,
    )
    if len(held_out) < 2:
        msg = "The validation set is too small. Increase 'validation_fraction' "
        raise ValueError(msg + "or the size of your dataset.")
    own = None if weights is None else weights[held_out]
    return train, Examples(inputs.rows(X, held_out), y[held_out], values[held_out], own)

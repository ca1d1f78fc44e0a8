"""How good a network is while it is fitted: scikit-learn's scores, and the loss."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring

from bpnet.core.feedforward import Parameters
from bpnet.data import batches
from bpnet.sklearn.fitting import Job, store
from bpnet.training import blocks
from bpnet.training.step import EvaluationStep


class Scorer:
    """Score and loss of the network as it is, on examples that it does not learn from.

    Parameters
    ----------
    job : Job
        Of the fit.
    judged : (X, y, weights)
        Examples, targets as scorers take them, weights or None.
    parameters : callable
        Gives those of the network on the device.
    pull : callable
        Brings the estimator's own arrays up to date, for scorers that ask the estimator.
    """

    def __init__(
        self,
        job: Job,
        judged: tuple[Any, Any, Any],
        parameters: Callable[[], Parameters],
        pull: Callable[[], None],
    ) -> None:
        X, self.y, self.weights = judged
        self.job, self.parameters, self.pull = job, parameters, pull
        self.data = store(X, job.est._values(self.y), None, job.backend, job.est)
        scoring = job.est.scoring
        self.X = X
        self.own = None if scoring in {None, "loss"} else check_scoring(job.est, scoring)

    def loss(self) -> float:
        """Mean cost, without regularization."""
        step = EvaluationStep(self.job.judge)
        return blocks.evaluate(step, self.parameters(), self.data, self.job.backend)[0]

    def score(self) -> float:
        """Accuracy or R2, or what ``scoring`` asks for; more is better."""
        est = self.job.est
        if est.scoring == "loss":
            return -self.loss()
        if self.own is not None:
            self.pull()
            return float(self.own(est, self.X, self.y))
        parameters = self.job.judge.compute(self.parameters())
        outputs = batches.outputs(
            est._layers, parameters, self.data[0],
            scale=None, backend=self.job.backend, dtype=est._dtype,
        )  # fmt: skip
        if not np.isfinite(outputs).all():
            return math.nan
        return float(est._score_of(self.y, est._decode(outputs), self.weights))

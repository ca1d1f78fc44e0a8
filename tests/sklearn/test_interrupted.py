"""A fit that is interrupted says so, whatever the solver, and blames the caller's line."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import bpnet
from bpnet.sklearn import MLPClassifier

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


class Interrupt(bpnet.Callback):
    def on_epoch_end(self, run):
        if run.epoch == 1:
            run.stop("interrupted")


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_an_interrupt_is_told(solver):
    est = MLPClassifier((4,), solver=solver, random_state=0, callbacks=[Interrupt()])
    with pytest.warns(UserWarning, match="interrupted by user") as told:
        est.fit(X, Y)
    assert est.n_iter_ == 2
    assert [warning.filename for warning in told] == [__file__]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_that_it_did_not_converge_is_told_at_the_callers_line(solver):
    with pytest.warns(ConvergenceWarning) as told:
        MLPClassifier((4,), solver=solver, random_state=0, max_iter=3).fit(X, Y)
    assert [warning.filename for warning in told] == [__file__]

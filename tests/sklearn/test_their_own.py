"""scikit-learn's own tests of its MLPs, as they are installed, run on bpnet's estimators."""

import importlib.util
from pathlib import Path

import pytest
import sklearn.neural_network

from bpnet.sklearn import MLPClassifier, MLPRegressor

PRIVATE = {
    "test_fit": "sets what a fit keeps for itself, `_coef_grads` and others, and steps from there",
    "test_gradient": "calls `_loss_grad_lbfgs`; bpnet's gradients are checked by tests/core",
}
"""Those that reach into private state, and how; all others must pass."""


def load_theirs():
    """Their module of tests, in which the estimators are bpnet's."""
    home = Path(sklearn.neural_network.__file__).parent
    spec = importlib.util.spec_from_file_location("their_tests", home / "tests" / "test_mlp.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklearn.neural_network, "MLPClassifier", MLPClassifier)
        patch.setattr(sklearn.neural_network, "MLPRegressor", MLPRegressor)
        spec.loader.exec_module(module)
    return module


THEIRS = {name: one for name, one in vars(load_theirs()).items() if name.startswith("test_")}
globals().update({name: one for name, one in THEIRS.items() if name not in PRIVATE})
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def global_random_seed():
    """As in scikit-learn's own suite, which draws others on request only."""
    return 42


def test_those_that_are_left_out_are_there_and_few():
    assert PRIVATE.keys() < THEIRS.keys()
    assert len(THEIRS) > 20 * len(PRIVATE)

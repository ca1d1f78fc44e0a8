"""``MLPClassifier`` and ``MLPRegressor`` with scikit-learn's interface, on every backend.

They differ from scikit-learn's estimators in three ways: costs come from z, without clipped
probabilities; ``partial_fit`` goes on with the random state, so that its calls are the epochs of
one fit; and a fit that diverges ends at once. An estimator that was fitted on a GPU predicts on a
processor after ``set_params(backend="numpy")``.

>>> from bpnet.sklearn import MLPClassifier
>>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
>>> MLPClassifier(8, solver="lbfgs", random_state=1).fit(X, y).predict(X).tolist()
[0, 1, 1, 0]
"""

from bpnet.public import listing
from bpnet.requirements import install

try:
    import sklearn  # noqa: F401
except ModuleNotFoundError:
    msg = f"bpnet.sklearn needs scikit-learn; {install('scikit-learn')}"
    raise ModuleNotFoundError(msg, name="sklearn") from None

from bpnet.sklearn.classifier import MLPClassifier
from bpnet.sklearn.regressor import MLPRegressor
from bpnet.sklearn.search import GridSearch
from bpnet.sklearn.tables import TableClassifier, TableRegressor

__all__ = ["GridSearch", "MLPClassifier", "MLPRegressor", "TableClassifier", "TableRegressor"]

__dir__ = listing(__all__)

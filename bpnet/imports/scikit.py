"""scikit-learn's multilayer perceptrons."""

from typing import Any

from bpnet.arguments import checked
from bpnet.errors import InputError
from bpnet.imports.assembling import network_of
from bpnet.network import Network

_NAMES = {"logistic": "sigmoid"}
"""Activations that have another name here."""


@checked
def from_sklearn(estimator: Any) -> Network:
    """Network of a fitted ``MLPClassifier`` or ``MLPRegressor``.

    Parameters
    ----------
    estimator : object
        scikit-learn's, or :mod:`bpnet.sklearn`'s; not a pipeline, whose other steps are not part
        of the network.

    Returns
    -------
    Network
        With the estimator's weights, in their dtype, and its classes.

    Raises
    ------
    InputError
        If it is no such estimator, or is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = MLPClassifier((8,), solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
    >>> net = from_sklearn(mlp)
    >>> bool((net.classify(X) == mlp.predict(X)).all())
    True
    """
    if not hasattr(estimator, "coefs_"):
        what = type(estimator).__name__
        msg = f"{what} has no weights; give a fitted MLPClassifier or MLPRegressor"
        raise InputError(msg)
    if hasattr(estimator, "to_network"):
        network: Network = estimator.to_network()
        return network
    count = len(estimator.coefs_)
    hidden, output = (
        _NAMES.get(name, name) for name in (estimator.activation, estimator.out_activation_)
    )
    several = output == "sigmoid" and estimator.n_outputs_ > 1  # labels that go together
    return network_of(
        [coef.T for coef in estimator.coefs_],
        estimator.intercepts_,
        [hidden] * (count - 1) + [output],
        [f"coefs_[{l}]" for l in range(count)],
        None if several else getattr(estimator, "classes_", None),
    )

"""scikit-learn's multilayer perceptrons."""

from typing import Any

from bpnet.arguments import checked
from bpnet.errors import InputError
from bpnet.imports.assembling import Linear, network_of
from bpnet.model.network import Network

_NAMES = {"logistic": "sigmoid"}
"""Activations that have another name here."""

_INNER = ("steps", "best_estimator_", "estimators_", "estimator", "regressor_")
"""Where estimators keep others that they are made of."""


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
        inner = next((name for name in _INNER if hasattr(estimator, name)), None)
        if inner is not None:
            msg = f"{what} does more than the network inside it; give that alone, of its .{inner}"
            msg += ", and what comes before it to the data"
        raise InputError(msg)
    if hasattr(estimator, "to_network"):
        network: Network = estimator.to_network()
        return network
    classes = getattr(estimator, "classes_", None)
    if classes is not None and len(classes) < 2:
        msg = f"the estimator knows one class, {classes[0]!r}; fit it to two or more"
        raise InputError(msg)
    count = len(estimator.coefs_)
    hidden, output = (
        _NAMES.get(name, name) for name in (estimator.activation, estimator.out_activation_)
    )
    several = output == "sigmoid" and estimator.n_outputs_ > 1  # labels that go together
    layers = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    sigmas = [hidden] * (count - 1) + [output]
    network = network_of(
        [Linear(f"coefs_[{l}]", W.T, b, sigmas[l]) for l, (W, b) in enumerate(layers)],
        None if several else classes,
    )
    network.labels = several
    return network

"""Networks from scikit-learn's multilayer perceptrons."""

from typing import Any

from bpnet.arguments import checked
from bpnet.errors import InputError
from bpnet.imports.assembling import Linear, build_network
from bpnet.model.network import Network

_NAMES = {"logistic": "sigmoid"}
"""Activations with another name here."""

_INNER = ("steps", "best_estimator_", "estimators_", "estimator", "regressor_")
"""Attributes with which estimators hold other estimators."""


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
        Network with the estimator's weights, in their dtype, and its classes.

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
        name = type(estimator).__name__
        msg = f"{name} has no weights; give a fitted MLPClassifier or MLPRegressor"
        inner = next((attribute for attribute in _INNER if hasattr(estimator, attribute)), None)
        if inner is not None:
            msg = f"{name} has other steps beside the network; give the network alone, from its "
            msg += f"attribute {inner}, and apply the other steps to the data"
        raise InputError(msg)
    # an estimator of bpnet.sklearn makes its network itself
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
    # scikit-learn has several sigmoid outputs for rows of labels only
    has_labels = output == "sigmoid" and estimator.n_outputs_ > 1
    # `coefs_` are (n_in, n_out)
    layers = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    sigmas = [hidden] * (count - 1) + [output]
    network = build_network(
        [Linear(f"coefs_[{l}]", W.T, b, sigmas[l]) for l, (W, b) in enumerate(layers)],
        None if has_labels else classes,
    )
    network.labels = has_labels
    return network

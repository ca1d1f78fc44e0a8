"""``evaluate`` and ``gradients``: what a network gives on some examples, without training."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpnet import backends
from bpnet.arguments import checked
from bpnet.backends import Backend, dtypes
from bpnet.core import averaging, regularizers
from bpnet.core.layers import Dense
from bpnet.core.namespace import namespace_of
from bpnet.core.regularizers import Regularization
from bpnet.model.ensemble import Ensemble
from bpnet.model.network import Network
from bpnet.training import blocks, scores
from bpnet.training.declared import STRENGTH, Strength
from bpnet.training.objective import EvaluationStep, Objective
from bpnet.training.prepare import check_network, on_device, pair, prepare
from bpnet.training.step import Backpropagation
from bpnet.training.targets import Targets


@checked
def evaluate(
    network: Network | Ensemble,
    data: Any,
    *,
    cost: str | Any | None = None,
    metrics: str | Sequence[str] = (),
    backend: Any = None,
    device: Any = None,
    dtype: dtypes.Float | None = None,
    detailed: bool = False,
) -> dict[str, Any]:
    """Return the mean cost of a network on some examples, and its accuracy or errors.

    Parameters
    ----------
    network : Network or Ensemble
        What is evaluated; of an ensemble the mean of its members' outputs.
    data : (X, y) or Dataset
        As in :func:`train`.
    metrics : str or sequence of str
        As in :func:`train`.
    cost, backend, device, dtype : optional
        As in :func:`train`; the default dtype is that of the weights.
    detailed : bool
        Whether intervals and a baseline are returned too.

    Returns
    -------
    dict
        ``cost`` and ``accuracy``, or ``r2``, ``mae`` and ``rmse`` where there are no classes, and
        the metrics; errors are in the target's own unit. If ``detailed``, ``interval`` has the
        95 % interval of each of these figures but the cost: Wilson's of an accuracy, that of the
        delta method of the others. ``baseline`` has what the same answer to every example reaches,
        which is the most frequent class or the mean, and that ``answer``.
    """
    first = network.networks[0] if isinstance(network, Ensemble) else network
    check_network(first)
    names = scores.names_of(metrics)
    dtype = dtype or network.dtype
    chosen, objective, stored, targets = prepare(
        first, data, cost, backend=backend, device=device, dtype=dtype
    )
    # metrics without a meaning here are refused before the outputs are computed
    scores.rehearse(names, targets, network.sizes[-1], network.output)
    if isinstance(network, Ensemble):
        mean, accuracy = _of_ensemble(
            network, pair(data, "data")[0], objective, targets, chosen, dtype
        )
    else:
        with chosen.session(dtype):
            parameters = on_device(network.parameters, chosen, dtype)
            mean, accuracy = blocks.evaluate(EvaluationStep(objective), parameters, stored, chosen)
    figures: dict[str, Any] = {"cost": mean}
    # the common case needs no output on the host
    if accuracy is not None and not names and not detailed:
        return {**figures, "accuracy": accuracy}
    more: dict[str, Any] = {}
    if accuracy is not None:
        figures["accuracy"], more = accuracy, scores.of_classes(accuracy, targets)
    if names or accuracy is None:
        # metrics are computed on the host, some of them by scikit-learn
        a = network.predict(pair(data, "data")[0], chosen, dtype=dtype)
        if accuracy is None:
            errors, more = scores.of_numbers(a * targets.unit, targets.values * targets.unit)
            figures |= errors
        figures |= scores.compute(names, targets, a, network.output)
    return {**figures, **more} if detailed else figures


def _of_ensemble(
    ensemble: Ensemble, x: Any, objective: Objective, targets: Targets, backend: Backend, dtype: Any
) -> tuple[float, float | None]:
    """Return the cost of the mean output, and accuracy where there are classes, on the host."""
    z = ensemble.weighted_inputs(x, backend, dtype=dtype).astype(np.float64)
    xp = namespace_of(z)
    # the cost is that of the averaged output, computed from the z which would give it
    mean = averaging.mean_input(z, ensemble.output, xp=xp)
    y = np.asarray(targets.values)
    if y.ndim == 1:
        # class numbers become one-hot rows, as a cost takes them
        y = np.eye(mean.shape[1])[y]
    costs = objective.cost.value(mean, y.astype(np.float64), ensemble.output, xp=xp)
    accuracy = None
    if targets.kind is not None:
        a = ensemble.output.sigma(mean, xp=xp)
        accuracy = scores.compute(("accuracy",), targets, a, ensemble.output)["accuracy"]
    return float(np.mean(costs)), accuracy


Host = np.ndarray[Any, Any]


@checked
def gradients(
    network: Network,
    X: Any,
    y: Any,
    *,
    cost: str | Any | None = None,
    l2: Strength = 0.0,
    backend: Any = None,
    device: Any = None,
    dtype: dtypes.Float = "float64",
) -> tuple[float, list[tuple[Host, Host]]]:
    """Return the cost over all examples, and its gradients.

    Parameters
    ----------
    network : Network
        Network whose gradients are computed; it is not changed.
    X, y : array
        Examples and targets, as in :func:`bpnet.train`.
    cost, backend, device : optional
        As in :func:`bpnet.train`.
    l2 : float
        The paper's alpha; m is the number of examples.
    dtype : str
        Dtype of the computation.

    Returns
    -------
    cost : float
        C, regularization included.
    gradients : list of pairs of numpy arrays
        (dC/dW, dC/db) of each dense layer, (n_out, n_in) and (n_out,), the paper's orientation.

    Examples
    --------
    >>> import bpnet
    >>> net = bpnet.Network([2, 1], output="identity", init=[([[1.0, 0.0]], [0.0])])
    >>> C, [(dW, db)] = bpnet.gradients(net, [[1.0, 2.0]], [[0.0]], cost="quadratic")
    >>> C, dW.tolist(), db.tolist()
    (0.5, [[1.0, 2.0]], [1.0])
    """
    l2 = STRENGTH(l2, "l2")
    chosen, objective, stored, _ = prepare(
        network, (X, y), cost, backend=backend, device=device, dtype=dtype
    )
    with chosen.session(dtype):
        m = int(stored[0].shape[0])
        parameters = on_device(network.parameters, chosen, dtype)
        here, numbers = blocks.present(stored, np.arange(m), chosen)
        rows = chosen.asarray(numbers, dtype=chosen.index_dtype)
        C, _, slopes = Backpropagation(objective)(parameters, rows, here)
        limits = Regularization(l2=l2)
        C, slopes = regularizers.penalized(C, parameters, slopes, limits, m, xp=chosen.xp)
        host = backends.to_numpy(slopes)
        total = float(chosen.to_numpy(C))
    pairs = zip(network.layers, host, strict=True)
    # core stores W as (n_in, n_out), and the paper has (n_out, n_in)
    return total, [(g[0].T, g[1]) for layer, g in pairs if isinstance(layer, Dense)]

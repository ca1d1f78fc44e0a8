"""``evaluate``: a network judged by examples."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpnet import backends
from bpnet.arguments import checked
from bpnet.backends import Backend, dtypes
from bpnet.core import averaging, costs, feedforward, regularizers
from bpnet.core.layers import Dense
from bpnet.core.namespace import namespace_of
from bpnet.data import batches
from bpnet.model.ensemble import Ensemble
from bpnet.model.network import Network
from bpnet.training import blocks, scores
from bpnet.training.declared import STRENGTH, Strength
from bpnet.training.judge import EvaluationStep, Judge
from bpnet.training.prepare import check_network, kept, pair, prepare
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
    """Mean cost, and accuracy, or R2 and errors where there are no classes, and further metrics.

    Parameters
    ----------
    network : Network or Ensemble
        What is judged; of an ensemble the mean of its members' outputs.
    data : (X, y) or Dataset
        As in :func:`train`.
    metrics : str or sequence of str
        As in :func:`train`.
    cost, backend, device, dtype : optional
        As in :func:`train`; the default dtype is that of the weights.
    detailed : bool
        Whether intervals and a baseline are told too.

    Returns
    -------
    dict
        ``cost`` and ``accuracy``, or ``r2``, ``mae`` and ``rmse`` where there are no classes, and
        the metrics; errors are in the target's own unit. ``interval``, where asked for, has the
        95 % interval of each of these figures but the cost: Wilson's of an accuracy, the delta
        method's of the others. ``baseline`` has what the most frequent class, or the mean, reaches
        as the answer to all, and that ``answer``.
    """
    first = network.networks[0] if isinstance(network, Ensemble) else network
    check_network(first)
    names = scores.names_of(metrics)
    dtype = dtype or network.dtype
    chosen, judge, stored, wanted = prepare(
        first, data, cost, backend=backend, device=device, dtype=dtype
    )
    scores.rehearse(names, wanted, network.sizes[-1], network.output)
    if isinstance(network, Ensemble):
        mean, accuracy = _of_ensemble(network, pair(data, "data")[0], judge, wanted, chosen, dtype)
    else:
        with chosen.session(dtype):
            parameters = kept(network.parameters, chosen, dtype)
            mean, accuracy = blocks.evaluate(EvaluationStep(judge), parameters, stored, chosen)
    found: dict[str, Any] = {"cost": mean}
    if accuracy is not None and not names and not detailed:
        return {**found, "accuracy": accuracy}
    more: dict[str, Any] = {}
    if accuracy is not None:
        found["accuracy"], more = accuracy, scores.of_classes(accuracy, wanted)
    if names or accuracy is None:
        a = network.predict(pair(data, "data")[0], chosen, dtype=dtype)
        if accuracy is None:
            figures, more = scores.of_numbers(a * wanted.unit, wanted.values * wanted.unit)
            found |= figures
        found |= scores.judge(names, wanted, a, network.output)
    return {**found, **more} if detailed else found


def _of_ensemble(
    ensemble: Ensemble, x: Any, judge: Judge, wanted: Targets, backend: Backend, dtype: Any
) -> tuple[float, float | None]:
    """Mean cost of the mean output, and accuracy where there are classes; on the host."""
    z = ensemble.weighted_inputs(x, backend, dtype=dtype).astype(np.float64)
    xp = namespace_of(z)
    mean = averaging.mean_input(z, ensemble.output, xp=xp)
    y = np.asarray(wanted.values)
    if y.ndim == 1:
        y = np.eye(mean.shape[1])[y]
    costs = judge.cost.value(mean, y.astype(np.float64), ensemble.output, xp=xp)
    accuracy = None
    if wanted.kind is not None:
        a = ensemble.output.sigma(mean, xp=xp)
        accuracy = scores.judge(("accuracy",), wanted, a, ensemble.output)["accuracy"]
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
    """Cost over all examples, and its gradients.

    Parameters
    ----------
    network : Network
        Where they are taken; it is not changed.
    X, y : array
        Examples and targets, as in :func:`bpnet.train`.
    cost, backend, device : optional
        As in :func:`bpnet.train`.
    l2 : float
        The paper's alpha; m is the number of examples.
    dtype : str
        Of the computation.

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
    chosen, judge, stored, _ = prepare(
        network, (X, y), cost, backend=backend, device=device, dtype=dtype
    )
    xp = chosen.xp
    with chosen.session(dtype):
        m = int(stored[0].shape[0])
        parameters = batches.on_device(network.parameters, backend=chosen, dtype=dtype)
        here, numbers = blocks.present(stored, np.arange(m), chosen)
        rows = chosen.asarray(numbers, dtype=chosen.index_dtype)
        batch = judge.batch(rows, here)
        _, values, slopes = feedforward.cost_and_gradients(
            judge.layers, parameters, batch.x, batch.y, judge.cost, xp=xp
        )
        sums = batches.host_dtype(dtype)  # halves would overflow in sums
        C = costs.mean_cost(xp.astype(values, chosen.dtype(sums)), xp=xp)
        if l2:
            wide = batches.on_device(network.parameters, backend=chosen, dtype=sums)
            C = C + regularizers.l2_cost(wide, l2, m, xp=xp)
            slopes = regularizers.l2_gradient(parameters, slopes, l2, m)
        host = backends.to_numpy(slopes)
        total = float(chosen.to_numpy(C))
    pairs = zip(network.layers, host, strict=True)
    return total, [(g[0].T, g[1]) for layer, g in pairs if isinstance(layer, Dense)]

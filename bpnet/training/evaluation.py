"""A network judged: ``evaluate`` for users, and the validation of a run."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bpnet.backends import Backend
from bpnet.core import metrics
from bpnet.data import batches
from bpnet.network import Network
from bpnet.training import loop, targets
from bpnet.training.prepare import check_network, kept, pair, prepare, store
from bpnet.training.step import EvaluationStep, Judge


def evaluate(
    network: Network,
    data: Any,
    *,
    cost: str | Any | None = None,
    backend: Any = None,
    device: Any = None,
    dtype: str | None = None,
) -> dict[str, float]:
    """Mean cost, and accuracy, or R2 where there are no classes.

    Parameters
    ----------
    network : Network
        What is judged.
    data : (X, y) or Dataset
        As in :func:`train`.
    cost, backend, device, dtype : optional
        As in :func:`train`; the default dtype is that of the weights.

    Returns
    -------
    dict
        ``cost`` and ``accuracy``, or ``r2`` where there are no classes.
    """
    check_network(network)
    dtype = dtype or network.dtype
    chosen, judge, stored, _ = prepare(
        network, data, cost, backend=backend, device=device, dtype=dtype
    )
    with chosen.session(dtype):
        parameters = kept(network.parameters, chosen, dtype)
        mean, accuracy = loop.evaluate(EvaluationStep(judge), parameters, stored, chosen)
    result = {"cost": mean}
    if accuracy is not None:
        return {**result, "accuracy": accuracy}
    x, y = pair(data, "data")
    outputs = network.predict(x, chosen, dtype=dtype)
    wide = [a.astype(np.float64) for a in (outputs, targets.host(y, "y"))]  # on the host
    return {**result, "r2": metrics.r2(*wide)}


def validator(
    network: Network, validation: Any, judge: Judge, classes: Any, backend: Backend, dtype: str
) -> Callable[[Any], dict[str, float | None]]:
    """Function from parameters to what validation adds to the history."""
    if validation is None:
        return lambda _parameters: {}
    x, y = pair(validation, "validation")
    names = ("validation X", "validation y")
    batches.require_one({names[0]: x, names[1]: y})
    data, _ = store(network, x, y, judge.cost, classes, judge.scale, backend, dtype, names)
    step = EvaluationStep(judge)

    def validate(parameters: Any) -> dict[str, float | None]:
        cost, accuracy = loop.evaluate(step, parameters, data, backend)
        return {"validation_cost": cost, "validation_accuracy": accuracy}

    return validate

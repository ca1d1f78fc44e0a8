"""``evaluate``: a network judged by examples."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpnet.arguments import checked
from bpnet.backends import dtypes
from bpnet.core import metrics as core_metrics
from bpnet.network import Network
from bpnet.training import blocks, scores, targets
from bpnet.training.evaluation_step import EvaluationStep
from bpnet.training.prepare import check_network, kept, pair, prepare


@checked
def evaluate(
    network: Network,
    data: Any,
    *,
    cost: str | Any | None = None,
    metrics: str | Sequence[str] = (),
    backend: Any = None,
    device: Any = None,
    dtype: dtypes.Float | None = None,
) -> dict[str, float]:
    """Mean cost, and accuracy, or R2 where there are no classes, and what else is asked for.

    Parameters
    ----------
    network : Network
        What is judged.
    data : (X, y) or Dataset
        As in :func:`train`.
    metrics : str or sequence of str
        As in :func:`train`.
    cost, backend, device, dtype : optional
        As in :func:`train`; the default dtype is that of the weights.

    Returns
    -------
    dict
        ``cost`` and ``accuracy``, or ``r2`` where there are no classes, and the metrics.
    """
    check_network(network)
    names = scores.names_of(metrics)
    dtype = dtype or network.dtype
    chosen, judge, stored, wanted = prepare(
        network, data, cost, backend=backend, device=device, dtype=dtype
    )
    scores.rehearse(names, wanted, network.sizes[-1], network.output)
    with chosen.session(dtype):
        parameters = kept(network.parameters, chosen, dtype)
        mean, accuracy = blocks.evaluate(EvaluationStep(judge), parameters, stored, chosen)
    result = {"cost": mean}
    if accuracy is not None and not names:
        return {**result, "accuracy": accuracy}
    wanted = targets.whole(wanted)
    outputs = network.predict(pair(data, "data")[0], chosen, dtype=dtype)
    more = scores.judge(names, wanted, outputs, network.output)
    if accuracy is not None:
        return {**result, "accuracy": accuracy, **more}
    r2 = core_metrics.r2(outputs.astype(np.float64), wanted.values.astype(np.float64))
    return {**result, "r2": r2, **more}

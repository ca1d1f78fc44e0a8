"""``evaluate``: a network judged by examples."""

from collections.abc import Sequence
from typing import Any

from bpnet.arguments import checked
from bpnet.backends import dtypes
from bpnet.model.network import Network
from bpnet.training import blocks, evidence, scores
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
    detailed: bool = False,
) -> dict[str, Any]:
    """Mean cost, and accuracy, or R2 and errors where there are no classes, and further metrics.

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
    found: dict[str, Any] = {"cost": mean}
    if accuracy is not None and not names and not detailed:
        return {**found, "accuracy": accuracy}
    more: dict[str, Any] = {}
    if accuracy is not None:
        found["accuracy"], more = accuracy, evidence.of_classes(accuracy, wanted)
    if names or accuracy is None:
        a = network.predict(pair(data, "data")[0], chosen, dtype=dtype)
        if accuracy is None:
            figures, more = evidence.of_numbers(a * wanted.unit, wanted.values * wanted.unit)
            found |= figures
        found |= scores.judge(names, wanted, a, network.output)
    return {**found, **more} if detailed else found

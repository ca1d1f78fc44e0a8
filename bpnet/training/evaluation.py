"""A network judged: ``evaluate`` for users, and the validation of a run."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bpnet.arguments import checked
from bpnet.backends import Backend, dtypes
from bpnet.core import metrics as core_metrics
from bpnet.data import batches
from bpnet.errors import InputError
from bpnet.network import Network
from bpnet.training import blocks, scores, targets
from bpnet.training.judge import Judge
from bpnet.training.prepare import check_network, kept, pair, prepare, store
from bpnet.training.step import EvaluationStep
from bpnet.training.targets import Targets


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


def validator(
    network: Network,
    validation: Any,
    judge: Judge,
    like: Targets,
    backend: Backend,
    dtype: str,
    metrics: tuple[str, ...] = (),
) -> Callable[[Any], dict[str, float | None]]:
    """Function from parameters to what validation adds to the history.

    Its targets are ``like`` those that are trained with: of the same classes, in the same unit.
    """
    if validation is None:
        if metrics:
            msg = f"the metric {metrics[0]!r} needs examples to judge by; give validation"
            raise InputError(msg)
        return lambda _parameters: {}
    x, y = pair(validation, "validation")
    names = ("validation X", "validation y")
    batches.require_one({names[0]: x, names[1]: y})
    data, wanted = store(
        network, x, y, judge.cost, like.classes, judge.scale, backend, dtype, names,
        labels=like.are_labels,
    )  # fmt: skip
    wanted = replace(wanted, unit=like.unit)
    scores.rehearse(metrics, wanted, network.sizes[-1], network.output)
    step = EvaluationStep(judge)

    def validate(parameters: Any) -> dict[str, float | None]:
        cost, accuracy = blocks.evaluate(step, parameters, data, backend)
        found = {"validation_cost": cost, "validation_accuracy": accuracy}
        if not metrics or not math.isfinite(cost):  # a run that diverged is told as such
            return found
        outputs = batches.outputs(
            judge.layers, judge.compute(parameters), data[0],
            scale=judge.scale, backend=backend, dtype=dtype,
        )  # fmt: skip
        seen = targets.whole(wanted)
        more = scores.judge(metrics, seen, outputs, network.output)
        return {**found, **{f"validation_{name}": value for name, value in more.items()}}

    return validate

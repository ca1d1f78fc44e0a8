"""Preparation: network, data and options are brought to one backend."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bpnet import backends
from bpnet._typing import Array
from bpnet.backends import Backend, dtypes
from bpnet.core import activations, costs
from bpnet.core.costs import Cost
from bpnet.core.feedforward import Parameters
from bpnet.data import Columns, batches, finite, raw
from bpnet.data.dataset import checked_scale
from bpnet.data.targets import are_few
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.training.objective import Data, Objective
from bpnet.training.targets import Targets, make_targets

_log = logging.getLogger("bpnet")

_ENOUGH = 1000
"""Targets of a first look, which recognizes most amounts quickly."""


def check_network(network: Any) -> None:
    """Refuse an object that is no network, such as data in its place."""
    if not isinstance(network, Network):
        msg = f"network is {type(network).__name__}; give a bpnet.Network, then the data"
        raise InputError(msg)


def suited_cost(output: activations.Activation) -> str:
    """Return the name of the default cost for an output."""
    if isinstance(output, activations.Sigmoid | activations.Softmax):
        return "cross_entropy"
    return "poisson" if isinstance(output, activations.Exp) else "quadratic"


def pair(data: Any, name: str) -> tuple[Any, Any]:
    """Return X and y of a pair or of a data set."""
    if hasattr(data, "x") and hasattr(data, "y"):
        return data.x, data.y
    if not isinstance(data, tuple | list) or len(data) != 2:
        share = name == "validation" and isinstance(data, float)
        how = f", as bpnet.data.load(..., validation={data}) makes it" * share
        how = how or ", as bpnet.data.load(data, target=...) makes it" * raw.is_raw(data)
        msg = f"{name} is {type(data).__name__}; give a pair (X, y) or a bpnet.data.Dataset{how}"
        raise InputError(msg)
    return data[0], data[1]


def validation_data(data: Any, validation: Any, folds: Any = None) -> Any:
    """Return the pair or data set that validates a run, or None.

    "auto" is the validation part of the data set itself, unless folds name the rows.
    """
    if isinstance(validation, str) and validation == "auto":
        return None if folds is not None else getattr(data, "validation", None)
    if validation is not None:
        pair(validation, "validation")  # refuses other objects
    return validation


def prepare(
    network: Network,
    data: Any,
    cost: Any,
    *,
    backend: Any,
    device: Any,
    dtype: str,
    learn: bool = False,
) -> tuple[Backend, Objective, Data, Targets]:
    """Return the backend, the objective, the data on the device, and the targets on the host.

    With ``learn``, for a training, outputs that do not fit the task of the data are refused.
    """
    check_network(network)
    dtypes.check_float(dtype)
    x, y = pair(data, "data")
    if y is None:
        raise InputError("data has no targets; give (X, y)")
    made = costs.get(suited_cost(network.output) if cost is None else cost, network.output)
    if learn:
        _check_task(network, data, made)
    batches.require_one({"X": x, "y": y})
    chosen = backends.select(backend, device, like=batches.as_array(x, "X")).backend
    scales = [getattr(data, "scale", None), network.scale]
    # the data set decides in training; a trained network is evaluated as it predicts
    known = (s for s in (scales if learn else scales[::-1]) if s is not None)
    scale = next(map(checked_scale, known), None)
    with chosen.session(dtype):
        # in training the targets say whether they are labels, whatever the network had before
        stored, targets = store(
            network, x, y, made, network.classes, scale, chosen, dtype, ("X", "y"), learn=learn,
            labels=network.labels and not learn,
        )  # fmt: skip
        # a pair of encoded rows has the columns of the network that was trained on their table
        columns = getattr(data, "columns", None)
        if columns is None and not learn:
            columns = network.columns
        targets = replace(targets, columns=columns)
        if learn:
            _check_guess(network, data, targets, made)
            _check_columns(network, targets.columns)
        objective = Objective(
            network.layers, made, scale, targets.kind, chosen.dtype(dtype), chosen.xp
        )
    return chosen, objective, stored, targets


def _check_columns(network: Network, columns: Columns | None) -> None:
    """Refuse a table whose columns are read in another way than when the network was trained."""
    if columns is None or network.columns is None:
        return
    if difference := network.columns.difference(columns):
        msg = f"the network was trained with other columns: {difference}; read the table with "
        raise InputError(f"{msg}columns=network.columns, or begin a new network")


def store(
    network: Network,
    x: Any,
    y: Any,
    cost: Cost,
    classes: Any,
    scale: float | None,
    backend: Backend,
    dtype: str,
    names: tuple[str, str],
    *,
    learn: bool = False,
    labels: bool = False,
) -> tuple[Data, Targets]:
    """Return examples, targets and class numbers on the device, and the targets on the host."""
    n_0, n_L = network.sizes[0], network.sizes[-1]
    stored = batches.examples(x, n_0, backend=backend, dtype=dtype, scale=scale, name=names[0])
    m = int(stored.shape[0])
    targets = make_targets(
        y, m, n_L, network.output, cost, classes, names[1], learn=learn, labels=labels
    )
    if targets.values.ndim == 2:
        # a float64 that is finite may be infinite in the dtype of the run
        finite.refuse(targets.values, names[1], dtype)
    return (stored, *store_targets(targets.values, n_L, backend, dtype)), targets


def store_targets(values: Any, n_L: int, backend: Backend, dtype: str) -> tuple[Array, Array]:
    """Return targets, which are class numbers or rows, and class numbers 0 to n_L - 1."""
    kind = backend.index_dtype
    if values.ndim == 2:
        values, kind = values.astype(batches.host_dtype(dtype)), dtype
    # class numbers are made once: a step compares each label with them to make one-hot rows
    numbers = backend.asarray(np.arange(n_L), dtype=backend.index_dtype)
    return backend.asarray(values, dtype=kind), numbers


def on_device(parameters: Parameters, backend: Backend, dtype: str) -> Parameters:
    """Return copies on the device; a run in half precision keeps its parameters in float32."""
    return batches.on_device(parameters, backend=backend, dtype=batches.host_dtype(dtype))


def arrange(parameters: Parameters, kinds: Sequence[Any]) -> Parameters:
    """Return the arrays for layers that differ in dropout alone, which has no arrays."""
    arrays = (pair for pair in parameters if pair)
    return tuple(next(arrays) if layer.shapes else () for layer in kinds)


def _check_task(network: Network, data: Any, cost: Cost) -> None:
    """Refuse outputs that do not fit the task of a data set."""
    task, n = getattr(data, "task", None), network.sizes[-1]
    output = type(network.output).__name__
    if task == "classify" and n == 1 and not _is_binary(network, cost):
        msg = f"the targets are classes and the network has one output, {output}; give "
        raise InputError(f"{msg}output='sigmoid' for two classes, or one output for each class")
    if task == "regress" and n > 1 and data.y.ndim == 1:
        msg = f"the targets are one amount for each example and the network has {n} outputs"
        raise InputError(f"{msg}; give it one, output='identity', or the data task='classify'")


def _check_guess(network: Network, data: Any, targets: Targets, cost: Cost) -> None:
    """Refuse, or warn of, targets that may be classes if the one output is a mere default."""
    one_amount = network.guessed and network.sizes[-1] == 1 and not _is_binary(network, cost)
    if not one_amount or getattr(data, "task", None) is not None:
        return
    values = targets.values
    if not are_few(values[:_ENOUGH]) or not are_few(values):
        return
    known = np.unique(values)
    if len(known) == 2:
        msg = f"the targets are {known[0]:g} or {known[1]:g}, and what the network's one output is "
        raise InputError(
            f"{msg}was not said; give output='sigmoid' for two classes, or 'identity' for amounts"
        )
    if len(known) > 1:
        msg = "the targets have %d different whole numbers and the network one output: they are "
        msg += "taken for amounts; for classes give it %d outputs, else say output='identity'"
        _log.warning(msg, len(known), len(known))


def _is_binary(network: Network, cost: Cost) -> bool:
    """Whether one output tells two classes apart."""
    return isinstance(network.output, activations.Sigmoid) or isinstance(cost, costs.Hinge)

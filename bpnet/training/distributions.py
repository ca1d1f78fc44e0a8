"""``Distributions``: how activations, gradients and updates are distributed during a run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpnet._typing import Array, Namespace
from bpnet.backends import trees
from bpnet.core import feedforward
from bpnet.core.feedforward import Parameters
from bpnet.core.layers import Dense
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError
from bpnet.training import blocks
from bpnet.training.callbacks import Callback, Run
from bpnet.training.lbfgs import Descent
from bpnet.training.objective import Data, Objective
from bpnet.training.session import Session
from bpnet.training.step import Backpropagation, TrainingStep

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""The quantiles that are kept of each distribution."""

KINDS = ("activations", "gradients", "updates")

_RECORDS = 50
"""About the largest number of epochs of a run that are recorded."""

_VALUES = 1024
"""About the largest number of values of an array that are sampled."""

_ROWS = (64, 256)
"""Least and largest number of examples in the probe, which has as many as a batch else."""

Host = np.ndarray[Any, Any]
Record = dict[str, Any]


class Distributions(Callback):
    """Records, at the end of epochs, how activations, gradients and updates are distributed.

    A probe of some examples goes through the network once, on its device, and takes one step
    with a copy of the parameters. A sample of at most about a thousand values of each array
    comes back in one copy. The run itself is not changed.

    Attributes
    ----------
    records : list of dict
        ``epoch``, from 1, and ``layers``: for each dense layer the quantiles (:data:`QUANTILES`)
        of its ``activations``, of the sizes of its ``gradients`` that are not zero, and of its
        ``updates``, the size of one step of a weight over the root of the layer's mean squared
        weight; ``silent`` and ``still`` are the shares of activations and of gradients that are
        zero.

    Examples
    --------
    >>> import bpnet
    >>> from bpnet.training import Distributions
    >>> seen = Distributions()
    >>> net = bpnet.Network([64, 16, 10], hidden="relu", seed=0)
    >>> _ = bpnet.train(net, bpnet.data.load("digits"), epochs=2, callbacks=[seen])
    >>> [record["epoch"] for record in seen.records], len(seen.records[0]["layers"])
    ([1, 2], 2)
    """

    def __init__(self) -> None:
        self.records: list[Record] = []

    def on_train_begin(self, run: Run) -> None:
        """Forget an earlier run.

        Raises
        ------
        InputError
            If the run is one of several, or an estimator's, which nothing looks into.
        """
        if run.probe is None:
            msg = "Distributions looks into one network that bpnet.train is given alone; leave it "
            raise InputError(f"{msg}out of the callbacks of a set or an estimator")
        self.records = []

    def state(self) -> tuple[dict[str, Any], Any] | None:
        """Return the records, which a checkpoint keeps."""
        return {"records": self.records}, None

    def take_back(self, numbers: dict[str, Any], arrays: Any) -> None:
        """Restore the records of a checkpoint."""
        self.records = list(numbers["records"])

    def on_epoch_end(self, run: Run) -> None:
        """Take a probe after the first epoch, the last one, and about fifty between."""
        every = -(-run.epochs // _RECORDS)
        ended = run.epoch + 1
        if not (ended in {1, run.epochs} or ended % every == 0):
            return
        layers = run.probe()
        if layers is not None:
            self.records.append({"epoch": ended, "layers": layers})


@dataclass(frozen=True)
class _Probe:
    """Step of a scan that samples; without a ``step`` the carry has the parameters of before."""

    objective: Objective
    step: TrainingStep | None

    def __call__(
        self, carry: Any, rows: Array, numbers: tuple[Any, ...], parameters: Parameters, data: Data
    ) -> tuple[Any, tuple[Array, ...]]:
        """Return the carry, whose argument is donated, and the sampled values in one array."""
        objective, xp = self.objective, self.objective.xp
        batch = objective.batch(rows, data)
        z, caches = feedforward.forward(
            objective.layers, objective.compute(parameters), batch.x, xp=xp
        )
        at = _dense(objective)
        top = feedforward.activate(objective.layers[-1].activation, z, xp=xp)
        # a cache begins with the layer's input, which is the activation of the hidden layer below
        activations = [*(caches[i][0] for i in at[1:]), top]
        _, _, gradients = Backpropagation(objective)(parameters, batch, data, numbers[1])
        other = carry[0]
        if self.step is not None:
            carry, _ = self.step(carry, rows, numbers, data)
            other = self.step.unpack(carry[0])
        arrays = [
            *activations,
            *(gradients[i][0] for i in at),
            *(parameters[i][0] for i in at),
            *(other[i][0] for i in at),
        ]
        return carry, (xp.concat([_sampled(a, xp) for a in arrays]),)


def sample(session: Session | Descent, run: Run) -> list[dict[str, Any]] | None:
    """Return the quantiles of a run's layers as they are now; see :class:`Distributions`.

    Return None if the device has no memory for it.
    """
    objective, backend, data = session.step.objective, session.backend, session.data
    m, (low, high) = int(data[0].shape[0]), _ROWS
    k = min(m, max(low, min(session.members[0].k, high)))
    # the rows are spread over the data, which may be sorted by class
    rows = data[0].some(k) if isinstance(data[0], HostRows) else np.arange(k) * (m // k)
    try:
        values = _values(session, run, rows)
    except Exception as error:
        if not backend.out_of_memory(error):
            raise
        # a probe is an extra: the run goes on without it
        return None
    dense = [objective.layers[i] for i in _dense(objective)]
    # the order of the pieces is that in which the probe joins them
    sizes = [k * layer.n_out for layer in dense] + 3 * [layer.n_in * layer.n_out for layer in dense]
    ends = np.cumsum([_count(size) for size in sizes])
    pieces = np.split(values.astype(np.float64), ends[:-1])
    kinds = [pieces[i :: len(dense)] for i in range(len(dense))]
    return [_described(*kind) for kind in kinds]


def _values(session: Session | Descent, run: Run, rows: Host) -> Host:
    """Return the sampled values of all arrays, on the host."""
    backend, objective = session.backend, session.step.objective
    step: TrainingStep | None = None
    if isinstance(session, Descent):
        # L-BFGS has no coefficients and draws no masks, so both arrays are empty
        numbers: Any = (np.zeros((1, 0)), np.zeros((1, 0), np.int32))
        carry: Any = (session.before, ())
    else:
        step = session.step
        t = run.epoch * run.steps + run.step  # the rate of the last step
        # numbers() writes the rate into a run: into a copy, so that the run keeps its own
        numbers = replace(session.members[0], run=replace(run)).numbers(t, 1)
        carry = session.carry
    # the scan donates its carry, and the run still needs its own
    carry = trees.map_leaves(lambda a: backend.xp.asarray(a, copy=True), carry)
    data, here = blocks.present(session.data, rows[None, :], backend)
    index = backend.asarray(here, dtype=backend.index_dtype)
    operands = (session.parameters, data)
    _, (values,) = backend.scan(_Probe(objective, step), carry, index, operands, numbers)
    sampled: Host = backend.to_numpy(values)[0]
    return sampled


def _dense(objective: Objective) -> list[int]:
    """Return the places of the dense layers among all layers."""
    return [i for i, layer in enumerate(objective.layers) if isinstance(layer, Dense)]


def _stride(size: int) -> int:
    """Return the distance of sampled values: odd, so that they do not all lie in one column."""
    return max(1, size // _VALUES) | 1


def _count(size: int) -> int:
    return len(range(0, size, _stride(size)))


def _sampled(a: Array, xp: Namespace) -> Array:
    flat = xp.reshape(a, (-1,))
    # in a run in half precision the gradients are float32, and concat takes one dtype
    return xp.astype(flat[:: _stride(flat.shape[0])], xp.float32)


def _described(a: Host, dW: Host, W: Host, other: Host) -> dict[str, Any]:
    """Return what is recorded of a layer."""
    # weights that are all zero have no scale: their updates are shown as they are
    size = float(np.sqrt(np.mean(W**2))) or 1.0
    return {
        "activations": _quantiles(a),
        "silent": _rounded(np.mean(a == 0)),
        "gradients": _quantiles(np.abs(dW[dW != 0])),
        "still": _rounded(np.mean(dW == 0)),
        "updates": _quantiles(np.abs(other - W) / size),
    }


def _quantiles(values: Host) -> list[float]:
    values = values[np.isfinite(values)]  # half precision overflows
    if not values.size:
        return [0.0] * len(QUANTILES)
    return [_rounded(q) for q in np.quantile(values, QUANTILES)]


def _rounded(value: Any) -> float:
    return float(f"{float(value):.4g}")


def checked_records(records: Any) -> Sequence[Record]:
    """Return records that were read from a file; raise ValueError if they are malformed."""
    for record in records:
        for layer in record["layers"]:
            for kind in KINDS:
                numbers = [*layer[kind], layer["silent"], layer["still"], record["epoch"]]
                if len(numbers) != len(QUANTILES) + 3 or not np.isfinite(numbers).all():
                    raise ValueError(f"the {kind} of epoch {record['epoch']} are no quantiles")
    return list(records)

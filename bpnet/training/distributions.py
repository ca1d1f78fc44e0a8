"""What goes on in the layers while a run goes on: activations, gradients and updates."""

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
from bpnet.training.judge import Data, Judge
from bpnet.training.lbfgs import Descent
from bpnet.training.session import Session
from bpnet.training.step import Slopes, TrainingStep

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Which ones are kept of each distribution."""

KINDS = ("activations", "gradients", "updates")

_RECORDS = 50
"""Epochs of a run that are recorded, at most about."""

_VALUES = 1024
"""Values of an array that are looked at, at most about."""

_ROWS = (64, 256)
"""Examples in the probe: those of a batch, but at least and at most so many."""

Host = np.ndarray[Any, Any]
Record = dict[str, Any]


class Distributions(Callback):
    """Records, at the end of epochs, how activations, gradients and updates are distributed.

    A probe of some examples goes through the network once, on its device, and takes one step
    with a copy of the parameters; a sample of at most about a thousand values of each array
    comes back in one copy. The run itself is not touched.

    Attributes
    ----------
    records : list of dict
        ``epoch``, from 1, and ``layers``: for each dense layer the quantiles (:data:`QUANTILES`)
        of its ``activations``, of the sizes of its ``gradients`` that are not zero, and of its
        ``updates``, the size of one step of a weight over the root of the layer's mean squared
        weight; ``silent`` and ``still`` are the shares of activations and gradients that are
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
        """Return the records."""
        return {"records": self.records}, None

    def take_back(self, numbers: dict[str, Any], arrays: Any) -> None:
        """Take them back."""
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
    """Step of a scan that looks; without a ``step`` the carry holds the parameters of before."""

    judge: Judge
    step: TrainingStep | None

    def __call__(
        self, carry: Any, rows: Array, numbers: tuple[Any, ...], parameters: Parameters, data: Data
    ) -> tuple[Any, tuple[Array, ...]]:
        """Return the carry, (parameters, state) donated, and the sampled values in one array."""
        judge, xp = self.judge, self.judge.xp
        batch = judge.batch(rows, data)
        z, caches = feedforward.forward(judge.layers, judge.compute(parameters), batch.x, xp=xp)
        at = _dense(judge)
        above = feedforward.activate(judge.layers[-1].activation, z, xp=xp)
        activations = [*(caches[i][0] for i in at[1:]), above]
        _, _, slopes = Slopes(judge)(parameters, batch, data, numbers[1])
        other = carry[0]
        if self.step is not None:
            carry, _ = self.step(carry, rows, numbers, data)
            other = self.step.unpack(carry[0])
        found = [
            *activations,
            *(slopes[i][0] for i in at),
            *(parameters[i][0] for i in at),
            *(other[i][0] for i in at),
        ]
        return carry, (xp.concat([_sampled(a, xp) for a in found]),)


def sample(session: Session | Descent, run: Run) -> list[dict[str, Any]] | None:
    """Quantiles of a run's layers as they are now; see :class:`Distributions`.

    None where the device has no memory for it.
    """
    judge, backend, data = session.step.judge, session.backend, session.data
    m, (low, high) = int(data[0].shape[0]), _ROWS
    k = min(m, max(low, min(session.members[0].k, high)))
    rows = data[0].some(k) if isinstance(data[0], HostRows) else np.arange(k) * (m // k)
    try:
        values = _values(session, run, rows)
    except Exception as error:
        if not backend.out_of_memory(error):
            raise
        return None
    dense = [judge.layers[i] for i in _dense(judge)]
    sizes = [k * layer.n_out for layer in dense] + 3 * [layer.n_in * layer.n_out for layer in dense]
    ends = np.cumsum([_count(size) for size in sizes])
    pieces = np.split(values.astype(np.float64), ends[:-1])
    kinds = [pieces[i :: len(dense)] for i in range(len(dense))]
    return [_described(*kind) for kind in kinds]


def _values(session: Session | Descent, run: Run, rows: Host) -> Host:
    """The sampled values of all arrays, on the host."""
    backend, judge = session.backend, session.step.judge
    step: TrainingStep | None = None
    if isinstance(session, Descent):
        numbers: Any = (np.zeros((1, 0)), np.zeros((1, 0), np.int32))
        carry: Any = (session.before, ())
    else:
        step = session.step
        t = run.epoch * run.steps + run.step  # the last step's rate; the run keeps its own
        numbers = replace(session.members[0], run=replace(run)).numbers(t, 1)
        carry = session.carry
    carry = trees.map_leaves(lambda a: backend.xp.asarray(a, copy=True), carry)
    held, here = blocks.present(session.data, rows[None, :], backend)
    index = backend.asarray(here, dtype=backend.index_dtype)
    operands = (session.parameters, held)
    _, (values,) = backend.scan(_Probe(judge, step), carry, index, operands, numbers)
    found: Host = backend.to_numpy(values)[0]
    return found


def _dense(judge: Judge) -> list[int]:
    return [i for i, layer in enumerate(judge.layers) if isinstance(layer, Dense)]


def _stride(size: int) -> int:
    """Distance of the values that are looked at: odd, so that no column is met time and again."""
    return max(1, size // _VALUES) | 1


def _count(size: int) -> int:
    return len(range(0, size, _stride(size)))


def _sampled(a: Array, xp: Namespace) -> Array:
    flat = xp.reshape(a, (-1,))
    return xp.astype(flat[:: _stride(flat.shape[0])], xp.float32)


def _described(a: Host, dW: Host, W: Host, other: Host) -> dict[str, Any]:
    """What is kept of a layer's values."""
    size = float(np.sqrt(np.mean(W**2))) or 1.0
    return {
        "activations": _quantiles(a),
        "silent": _rounded(np.mean(a == 0)),
        "gradients": _quantiles(np.abs(dW[dW != 0])),
        "still": _rounded(np.mean(dW == 0)),
        "updates": _quantiles(np.abs(other - W) / size),
    }


def _quantiles(values: Host) -> list[float]:
    values = values[np.isfinite(values)]  # halves overflow
    if not values.size:
        return [0.0] * len(QUANTILES)
    return [_rounded(q) for q in np.quantile(values, QUANTILES)]


def _rounded(value: Any) -> float:
    return float(f"{float(value):.4g}")


def checked_records(records: Any) -> Sequence[Record]:
    """Records as they were read from a file; ValueError if they are none."""
    for record in records:
        for layer in record["layers"]:
            for kind in KINDS:
                numbers = [*layer[kind], layer["silent"], layer["still"], record["epoch"]]
                if len(numbers) != len(QUANTILES) + 3 or not np.isfinite(numbers).all():
                    raise ValueError(f"the {kind} of epoch {record['epoch']} are no quantiles")
    return list(records)

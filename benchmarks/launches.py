"""Kernels that a training step launches on a GPU: counted from recorded steps, without one.

``eager`` is what CuPy launches when each call is made as it stands, ``replayed`` what is left when
a recorded step is replayed, where calls that work element by element on arrays of one shape are one
kernel. What loads the examples of several steps at once is in neither. ``--json`` prints JSON.
"""

import json
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import bpnet
from bpnet.backends import trees
from bpnet.backends.base import Backend
from bpnet.backends.numpy import NumPy
from bpnet.backends.trace import kernels, plan, replay
from bpnet.backends.trace.on_cupy import OnCuPy
from bpnet.backends.trace.recorder import Tracer

NETS = ((30,), (128,), (128, 64), (512, 512), (64, 64, 64, 64, 64, 64))
OPTIMIZERS = ("sgd", "momentum", "adam", "adamw")
RATES = (0.0, 0.2)
BATCH = 128


class Arrays(Tracer):
    """Recorder to which NumPy's numbers are arrays, as they are on a GPU."""

    def wrap(self, result: Any) -> Any:
        """Recorded arrays, 0-d ones for numbers of NumPy's."""
        return super().wrap(np.asarray(result) if isinstance(result, np.generic) else result)


@dataclass(frozen=True)
class Planning(NumPy):
    """NumPy, each of whose scans makes a plan of its step as CuPy would."""

    packs: ClassVar[int] = Backend.packs
    plans: ClassVar[list[plan.Plan]] = []

    def scan(self, step, carry, xs, operands=(), numbers=None):
        """Run the steps, and keep the plan of the first."""
        library, tracer = OnCuPy(self.xp, np.ndarray), Arrays(self.xp)
        x = step.load(xs[0], *operands) if hasattr(step, "load") else xs[0]
        row = () if numbers is None else (tuple(tuple(n[0].tolist()) for n in numbers),)
        copied = trees.map_leaves(np.array, carry)
        recorded = replay.through(step, self.xp, tracer, [])
        written = replay.record(tracer, recorded, copied, x, row, operands, library)
        if written is None:
            msg = f"a step of {type(step).__name__} can't be recorded"
            raise TypeError(msg)
        self.plans.append(plan.make(*written[:2], library))
        return super().scan(step, carry, xs, operands, numbers)


def planned(net, data, **options):
    """Plans of the steps of a training."""
    Planning.plans.clear()
    bpnet.train(net, data, epochs=1, backend=Planning(), **options)
    return list(Planning.plans)


def planned_net(hidden, optimizer, dropout=0.0, **options):
    """Plan of a step of 784-...-10 with L2."""
    X = np.zeros((BATCH, 784), np.float32)
    net = bpnet.Network([784, *hidden, 10], seed=0)
    options = {"l2": 0.1, "optimizer": optimizer, "dropout": dropout, **options}
    return planned(net, (X, np.arange(BATCH) % 10), batch_size=BATCH, **options)[0]


def count(hidden, optimizer, dropout=0.0):
    """Launches of a step of 784-...-10 with L2, eager and replayed."""
    return kernels.launches(planned_net(hidden, optimizer, dropout))


def rows():
    """A dictionary for each net, optimizer and rate of dropout."""
    for hidden in NETS:
        for optimizer in OPTIMIZERS:
            for dropout in RATES:
                eager, replayed = count(hidden, optimizer, dropout)
                yield {"hidden": "-".join(map(str, hidden)), "optimizer": optimizer,
                       "dropout": dropout, "eager": eager, "replayed": replayed}  # fmt: skip


def main(arguments):
    """Print the table, or JSON."""
    if arguments not in ([], ["--json"]):
        print("usage: python -m benchmarks.launches [--json]", file=sys.stderr)
        return 2
    found = list(rows())
    if arguments:
        print(json.dumps(found, indent=1))
        return 0
    print("".join(f"{name:>20}" for name in found[0]))
    for row in found:
        print("".join(f"{value:>20}" for value in row.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

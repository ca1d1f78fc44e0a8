"""Test accuracy over several seeds: python benchmarks/accuracy.py [digits|fashion|fashion-89].

Each seed gives its own first weights, order and (for digits) held-out tenth; the test split is
the data set's own. The mean and the standard deviation over seeds are printed, and the time.
"""

import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import bpnet


@dataclass(frozen=True)
class Job:
    """Data, network and training of one line of the README."""

    data: str
    hidden: tuple[int, ...]
    seeds: int
    options: dict[str, Any]
    validation: float = 0.0


JOBS = {
    "digits": Job("digits", (128, 64), 10, {"epochs": 20, "batch_size": 64}, 0.1),
    "fashion": Job("fashion-mnist", (256, 128), 5, {"epochs": 10, "batch_size": 128}),
    "fashion-89": Job(
        "fashion-mnist", (512, 256), 3, {"epochs": 25, "batch_size": 128, "dropout": 0.25}
    ),
}


def run(job: Job, backend: str) -> None:
    accuracies = []
    for seed in range(job.seeds):
        data = bpnet.data.load(job.data, validation=job.validation, seed=seed)
        test = bpnet.data.Dataset(*data.test, scale=data.scale)
        net = bpnet.Network([data.x.shape[1], *job.hidden, 10], hidden="relu", seed=seed)
        start = time.perf_counter()
        bpnet.train(net, data, seed=seed, backend=backend, **job.options)
        seconds = time.perf_counter() - start
        accuracies.append(bpnet.evaluate(net, test, backend=backend)["accuracy"])
        print(f"  seed {seed}: {accuracies[-1]:.2%} after {seconds:.1f} s", flush=True)
    mean, spread = np.mean(accuracies), np.std(accuracies, ddof=1)
    print(f"{job.data} {job.hidden}: {mean:.2%} +- {spread:.2%} over {job.seeds} seeds ({backend})")


if __name__ == "__main__":
    backend = next((a.split("=")[1] for a in sys.argv[1:] if a.startswith("--backend=")), "numpy")
    for name in [a for a in sys.argv[1:] if not a.startswith("-")] or JOBS:
        run(JOBS[name], backend)

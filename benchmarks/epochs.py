"""Seconds of each epoch of one long run, beside PyTorch and scikit-learn: who slows down.

What Adam remembers of a weight whose gradient has ended decays to subnormal numbers, with which
many processors compute slowly. ``python -m benchmarks.epochs`` trains on Fashion-MNIST whole.
"""

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import bpnet
from benchmarks.peers import jobs
from benchmarks.peers.rivals import RIVALS

WHO = ("bpnet numpy", "bpnet torch", "scikit-learn", "PyTorch eager")


def seconds(name: str, job: jobs.Job, epochs: int) -> list[float]:
    """Seconds of each epoch of a run that goes on."""
    data = jobs.data_of(job)
    library, _, backend = name.partition(" ")
    if library == "bpnet":
        network = bpnet.Network(list(job.sizes), hidden="relu", seed=0)
        rule = bpnet.optimizers.get(job.optimizer, job.rate)
        history = bpnet.train(
            network, data.stored, optimizer=rule, epochs=epochs, batch_size=job.batch,
            backend=backend, validation=None,
        )  # fmt: skip
        return history["seconds"]
    ready = RIVALS[name][1](job, data)
    return [ready.epoch() for _ in range(epochs)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="784,128,10")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    sizes = tuple(map(int, given.sizes.split(",")))
    job = jobs.Job(sizes, given.batch, "adam", whole=True)
    print(job)
    for name in WHO:
        context = multiprocessing.get_context("spawn")  # two libraries in one process fight
        with ProcessPoolExecutor(max_workers=1, mp_context=context) as alone:
            times = alone.submit(seconds, name, job, given.epochs).result()
        print(f"{name:14}", *(f"{t:7.2f}" for t in times), flush=True)


if __name__ == "__main__":
    main()

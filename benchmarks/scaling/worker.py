"""What a rank measures: python -m benchmarks.scaling.worker BATCHES ROUNDS, alone or by mpiexec."""

import json
import statistics
import sys
import time
from itertools import pairwise

import numpy as np

import bpnet
from bpnet import distributed

SIZES = [784, 512, 512, 10]
STEPS = 12


def step_seconds(ranks, batch, shards, rounds, reduce="ordered"):
    """Seconds of a step, the median of rounds of some steps after one to warm up."""
    draws = np.random.default_rng(0)
    X = draws.random((STEPS * batch, SIZES[0]), dtype=np.float32)
    network = bpnet.Network(SIZES, hidden="relu", seed=0)
    history = bpnet.train(
        network, (X, np.arange(len(X)) % 10), epochs=rounds + 1, batch_size=batch, optimizer="sgd",
        backend="numpy", threads=1, communicator=ranks, reduce=reduce,
        shards=shards if reduce == "ordered" else None,
    )  # fmt: skip
    return statistics.median(history["seconds"][1:]) / STEPS


def message_seconds(ranks):
    """Seconds in which two ranks send one another n bytes, for several n."""
    found = {}
    for n in (8, 1 << 10, 1 << 14, 1 << 17, 1 << 20, 1 << 22):
        send, receive = np.ones(n, np.uint8), np.ones(n, np.uint8)
        times = []
        for _ in range(60):
            begun = time.perf_counter()
            ranks.exchange(1 - ranks.rank, send, receive)
            times.append(time.perf_counter() - begun)
        found[n] = statistics.median(times[10:])
    return found


def add_seconds(n):
    """Seconds in which a buffer of n bytes is added to another."""
    a, b = np.ones(n // 4, np.float32), np.ones(n // 4, np.float32)
    times = []
    for _ in range(40):
        begun = time.perf_counter()
        a += b
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main():
    batches, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
    ranks = distributed.launched()
    size = 1 if ranks is None else ranks.size
    bytes_ = 4 * (sum((a + 1) * b for a, b in pairwise(SIZES)) + 2)
    found = {"ranks": size, "buffer_bytes": bytes_, "add_seconds": add_seconds(bytes_), "steps": []}
    for batch in batches:
        for shards in sorted({size, 8}):
            row = {"batch": batch, "shards": shards}
            row["seconds"] = step_seconds(ranks, batch, shards, rounds)
            found["steps"].append(row)
    if ranks is not None:
        seconds = step_seconds(ranks, batches[-1], None, rounds, "fast")
        found["steps"].append({"batch": batches[-1], "shards": "fast", "seconds": seconds})
    if size == 2:
        found["message_seconds"] = message_seconds(ranks)
    if ranks is None or ranks.rank == 0:
        sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

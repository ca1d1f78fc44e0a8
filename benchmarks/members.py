"""A set of networks at once, beside the same networks one after another.

    python -m benchmarks.members --json benchmarks/results/members.json
    python -m benchmarks.members --backends jax --cells small

Both train the same networks to the same weights on the same rows of Fashion-MNIST, with seeds and
learning rates of their own, in the same process and with the same threads. The rounds take turns;
the best of each counts, by the processor's time, which other work on the machine disturbs less than
the clock, and by the clock. What compiles is compiled before.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np

import bpnet

CELLS = {
    "small": ([784, 30, 10], 10, 32, 3000),
    "small, batch 64": ([784, 30, 10], 64, 32, 6000),
    "middle": ([784, 128, 10], 10, 32, 3000),
    "narrow input": ([64, 128, 64, 10], 64, 32, 6000),
    "wide": ([784, 512, 512, 10], 128, 3, 2560),
}
"""Sizes, batch size, networks and examples of a cell."""

ROUNDS = 3


def networks(sizes, count):
    return [bpnet.Network(sizes, hidden="relu", seed=seed) for seed in range(count)]


def rules(count):
    return [bpnet.optimizers.SGD(eta) for eta in np.geomspace(0.01, 0.1, count)]


def _since(start):
    return time.perf_counter() - start[0], time.process_time() - start[1]


def at_once(cell, data, **options):
    sizes, k, count, _ = cell
    nets = networks(sizes, count)
    start = time.perf_counter(), time.process_time()
    histories = bpnet.train(
        nets, data, optimizer=rules(count), batch_size=k, seed=list(range(count)), **options
    )
    return _since(start), nets, histories.stacks


def one_by_one(cell, data, **options):
    sizes, k, count, _ = cell
    nets = networks(sizes, count)
    start = time.perf_counter(), time.process_time()
    for seed, (net, rule) in enumerate(zip(nets, rules(count), strict=True)):
        bpnet.train(net, data, optimizer=rule, batch_size=k, seed=seed, **options)
    return _since(start), nets, [1] * count


def measure(name, backend, threads, epochs):
    """Samples a second of both, and their ratio."""
    cell = CELLS[name]
    sizes, k, count, m = cell
    whole = bpnet.data.load("fashion-mnist", validation=0.0)
    x = whole.x[:m, : sizes[0]] if sizes[0] < 784 else whole.x[:m]
    data = bpnet.data.Dataset(x, whole.y[:m], scale=whole.scale)
    options = {"backend": backend, "epochs": epochs}
    if threads is not None and backend == "numpy":
        options["threads"] = threads
    seconds = {at_once: [], one_by_one: []}
    for way in seconds:
        way(cell, data, **{**options, "epochs": 1})
    for _ in range(ROUNDS):
        for way, kept in seconds.items():
            taken, nets, stacks = way(cell, data, **options)
            kept.append(taken)
            if way is at_once:
                found, together = nets, stacks
            else:
                apart = max(np.abs(a.weights[0] - b.weights[0]).max()
                            for a, b in zip(nets, found, strict=True))  # fmt: skip
    samples = count * m * epochs
    clock, both = (
        {way.__name__: samples / min(pair[i] for pair in kept) for way, kept in seconds.items()}
        for i in range(2)
    )
    row = {
        "cell": name, "net": "-".join(map(str, sizes)), "batch": k, "networks": count,
        "backend": backend, "threads": threads, "stacks": together,
        "samples_per_processor_second": both,
        "ratio": both["at_once"] / both["one_by_one"], "samples_per_second": clock,
        "ratio_by_the_clock": clock["at_once"] / clock["one_by_one"],
        "largest_difference": float(apart),
        "seconds": {way.__name__: kept for way, kept in seconds.items()},
    }  # fmt: skip
    print(f"{backend:8s} {row['net']:18s} batch {k:4d}  {count:3d} networks, stacks of "
          f"{max(together):3d}:  one by one {both['one_by_one']:10,.0f} samples/s  "
          f"at once {both['at_once']:10,.0f}  {row['ratio']:5.2f} times "
          f"({row['ratio_by_the_clock']:.2f} by the clock)  "
          f"largest difference of a weight {apart:.1e}", flush=True)  # fmt: skip
    return row


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--backends", default="numpy,jax", help="names, with commas")
    parser.add_argument("--cells", default=";".join(CELLS), help=f"with semicolons: {list(CELLS)}")
    parser.add_argument("--threads", type=int, help="of NumPy; the default is chosen by the rule")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args()
    rows = [
        measure(name, backend, asked.threads, asked.epochs)
        for backend in asked.backends.split(",")
        for name in asked.cells.split(";")
    ]
    result = {
        "versions": {"bpnet": bpnet.__version__, "numpy": np.__version__},
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "rounds": ROUNDS,
        "epochs": asked.epochs,
        "rows": rows,
    }
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Seconds of an epoch against rows, width, depth and batch, over two decades each.

    python benchmarks/shapes.py [--backend numpy] [--out FILE.json] [--plot FILE.png]

One of the four changes, the others stay: 20,000 rows of 100 values, two layers of 100 neurons,
batch 100, SGD. Beside each is the limit, the matrix products alone (benchmarks/peers/limit.py).
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np

import bpnet
from benchmarks.peers import limit
from benchmarks.peers.jobs import Job

BASE = {"rows": 20_000, "width": 100, "depth": 2, "batch": 100}
RANGES = {
    "rows": (1_000, 3_000, 10_000, 30_000, 100_000),
    "width": (10, 30, 100, 300, 1_000),
    "depth": (1, 3, 10, 30, 100),
    "batch": (10, 30, 100, 300, 1_000),
}


def seconds(shape: dict[str, int], backend: str) -> tuple[float, float]:
    """Seconds of an epoch, the median of three after one, and of its products."""
    random = np.random.default_rng(0)
    data = random.standard_normal((shape["rows"], 100), np.float32), np.arange(shape["rows"]) % 10
    sizes = (100, *[shape["width"]] * shape["depth"], 10)
    net = bpnet.Network(list(sizes), hidden="tanh", seed=0)
    history = bpnet.train(
        net, data, optimizer="sgd", epochs=4, batch_size=shape["batch"], backend=backend
    )
    floor = limit.products(Job(sizes, shape["batch"], "sgd"), shape["rows"])
    return statistics.median(history["seconds"][1:]), floor


def plot(found: dict[str, Any], path: Path) -> None:
    """Draw a panel for each of the four."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 4, figsize=(14, 3.6), sharey=True)
    for panel, (name, points) in zip(axes, found.items(), strict=True):
        at, epoch, floor = zip(*points, strict=True)
        panel.plot(at, epoch, marker="o", label="an epoch")
        panel.plot(at, floor, marker=".", linestyle=":", label="its products alone")
        panel.set(xscale="log", yscale="log", xlabel=name)
        panel.grid(alpha=0.3)
    axes[0].set(ylabel="seconds")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    found: dict[str, list[tuple[int, float, float]]] = {}
    for name, values in RANGES.items():
        found[name] = []
        for value in values:
            epoch, floor = seconds({**BASE, name: value}, asked.backend)
            found[name].append((value, epoch, floor))
            print(f"{name:<6}{value:>8,}  {epoch:8.4f} s  products {floor:8.4f} s", flush=True)
    if asked.out:
        asked.out.write_text(json.dumps({"base": BASE, "backend": asked.backend, **found}) + "\n")
    if asked.plot:
        plot(found, asked.plot)


if __name__ == "__main__":
    main()

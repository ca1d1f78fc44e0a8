"""Measure: python -m benchmarks.peers [--quick] [--rounds N] [--out FILE.json]."""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.peers import jobs, limit
from benchmarks.peers.rivals import RIVALS
from benchmarks.peers.workers import Worker

Seconds = dict[str, float]

SLOW = {"torch.compile", "plain loop"}
"""Left out of the quick run."""


def measure(job: jobs.Job, names: list[str], rounds: int) -> tuple[Seconds, Seconds]:
    """Median seconds an epoch of each, one epoch each in turn, and peak memory in MB.

    The first epoch of each, with its compilation, is not counted.
    """
    workers = {name: Worker(name, job) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        for i in range(len(names)):
            name = names[(i + turn) % len(names)]  # nobody always follows the same one
            seconds = workers[name].epoch()
            if turn:
                times[name].append(seconds)
    memory = {name: worker.close() for name, worker in workers.items()}
    found = {name: statistics.median(values) for name, values in times.items()}
    found["products alone"] = limit.products(job, len(jobs.load(job.data).x))
    return found, memory


def table(cells: dict[str, Seconds]) -> str:
    """Markdown: seconds an epoch."""
    names = list(dict.fromkeys(name for cell in cells.values() for name in cell))
    lines = [
        "| net, batch, optimizer | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for job, cell in cells.items():
        shown = [f"{cell[name]:.3g}" if name in cell else "" for name in names]
        lines.append(f"| {job} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def ratios(cells: dict[str, Seconds]) -> str:
    """How many times faster: geometric mean and the worst cell, for what the project aims at."""
    pairs = [
        ("bpnet numpy", "scikit-learn"),
        ("bpnet numpy", "PyTorch eager"),
        ("bpnet jax", "JAX by hand"),
        ("bpnet numpy", "products alone"),
    ]
    lines = []
    for ours, theirs in pairs:
        both = {j: c[theirs] / c[ours] for j, c in cells.items() if ours in c and theirs in c}
        if both:
            mean = math.exp(statistics.fmean(map(math.log, both.values())))
            worst = min(both, key=both.__getitem__)
            what = f"geometric mean {mean:.2f}, least {both[worst]:.2f} ({worst})"
            lines.append(f"{ours} over {theirs}: {what}")
    return "\n".join(lines)


def about() -> dict[str, Any]:
    """Machine, versions and commit."""
    versions = {}
    for name in ("numpy", "scikit-learn", "torch", "jax", "array-api-compat"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    git = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "date": time.strftime("%Y-%m-%d"),
        "commit": git.stdout.strip(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "versions": versions,
    }


def main() -> None:
    """Run the grid and write what was found after every cell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="nine cells, under five minutes")
    parser.add_argument("--rounds", type=int, help="epochs that count (3; quick: 1)")
    parser.add_argument("--out", type=Path, help="JSON file")
    asked = parser.parse_args()
    rounds = asked.rounds or (1 if asked.quick else 3)
    names = [
        name
        for name, (library, _) in RIVALS.items()
        if find_spec(library) and not (asked.quick and name in SLOW)
    ]
    cells: dict[str, Seconds] = {}
    memory: dict[str, Seconds] = {}
    for job in jobs.grid(asked.quick):
        cells[str(job)], memory[str(job)] = measure(job, names, rounds)
        print(job, {name: round(s, 3) for name, s in cells[str(job)].items()}, flush=True)
        if asked.out:
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            result = {**about(), "rounds": rounds, "seconds": cells, "peak_MB": memory}
            asked.out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nseconds an epoch\n\n{table(cells)}\n\n{ratios(cells)}")


if __name__ == "__main__":
    main()

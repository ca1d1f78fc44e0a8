"""Measure: python -m benchmarks.peers [--quick] [--rounds N] [--only TEXT,...] [--out] [--plot].

``--device cuda`` measures on a GPU instead, see device.py.
"""

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
from shutil import which
from typing import Any

from benchmarks.peers import device, jobs, limit
from benchmarks.peers.rivals import RIVALS
from benchmarks.peers.workers import Worker

Seconds = dict[str, float]

SLOW = {"torch.compile", "plain loop", "Keras on JAX", "Keras on torch"}
"""Left out of the quick run."""

Workers = dict[str, Worker]

PAUSE = 0.1
"""Seconds before each epoch: threads of a library that has finished spin for up to 0.03."""


def measure(job: jobs.Job, workers: Workers, rounds: int) -> tuple[Seconds, Seconds]:
    """Median seconds an epoch of each, one epoch each in turn, and peak memory in MB.

    The first epoch of each, with its compilation, is not counted.
    """
    names = list(workers)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        for i in range(len(names)):
            name = names[(i + turn) % len(names)]  # nobody always follows the same one
            time.sleep(PAUSE)
            seconds = workers[name].epoch(job)
            if turn:
                times[name].append(seconds)
    peaks = {name: worker.peak() for name, worker in workers.items()}
    found = {name: statistics.median(values) for name, values in times.items()}
    m = len(jobs.load(job.data).y)
    found["products alone"] = limit.products(job, m)
    found["machine's peak"] = limit.at_peak(job, m)
    return found, {name: peak for name, peak in peaks.items() if peak is not None}


def time_to(job: jobs.Job, workers: Workers, wanted: float, most: int = 12) -> Seconds:
    """Seconds of training until the test accuracy is reached; without who does not get there."""
    found: Seconds = {}
    for name, worker in workers.items():
        seconds = 0.0
        for _ in range(most):
            seconds += worker.epoch(job)
            score = worker.score(job)
            if score is None or score >= wanted:
                break
        if score is not None and score >= wanted:
            found[name] = seconds
    return found


SHARE = "share of the products"
"""Of bpnet's time on NumPy: what its matrix products alone would take."""


def table(cells: dict[str, Seconds]) -> str:
    """Markdown: seconds an epoch, and what of NumPy's are the matrix products."""
    names = list(dict.fromkeys(name for cell in cells.values() for name in cell))
    lines = [
        "| net, batch, optimizer | " + " | ".join([*names, SHARE]) + " |",
        "|---" * (len(names) + 2) + "|",
    ]
    for job, cell in cells.items():
        shown = [f"{cell[name]:.3g}" if name in cell else "" for name in names]
        share = _ratio(cell, "bpnet numpy", "products alone")
        shown.append(f"{share:.0%}" if share else "")
        lines.append(f"| {job} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


PAIRS = (
    ("bpnet numpy", "scikit-learn"),
    ("bpnet numpy", "PyTorch eager"),
    ("best of bpnet", "best of the others"),
    ("bpnet jax", "JAX by hand"),
    ("bpnet numpy", "products alone"),
)


def ratios(cells: dict[str, Seconds]) -> str:
    """How many times faster in batches from 10: geometric mean, the worst cell, and the losses."""
    lines = []
    cells = {job: {**cell, **_best(cell)} for job, cell in cells.items()}
    for ours, theirs in PAIRS:
        found = {job: _ratio(cell, ours, theirs) for job, cell in cells.items()}
        both = {job: r for job, r in found.items() if r and " batch 1 " not in job}
        if not both:
            continue
        mean = math.exp(statistics.fmean(map(math.log, both.values())))
        worst = min(both, key=both.__getitem__)
        line = f"{ours} over {theirs}: geometric mean {mean:.2f}, least {both[worst]:.2f} ({worst})"
        lost = [f"{job} {r:.2f}" for job, r in both.items() if r < 1]
        if lost and theirs != "products alone":
            line += f"; behind in {len(lost)} of {len(both)}: {', '.join(lost)}"
        lines.append(line)
    return "\n".join(lines)


def _ratio(cell: Seconds, ours: str, theirs: str) -> float | None:
    return cell[theirs] / cell[ours] if ours in cell and theirs in cell else None


def _best(cell: Seconds) -> Seconds:
    """The fastest of bpnet, and of the others but JAX by hand, which is a yardstick."""
    yardsticks = {"JAX by hand", "products alone", "machine's peak"}
    ours = [s for name, s in cell.items() if name.startswith("bpnet")]
    theirs = [s for name, s in cell.items() if name not in yardsticks and "bpnet" not in name]
    return {
        **({"best of bpnet": min(ours)} if ours else {}),
        **({"best of the others": min(theirs)} if theirs else {}),
    }


def plot(cells: dict[str, Seconds], path: Path) -> None:
    """Draw seconds an epoch of every cell, one line for each who ran."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(name for cell in cells.values() for name in cell))
    figure, axes = pyplot.subplots(figsize=(max(8.0, 0.55 * len(cells)), 6))
    for name in names:
        at = [(i, cell[name]) for i, cell in enumerate(cells.values()) if name in cell]
        ours = name.startswith("bpnet")
        axes.plot(
            *zip(*at, strict=True),
            label=name,
            marker="o" if ours else ".",
            linewidth=2.5 if ours else 1,
            linestyle=":" if name in ("products alone", "machine's peak") else "-",
        )
    axes.set(yscale="log", ylabel="seconds an epoch")
    axes.set_xticks(range(len(cells)), cells, rotation=60, ha="right", fontsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncols=2)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


DISTRIBUTIONS = (
    *("numpy", "scikit-learn", "cupy", "cupy-cuda12x", "cupy-cuda13x", "torch", "jax", "keras"),
    "array-api-compat",
)
"""Whose versions are written down."""


def about() -> dict[str, Any]:
    """Machine, versions and commit."""
    versions = {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    ask = ["git", "rev-parse", "--short", "HEAD"]
    here = Path(__file__).parent
    run = {"cwd": here, "capture_output": True, "text": True}
    git = subprocess.run(ask, **run, check=False) if which("git") else None
    return {
        "date": time.strftime("%Y-%m-%d"),
        "commit": (git and git.stdout.strip()) or "unknown",
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
    parser.add_argument("--plot", type=Path, help="picture")
    parser.add_argument("--only", default="", help="cells whose text has one of these, by commas")
    parser.add_argument("--who", default="", help="names of those who run, by commas")
    kinds = ("cpu", "cuda", "rehearsal")
    parser.add_argument("--device", choices=kinds, default="cpu", help="where; cpu by default")
    parser.add_argument("--seconds", type=float, help="on a device: nothing is begun after them")
    asked = parser.parse_args()
    if asked.device != "cpu":
        device.main(asked, about, parser.error)
        return
    rounds = asked.rounds or (1 if asked.quick else 3)
    names = [
        name
        for name, (library, _) in RIVALS.items()
        if find_spec(library)
        and not (asked.quick and name in SLOW)
        and (not asked.who or name in asked.who.split(","))
    ]
    workers = {name: Worker(name) for name in names}
    cells: dict[str, Seconds] = {}
    memory: dict[str, Seconds] = {}
    parts = [part for part in asked.only.split(",") if part]
    for job in jobs.grid(asked.quick):
        if parts and not any(part in str(job) for part in parts):
            continue
        cells[str(job)], memory[str(job)] = measure(job, workers, rounds)
        print(job, {name: round(s, 3) for name, s in cells[str(job)].items()}, flush=True)
        if asked.out:
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            result = {**about(), "rounds": rounds, "seconds": cells, "peak_MB": memory}
            asked.out.write_text(json.dumps(result, indent=1) + "\n")
    if not cells:
        for worker in workers.values():
            worker.close()
        parser.error("no cell of the grid has that text: --only")
    print(f"\nseconds an epoch\n\n{table(cells)}\n\n{ratios(cells)}")
    if asked.plot:
        plot(cells, asked.plot)
    if not asked.quick and not parts:
        job = jobs.Job((784, 128, 10), 128, "adam", whole=True)
        fit = {name: worker for name, worker in workers.items() if name != "plain loop"}
        reached = time_to(job, fit, 0.85)
        print(f"\nseconds to 85 % test accuracy, {job}: {reached}")
        if asked.out:
            asked.out.write_text(
                json.dumps({**result, "seconds to 85 %": reached}, indent=1) + "\n"
            )
    for worker in workers.values():
        worker.close()


if __name__ == "__main__":
    main()

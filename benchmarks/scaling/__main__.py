"""Training on 1 to 1,024 ranks: constants measured here, the rest by the model and in simulation.

    python -m benchmarks.scaling [--mpiexec PATH] [--out FILE.json] [--plot FILE.png]

Measures a step of 784-512-512-10 with one thread at several batch sizes and fits c0 and c1; the
rate of additions; with --mpiexec what a message between two ranks costs, and steps of one and two
ranks to hold the prediction against. Never with more ranks than cores. Then the model is evaluated
for three networks, and the messages of one sum are counted on up to 1,024 simulated ranks.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import bpnet
from benchmarks.scaling import model
from bpnet.distributed import simulate

RANKS = [1 << i for i in range(11)]
STRONG = 8192
"""Examples in a batch, however many ranks there are."""
WEAK = 256
"""Examples of a rank."""
BATCHES = [64, 128, 256, 512, 1024]


def worker(command: list[str], rounds: int) -> dict[str, Any]:
    """What the worker prints, started with a command before it."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    job = [*command, sys.executable, "-m", "benchmarks.scaling.worker"]
    run = subprocess.run(
        [*job, json.dumps(BATCHES), str(rounds)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    if run.returncode:
        sys.exit(f"{' '.join(job)} ended with {run.returncode}: {run.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def fit_rank(found: dict[str, Any]) -> model.Rank:
    """Constants of a rank from its steps with one shard, by least squares of relative errors."""
    rows = [(r["batch"], r["seconds"]) for r in found["steps"] if r["shards"] == 1]
    at, seconds = (np.asarray(column, float) for column in zip(*rows, strict=True))
    system = np.stack([1 / seconds, at / seconds], axis=1)
    c0, c1 = np.linalg.lstsq(system, np.ones(len(at)), rcond=None)[0]
    size = found["buffer_bytes"]
    return model.Rank(float(max(c0, 0.0)), float(c1), found["add_seconds"] / size, size)


def fit_network(seconds: dict[str, float]) -> model.Network:
    """Constants of messages between two ranks here: the shortest, and the slope to the longest."""
    points = sorted((int(n), s) for n, s in seconds.items())
    alpha, (n, longest) = points[0][1], points[-1]
    return model.Network("two ranks here", alpha, (longest - alpha) / n)


def compared(
    rank: model.Rank, network: model.Network, measured: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Steps that were measured, beside what the model says."""
    rows = []
    for found in measured:
        p = found["ranks"]
        for step in found["steps"]:
            if step["shards"] == "fast":
                continue
            said = model.step_seconds(rank, network, p, step["batch"] / p, step["shards"] // p)
            rows.append({"ranks": p, **step, "predicted": said})
    return rows


def counted(size: int) -> list[dict[str, Any]]:
    """Messages and bytes of one sum on simulated ranks, beside the model's."""
    rows = []
    for p in RANKS[1:]:
        n = min(size // 4, 1 << 16)  # as many bytes as a thousand ranks have room for

        def job(ranks: Any, n: int = n) -> None:
            ranks.sum(np.ones(n, np.float32))

        _, sent = simulate(p, job)
        messages, sent_bytes = model.traffic(p, 4 * n)
        found = {
            "ranks": p, "buffer_bytes": 4 * n, "messages": max(t.messages for t in sent),
            "bytes": max(t.bytes for t in sent), "model_messages": messages,
            "model_bytes": sent_bytes,
        }  # fmt: skip
        rows.append(found)
    return rows


def curves(rank: model.Rank, networks: list[model.Network]) -> list[dict[str, Any]]:
    """Speed-up with a fixed batch, and efficiency with a fixed part of each rank, in one shard."""
    rows = []
    for network in networks:
        alone = model.step_seconds(rank, network, 1, STRONG, 1)
        small = model.step_seconds(rank, network, 1, WEAK, 1)
        for p in RANKS:
            strong = model.step_seconds(rank, network, p, STRONG / p, 1)
            weak = model.step_seconds(rank, network, p, WEAK, 1)
            rows.append(
                {
                    "network": network.name,
                    "ranks": p,
                    "strong": alone / strong,
                    "weak": small / weak,
                }
            )
    return rows


def plot(found: dict[str, Any], path: Path) -> None:
    """Draw strong and weak scaling, and what was measured."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (strong, weak, held) = pyplot.subplots(1, 3, figsize=(15, 4.4))
    names = dict.fromkeys(row["network"] for row in found["curves"])
    for name in names:
        rows = [row for row in found["curves"] if row["network"] == name]
        at = [row["ranks"] for row in rows]
        strong.plot(at, [row["strong"] for row in rows], marker=".", label=name)
        weak.plot(at, [100 * row["weak"] for row in rows], marker=".", label=name)
    strong.plot(RANKS, RANKS, color="gray", linewidth=0.8, linestyle=":", label="perfect")
    strong.set(
        xscale="log", yscale="log", xlabel="ranks", ylabel="times as fast",
        title=f"a batch of {STRONG:,} on all ranks (model)",
    )  # fmt: skip
    weak.set(
        xscale="log", xlabel="ranks", ylabel="efficiency, %", ylim=(0, 105),
        title=f"{WEAK} examples on each rank (model)",
    )  # fmt: skip
    for ranks, shards in dict.fromkeys((r["ranks"], r["shards"]) for r in found["compared"]):
        rows = [r for r in found["compared"] if (r["ranks"], r["shards"]) == (ranks, shards)]
        at, label = [r["batch"] for r in rows], f"{ranks} rank{'s' * (ranks > 1)}, {shards} shards"
        (line,) = held.plot(at, [1e3 * r["predicted"] for r in rows], linewidth=1)
        marks = {"linestyle": "", "marker": "o", "color": line.get_color()}
        held.plot(at, [1e3 * r["seconds"] for r in rows], label=label, **marks)
    held.set(
        xscale="log", yscale="log", xlabel="batch", ylabel="ms a step",
        title="measured here (points), predicted (lines)",
    )  # fmt: skip
    for panel in (strong, weak, held):
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mpiexec", help="of the MPI that mpi4py finds; one and two ranks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    measured = [worker([], asked.rounds)]
    networks = list(model.NETWORKS)
    if asked.mpiexec:
        measured = [worker([asked.mpiexec, "-n", str(n)], asked.rounds) for n in (1, 2)]
        networks.insert(0, fit_network(measured[1]["message_seconds"]))
    rank = fit_rank(measured[0])
    found = {
        "machine": {
            "processor": platform.processor() or platform.machine(), "cores": os.cpu_count(),
            "numpy": np.__version__, "bpnet": bpnet.__version__, "system": platform.platform(),
        },
        "rank": vars(rank),
        "networks": [vars(network) for network in networks],
        "measured": measured,
        "compared": compared(rank, networks[0], measured),
        "counted": counted(rank.size),
        "curves": curves(rank, networks[-3:]),
    }  # fmt: skip
    show(found)
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n")
    if asked.plot:
        plot(found, asked.plot)


def show(found: dict[str, Any]) -> None:
    """Print the constants, predicted beside measured, and the ends of the curves."""
    rank = found["rank"]
    print(f"c0 {1e3 * rank['c0']:.3f} ms, c1 {1e6 * rank['c1']:.2f} us an example, "
          f"gamma {1e9 * rank['gamma']:.3f} ns/B, {rank['size']:,} bytes a sum")  # fmt: skip
    for network in found["networks"]:
        print(f"{network['name']}: alpha {1e6 * network['alpha']:.1f} us, "
              f"beta {1e9 * network['beta']:.3f} ns/B")  # fmt: skip
    for row in found["compared"]:
        print(f"{row['ranks']} ranks, batch {row['batch']:>5}, {row['shards']} shards: "
              f"{1e3 * row['seconds']:7.2f} ms, said {1e3 * row['predicted']:7.2f}")  # fmt: skip
    for job in found["measured"]:
        for step in job["steps"]:
            if step["shards"] == "fast":
                print(f"{job['ranks']} ranks, batch {step['batch']}, fast: "
                      f"{1e3 * step['seconds']:.2f} ms")  # fmt: skip
    for row in found["curves"]:
        if row["ranks"] in (2, 8, 64, 512, 1024):
            print(f"{row['network']:<20} {row['ranks']:>5} ranks: {row['strong']:7.1f} times, "
                  f"{100 * row['weak']:5.1f} %")  # fmt: skip
    wrong = [r for r in found["counted"] if r["messages"] != r["model_messages"]
             or r["bytes"] != r["model_bytes"]]  # fmt: skip
    print(f"messages and bytes of the simulation are the model's: {not wrong}")


if __name__ == "__main__":
    main()

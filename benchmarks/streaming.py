"""Data larger than memory: how much memory it takes, how fast it is, warm and from a cold disk.

    python -m benchmarks.streaming speed                   memory and streams in turn, 3 minutes
    python -m benchmarks.streaming memory --gigabytes 20   one epoch of a file that is generated
    python -m benchmarks.streaming cold --gigabytes 20     its first seconds from a cold disk
    python -m benchmarks.streaming tables                  Parquet and Arrow beside memory

The file is 784 bytes a row, like MNIST's pictures, in --folder, and is deleted at the end unless
--keep is given. Memory is RssAnon of a process of its own, looked at every 20 ms: pages of the file
itself are the system's cache and come on top for as long as nobody else wants them.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

import bpnet

WIDTH, CLASSES = 784, 10
JOBS = {  # hidden layers, batch
    "784-30-10, 10": ([30], 10),
    "784-128-10, 128": ([128], 128),
    "784-512-512-10, 128": ([512, 512], 128),
}


def generate(folder: Path, gigabytes: float) -> str:
    """Pictures and labels, made in pieces: the file never is in memory. Kept if it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = int(gigabytes * 1e9) // WIDTH
    x_path, y_path = folder / "x.npy", folder / "y.npy"
    if not x_path.exists():
        random = np.random.default_rng(0)
        y = random.integers(0, CLASSES, rows, dtype=np.uint8)
        np.save(y_path, y)
        base = random.integers(0, 128, (CLASSES, WIDTH), dtype=np.uint8)
        noise = random.integers(0, 128, (1 << 14, WIDTH), dtype=np.uint8)
        x = np.lib.format.open_memmap(x_path, "w+", np.uint8, (rows, WIDTH))
        for i in range(0, rows, len(noise)):
            here = slice(i, min(i + len(noise), rows))
            x[here] = base[y[here]] + np.roll(noise, i // 7, axis=1)[: here.stop - i]
        x.flush()
        del x
    return f"{x_path},{y_path}"


def sources(names: str, *, in_memory: bool, **options):
    opened = bpnet.data.load if in_memory else bpnet.data.stream
    data = opened(names, **options)
    return bpnet.data.Dataset(data.x, data.y, scale=1 / 255, task="classify")


def rate(data, hidden: list[int], batch: int, callbacks=()) -> tuple[float, float]:
    """Rows a second of one epoch with one BLAS thread, by the clock and by processor time.

    The latter counts the reading thread too, as if nothing of it were done meanwhile; it says
    something where others use the machine as well.
    """
    net = bpnet.Network([data.x.shape[1], *hidden, CLASSES], hidden="relu", seed=0)
    before = time.process_time()
    history = bpnet.train(
        net, data, optimizer="sgd", epochs=1, batch_size=batch, backend="numpy", threads=1,
        callbacks=callbacks,
    )  # fmt: skip
    m = len(data.x)
    took = time.process_time() - before
    return (m / history["seconds"][0], m / took) if history else (0.0, 0.0)


def anonymous() -> float:
    """Megabytes of this process that no file stands behind."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("RssAnon:")[1].split()[0]) * 1024 / 1e6


class Peak(threading.Thread):
    """Largest anonymous memory while it runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.over = 0.0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            self.most = max(self.most, anonymous())


def compared(runs: dict[str, list[tuple[float, float]]]) -> dict:
    """Medians, and the medians of the rounds' ratios to what is in memory."""
    table = {}
    for i, how in enumerate(("clock", "processor")):
        memory = [pair[i] for pair in runs["in memory"]]
        table[how] = {
            name: {
                "rows_a_second": round(statistics.median(pair[i] for pair in pairs)),
                "of memory": round(
                    statistics.median(
                        pair[i] / m for pair, m in zip(pairs, memory, strict=True)
                    ), 3,
                ),
            }
            for name, pairs in runs.items()
        }  # fmt: skip
    return table


def speed(folder: Path, gigabytes: float, rounds: int) -> dict:
    names = generate(folder, gigabytes)
    in_memory = sources(names, in_memory=True)
    streams = {
        "streamed": sources(names, in_memory=False),
        "by blocks": sources(names, in_memory=False, shuffle="blocks"),
    }
    np.sum([a[::4096].sum() for a in (np.load(names.split(",")[0], mmap_mode="r"),)])
    found = {}
    for job, (hidden, batch) in JOBS.items():
        runs = {name: [] for name in ("in memory", *streams)}
        for _ in range(rounds):
            for name, data in {"in memory": in_memory, **streams}.items():
                runs[name].append(rate(data, hidden, batch))
        found[job] = compared(runs)
        print(job, json.dumps(found[job]), flush=True)
    return {"gigabytes": gigabytes, "rounds": rounds, "jobs": found}


def memory(names: str, validation: float) -> dict:
    """In a process of its own: one epoch over the whole file."""
    before, peak = anonymous(), Peak()
    peak.start()
    start = time.perf_counter()
    data = bpnet.data.stream(names, validation=validation)
    opened = time.perf_counter() - start
    after_opening = peak.most
    train = bpnet.data.Dataset(data.x, data.y, scale=1 / 255, validation=data.validation)
    net = bpnet.Network([WIDTH, 30, CLASSES], hidden="relu", seed=0)
    history = bpnet.train(
        net, train, optimizer="sgd", epochs=1, batch_size=1024, backend="numpy", threads=1,
    )  # fmt: skip
    peak.over.set()
    return {
        "file_gb": round(os.path.getsize(names.split(",", maxsplit=1)[0]) / 1e9, 2),
        "rows": len(data.x),
        "validation": validation,
        "anonymous_mb": {
            "imported": round(before),
            "most while opening": round(after_opening),
            "most": round(peak.most),
        },
        "seconds": {"opening": round(opened, 1), "epoch": round(history["seconds"][0], 1)},
        "rows_a_second": round(len(data.x) / history["seconds"][0]),
        "cost": history["cost"][0],
    }


class Clock(bpnet.Callback):
    """Stops a run after some seconds, and knows how many rows it saw."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def on_train_begin(self, run) -> None:
        self.start = time.perf_counter()

    def on_block_end(self, run) -> None:
        self.took = time.perf_counter() - self.start
        self.rows = run.step * 1024
        if self.took > self.seconds:
            run.stop("time")


def drop(names: str) -> None:
    """Ask the system to forget the pages of the files."""
    for name in names.split(","):
        with open(name, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cold(names: str, shuffle: str, seconds: float) -> dict:
    """In a process of its own: the first seconds of an epoch from a cold disk."""
    drop(names)
    data, clock = sources(names, in_memory=False, shuffle=shuffle), Clock(seconds)
    drop(names.split(",", maxsplit=1)[0])
    rate(data, [30], 1024, [clock])
    return {
        "rows_a_second": round(clock.rows / clock.took),
        "seconds": round(clock.took, 1),
        "mb_a_second": round(clock.rows * WIDTH / clock.took / 1e6, 1),
    }


def tables(folder: Path, rounds: int, rows: int = 1_000_000, columns: int = 50) -> dict:
    """Parquet and Arrow files beside the same rows in memory, encoded once."""
    import polars as pl

    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    x = random.normal(size=(rows, columns)).astype(np.float32)
    frame = pl.DataFrame({f"c{i}": x[:, i] for i in range(columns)})
    frame = frame.with_columns(pl.Series("y", random.integers(0, CLASSES, rows)))
    for kind, write in (("parquet", pl.DataFrame.write_parquet), ("arrow", pl.DataFrame.write_ipc)):
        (folder / kind).mkdir(exist_ok=True)
        for i in range(4):
            write(frame[i * rows // 4 : (i + 1) * rows // 4], folder / kind / f"{i}.{kind}")
    streams = {kind: bpnet.data.stream(folder / kind, target="y") for kind in ("parquet", "arrow")}
    in_memory = bpnet.data.Dataset(np.asarray(streams["arrow"].x), np.asarray(streams["arrow"].y))
    runs: dict = {name: [] for name in ("in memory", *streams)}
    for _ in range(rounds):
        for name, data in {"in memory": in_memory, **streams}.items():
            runs[name].append(rate(data, [128], 128))
    return {
        "rows": rows, "columns": columns, "net": f"{columns}-128-10, 128",
        **compared(runs),
    }  # fmt: skip


def apart(*arguments: str) -> dict:
    """What this script says in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.streaming", *arguments]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["speed", "memory", "cold", "tables"])
    parser.add_argument("--folder", type=Path, default=Path("/tmp/bpnet-streaming"))
    parser.add_argument("--gigabytes", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--json", type=Path, help="file that the result is added to")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only:
        names, option = asked.only
        found = memory(names, float(option)) if asked.what == "memory" else cold(
            names, option, asked.seconds
        )  # fmt: skip
        print(json.dumps(found))
        return
    if asked.what == "speed":
        result = speed(asked.folder, asked.gigabytes, asked.rounds)
    elif asked.what == "tables":
        result = tables(asked.folder / "tables", asked.rounds)
    else:
        names = generate(asked.folder, asked.gigabytes)
        options = ("0", "0.1") if asked.what == "memory" else ("full", "blocks")
        extra = ("--seconds", str(asked.seconds))
        result = {o: apart(asked.what, "--only", names, o, *extra) for o in options}
    result["machine"] = {
        "numpy": np.__version__, "python": platform.python_version(), "cores": os.cpu_count(),
    }  # fmt: skip
    print(json.dumps(result, indent=1))
    if asked.json:
        held = json.loads(asked.json.read_text()) if asked.json.exists() else {}
        asked.json.write_text(json.dumps({**held, asked.what: result}, indent=1) + "\n")
    if not asked.keep:
        subprocess.run(["rm", "-r", str(asked.folder)], check=True)


if __name__ == "__main__":
    main()

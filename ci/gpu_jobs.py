"""What the steps of ci/gpu do, each in a process of its own: ci/gpu_jobs.py NAME ARGUMENT..."""

import logging
import os
import platform
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np
from gpu_rows import tell

import bpnet
from bpnet import backends
from bpnet.backends import hardware
from bpnet.check import check, compare, jobs
from bpnet.check.parity import BOUNDS
from bpnet.check.report import Row, difference, worst
from bpnet.errors import BackendUnavailable, InputError

PACKAGES = (
    *("numpy", "cupy", "cupy-cuda12x", "cupy-cuda13x", "torch", "triton", "jax", "jaxlib"),
    *("array-api-compat", "array-api-extra", "array-api-strict", "safetensors", "threadpoolctl"),
    *("pytest", "hypothesis", "scikit-learn", "polars", "nvidia-cublas", "nvidia-cuda-nvrtc"),
)


def devices() -> bool:
    """Machine, versions, and every backend tried out; CuPy's own account of its libraries."""
    tell(
        kind="machine",
        bpnet=bpnet.__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        cores=os.cpu_count(),
        driver=hardware.cuda_driver().describe(),
        packages={name: v for name in PACKAGES if (v := _version(name))},
    )
    for status in backends.status(timeout=45.0):
        tell(kind="backend", **status.as_dict())
    if smi := shutil.which("nvidia-smi"):
        asked = "--query-gpu=name,memory.total,driver_version,clocks.max.sm,power.limit"
        done = subprocess.run(
            [smi, asked, "--format=csv,noheader"], capture_output=True, text=True, check=False
        )
        tell(kind="nvidia-smi", text=done.stdout.strip())
    if _version("cupy-cuda13x") or _version("cupy-cuda12x") or _version("cupy"):
        import cupyx

        tell(kind="cupy", text=str(cupyx.get_runtime_info()))
    return True


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def smoke(spec: str) -> bool:
    """One step of SGD and one of Adam beside NumPy's, and the seconds of each."""
    passed = True
    for name in jobs.COMPARED:
        start = time.perf_counter()
        found, wanted = (_one_step(jobs.JOBS[name], where) for where in (spec, "numpy"))
        errors = {
            f"layer {i // 2 + 1}": difference(a, b)
            for i, (a, b) in enumerate(zip(found, wanted, strict=True))
        }
        error, where = worst(errors)
        row = Row("smoke", f"one step, {name}", "float32", error, BOUNDS["float32"], where)
        tell(kind="row", backend=spec, seconds=time.perf_counter() - start, **row.as_dict())
        passed = passed and row.passed
    return passed


def _one_step(job: jobs.Job, where: str) -> list[jobs.Host]:
    network = job.network()
    options = {"optimizer": job.optimizer, "l2": job.l2, "seed": job.seed, "dtype": "float32"}
    bpnet.train(network, jobs.examples(), epochs=1, batch_size=None, backend=where, **options)
    return [a for arrays in network.parameters for a in arrays]


def check_rows(spec: str) -> bool:
    """``bpnet check``, row by row."""
    backend, passed = backends.get(spec), True
    for row in check(backend):
        tell(kind="row", backend=backend.spec, **row.as_dict())
        passed = passed and row.passed
    return passed


def parity(one: str, other: str) -> bool:
    """``bpnet check --parity`` in each dtype that both have."""
    both = set(backends.get(one).dtypes()) & set(backends.get(other).dtypes())
    passed = True
    for dtype in sorted(both & set(BOUNDS)):
        found = compare(one, other, dtype)
        row = found.as_dict()
        if found.first_past is None:
            for deviation in row["deviations"]:
                del deviation["by_step"]
        tell(kind="parity", **row)
        passed = passed and found.first_past is None
    return passed


def replay(spec: str) -> bool:
    """Runs whose steps are replayed beside those step by step: whether, how far, how fast."""
    from bpnet.backends.trace import replay as tracing

    passed = True
    for hidden in ((128, 64), (64,) * 6) if _is_on_gpu(spec) else ((8,),):
        for optimizer, dropout in (("sgd", 0.0), ("adam", 0.0), ("adam", 0.2)):
            replayed, seconds = _timed(spec, None, hidden, optimizer, dropout)
            wanted, plainly = _timed(spec, False, hidden, optimizer, dropout)
            taken = any(function for function, _ in tracing._functions.values())
            expected = isinstance(backends.get(spec), tracing.Replaying)
            note = f"{plainly:.0f} us a step, replayed {seconds:.0f}"
            error = max(difference(a, b) for a, b in zip(replayed, wanted, strict=True))
            error = error if taken == expected else float("inf")
            name = f"{'-'.join(map(str, hidden))}, {optimizer}, dropout {dropout:g}"
            row = Row("replay", name, "float32", error, BOUNDS["float32"], note)
            tell(kind="row", backend=spec, **row.as_dict())
            passed = passed and row.passed
    return passed


def capture(spec: str) -> bool:
    """:func:`replay` on PyTorch, where a step that was not captured is an error."""
    from bpnet.backends import torch_graphs

    torch_graphs.STRICT = True
    return replay(spec) and any(torch_graphs._captured.values())


def graphs(spec: str) -> bool:
    """:func:`replay` with CuPy's plans in CUDA graphs, which are off elsewhere."""
    from bpnet.backends import cupy_graphs

    cupy_graphs.ON = True
    passed = replay(spec)
    tell(kind="captures", count=cupy_graphs.InGraph.captures)
    return passed and (cupy_graphs.InGraph.captures > 0 or not _is_on_gpu(spec))


def _is_on_gpu(spec: str) -> bool:
    return bool({"cupy", "cuda"} & set(spec.split(":")))  # else it is a rehearsal


def _timed(
    spec: str, compiled: bool | None, hidden: tuple[int, ...], optimizer: str, dropout: float
) -> tuple[list[jobs.Host], float]:
    """Parameters after a run, and microseconds of a step of its best epoch."""
    n, batch = (784, 128) if _is_on_gpu(spec) else (16, 8)
    X = np.random.default_rng(0).standard_normal((120 * batch, n), np.float32)
    net = bpnet.Network([n, *hidden, 10], seed=0)
    options = {} if compiled is None else {"compiled": compiled}
    if compiled is False and not hasattr(backends.get(spec), "replays") and "torch" not in spec:
        options = {}  # a stand-in that has one way only
    rule = bpnet.optimizers.get(optimizer, learning_rate=1e-4)
    history = bpnet.train(net, (X, np.arange(len(X)) % 10), optimizer=rule, dropout=dropout, l2=0.1,
                          epochs=3, batch_size=batch, backend=spec, **options)  # fmt: skip
    return [a for pair in net.parameters for a in pair], min(history["seconds"]) / 120 * 1e6


def benchmark(device: str, seconds: str, folder: str) -> bool:
    """The quick form of ``python -m benchmarks.peers --device``."""
    from benchmarks.peers import cells
    from benchmarks.peers import device as on
    from benchmarks.peers.__main__ import about

    grid = cells.rehearsal() if device == "rehearsal" else cells.grid(quick=True)
    bench = on.Bench(device, grid, on.names(device), seconds=float(seconds))
    name, passed = on.card(device), True
    for row in on.keep(bench, {**about(), "device": name}, on.file(Path(folder), name)):
        tell(**row)
        ours = row["who"].startswith("bpnet") and row["kind"] != "launches"
        passed = passed and not (ours and "error" in row)
    return passed


JOBS = {
    job.__name__: job
    for job in (devices, smoke, check_rows, parity, replay, capture, graphs, benchmark)
}


def main(name: str, *arguments: str) -> int:
    """Run a job; status 1 if something in it did not pass, with one line for a refusal."""
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("bpnet").setLevel(logging.DEBUG)  # tracebacks of rows that broke down
    try:
        return 0 if JOBS[name](*arguments) else 1
    except (BackendUnavailable, InputError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

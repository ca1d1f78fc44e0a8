"""Who runs on a device, and the meters that are read there."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import bpnet
from benchmarks.peers import cells, rivals
from benchmarks.peers.cells import Cell
from benchmarks.peers.jobs import Data

Epochs = Callable[[int], list[float]]
"""Trains so many epochs, and gives the seconds of each, synchronized."""


@dataclass(frozen=True)
class Rival:
    """One who runs.

    Parameters
    ----------
    library : str
        What must be here.
    make : callable
        Cell and data -> epochs.
    spec : str, optional
        Backend of bpnet that it is; the others have none.
    slow : bool
        Whether it compiles for long, and comes last.
    """

    library: str
    make: Callable[[Cell, Data], Epochs]
    spec: str | None = None
    slow: bool = False


def _bpnet(spec: str, **options: Any) -> Rival:
    def make(cell: Cell, data: Data) -> Epochs:
        network = bpnet.Network(list(cell.sizes), hidden="relu", seed=0)
        rule = bpnet.optimizers.get(cell.optimizer, cell.rate)

        def epochs(n: int) -> list[float]:
            history = bpnet.train(
                network, (data.x, data.y), optimizer=rule, epochs=n, batch_size=cell.batch,
                backend=spec, precision=cell.precision, **options,
            )  # fmt: skip
            return history["seconds"]

        return epochs

    return Rival(spec.partition(":")[0], make, spec, slow=bool(options))


def _torch(device: str, *, compiled: bool) -> Rival:
    def make(cell: Cell, data: Data) -> Epochs:
        import torch

        torch.set_float32_matmul_precision("high" if cell.precision else "highest")
        ready = rivals.torch_on(cell, data, compiled=compiled, device=device)
        return lambda n: [ready.epoch() for _ in range(n)]

    return Rival("torch", make, slow=compiled)


def _jax(cell: Cell, data: Data) -> Epochs:
    import jax

    asked = "tensorfloat32" if cell.precision else "highest"
    ready = rivals.jax_by_hand(cell, data)

    def epochs(n: int) -> list[float]:
        with jax.default_matmul_precision(asked):
            return [ready.epoch() for _ in range(n)]

    return epochs


RIVALS = {
    "cuda": {
        "bpnet cupy": _bpnet("cupy"),
        "PyTorch eager": _torch("cuda", compiled=False),
        "JAX by hand": Rival("jax", _jax),
        "bpnet torch": _bpnet("torch:cuda"),
        "bpnet jax": _bpnet("jax:gpu"),
        "bpnet numpy": _bpnet("numpy"),
        "torch.compile": _torch("cuda", compiled=True),
        "bpnet torch compiled": _bpnet("torch:cuda", compiled=True),
    },
    "rehearsal": {
        "bpnet array_api_strict": _bpnet("array_api_strict"),
        "PyTorch eager": _torch("cpu", compiled=False),
        "JAX by hand": Rival("jax", _jax),
        "bpnet torch": _bpnet("torch:cpu"),
        "bpnet jax": _bpnet("jax:cpu"),
        "bpnet numpy": _bpnet("numpy"),
    },
}
"""In order of worth, by device; in a rehearsal the same on the processor."""


def measure(rival: Rival, cell: Cell, rounds: int) -> dict[str, Any]:
    """Microseconds a step, median of the rounds; what came before; peak memory of the device."""
    _forget(rival.library)
    data = cells.data_of(cell)
    start = time.perf_counter()
    seconds = rival.make(cell, data)(1 + rounds)[1:]
    first = time.perf_counter() - start - sum(seconds)
    steps = sorted(s / cell.steps * 1e6 for s in seconds)
    return {
        "us_a_step": statistics.median(steps),
        "least_us": steps[0],
        "most_us": steps[-1],
        "first_s": first,
        "peak_MB": None if rival.spec == "numpy" else _peak(rival.library),
    }


def product(rival: Rival, precision: str | None, n: int) -> float:
    """Multiplications a second of one large square product."""
    backend = bpnet.backends.get(rival.spec)
    rng = np.random.default_rng(0)
    times = []
    with backend.session("float32"), backend.precision(precision):
        a = backend.asarray(rng.standard_normal((n, n), dtype=np.float32))
        for _ in range(8):
            start = time.perf_counter()
            b = backend.xp.matmul(a, a)
            backend.synchronize()
            times.append(time.perf_counter() - start)
            del b
    return n**3 / statistics.median(times[3:])


def launches(rival: Rival, cell: Cell) -> dict[str, float]:
    """Launches and kernels of a step, by PyTorch's profiler, which sees those of all libraries.

    What is done once for a training is in two epochs and in one, and cancels.
    """
    train = rival.make(cell, cells.data_of(cell))
    train(2)
    one, two = _profiled(train, 1), _profiled(train, 2)
    return {key: (two[key] - one[key]) / cell.steps for key in one}


def _profiled(train: Epochs, n: int) -> dict[str, int]:
    import torch
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        train(n)
        torch.cuda.synchronize()
    names = [(event.device_type.name, event.name) for event in seen.events()]
    return {
        "launches": sum(kind == "CPU" and "Launch" in name for kind, name in names),
        "kernels": sum(kind == "CUDA" and not name.startswith("Mem") for kind, name in names),
    }


def _forget(library: str) -> None:
    """Begin the peak anew where the library can."""
    if library == "cupy":
        import cupy

        cupy.get_default_memory_pool().free_all_blocks()
    if library == "torch":
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def _peak(library: str) -> float | None:
    """Most memory of the device that the library held, in MB; JAX's is that of all its cells."""
    held = None
    if library == "cupy":
        import cupy

        held = cupy.get_default_memory_pool().total_bytes()
    if library == "torch":
        import torch

        held = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    if library == "jax":
        import jax

        held = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    return None if held is None else held / 1e6

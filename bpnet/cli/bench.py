"""``bpnet bench``."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

import bpnet
from bpnet.cli import options, screen
from bpnet.core import optimizers
from bpnet.pages import picture_files
from bpnet.runs import this_machine
from bpnet.training.recipe import PLACES


def bench(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]", help="Data set, as in bpnet train. By default, generated data."
        ),
    ] = None,
    hidden: Annotated[str, typer.Option(help="Number of neurons of each hidden layer.")] = "128",
    batch_size: Annotated[
        int, typer.Option(help="Number of examples in a step; 0 is the whole training set.")
    ] = 128,
    optimizer: Annotated[
        str, typer.Option(help=f"Optimizer: {', '.join(optimizers.OPTIMIZERS)}.")
    ] = "sgd",
    dtype: Annotated[str, typer.Option(help=PLACES["dtype"].help)] = "float32",
    backend: Annotated[
        str | None,
        typer.Option(help="Backends, with commas. By default, all that work on this machine."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="Seconds to measure each backend and network.")
    ] = 3.0,
    rows: Annotated[
        int | None, typer.Option(help="Largest number of examples to use. By default, all.")
    ] = None,
    target: options.Target = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Picture to draw (.png, .svg or .pdf), of networks of widths 16 to 1024 and "
            "batches of 10 to 1024."
        ),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Show how the time of an epoch is spent.")
    ] = False,
    json_: options.Json = False,
) -> int:
    """Compare the backends by their seconds per epoch of one training job.

    Examples:

      bpnet bench
      bpnet bench digits --hidden 512,512 --batch-size 1024
      bpnet bench --backend numpy,cupy --plot break-even.png
      bpnet bench --profile
    """
    from bpnet import bench as benchmark

    cell = benchmark.Cell(tuple(options.sizes(hidden)), batch_size, optimizer, dtype)
    if plot is not None:
        picture_files.check(plot, [] if source is None else bpnet.data.sources.read_from(source))
        # the grid has many cells: each gets less time
        cells, seconds = benchmark.grid(), min(seconds, 0.5)
    else:
        cells = (cell,)
    job = benchmark.Job(cells, source, target, rows=rows, seconds=seconds)
    if profile:
        return _profile(backend, job, cell, json_)
    chosen = [n.strip() for n in (backend or "").split(",") if n.strip()]
    for name in chosen:  # a backend that cannot be used is refused before anything is measured
        bpnet.backends.get(name)
    # array_api_strict is made for tests, and slow
    chosen = chosen or [n for n in bpnet.backends.available() if n != "array_api_strict"]
    timings = []
    for timing in benchmark.run(chosen, job):
        timings.append(timing)
        if not json_:
            if len(timings) == 1:
                screen.row(_HEAD)
            screen.row(_line(timing))
    if plot is not None:
        processor = this_machine("numpy")["processor"]
        benchmark.plot(timings, plot, [source or "made-up data", processor])
    if json_:
        screen.give([dataclasses.asdict(t) for t in timings])
    elif plot is not None:
        for sentence in benchmark.crossings(timings):
            screen.row(sentence)
        screen.row(f"picture: {plot}")
    return 1 if any(t.error for t in timings) else 0


_HEAD = (
    f"{'backend':<12}{'hidden':<10}{'batch':>6}{'s/epoch':>10}{'samples/s':>13}"
    f"{'+-':>6}{'epochs':>8}{'the first':>11}"
)


def _line(timing: "bpnet.bench.Timing") -> str:
    """Row of the table for one backend and network."""
    cell = timing.cell
    head = f"{timing.backend:<12}{'-'.join(map(str, cell.hidden)):<10}{cell.batch_size:>6}"
    if timing.error:
        return f"{head}  failed: {timing.error}"
    return (
        f"{head}{timing.epoch:>10.4f}{timing.rate:>13,.0f}"
        f"{timing.spread:>6.0%}{timing.epochs:>8}{timing.first:>9.2f} s"
    )


def _profile(
    backend: str | None, job: "bpnet.bench.Job", cell: "bpnet.bench.Cell", json_: bool
) -> int:
    """Print the share of each part of an epoch."""
    from bpnet import bench as benchmark

    chosen = bpnet.backends.select(backend or "numpy").backend
    parts = benchmark.profile(chosen, job, cell)
    if json_:
        screen.give([dataclasses.asdict(part) for part in parts])
        return 0
    whole = sum(part.seconds for part in parts)
    screen.row(f"{chosen.spec}: an epoch of {whole:.4f} s")
    for part in parts:
        calls = f"{part.calls:,} calls" if part.calls else ""
        screen.row(f"{part.name:<22}{part.seconds:>9.4f} s {part.seconds / whole:>6.0%}  {calls}")
    return 0

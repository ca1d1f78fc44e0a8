"""``bpnet sweep``."""

from pathlib import Path
from typing import Annotated, Any

import typer

import bpnet
from bpnet import run_data, runs, sweep
from bpnet.cli import options, screen
from bpnet.cli.progress import Count
from bpnet.core import optimizers


def _list(text: str) -> Any:
    return typer.Option(metavar="LIST", help=f"{text}; several with commas.")


def command(
    source: options.DataArgument = "digits",
    hidden: Annotated[str, typer.Option(help="Neurons of each hidden layer.")] = "30",
    learning_rate: Annotated[str | None, _list("eta. Default: the optimizer's")] = None,
    l2: Annotated[str, _list("Strength of L2, the paper's alpha")] = "0",
    l1: Annotated[str, _list("Strength of L1")] = "0",
    momentum: Annotated[str | None, _list("Of momentum and nesterov")] = None,
    dropout: Annotated[str, _list("Probability with which a hidden value is dropped")] = "0",
    batch_size: Annotated[str, _list("Examples in a step, 0 for the whole set")] = "64",
    seeds: Annotated[int, typer.Option(help="How many seeds, beginning with --seed.")] = 1,
    folds: Annotated[
        int, typer.Option(help="Parts that are held out in turn; 0 uses --validation.")
    ] = 0,
    activation: Annotated[str, typer.Option(help="Of the hidden layers; one or one each.")] = (
        "relu"
    ),
    output: Annotated[
        str | None, typer.Option(help="Activation of the output layer. Default: softmax.")
    ] = None,
    norm: Annotated[
        str | None, typer.Option(help="Normalization of the hidden layers: batch or layer.")
    ] = None,
    init: Annotated[str, typer.Option(help="First weights; auto suits the activation.")] = "auto",
    cost: Annotated[
        str | None, typer.Option(help="Cost function. Default: suits the output.")
    ] = None,
    optimizer: Annotated[str, typer.Option(help=", ".join(optimizers.OPTIMIZERS))] = "adam",
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 20,
    schedule: Annotated[str, typer.Option(help="Of the learning rate.")] = "constant",
    patience: Annotated[
        int | None, typer.Option(help="Stop a network after so many epochs without a better score.")
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(help="Ranked by: accuracy, cost, or a metric. Default: suits the task."),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(help="Share that is held out. Default: 0.1, and 0 with --folds."),
    ] = None,
    backend: options.Backend = None,
    device: options.Device = None,
    dtype: Annotated[str, typer.Option(help="float32, float64, float16 or bfloat16.")] = "float32",
    seed: Annotated[int, typer.Option(help="The first one; of split and folds too.")] = 0,
    threads: Annotated[
        int | None, typer.Option(help="Processor threads. Default: suits net and batch.")
    ] = None,
    target: options.Target = None,
    task: Annotated[str, typer.Option(help="auto, classify or regress.")] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the best run. Default: runs/DATA-TIME.")
    ] = None,
    json_: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train many networks at once, rank their options, and leave the best as a run.

    Examples:

      bpnet sweep digits --learning-rate 0.01,0.03,0.1 --l2 0,1e-4 --seeds 5
      bpnet sweep houses.csv --target price --dropout 0,0.2 --folds 5 --patience 5
    """
    grid: dict[str, list[Any]] = {
        "learning_rate": options.numbers("learning-rate", learning_rate),
        "momentum": options.numbers("momentum", momentum),
        "l2": options.numbers("l2", l2),
        "l1": options.numbers("l1", l1),
        "dropout": options.numbers("dropout", dropout),
        "batch_size": [int(k) or None for k in options.numbers("batch-size", batch_size, int)],
    }
    metrics = sweep.metrics_of(score)
    asked: dict[str, Any] = {
        "hidden": options.sizes(hidden), "activation": options.names(activation),
        "output": output, "init": init, "norm": norm,
    }  # fmt: skip
    plan = sweep.Plan(
        grid={name: values for name, values in grid.items() if values},
        network={**asked, "sizes": asked["hidden"], "hidden": asked["activation"]},
        training={
            "cost": cost, "epochs": epochs, "schedule": schedule, "metrics": metrics,
            "dtype": dtype, "threads": threads,
        },
        optimizer=optimizer, seeds=sweep.seeds(seed, seeds), folds=folds, score=score,
        patience=patience,
    )  # fmt: skip
    plan.network.pop("activation")
    held = (0.0 if folds else 0.1) if validation is None else validation
    folder = runs.choose(out, source)
    selection = bpnet.backends.select(backend, device)
    data = bpnet.data.load(source, target=target, task=task, validation=held, seed=seed)
    where = {"source": bpnet.data.absolute(source), "target": target, "task": task}
    config: runs.Config = {
        "data": {**where, "validation": held, "seed": seed},
        "network": asked,
        "training": {"patience": patience},
        "source": run_data.described(data),
    }
    console = screen.console(stderr=json_)
    total = len(plan.configurations()) * len(plan.seeds) * max(folds, 1)
    with Count(console, total, epochs, silent=quiet or json_) as count:
        spec, reason = selection.backend.spec, selection.reason
        target_line = run_data.target_line(data, config["data"])
        for line in sweep.heading(data, plan, total, spec, reason, target_line):
            count.say(line)
        found = sweep.run(data, plan, backend=selection.backend, callbacks=[count])
    sweep.finish(found, data, folder=folder, config=config, backend=selection.backend)
    if json_:
        screen.give({"run": str(folder), **found.summary()})
        return
    for line in sweep.table(found):
        screen.line(console, line)
    screen.line(console, f"run: {folder}")

"""``bpnet train``."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import bpnet
from bpnet import runs
from bpnet.cli import options
from bpnet.cli.progress import Bar
from bpnet.cli.signals import StopOnSignal
from bpnet.core import optimizers, schedules
from bpnet.training import fastest


def train(
    source: options.DataArgument = "digits",
    hidden: Annotated[str, typer.Option(help="Neurons of each hidden layer.")] = "128,64",
    activation: Annotated[str, typer.Option(help="Of the hidden layers; one or one each.")] = (
        "relu"
    ),
    output: Annotated[
        str | None, typer.Option(help="Activation of the output layer. Default: softmax.")
    ] = None,
    init: Annotated[str, typer.Option(help="First weights; auto suits the activation.")] = "auto",
    cost: Annotated[
        str | None, typer.Option(help="Cost function. Default: suits the output.")
    ] = None,
    optimizer: Annotated[str, typer.Option(help=", ".join(optimizers.OPTIMIZERS))] = "adam",
    learning_rate: Annotated[
        float | None, typer.Option(help="eta. Default: the optimizer's, 1e-3 for adam.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 20,
    batch_size: Annotated[
        int, typer.Option(help="Examples in a step; 0 is the whole set, batch descent.")
    ] = 64,
    l2: Annotated[float, typer.Option(help="Strength of L2 regularization, the paper's alpha.")] = (
        0.0
    ),
    l1: Annotated[float, typer.Option(help="Strength of L1 regularization.")] = 0.0,
    max_norm: Annotated[
        float, typer.Option(help="Largest norm of the weights into a neuron; 0 is any.")
    ] = 0.0,
    clip_norm: Annotated[
        float, typer.Option(help="Largest norm of all gradients together; 0 is any.")
    ] = 0.0,
    schedule: Annotated[
        str, typer.Option(help=f"Of the learning rate: {', '.join(schedules.SCHEDULES)}.")
    ] = "constant",
    class_weight: Annotated[
        str | None, typer.Option(help="balanced: every class counts the same.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Stop after so many epochs without a better validation cost."),
    ] = None,
    dropout: Annotated[
        float, typer.Option(help="Probability with which a hidden value is dropped in training.")
    ] = 0.0,
    validation: Annotated[float, typer.Option(help="Share of the examples that is held out.")] = (
        0.1
    ),
    backend: options.Backend = None,
    device: options.Device = None,
    dtype: Annotated[str, typer.Option(help="float32, float64, float16 or bfloat16.")] = "float32",
    seed: Annotated[int, typer.Option(help="Of first weights, order and split.")] = 0,
    threads: Annotated[
        int | None, typer.Option(help="Processor threads. Default: suits net and batch.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="tf32: faster, rougher products on a CUDA GPU.")
    ] = None,
    target: options.Target = None,
    task: Annotated[str, typer.Option(help="auto, classify or regress.")] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run. Default: runs/DATA-TIME.")
    ] = None,
    json_: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Train a network and leave a folder with the model, its configuration and its history.

    Examples:

      bpnet train
      bpnet train fashion-mnist --hidden 256,128 --batch-size 128 --epochs 10
      bpnet train digits --backend cupy
      bpnet train houses.csv --target price
    """
    asked: dict[str, Any] = {
        "hidden": options.sizes(hidden),
        "activation": options.names(activation),
        "output": output,
        "init": init,
        "seed": seed,
    }
    rule = optimizers.get(optimizer, learning_rate)
    folder = runs.choose(out, source)
    selection = None if fastest.is_asked(backend) else bpnet.backends.select(backend, device)
    dataset = bpnet.data.load(source, target=target, task=task, validation=validation, seed=seed)
    network = runs.network_for(
        dataset, asked["hidden"], hidden=asked["activation"], output=output, init=init, seed=seed
    )
    if selection is None:
        selection = fastest.select(
            network,
            batch_size=min(batch_size or dataset.x.shape[0], dataset.x.shape[0]),
            optimizer=rule,
            dtype=dtype,
            cost=cost,
            device=device,
        )
    settings: dict[str, Any] = {
        "cost": cost,
        "epochs": epochs,
        "batch_size": batch_size,
        "l2": l2,
        "l1": l1,
        "max_norm": max_norm,
        "clip_norm": clip_norm,
        "schedule": schedule,
        "class_weight": class_weight,
        "dropout": dropout,
        "dtype": dtype,
        "seed": seed,
        "threads": threads,
        "precision": precision,
    }
    config: runs.Config = {
        "data": {
            "source": bpnet.data.absolute(source),
            "target": target,
            "task": task,
            "validation": validation,
        },
        "network": asked,
        "training": {
            **settings,
            "patience": patience,
            "optimizer": optimizer,
            "learning_rate": rule.learning_rate,
        },
    }
    console = Console(stderr=json_, highlight=False)
    stopper = StopOnSignal()
    recorder = runs.Recorder(folder, config, dataset.columns)
    callbacks: list[bpnet.Callback] = [stopper]
    stopping = None if patience is None else bpnet.EarlyStopping(patience)
    if stopping is not None:  # before the recorder, which saves what it hands over
        callbacks.append(stopping)
    callbacks.append(recorder)
    after = ExitStack()  # a run that fails gives terminal and signals back, and leaves no folder
    after.callback(recorder.discard)
    after.callback(stopper.close)
    if not (quiet or json_):
        lines = [
            f"data: {dataset.name or source}, "
            f"{dataset.x.shape[0]:,} examples of {dataset.x.shape[1]} values",
            *(f"note: {note}" for note in dataset.notes),
            f"network: {network}",
            f"backend: {selection.backend.spec} ({selection.reason})",
        ]
        bar = Bar(console, lines)
        callbacks.append(bar)
        after.callback(bar.close)
    with after:
        history = bpnet.train(
            network,
            dataset,
            optimizer=rule,
            validation=dataset.validation,
            backend=selection.backend,
            callbacks=callbacks,
            **{**settings, "batch_size": batch_size or None},
        )
    if json_:
        result = {"run": str(folder), "backend": selection.backend.spec, "history": history}
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        if stopper.status:
            console.print("stopped: the model holds what was learned so far")
        elif stopping is not None and stopping.best_epoch is not None:
            console.print(f"the model is that of epoch {stopping.best_epoch + 1}, the best")
        console.print(f"run: {folder}", soft_wrap=True, markup=False)
    return stopper.status

"""``bpnet train``."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import bpnet
from bpnet import disk, distributed, plots, run_data, run_folder, runs, tensorboard
from bpnet.cli import options, screen
from bpnet.cli.progress import Bar
from bpnet.cli.ranks import described, first, leads, of_rank, of_rank_0, recorded
from bpnet.cli.signals import StopOnSignal
from bpnet.core import optimizers, schedules
from bpnet.core.lbfgs import LBFGS
from bpnet.data import arrays
from bpnet.errors import InputError, one_line
from bpnet.shown import pasted
from bpnet.training import Distributions, LearningRates, fastest, sharding


def train(
    context: typer.Context,
    source: options.DataArgument = "digits",
    hidden: Annotated[str, typer.Option(help="Neurons of each hidden layer.")] = "128,64",
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
    optimizer: Annotated[
        str, typer.Option(help=", ".join((*optimizers.OPTIMIZERS, "lbfgs")))
    ] = "adam",
    learning_rate: Annotated[
        str | None,
        typer.Option(help="eta, or find. Default: the optimizer's, 1e-3 for adam."),
    ] = None,
    momentum: Annotated[
        float | None, typer.Option(help="Of momentum and nesterov. Default: 0.9.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 20,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Examples in a step; 0 is the whole set. Default: 64, lbfgs takes all."),
    ] = None,
    micro_batch: Annotated[
        int | None, typer.Option(help="Examples that are taken at a time, to save memory.")
    ] = None,
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
    sample_weight: Annotated[
        Path | None,
        typer.Option(help="Weights of the examples, a .npy file with one for each row of DATA."),
    ] = None,
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
    metric: options.Metric = "",
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
    compiled: Annotated[
        bool | None,
        typer.Option(
            help="Whether PyTorch compiles the steps: usually from 200,000 steps on. With "
            "--no-compiled NumPy calls each step, as it else replays the first."
        ),
    ] = None,
    target: options.Target = None,
    task: Annotated[str, typer.Option(help="auto, classify or regress.")] = "auto",
    stream: options.Stream = False,
    shuffle: Annotated[
        str, typer.Option(help="With --stream: full, blocks, or auto: full but for tables.")
    ] = "auto",
    buffer: Annotated[
        int | None, typer.Option(help="With --shuffle blocks: rows that are mixed together.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run. Default: runs/DATA-TIME.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Go on with a run that was stopped or killed."),
    ] = None,
    checkpoint_minutes: Annotated[
        float, typer.Option(help="Minutes from one checkpoint to the next.")
    ] = 0.25,
    on_error: Annotated[
        str,
        typer.Option(help="A checkpoint that can't be written: stop the run, or continue."),
    ] = "stop",
    reduce: Annotated[
        str, typer.Option(help="With mpiexec, how ranks add up: ordered, for the same bits; fast.")
    ] = "ordered",
    shards: Annotated[
        int | None,
        typer.Option(help="Parts of a batch in the ordered sum. Default: 8 with mpiexec."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds after which a rank that does not answer is given up.")
    ] = 300.0,
    live: Annotated[
        bool, typer.Option(help="On a terminal, curves while it trains.", show_default=False)
    ] = True,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Event files in RUN/tensorboard.")
    ] = False,
    tensorboard_folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Event files there.")
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
      bpnet train x.npy,y.npy --stream
      bpnet train parts/ --stream --target price
      bpnet train --resume runs/digits-20261124-120000
      mpiexec -n 4 bpnet train fashion-mnist --batch-size 1024
    """
    ranks, seconds = context.obj, distributed.check_timeout(timeout)
    if ranks is not None:
        ranks.timeout = seconds
    quiet, json_ = quiet or not leads(ranks), json_ and leads(ranks)
    if resume is not None:
        return _resume(
            context, resume, backend, device, tensorboard_folder,
            json_=json_, quiet=quiet, live=live,
        )  # fmt: skip
    asked: dict[str, Any] = {
        "hidden": options.sizes(hidden),
        "activation": options.names(activation),
        "output": output,
        "init": init,
        "norm": norm,
        "seed": seed,
    }
    eta = _rate(learning_rate)
    rule = optimizers.get(optimizer, eta if isinstance(eta, float) else None, momentum)
    whole = isinstance(rule, LBFGS)
    settings: dict[str, Any] = {
        "cost": cost,
        "epochs": epochs,
        "batch_size": (0 if whole else 64) if batch_size is None else batch_size,
        "micro_batch": micro_batch,
        "metrics": options.names(metric) if metric else [],
        "l2": l2,
        "l1": l1,
        "max_norm": max_norm,
        "clip_norm": clip_norm,
        "schedule": schedule,
        "sample_weight": str(sample_weight.absolute()) if sample_weight else None,
        "class_weight": class_weight,
        "dropout": dropout,
        "dtype": dtype,
        "seed": seed,
        "threads": threads,
        "precision": precision,
        "compiled": compiled,
        **_divided(ranks, reduce, shards),
    }
    config: runs.Config = {
        "data": {
            "source": source,
            "target": target,
            "task": task,
            "validation": validation,
            **run_data.streaming(stream, shuffle, buffer),
        },
        "network": asked,
        "training": {
            **settings,
            "patience": patience,
            "optimizer": optimizer,
            "learning_rate": eta if whole or eta == _FIND else rule.learning_rate,
            "momentum": getattr(rule, "momentum", None),
        },
    }
    config["training"] |= {"checkpoint_minutes": checkpoint_minutes, "on_error": on_error}
    if tensorboard or tensorboard_folder:
        events = str(tensorboard_folder.absolute()) if tensorboard_folder else run_folder.EVENTS
        config["training"]["tensorboard"] = events
    reads: list[str | Path] = [*bpnet.data.sources.read_from(source)]
    reads += [sample_weight] if sample_weight else []
    if tensorboard_folder:
        disk.makeable(tensorboard_folder, "the event files", reads)
    folder = Path(of_rank_0(ranks, lambda: str(run_folder.choose(out, source, reads))))
    return _run(
        config, folder, backend, device, ranks, json_=json_, quiet=quiet, live=live,
        fresh=out is None,
    )  # fmt: skip


_FIND = "find"
"""In place of a learning rate."""


def _rate(given: str | None) -> float | str | None:
    """Learning rate as a number, or that it is to be found.

    Raises
    ------
    InputError
        If it is neither.
    """
    if given is None or given.strip().lower() == _FIND:
        return None if given is None else _FIND
    try:
        return float(given)
    except ValueError as error:
        msg = f"--learning-rate is {given!r}; give a number, or find"
        raise InputError(msg) from error


def _divided(ranks: Any, reduce: str, shards: int | None) -> dict[str, Any]:
    """How batches are divided, as it is written into a run: a resume may have other ranks."""
    divided = sharding.split(ranks, reduce, shards)
    return {"reduce": reduce} if not divided.ordered else {"shards": divided.shards or None}


_OF_A_RESUME = {
    "resume", "backend", "device", "timeout", "tensorboard_folder", "json_", "quiet", "live"
}  # fmt: skip


def _resume(
    context: typer.Context,
    folder: Path,
    backend: str | None,
    device: str | None,
    events: Path | None,
    *,
    json_: bool,
    quiet: bool,
    live: bool,
) -> int:
    for name in context.params:
        given = str(context.get_parameter_source(name)).endswith("COMMANDLINE")
        if given and name not in _OF_A_RESUME:
            msg = (
                f"--resume goes on with the run's own settings; leave {name.replace('_', '-')} out"
            )
            raise InputError(msg)
    ranks = context.obj
    config = of_rank_0(ranks, lambda: runs.unfinished(folder))
    if config is None:
        if json_:
            screen.give(runs.outcome(folder))
        elif leads(ranks):
            screen.say(f"{folder} is finished: nothing to do")
        return 0
    chosen = backend or recorded(ranks, config["machine"]["backend"])
    if events is not None:
        disk.makeable(events, "the event files", run_folder.read_by(folder, config))
    return _run(
        config, folder, chosen, device, ranks, json_=json_, quiet=quiet, live=live,
        resume=True, events=events,
    )  # fmt: skip


def _run(
    config: runs.Config,
    folder: Path,
    backend: str | None,
    device: str | None,
    ranks: Any = None,
    *,
    json_: bool,
    quiet: bool,
    live: bool,
    resume: bool = False,
    fresh: bool = False,
    events: Path | None = None,
) -> int:
    """Train as a configuration says; a run that fails leaves no folder."""
    with ExitStack() as after:
        return _train(
            after, config, folder, backend, device, ranks, json_=json_, quiet=quiet, live=live,
            resume=resume, fresh=fresh, events=events,
        )  # fmt: skip


def _train(
    after: ExitStack,
    config: runs.Config,
    folder: Path,
    backend: str | None,
    device: str | None,
    ranks: Any,
    *,
    json_: bool,
    quiet: bool,
    live: bool,
    resume: bool,
    fresh: bool,
    events: Path | None,
) -> int:
    asked, settings = dict(config["network"]), dict(config["training"])
    eta, kind = settings.pop("learning_rate", None), settings.pop("optimizer")
    rule = optimizers.get(kind, None if eta == _FIND else eta, settings.pop("momentum", None))
    patience, minutes = settings.pop("patience", None), settings.pop("checkpoint_minutes", 0.25)
    on_error, board = settings.pop("on_error", "stop"), settings.pop("tensorboard", None)
    every = bpnet.Checkpoint(folder / "checkpoints", epochs=0, minutes=minutes, on_error=on_error)
    selection = None if fastest.is_asked(backend) else of_rank(ranks, backend, device)
    source, seen = config["data"]["source"], Distributions()
    dataset = first(ranks, lambda: run_data.read_again(config))
    weighed = _weights(settings.pop("sample_weight", None), dataset)
    network = run_data.network_for(
        dataset,
        asked["hidden"],
        hidden=asked["activation"],
        output=asked.get("output"),
        init=asked["init"],
        norm=asked.get("norm"),
        seed=asked["seed"],
    )
    if selection is None:
        selection = fastest.find(
            network, dataset, batch_size=settings["batch_size"], optimizer=rule,
            dtype=settings["dtype"], cost=settings.get("cost"), device=device, ranks=ranks,
        )  # fmt: skip
    console, stopper = screen.console(stderr=json_), StopOnSignal()
    config["data"]["source"] = bpnet.data.sources.absolute(source)
    config["source"] = run_data.described(dataset)
    again = resume and leads(ranks)
    recorder = runs.Recorder(folder, config, dataset.columns, again, seen, on_error, fresh)
    after.callback(recorder.discard)
    folder = Path(of_rank_0(ranks, lambda: str(recorder.claim()))) if fresh else folder
    every.folder = folder / run_folder.CHECKPOINTS
    score = config.get("sweep", {}).get("score")
    stopping = None if patience is None else bpnet.EarlyStopping(patience, score)
    # before the recorder, which saves what it hands over
    callbacks = [stopper, seen, *([] if stopping is None else [stopping])]
    after.callback(stopper.close)
    if leads(ranks):
        place = tensorboard.place(board, folder, resume, events)
        callbacks += [recorder, *_event_files(place, seen, after)]
    if not (quiet or json_):
        lines = _heading(dataset, config, network, selection)
        bar = Bar(console, [*lines, *described(ranks, settings)], live=live)
        callbacks.append(bar)
        after.callback(bar.close)
    with after:  # terminal and signals are given back
        found = None
        if eta == _FIND:
            found = _find(network, dataset, rule, selection.backend, settings)
            rule = optimizers.get(rule, found.suggestion)
            config["training"]["learning_rate"] = found.suggestion
        history = bpnet.train(
            network,
            dataset,
            optimizer=rule,
            validation=dataset.validation,
            backend=selection.backend,
            callbacks=callbacks,
            checkpoint=None if isinstance(rule, LBFGS) else every,
            resume=resume and not isinstance(rule, LBFGS),
            sample_weight=weighed,
            communicator=ranks,
            **{**settings, "batch_size": settings["batch_size"] or None},
        )
    recorder.complete(network)
    notes = [stopper.note] if stopper.note else []
    if found is not None and leads(ranks):
        notes += _drawn(found, folder)
    if json_:
        result = {"run": str(folder), "backend": selection.backend.spec, "history": history}
        screen.give(result)
    elif leads(ranks):
        _say(console, notes, stopper.status, stopping, folder)
    return stopper.status


def _heading(data: Any, config: runs.Config, network: bpnet.Network, selection: Any) -> list[str]:
    """What is said when a run begins."""
    name = data.name or config["data"]["source"]
    return [
        f"data: {name}, {data.x.shape[0]:,} examples of {data.x.shape[1]} values",
        *(f"note: {note}" for note in data.notes),
        *run_data.target_line(data, config["data"]),
        f"network: {network}",
        f"backend: {selection.backend.spec} ({selection.reason})",
    ]


def _event_files(
    place: Path | None, seen: Distributions, after: ExitStack
) -> list[tensorboard.TensorBoard]:
    """What writes event files, if they were asked for."""
    if place is None:
        return []
    board = tensorboard.TensorBoard(place, seen)
    after.callback(board.close)
    return [board]


def _weights(path: str | None, dataset: Any) -> Any:
    """Weights of the examples that are trained with, of a file with one for each row.

    Raises
    ------
    InputError
        If the file cannot be read, or has another length.
    """
    if path is None:
        return None
    disk.there(Path(path))
    try:
        weights = arrays.read_npy(Path(path))
    except (OSError, InputError) as error:
        msg = f"--sample-weight {path} can't be read ({one_line(error)}); give a .npy of numbers"
        raise InputError(msg) from error
    if dataset.validation is not None and dataset.rows is None and dataset.columns is not None:
        msg = "--sample-weight of a table that is streamed needs all of its rows"
        raise InputError(f"{msg}; give --validation 0")
    held = 0 if dataset.validation is None else len(dataset.validation[1])
    rows = len(dataset.y) + (held if dataset.rows is not None else 0)
    if getattr(weights, "shape", None) != (rows,):
        found = getattr(weights, "shape", "an archive")
        msg = f"--sample-weight {path} has shape {found} and the data {rows} rows"
        raise InputError(f"{msg}; give one weight for each row")
    return weights if dataset.rows is None else weights[dataset.rows]


def _say(console: Console, notes: list[str], status: int, stopping: Any, folder: Path) -> None:
    """Say how a run ended, and where it is."""
    for note in notes:
        screen.line(console, note)
    if status:
        again = f"go on with: bpnet train --resume {pasted(folder)}"
        screen.line(console, f"stopped: the model holds what was learned so far; {again}")
    elif stopping is not None and stopping.best_epoch is not None:
        screen.line(console, f"the model is that of epoch {stopping.best_epoch + 1}, the best")
    screen.line(console, f"run: {folder}")


def _find(
    network: bpnet.Network, data: Any, rule: Any, backend: Any, settings: dict[str, Any]
) -> LearningRates:
    """Learning rate to begin with, on the run's own data."""
    taken = {name: settings[name] for name in ("cost", "l2", "dtype", "seed")}
    return bpnet.find_learning_rate(
        network, data, optimizer=rule, batch_size=settings["batch_size"] or None, backend=backend,
        **taken,
    )  # fmt: skip


def _drawn(found: LearningRates, folder: Path) -> list[str]:
    """What to say of a rate that was found; the picture is drawn where matplotlib is."""
    said = f"learning rate: {found.suggestion:.3g}, found in {len(found.rates)} steps"
    try:
        picture = plots.learning_rates(found, folder / "learning-rate.png")
    except InputError as error:
        return [f"{said}; no picture: {error}"]
    return [f"{said}; {picture}"]

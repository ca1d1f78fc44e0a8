"""``bpnet train``."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

import bpnet
from bpnet import distributed, runs
from bpnet.cli import options, screen
from bpnet.cli.ranks import leads, on_rank_0, resumed_backend
from bpnet.cli.training import Output, run
from bpnet.data import splits
from bpnet.runs import data as run_data
from bpnet.runs import folder as run_folder
from bpnet.runs import recipes, warm_start
from bpnet.runs.configuration import LAYOUT, RUN_OPTIONS, RunConfig
from bpnet.storage import disk
from bpnet.training import ranks as rank
from bpnet.training.recipe import OPTIONS, PLACES, RANKS, RECIPE

_OWN = {"backend", "device", "communicator"}
_DECLARED = ("cost", "optimizer", *RUN_OPTIONS, *RECIPE, *PLACES, *RANKS)
_TRAINING = {
    name: {**OPTIONS, **RUN_OPTIONS}[name] for name in dict.fromkeys(_DECLARED) if name not in _OWN
}
"""Options of the table ``training`` of config.toml, in the order of the help."""


@options.add_options({**LAYOUT, **_TRAINING})
def train(
    context: typer.Context,
    source: options.DataArgument = "digits",
    validation: Annotated[
        float | None,
        typer.Option(
            help="Share of the rows that is held out for validation after each epoch. By default, "
            "0.1, or 0 with several --members, each of which holds out rows of its own."
        ),
    ] = None,
    test: options.Test = None,
    backend: options.Backend = None,
    device: options.Device = None,
    target: options.Target = None,
    task: options.Task = "auto",
    drop: options.Drop = None,
    categorical: options.Categorical = None,
    numeric: options.Numeric = None,
    separator: options.Separator = None,
    stream: options.Stream = False,
    shuffle: Annotated[
        str,
        typer.Option(
            help="How --stream shuffles: full, blocks, or auto, which is blocks for tables and "
            "full for arrays."
        ),
    ] = "auto",
    buffer: Annotated[
        int | None,
        typer.Option(
            help="Number of rows that --shuffle blocks mixes at a time. By default, as many as "
            "fit into 128 MiB."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run. By default, runs/DATA-TIME.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Continue a run that was stopped or killed, or a finished run with more --epochs.",
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(help="Seconds without an answer of an MPI rank after which the run ends."),
    ] = 300.0,
    live: Annotated[
        bool,
        typer.Option(
            help="Whether a terminal shows curves during training. By default, it does.",
            show_default=False,
        ),
    ] = True,
    tensorboard: Annotated[
        bool,
        typer.Option("--tensorboard", help="Write TensorBoard event files into RUN/tensorboard."),
    ] = False,
    tensorboard_folder: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write TensorBoard event files into FOLDER."),
    ] = None,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    **values: Any,
) -> int:
    """Train a network, and write the model, its configuration and history to a folder.

    Examples:

      bpnet train
      bpnet train fashion-mnist --hidden 256,128 --batch-size 128 --epochs 10
      bpnet train digits --backend cupy
      bpnet train houses.csv --target price
      bpnet train houses.csv --target price --drop agent --categorical postcode
      bpnet train x.npy,y.npy --stream
      bpnet train parts/ --stream --target price
      bpnet train --resume runs/digits-20261124-120000
      bpnet train --resume runs/digits-20261124-120000 --epochs 40
      mpiexec -n 4 bpnet train fashion-mnist --batch-size 1024
    """
    ranks, seconds = context.obj, distributed.check_timeout(timeout)
    if ranks is not None:
        ranks.timeout = seconds
    # rank 0 alone prints
    quiet, json_ = quiet or not leads(ranks), json_ and leads(ranks)
    output = Output(json_, quiet, live)
    if resume is not None:
        epochs = values["epochs"] if options.on_command_line(context, "epochs") else None
        return _resume(context, resume, epochs, backend, device, tensorboard_folder, output)
    training = options.option_values(values, _TRAINING)
    if not options.on_command_line(context, "batch_size"):
        training["batch_size"] = None  # the default depends on the optimizer
    training.update(_divided(ranks, training.pop("reduce"), training.pop("shards")))
    if tensorboard or tensorboard_folder:
        events = str(tensorboard_folder.absolute()) if tensorboard_folder else run_folder.EVENTS
        training["tensorboard"] = events
    tables: runs.Config = {
        "data": {
            "source": source,
            "target": target,
            "task": task,
            "columns": options.columns(drop, categorical, numeric, separator),
            "validation": validation,
            "test": test,
            "split_version": splits.VERSION,
            **run_data.streaming(stream, shuffle, buffer),
        },
        "network": {**options.option_values(values, LAYOUT), "seed": values["seed"]},
        "training": training,
    }
    flags = {n: about.flag for n, about in {**LAYOUT, **_TRAINING}.items()}
    named = {name for name, flag in flags.items() if options.on_command_line(context, flag)}
    # The recipe depends on the warm start, whose networks are as many as the run must have.
    start = warm_start.WarmStart.of(tables["network"], [n for n in LAYOUT if n in named - {"init"}])
    alone = _alone(ranks, training, stream=stream)
    recipes.begin(tables, alone=alone, begun=len(start.networks))
    config = RunConfig.read(tables, ranks)
    reads: list[str | Path] = [*bpnet.data.sources.read_from(source)]
    reads += [config.options.sample_weight] if config.options.sample_weight else []
    reads += [] if not start.networks else [tables["network"]["init"]]
    if tensorboard_folder:
        disk.makeable(tensorboard_folder, "the event files", reads)
    folder = Path(on_rank_0(ranks, lambda: str(run_folder.choose(out, source, reads))))
    place = replace(config.place, backend=backend, device=device)
    config = replace(config, place=place)
    # the layers are those of the other run: the recipe must not change them
    named |= {*LAYOUT} if start.networks else set()
    return run(config, folder, output, fresh=out is None, start=start, named=named)


def _alone(ranks: Any, training: dict[str, Any], *, stream: bool) -> str:
    """Name of the option that allows one network only; empty where a run can have several."""
    reasons = {
        "mpiexec": ranks is not None,
        "--stream": stream,
        "--optimizer lbfgs": training["optimizer"] == "lbfgs",
        "--shards": training.get("shards") is not None,
        "--reduce": training.get("reduce") is not None,
        "--compiled": training["compiled"],
    }
    return next((name for name, applies in reasons.items() if applies), "")


def _divided(ranks: Any, reduce: str, shards: int | None) -> dict[str, Any]:
    """Division of batches among the ranks for config.toml, as a resume may have other ranks."""
    divided = rank.split(ranks, reduce, shards)
    return {"reduce": reduce} if not divided.ordered else {"shards": divided.shards or None}


_WITH_RESUME = {
    "resume", "epochs", "backend", "device", "timeout", "tensorboard_folder", "json_", "quiet",
    "live",
}  # fmt: skip
"""Options that may stand beside ``--resume``."""


def _resume(
    context: typer.Context,
    folder: Path,
    epochs: int | None,
    backend: str | None,
    device: str | None,
    events: Path | None,
    output: Output,
) -> int:
    """Continue a run; report a finished one."""
    options.check_resume(context, _WITH_RESUME, "the run's own settings")
    ranks = context.obj
    tables = on_rank_0(ranks, lambda: runs.resumable(folder, epochs))
    if tables is None:
        if output.json:
            screen.give(runs.summary(folder))
        elif leads(ranks):
            more = "bpnet train --resume RUN --epochs N trains on"
            screen.say(f"{folder} is finished: nothing to do; {more}")
        return 0
    if events is not None:
        disk.makeable(events, "the event files", run_folder.input_files(folder, tables))
    start = warm_start.WarmStart.resumed(tables["network"], folder)
    config = RunConfig.read(tables, ranks)
    chosen = backend or resumed_backend(ranks, tables["machine"]["backend"])
    config = replace(config, place=replace(config.place, backend=chosen, device=device))
    return run(config, folder, output, resume=True, events=events, start=start)

"""``bpnet train``."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import bpnet
from bpnet import distributed, plots, runs, tensorboard
from bpnet.cli import options, screen
from bpnet.cli.ranks import described, first, leads, of_rank, of_rank_0, recorded
from bpnet.cli.signals import StopOnSignal
from bpnet.core import optimizers
from bpnet.core.lbfgs import LBFGS
from bpnet.data import arrays
from bpnet.display.lines import write
from bpnet.display.terminal import Bar
from bpnet.errors import InputError, one_line
from bpnet.runs import data as run_data
from bpnet.runs import folder as run_folder
from bpnet.runs import joined, recipes, warm_start
from bpnet.runs.configuration import FIND, LAYOUT, RUN_OPTIONS, RunConfig
from bpnet.shown import pasted
from bpnet.storage import disk
from bpnet.training import Distributions, LearningRates, fastest
from bpnet.training import ranks as rank
from bpnet.training.planning import plan
from bpnet.training.recipe import OPTIONS, PLACES, RANKS, RECIPE

_OWN = {"backend", "device", "communicator"}
_DECLARED = ("cost", "optimizer", *RUN_OPTIONS, *RECIPE, *PLACES, *RANKS)
_TRAINING = {
    name: {**OPTIONS, **RUN_OPTIONS}[name] for name in dict.fromkeys(_DECLARED) if name not in _OWN
}
"""Options of the table of training, in the order of the help."""


@options.offered({**LAYOUT, **_TRAINING})
def train(
    context: typer.Context,
    source: options.DataArgument = "digits",
    validation: Annotated[
        float | None,
        typer.Option(
            help="Share held out to watch each epoch. Default: 0.1, and 0 with several --members, "
            "of which each holds out rows of its own."
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
        typer.Option(
            metavar="RUN",
            help="Go on with a run that was stopped or killed, or has "
            "ended and gets more --epochs.",
        ),
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
    **given: Any,
) -> int:
    """Train a network and leave a folder with the model, its configuration and its history.

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
    quiet, json_ = quiet or not leads(ranks), json_ and leads(ranks)
    shown = _Shown(json_, quiet, live)
    if resume is not None:
        epochs = given["epochs"] if options.is_given(context, "epochs") else None
        return _resume(context, resume, epochs, backend, device, tensorboard_folder, shown)
    training = options.asked(given, _TRAINING)
    if not options.is_given(context, "batch_size"):
        training["batch_size"] = None  # of which the optimizer decides
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
            **run_data.streaming(stream, shuffle, buffer),
        },
        "network": {**options.asked(given, LAYOUT), "seed": given["seed"]},
        "training": training,
    }
    named = {n: about.flag for n, about in {**LAYOUT, **_TRAINING}.items()}
    asked = {name for name, flag in named.items() if options.is_given(context, flag)}
    start = warm_start.WarmStart.of(tables["network"], [n for n in LAYOUT if n in asked - {"init"}])
    alone = _alone(ranks, training, stream=stream)
    recipes.begin(tables, alone=alone, begun=len(start.networks))
    config = RunConfig.read(tables, ranks)
    reads: list[str | Path] = [*bpnet.data.sources.read_from(source)]
    reads += [config.options.sample_weight] if config.options.sample_weight else []
    reads += [] if not start.networks else [tables["network"]["init"]]
    if tensorboard_folder:
        disk.makeable(tensorboard_folder, "the event files", reads)
    folder = Path(of_rank_0(ranks, lambda: str(run_folder.choose(out, source, reads))))
    place = replace(config.place, backend=backend, device=device)
    config = replace(config, place=place)
    asked |= {*LAYOUT} if start.networks else set()
    return _run(config, folder, shown, fresh=out is None, start=start, asked=asked)


def _alone(ranks: Any, training: dict[str, Any], *, stream: bool) -> str:
    """Why a run can have one network only; empty where it can have several."""
    why = {
        "mpiexec": ranks is not None,
        "--stream": stream,
        "--optimizer lbfgs": training["optimizer"] == "lbfgs",
        "--shards": training.get("shards") is not None,
        "--reduce": training.get("reduce") is not None,
        "--compiled": training["compiled"],
    }
    return next((name for name, is_so in why.items() if is_so), "")


@dataclass(frozen=True)
class _Shown:
    """How much a run says, and how."""

    json: bool
    quiet: bool
    live: bool


def _divided(ranks: Any, reduce: str, shards: int | None) -> dict[str, Any]:
    """How batches are divided, as it is written into a run: a resume may have other ranks."""
    divided = rank.split(ranks, reduce, shards)
    return {"reduce": reduce} if not divided.ordered else {"shards": divided.shards or None}


_OF_A_RESUME = {
    "resume", "epochs", "backend", "device", "timeout", "tensorboard_folder", "json_", "quiet",
    "live",
}  # fmt: skip


def _resume(
    context: typer.Context,
    folder: Path,
    epochs: int | None,
    backend: str | None,
    device: str | None,
    events: Path | None,
    shown: _Shown,
) -> int:
    options.check_alone(context, _OF_A_RESUME, "the run's own settings")
    ranks = context.obj
    tables = of_rank_0(ranks, lambda: runs.resumable(folder, epochs))
    if tables is None:
        if shown.json:
            screen.give(runs.summary(folder))
        elif leads(ranks):
            more = "bpnet train --resume RUN --epochs N trains on"
            screen.say(f"{folder} is finished: nothing to do; {more}")
        return 0
    if events is not None:
        disk.makeable(events, "the event files", run_folder.input_files(folder, tables))
    start = warm_start.WarmStart.resumed(tables["network"], folder)
    config = RunConfig.read(tables, ranks)
    chosen = backend or recorded(ranks, tables["machine"]["backend"])
    config = replace(config, place=replace(config.place, backend=chosen, device=device))
    return _run(config, folder, shown, resume=True, events=events, start=start)


def _run(config: RunConfig, folder: Path, shown: _Shown, **how: Any) -> int:
    """Train as a configuration says; a run that fails leaves no folder."""
    with ExitStack() as after:
        return _train(after, config, folder, shown, **how)


def _train(
    after: ExitStack,
    config: RunConfig,
    folder: Path,
    shown: _Shown,
    *,
    start: warm_start.WarmStart,
    asked: set[str] | None = None,
    resume: bool = False,
    fresh: bool = False,
    events: Path | None = None,
) -> int:
    tables, place, ranks = config.tables, config.place, config.ranks.communicator
    selection = None
    if not place.is_fastest:
        selection = of_rank(ranks, place.backend, place.device)
    dataset = first(ranks, lambda: run_data.read_again(tables, start.columns))
    config = config if asked is None else _settled(config, asked, dataset)
    tables, recipe, run_options = config.tables, config.recipe, config.options
    every = bpnet.Checkpoint(
        folder / run_folder.CHECKPOINTS, epochs=0, minutes=run_options.checkpoint_minutes,
        on_error=run_options.on_error,
    )  # fmt: skip
    weighed = _weights(run_options.sample_weight, dataset)
    networks = _networks(config, start, dataset)
    seen = Distributions() if len(networks) == 1 else None  # it looks into one network
    if selection is None:
        selection = fastest.find(plan(networks[0], dataset, recipe, place, config.ranks))
    place = replace(place, backend=selection.backend, device=None)
    console, stopper = screen.console(stderr=shown.json), StopOnSignal()
    if not resume:
        recipe = replace(recipe, metrics=run_data.complete(tables, dataset, recipe.metrics))
    again = resume and leads(ranks)
    recorder = runs.Recorder(
        folder, tables, dataset.columns, again, seen, run_options.on_error, fresh
    )
    after.callback(recorder.discard)
    folder = Path(of_rank_0(ranks, lambda: str(recorder.claim()))) if fresh else folder
    every.folder = folder / run_folder.CHECKPOINTS
    stopping = _stopping(config)
    callbacks: list[bpnet.Callback] = [stopper, *([] if seen is None else [seen])]
    after.callback(stopper.close)
    if leads(ranks):
        written = tensorboard.place(
            tables["training"].get("tensorboard"), folder, resume, events
        )  # fmt: skip
        callbacks += [recorder, *_event_files(written, seen, after)]
    said = [] if shown.quiet or shown.json else _heading(dataset, tables, networks, selection)
    if said:
        for line in [*said, *described(ranks, tables["training"])]:
            write(console, line)
        callbacks.append(bar := Bar(console, live=shown.live))
        after.callback(bar.close)
    with after:  # terminal and signals are given back
        found = None
        if run_options.learning_rate == FIND:
            found = _find(networks[0], dataset, recipe, place, console if said else None)
            recipe = replace(recipe, optimizer=optimizers.get(recipe.rule, found.suggestion))
            tables["training"]["learning_rate"] = found.suggestion
        whole = isinstance(recipe.optimizer, LBFGS)
        model, history = joined.train(
            networks, dataset, recipe, seeds=recipes.seeds(tables),
            folds=recipes.folds_of(tables, dataset), callbacks=callbacks,
            stopping=stopping, place=place, ranks=config.ranks, sample_weight=weighed,
            checkpoint=None if whole else every, resume=resume and not whole,
        )  # fmt: skip
    recorder.complete(model)
    notes = [stopper.note] if stopper.note else []
    if found is not None and leads(ranks):
        notes += _drawn(found, folder, tables, selection.backend.spec)
    if shown.json:
        result = {"run": str(folder), "backend": selection.backend.spec, "history": history}
        screen.give({**result, "replaced": run_data.replacement_counts(dataset)})
    elif leads(ranks):
        _say(console, notes, stopper.status, stopping, folder, model if said else None)
    return stopper.status


def _settled(config: RunConfig, asked: set[str], data: Any) -> RunConfig:
    """The configuration of a new run with what its recipe says for its data."""
    recipes.settle(config.tables, asked, data)
    settled = RunConfig.read(config.tables, config.ranks.communicator)
    return replace(settled, place=config.place)


def _networks(config: RunConfig, start: warm_start.WarmStart, data: Any) -> list[bpnet.Network]:
    """The networks of a run, each with a seed of its own."""
    layout = vars(config.layout)
    return [
        warm_start.make_network(start, data, {**layout, "seed": seed}, i)
        for i, seed in enumerate(recipes.seeds(config.tables))
    ]


def _stopping(config: RunConfig) -> bpnet.EarlyStopping | None:
    """What stops a run early, by the score of a sweep where it is from one."""
    score, patience = config.tables.get("sweep", {}).get("score"), config.options.patience
    return None if patience is None else bpnet.EarlyStopping(patience, score)


def _heading(data: Any, config: runs.Config, networks: Any, selection: Any) -> list[str]:
    """What is said when a run begins."""
    count = f"{len(networks)} times " if len(networks) > 1 else ""
    name = data.name or config["data"]["source"]
    return [
        f"data: {name}, {run_data.size_line(data)}",
        *data.taken,
        *(f"note: {note}" for note in data.notes),
        *run_data.target_line(data, config["data"]),
        f"network: {count}{networks[0]}",
        *recipes.line(config),
        f"backend: {selection.backend.spec} ({selection.reason})",
    ]


def _event_files(
    place: Path | None, seen: Distributions | None, after: ExitStack
) -> list[tensorboard.TensorBoard]:
    """What writes event files, if they were asked for."""
    if place is None:
        return []
    board = tensorboard.TensorBoard(place, seen)
    after.callback(board.close)
    return [board]


def _weights(path: Path | None, dataset: Any) -> Any:
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
    rows = dataset.source_rows or len(dataset.y)
    if getattr(weights, "shape", None) != (rows,):
        found = getattr(weights, "shape", "an archive")
        msg = f"--sample-weight {path} has shape {found} and the data {rows} rows"
        raise InputError(f"{msg}; give one weight for each row")
    return weights if dataset.rows is None else weights[dataset.rows]


def _say(
    console: Console, notes: list[str], status: int, stopping: Any, folder: Path, model: Any
) -> None:
    """Say how a run ended, and where it is."""
    for note in notes:
        write(console, note)
    if status:
        again = f"go on with: bpnet train --resume {pasted(folder)}"
        write(console, f"stopped: the model holds what was learned so far; {again}")
    elif isinstance(model, bpnet.Ensemble):
        own = ", each as it was after its best epoch" if stopping is not None else ""
        write(console, f"the model is the mean of {len(model)} networks{own}")
    elif stopping is not None and stopping.best_epoch is not None:
        write(console, f"the model is that of epoch {stopping.best_epoch + 1}, the best")
    write(console, f"run: {folder}")


def _find(
    network: bpnet.Network,
    data: Any,
    recipe: bpnet.Recipe,
    place: bpnet.Place,
    console: Console | None,
) -> LearningRates:
    """Learning rate to begin with, on the run's own data; it is told before training begins."""
    taken = {name: getattr(recipe, name) for name in ("cost", "optimizer", "batch_size", "l2")}
    found = bpnet.find_learning_rate(
        network, data, backend=place.backend, dtype=place.dtype, seed=recipe.seed, **taken
    )
    if console is not None:
        steps = f"found in {len(found.rates)} steps"
        write(console, f"learning rate: {found.suggestion:.3g}, {steps}")
    return found


def _drawn(found: LearningRates, folder: Path, tables: Any, backend: str) -> list[str]:
    """Where the picture of a rate that was found is; it is drawn where matplotlib is."""
    source, net = tables["data"]["source"], tables["network"]["hidden"]
    about = (source, f"hidden layers {net}", backend, runs.this_machine(backend)["processor"])
    try:
        picture = plots.learning_rates(found, folder / "learning-rate.png", about)
    except InputError as error:
        return [f"learning rate: no picture: {error}"]
    return [f"learning rate: {picture}"]

"""A training on the terminal: from the configuration of a run to its folder."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

import bpnet
from bpnet import plots, runs, tensorboard
from bpnet.cli import screen
from bpnet.cli.ranks import described, first, leads, of_rank, of_rank_0
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
from bpnet.runs.configuration import FIND, RunConfig
from bpnet.shown import pasted
from bpnet.storage import disk
from bpnet.training import Distributions, LearningRates, fastest
from bpnet.training.planning import plan


@dataclass(frozen=True)
class Shown:
    """How much a run says, and how."""

    json: bool
    quiet: bool
    live: bool


def run(config: RunConfig, folder: Path, shown: Shown, **how: Any) -> int:
    """Train as a configuration says; a run that fails leaves no folder."""
    with ExitStack() as after:
        return _train(after, config, folder, shown, **how)


def _train(
    after: ExitStack,
    config: RunConfig,
    folder: Path,
    shown: Shown,
    *,
    start: warm_start.WarmStart,
    asked: set[str] | None = None,
    resume: bool = False,
    fresh: bool = False,
    events: Path | None = None,
) -> int:
    tables, place, ranks = config.tables, config.place, config.ranks.communicator
    selection = None if place.is_fastest else of_rank(ranks, place.backend, place.device)
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
        heading = [*said, *described(ranks, tables["training"])]
        shown_later = _begun(console, heading, at_once=run_options.learning_rate == FIND)
        callbacks.append(bar := Bar(console, shown_later, live=shown.live))
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


def _begun(console: Console, heading: list[str], *, at_once: bool) -> list[str]:
    """Heading that is written when training begins, as what is refused until then comes alone.

    It is written at once where a learning rate is to be found before.
    """
    if not at_once:
        return heading
    for line in heading:
        write(console, line)
    return []


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

"""Training from the command line: from the configuration of a run to its folder."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

import bpnet
from bpnet import plots, runs, tensorboard
from bpnet.cli import screen
from bpnet.cli.ranks import leads, on_rank_0, rank_0_first, ranks_lines, select_backend
from bpnet.cli.signals import StopOnSignal
from bpnet.core import optimizers
from bpnet.core.lbfgs import LBFGS
from bpnet.data.mapped import open_npy
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
class Output:
    """Form of the output: JSON alone, results only, and whether a terminal shows curves."""

    json: bool
    quiet: bool
    live: bool


def run(config: RunConfig, folder: Path, output: Output, **options: Any) -> int:
    """Train the networks of a configuration and save the run; return the exit status.

    A run that fails before its first checkpoint leaves no folder. ``options`` are the keywords of
    :func:`_train`.
    """
    with ExitStack() as after:
        return _train(after, config, folder, output, **options)


def _train(
    after: ExitStack,
    config: RunConfig,
    folder: Path,
    output: Output,
    *,
    start: warm_start.WarmStart,
    named: set[str] | None = None,
    resume: bool = False,
    fresh: bool = False,
    events: Path | None = None,
) -> int:
    """Train; ``after`` restores the terminal and the signals, and discards a failed run.

    ``named`` are the options on the command line, which a recipe does not change; None in a resume.
    """
    tables, place, ranks = config.tables, config.place, config.ranks.communicator
    selection = None if place.is_fastest else select_backend(ranks, place.backend, place.device)
    dataset = rank_0_first(ranks, lambda: run_data.read_again(tables, start.columns))
    config = config if named is None else _complete(config, named, dataset)
    tables, recipe, run_options = config.tables, config.recipe, config.options
    checkpoint = bpnet.Checkpoint(
        folder / run_folder.CHECKPOINTS, epochs=0, minutes=run_options.checkpoint_minutes,
        on_error=run_options.on_error,
    )  # fmt: skip
    sample_weight = _weights(run_options.sample_weight, dataset)
    networks = _networks(config, start, dataset)
    distributions = Distributions() if len(networks) == 1 else None  # an ensemble has no layers
    if selection is None:
        # The fastest backend depends on the network and the data, which are known only now.
        selection = fastest.find(plan(networks[0], dataset, recipe, place, config.ranks))
    place = replace(place, backend=selection.backend, device=None)
    console, stopper = screen.console(stderr=output.json), StopOnSignal()
    if not resume:
        recipe = replace(recipe, metrics=run_data.complete(tables, dataset, recipe.metrics))
    recorder = runs.Recorder(
        folder, tables, dataset.columns, resume and leads(ranks), distributions,
        run_options.on_error, fresh,
    )  # fmt: skip
    # An ExitStack calls the last callback first: the folder is discarded after all else.
    after.callback(recorder.discard)
    folder = Path(on_rank_0(ranks, lambda: str(recorder.claim()))) if fresh else folder
    checkpoint.folder = folder / run_folder.CHECKPOINTS  # a fresh name may have got a number
    stopping = _stopping(config)
    # The distributions run before the recorder, which writes what they have measured.
    callbacks: list[bpnet.Callback] = [stopper, *([] if distributions is None else [distributions])]
    after.callback(stopper.close)
    if leads(ranks):
        events = tensorboard.place(tables["training"].get("tensorboard"), folder, resume, events)
        callbacks += [recorder, *_event_files(events, distributions, after)]
    finds_rate = run_options.learning_rate == FIND
    shows = not (output.quiet or output.json)
    if shows:
        heading = _heading(dataset, tables, networks, selection)
        heading += ranks_lines(ranks, tables["training"])
        callbacks.append(bar := _bar(console, heading, live=output.live, at_once=finds_rate))
        after.callback(bar.close)
    with after:  # restores the terminal and the signals before the result is printed
        finder = None
        if finds_rate:
            finder = _find_rate(networks[0], dataset, recipe, place, console if shows else None)
            recipe = replace(recipe, optimizer=optimizers.get(recipe.rule, finder.suggestion))
            # The recorder writes these tables when training begins, and a resume reads this rate.
            tables["training"]["learning_rate"] = finder.suggestion
        # L-BFGS has no checkpoints: a resumed run of it begins anew.
        is_lbfgs = isinstance(recipe.optimizer, LBFGS)
        model, history = joined.train(
            networks, dataset, recipe, seeds=recipes.seeds(tables),
            folds=recipes.folds_of(tables, dataset), callbacks=callbacks,
            stopping=stopping, place=place, ranks=config.ranks, sample_weight=sample_weight,
            checkpoint=None if is_lbfgs else checkpoint, resume=resume and not is_lbfgs,
        )  # fmt: skip
    recorder.complete(model)
    notes = [stopper.note] if stopper.note else []
    if finder is not None and leads(ranks):
        notes += _draw_finder(finder, folder, tables, selection.backend.spec)
    if output.json:
        result = {"run": str(folder), "backend": selection.backend.spec, "history": history}
        screen.give({**result, "replaced": run_data.replacement_counts(dataset)})
    elif leads(ranks):
        _say(console, notes, stopper.status, stopping, folder, model if shows else None)
    return stopper.status


def _complete(config: RunConfig, named: set[str], data: Any) -> RunConfig:
    """Complete the configuration of a new run with the options of its recipe for its data."""
    recipes.settle(config.tables, named, data)
    completed = RunConfig.read(config.tables, config.ranks.communicator)
    return replace(completed, place=config.place)


def _networks(config: RunConfig, start: warm_start.WarmStart, data: Any) -> list[bpnet.Network]:
    """Make the networks of a run, each with a seed of its own."""
    layout = vars(config.layout)
    return [
        warm_start.make_network(start, data, {**layout, "seed": seed}, i)
        for i, seed in enumerate(recipes.seeds(config.tables))
    ]


def _stopping(config: RunConfig) -> bpnet.EarlyStopping | None:
    """Early stopping by the run's patience; the best run of a sweep uses the sweep's score."""
    score, patience = config.tables.get("sweep", {}).get("score"), config.options.patience
    return None if patience is None else bpnet.EarlyStopping(patience, score)


def _heading(data: Any, config: runs.Config, networks: Any, selection: Any) -> list[str]:
    """Lines on data, network, recipe and backend, which are printed when a run begins."""
    count = f"{len(networks)} x " if len(networks) > 1 else ""
    return [
        *run_data.heading(data, config["data"]),
        f"network: {count}{networks[0]}",
        *recipes.line(config),
        f"backend: {selection.reason}",
    ]


def _bar(console: Console, heading: list[str], *, live: bool, at_once: bool) -> Bar:
    """Bar that prints the heading when training begins: an error before then is printed alone.

    The search for a learning rate comes before training, and needs the heading ``at_once``.
    """
    if not at_once:
        return Bar(console, heading, live=live)
    for line in heading:
        write(console, line)
    return Bar(console, live=live)


def _event_files(
    folder: Path | None, distributions: Distributions | None, after: ExitStack
) -> list[tensorboard.TensorBoard]:
    """Callback that writes event files, where the run has a folder for them."""
    if folder is None:
        return []
    board = tensorboard.TensorBoard(folder, distributions)
    after.callback(board.close)
    return [board]


def _weights(path: Path | None, dataset: Any) -> Any:
    """Weights of the training examples, from a ``.npy`` file with one number for each row.

    Raises
    ------
    InputError
        If the file cannot be read, or has another length.
    """
    if path is None:
        return None
    disk.there(Path(path))
    try:
        weights = open_npy([Path(path)], "sample weights").whole()
    except (OSError, InputError) as error:
        msg = f"--sample-weight {path} can't be read ({one_line(error)}); give a .npy of numbers"
        raise InputError(msg) from error
    rows = dataset.source_rows or len(dataset.y)
    if getattr(weights, "shape", None) != (rows,):
        shape = getattr(weights, "shape", "an archive")
        msg = f"--sample-weight {path} has shape {shape} and the data {rows} rows"
        raise InputError(f"{msg}; give one weight for each row")
    # The file has a weight for each row of the source; held-out rows need none.
    return weights if dataset.rows is None else weights[dataset.rows]


def _say(
    console: Console, notes: list[str], status: int, stopping: Any, folder: Path, model: Any
) -> None:
    """Print how a run ended, which epoch's model it keeps, and its folder."""
    for note in notes:
        write(console, note)
    if status:
        command = f"go on with: bpnet train --resume {pasted(folder)}"
        write(console, f"stopped: the model has the weights of the last step; {command}")
    elif isinstance(model, bpnet.Ensemble):
        best = ", each at its best epoch" if stopping is not None else ""
        write(console, f"the model is the mean of {len(model)} networks{best}")
    elif stopping is not None and stopping.best_epoch is not None:
        write(console, f"the model is that of epoch {stopping.best_epoch + 1}, the best")
    write(console, f"run: {folder}")


def _find_rate(
    network: bpnet.Network,
    data: Any,
    recipe: bpnet.Recipe,
    place: bpnet.Place,
    console: Console | None,
) -> LearningRates:
    """Find a learning rate on the run's own data, and print it before training begins."""
    options = {name: getattr(recipe, name) for name in ("cost", "optimizer", "batch_size", "l2")}
    finder = bpnet.find_learning_rate(
        network, data, backend=place.backend, dtype=place.dtype, seed=recipe.seed, **options
    )
    if console is not None:
        steps = f"suggested by the learning-rate finder after {len(finder.rates)} steps"
        write(console, f"learning rate: {finder.suggestion:.3g}, {steps}")
    return finder


def _draw_finder(finder: LearningRates, folder: Path, tables: Any, backend: str) -> list[str]:
    """Draw the finder's picture into the run; return a line with its path, or on its absence."""
    source, net = tables["data"]["source"], tables["network"]["hidden"]
    about = (source, f"hidden layers {net}", backend, runs.this_machine(backend)["processor"])
    try:
        picture = plots.learning_rates(finder, folder / "learning-rate.png", about)
    except InputError as error:
        return [f"no picture of the learning-rate finder: {error}"]
    return [f"learning-rate finder: {picture}"]

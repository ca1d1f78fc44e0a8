"""``bpnet sweep``."""

from pathlib import Path
from typing import Annotated, Any

import typer

import bpnet
from bpnet import runs, sweep
from bpnet.cli import options, screen
from bpnet.cli.signals import StopOnSignal, interrupting
from bpnet.core import optimizers
from bpnet.display.lines import write
from bpnet.display.terminal import Count
from bpnet.errors import InputError
from bpnet.runs import data as run_data
from bpnet.runs import folder as run_folder
from bpnet.runs import results, warm_start
from bpnet.runs.configuration import LAYOUT, RUN_OPTIONS
from bpnet.shown import pasted
from bpnet.training.recipe import PLACES, RECIPE

_SHARED = {**RUN_OPTIONS, **RECIPE, **PLACES}
_GRID = {name: about for name, about in _SHARED.items() if about.swept}
_ALL = {
    name: _SHARED[name]
    for name in ("cost", "optimizer", "patience", *RECIPE, "dtype", "threads", "precision")
    if name not in {*_GRID, "metrics"}
}
"""``_GRID`` has the options that are swept, ``_ALL`` those that all networks share."""


@options.add_options(
    {**LAYOUT, **_GRID, **_ALL}, lists=True,
    learning_rate="Learning rate, the eta of the paper. By default, that of the optimizer: 0.001 "
    "for adam.",
    optimizer=f"Optimizer: {', '.join(optimizers.OPTIMIZERS)}. Several with commas.",
    hidden="Number of neurons of each hidden layer, with commas. Several networks with slashes: "
    "64/128,64.",
    activation=f"{LAYOUT['activation'].help} Several with slashes: relu/tanh.",
    seed="First of the --seeds, and seed of the split and of the folds.",
    init="Distribution of the initial weights: auto (suits the activation), he, glorot, lecun, "
    "orthogonal, normal or zeros.",
    patience="Number of epochs without a better score after which a network is stopped. By "
    "default, networks are not stopped early.",
)  # fmt: skip
def command(
    context: typer.Context,
    source: options.DataArgument = "digits",
    seeds: Annotated[
        int, typer.Option(help="Number of seeds that each combination is trained with.")
    ] = 1,
    trials: Annotated[
        int,
        typer.Option(
            help="Number of combinations to draw from the lists and from ranges such as "
            "1e-4..1e-1. With 0, every combination of the lists is trained.",
        ),
    ] = 0,
    prune: Annotated[
        int,
        typer.Option(
            metavar="EPOCHS",
            help="Number of epochs after which only the best quarter of the combinations goes on, "
            "and again after 4 times as many, and so on. With 0, no combination is pruned.",
        ),
    ] = 0,
    folds: Annotated[
        int,
        typer.Option(
            help="Number of folds of a cross-validation. With 0, the rows of --validation rank the "
            "combinations."
        ),
    ] = 0,
    score: Annotated[
        str | None,
        typer.Option(
            help="Metric that ranks the combinations: accuracy, cost, r2, mae, rmse or another of "
            "bpnet train --metric. By default, accuracy for classes and cost for amounts."
        ),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            help="Share of the rows that is held out for validation. By default, 0.1, or 0 with "
            "--folds."
        ),
    ] = None,
    test: Annotated[
        float | None,
        typer.Option(
            help="Share of the rows that is held out to test the best combination. By default, "
            "0.1, or 0 where DATA has a test part."
        ),
    ] = None,
    backend: options.Backend = None,
    device: options.Device = None,
    target: options.Target = None,
    task: options.Task = "auto",
    drop: options.Drop = None,
    categorical: options.Categorical = None,
    numeric: options.Numeric = None,
    separator: options.Separator = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the best run. By default, runs/DATA-TIME.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Continue a sweep that was stopped or killed."),
    ] = None,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    **_: Any,
) -> int:
    """Train networks with many combinations of options, and keep the best as a run.

    Examples:

      bpnet sweep digits --learning-rate 0.01,0.03,0.1 --l2 0,1e-4 --seeds 5
      bpnet sweep houses.csv --target price --dropout 0,0.2 --folds 5 --patience 5
      bpnet sweep digits --hidden 64/128,64 --optimizer adam,sgd
      bpnet sweep digits --learning-rate 1e-4..1e-1 --dropout 0..0.5 --trials 20
      bpnet sweep digits --learning-rate 1e-4..1e-1 --trials 50 --prune 2
      bpnet sweep --resume runs/digits-20261124-120000
    """
    settings = {name: value for name, value in context.params.items() if name not in _COMMAND}
    if resume is None:
        settings["source"] = bpnet.data.sources.absolute(source)
        folder = run_folder.choose(out, source, bpnet.data.sources.read_from(source))
        ledger = sweep.Ledger(folder, settings, fresh=out is None)
    else:
        options.check_resume(context, _WITH_RESUME, "the options of the sweep")
        ledger = sweep.Ledger.read(resume)
        if (resume / "config.toml").is_file() and runs.resumable(resume) is None:
            if json_:
                screen.give({"run": str(resume), "finished": True})
            else:
                screen.say(f"{resume} is finished: nothing to do")
            return 0
        where = {"backend": backend, "device": device} if backend or device else {}
        # ledgers of earlier versions have no test part
        stored = {"test": 0.0, **ledger.options, **where}
        settings = _parsed(context, stored, resume)
    return _run(settings, ledger, json_=json_, quiet=quiet)


_COMMAND = {"out", "resume", "json_", "quiet"}
"""Options of the command that are no settings of the sweep."""
_WITH_RESUME = {"resume", "backend", "device", "json_", "quiet"}
"""Options that may stand beside ``--resume``."""


def _parsed(context: typer.Context, stored: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Settings from the ledger of a sweep, checked as if they stood on the command line.

    Raises
    ------
    InputError
        If the ledger has a setting that is no option.
    """
    flags = {p.name: p.opts[0] for p in context.command.params if p.name not in _COMMAND}
    unknown = next((name for name in stored if name not in flags), None)
    if unknown is not None:
        msg = f"{folder / run_folder.SWEEP} has the option {unknown}, which this bpnet lacks"
        raise InputError(f"{msg}; sweep again")
    words = [f"{flags[n]}={v}" for n, v in stored.items() if v is not None and n != "source"]
    words += ["--", str(stored.get("source", ""))]  # a file's name may begin with a hyphen
    params = context.command.make_context("bpnet sweep", words).params
    return {name: value for name, value in params.items() if name not in _COMMAND}


def _run(settings: dict[str, Any], ledger: sweep.Ledger, *, json_: bool, quiet: bool) -> int:
    """Train the networks that the ledger lacks, rank all, and train the best configuration."""
    plan = _plan(settings)
    selection = bpnet.backends.select(settings["backend"], settings["device"])
    backend = selection.backend
    ledger.options = {**settings, "backend": backend.spec, "device": None}
    table = _data_table(settings) | {"split_version": ledger.split_version}
    data = run_data.read(**table)
    # The share that was drawn, for the run of the best: the default depends on the data.
    table["test"] = data.test_share
    score, _ = sweep.check(data, plan)
    config: runs.Config = {
        "data": table,
        "network": _layout(settings),
        "training": {},
        "source": run_data.identity(data),
    }
    console = screen.console(stderr=json_)
    stopper, trained = StopOnSignal(), len(ledger.trained)
    with interrupting() as stopped:
        try:
            with Count(
                console, ledger.expected(plan), settings["epochs"], silent=quiet or json_,
                score=score, before=trained, beside=plan.networks_each - 1,
            ) as count:  # fmt: skip
                for text in sweep.heading(data, plan, selection.reason, table):
                    count.say(text)
                if trained:
                    count.say(f"trained before: {trained} of {ledger.expected(plan)} networks")
                ranking = sweep.run(data, plan, backend=backend, callbacks=[count], ledger=ledger)
        except KeyboardInterrupt:
            command = f"go on with: bpnet sweep --resume {pasted(ledger.folder or Path())}"
            progress = f"{len(ledger.trained)} of {ledger.expected(plan)} networks are trained"
            write(console, f"stopped: {progress}; {command}")
            return stopped.status or 130
    folder = ledger.folder or Path()
    resume = (folder / "config.toml").is_file()  # the best network's training was interrupted
    network = sweep.finish(
        ranking, data, folder=folder, config=config, backend=backend, callbacks=[stopper],
        resume=resume,
    )  # fmt: skip
    tested = _tested(network, data, config, plan, backend)
    if json_:
        figures = {} if tested is None else {"test": tested[0]}
        screen.give({"run": str(folder), **ranking.summary(), **figures})
        return stopper.status
    for text in [*sweep.table(ranking), *(tested[1] if tested is not None else [_UNTESTED])]:
        write(console, text)
    if stopper.status:
        command = f"go on with: bpnet train --resume {pasted(folder)}"
        write(console, f"stopped: the best is not trained to its end; {command}")
    write(console, f"run: {folder}")
    return stopper.status


_UNTESTED = (
    "note: the rows that ranked the options are not a test of the best; --test 0.1 holds out others"
)


def _data_table(settings: dict[str, Any]) -> dict[str, Any]:
    """Table ``data`` of the configuration: the arguments with which the data is read."""
    share, folds = settings["validation"], settings["folds"]
    table = {name: settings[name] for name in ("source", "target", "task", "test", "seed")}
    names = ("drop", "categorical", "numeric", "separator")
    table["columns"] = options.columns(*(settings[name] for name in names))
    table["validation"] = (0.0 if folds else 0.1) if share is None else share
    return table


def _tested(
    network: bpnet.Network, data: Any, config: runs.Config, plan: sweep.Plan, backend: Any
) -> tuple[dict[str, Any], list[str]] | None:
    """Figures of the best network on the test rows, and their lines; None where there are none."""
    if data.test is None:
        return None
    part = run_data.held_out(config, data, config["data"]["source"])
    figures = results.figures(network, part, plan.training, (), backend)
    title = f"the best network on {part.title}, which took no part in the ranking:"
    return {"examples": len(part.data.x), **figures}, [title, *results.lines(figures, part)]


def _plan(settings: dict[str, Any]) -> sweep.Plan:
    """Plan of the sweep, from the values of the options."""
    rules = [name.strip() for name in settings["optimizer"].split(",")]
    nets = {
        **{
            name: [_layout({**settings, name: text})[name] for text in settings[name].split("/")]
            for name in ("hidden", "activation")
        },
        "optimizer": rules,
    }
    grid: dict[str, Any] = {name: values for name, values in nets.items() if len(values) > 1}
    grid |= {name: _values(name, about.flag, settings[about.flag]) for name, about in _GRID.items()}
    sizes = grid.pop("batch_size")  # the last one varies fastest
    # 0 stands for the whole training set
    grid["batch_size"] = [k or None for k in sizes] if isinstance(sizes, list) else sizes
    layout = _layout(settings)
    # several optimizers stand in the grid: the first one fills the shared option
    shared = options.option_values({**settings, "optimizer": rules[0]}, _ALL)
    warm_start.refuse_run(layout["init"])
    first, optimizer, patience = (shared.pop(n) for n in ("seed", "optimizer", "patience"))
    return sweep.Plan(
        grid={name: values for name, values in grid.items() if values},
        network={
            "sizes": layout["hidden"], "hidden": layout["activation"],
            **{name: layout[name] for name in ("output", "init", "norm")},
        },
        training={**shared, "metrics": sweep.metrics_of(settings["score"])},
        seeds=sweep.seeds(first, settings["seeds"]), optimizer=optimizer, patience=patience,
        folds=settings["folds"], score=settings["score"], trials=settings["trials"],
        prune=settings["prune"],
    )  # fmt: skip


def _layout(settings: dict[str, Any]) -> dict[str, Any]:
    """Options of the network; of several networks those of the first."""
    first = {name: settings[name].partition("/")[0] for name in ("hidden", "activation")}
    return options.option_values({**settings, **first}, LAYOUT)


def _values(name: str, flag: str, text: str | None) -> Any:
    """Values of a swept option: a list, or a :class:`bpnet.sweep.Span` for ``1e-4..1e-1``."""
    kind, flag = int if name == "batch_size" else float, flag.replace("_", "-")
    if text is None or ".." not in text:
        return options.numbers(flag, text, kind)
    ends = text.split("..")
    if len(ends) != 2 or "," in text:
        msg = f"--{flag} is {text!r}; give a range such as 0.001..0.1, or a list"
        raise InputError(msg)
    low, high = (options.numbers(flag, end, kind)[0] for end in ends)
    return sweep.Span(low, high, whole=kind is int)

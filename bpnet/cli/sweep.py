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
"""What is swept, and what all networks have in common."""


@options.offered(
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
            min=0,
            help="Number of combinations to draw from the lists and from ranges such as "
            "1e-4..1e-1. With 0, every combination of the lists is trained.",
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
      bpnet sweep --resume runs/digits-20261124-120000
    """
    asked = {name: value for name, value in context.params.items() if name not in _ABOUT}
    if resume is None:
        asked["source"] = bpnet.data.sources.absolute(source)
        folder = run_folder.choose(out, source, bpnet.data.sources.read_from(source))
        ledger = sweep.Ledger(folder, asked, fresh=out is None)
    else:
        options.check_alone(context, _OF_A_RESUME, "what the sweep was asked for")
        ledger = sweep.Ledger.read(resume)
        if (resume / "config.toml").is_file() and runs.resumable(resume) is None:
            if json_:
                screen.give({"run": str(resume), "finished": True})
            else:
                screen.say(f"{resume} is finished: nothing to do")
            return 0
        where = {"backend": backend, "device": device} if backend or device else {}
        asked = _parsed(
            context, {"test": 0.0, "trials": 0, **ledger.asked, **where}, resume
        )  # older: no test
    return _run(asked, ledger, json_=json_, quiet=quiet)


_ABOUT = {"out", "resume", "json_", "quiet"}
"""Options that are not of what is swept."""
_OF_A_RESUME = {"resume", "backend", "device", "json_", "quiet"}


def _parsed(context: typer.Context, asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the file of a sweep asks for, held to what the command line may ask for.

    Raises
    ------
    InputError
        If there is no such option.
    """
    named = {p.name: p.opts[0] for p in context.command.params if p.name not in _ABOUT}
    strange = next((name for name in asked if name not in named), None)
    if strange is not None:
        msg = f"{folder / run_folder.SWEEP} asks for {strange}, which this bpnet does not know"
        raise InputError(f"{msg}; sweep again")
    words = [f"{named[n]}={v}" for n, v in asked.items() if v is not None and n != "source"]
    words += ["--", str(asked.get("source", ""))]
    taken = context.command.make_context("bpnet sweep", words).params
    return {name: value for name, value in taken.items() if name not in _ABOUT}


def _run(asked: dict[str, Any], ledger: sweep.Ledger, *, json_: bool, quiet: bool) -> int:
    """Sweep as was asked, but for what the ledger has; then train the best once more."""
    plan = _plan(asked)
    source, seed, folds = asked["source"], asked["seed"], asked["folds"]
    held = asked["validation"]
    held = (0.0 if folds else 0.1) if held is None else held
    selection = bpnet.backends.select(asked["backend"], asked["device"])
    ledger.asked = {**asked, "backend": selection.backend.spec, "device": None}
    columns = options.columns(*(asked[n] for n in ("drop", "categorical", "numeric", "separator")))
    data = run_data.read(
        source, target=asked["target"], task=asked["task"], columns=columns, validation=held,
        test=asked["test"],
        seed=seed,
    )  # fmt: skip
    score, _ = sweep.check(data, plan)
    config: runs.Config = {
        "data": {
            "source": source, "target": asked["target"], "task": asked["task"],
            "columns": columns, "validation": held, "test": data.test_share, "seed": seed,
        },
        "network": _layout(asked),
        "training": {},
        "source": run_data.identity(data),
    }  # fmt: skip
    console = screen.console(stderr=json_)
    spec, reason = selection.backend.spec, selection.reason
    target_line = run_data.target_line(data, config["data"])
    total = len(plan.configurations()) * len(plan.seeds) * max(folds, 1)
    stopper, begun = StopOnSignal(), len(ledger.trained)
    with interrupting() as stopped:
        try:
            with Count(
                console, total, asked["epochs"], silent=quiet or json_, score=score, before=begun
            ) as count:
                for line in sweep.heading(data, plan, total, spec, reason, target_line):
                    count.say(line)
                if begun:
                    count.say(f"trained before: {begun} of {total} networks")
                found = sweep.run(
                    data, plan, backend=selection.backend, callbacks=[count], ledger=ledger
                )
        except KeyboardInterrupt:
            again = f"go on with: bpnet sweep --resume {pasted(ledger.folder or Path())}"
            done = f"{len(ledger.trained)} of {total} networks are trained"
            write(console, f"stopped: {done}; {again}")
            return stopped.status or 130
    folder = ledger.folder or Path()
    begun_before = (folder / "config.toml").is_file()
    net = sweep.finish(
        found, data, folder=folder, config=config, backend=selection.backend,
        callbacks=[stopper], resume=begun_before,
    )  # fmt: skip
    tested = _tested(net, data, config, plan, selection.backend)
    if json_:
        figures = {} if tested is None else {"test": tested[0]}
        screen.give({"run": str(folder), **found.summary(), **figures})
        return stopper.status
    for line in [*sweep.table(found), *(tested[1] if tested is not None else [_UNTESTED])]:
        write(console, line)
    if stopper.status:
        again = f"go on with: bpnet train --resume {pasted(folder)}"
        write(console, f"stopped: the best is not trained to its end; {again}")
    write(console, f"run: {folder}")
    return stopper.status


_UNTESTED = "note: the rows that ranked the options are no test; --test 0.1 holds out others"


def _tested(
    net: bpnet.Network, data: Any, config: runs.Config, plan: sweep.Plan, backend: Any
) -> tuple[dict[str, Any], list[str]] | None:
    """Figures of the best network on the test rows, and their lines; None where there are none."""
    if data.test is None:
        return None
    part = run_data.held_out(config, data, config["data"]["source"])
    training = {**plan.training, "cost": plan.training.get("cost")}
    found = results.figures(net, part, training, (), backend)
    lines = [f"the best on {part.title}, by which nothing was chosen:", *results.lines(found, part)]
    return {"examples": len(part.data.x), **found}, lines


def _plan(asked: dict[str, Any]) -> sweep.Plan:
    """What is swept, by what the options say."""
    rules = [name.strip() for name in asked["optimizer"].split(",")]
    nets = {
        **{
            name: [_layout({**asked, name: text})[name] for text in asked[name].split("/")]
            for name in ("hidden", "activation")
        },
        "optimizer": rules,
    }
    grid: dict[str, Any] = {name: values for name, values in nets.items() if len(values) > 1}
    grid |= {name: _values(name, about.flag, asked[about.flag]) for name, about in _GRID.items()}
    sizes = grid.pop("batch_size")  # it changes fastest
    grid["batch_size"] = [k or None for k in sizes] if isinstance(sizes, list) else sizes
    layout, shared = _layout(asked), options.asked({**asked, "optimizer": rules[0]}, _ALL)
    warm_start.refuse_run(layout["init"])
    first, optimizer, patience = (shared.pop(n) for n in ("seed", "optimizer", "patience"))
    return sweep.Plan(
        grid={name: values for name, values in grid.items() if values},
        network={
            "sizes": layout["hidden"], "hidden": layout["activation"],
            **{name: layout[name] for name in ("output", "init", "norm")},
        },
        training={**shared, "metrics": sweep.metrics_of(asked["score"])},
        seeds=sweep.seeds(first, asked["seeds"]), optimizer=optimizer, patience=patience,
        folds=asked["folds"], score=asked["score"], trials=asked["trials"],
    )  # fmt: skip


def _layout(asked: dict[str, Any]) -> dict[str, Any]:
    """Options of the network, the first of those of which there are several."""
    first = {name: asked[name].partition("/")[0] for name in ("hidden", "activation")}
    return options.asked({**asked, **first}, LAYOUT)


def _values(name: str, flag: str, text: str | None) -> Any:
    """Values of an option: a list, or a range such as 1e-4..1e-1."""
    kind, flag = int if name == "batch_size" else float, flag.replace("_", "-")
    if text is None or ".." not in text:
        return options.numbers(flag, text, kind)
    ends = text.split("..")
    if len(ends) != 2 or "," in text:
        msg = f"--{flag} is {text!r}; give a range such as 0.001..0.1, or a list"
        raise InputError(msg)
    low, high = (options.numbers(flag, end, kind)[0] for end in ends)
    return sweep.Span(low, high, whole=kind is int)

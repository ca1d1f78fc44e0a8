"""The commands, gathered."""

from typing import Annotated

import typer

import bpnet
from bpnet.cli import (
    backends,
    bench,
    check,
    data,
    evaluate,
    export,
    first,
    import_,
    paper,
    predict,
    report,
    screen,
    sweep,
    train,
)

app = typer.Typer(
    name="bpnet",
    help="Train feed-forward networks with the paper's own backpropagation, on any array library.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=first.Grouped)(train.train)
app.command()(evaluate.evaluate)
app.command()(predict.predict)
app.command()(export.export)
app.command()(report.report)
app.command("import")(import_.import_)
app.command()(backends.backends)
app.command()(check.check)
app.command()(bench.bench)
app.command("sweep", cls=first.Grouped)(sweep.command)
app.command()(data.data)
app.command()(paper.paper)


def _version(asked: bool) -> None:
    if asked:
        screen.say(f"bpnet {bpnet.__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Train feed-forward networks with the paper's own backpropagation, on any array library.

    Start with: bpnet train; each command has examples: bpnet train --help
    """
    first.welcome(context)

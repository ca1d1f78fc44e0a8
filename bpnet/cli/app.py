"""The commands, gathered."""

from typing import Annotated

import typer

import bpnet
from bpnet.cli import backends, bench, check, data, evaluate, export, paper, predict, report, train

app = typer.Typer(
    name="bpnet",
    help="Train feed-forward networks with the paper's own backpropagation, on any array library.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(train.train)
app.command()(evaluate.evaluate)
app.command()(predict.predict)
app.command()(export.export)
app.command()(report.report)
app.command()(backends.backends)
app.command()(check.check)
app.command()(bench.bench)
app.command()(data.data)
app.command()(paper.paper)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"bpnet {bpnet.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Train feed-forward networks with the paper's own backpropagation, on any array library.

    Start with: bpnet train
    """

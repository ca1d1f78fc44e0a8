"""The commands: each is imported when it is called, so that ``bpnet --help`` imports none."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import bpnet
from bpnet.cli import first, screen

COMMANDS = {
    "train": "Train a network and leave a folder with the model, its configuration and its "
    "history.",
    "evaluate": "Judge a run's model on the test rows of its data, or on other data.",
    "predict": "Write the class and the probabilities of each example, or its amount.",
    "export": "Write a run's model as an ONNX file (opset 21), with what is done to the columns of "
    "a table.",
    "report": "Write a run's report, or a comparison of several, as one page with its pictures.",
    "import": "Make a model of bpnet's of a Keras file, or of PyTorch's weights in safetensors.",
    "backends": "List every backend: usable or not, its devices, why not, and the one command that "
    "cures it.",
    "check": "Check a backend on this machine: the paper's equations, gradients, training, random "
    "bits.",
    "bench": "Compare the backends on one training job: seconds an epoch, after one to warm up.",
    "sweep": "Train many networks at once, rank their options, and leave the best as a run.",
    "data": "List the built-in data sets and where they are, or fetch one.",
    "paper": "Redo the paper's figures and experiments, and write them as one page beside the "
    "source.",
}
"""Each command and the first line of its help; ``import`` is the function ``import_``."""

_GROUPED = ("train", "sweep")
"""Commands whose help has its options in panels."""


def load(name: str) -> Any:
    """Import the command of a name."""
    word = "import_" if name == "import" else name
    module = import_module(f"bpnet.cli.{word}")
    command = getattr(module, "command" if name == "sweep" else word)
    alone = typer.Typer(add_completion=False)
    kind = import_module("bpnet.cli.panels").Grouped if name in _GROUPED else None
    alone.command(name, cls=kind)(command)
    return typer.main.get_command(alone)


class _OnUse(TyperGroup):
    """A group whose commands have a name and a line until one is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the arguments begin with, and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load(str(name)), rest


app = typer.Typer(
    name="bpnet",
    cls=_OnUse,
    help="Train feed-forward networks with the paper's own backpropagation, on any array library.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _line in COMMANDS.items():
    app.command(_name, help=_line)(lambda: None)


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
    custom: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:NAME",
            help="An activation or a cost of yours that files may name; of a module in this folder "
            "or installed. It may stand anywhere.",
        ),
    ] = None,
) -> None:
    """Train feed-forward networks with the paper's own backpropagation, on any array library.

    Start with: bpnet train; each command has examples: bpnet train --help
    """
    first.welcome(context)

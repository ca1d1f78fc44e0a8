"""The table of commands. A command is imported when it is called: ``--help`` stays fast."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import bpnet
from bpnet.cli import first, screen

COMMANDS = {
    "train": "Train a network, and write the model, its configuration and history to a folder.",
    "evaluate": "Evaluate a run's model on the test rows of its data, or on other data.",
    "predict": "Predict the class and its probabilities, or the amount, of each row.",
    "export": "Write a run's model, with the encoding of its columns, as ONNX (opset 21).",
    "report": "Write the report of a run, or a comparison of several, as a page of HTML.",
    "import": "Convert a Keras file, or PyTorch weights in safetensors, to a bpnet model.",
    "backends": "List every backend with its devices, or with the reason and the cure if it does "
    "not work.",
    "check": "Check a backend on this machine: equations, gradients, training and random numbers.",
    "bench": "Compare the backends by their seconds per epoch of one training job.",
    "sweep": "Train networks with many combinations of options, and keep the best as a run.",
    "data": "List the built-in data sets and where their files are, or download one.",
    "paper": "Repeat the paper's figures and experiments, and write them as a page of HTML.",
}
"""First line of each command's help."""

_GROUPED = ("train", "sweep")
"""Commands whose help shows options in panels, as they have many."""


def load(name: str) -> Any:
    """Import a command by its name."""
    word = "import_" if name == "import" else name  # a keyword of Python
    module = import_module(f"bpnet.cli.{word}")
    command = getattr(module, "command" if name == "sweep" else word)  # `sweep` is a package there
    # typer makes a command from an app, so that each command gets an app of its own.
    alone = typer.Typer(add_completion=False)
    kind = import_module("bpnet.cli.panels").Grouped if name in _GROUPED else None
    alone.command(name, cls=kind)(command)
    return typer.main.get_command(alone)


class _LazyGroup(TyperGroup):
    """A group of placeholders, each of which is replaced by the command when it is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that the first argument names."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load(str(name)), rest


app = typer.Typer(
    name="bpnet",
    cls=_LazyGroup,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _line in COMMANDS.items():
    # a placeholder, which `_LazyGroup` replaces
    app.command(_name, help=_line)(lambda: None)


def _show_version(is_set: bool) -> None:
    if is_set:
        screen.say(f"bpnet {bpnet.__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    custom: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:NAME",
            help="Activation or cost of your own that a model file names, from a module in the "
            "current folder or an installed one. It may follow the command too.",
        ),
    ] = None,
) -> None:
    """Train feed-forward networks with hand-derived backpropagation, on any array library.

    Start with bpnet train. The help of each command, as bpnet train --help, has
    examples.
    """
    first.welcome(context)

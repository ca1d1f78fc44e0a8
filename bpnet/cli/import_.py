"""``bpnet import``."""

import warnings
from pathlib import Path
from typing import Annotated

import typer

from bpnet.cli import options, screen
from bpnet.model import saving


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Keras file (.keras), or state_dict of PyTorch (.safetensors)."
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="MODEL.safetensors", help="File to write.")],
    activation: Annotated[
        str | None,
        typer.Option(
            help="Activation of the hidden layers of a state_dict, or a list with one for each."
        ),
    ] = None,
    output: Annotated[str | None, typer.Option(help="Activation of its output layer.")] = None,
    order: Annotated[
        str | None,
        typer.Option(
            help="Order of its layers, where their names do not tell it, such as fc1,fc2,out."
        ),
    ] = None,
    classes: Annotated[str | None, typer.Option(help="Names of the classes, with commas.")] = None,
    quiet: options.Quiet = False,
) -> None:
    """Convert a Keras file, or PyTorch weights in safetensors, to a bpnet model.

    Examples:

      bpnet import model.keras model.safetensors
      bpnet import w.safetensors m.safetensors --activation relu --output softmax
    """
    from bpnet import imports

    saving.writable(out, reads=[source])
    # Layers that act in training only are left out with a warning, which is printed as a note.
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        network = imports.from_file(
            source,
            hidden=None if activation is None else options.names(activation),
            output=output,
            order=_listed(order),
            classes=_listed(classes),
        )
    network.save(out)
    if not quiet:
        lines = [f"note: {note.message}" for note in notes]
        screen.say(f"network: {network}", *lines, f"model: {out}")


def _listed(text: str | None) -> list[str] | None:
    """Names of a list with commas; a single name is a list of one."""
    return None if text is None else list(options.names(f"{text},")[:-1])

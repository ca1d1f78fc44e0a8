"""``bpnet import``."""

from pathlib import Path
from typing import Annotated

import typer

from bpnet import model_file
from bpnet.cli import options, screen


def import_(
    source: Annotated[Path, typer.Argument(metavar="FILE", help=".keras or .safetensors.")],
    out: Annotated[Path, typer.Argument(metavar="MODEL.safetensors", help="File to write.")],
    activation: Annotated[
        str | None,
        typer.Option(help="Of the hidden layers of a state_dict; one for each in a list."),
    ] = None,
    output: Annotated[str | None, typer.Option(help="Of its output layer.")] = None,
    classes: Annotated[str | None, typer.Option(help="Names of the classes; a list.")] = None,
    quiet: options.Quiet = False,
) -> None:
    """Make a model of bpnet's of a Keras file, or of PyTorch's weights in safetensors.

    Examples:

      bpnet import model.keras model.safetensors
      bpnet import w.safetensors m.safetensors --activation relu --output softmax
    """
    from bpnet import imports

    model_file.writable(out, reads=[source])
    network = imports.from_file(
        source,
        hidden=None if activation is None else options.names(activation),
        output=output,
        classes=None if classes is None else options.names(f"{classes},")[:-1],
    )
    network.save(out)
    if not quiet:
        screen.say(f"network: {network}", f"model: {out}")

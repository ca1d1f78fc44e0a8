"""``bpnet export``."""

from pathlib import Path
from typing import Annotated

import typer

from bpnet.cli import options, screen


def export(
    run: options.RunArgument,
    out: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="File to write.")],
    training: Annotated[
        bool,
        typer.Option(
            "--training",
            help="Export a training step instead, with the optimizer state as input and output.",
        ),
    ] = False,
    dtype: Annotated[
        str, typer.Option(help="Floating-point type: float32 or float64.")
    ] = "float32",
    quiet: options.Quiet = False,
) -> None:
    """Write a run's model, with the encoding of its columns, as ONNX (opset 21).

    Examples:

      bpnet export runs/digits-20260101-120000 digits.onnx
      bpnet export runs/houses houses.onnx
      bpnet export runs/houses step.onnx --training
    """
    from bpnet.export.run import export_run  # the libraries of ONNX are slow to import

    lines = export_run(run, out, training=training, dtype=dtype)
    if not quiet:
        screen.say(*lines, f"ONNX: {out}")

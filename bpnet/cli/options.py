"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bpnet.cli import completion
from bpnet.errors import InputError

DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="digits, fashion-mnist, mnist, a folder of IDX files, .npz, x.npy,y.npy, "
        ".csv or .parquet.",
        show_default=True,
        autocompletion=completion.data_sources,
    ),
]
RunArgument = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", help="Folder of a run, or a model's file.", autocompletion=completion.runs
    ),
]
Backend = Annotated[
    str | None,
    typer.Option(
        help="auto, fastest, numpy, cupy, torch, jax, dpnp, array_api_strict; :device; a list.",
        autocompletion=completion.backends,
    ),
]
Device = Annotated[str | None, typer.Option(help="Device of the backend, such as 0 or cuda:1.")]
Target = Annotated[str | None, typer.Option(help="Column to predict, in a table.")]
Metric = Annotated[
    str,
    typer.Option(
        help="Judged too: accuracy, balanced-accuracy, f1, auc, log-loss, top-5, mse, mae, r2; "
        "a list."
    ),
]
Stream = Annotated[
    bool,
    typer.Option(
        "--stream",
        help="Read DATA batch by batch, not into memory: x.npy,y.npy, patterns of such (x-*.npy), "
        "IDX files, a folder or pattern of .parquet or .arrow files.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON alone on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, results only.")]


def sizes(text: str) -> list[int]:
    """Whole numbers in a list such as ``128,64``; an empty text means none."""
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        msg = f"--hidden is {text!r}; give neurons of each hidden layer, such as 128,64"
        raise InputError(msg) from None


def numbers(option: str, text: str | None, kind: type = float) -> list[Any]:
    """Numbers in a list such as ``0.01,0.1``; none where nothing was given."""
    if text is None:
        return []
    try:
        return [kind(part) for part in text.strip().rstrip(",").split(",")]
    except ValueError:
        word = "whole numbers" if kind is int else "numbers"
        msg = f"--{option} is {text!r}; give {word}, several with commas"
        raise InputError(msg) from None


def names(text: str) -> str | list[str]:
    """One name, or a list where there are commas."""
    parts = [part.strip() for part in text.split(",")]
    return parts[0] if len(parts) == 1 else parts

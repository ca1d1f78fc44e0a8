"""``bpnet data``."""

import dataclasses
import json
import sys
from typing import Annotated

import typer

import bpnet
from bpnet.cli import options

_LINE = "{:<15} {:>8} {:>7} {:>8}  {:<13} {}"


def data(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Data set to fetch.")] = None,
    json_: options.Json = False,
) -> None:
    """List the built-in data sets and where they are, or fetch one.

    Examples:

      bpnet data
      bpnet data fashion-mnist
    """
    if name is not None:
        place = bpnet.data.fetch(name)
        sys.stdout.write(json.dumps({"name": name, "where": str(place)}) if json_ else str(place))
        sys.stdout.write("\n")
        return
    entries = bpnet.data.catalog()
    if json_:
        sys.stdout.write(json.dumps([dataclasses.asdict(e) for e in entries], default=str) + "\n")
        return
    heads = ("name", "examples", "values", "classes", "license", "ready")
    typer.echo(_LINE.format(*heads))
    for e in entries:
        cells = (
            e.name,
            f"{e.rows:,}",
            e.features,
            e.classes,
            e.license,
            "yes" if e.ready else "no",
        )
        typer.echo(_LINE.format(*cells))
        typer.echo(f"  {e.where}")

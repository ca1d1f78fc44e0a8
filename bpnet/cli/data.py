"""``bpnet data``."""

import dataclasses
import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import bpnet
from bpnet.cli import options


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
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "examples", "values", "classes", "license", "ready", "where"):
        table.add_column(heading, overflow="fold")
    for e in entries:
        cells = (
            e.name,
            f"{e.rows:,}",
            e.features,
            e.classes,
            e.license,
            "yes" if e.ready else "no",
        )
        table.add_row(*(str(cell) for cell in cells), str(e.where))
    Console().print(table)

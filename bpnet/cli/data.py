"""``bpnet data``."""

import dataclasses
from typing import Annotated

import typer

import bpnet
from bpnet.cli import options, screen

_LINE = "{:<15} {:>8} {:>7} {:>8}  {:<13} {}"


def data(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Data set to download. By default, all are listed."),
    ] = None,
    json_: options.Json = False,
) -> None:
    """List the built-in data sets and where their files are, or download one.

    Examples:

      bpnet data
      bpnet data fashion-mnist
    """
    if name is not None:
        place = bpnet.data.fetch(name)
        if json_:
            screen.give({"name": name, "where": str(place)})
        else:
            screen.say(place)
        return
    entries = bpnet.data.catalog()
    if json_:
        screen.give([dataclasses.asdict(e) for e in entries])
        return
    heads = ("name", "examples", "values", "classes", "license", "ready")
    screen.say(_LINE.format(*heads))
    for e in entries:
        cells = (
            e.name,
            f"{e.rows:,}",
            e.features,
            e.classes,
            e.license,
            "yes" if e.ready else "no",
        )
        screen.say(_LINE.format(*cells))
        screen.say(f"  {e.where}" if e.ready else f"  `bpnet data {e.name}` fetches it: {e.where}")

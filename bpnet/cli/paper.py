"""``bpnet paper``."""

from pathlib import Path
from typing import Annotated

import typer

import bpnet
from bpnet.cli import options, screen
from bpnet.storage import disk


def paper(
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML file to write.")] = Path(
        "paper.html"
    ),
    backend: options.Backend = None,
    device: options.Device = None,
    json_: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Repeat the paper's figures and experiments, and write them as a page of HTML.

    The exit status is 1 if an equation fails its check.

    Examples:

      bpnet paper
      bpnet paper --backend torch -o paper-torch.html
      bpnet paper --json > numbers.json
    """
    from bpnet.paper import make
    from bpnet.paper.sources import CORE

    selection = bpnet.backends.select(backend, device)
    disk.writable(out, reads=[CORE / "*.py"])  # the page quotes the source of the equations
    edition = make(selection.backend)
    disk.write(out, edition.html(bpnet.__version__).encode())
    if json_:
        screen.give({"page": str(out), **edition.as_dict()})
        return 0 if edition.passed else 1
    for rows in edition.rows.values():
        for row in rows:
            if not row.passed:
                screen.say(row)
    if not quiet:
        screen.say(f"backend: {selection.reason}")
        screen.say(f"equations: {edition.verdict}")
        screen.say(f"page: {out}")
    return 0 if edition.passed else 1

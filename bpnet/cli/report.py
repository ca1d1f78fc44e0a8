"""``bpnet report``."""

from pathlib import Path
from typing import Annotated

import typer

from bpnet.cli import completion, options, screen
from bpnet.report import make, page, single


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folder of a run; several are compared.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the page. By default, RUN/report, or comparison-TIME."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Data to evaluate on. By default, the rows that each run held out."),
    ] = None,
    backend: Annotated[
        str, typer.Option(help="Backend to evaluate with.", autocompletion=completion.backends)
    ] = "numpy",
    device: options.Device = None,
    json_: options.Json = False,
) -> None:
    """Write the report of a run, or a comparison of several, as a page of HTML.

    Examples:

      bpnet report runs/digits-20260101-120000
      bpnet report runs/on-numpy runs/on-jax --out comparison
    """
    subjects, place = make.prepare(runs, out, data=data, backend=backend, device=device)
    path = make.finish(subjects, place)
    for subject in subjects:
        screen.note(f"{subject.name}: {line}" for line in subject.replaced)
    if json_:
        result = {"report": str(path), "runs": [single.figures(subject) for subject in subjects]}
        screen.give(result)
        return
    for subject in subjects:
        if subject.missing:
            screen.say(f"note: {subject.name}: not evaluated: {subject.missing}")
    pictures = len(page.pictures(path.parent))
    screen.say(f"report: {path} ({pictures} pictures beside it)")

"""``bpnet evaluate``."""

from typing import Annotated

import typer

import bpnet
from bpnet import runs
from bpnet.cli import options, screen
from bpnet.runs import data as run_data
from bpnet.runs import results


def evaluate(
    run: options.RunArgument,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Data to evaluate on, as in bpnet train. By default, the rows that the run held "
            "out.",
        ),
    ] = None,
    backend: options.Backend = None,
    device: options.Device = None,
    target: options.Target = None,
    separator: options.Separator = None,
    metric: options.Metric = "",
    stream: options.Stream = False,
    json_: options.Json = False,
) -> None:
    """Evaluate a run's model on the test rows of its data, or on other data.

    A run without test rows is evaluated on its validation rows, and the
    output says so. The baseline predicts the most frequent class, or the
    mean, for every row. The 95 % interval of an accuracy is Wilson's; those of
    R2 and of errors follow from the delta method.

    Examples:

      bpnet evaluate runs/digits-20260101-120000
      bpnet evaluate runs/houses more-houses.csv --json
    """
    network, config, columns = runs.open_run(run)
    columns = run_data.separated(columns, separator)
    selection = bpnet.backends.select(backend, device)
    part = run_data.evaluation_set(config, columns, source, target, stream)
    names = options.names(metric) if metric else ()  # without names, those of the run
    figures = results.figures(network, part, config["training"], names, selection.backend)
    screen.note(run_data.replacement_notes(part.data))
    if json_:
        rows = int(part.data.x.shape[0])
        about = {"data": part.title, "part": part.name, "examples": rows}
        screen.give({**about, **figures, "replaced": run_data.replacement_counts(part.data)})
        return
    screen.note([part.note] if part.note else [])
    screen.say(f"data: {part.title}, {part.data.x.shape[0]:,} examples")
    screen.say(*results.lines(figures, part))

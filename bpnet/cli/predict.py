"""``bpnet predict``."""

from pathlib import Path
from typing import Annotated

import typer

import bpnet
from bpnet import predictions, run_data, run_folder, runs
from bpnet.cli import options, screen


def predict(
    run: options.RunArgument,
    source: Annotated[str, typer.Argument(metavar="DATA", help="As in `bpnet train`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV file to write; - is the screen.")],
    backend: options.Backend = None,
    device: options.Device = None,
    stream: options.Stream = False,
    quiet: options.Quiet = False,
) -> None:
    """Write the class and the probabilities of each example as CSV.

    Of a data set with a test split, such as digits, the examples are that split.

    Examples:

      bpnet predict runs/digits-20260101-120000 digits -o out.csv
      bpnet predict runs/houses new-houses.csv -o prices.csv
    """
    network, config, columns = runs.open_run(run)
    selection = bpnet.backends.select(backend, device)
    given = bpnet.data.sources.read_from(source)
    predictions.check(out, [*run_folder.read_by(run, config), *given])
    streamed = run_data.is_streamed(config, source, stream)
    dataset = run_data.read(source, stream=streamed, columns=columns, need_target=False)
    x = dataset.x if dataset.test is None else dataset.test[0]
    outputs = predictions.outputs(network, x, selection.backend)
    rows = predictions.write(out, network, outputs, columns)
    if not quiet:
        screen.note(run_data.replaced(dataset))
    if not quiet and str(out) != "-":
        screen.say(f"{rows} predictions: {out}")

"""``bpnet predict``."""

from pathlib import Path
from typing import Annotated

import typer

import bpnet
from bpnet import runs
from bpnet.cli import options, screen
from bpnet.data import raw, sources
from bpnet.runs import data as run_data
from bpnet.runs import folder as run_folder
from bpnet.runs import predictions


def predict(
    run: options.RunArgument,
    source: Annotated[
        str, typer.Argument(metavar="DATA", help="Data to predict, as in bpnet train.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help=".csv or .parquet file to write; - writes to standard output."
        ),
    ],
    keep: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Columns of DATA to copy into the file, with commas."),
    ] = "",
    separator: options.Separator = None,
    backend: options.Backend = None,
    device: options.Device = None,
    stream: options.Stream = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Predict the class and its probabilities, or the amount, of each row.

    Of a data set with a test part, such as digits, the test part is predicted.

    Examples:

      bpnet predict runs/digits-20260101-120000 digits -o out.csv
      bpnet predict runs/houses new-houses.csv -o prices.csv --keep id
      bpnet predict runs/houses new-houses.parquet -o prices.parquet
    """
    network, config, columns = runs.open_run(run)
    columns = run_data.separated(columns, separator)
    selection = bpnet.backends.select(backend, device)
    predictions.check(out, [*run_folder.input_files(run, config), *sources.read_from(source)])
    streamed = run_data.is_streamed(config, source, stream)
    dataset = run_data.read(source, stream=streamed, columns=columns, need_target=False)
    x = dataset.x if dataset.test is None else dataset.test[0]
    outputs = predictions.outputs(network, x, selection.backend)
    kept = raw.columns_of(source, keep, columns) if keep else None
    rows = predictions.write(out, network, outputs, columns, kept)
    # Notes come last: of streamed rows the replaced cells are known once all have been read.
    if not (quiet or json_):
        screen.note(run_data.replacement_notes(dataset))
    if json_ and str(out) != "-":
        counts = run_data.replacement_counts(dataset)
        screen.give({"predictions": str(out), "rows": rows, "replaced": counts})
    elif not quiet and str(out) != "-":
        screen.say(f"{rows} predictions: {out}")

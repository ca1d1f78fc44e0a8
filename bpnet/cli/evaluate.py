"""``bpnet evaluate``."""

from typing import Annotated

import typer

import bpnet
from bpnet import run_data, runs
from bpnet.cli import options, screen


def evaluate(
    run: options.RunArgument,
    source: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="The default is what the run held out for tests."),
    ] = None,
    backend: options.Backend = None,
    device: options.Device = None,
    target: options.Target = None,
    metric: options.Metric = "",
    stream: options.Stream = False,
    json_: options.Json = False,
) -> None:
    """Judge a run's model on the test split of its data, or on other data.

    Examples:

      bpnet evaluate runs/digits-20260101-120000
      bpnet evaluate runs/houses more-houses.csv --json
    """
    network, config, columns = runs.open_run(run)
    selection = bpnet.backends.select(backend, device)
    pair, what = run_data.test_data(config, columns, source, target, stream)
    cost = config["training"].get("cost")
    names = options.names(metric) if metric else ()
    result = bpnet.evaluate(network, pair, cost=cost, metrics=names, backend=selection.backend)
    screen.note(run_data.replaced(pair))
    if json_:
        screen.give({"data": what, **result})
        return
    screen.say(f"data: {what}")
    screen.say(f"test cost: {result['cost']:.4f}")
    for name, value in result.items():
        if name not in {"cost", "accuracy", "r2"}:
            screen.say(f"test {name}: {value:.4f}")
    if "r2" in result:
        screen.say(f"test R2: {result['r2']:.4f}")
    if "accuracy" in result:
        screen.say(f"test accuracy: {100 * result['accuracy']:.1f} %")

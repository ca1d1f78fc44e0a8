"""``bpnet backends``."""

import dataclasses
import json
import sys

from rich.console import Console
from rich.live import Live
from rich.table import Table

import bpnet
from bpnet.cli import options


def backends(json_: options.Json = False) -> None:
    """List every backend: usable or not, its devices, why not, and the one command that cures it.

    Examples:

      bpnet backends
      bpnet backends --json
    """
    states = {}
    if json_:
        rows = [dataclasses.asdict(state) for state in bpnet.backends.status()]
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    console = Console()
    with Live(_table({}), console=console, refresh_per_second=4, transient=True) as live:
        for state in bpnet.backends.status():
            states[state.name] = state
            live.update(_table(states))
    console.print(_table(states))


def _table(states: dict[str, bpnet.backends.BackendStatus]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("backend", "usable", "version", "devices", "dtypes", "why not, and the cure"):
        table.add_column(heading, overflow="fold")
    for name in bpnet.backends.names():
        state = states.get(name)
        if state is None:
            table.add_row(name, "...", "", "", "", "still starting")
            continue
        devices = "\n".join(str(device) for device in state.devices)
        cause = "" if state.usable else f"{state.why}; {state.cure}"
        usable = "yes" if state.usable else "no"
        table.add_row(name, usable, state.version, devices, " ".join(state.dtypes), cause)
    return table

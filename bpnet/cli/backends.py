"""``bpnet backends``."""

import dataclasses
import textwrap

from rich.live import Live
from rich.text import Text

import bpnet
from bpnet.cli import options, screen
from bpnet.shown import plain


def backends(json_: options.Json = False) -> None:
    """List every backend with its devices, or with the reason and the cure if it does not work.

    Examples:

      bpnet backends
      bpnet backends --json
    """
    states: dict[str, bpnet.backends.BackendStatus] = {}
    if json_:
        # The states come in the order in which the libraries answer; JSON has a fixed order.
        by_name = {state.name: state for state in bpnet.backends.status()}
        rows = [dataclasses.asdict(by_name[name]) for name in bpnet.backends.names()]
        screen.give(rows)
        return
    console = screen.console()
    # Libraries start slowly, so each line is shown as soon as its backend is known.
    with Live(
        _text({}, console.width), console=console, refresh_per_second=4, transient=True
    ) as live:
        for state in bpnet.backends.status():
            states[state.name] = state
            live.update(_text(states, console.width))
    console.print(_text(states, console.width))


def _text(states: dict[str, bpnet.backends.BackendStatus], width: int) -> Text:
    """One line for each backend, then its devices, or the cause of its failure and the cure."""
    lines = []
    for name in bpnet.backends.names():
        state = states.get(name)
        if state is None:
            lines.append(f"{name:<17} still starting")
            continue
        usable = "usable" if state.usable else "not usable"
        head = f"{name:<17} {usable:<11} {state.version or '':<12} {' '.join(state.dtypes)}"
        lines.append(head.rstrip())
        lines += [f"    {device}" for device in state.devices]
        for label, text in (("why", state.why), ("cure", state.cure)):
            lines += _wrapped(f"    {label + ':':<6}{text}", width) if text else []
    return Text("\n".join(map(plain, lines)))


def _wrapped(line: str, width: int) -> list[str]:
    """Break a line between words at ``width`` columns, so that a command can still be copied."""
    return textwrap.wrap(
        line, width, subsequent_indent=" " * 10, break_long_words=False, break_on_hyphens=False
    )

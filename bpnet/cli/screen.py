"""Output of the commands. Every line goes through here, as a name may hold control characters."""

import json
import logging
import os
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console

from bpnet.shown import plain


def say(*lines: object, error: bool = False) -> None:
    """Write lines without control characters, to standard output or standard error."""
    stream = sys.stderr if error else sys.stdout
    stream.write("".join(f"{plain(line)}\n" for line in lines))
    stream.flush()


def row(text: str) -> None:
    """Write a row of a table, without the padding of its last cell."""
    say(text.rstrip())


def note(notes: Iterable[str]) -> None:
    """Write notes on the data to standard error, as programs read standard output."""
    say(*(f"note: {one}" for one in notes), error=True)


def give(result: Any) -> None:
    """Write a result as one line of JSON to standard output."""
    sys.stdout.write(json.dumps(result) + "\n")  # JSON has control characters escaped


def console(*, stderr: bool = False) -> Console:
    """Console for bars and curves, which are drawn on a terminal only."""
    # a notebook's cell passes for a terminal, but shows each state of a bar below the last
    in_notebook = "JPY_PARENT_PID" in os.environ
    # some shells and services say that a terminal has no columns, and rich would write none
    width = 80 if os.environ.get("COLUMNS") == "0" else None
    terminal = False if in_notebook else None
    return Console(stderr=stderr, highlight=False, force_terminal=terminal, width=width)


class _Plain(logging.Filter):
    """Filter that escapes the control characters of a warning."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Escape the message of the record; return True, as no record is dropped."""
        record.msg, record.args = plain(record.getMessage()), ()
        return True


_FILTER = _Plain()


def open_closed_streams() -> None:
    """Open the null device in place of each standard stream with which Python was started closed.

    A file that is opened later would get the stream's number, and a library's output with it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # in their numbers' order
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def watch_warnings() -> None:
    """Escape control characters in bpnet's warnings; a second call changes nothing."""
    logging.getLogger("bpnet").addFilter(_FILTER)

"""What the commands say: every line that may hold a name goes through here."""

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


def note(notes: Iterable[str]) -> None:
    """Write what was done to the data to standard error, which no program reads as a result."""
    say(*(f"note: {one}" for one in notes), error=True)


def give(result: Any) -> None:
    """Write JSON, alone on standard output."""
    sys.stdout.write(json.dumps(result) + "\n")


def console(*, stderr: bool = False) -> Console:
    """A terminal that bars and curves are drawn on; the cell of a notebook is none."""
    of_notebook = "JPY_PARENT_PID" in os.environ  # it shows what a terminal would write over
    return Console(stderr=stderr, highlight=False, force_terminal=False if of_notebook else None)


class _Plain(logging.Filter):
    """Makes a warning one line without control characters."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; it is always kept."""
        record.msg, record.args = plain(record.getMessage()), ()
        return True


_FILTER = _Plain()


def watch_warnings() -> None:
    """Show what bpnet warns of without control characters too."""
    logging.getLogger("bpnet").addFilter(_FILTER)  # once, however often it is added

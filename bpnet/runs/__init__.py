"""The folder of a run: its configuration, data and results, and how later commands read it."""

from bpnet.runs.folder import Config
from bpnet.runs.record import (
    Recorder,
    check_there,
    open_run,
    outcome,
    read_config,
    read_history,
    this_machine,
    unfinished,
)

__all__ = [
    "Config",
    "Recorder",
    "check_there",
    "open_run",
    "outcome",
    "read_config",
    "read_history",
    "this_machine",
    "unfinished",
]

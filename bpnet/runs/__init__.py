"""The folder of a run, which `bpnet train` writes and later commands read."""

from bpnet.runs.folder import Config
from bpnet.runs.record import (
    Recorder,
    check_exists,
    open_run,
    read_config,
    read_history,
    resumable,
    summary,
    this_machine,
)

__all__ = [
    "Config",
    "Recorder",
    "check_exists",
    "open_run",
    "read_config",
    "read_history",
    "resumable",
    "summary",
    "this_machine",
]

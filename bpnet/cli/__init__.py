"""The command line: ``bpnet COMMAND``. Each command is a file; none has logic of its own."""

import sys
from collections.abc import Sequence
from typing import Any

from bpnet.errors import ArrayMismatch, BackendUnavailable, Diverged, InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The default is what the shell gave.

    Returns
    -------
    int
        Exit status: 0, 1 for a failure on the way, 2 for bad usage, bad input or a backend that
        can't be used, 130 after Ctrl-C, 143 after SIGTERM.
    """
    from bpnet.cli.app import app
    from bpnet.cli.ranks import join

    arguments, ranks = sys.argv[1:] if arguments is None else list(arguments), None
    try:
        ranks = join(arguments)
        status = app(arguments, prog_name="bpnet", standalone_mode=False, obj=ranks)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone: nothing is left to tell it
        return 1
    except Exception as error:
        status = _status(error, arguments, ranks)
        if status is None:
            raise
    return status if isinstance(status, int) else 0


def _status(error: Exception, arguments: Sequence[str], ranks: Any) -> int | None:
    """Exit status for an error that is told in one line; None for one that is ours to mend."""
    if isinstance(error, InputError | ArrayMismatch | BackendUnavailable):
        return _refuse(error, 2, ranks)
    if isinstance(error, Diverged | OSError | MemoryError):
        return _refuse(error, 1, ranks)
    if type(error).__name__ == "NoArgsIsHelpError":  # `bpnet` alone; the help is out
        return 0
    if hasattr(error, "format_message"):  # typer's own, of bad usage
        text = f"{error.format_message()}{_given(error, arguments)}"
        return _refuse(text, getattr(error, "exit_code", 2), ranks)
    return None


def _given(error: Exception, arguments: Sequence[str]) -> str:
    """What an option was given, where the message names the option only."""
    for option in getattr(getattr(error, "param", None), "opts", ()):
        if option in arguments[:-1]:
            return f" (given: {arguments[list(arguments).index(option) + 1]!r})"
    return ""


def _refuse(error: object, status: int, ranks: Any) -> int:
    text = " ".join(str(error).split()) or type(error).__name__
    if ranks is not None and ranks.size > 1:
        left: int = ranks.leave(text, status)
        return left
    sys.stderr.write(f"bpnet: error: {text}\n")
    return status

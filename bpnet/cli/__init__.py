"""The command line: ``bpnet COMMAND``. Each command is one file that parses, calls and prints."""

import errno
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from bpnet import synonyms
from bpnet.errors import ArrayMismatch, BackendUnavailable, Diverged, InputError, as_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after ``bpnet``; the default is ``sys.argv[1:]``.

    Returns
    -------
    int
        Exit status: 0, 1 for a failure on the way, 2 for bad usage, bad input or a backend that
        can't be used, 130 after Ctrl-C, 143 after SIGTERM.
    """
    from bpnet.cli import screen
    from bpnet.cli.app import app

    screen.open_closed_streams()
    if getattr(sys.stdout, "errors", None) == "strict" and hasattr(sys.stdout, "reconfigure"):
        # a name may have characters that the terminal's encoding lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    screen.watch_warnings()
    arguments, ranks = sys.argv[1:] if arguments is None else list(arguments), None
    try:
        _check_named(arguments)
        # of the commands only training runs on several ranks
        if arguments[:1] == ["train"]:
            from bpnet.cli.ranks import join

            ranks = join()
        # With standalone_mode typer would print errors and exit by itself.
        status = app(_with_custom(arguments), prog_name="bpnet", standalone_mode=False, obj=ranks)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of the pipe has ended; Python would warn at exit
        return 1
    except Exception as error:
        status = _status(error, arguments, ranks)
        if status is None and ranks is not None and ranks.size > 1:
            from bpnet.distributed.mpi import describe

            ranks.fail(describe(error))  # typer replaces sys.excepthook, which would do this
        if status is None:
            raise
    return status if isinstance(status, int) else 0


def _with_custom(arguments: Sequence[str]) -> list[str]:
    """Import and register the user's own activations and costs; return the other arguments.

    ``--custom``, ``--activation`` and ``--cost`` name them as ``module:name``. Nothing but the
    command line causes an import: names in files are looked up among the registered classes.
    """
    rest, names, previous = list[str](), list[str](), ""
    for argument in arguments:
        option, value = previous, argument
        if argument.startswith("--"):
            option, _, value = argument.partition("=")
        if option in {"--custom", "--activation", "--cost"}:
            # lists have commas, and the networks of a sweep slashes, between names
            names += [name for name in re.split("[,/]", value) if ":" in name]
        if option != "--custom" and argument != "--custom":
            rest.append(argument)
        previous = argument
    if names:
        # The command, which runs after this, looks names up among the registered classes.
        from bpnet.custom import register

        for name in names:
            register(name)
    return rest


_NAMED = ("--out", "-o", "--resume", "--plot", "--sample-weight", "--tensorboard-folder", "--data")
"""Options that name a file, a folder or data."""


def _check_named(arguments: Sequence[str]) -> None:
    """Refuse an empty name: an unset variable of the shell would mean the working folder."""
    for previous, argument in pairwise(("", *arguments)):
        if argument == "" and (previous in _NAMED or not previous.startswith("-")):
            what = previous if previous in _NAMED else "an argument"
            msg = f"{what} is empty; give a name"
            raise InputError(msg)
        if argument.endswith("=") and argument[:-1] in _NAMED:
            msg = f"{argument[:-1]} is empty; give a name"
            raise InputError(msg)


def _status(error: Exception, arguments: Sequence[str], ranks: Any) -> int | None:
    """Report an expected error and return its exit status; return None for a defect of bpnet."""
    if isinstance(error, InputError | ArrayMismatch | BackendUnavailable):
        return _refuse(error, 2, ranks)
    # no file can have this path: it is bad input, not a failing disk
    if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        return _refuse(InputError(f"{error.strerror}: {error.filename}"), 2, ranks)
    if isinstance(error, Diverged | OSError | MemoryError):
        return _refuse(error, 1, ranks)
    if hasattr(error, "format_message"):  # bad usage, which typer has found
        return _refuse(_usage(error, arguments), getattr(error, "exit_code", 2), ranks)
    return None


def _usage(error: Any, arguments: Sequence[str]) -> str:
    """Message on bad usage: the option's value, the nearest option's name, and where help is."""
    see = f"see {getattr(error.ctx, 'command_path', 'bpnet')} --help"
    option = getattr(error, "option_name", None)
    if option is not None and hasattr(error, "possibilities"):
        return f"no such option: {option}; {_meant(error, option) or see}"
    complaint = _option_value(error, arguments)
    if complaint is not None:
        # typer's wording since 0.29, and its wording before
        kind_words = re.search(r"nput should be (.*?), unable|is not (a valid \w+)", str(error))
        kind = re.sub(r"\bint\b", "integer", kind_words[1] or kind_words[2]) if kind_words else ""
        return f"{complaint}; give {kind}" if kind else f"{complaint}: {error}"
    text = error.format_message().rstrip(".")
    return text if text.endswith("?") else f"{text}; {see}"


def _meant(error: Any, word: str) -> str:
    """Suggest the option of the command that an unknown name may stand for."""
    listed = [name for p in error.ctx.command.params for name in p.opts] if error.ctx else []
    known = {name.strip("-").replace("-", "_"): name for name in listed}
    name, note = synonyms.meant("option", word, known)
    option, _, value = name.partition("=")
    if "(" in value:  # the synonym is Python code, which the command line cannot take
        return ""
    suggestion = " ".join((known.get(option, ""), value)).strip()
    return suggestion and f"did you mean {suggestion}?" + (f" ({note})" if note else "")


def _option_value(error: Exception, arguments: Sequence[str]) -> str | None:
    """Describe the value that typer has refused for an option."""
    for option in getattr(getattr(error, "param", None), "opts", ()):
        if option in arguments[:-1]:
            return f"{option} is {arguments[list(arguments).index(option) + 1]!r}"
    return None


def _refuse(error: object, status: int, ranks: Any) -> int:
    """Write an error to standard error, on rank 0 alone; return the exit status."""
    text = as_line(error)
    if ranks is not None and ranks.size > 1:
        common_status: int = ranks.leave(text, status)
        return common_status
    text = f"bpnet: error: {text}"
    if sys.stderr.isatty():  # programs that read the error expect one line
        width = shutil.get_terminal_size().columns
        text = textwrap.fill(
            text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    sys.stderr.write(f"{text}\n")
    return status

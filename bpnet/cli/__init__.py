"""The command line: ``bpnet COMMAND``. Each command is a file; none has logic of its own."""

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
        The default is what the shell gave.

    Returns
    -------
    int
        Exit status: 0, 1 for a failure on the way, 2 for bad usage, bad input or a backend that
        can't be used, 130 after Ctrl-C, 143 after SIGTERM.
    """
    from bpnet.cli import screen
    from bpnet.cli.app import app

    if getattr(sys.stdout, "errors", None) == "strict" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that it can't show
    screen.watch_warnings()
    arguments, ranks = sys.argv[1:] if arguments is None else list(arguments), None
    try:
        _check_named(arguments)
        if arguments[:1] == ["train"]:
            from bpnet.cli.ranks import join

            ranks = join()
        status = app(_with_custom(arguments), prog_name="bpnet", standalone_mode=False, obj=ranks)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone: nothing is left to tell it
        return 1
    except Exception as error:
        status = _status(error, arguments, ranks)
        if status is None and ranks is not None and ranks.size > 1:
            from bpnet.distributed.mpi import describe

            ranks.fail(describe(error))  # typer has taken the place of the ranks' own hook
        if status is None:
            raise
    return status if isinstance(status, int) else 0


def _with_custom(arguments: Sequence[str]) -> list[str]:
    """Arguments without ``--custom``; what stands there, or as module:name of an option, may be.

    Here it is the user who names it; what a file names is never imported.
    """
    rest, names, before = list[str](), list[str](), ""
    for given in arguments:
        option, _, value = given.partition("=") if given.startswith("--") else (before, "", given)
        if option in {"--custom", "--activation", "--cost"}:
            names += [name for name in re.split("[,/]", value) if ":" in name]
        if option != "--custom" and given != "--custom":
            rest.append(given)
        before = given
    if names:
        from bpnet.custom import register

        for name in names:
            register(name)
    return rest


_NAMED = ("--out", "-o", "--resume", "--plot", "--sample-weight", "--tensorboard-folder", "--data")
"""Options that name a file, a folder or data."""


def _check_named(arguments: Sequence[str]) -> None:
    """Refuse an empty name, as of a shell's variable that is not set: it would be this folder."""
    for before, given in pairwise(("", *arguments)):
        if given == "" and (before in _NAMED or not before.startswith("-")):
            what = before if before in _NAMED else "an argument"
            msg = f"{what} is empty; give a name"
            raise InputError(msg)
        if given.endswith("=") and given[:-1] in _NAMED:
            msg = f"{given[:-1]} is empty; give a name"
            raise InputError(msg)


def _status(error: Exception, arguments: Sequence[str], ranks: Any) -> int | None:
    """Exit status for an error that is told in one line; None for one that is ours to mend."""
    if isinstance(error, InputError | ArrayMismatch | BackendUnavailable):
        return _refuse(error, 2, ranks)
    if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        return _refuse(InputError(f"{error.strerror}: {error.filename}"), 2, ranks)
    if isinstance(error, Diverged | OSError | MemoryError):
        return _refuse(error, 1, ranks)
    if hasattr(error, "format_message"):  # typer's own, of bad usage
        return _refuse(_usage(error, arguments), getattr(error, "exit_code", 2), ranks)
    return None


def _usage(error: Any, arguments: Sequence[str]) -> str:
    """Typer's complaint with what was given, the nearest name, and where help is."""
    see = f"see {getattr(error.ctx, 'command_path', 'bpnet')} --help"
    option = getattr(error, "option_name", None)
    if option is not None and hasattr(error, "possibilities"):
        return f"no such option: {option}; {_meant(error, option) or see}"
    given = _given(error, arguments)
    if given is not None:
        # what typer says since 0.29, and what it said before
        wanted = re.search(r"nput should be (.*?), unable|is not (a valid \w+)", str(error))
        kind = re.sub(r"\bint\b", "integer", wanted[1] or wanted[2]) if wanted else ""
        return f"{given}; give {kind}" if kind else f"{given}: {error}"
    text = error.format_message().rstrip(".")
    return text if text.endswith("?") else f"{text}; {see}"


def _meant(error: Any, given: str) -> str:
    """Which option of the command a name stands for."""
    listed = [name for p in error.ctx.command.params for name in p.opts] if error.ctx else []
    known = {name.strip("-").replace("-", "_"): name for name in listed}
    name, note = synonyms.meant("option", given, known)
    option, _, value = name.partition("=")
    if "(" in value:  # an object of Python's
        return ""
    said = " ".join((known.get(option, ""), value)).strip()
    return said and f"did you mean {said}?" + (f" ({note})" if note else "")


def _given(error: Exception, arguments: Sequence[str]) -> str | None:
    """What an option was given that it can't take."""
    for option in getattr(getattr(error, "param", None), "opts", ()):
        if option in arguments[:-1]:
            return f"{option} is {arguments[list(arguments).index(option) + 1]!r}"
    return None


def _refuse(error: object, status: int, ranks: Any) -> int:
    text = as_line(error)
    if ranks is not None and ranks.size > 1:
        left: int = ranks.leave(text, status)
        return left
    text = f"bpnet: error: {text}"
    if sys.stderr.isatty():  # a person reads it: break between words; else it stays one line
        width = shutil.get_terminal_size().columns
        text = textwrap.fill(
            text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    sys.stderr.write(f"{text}\n")
    return status

"""The errors that bpnet raises on purpose, each a subclass of a built-in.

Every message is one line: what was given, what was wanted, what to do.
"""

import re

from bpnet.shown import plain

_BREAK = re.compile(r" ?[^\S ]\s*")
"""Where a line ends, or a column begins; two spaces in a name are two spaces."""


_LONG = 200
"""Characters of another library's error that a message repeats."""


def as_line(message: object) -> str:
    """A message on one line, of nothing but what can be seen; an error without one has its type."""
    text = plain(_BREAK.sub(" ", str(message)).strip())
    return text or (type(message).__name__ if isinstance(message, BaseException) else "")


def one_line(error: object, *, typed: bool = False) -> str:
    """An error on one short line, with its type before it where ``typed``."""
    text, kind = as_line(error), type(error).__name__
    text = f"{kind}: {text}" if typed and text != kind else text
    return text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."


class InputError(ValueError):
    """An argument, an option or a file that cannot be used as it is.

    What a file says and the message repeats is shown on one line, control characters escaped and
    the middle of what is very long left out.
    """

    LONGEST = 1000
    """Characters of a message."""

    def __init__(self, message: object = "") -> None:
        text = as_line(message)
        if len(text) > self.LONGEST:
            text = f"{text[: self.LONGEST * 3 // 4]} ... {text[-self.LONGEST // 4 :]}"
        super().__init__(text)


class ArgumentError(InputError, TypeError):
    """Arguments that a function has not, that are too many, or that are missing."""


class ArrayMismatch(TypeError):
    """Arrays of two libraries or of two devices met in one call."""


class BackendUnavailable(RuntimeError):
    """A backend was named that does not work here.

    Parameters
    ----------
    name : str
        The backend as it was asked for.
    why : str
        The cause, as a clause.
    cure : str
        The one command or setting that mends it.
    """

    def __init__(self, name: str, why: str, cure: str) -> None:
        super().__init__(f"backend {name!r} can't be used: {why}; {cure}")
        self.name = name
        self.why = why
        self.cure = cure

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.name, self.why, self.cure)


class Diverged(ArithmeticError):
    """Training met a cost or a parameter that is not finite."""


class OutOfMemory(MemoryError):
    """There is no memory for a step, however small its parts."""

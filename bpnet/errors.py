"""The errors that bpnet raises on purpose, each a subclass of a built-in.

Every message is one line: the value, the values that are allowed, and what to do.
"""

import re

from bpnet.shown import plain

_BREAK = re.compile(r" ?[^\S ]\s*")
"""A line break or a tab with the spaces around it; other spaces, as in a name, are kept."""

_LONG = 200
"""Most characters of another library's error in a message."""


def as_line(message: object) -> str:
    """Message on one line of printable characters; the type of an error without a message."""
    text = plain(_BREAK.sub(" ", str(message)).strip())
    return text or (type(message).__name__ if isinstance(message, BaseException) else "")


def one_line(error: object, *, typed: bool = False) -> str:
    """Error on one short line, preceded by its type where ``typed``."""
    text, kind = as_line(error), type(error).__name__
    text = f"{kind}: {text}" if typed and text != kind else text
    return text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."


class InputError(ValueError):
    """An argument, an option or a file that cannot be used as it is.

    The message is one line, with control characters escaped and the middle of a long one left out.
    """

    LONGEST = 1000
    """Most characters of a message."""

    def __init__(self, message: object = "") -> None:
        text = as_line(message)
        if len(text) > self.LONGEST:
            # the end of a message has the cure
            text = f"{text[: self.LONGEST * 3 // 4]} ... {text[-self.LONGEST // 4 :]}"
        super().__init__(text)


class ArgumentError(InputError, TypeError):
    """Arguments that a function does not have, too many arguments, or missing ones."""


class ArrayMismatch(TypeError):
    """Arrays of two libraries or of two devices in one call."""


class BackendUnavailable(RuntimeError):
    """A named backend does not work on this machine.

    Parameters
    ----------
    name : str
        Name of the backend.
    why : str
        The cause, as a clause.
    cure : str
        The one command or setting that cures it.
    """

    def __init__(self, name: str, why: str, cure: str) -> None:
        super().__init__(f"backend {name!r} can't be used: {why}; {cure}")
        self.name = name
        self.why = why
        self.cure = cure

    # Pickling an exception calls its class with `args`, which here is the message alone.
    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.name, self.why, self.cure)


class Diverged(ArithmeticError):
    """A cost or a parameter became infinite or nan in training."""


class OutOfMemory(MemoryError):
    """Memory is too small for a training step, even in micro-batches."""

"""What the columns of a table are said to be, by whoever reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bpnet.data.naming import near, no_column
from bpnet.errors import InputError

HOW = ("drop", "categorical", "numeric")


@dataclass(frozen=True)
class Taking:
    """What columns are said to be; what nobody speaks of is found by rules.

    Columns are left out, their values are categories, or they hold numbers; ``separator`` stands
    between cells of text.
    """

    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    separator: str | None = None

    @classmethod
    def read(cls, asked: Mapping[str, Any] | None) -> "Taking":
        """What a mapping says, such as ``{"drop": ["id"], "separator": ";"}``."""
        asked = dict(asked or {})
        strange = next((name for name in asked if name not in {*HOW, "separator"}), None)
        if strange is not None:
            hint = near(str(strange), HOW)
            message = f"columns has {strange!r}: {hint}give {', '.join(HOW)} or separator"
            raise InputError(message)
        lists = {how: _names(asked.get(how, ()), how) for how in HOW}
        return cls(**lists, separator=sign(asked.get("separator")))

    def of(self, name: str) -> str:
        """What a column is said to be: "drop", "categorical", "numeric", or "" for nothing."""
        return next((how for how in HOW if name in getattr(self, how)), "")

    def resolved(self, names: Sequence[str], targets: Sequence[str], where: str) -> "Taking":
        """The same of the columns of a table, whose names may be written with commas."""
        found: dict[str, tuple[str, ...]] = {}
        every: list[str] = []
        for how in HOW:
            parts = [[one] if one in names else one.split(",") for one in getattr(self, how)]
            found[how] = tuple(name.strip() for part in parts for name in part if name.strip())
            for name in found[how]:
                if name in targets:
                    message = f"{how} '{name}': it is the target: leave it out of {how}"
                    raise InputError(message)
                if name not in names:
                    raise no_column(where, name, names, f" to {_VERBS[how]}")
                if name in every:
                    message = f"column '{name}' is named twice: give one of {', '.join(HOW)}"
                    raise InputError(message)
                every.append(name)
        return Taking(**found, separator=self.separator)


_VERBS = {"drop": "drop", "categorical": "take as categorical", "numeric": "take as numeric"}


def _names(given: Any, how: str) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
        message = f"columns has {how} = {given!r}: give a list of columns' names"
        raise InputError(message)
    return tuple(given)


_WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " ", "bar": "|"}


def sign(given: Any) -> str | None:
    """Sign between the cells of text, which may be named by a word such as tab."""
    if given is None:
        return None
    found = _WORDS.get(given, given) if isinstance(given, str) else ""
    if len(found) != 1 or found in '"\r\n' or not found.isascii():
        message = f"separator {given!r}: give one sign, such as ';', or tab"
        raise InputError(message)
    return found

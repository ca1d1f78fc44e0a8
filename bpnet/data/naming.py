"""Names in messages: those that there are, and the one that was probably meant."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from bpnet.errors import InputError


def listed(names: Sequence[str], most: int = 20) -> str:
    """The first names, in quotes.

    Examples
    --------
    >>> listed(["a", "b", "c"], 2)
    "'a', 'b', ..."
    """
    return ", ".join(f"'{name}'" for name in names[:most]) + ", ..." * (len(names) > most)


def near(name: str, names: Iterable[str]) -> str:
    """Question that suggests the name of similar spelling, or the only one that contains it."""
    names = list(names)
    close = get_close_matches(name, names, n=1)
    longer = [other for other in names if name.lower() in other.lower()]
    close = close or (longer if len(longer) == 1 else [])
    return f"did you mean '{close[0]}'? " if close else ""


def no_column(where: str, name: str, names: Sequence[str], purpose: str = "") -> InputError:
    """Error for a column that a table does not have."""
    message = f"{where} has no column '{name}'{purpose}: {near(name, names)}it has {listed(names)}"
    return InputError(message)


def named_columns(text: str, names: Sequence[str], where: str, purpose: str = "") -> list[str]:
    """Columns of a text, which is the name of one, or several names with commas."""
    columns = [text] if text in names else [part.strip() for part in text.split(",")]
    for name in columns:
        if name not in names:
            raise no_column(where, name, names, purpose)
    return columns

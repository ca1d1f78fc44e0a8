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
    """A question after the name that is spelled most alike, or the one that contains it."""
    names = list(names)
    found = get_close_matches(name, names, n=1)
    longer = [other for other in names if name.lower() in other.lower()]
    found = found or (longer if len(longer) == 1 else [])
    return f"did you mean '{found[0]}'? " if found else ""


def no_column(where: str, name: str, names: Sequence[str], purpose: str = "") -> InputError:
    """Error for a column that a table does not have."""
    message = f"{where} has no column '{name}'{purpose}: {near(name, names)}it has {listed(names)}"
    return InputError(message)

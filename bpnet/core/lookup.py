"""Objects by name, with a hint when the name is mistyped."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from bpnet.arguments import checked, finite_number
from bpnet.errors import InputError
from bpnet.synonyms import hint


def table(named: dict[str, Any]) -> dict[str, Any]:
    """A table of classes by name, each made to hold its arguments against its signature."""
    return {name: checked(kind) for name, kind in named.items()}


def unknown(kind: str, given: object, names: list[str]) -> InputError:
    """Error for a name that is not among ``names``, with the one that was meant."""
    return InputError(f"unknown {kind} {given!r}; {hint(kind, given, names)}")


def by_name(kind: str, table: Mapping[str, Any], given: str) -> Any:
    """Entry of ``table`` under a name in which hyphens and underscores are the same."""
    key = given.strip().lower().replace("-", "_")
    if key not in table:
        raise unknown(kind, given, list(table))
    return table[key]


def check_finite(owner: Any, name: str) -> None:
    """Refuse a parameter that is no finite number."""
    given = getattr(owner, name)
    if finite_number(given) is None:
        msg = f"{type(owner).__name__} has {name} = {given!r}; give a finite number"
        raise InputError(msg)


def describe(thing: Any, table: Mapping[str, Any]) -> dict[str, Any]:
    """Name and parameters of an object of ``table``, as plain data.

    An object of another type could not be built again, and is refused.

    Examples
    --------
    >>> from bpnet.core import activations
    >>> describe(activations.LeakyReLU(0.2), activations.ACTIVATIONS)
    {'name': 'leaky_relu', 'slope': 0.2}
    """
    for name, kind in table.items():
        if type(thing) is kind:
            return {"name": name, **dataclasses.asdict(thing)}
    msg = f"{thing!r} is not one of bpnet's own and can't be written to a file by name"
    raise InputError(msg)


def rebuild(kind: str, table: Mapping[str, Any], described: Mapping[str, Any]) -> Any:
    """Object that :func:`describe` described, of a known name, with finite numbers."""
    parameters = {key: value for key, value in described.items() if key != "name"}
    for key, value in parameters.items():
        if type(value) not in (int, float) or not math.isfinite(value):
            msg = f"{kind} {described.get('name')!r} has {key} = {value!r}; wanted a number"
            raise InputError(msg)
    maker = by_name(kind, table, str(described.get("name")))
    try:
        return maker(**parameters)
    except TypeError as error:
        msg = f"{kind} {described.get('name')!r} does not take {sorted(parameters)}"
        raise InputError(msg) from error

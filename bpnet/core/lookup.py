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


_REGISTERED: dict[str, type] = {}
"""Classes of the user's own that may be named, by their addresses."""

_METHODS = {"activation": ("sigma", "backward"), "cost": ("value", "delta")}


def address(kind: type) -> str:
    """Module and name of a class, as files and the command line write it."""
    return f"{kind.__module__}:{kind.__qualname__}"


def register(kind: type) -> None:
    """Let a class be named, an activation or a cost.

    Raises
    ------
    InputError
        If it is neither, or could not be made again of its name and numbers.
    """
    if not any(all(callable(getattr(kind, m, None)) for m in ms) for ms in _METHODS.values()):
        msg = f"{kind!r} has neither sigma and backward, of an activation, nor value and delta"
        raise InputError(f"{msg}, of a cost; give a class that has")
    made_of = any("__init__" in vars(base) for base in kind.__mro__[:-1])
    if made_of and not dataclasses.is_dataclass(kind):
        msg = f"{address(kind)} is made with arguments that no file would know"
        raise InputError(f"{msg}; make it a frozen dataclass of numbers")
    _REGISTERED[address(kind)] = kind


def _registered(kind: str, given: str) -> type:
    found = _REGISTERED.get(given)
    if found is None:
        msg = f"{kind} {given!r} is code that bpnet does not load by itself; if you trust it, name "
        raise InputError(f"{msg}it: --custom {given}, in Python bpnet.custom.register({given!r})")
    if not all(callable(getattr(found, method, None)) for method in _METHODS.get(kind, ())):
        msg = f"{given!r} is no {kind}; give a class with {' and '.join(_METHODS[kind])}"
        raise InputError(msg)
    return found


def by_name(kind: str, table: Mapping[str, Any], given: str) -> Any:
    """Entry of ``table`` under a name in which hyphens and underscores are the same.

    A ``module:name`` is that of a class which the user has registered.
    """
    if ":" in given and kind in _METHODS:
        return _registered(kind, given.strip())
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
    own = _REGISTERED.get(address(type(thing)))
    for name, kind in (*table.items(), (address(type(thing)), own)):
        if type(thing) is kind:
            fields = dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ()
            return {"name": name, **{f.name: getattr(thing, f.name) for f in fields}}
    msg = f"{thing!r} is not one of bpnet's own and can't be written to a file by name"
    raise InputError(f"{msg}; register its class: bpnet.custom.register({type(thing).__name__})")


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

"""Objects by name, with a hint when the name is mistyped."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bpnet.arguments import checked, finite_number
from bpnet.errors import InputError
from bpnet.synonyms import hint


def table(named: dict[str, Any]) -> dict[str, Any]:
    """Table of classes by name, whose constructors check their arguments' types."""
    return {name: checked(kind) for name, kind in named.items()}


def unknown(kind: str, name: object, names: list[str]) -> InputError:
    """Error for a name that is not among ``names``, with the nearest one."""
    return InputError(f"unknown {kind} {name!r}; {hint(kind, name, names)}")


Entry = TypeVar("Entry")

_REGISTERED: dict[str, type] = {}
"""Registered classes of the user, by their addresses."""

# methods by which a class is known to be an activation or a cost
_METHODS = {"activation": ("sigma", "backward"), "cost": ("value", "delta")}


def address(kind: type) -> str:
    """Module and name of a class, in the form of files and of the command line."""
    return f"{kind.__module__}:{kind.__qualname__}"


def register(kind: type) -> None:
    """Register a user's activation or cost, so that files and commands may name its class.

    Raises
    ------
    InputError
        If the class is neither, or its objects can't be rebuilt from a name and numbers.
    """
    if not any(all(callable(getattr(kind, m, None)) for m in ms) for ms in _METHODS.values()):
        msg = f"{kind!r} has neither sigma and backward, of an activation, nor value and delta"
        raise InputError(f"{msg}, of a cost; give a class that has")
    # the last base is object, whose __init__ takes no arguments
    has_arguments = any("__init__" in vars(base) for base in kind.__mro__[:-1])
    if has_arguments and not dataclasses.is_dataclass(kind):
        msg = f"{address(kind)} is made with arguments that no file would know"
        raise InputError(f"{msg}; make it a frozen dataclass of numbers")
    _REGISTERED[address(kind)] = kind


def _registered(kind: str, name: str) -> Any:
    registered = _REGISTERED.get(name)
    if registered is None:
        msg = f"{kind} {name!r} is code that bpnet does not load by itself; if you trust it, name "
        raise InputError(f"{msg}it: --custom {name}, in Python bpnet.custom.register({name!r})")
    if not all(callable(getattr(registered, method, None)) for method in _METHODS[kind]):
        msg = f"{name!r} is no {kind}; give a class with {' and '.join(_METHODS[kind])}"
        raise InputError(msg)
    return registered


def by_name(kind: str, table: Mapping[str, Entry], name: str) -> Entry:
    """Entry of ``table`` under a name in which hyphens and underscores are the same.

    ``module:name`` is the address of a class that the user has registered.
    """
    # bpnet's own names have no colon
    if ":" in name and kind in _METHODS:
        registered: Entry = _registered(kind, name.strip())
        return registered
    key = name.strip().lower().replace("-", "_")
    if key not in table:
        raise unknown(kind, name, list(table))
    return table[key]


def check_finite(owner: Any, name: str) -> None:
    """Raise an InputError for a parameter that is no finite number."""
    message = f"{type(owner).__name__} has {name} = {{!r}}; give a finite number"
    check_number(owner, name, message, lambda _: True)


def check_number(
    owner: Any, name: str, message: str, allowed: Callable[[Any], bool], kind: Any = None
) -> None:
    """Replace a field of a frozen dataclass by a plain number, of the type ``kind`` if it is given.

    An InputError with the message says that the field is no number, no whole one, or not allowed.
    """
    value = getattr(owner, name)
    number = finite_number(value)
    whole = kind is not int or isinstance(number, int)
    if number is None or not whole or not allowed(number):
        raise InputError(message.format(value))
    object.__setattr__(owner, name, kind(number) if kind else number)


def describe(thing: Any, table: Mapping[str, Any]) -> dict[str, Any]:
    """Name and parameters of an object of ``table``, as plain data.

    An object of another type can't be rebuilt, and is an error.

    Examples
    --------
    >>> from bpnet.core import activations
    >>> describe(activations.LeakyReLU(0.2), activations.ACTIVATIONS)
    {'name': 'leaky_relu', 'slope': 0.2}
    """
    name_of_class = address(type(thing))
    for name, kind in (*table.items(), (name_of_class, _REGISTERED.get(name_of_class))):
        if type(thing) is kind:
            fields = dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ()
            return {"name": name, **{f.name: getattr(thing, f.name) for f in fields}}
    msg = f"{thing!r} is not one of bpnet's own and can't be written to a file by name"
    raise InputError(f"{msg}; register its class: bpnet.custom.register({type(thing).__name__})")


def rebuild(kind: str, table: Mapping[str, Any], described: Mapping[str, Any]) -> Any:
    """Object from its description by :func:`describe`, of a known name, with finite numbers."""
    parameters = {key: value for key, value in described.items() if key != "name"}
    for key, value in parameters.items():
        # a file is not trusted; a bool is an int, and no number here
        if type(value) not in (int, float) or not math.isfinite(value):
            msg = f"{kind} {described.get('name')!r} has {key} = {value!r}; wanted a number"
            raise InputError(msg)
    maker = by_name(kind, table, str(described.get("name")))
    try:
        return maker(**parameters)
    except TypeError as error:
        msg = f"{kind} {described.get('name')!r} does not take {sorted(parameters)}"
        raise InputError(msg) from error

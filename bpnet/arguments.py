"""Type checks of arguments against the signature of the called function.

:func:`checked` decorates every function and class that users call. It checks types, so that a wrong
one is refused before it causes another error; the function itself checks ranges and shapes.
"""

import inspect
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, wraps
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from bpnet.errors import ArgumentError, InputError
from bpnet.synonyms import hint as nearest

F = TypeVar("F", bound=Callable[..., Any])

_LARGEST = 1 << 64
"""Bound of all whole numbers, among them seeds."""

_LONGEST = 80
"""Most characters of a value in a message."""


def checked(function: F) -> F:
    """Decorator of a function or class that refuses arguments which its signature does not allow.

    A class is changed in place, so that its subclasses are checked too.

    Examples
    --------
    >>> @checked
    ... def train(data, *, epochs: int = 10):
    ...     return epochs
    >>> train(None, epochs="ten")
    Traceback (most recent call last):
    bpnet.errors.InputError: epochs is 'ten'; give a whole number
    >>> train(None, epoch=3)
    Traceback (most recent call last):
    bpnet.errors.ArgumentError: train has no argument 'epoch'; did you mean epochs?
    """
    if isinstance(function, type):
        if "__init__" in vars(function):
            init = _guarded(function.__init__, function.__name__)  # type: ignore[misc]
            function.__init__ = init  # type: ignore[misc]
        return function
    guarded: F = _guarded(function, function.__name__)
    return guarded


def _guarded(function: Any, name: str) -> Any:
    # resolved on the first call, when all modules with the types are loaded
    @cache
    def inspected() -> tuple[inspect.Signature, dict[str, Any]]:
        # the type of the result is not checked, and may be known to a type checker only
        parameters = {k: hint for k, hint in function.__annotations__.items() if k != "return"}
        holder: Any = SimpleNamespace(__annotations__=parameters)
        hints = get_type_hints(holder, function.__globals__, include_extras=True)
        return inspect.signature(function), hints

    @wraps(function)
    def guarded(*args: Any, **named: Any) -> Any:
        signature, hints = inspected()
        try:
            bound = signature.bind(*args, **named)
        except TypeError as error:
            raise _signature_error(name, signature, args, named, str(error)) from None
        # for a set of networks an option may be a list with one value for each
        is_set = isinstance(bound.arguments.get("network"), list | tuple)
        lists = getattr(function, "__each__", ()) if is_set else ()
        try:
            for argument, value in bound.arguments.items():
                if argument in hints:
                    hint = hints[argument]
                    bound.arguments[argument] = accepted(argument, value, hint, argument in lists)
        except InputError:
            if function.__name__ == "__init__":
                _raise_own_error(function, bound)
            raise
        return function(*bound.args, **bound.kwargs)

    guarded.__checked__ = True  # type: ignore[attr-defined]
    return guarded


def _raise_own_error(init: Any, bound: inspect.BoundArguments) -> None:
    """Raise the class's own error, whose message also has the range of a number, if it has one."""
    try:
        init(*bound.args, **bound.kwargs)
    except InputError:
        raise
    except Exception:  # of the class's own code on a wrong type: the message on the type is better
        return


def accepted(name: str, value: Any, hint: Any, several: bool = False) -> Any:
    """Check the type of an argument; return its value, with a number as one of Python's own.

    With ``several`` the value may be a list with one value for each network.
    """
    # A list that fits the option itself, such as one of metrics, is one value for all networks.
    if several and is_column(value) and not fits(value, hint):
        return [accepted(f"{name}[{i}]", one, hint) for i, one in enumerate(value)]
    if not fits(value, hint):
        msg = f"{name} {_complaint(value, hint)}; give {type_words(hint)}"
        raise InputError(msg)
    # NumPy's booleans and numbers become Python's, which JSON and TOML can write.
    if _is_bool(value) and bool in map(_base, _options(hint)):
        return bool(value)
    numeric = {int, float} & {_base(option) for option in _options(hint)}
    return _python_number(value) if numeric and _is_number(value) else value


def finite_number(value: Any) -> int | float | None:
    """Finite real number as Python's own, which every file format has; None for all else.

    Examples
    --------
    >>> finite_number(0.5), finite_number(float("nan")), finite_number(True), finite_number("0.5")
    (0.5, None, None, None)
    """
    return _python_number(value) if _is_number(value) and math.isfinite(value) else None


def _python_number(number: Real) -> int | float:
    return int(number) if isinstance(number, Integral) else float(number)


def is_column(value: Any) -> bool:
    """Whether a value is a list or an array of one axis, as one value for each network is."""
    return isinstance(value, list | tuple) or getattr(value, "ndim", 0) == 1


def _complaint(value: Any, hint: Any) -> str:
    """Clause on the wrong value; where a list is allowed, on the first wrong item of the list."""
    lists = [option for option in _options(hint) if get_origin(option) in _SEQUENCES]
    if not lists or not _is_sequence(value):
        return f"is {shown(value)}"
    wrong = next(item for item in value if not _items_fit([item], get_args(lists[0])))
    return f"holds {shown(wrong)}"


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type in a hint."""
    if Path in _options(hint) and isinstance(value, str):
        return _is_path(value)
    return any(_is_one(value, option) for option in _options(hint))


@cache  # called for each argument of each call
def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


@cache
def _base(option: Any) -> Any:
    """A type without its annotation."""
    return get_args(option)[0] if get_origin(option) is Annotated else option


def _is_one(value: Any, option: Any) -> bool:
    origin, items = _parts(_base(option))
    test = _TESTS.get(origin)
    if test is not None:
        return test(value) and (origin not in _SEQUENCES or _items_fit(value, items))
    if origin is Literal:
        # The types are compared too, since True == 1.
        return any(type(value) is type(one) and value == one for one in items)
    if not isinstance(origin, type) or getattr(origin, "_is_protocol", False):
        return True  # a protocol is checked where the value is used
    return isinstance(value, origin)


@cache
def _parts(option: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(option) or option, get_args(option)


def _items_fit(values: Any, items: tuple[Any, ...]) -> bool:
    """Whether all items of a sequence are of the type in its hint."""
    if not items or items[0] is Any:
        return True
    return all(fits(value, items[0]) for value in values)


def _is_bool(value: Any) -> bool:
    return type(value).__name__ in {"bool", "bool_"}  # NumPy's too


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not _is_bool(value) and abs(int(value)) < _LARGEST


def _is_number(value: Any) -> bool:
    if not isinstance(value, Real) or _is_bool(value):
        return False
    try:
        float(value)
    except OverflowError:  # a whole number beyond the largest float
        return False
    return True


def _is_path(value: Any) -> bool:
    # No system has a path with a NUL; each use of one would raise a ValueError.
    return isinstance(value, str | os.PathLike) and "\0" not in os.fsdecode(value)


def _is_sequence(value: Any) -> bool:
    # An array without axes has a `__len__` too, which raises.
    is_sized = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    return (
        is_sized and not isinstance(value, str | bytes | Mapping) and getattr(value, "ndim", 1) > 0
    )


_SEQUENCES = (Sequence, list, tuple)
_TESTS: dict[Any, Callable[[Any], bool]] = {
    Any: lambda _: True,
    NoneType: lambda value: value is None,
    bool: _is_bool,
    int: _is_whole,
    float: _is_number,
    str: lambda value: isinstance(value, str),
    Path: _is_path,
    Mapping: lambda value: isinstance(value, Mapping),
    Callable: callable,
    **dict.fromkeys(_SEQUENCES, _is_sequence),
}
_WORDS: dict[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a name",
    Path: "a path",
    Mapping: "a dict",
    Callable: "a function",
    Iterable: "a list",
}


def type_words(hint: Any) -> str:
    """Types in a hint, in words."""
    # "a path" includes text, so that str beside Path needs no words of its own.
    options = [option for option in _options(hint) if option is not NoneType]
    words = [_option_words(one) for one in options if not (one is str and Path in options)]
    if NoneType in _options(hint):
        words.append("leave it out")
    # "a, b or c"
    return " or ".join((", ".join(words[:-1]), words[-1]) if words[1:] else words)


def _option_words(option: Any) -> str:
    origin = get_origin(option) or option
    if origin is Annotated:
        return str(get_args(option)[1])
    if origin in _SEQUENCES:
        items = [one for one in get_args(option) if one not in {Any, ...}]
        return f"a list, each {_option_words(items[0])}" if items else "a list"
    if origin is Literal:
        return " or ".join(map(repr, get_args(option)))
    name = origin.__qualname__
    return _WORDS.get(origin) or f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def shown(value: Any) -> str:
    """Value for a message: its ``repr`` if that is short, else its type."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = ""  # Python refuses to print whole numbers of many thousand digits
    return text if 0 < len(text) <= _LONGEST else f"of the type {type(value).__name__}"


_BOUND = {"self", "cls"}
"""Parameters that are bound before the call."""


def _signature_error(
    name: str, signature: inspect.Signature, args: Any, named: Mapping[str, Any], reason: str
) -> ArgumentError:
    """Error for arguments without a parameter, and for parameters without an argument."""
    parameters = [p for p in signature.parameters.values() if p.name not in _BOUND]
    names = [p.name for p in parameters]
    for word in named:
        if word not in names:
            msg = f"{name} has no argument {word!r}; {nearest('option', word, names)}"
            return ArgumentError(msg)
    first = [p.name for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    count = len(args) - len(_BOUND & signature.parameters.keys())
    if count > len(first):
        msg = f"{name} takes {', '.join(first) or 'nothing'}, then keywords, and was given {count}"
        # Other libraries take X and y as two arguments.
        pair = "; give X and y as a pair: (X, y)" if first and first[-1] == "data" else ""
        return ArgumentError(f"{msg} arguments{pair or '; give the others by name'}")
    return ArgumentError(f"{name}: {reason}; its arguments are {', '.join(names)}")

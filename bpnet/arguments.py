"""Arguments held against the signature of what they are given to, before anything is done.

:func:`checked` stands on every function and class that users call. What a signature says of types
is checked there, so that no wrong one gets further in and ends as somebody else's error; what only
the function itself can tell, such as a range or a shape, stays its own.
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

Edge = TypeVar("Edge", bound=Callable[..., Any])

_LARGEST = 1 << 64
"""No whole number is as large, a seed neither."""

_LONGEST = 80
"""Characters of what was given that a message repeats."""


def checked(edge: Edge) -> Edge:
    """Function or class that refuses arguments which its signature does not allow.

    A class is changed in place, so that subclasses of its own go through the same check.

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
    if isinstance(edge, type):
        if "__init__" in vars(edge):
            edge.__init__ = _guarded(edge.__init__, edge.__name__)  # type: ignore[misc]
        return edge
    guarded: Edge = _guarded(edge, edge.__name__)
    return guarded


def _guarded(function: Any, name: str) -> Any:
    @cache
    def known() -> tuple[inspect.Signature, dict[str, Any]]:
        given = {k: hint for k, hint in function.__annotations__.items() if k != "return"}
        held: Any = SimpleNamespace(__annotations__=given)
        return inspect.signature(function), get_type_hints(
            held, function.__globals__, include_extras=True
        )

    @wraps(function)
    def edge(*args: Any, **named: Any) -> Any:
        signature, hints = known()
        try:
            bound = signature.bind(*args, **named)
        except TypeError as error:
            raise _misfit(name, signature, args, named, str(error)) from None
        several = isinstance(bound.arguments.get("network"), list | tuple)
        lists = getattr(function, "__each__", ()) if several else ()
        try:
            for argument, value in bound.arguments.items():
                if argument in hints:
                    hint = hints[argument]
                    bound.arguments[argument] = accepted(argument, value, hint, argument in lists)
        except InputError:
            if function.__name__ == "__init__":
                _own_word(function, bound)
            raise
        return function(*bound.args, **bound.kwargs)

    edge.__checked__ = True  # type: ignore[attr-defined]
    return edge


def _own_word(init: Any, bound: inspect.BoundArguments) -> None:
    """Let a class refuse what it is made of by itself: it knows the range of a number too."""
    try:
        init(*bound.args, **bound.kwargs)
    except InputError:
        raise
    except Exception:
        return


def accepted(name: str, value: Any, hint: Any, several: bool = False) -> Any:
    """The value of an argument, its numbers Python's own.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
        What was given.
    hint : type
        What is allowed.
    several : bool
        Whether it may be a list with one for each network.

    Raises
    ------
    InputError
        If it is of another type.
    """
    if several and is_column(value) and not fits(value, hint):
        return [accepted(f"{name}[{i}]", one, hint) for i, one in enumerate(value)]
    if not fits(value, hint):
        msg = f"{name} {_complaint(value, hint)}; give {wanted(hint)}"
        raise InputError(msg)
    if _is_bool(value) and bool in map(_base, _options(hint)):
        return bool(value)
    numeric = {int, float} & {_base(option) for option in _options(hint)}
    return _own(value) if numeric and _is_number(value) else value


def finite_number(value: Any) -> int | float | None:
    """Finite real number as one of Python's own, which every file holds; None for all else.

    Examples
    --------
    >>> finite_number(0.5), finite_number(float("nan")), finite_number(True), finite_number("0.5")
    (0.5, None, None, None)
    """
    return _own(value) if _is_number(value) and math.isfinite(value) else None


def _own(number: Real) -> int | float:
    return int(number) if isinstance(number, Integral) else float(number)


def is_column(value: Any) -> bool:
    """Whether it is a list, or an array of one axis, which may hold one value for each network."""
    return isinstance(value, list | tuple) or getattr(value, "ndim", 0) == 1


def _complaint(value: Any, hint: Any) -> str:
    """What was given; of a list that may be one, what it holds."""
    lists = [option for option in _options(hint) if get_origin(option) in _SEQUENCES]
    if not lists or not _is_sequence(value):
        return f"is {shown(value)}"
    wrong = next(one for one in value if not _holds([one], get_args(lists[0])))
    return f"holds {shown(wrong)}"


def fits(value: Any, hint: Any) -> bool:
    """Whether a value may be what a type hint says."""
    if Path in _options(hint) and isinstance(value, str):
        return _is_path(value)
    return any(_is_one(value, option) for option in _options(hint))


@cache  # each argument of each call asks
def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


@cache
def _base(option: Any) -> Any:
    """A type without the words that are said of it."""
    return get_args(option)[0] if get_origin(option) is Annotated else option


def _is_one(value: Any, option: Any) -> bool:
    origin, items = _parts(_base(option))
    test = _TESTS.get(origin)
    if test is not None:
        return test(value) and (origin not in _SEQUENCES or _holds(value, items))
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in items)
    if not isinstance(origin, type) or getattr(origin, "_is_protocol", False):
        return True  # what it must have is looked at where it is used
    return isinstance(value, origin)


@cache
def _parts(option: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(option) or option, get_args(option)


def _holds(values: Any, items: tuple[Any, ...]) -> bool:
    """Whether all items of a sequence are what its hint says of them."""
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
    except OverflowError:
        return False
    return True


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike) and "\0" not in os.fsdecode(value)


def _is_sequence(value: Any) -> bool:
    made = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    return made and not isinstance(value, str | bytes | Mapping) and getattr(value, "ndim", 1) > 0


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


def wanted(hint: Any) -> str:
    """What a type hint allows, in words."""
    options = [option for option in _options(hint) if option is not NoneType]
    said = [_said(one) for one in options if not (one is str and Path in options)]
    if NoneType in _options(hint):
        said.append("leave it out")
    return " or ".join((", ".join(said[:-1]), said[-1]) if said[1:] else said)


def _said(option: Any) -> str:
    origin = get_origin(option) or option
    if origin is Annotated:
        return str(get_args(option)[1])
    if origin in _SEQUENCES:
        items = [one for one in get_args(option) if one not in {Any, ...}]
        return f"a list, each {_said(items[0])}" if items else "a list"
    if origin is Literal:
        return " or ".join(map(repr, get_args(option)))
    name = origin.__qualname__
    return _WORDS.get(origin) or f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def shown(value: Any) -> str:
    """What was given, briefly: itself where it is short, else its type."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = ""  # numbers of many thousand digits have none
    return text if 0 < len(text) <= _LONGEST else f"of the type {type(value).__name__}"


_BOUND = {"self", "cls"}
"""Parameters that a caller does not give."""


def _misfit(
    name: str, signature: inspect.Signature, args: Any, named: Mapping[str, Any], reason: str
) -> ArgumentError:
    """Error for arguments that no parameters are there for, or that are missing."""
    parameters = [p for p in signature.parameters.values() if p.name not in _BOUND]
    names = [p.name for p in parameters]
    for given in named:
        if given not in names:
            msg = f"{name} has no argument {given!r}; {nearest('option', given, names)}"
            return ArgumentError(msg)
    first = [p.name for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    count = len(args) - len(_BOUND & signature.parameters.keys())
    if count > len(first):
        msg = f"{name} takes {', '.join(first) or 'nothing'}, then names, and was given {count}"
        pair = "; give X and y as a pair: (X, y)" if first and first[-1] == "data" else ""
        return ArgumentError(f"{msg} arguments{pair or '; give the others by name'}")
    return ArgumentError(f"{name}: {reason}; its arguments are {', '.join(names)}")

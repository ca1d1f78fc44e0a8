"""Options that are declared once, as fields of frozen dataclasses: default, range, help, panel.

Whoever checks an option, offers it on a command line or writes it into a file asks :func:`table`.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from bpnet.arguments import finite_number
from bpnet.errors import InputError

Kind = TypeVar("Kind")
Check = Callable[[Any, str], Any]
"""From a value and the option's name to the value as it is kept; refuses what cannot be used."""


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` that an option may be: whole ones to ``high``, others below it."""

    low: float = 0
    high: float = math.inf
    whole: bool = False

    def __call__(self, value: Any, name: str) -> int | float:
        """Return the value as a plain number; refuse one that is out of range."""
        number = finite_number(value)
        if number is None or number < self.low or (self.whole and not isinstance(number, int)):
            raise InputError(f"{name} is {value!r}; give {self}")
        if number > self.high or (number == self.high and not self.whole):
            text = f"a whole number from {self.low} to {self.high:,}" if self.whole else str(self)
            raise InputError(f"{name} is {number}; give {text}")
        return number if self.whole else float(number)

    def __str__(self) -> str:
        """Return what may be given, in words."""
        if self.whole:
            return f"a whole number of at least {self.low}"
        if self.high == math.inf:
            return f"a number of {self.low:g} or more"
        return f"a number from {self.low:g} to below {self.high:g}"


STRENGTH = Range()
"""Strengths of regularizations, and limits of which 0 is none."""

Strength = Annotated[float, str(STRENGTH)]
"""Type of such a number, with the words that say it."""


def one_of(*names: str) -> Check:
    """Check that allows some names only."""

    def check(value: Any, name: str) -> Any:
        if value not in names:
            raise InputError(f"{name} is {value!r}; give {' or '.join(map(repr, names))}")
        return value

    return check


@dataclass(frozen=True)
class Option:
    """What is known of an option; name, default and hint come from the field."""

    help: str
    range: Check | None = None
    panel: str = "Training"
    each: bool = False
    swept: bool = False
    compared: bool = True
    taken: bool = False
    of_steps: bool = False
    flag: str = ""
    words: str = ""
    name: str = ""
    default: Any = None
    hint: Any = Any

    @property
    def kinds(self) -> set[Any]:
        """The types that it may be, without the words that are said of them."""
        parts = get_args(self.hint) if get_origin(self.hint) in {Union, UnionType} else (self.hint,)
        return {get_args(part)[0] if get_origin(part) is Annotated else part for part in parts}

    @property
    def items(self) -> Any:
        """Type of the items where it may be a list, else None."""
        return next((get_args(k)[0] for k in self.kinds if get_origin(k) is Sequence), None)


def option(default: Any, **about: Any) -> Any:
    """Field of a dataclass that is an option; see :class:`Option` for what is said of it."""
    return field(default=default, metadata={"option": Option(**about)})


@cache
def table(*kinds: type) -> Mapping[str, Option]:
    """The options that dataclasses declare, by their names."""
    found = {}
    for kind in kinds:
        hints = get_type_hints(kind, include_extras=True)
        for one in fields(kind):  # type: ignore[arg-type]  # a dataclass
            about: Option = one.metadata["option"]
            default = None if one.default is MISSING else one.default
            found[one.name] = replace(
                about, name=one.name, flag=about.flag or one.name, default=default,
                hint=_said(hints[one.name], about.range),
            )  # fmt: skip
    return found


def _said(hint: Any, allowed: Check | None) -> Any:
    """A type with the words of its range."""
    if not isinstance(allowed, Range):
        return hint
    kind = int if allowed.whole else float
    said = Annotated[kind, str(allowed)]  # type: ignore[valid-type]
    return said | None if NoneType in get_args(hint) else said


class Declared:
    """Dataclass whose fields are options: each is checked, and kept as its range returns it."""

    def __post_init__(self) -> None:
        for name, about in table(type(self)).items():  # type: ignore[arg-type]
            value = getattr(self, name)
            left_out = value is None and NoneType in about.kinds
            if about.range is not None and not left_out:
                object.__setattr__(self, name, about.range(value, name))


def merged(kind: type[Kind], given: Kind | None, keywords: Mapping[str, Any]) -> Kind:
    """The value given, or that of the defaults, with the keywords that are its fields."""
    own = {n: keywords[n] for n in table(kind) if n in keywords}  # type: ignore[arg-type]
    return kind(**own) if given is None else replace(given, **own)  # type: ignore[type-var]


def signed(*kinds: type) -> Callable[[Kind], Kind]:
    """Write the options of dataclasses into the signature of a function that takes them all."""

    def decorate(function: Any) -> Any:
        signature, options = inspect.signature(function), table(*kinds).values()
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        first = [p for p in own if p.kind is p.POSITIONAL_OR_KEYWORD]
        more = [
            inspect.Parameter(o.name, inspect.Parameter.KEYWORD_ONLY, default=o.default,
                              annotation=o.hint)
            for o in options
        ]  # fmt: skip
        function.__signature__ = signature.replace(parameters=[*first, *more, *own[len(first) :]])
        function.__each__ = {"callbacks", *(o.name for o in options if o.each)}
        function.__annotations__ |= {o.name: o.hint for o in options}
        return function

    return decorate

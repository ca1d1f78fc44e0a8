"""Options: each is declared once, as a field of a frozen dataclass with default, range and help.

Code that checks options, offers them on a command line or writes them into a file reads
:func:`table`.
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
"""From a value and the option's name to the value that is stored; refuses unusable values."""


@dataclass(frozen=True)
class Range:
    """The numbers that an option may be, from ``low``: whole ones to ``high``, others below it."""

    low: float = 0
    high: float = math.inf
    whole: bool = False

    def __call__(self, value: Any, name: str) -> int | float:
        """Return the value as a number of Python; refuse one that is out of range."""
        number = finite_number(value)
        if number is None or number < self.low or (self.whole and not isinstance(number, int)):
            raise InputError(f"{name} is {value!r}; give {self}")
        if number > self.high or (number == self.high and not self.whole):
            text = f"a whole number from {self.low} to {self.high:,}" if self.whole else str(self)
            raise InputError(f"{name} is {number}; give {text}")
        return number if self.whole else float(number)

    def __str__(self) -> str:
        """Return the range in words."""
        if self.whole:
            return f"a whole number of at least {self.low}"
        if self.high == math.inf:
            return f"a number of {self.low:g} or more"
        return f"a number from {self.low:g} to below {self.high:g}"


COUNT = Range(1, 1 << 31, whole=True)
"""Range of epochs, of examples in a batch and of other counts."""

STRENGTH = Range()
"""Range of the strengths of regularization, and of limits, of which 0 means no limit."""

Strength = Annotated[float, str(STRENGTH)]
"""Type of such a number, with its range in words."""


def one_of(*names: str) -> Check:
    """Return a check that allows some names only."""

    def check(value: Any, name: str) -> Any:
        if value not in names:
            raise InputError(f"{name} is {value!r}; give {' or '.join(map(repr, names))}")
        return value

    return check


@dataclass(frozen=True)
class Option:
    """What is declared of an option; :func:`table` adds name, default and hint from the field.

    ``each`` allows networks of a set to differ, ``swept`` makes it a parameter of sweeps,
    ``compared`` makes a resumed run keep it, ``taken`` passes it to the training step, ``of_steps``
    says that L-BFGS has no use for it, and ``words`` are synonyms in other libraries. ``panel`` is
    the heading above it in the help of a command, and ``flag`` its name there.
    """

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
        """The types that it may have, without their annotations."""
        parts = get_args(self.hint) if get_origin(self.hint) in {Union, UnionType} else (self.hint,)
        return {get_args(part)[0] if get_origin(part) is Annotated else part for part in parts}

    @property
    def items(self) -> Any:
        """Type of the items if it may be a list, else None."""
        return next((get_args(k)[0] for k in self.kinds if get_origin(k) is Sequence), None)


def option(default: Any, **about: Any) -> Any:
    """Return a field of a dataclass that is an option; ``about`` are fields of :class:`Option`."""
    return field(default=default, metadata={"option": Option(**about)})


@cache
def table(*kinds: type) -> Mapping[str, Option]:
    """Return the options that dataclasses declare, by their names."""
    options = {}
    for kind in kinds:
        hints = get_type_hints(kind, include_extras=True)
        for one in fields(kind):  # type: ignore[arg-type]  # a dataclass
            about: Option = one.metadata["option"]
            default = None if one.default is MISSING else one.default
            options[one.name] = replace(
                about, name=one.name, flag=about.flag or one.name, default=default,
                hint=_with_words(hints[one.name], about.range),
            )  # fmt: skip
    return options


def _with_words(hint: Any, allowed: Check | None) -> Any:
    """Return a type with its range in words."""
    if not isinstance(allowed, Range):
        return hint
    kind = int if allowed.whole else float
    number = Annotated[kind, str(allowed)]  # type: ignore[valid-type]
    return number | None if NoneType in get_args(hint) else number


class Declared:
    """Base of dataclasses whose fields are options, each of which is checked and stored."""

    def __post_init__(self) -> None:
        for name, about in table(type(self)).items():  # type: ignore[arg-type]
            value = getattr(self, name)
            left_out = value is None and NoneType in about.kinds
            if about.range is not None and not left_out:
                # the dataclass is frozen, and a check may replace a name by its object
                object.__setattr__(self, name, about.range(value, name))


def merged(kind: type[Kind], value: Kind | None, keywords: Mapping[str, Any]) -> Kind:
    """Return the value, by default that of the defaults, with its fields among the keywords."""
    own = {n: keywords[n] for n in table(kind) if n in keywords}  # type: ignore[arg-type]
    return kind(**own) if value is None else replace(value, **own)  # type: ignore[type-var]


def signed(*kinds: type) -> Callable[[Kind], Kind]:
    """Write the options of dataclasses into the signature of a function that takes all of them."""

    def decorate(function: Any) -> Any:
        signature, options = inspect.signature(function), table(*kinds).values()
        # the options take the place of **keywords, behind the arguments that have a position
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        first = [p for p in own if p.kind is p.POSITIONAL_OR_KEYWORD]
        more = [
            inspect.Parameter(o.name, inspect.Parameter.KEYWORD_ONLY, default=o.default,
                              annotation=o.hint)
            for o in options
        ]  # fmt: skip
        function.__signature__ = signature.replace(parameters=[*first, *more, *own[len(first) :]])
        # `checked` reads from it which options of a set may be lists
        function.__each__ = {"callbacks", *(o.name for o in options if o.each)}
        function.__annotations__ |= {o.name: o.hint for o in options}
        return function

    return decorate

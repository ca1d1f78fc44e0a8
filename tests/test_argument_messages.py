"""What a refusal of an argument says of each kind of hint, and the bounds of numbers."""

import fractions
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from bpnet import arguments
from bpnet.arguments import accepted, checked, finite_number, fits, shown, type_words
from bpnet.errors import ArgumentError
from tests.assertions import error_message


class Apple:
    """A class whose name begins with a vowel."""


class Pear:
    """One whose name does not."""


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int, "a whole number"), (float, "a number"), (bool, "True or False"), (str, "a name"),
        (Path, "a path"), (str | Path, "a path"), (Mapping[str, int], "a dict"),
        (Callable[..., int], "a function"), (Apple, "an Apple"), (Pear, "a Pear"),
        (int | None, "a whole number or leave it out"),
        (Sequence[int], "a list, each a whole number"),
        (list[Any], "a list"), (Sequence, "a list"), (Literal["a", 3], "'a' or 3"),
        (Annotated[str, "'tf32'"], "'tf32'"),
        (int | str | None, "a whole number, a name or leave it out"),
        (tuple[Apple, ...], "a list, each an Apple"),
    ],
)  # fmt: skip
def test_types_in_words(hint, text):
    assert type_words(hint) == text


@pytest.mark.parametrize(
    ("value", "hint", "text"),
    [
        ("x", int, "n is 'x'; give a whole number"), (1.5, int, "n is 1.5; give a whole number"),
        (True, int, "n is True; give a whole number"),
        (2**64, int, f"n is {2**64}; give a whole number"),
        (1, bool, "n is 1; give True or False"), (None, float, "n is None; give a number"),
        (b"x", str, "n is b'x'; give a name"), ("a\0b", Path, "n is 'a\\x00b'; give a path"),
        ([1, "x"], Sequence[int], "n holds 'x'; give a list, each a whole number"),
        ("12", Sequence[int], "n is '12'; give a list, each a whole number"),
        (3, Sequence[int], "n is 3; give a list, each a whole number"),
        (Pear, Apple, f"n is {Pear!r}; give an Apple"), ("b", Literal["a"], "n is 'b'; give 'a'"),
        (1, Literal[True], "n is 1; give True"), ("x" * 90, int, "n is of the type str; "
                                                                 "give a whole number"),
    ],
)  # fmt: skip
def test_what_does_not_fit(value, hint, text):
    assert error_message(accepted, "n", value, hint) == text


@pytest.mark.parametrize(
    ("value", "hint", "kept"),
    [
        (np.int64(3), int, 3), (np.float32(0.5), float, 0.5), (np.bool_(True), bool, True),
        (fractions.Fraction(1, 2), float, 0.5), (2**64 - 1, int, 2**64 - 1), (3, float, 3),
        (None, int | None, None), ((1, 2), Sequence[int], (1, 2)), ("a", Literal["a", "b"], "a"),
        ("x", str | Path, "x"), (Path("x"), str | Path, Path("x")),
    ],
)  # fmt: skip
def test_what_fits_is_taken_as_pythons_own(value, hint, kept):
    number = accepted("n", value, hint)
    assert number == kept
    assert type(number) is type(kept)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (np.int8(3), 3), (0.5, 0.5), (np.float32(0.5), 0.5), (True, None), (np.bool_(1), None),
     (math.inf, None), (math.nan, None), ("3", None), (None, None), (1j, None), (10**400, None),
     (10**300, 10**300)],
)  # fmt: skip
def test_finite_numbers(value, expected):
    number = finite_number(value)
    assert number == expected
    assert type(number) is type(expected)


@pytest.mark.parametrize(("length", "whole"), [(78, True), (79, False)])
def test_a_long_value_is_shown_by_its_type(length, whole):
    text = shown("x" * length)
    assert text == (repr("x" * length) if whole else "of the type str")
    assert shown("a\n  b") == "'a\\n b'"
    assert shown(10**10_000) == "of the type int"


def test_of_several_networks_each_has_its_own_value():
    assert accepted("l2", [1, 2.5], float, several=True) == [1, 2.5]
    assert (
        error_message(accepted, "l2", [1, "x"], float, several=True)
        == "l2[1] is 'x'; give a number"
    )
    assert accepted("hidden", [[1, 2], [3]], Sequence[int], several=True) == [[1, 2], [3]]
    assert accepted("hidden", [1, 2], Sequence[int], several=True) == [1, 2]
    assert accepted("l2", np.asarray([1.0, 2.0]), float, several=True) == [1.0, 2.0]


@checked
def edge(data: Any, count: int = 3, *, name: str | None = None) -> Any:
    """A function of three arguments."""
    return data, count, name


@pytest.mark.parametrize(
    ("arguments", "named", "text"),
    [
        ((), {}, "edge: missing a required argument: 'data'; its arguments are data, count, name"),
        ((1, 2, "x"), {}, "edge takes data, count, then keywords, and was given 3 arguments; "
                          "give the others by name"),
        ((1,), {"data": 2}, "edge: multiple values for argument 'data'; "
                            "its arguments are data, count, name"),
        ((1,), {"coun": 2}, "edge has no argument 'coun'; did you mean count?"),
        ((1,), {"count": "x"}, "count is 'x'; give a whole number"),
        ((1,), {"name": 3}, "name is 3; give a name or leave it out"),
    ],
)  # fmt: skip
def test_calls_that_do_not_fit(arguments, named, text):
    assert error_message(edge, *arguments, **named) == text
    assert edge(1, np.int64(2), name="x") == (1, 2, "x")


@checked
def pair(network: Any, data: Any) -> Any:
    """A function of data."""
    return network, data


def test_x_and_y_are_a_pair():
    text = error_message(pair, 1, 2, 3)
    assert text == (
        "pair takes network, data, then keywords, and was given 3 arguments; "
        "give X and y as a pair: (X, y)"
    )
    with pytest.raises(ArgumentError):
        pair(1)
    assert fits([np.ones(1)], Sequence[Any])
    assert not fits(np.ones(()), Sequence[Any])
    assert not fits({"a": 1}, Sequence[Any])
    assert arguments.is_column(np.ones(2))
    assert not arguments.is_column(np.ones((2, 2)))

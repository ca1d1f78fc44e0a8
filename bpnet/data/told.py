"""What is told of a table: what its columns were taken for, and which cells were replaced."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from bpnet.data.columns import MISSING, NUMBERS, Column, Columns

_MANY = 20
"""Inputs of one column that are told of."""

_SHOWN = 3


@dataclass(frozen=True)
class Replaced:
    """Cells of one column in whose place something else was put.

    Parameters
    ----------
    missing, unseen : int
        Cells without a value, and cells with one that training did not have.
    examples : tuple of str
        A few of the latter.
    outside : int
        Numbers that were kept, far outside of the range of training.
    """

    missing: int = 0
    unseen: int = 0
    examples: tuple[str, ...] = ()
    outside: int = 0

    def merged(self, other: "Replaced") -> "Replaced":
        """Cells of both."""
        examples = sorted({*self.examples, *other.examples})[: _SHOWN + 1]
        return Replaced(
            self.missing + other.missing, self.unseen + other.unseen, tuple(examples),
            self.outside + other.outside,
        )  # fmt: skip


Tally = Mapping[str, Replaced]
"""What was replaced in each column, by its name."""


def merged(tallies: Iterable[Tally]) -> Tally:
    """What was replaced in several parts of a table."""
    found: dict[str, Replaced] = {}
    for tally in tallies:
        for name, one in tally.items():
            found[name] = found.get(name, Replaced()).merged(one)
    return found


def replaced(columns: Columns, tally: Tally) -> tuple[str, ...]:
    """Lines on what was put in place of cells, by column."""
    lines: list[str] = []
    for column in columns.inputs:
        found = tally.get(column.name, Replaced())
        if found.missing:
            lines.append(
                f"{_count(found.missing, 'missing value')} in '{column.name}' {_as(column)}"
            )
        if found.unseen:
            examples = ", ".join(f"'{name}'" for name in found.examples[:_SHOWN])
            examples += ", ..." * (len(found.examples) > _SHOWN)
            lines.append(
                f"{_count(found.unseen, 'value')} in '{column.name}' not seen in training, encoded "
                f"as zeros: {examples}"
            )
        if found.outside:
            ends = f"{_shown(column, column.low)} to {_shown(column, column.high)}"
            lines.append(
                f"{_count(found.outside, 'value')} in '{column.name}' far outside the range of "
                f"training, {ends}"
            )
    return tuple(lines)


def counts(tally: Tally) -> dict[str, dict[str, int]]:
    """Cells of each column that were replaced, or are far outside, as plain data."""
    names = ("missing", "unseen", "outside")
    return {
        column: {name: getattr(one, name) for name in names if getattr(one, name)}
        for column, one in tally.items()
    }


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count > 1)}"


def _as(column: Column) -> str:
    """What stands for a missing cell."""
    if column.kind not in NUMBERS:
        return f"taken as the category '{MISSING}'"
    return f"replaced by the mean {_shown(column, column.mean)}"


def _shown(column: Column, value: float | None) -> str:
    """A number or a date of a column."""
    value = 0.0 if value is None else value
    return column.date_of(value) if column.kind == "date" else f"{value:.4g}"


def guessed(columns: Columns) -> tuple[str, ...]:
    """Lines on what columns were taken for, where that may not be what is meant."""
    left_out = (f"column '{name}' is constant and left out" for name in columns.left_out)
    return (*left_out, *(line for column in columns.inputs if (line := _guess(column))))


def _guess(column: Column) -> str:
    if column.kind == "date":
        return f"column '{column.name}' holds dates, taken as one number: days since 1970-01-01"
    words = [c for c in column.categories if c != MISSING and not _is_number(c)]
    taken = f"column '{column.name}' is taken as text, one input for each of its"
    if words and len(words) < len(column.categories) / 2:
        return f"{taken} {len(column.categories)} values: '{words[0]}' is no number"
    if len(column.categories) > _MANY:
        return f"{taken} {len(column.categories)} different values"
    return ""


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False

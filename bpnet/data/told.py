"""What is told of a table: what its columns were taken for, and which cells were replaced."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bpnet.data.columns import MISSING, NUMBERS, OTHER, Column, Columns
from bpnet.data.naming import listed

if TYPE_CHECKING:
    from bpnet.data.learning import Taken

_SHOWN = 3

_LINES = 40
"""Columns that are told of one by one."""


@dataclass(frozen=True)
class Replaced:
    """Cells of one column in whose place something else was put, with a few examples.

    ``missing`` cells have no value, ``unseen`` ones a value that training did not have, ``bad``
    ones are no number or date in a column of such, and count as missing. Numbers ``outside`` were
    kept, far outside of the range of training.
    """

    missing: int = 0
    unseen: int = 0
    examples: tuple[str, ...] = ()
    bad: int = 0
    bad_example: str = ""
    outside: int = 0

    def merged(self, other: "Replaced") -> "Replaced":
        """Cells of both."""
        examples = sorted({*self.examples, *other.examples})[: _SHOWN + 1]
        return Replaced(
            self.missing + other.missing, self.unseen + other.unseen, tuple(examples),
            self.bad + other.bad, self.bad_example or other.bad_example,
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


def replaced(columns: Columns | None, tally: Tally) -> tuple[str, ...]:
    """Lines on what was put in place of cells, by column."""
    lines: list[str] = []
    for column in () if columns is None else columns.inputs:
        found = tally.get(column.name, Replaced())
        if found.missing:
            lines.append(
                f"{_count(found.missing, 'missing value')} in '{column.name}' {_filled(column)}"
            )
        lines += strange(column, found)
        if found.outside:
            ends = f"{_shown(column, column.low)} to {_shown(column, column.high)}"
            lines.append(
                f"{_count(found.outside, 'value')} in '{column.name}' far outside the range of "
                f"training, {ends}"
            )
    return tuple(lines)


def counts(tally: Tally) -> dict[str, dict[str, int]]:
    """Cells of each column that were replaced, or are far outside, as plain data."""
    names = ("missing", "bad", "unseen", "outside")
    return {
        column: {name: getattr(one, name) for name in names if getattr(one, name)}
        for column, one in tally.items()
    }


def strange(column: Column, found: Replaced) -> list[str]:
    """Lines on cells that are no numbers, and on values that training did not have."""
    lines = []
    if found.bad:
        what = "date" if column.kind == "date" else "number"
        verb = "are" if found.bad > 1 else "is"
        lines.append(
            f"{_count(found.bad, 'value')} in '{column.name}' {verb} no {what} and counted as "
            f"missing, first {found.bad_example}"
        )
    if found.unseen:
        examples = listed(found.examples, _SHOWN)
        how = "not seen in training, encoded as zeros"
        if column.rare:
            how = f"rare or not seen in training, taken as '{OTHER}'"
        lines.append(f"{_count(found.unseen, 'value')} in '{column.name}' {how}: {examples}")
    return lines


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count > 1)}"


def _filled(column: Column) -> str:
    """What stands for a missing cell."""
    if column.kind not in NUMBERS:
        return f"taken as the category '{MISSING}'"
    return f"replaced by the mean {_shown(column, column.mean)}"


def filled_with(column: Column) -> str:
    """What stands for a missing cell, in a table."""
    return _filled(column).removeprefix("replaced by ").removeprefix("taken as ")


def _shown(column: Column, value: float | None) -> str:
    """A number or a date of a column."""
    value = 0.0 if value is None else value
    return column.date_of(value) if column.kind == "date" else f"{value:.4g}"


def taken(every: Sequence["Taken"]) -> tuple[str, ...]:
    """Table of what columns are taken for, one line each."""
    rows = [("column", "taken as", "inputs", "missing", "filled with")]
    for one in every[:_LINES]:
        column, found = one.column, one.replaced
        missing = found.missing + found.bad
        inputs, filled = 0, ""
        what = f"left out: {one.why}"
        if column is not None:
            inputs, what = len(column.features), _what(column, one.different)
            filled = filled_with(column)
        filled = filled if missing and column is not None else ""
        rows.append((one.seen.name, what, f"{inputs}", f"{missing}", filled))
    widths = [max(len(row[j]) for row in rows) for j in range(4)]
    lines = [
        f"{name:<{widths[0]}}  {what:<{widths[1]}}  {inputs:>{widths[2]}}  {missing:>{widths[3]}}  "
        f"{filled}".rstrip()
        for name, what, inputs, missing, filled in rows
    ]
    left = every[_LINES:]
    if left:
        count = sum(len(one.column.features) for one in left if one.column is not None)
        lines.append(f"... and {len(left)} more columns, {count:,} inputs")
    return tuple(lines)


def _what(column: Column, different: int) -> str:
    if column.kind == "number":
        return "number, with decimal commas" if column.format == "," else "number"
    if column.kind == "date":
        return f"date, as {column.format}" if column.format else "date"
    if column.kind == "boolean":
        return "true or false"
    rare = f", the rare ones as '{OTHER}'" * column.rare
    return f"text of {different:,} values{rare}"


def left_out(every: Sequence["Taken"]) -> tuple[str, ...]:
    """Lines on columns that are no inputs, and on cells that were counted as something else."""
    lines = []
    for one in every:
        if one.column is None:
            lines.append(f"column '{one.seen.name}' is left out: {one.why}")
        else:
            lines += strange(one.column, one.replaced)
            words = [c for c in one.column.categories if c not in {MISSING, OTHER}]
            odd = [word for word in words if not _is_number(word)]
            if one.column.kind == "text" and odd and len(odd) < len(words) / 2:
                lines.append(
                    f"column '{one.column.name}' is taken as text: '{odd[0]}' is no number"
                )
    return tuple(lines)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

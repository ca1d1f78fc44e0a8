"""Notes on a table: what its columns are taken for, and which of their cells were replaced."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bpnet.data.columns import MISSING, NUMBERS, OTHER, Column, Columns
from bpnet.data.naming import listed

if TYPE_CHECKING:  # learning imports this module
    from bpnet.data.learning import Learned

_EXAMPLES = 3  # values of a column that a note lists
_LINES = 40  # columns that have a line of their own


@dataclass(frozen=True)
class Replaced:
    """Counts of the cells of one column in whose place something else was put.

    ``missing`` cells have no value, ``unseen`` ones a value that training did not have, with a few
    ``examples``; ``bad`` ones are no number or date in a column of such, and count as missing.
    Numbers ``outside`` are kept, far outside the range of training.
    """

    missing: int = 0
    unseen: int = 0
    examples: tuple[str, ...] = ()
    bad: int = 0
    bad_example: str = ""
    outside: int = 0

    def merged(self, other: "Replaced") -> "Replaced":
        """Counts of the cells of both."""
        # One more is kept than a note lists, so that the note can end in dots.
        examples = sorted({*self.examples, *other.examples})[: _EXAMPLES + 1]
        return Replaced(
            self.missing + other.missing, self.unseen + other.unseen, tuple(examples),
            self.bad + other.bad, self.bad_example or other.bad_example,
            self.outside + other.outside,
        )  # fmt: skip


Tally = Mapping[str, Replaced]  # the counts of each column, by its name


def merged(tallies: Iterable[Tally]) -> Tally:
    """Counts of several parts of a table."""
    total: dict[str, Replaced] = {}
    for tally in tallies:
        for name, one in tally.items():
            total[name] = total.get(name, Replaced()).merged(one)
    return total


def counts(tally: Tally) -> dict[str, dict[str, int]]:
    """Counts of each column that are not 0, as plain data."""
    names = ("missing", "bad", "unseen", "outside")
    return {
        column: {name: getattr(one, name) for name in names if getattr(one, name)}
        for column, one in tally.items()
    }


def lines(columns: Columns | None, tally: Tally) -> tuple[str, ...]:
    """Lines on the cells that were replaced, by column."""
    notes: list[str] = []
    for column in () if columns is None else columns.inputs:
        one = tally.get(column.name, Replaced())
        if one.missing:
            verb = "replaced by" if column.kind in NUMBERS else "taken as"
            count = _count(one.missing, "missing value")
            notes.append(f"{count} in '{column.name}' {verb} {filled_with(column)}")
        notes += _unusable(column, one)
        if one.outside:
            ends = f"{_value(column, column.low)} to {_value(column, column.high)}"
            notes.append(
                f"{_count(one.outside, 'value')} in '{column.name}' far outside the range of "
                f"training, {ends}"
            )
    return tuple(notes)


def _unusable(column: Column, one: Replaced) -> list[str]:
    """Lines on cells that are no numbers, and on values that training did not have."""
    notes = []
    if one.bad:
        what = "date" if column.kind == "date" else "number"
        verb = "are" if one.bad > 1 else "is"
        notes.append(
            f"{_count(one.bad, 'value')} in '{column.name}' {verb} no {what} and counted as "
            f"missing, first {one.bad_example}"
        )
    if one.unseen:
        how = "not seen in training, encoded as zeros"
        if column.rare:
            how = f"rare or not seen in training, taken as '{OTHER}'"
        examples = listed(one.examples, _EXAMPLES)
        notes.append(f"{_count(one.unseen, 'value')} in '{column.name}' {how}: {examples}")
    return notes


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count > 1)}"


def filled_with(column: Column) -> str:
    """Name the value that stands for a missing cell."""
    if column.kind in NUMBERS:
        return f"the mean {_value(column, column.mean)}"
    return f"the category '{MISSING}'"


def _value(column: Column, value: float | None) -> str:
    """A number or a date of a column."""
    return column.date_of(value or 0.0) if column.kind == "date" else f"{value or 0.0:.4g}"


def column_table(every: Sequence["Learned"]) -> tuple[str, ...]:
    """Table of what columns are taken for, one line each."""
    rows = [("column", "taken as", "inputs", "missing", "filled with")]
    for one in every[:_LINES]:
        missing = one.replaced.missing + one.replaced.bad
        inputs, what, filled = 0, f"left out: {one.why}", ""
        if one.column is not None:
            inputs, what = len(one.column.features), _kind(one.column, one.different)
            filled = filled_with(one.column) if missing else ""
        rows.append((one.scan.name, what, f"{inputs}", f"{missing}", filled))
    widths = [max(len(row[j]) for row in rows) for j in range(4)]
    table = [
        f"{name:<{widths[0]}}  {what:<{widths[1]}}  {inputs:>{widths[2]}}  {missing:>{widths[3]}}  "
        f"{filled}".rstrip()
        for name, what, inputs, missing, filled in rows
    ]
    if rest := every[_LINES:]:
        count = sum(len(one.column.features) for one in rest if one.column is not None)
        table.append(f"... and {len(rest)} more columns, {count:,} inputs")
    return tuple(table)


def _kind(column: Column, different: int) -> str:
    if column.kind == "number":
        return "number, with decimal commas" if column.format == "," else "number"
    if column.kind == "date":
        return f"date, as {column.format}" if column.format else "date"
    if column.kind == "boolean":
        return "true or false"
    rare = f", the rare ones as '{OTHER}'" * column.rare
    return f"text of {different:,} values{rare}"


def column_notes(every: Sequence["Learned"]) -> tuple[str, ...]:
    """Lines on columns that are no inputs, and on cells that were counted as something else."""
    notes = []
    for one in every:
        if one.column is None:
            notes.append(f"column '{one.scan.name}' is left out: {one.why}")
            continue
        notes += _unusable(one.column, one.replaced)
        words = [c for c in one.column.categories if c not in {MISSING, OTHER}]
        odd = [word for word in words if not _is_number(word)]
        # A column of mostly numbers may be text by a typing error, which this note shows.
        if one.column.kind == "text" and odd and len(odd) < len(words) / 2:
            notes.append(f"column '{one.column.name}' is taken as text: '{odd[0]}' is no number")
    return tuple(notes)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

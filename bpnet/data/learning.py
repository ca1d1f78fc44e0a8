"""Learning of a table's columns: types, statistics and categories, in one pass over the rows."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.data import cells
from bpnet.data.columns import DATE_PARTS, MISSING, NUMBERS, OTHER, Column
from bpnet.data.frames import Table
from bpnet.data.options import ColumnOptions
from bpnet.data.replacements import Replaced
from bpnet.data.scan import MOST_WORDS, Place, Reading, Scan
from bpnet.data.targets import FEW
from bpnet.errors import InputError

Host = npt.NDArray[Any]

MOST = {False: 50, True: MOST_WORDS}
"""Categories of a column: of one that nobody called categorical, and of one that is."""

_RARE_ROWS, _RARE_SHARE = 10, 0.005
"""A category of fewer rows, and of a smaller share of them, is rare."""

_MEASURED = re.compile(r"[+-]?\d[\d.,]*\s*(\D+)")
"""A number and its unit, such as ``79.3 m²``."""

_COUNTED = 50
"""Rows from which on a column that counts them is the number of the row, whatever its name."""

_PIECE = 1 << 22  # cells that are read at a time


@dataclass(frozen=True)
class Learned:
    """Result of learning a column: how it becomes inputs, or why it is left out.

    ``bad`` cells are no numbers and count as missing, the first of them is ``example``; ``unseen``
    counts values that occur only in rows that are held out; ``different`` is the number of
    different values of text.
    """

    scan: Scan
    column: Column | None
    why: str = ""
    bad: int = 0
    example: str = ""
    unseen: dict[str, int] = field(default_factory=dict)
    different: int = 0

    @property
    def replaced(self) -> Replaced:
        """Counts of the cells that are replaced."""
        unseen = Replaced(0, sum(self.unseen.values()), tuple(sorted(self.unseen)))
        is_numeric = self.column is not None and not self.column.categories
        missing = self.scan.missing + self.scan.marks * is_numeric
        return Replaced(missing, 0, (), self.bad, self.example).merged(unseen)


def learn(
    table: Table, names: Sequence[str], index: Host | None, options: ColumnOptions, *,
    keep: bool = False,
) -> list[Learned]:  # fmt: skip
    """Learn means, deviations and categories of columns from the rows in ``index``, or all.

    With ``keep`` columns that count the rows are inputs too, for where there are no others.
    """
    comma = table.separator in {";", "\t"}
    scans = [Scan(name, options.role(name) or "kept" * keep, comma) for name in names]
    for run in table.runs(max(1, _PIECE // max(1, len(table.names)))):
        frame, where = table.read(run, names), table.parts[run.part].where
        place = Place(picked(index, run.begin, run.rows), run.first, run.begin)
        for scan in scans:
            series = frame[scan.name]
            if cells.is_categorical(series.dtype):
                scan.role = scan.role or "categorical"
            scan.add(cells.plain(series, where, run.first), place)
    return [_learned(scan, table.where) for scan in scans]


def picked(index: Host | None, begin: int, rows: int) -> Any:
    """Rows of a run that are in a sorted index, counted from the first; None where all are."""
    if index is None:
        return None
    first, last = np.searchsorted(index, (begin, begin + rows))
    return None if last - first == rows else index[first:last] - begin


def _learned(scan: Scan, where: str) -> Learned:
    """Decide how a column becomes inputs, after the scan of all of its rows."""
    kind, style = scan.taken_as()
    is_numeric = kind in NUMBERS
    reading = scan.readings.get((kind, style), Reading())
    moments = reading.moments if is_numeric else None
    if not scan.known or (is_numeric and moments is None):
        text = (reading.bad or scan.word) if scan.known else ""
        return Learned(scan, None, f"it has no number, as {text}" if text else "it has no values")
    # `different` is filled only for a column with the name of an identifier.
    if scan.different and not (scan.repeats or scan.missing or scan.role) and kind != "date":
        return Learned(scan, None, "it names the rows")
    if moments is None:
        return _categories(scan, kind)
    means, stds, lows, highs = (
        np.atleast_1d(value).tolist()
        for value in (moments.mean, moments.std, moments.low, moments.high)
    )
    if lows[0] == highs[0]:
        return Learned(scan, None, "it is constant")
    # `numbered` has the difference of value and row: 0 or 1 throughout where rows are counted.
    counts = scan.rows >= _COUNTED and len(scan.numbered) == 1 and scan.numbered <= {0, 1}
    if counts and not scan.role:
        return Learned(scan, None, "it counts the rows")
    if reading.infinite:
        message = f"{where}: column '{scan.name}' is infinite in data row {reading.infinite}"
        raise InputError(f"{message}: give numbers")
    check_units(means[0], stds[0], scan.name, where)
    parts = zip(DATE_PARTS, means[1:], stds[1:], strict=False)
    bad = scan.known - scan.marks - reading.cells
    column = Column(
        scan.name, kind, means[0], stds[0], parts=tuple(part for part in parts if part[2] > 0),
        indicator=moments.count < scan.kept, format=style, low=float(lows[0]),
        high=float(highs[0]), lenient=bad > 0 or scan.role == "numeric",
    )  # fmt: skip
    return Learned(scan, column, "", bad, reading.bad or scan.word)


def _categories(scan: Scan, kind: str) -> Learned:
    """Column of categories, of which the rare ones share an input."""
    is_said = scan.role == "categorical"
    counts = scan.counts
    if kind == "boolean":
        counts = Counter[str]()
        for name, count in scan.counts.items():
            counts[name.lower()] += count
    # Text that seldom repeats, such as names or remarks, tells nothing about other rows.
    if not is_said and len(counts) > max(FEW, counts.total() // 2):
        units = {match[1] if (match := _MEASURED.fullmatch(word)) else "" for word in counts}
        unit = units.pop() if len(units) == 1 else ""
        cure = f"; without '{unit}' they are numbers" * bool(unit)
        return Learned(scan, None, f"it is text with {len(counts):,} different values{cure}")
    rare = min(_RARE_ROWS, _RARE_SHARE * scan.kept)
    # Equal counts are ordered by name, so that the order of the rows does not matter.
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    common = [name for name, count in ordered if count >= rare][: MOST[is_said]]
    has_rare = len(common) < len(counts)
    lacking = [MISSING] * (scan.kept_missing > 0)
    categories = tuple(sorted({*common, *lacking, *[OTHER] * has_rare}))
    if len(categories) < 2:
        why = "it is constant" if len(counts) < 2 else "its values are all rare"
        return Learned(scan, None, why)
    column = Column(scan.name, kind, categories=categories, rare=has_rare)
    # Where rare values share an input, a value that training did not have gets that input too.
    unseen = {} if has_rare else {n: c for n, c in scan.others.items() if n not in scan.counts}
    return Learned(scan, column, "", unseen=unseen, different=len(counts))


def check_units(mean: float, std: float, name: str, where: str) -> None:
    """Refuse a column that cannot be standardized."""
    if not (np.isfinite(std) and std > 0):
        raise InputError(
            f"{where}: column '{name}' can't be standardized, its deviation is {std}: rescale it"
        )

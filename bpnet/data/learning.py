"""What becomes of a table's columns: types, statistics and categories, learned in one pass."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.data import cells, told
from bpnet.data.columns import DATE_PARTS, MISSING, NUMBERS, OTHER, Column
from bpnet.data.frames import Table
from bpnet.data.seen import MOST_WORDS, Seen, Way
from bpnet.data.taking import Taking
from bpnet.data.targets import FEW
from bpnet.errors import InputError

MOST = {False: 50, True: MOST_WORDS}
"""Categories of a column: of one that nobody called categorical, and of one that is."""

_RARE_ROWS, _RARE_SHARE = 10, 0.005
"""A category of fewer rows, and of a smaller share of them, is rare."""

_COUNTED = 50
"""Rows from which on a column that counts them is the number of the row, whatever its name."""

_PIECE = 1 << 22
"""Cells that are read at a time."""


@dataclass(frozen=True)
class Taken:
    """What becomes of a column: how it becomes inputs, or why it is left out.

    ``bad`` cells are no numbers and count as missing, the first of them is ``example``; ``unseen``
    counts values that only rows have which were not learned from; ``different`` is the number of
    different values of text.
    """

    seen: Seen
    column: Column | None
    why: str = ""
    bad: int = 0
    example: str = ""
    unseen: dict[str, int] = field(default_factory=dict)
    different: int = 0

    @property
    def replaced(self) -> told.Replaced:
        """Cells in whose place something else is put."""
        unseen = told.Replaced(0, sum(self.unseen.values()), tuple(sorted(self.unseen)))
        is_numeric = self.column is not None and not self.column.categories
        missing = self.seen.missing + self.seen.marks * is_numeric
        return told.Replaced(missing, 0, (), self.bad, self.example).merged(unseen)


def learn(
    table: Table, names: Sequence[str], index: npt.NDArray[Any] | None, taking: Taking, *,
    keep: bool = False,
) -> list[Taken]:  # fmt: skip
    """Learn means, deviations and categories of columns from the rows in ``index``, or all.

    With ``keep`` columns that count the rows are inputs too, for where there are no others.
    """
    comma = table.separator in {";", "\t"}
    seen = [Seen(name, taking.of(name) or "kept" * keep, comma) for name in names]
    for run in table.runs(max(1, _PIECE // max(1, len(table.names)))):
        where = table.parts[run.part].where
        frame = table.read(run, names)
        picks = picked(index, run.begin, run.rows)
        for one in seen:
            series = frame[one.name]
            if cells.is_categorical(series.dtype) and not one.how:
                one.how = "categorical"
            one.add(cells.plain(series, where, run.first), picks, run.first, run.begin)
    return [_taken(one, table.where) for one in seen]


def picked(index: npt.NDArray[Any] | None, begin: int, rows: int) -> Any:
    """Which rows of a run are in a sorted index, counted from its first; None where all are."""
    if index is None:
        return None
    first, last = np.searchsorted(index, (begin, begin + rows))
    return None if last - first == rows else index[first:last] - begin


def _taken(seen: Seen, where: str) -> Taken:
    """What becomes of a column of which all rows were seen."""
    kind, style = seen.taken_as()
    way = seen.ways.get((kind, style), Way())
    is_numeric = kind in NUMBERS
    if why := _needless(seen, way if is_numeric else None):
        return Taken(seen, None, why)
    if not is_numeric:
        return _categories(seen, kind)
    bad = seen.known - seen.marks - way.cells
    column = _numeric(seen, kind, style, way, where)
    column = replace(column, lenient=bad > 0 or seen.how == "numeric")
    return Taken(seen, column, "", bad, way.bad or seen.word)


def _needless(seen: Seen, way: Way | None) -> str:
    """Why a column is left out, if it is, by what it holds or by the way its numbers are."""
    if not seen.known or (way is not None and way.moments is None):
        return "it has no values"
    names = seen.different and not seen.repeats and not seen.missing
    if names and not seen.how and seen.taken_as()[0] != "date":
        return "it names the rows"
    if way is None or way.moments is None:
        return ""
    if np.ravel(way.moments.low)[0] == np.ravel(way.moments.high)[0]:
        return "it is constant"
    counts = seen.rows >= _COUNTED and len(seen.numbered) == 1 and seen.numbered <= {0, 1}
    return "it counts the rows" if counts and not seen.how else ""


def _numeric(seen: Seen, kind: str, style: str, way: Way, where: str) -> Column:
    assert way.moments is not None
    if way.infinite:
        message = f"{where}: column '{seen.name}' is infinite in data row {way.infinite}"
        raise InputError(f"{message}: give numbers")
    means, stds, lows, highs = (
        np.atleast_1d(value).tolist()
        for value in (way.moments.mean, way.moments.std, way.moments.low, way.moments.high)
    )
    check_units(means[0], stds[0], seen.name, where)
    parts = zip(DATE_PARTS, means[1:], stds[1:], strict=False)
    return Column(
        seen.name, kind, means[0], stds[0], parts=tuple(part for part in parts if part[2] > 0),
        indicator=way.moments.count < seen.kept, format=style, low=float(lows[0]),
        high=float(highs[0]),
    )  # fmt: skip


def _categories(seen: Seen, kind: str) -> Taken:
    is_said = seen.how == "categorical"
    counts = seen.counts
    if kind == "boolean":
        counts = Counter[str]()
        for name, count in seen.counts.items():
            counts[name.lower()] += count
    if not is_said and len(counts) > max(FEW, counts.total() // 2):
        return Taken(seen, None, f"it is text with {len(counts):,} different values")
    rare = min(_RARE_ROWS, _RARE_SHARE * seen.kept)
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    common = [name for name, count in ordered if count >= rare][: MOST[is_said]]
    has_rare = len(common) < len(counts)
    lacking = [MISSING] * (seen.kept_missing > 0)
    categories = tuple(sorted({*common, *lacking, *[OTHER] * has_rare}))
    if len(categories) < 2:
        why = "it is constant" if len(counts) < 2 else "its values are all rare"
        return Taken(seen, None, why)
    column = Column(seen.name, kind, categories=categories, rare=has_rare)
    unseen = {} if has_rare else {n: c for n, c in seen.others.items() if n not in seen.counts}
    return Taken(seen, column, "", unseen=unseen, different=len(counts))


def check_units(mean: float, std: float, name: str, where: str) -> None:
    """Refuse a column that cannot be standardized."""
    if not (np.isfinite(std) and std > 0):
        message = (
            f"{where}: column '{name}' can't be standardized, its deviation is {std}: rescale it"
        )
        raise InputError(message)

"""What a table has in its columns: types, statistics and categories, in one pass over its rows."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpnet.data import cells, told
from bpnet.data.columns import DATE_PARTS, MISSING, OTHER, Column
from bpnet.data.encoding import FEW_BAD, as_text, bad_example
from bpnet.data.frames import Table
from bpnet.data.moments import Moments
from bpnet.data.taking import Taking
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

FEW = 20
"""Different values that are fine however few the rows."""

MOST = {False: 50, True: 1000}
"""Categories of a column: of one that nobody called categorical, and of one that is."""

_RARE_ROWS, _RARE_SHARE = 10, 0.005
"""A category of fewer rows, and of a smaller share of them, is rare."""

_COUNTED = 50
"""Rows from which on a column that counts them is the number of the row, whatever its name."""

_PIECE = 1 << 22
"""Cells that are read at a time."""

_VALUES = 1 << 16
"""Different values after which they are not counted on."""

_SAMPLE = 100
"""Values of which one at least is a date in a column of dates."""

_ID = re.compile(
    r"unnamed: \d+|(__)?index(_level_\d+__)?|level_\d+|row[ _-]?(names?|num|number|nr|id)?|nr\.?|"
    r"no\.?|#|obs|record|uuid|guid|key|(.*[ _.-])?id|.*[a-z]Id|.*[a-z]ID",
)
"""Names of columns that number or name the rows."""


@dataclass(eq=False)
class _Way:
    """One way to read text: how many cells could be read, and what they are."""

    cells: int = 0
    bad: str = ""
    infinite: int = 0
    is_whole: bool = True
    moments: Moments | None = None
    values: set[Any] = field(default_factory=set)


@dataclass(eq=False)
class Seen:
    """What was seen of one column so far.

    Parameters
    ----------
    name : str
        Of the column.
    how : {"", "categorical", "numeric", "kept"}
        What it was said to be; "kept" says no more than that it is an input.
    comma : bool
        Whether a number with one comma is read with a decimal one, in doubt.
    """

    name: str
    how: str = ""
    comma: bool = False
    rows: int = 0
    missing: int = 0
    marks: int = 0
    kept: int = 0
    kept_missing: int = 0
    booleans: int = 0
    word: str = ""
    stored: str = ""
    ways: dict[tuple[str, str], _Way] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    numbered: set[int] = field(default_factory=set)
    different: set[Any] = field(default_factory=set)
    repeats: bool = False
    styles: tuple[str, ...] | None = None

    def add(self, series: "pl.Series", picks: Any, first: int, begin: int) -> None:
        """Look at the cells of a run, plain.

        Parameters
        ----------
        series : polars.Series
            All cells.
        picks : array of int or None
            Which of them are learned from; all by default.
        first, begin : int
            Rows of the part before these, and of the table.
        """
        kind = cells.kind(series)
        self.rows += len(series)
        self.missing += series.null_count()
        kept = _picked(series, picks)
        self.kept += len(kept)
        self.kept_missing += kept.null_count()
        if self.stored != "text" and (series.null_count() < len(series) or not self.stored):
            self.stored = kind
        if _ID.fullmatch(self.name) or _ID.fullmatch(self.name.lower()):
            self._differ(series)
        if kind == "text":
            self._texts(series, picks, first, begin)
        elif kind == "boolean" or self.how == "categorical":
            self._count(as_text(series), picks)
        else:
            kind = "date" if kind == "date" else "number"
            self._read((kind, ""), series, series, picks, first, begin)

    def _texts(self, text: "pl.Series", picks: Any, first: int, begin: int) -> None:
        self._count(text, picks)
        if self.how == "categorical":
            return
        if self._are_words(text.drop_nulls().value_counts().get_columns()):
            self.word = self.word or bad_example(text, text.is_not_null(), first)
            return
        bare = cells.without_marks(text)
        has_comma = ("number", ",") in self.ways or bool(text.str.contains(",", literal=True).any())
        if has_comma and ("number", "") in self.ways:  # what came before has none
            before = self.ways[("number", "")]
            before = replace(before, values=set(before.values))
            self.ways.setdefault(("number", ","), before)
        for style in ("", ",")[: 1 + has_comma]:
            read = cells.numbers(bare, style)
            self._read(("number", style), bare, read, picks, first, begin)
        if self.styles is None and bare.null_count() < len(bare):
            sample = bare.drop_nulls().head(_SAMPLE)
            self.styles = tuple(
                style for style in cells.DATE_STYLES
                if cells.dates(sample, style).null_count() < len(sample)
            ) if sample.str.contains(r"\d").any() else ()  # fmt: skip
        for style in self.styles or ():
            self._read(("date", style), bare, cells.dates(bare, style), picks, first, begin)

    def _are_words(self, counted: "list[pl.Series]") -> bool:
        """Count marks and booleans among the different values; whether none is number or date."""
        values, counts = counted
        bare = cells.without_marks(values)
        self.marks += int(counts.filter(bare.is_null()).sum())
        self.booleans += int(
            counts.filter(values.str.to_lowercase().is_in(["true", "false"])).sum()
        )
        few = len(values) <= MOST[True]
        return few and not bare.str.contains(r"\d").any()

    def _read(
        self, how: tuple[str, str], bare: "pl.Series", values: "pl.Series", picks: Any, first: int,
        begin: int,
    ) -> None:  # fmt: skip
        """Take cells that were read one way into account."""
        way = self.ways.setdefault(how, _Way())
        found = len(values) - values.null_count()
        way.cells += found
        way.is_whole &= not found or values.dtype.is_integer()
        bad = values.is_null() & bare.is_not_null()
        way.bad = way.bad or bad_example(bare, bad, first)
        row = None if how[0] == "date" or way.infinite else cells.infinite(values)
        way.infinite = way.infinite if row is None else cells.data_row(first, row)
        if not found:
            return
        if how == ("number", ""):
            self._number(values, begin)
        if len(way.values) <= FEW:
            way.values.update(values.drop_nulls().unique().head(FEW + 1).to_list())
        kept = _picked(values, picks).drop_nulls()
        if len(kept):
            parts = cells.date_parts(kept) if how[0] == "date" else kept.to_numpy()
            moments = Moments.of(parts)
            way.moments = moments if way.moments is None else way.moments.merged(moments)

    def _number(self, values: "pl.Series", begin: int) -> None:
        """Notice whether whole numbers count the rows."""
        counts = values.dtype.is_integer() and not values.null_count()
        if counts and len(self.numbered) < 2:
            beyond = values.to_numpy() - np.arange(begin, begin + len(values))
            self.numbered |= {int(beyond.min()), int(beyond.max())}
        elif not counts:
            self.numbered |= {-1, -2}  # no one distance from the row's number

    def _differ(self, series: "pl.Series") -> None:
        """Notice whether a value comes twice."""
        known = series.drop_nulls()
        unique = known.unique()
        self.repeats |= len(unique) < len(known)
        if not self.repeats and len(self.different) < _VALUES:
            values = set(unique.head(_VALUES).to_list())
            self.repeats |= not values.isdisjoint(self.different)
            self.different |= values

    def _count(self, text: "pl.Series", picks: Any) -> None:
        if len(self.counts) > _VALUES:
            return
        kept = _picked(text, picks)
        self.counts.update(_counted(kept))
        if picks is not None:
            self.others.update(_counted(text))

    @property
    def known(self) -> int:
        """Cells that have a value."""
        return self.rows - self.missing

    def taken_as(self) -> tuple[str, str]:
        """What the cells are read as, and how: a number, a date, text or a boolean."""
        if self.how == "categorical":
            return "text", ""
        if self.stored != "text" and self.known:
            return {"integer": "number", "real": "number"}.get(self.stored, self.stored), ""
        if self.how == "numeric":
            return self._best("number") or ("number", "")
        if self.known and self.booleans == self.known:
            return "boolean", ""
        for kind in ("number", "date"):
            best = self._best(kind)
            if best is not None and self._is_plausible(self.ways[best]):
                return best
        return "text", ""

    def is_whole(self, style: str) -> bool:
        """Whether all numbers are whole."""
        return self.ways[("number", style)].is_whole

    def _best(self, kind: str) -> tuple[str, str] | None:
        ways = [way for way in self.ways if way[0] == kind and self.ways[way].cells]
        if self.comma:
            ways.sort(key=lambda way: way[1] != ",")
        return max(ways, key=lambda way: self.ways[way].cells, default=None)

    def _is_plausible(self, way: _Way) -> bool:
        """Whether cells that could not be read are gaps among others, and no categories."""
        bare = self.known - self.marks
        if way.cells == bare:
            return self.marks == 0 or len(way.values) > 2
        return bare - way.cells <= FEW_BAD * bare and len(way.values) > FEW

    def column(self, where: str) -> "Taken":
        """What becomes of the column."""
        kind, style = self.taken_as()
        way = self.ways.get((kind, style), _Way())
        is_numeric = kind in {"number", "date"}
        if why := self._needless(way if is_numeric else None):
            return Taken(self, None, why)
        if not is_numeric:
            return self._categories(kind)
        bad = self.known - self.marks - way.cells
        column = self._numeric(kind, style, way, where)
        column = replace(column, lenient=bad > 0 or self.how == "numeric")
        return Taken(self, column, "", bad, way.bad or self.word)

    def _needless(self, way: _Way | None) -> str:
        """Why the column is left out, if it is, by what it holds or by the way its numbers are."""
        if not self.known or (way is not None and way.moments is None):
            return "it has no values"
        names = self.different and not self.repeats and not self.missing
        if names and not self.how and self.taken_as()[0] != "date":
            return "it names the rows"
        if way is None or way.moments is None:
            return ""
        if np.ravel(way.moments.low)[0] == np.ravel(way.moments.high)[0]:
            return "it is constant"
        counts = self.rows >= _COUNTED and len(self.numbered) == 1 and self.numbered <= {0, 1}
        return "it counts the rows" if counts and not self.how else ""

    def _numeric(self, kind: str, style: str, way: _Way, where: str) -> Column:
        assert way.moments is not None
        if way.infinite:
            message = f"{where}: column '{self.name}' is infinite in data row {way.infinite}"
            raise InputError(f"{message}: give numbers")
        lacking = way.moments.count < self.kept
        means = np.atleast_1d(way.moments.mean).tolist()
        stds = np.atleast_1d(way.moments.std).tolist()
        check_units(means[0], stds[0], self.name, where)
        parts = tuple(
            (name, mean, std)
            for name, mean, std in zip(DATE_PARTS, means[1:], stds[1:], strict=False) if std > 0
        )  # fmt: skip
        low, high = (float(np.ravel(end)[0]) for end in (way.moments.low, way.moments.high))
        return Column(
            self.name, kind, means[0], stds[0], parts=parts, indicator=lacking, format=style,
            low=low, high=high,
        )  # fmt: skip

    def _categories(self, kind: str) -> "Taken":
        is_said = self.how == "categorical"
        counts = self.counts
        if kind == "boolean":
            counts = Counter[str]()
            for name, count in self.counts.items():
                counts[name.lower()] += count
        rows = sum(counts.values())
        if not is_said and len(counts) > max(FEW, rows // 2):
            return Taken(self, None, f"it is text with {len(counts):,} different values")
        rare = min(_RARE_ROWS, _RARE_SHARE * self.kept)
        common = [name for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
                  if count >= rare][: MOST[is_said]]  # fmt: skip
        has_rare = len(common) < len(counts)
        lacking = [MISSING] * (self.kept_missing > 0)
        categories = tuple(sorted({*common, *lacking, *[OTHER] * has_rare}))
        if len(categories) < 2:
            why = "it is constant" if len(counts) < 2 else "its values are all rare"
            return Taken(self, None, why)
        column = Column(self.name, kind, categories=categories, rare=has_rare)
        unseen = {} if has_rare else {n: c for n, c in self.others.items() if n not in self.counts}
        return Taken(self, column, "", unseen=unseen, different=len(counts))


@dataclass(frozen=True)
class Taken:
    """What becomes of a column, and why.

    Parameters
    ----------
    seen : Seen
        What was seen of it.
    column : Column or None
        How it becomes inputs; None where it is left out.
    why : str
        Why it is left out.
    bad : int
        Cells that are no numbers and count as missing.
    example : str
        The first of them.
    unseen : dict
        Values of rows that were not learned from alone, and how often they come.
    different : int
        Different values of text.
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
        marks = self.seen.marks
        missing = self.seen.missing + (marks if self.is_numeric else 0)
        return told.Replaced(missing, 0, (), self.bad, self.example).merged(unseen)

    @property
    def is_numeric(self) -> bool:
        """Whether it becomes numbers."""
        return self.column is not None and not self.column.categories


def _picked(series: "pl.Series", picks: Any) -> "pl.Series":
    return series if picks is None else series.gather(picks)


def _counted(text: "pl.Series") -> dict[str, int]:
    """How often each value comes, of the most common ones where they are very many."""
    import polars as pl

    frame = text.drop_nulls().cast(pl.String).alias("value").value_counts().head(_VALUES + 1)
    return dict(frame.iter_rows())


def check_units(mean: float, std: float, name: str, where: str) -> None:
    """Refuse a column that cannot be standardized."""
    if not (np.isfinite(std) and std > 0):
        message = (
            f"{where}: column '{name}' can't be standardized, its deviation is {std}: rescale it"
        )
        raise InputError(message)


def learn(
    table: Table,
    names: Sequence[str],
    index: npt.NDArray[Any] | None,
    taking: Taking,
    *,
    keep: bool = False,
) -> dict[str, Taken]:
    """Learn means, deviations and categories of columns, in one pass over the rows.

    Parameters
    ----------
    table : Table
        The rows.
    names : sequence of str
        Of the columns.
    index : array of int, optional
        Which rows to learn from, sorted; all by default.
    taking : Taking
        What columns were said to be.
    keep : bool
        Whether columns that count the rows are inputs too, where there are no others.

    Returns
    -------
    dict
        From the name of a column to what becomes of it.
    """
    comma = table.separator in {";", "\t"}
    seen = {name: Seen(name, taking.of(name) or "kept" * keep, comma) for name in names}
    for run in table.runs(max(1, _PIECE // max(1, len(table.names)))):
        where = table.parts[run.part].where
        frame = table.read(run, names)
        picks = picked(index, run.begin, run.rows)
        for name in names:
            series = frame[name]
            if cells.is_categorical(series.dtype) and not seen[name].how:
                seen[name].how = "categorical"
            seen[name].add(cells.plain(series, where, run.first), picks, run.first, run.begin)
    return {name: one.column(table.where) for name, one in seen.items()}


def picked(index: npt.NDArray[Any] | None, begin: int, rows: int) -> Any:
    """Which rows of a run are in a sorted index, counted from its first; None where all are."""
    if index is None:
        return None
    first, last = np.searchsorted(index, (begin, begin + rows))
    return None if last - first == rows else index[first:last] - begin

"""What is seen of a column, run by run: how its cells can be read, and what they are then."""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bpnet.data import cells
from bpnet.data.encoding import FEW_BAD, as_text, bad_example
from bpnet.data.moments import Moments
from bpnet.data.targets import FEW

if TYPE_CHECKING:
    import polars as pl

MOST_WORDS = 1000
"""Different values of text of which each is looked at."""

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
class Way:
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

    ``how`` is what the column was said to be, "categorical" or "numeric"; "kept" says no more than
    that it is an input. With ``comma`` a number with one comma is read with a decimal one, in
    doubt. ``kept`` counts the rows that are learned from, ``others`` the values of all rows.
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
    ways: dict[tuple[str, str], Way] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    numbered: set[int] = field(default_factory=set)
    different: set[Any] = field(default_factory=set)
    repeats: bool = False
    styles: tuple[str, ...] | None = None

    def add(self, series: "pl.Series", picks: Any, first: int, begin: int) -> None:
        """Look at all cells of a run, plain, of which those in ``picks`` are learned from.

        ``first`` rows of the part and ``begin`` rows of the table come before.
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
        counted = self._count(text, picks)
        if self.how == "categorical":
            return
        if self._are_words(*counted.get_columns()):
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

    def _are_words(self, values: "pl.Series", counts: "pl.Series") -> bool:
        """Count marks and booleans among the different values; whether none is number or date."""
        bare = cells.without_marks(values)
        self.marks += int(counts.filter(bare.is_null()).sum())
        is_boolean = values.str.to_lowercase().is_in(["true", "false"])
        self.booleans += int(counts.filter(is_boolean).sum())
        return len(values) <= MOST_WORDS and not bare.str.contains(r"\d").any()

    def _read(
        self, how: tuple[str, str], bare: "pl.Series", values: "pl.Series", picks: Any, first: int,
        begin: int,
    ) -> None:  # fmt: skip
        """Take cells that were read one way into account."""
        way = self.ways.setdefault(how, Way())
        found = len(values) - values.null_count()
        way.cells += found
        way.is_whole &= not found or values.dtype.is_integer()
        if values is not bare:
            way.bad = way.bad or bad_example(bare, values.is_null() & bare.is_not_null(), first)
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

    def _count(self, text: "pl.Series", picks: Any) -> "pl.DataFrame":
        """Count the values that are learned from, and return how often each of all comes."""
        every = _counted(text)
        if len(self.counts) <= _VALUES:
            kept = every if picks is None else _counted(_picked(text, picks))
            self.counts.update(_most(kept))
            self.others.update({} if picks is None else _most(every))
        return every

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

    def _is_plausible(self, way: Way) -> bool:
        """Whether cells that could not be read are gaps among others, and no categories."""
        bare = self.known - self.marks
        if way.cells == bare:
            return self.marks == 0 or len(way.values) > 2
        return bare - way.cells <= FEW_BAD * bare and len(way.values) > FEW


def _picked(series: "pl.Series", picks: Any) -> "pl.Series":
    return series if picks is None else series.gather(picks)


def _counted(text: "pl.Series") -> "pl.DataFrame":
    """How often each value comes."""
    return text.drop_nulls().alias("value").value_counts()


def _most(counted: "pl.DataFrame") -> dict[str, int]:
    """The same as a dict, of some of the values where they are very many."""
    return dict(counted.head(_VALUES + 1).iter_rows())

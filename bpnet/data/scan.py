"""Scan of a column, run by run: how its cells can be read, and what they are then."""

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

MOST_WORDS = 1000  # different values of text of which each is looked at
_VALUES = 1 << 16  # different values after which they are not counted on
_SAMPLE = 100  # values of which one at least is a date in a column of dates
_ID = re.compile(
    r"unnamed: \d+|(__)?index(_level_\d+__)?|level_\d+|row[ _-]?(names?|num|number|nr|id)?|nr\.?|"
    r"no\.?|#|obs|record|uuid|guid|key|(.*[ _.-])?id|.*[a-z]Id|.*[a-z]ID",
)
"""Names of columns that number or name the rows."""


@dataclass(eq=False)
class Reading:
    """One way to read a column, such as numbers with decimal commas, and what it gave so far.

    ``cells`` counts the cells that could be read, ``bad`` names the first that could not, and
    ``infinite`` is the data row of the first infinite number; ``values`` are some different ones.
    """

    cells: int = 0
    bad: str = ""
    infinite: int = 0
    is_whole: bool = True
    moments: Moments | None = None
    values: set[Any] = field(default_factory=set)


@dataclass(frozen=True, eq=False)
class Place:
    """Where a run of rows is: ``first`` rows of its part, ``begin`` rows of its table precede it.

    ``picks`` are the rows, counted from the first, that are learned from; None means all.
    """

    picks: Any = None
    first: int = 0
    begin: int = 0

    def picked(self, series: "pl.Series") -> "pl.Series":
        """Cells that are learned from."""
        return series if self.picks is None else series.gather(self.picks)


@dataclass(eq=False)
class Scan:
    """Counts and moments of one column after some runs of rows.

    ``role`` is what the user chose, "categorical" or "numeric"; "kept" says only that the column is
    an input. With ``comma`` a number with one comma is read with a decimal one, in doubt. ``kept``
    counts the rows that are learned from; ``counts`` has the values of these, ``others`` those of
    all rows. ``marks`` counts text that stands for no value, ``word`` is the first cell that is
    plainly text, and ``stored`` is the type of the cells in the source.
    """

    name: str
    role: str = ""
    comma: bool = False
    rows: int = 0
    missing: int = 0
    marks: int = 0
    kept: int = 0
    kept_missing: int = 0
    booleans: int = 0
    word: str = ""
    stored: str = ""
    readings: dict[tuple[str, str], Reading] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    numbered: set[int] = field(default_factory=set)
    different: set[Any] = field(default_factory=set)
    repeats: bool = False
    styles: tuple[str, ...] | None = None

    def add(self, series: "pl.Series", place: Place) -> None:
        """Take the plain cells of a run into account."""
        kind = cells.kind(series)
        self.rows += len(series)
        self.missing += series.null_count()
        kept = place.picked(series)
        self.kept += len(kept)
        self.kept_missing += kept.null_count()
        # A run of nulls does not tell the type, and one run of text makes the column text.
        if self.stored != "text" and (series.null_count() < len(series) or not self.stored):
            self.stored = kind
        # The capitals tell `userId` from `paid`; all other names are compared in small letters.
        if _ID.fullmatch(self.name) or _ID.fullmatch(self.name.lower()):
            self._differ(series)
        if kind == "text":
            self._texts(series, place)
        elif kind == "boolean" or self.role == "categorical":
            self._count(as_text(series), place)
        else:
            self._read(("date" if kind == "date" else "number", ""), series, series, place)

    def _texts(self, text: "pl.Series", place: Place) -> None:
        """Try to read text as numbers and dates, in all styles that may be those of the column."""
        counted = self._count(text, place)
        if self.role == "categorical":
            return
        if self._are_words(*counted.get_columns()):
            self.word = self.word or bad_example(text, text.is_not_null(), place.first)
            return
        bare = cells.without_marks(text)
        has_comma = ("number", ",") in self.readings
        has_comma = has_comma or bool(text.str.contains(",", literal=True).any())
        if has_comma and ("number", "") in self.readings:  # the runs before have no comma
            before = self.readings["number", ""]
            before = replace(before, values=set(before.values))  # both readings go on apart
            self.readings.setdefault(("number", ","), before)
        for style in ("", ",")[: 1 + has_comma]:
            self._read(("number", style), bare, cells.numbers(bare, style), place)
        # The first cells rule out most of the many styles, each of which costs a pass.
        if self.styles is None and bare.null_count() < len(bare):
            sample = bare.drop_nulls().head(_SAMPLE)
            self.styles = tuple(
                style for style in cells.DATE_STYLES
                if cells.dates(sample, style).null_count() < len(sample)
            ) if sample.str.contains(r"\d").any() else ()  # fmt: skip
        for style in self.styles or ():
            self._read(("date", style), bare, cells.dates(bare, style), place)

    def _are_words(self, values: "pl.Series", counts: "pl.Series") -> bool:
        """Count marks and booleans among the values; return whether none is a number or a date."""
        bare = cells.without_marks(values)
        self.marks += int(counts.filter(bare.is_null()).sum())
        is_boolean = values.str.to_lowercase().is_in(["true", "false"])
        self.booleans += int(counts.filter(is_boolean).sum())
        # A number or a date has a digit.
        return len(values) <= MOST_WORDS and not bare.str.contains(r"\d").any()

    def _read(
        self, how: tuple[str, str], bare: "pl.Series", values: "pl.Series", place: Place
    ) -> None:
        """Take cells that were read one way into account."""
        reading = self.readings.setdefault(how, Reading())
        count = len(values) - values.null_count()
        reading.cells += count
        reading.is_whole &= not count or values.dtype.is_integer()
        if values is not bare:
            is_bad = values.is_null() & bare.is_not_null()
            reading.bad = reading.bad or bad_example(bare, is_bad, place.first)
        if how[0] == "number" and not reading.infinite:
            row = cells.infinite(values)
            reading.infinite = 0 if row is None else cells.data_row(place.first, row)
        if not count:
            return
        if how == ("number", ""):
            self._number(values, place.begin)
        if len(reading.values) <= FEW:
            reading.values.update(values.drop_nulls().unique().head(FEW + 1).to_list())
        kept = place.picked(values).drop_nulls()
        if len(kept):
            moments = Moments.of(cells.date_parts(kept) if how[0] == "date" else kept.to_numpy())
            before = reading.moments
            reading.moments = moments if before is None else before.merged(moments)

    def _number(self, values: "pl.Series", begin: int) -> None:
        """Note whether whole numbers count the rows."""
        if not values.dtype.is_integer() or values.null_count():
            self.numbered |= {-1, -2}  # no one distance from the row's number
        elif len(self.numbered) < 2:
            beyond = values.to_numpy() - np.arange(begin, begin + len(values))
            self.numbered |= {int(beyond.min()), int(beyond.max())}

    def _differ(self, series: "pl.Series") -> None:
        """Note whether a value occurs twice."""
        known = series.drop_nulls()
        unique = known.unique()
        self.repeats |= len(unique) < len(known)
        if not self.repeats and len(self.different) < _VALUES:
            values = set(unique.head(_VALUES).to_list())
            self.repeats |= not values.isdisjoint(self.different)
            self.different |= values

    def _count(self, text: "pl.Series", place: Place) -> "pl.DataFrame":
        """Count the values that are learned from; return the counts of the values of all rows."""
        every = _counted(text)
        if len(self.counts) <= _VALUES:  # where values are very many, some are counted
            kept = every if place.picks is None else _counted(place.picked(text))
            self.counts.update(dict(kept.head(_VALUES + 1).iter_rows()))
            if place.picks is not None:
                self.others.update(dict(every.head(_VALUES + 1).iter_rows()))
        return every

    @property
    def known(self) -> int:
        """Cells that have a value."""
        return self.rows - self.missing

    def taken_as(self) -> tuple[str, str]:
        """Kind of the cells (number, date, text or boolean), and the style of reading them."""
        if self.role == "categorical":
            return "text", ""
        if self.stored != "text" and self.known:
            return {"integer": "number", "real": "number"}.get(self.stored, self.stored), ""
        if self.role == "numeric":
            return self._best("number") or ("number", "")
        if self.known and self.booleans == self.known:
            return "boolean", ""
        for best in filter(None, map(self._best, ("number", "date"))):
            if self._is_plausible(self.readings[best]):
                return best
        return "text", ""

    def _best(self, kind: str) -> tuple[str, str] | None:
        """Reading as numbers or dates by which the most cells can be read; None without one."""
        hows = [how for how, one in self.readings.items() if how[0] == kind and one.cells]
        if self.comma:  # max returns the first of equals, which is then the decimal comma
            hows.sort(key=lambda how: how[1] != ",")
        return max(hows, key=lambda how: self.readings[how].cells, default=None)

    def _is_plausible(self, reading: Reading) -> bool:
        """Return whether the cells that could not be read are missing values, not categories."""
        bare = self.known - self.marks
        # One or two numbers beside marks are categories, such as 0, 1 and unknown.
        if reading.cells == bare:
            return self.marks == 0 or len(reading.values) > 2
        # Other words are missing values among many different numbers only.
        return bare - reading.cells <= FEW_BAD * bare and len(reading.values) > FEW


def _counted(text: "pl.Series") -> "pl.DataFrame":
    return text.drop_nulls().alias("value").value_counts()

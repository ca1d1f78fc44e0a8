"""What a page is made of, before it is HTML: sections of pictures, tables, tiles and text.

All text here is plain; the template escapes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Picture:
    """A picture for light and for dark screens.

    Parameters
    ----------
    name : str
        Of its file, without the ending.
    alt : str
        What it shows, for who does not see it.
    light, dark : bytes
        PNG; ``dark`` is empty where one serves for both.
    width, height : int
        In pixels of the screen.
    """

    name: str
    alt: str
    light: bytes
    dark: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Table:
    """Rows of text under headings; the first cell of a row names it.

    Parameters
    ----------
    caption : str
        What the rows are.
    head : sequence of str
        Headings.
    rows : sequence of sequences of str
        Cells.
    closed : bool
        Whether it is folded, as an alternative to a picture.
    text : bool
        Whether the cells are words rather than numbers.
    wide : bool
        Whether it takes the whole width of the page; long rows do anyhow.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    closed: bool = False
    text: bool = False
    wide: bool = False
    kind: str = field(default="table", init=False)


@dataclass(frozen=True)
class Figure:
    """A picture with what to look for in it, and the same as a table."""

    picture: Picture
    caption: str
    table: Table | None = None
    kind: str = field(default="figure", init=False)


@dataclass(frozen=True)
class Tile:
    """One small picture with a line or two."""

    picture: Picture
    lines: Sequence[str]


@dataclass(frozen=True)
class Tiles:
    """Small pictures side by side."""

    tiles: Sequence[Tile]
    caption: str
    kind: str = field(default="tiles", init=False)


@dataclass(frozen=True)
class Code:
    """Lines for a terminal."""

    text: str
    caption: str
    kind: str = field(default="code", init=False)


@dataclass(frozen=True)
class Note:
    """A sentence."""

    text: str
    kind: str = field(default="note", init=False)


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading."""

    id: str
    title: str
    lead: str
    blocks: Sequence[Any]


def notes(lines: Sequence[str]) -> list[Section]:
    """The section on cells that were replaced, if there are any."""
    lead = "What stood in these cells could not be used, and the model was judged with:"
    blocks = [Note(line) for line in lines]
    return [Section("replaced", "Replaced cells", lead, blocks)] if lines else []


@dataclass(frozen=True)
class Fact:
    """A figure at the head of the page: what it is, its value, how to read it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Page:
    """A whole page."""

    title: str
    lead: str
    facts: Sequence[Fact]
    sections: Sequence[Section]

    @property
    def pictures(self) -> list[Picture]:
        """All pictures, in their order."""
        found = []
        for section in self.sections:
            for block in section.blocks:
                if block.kind == "figure":
                    found.append(block.picture)
                elif block.kind == "tiles":
                    found += [tile.picture for tile in block.tiles]
        return found


def number(value: float) -> str:
    """A number with four digits, as people write it.

    Examples
    --------
    >>> number(0.05153), number(12345.6), number(3.0)
    ('0.05153', '12,346', '3')
    """
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def percent(share: float) -> str:
    r"""A share in percent, with a space at which no line ends.

    Examples
    --------
    >>> percent(0.98136)
    '98.1\xa0%'
    """
    return f"{100 * share:.1f}\xa0%"


def short(text: object, most: int = 16) -> str:
    r"""Text on one line, printable, cut where it is long.

    Examples
    --------
    >>> short("a\nb"), short("abcdefghij", 6)
    ('a b', 'abcde…')
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"

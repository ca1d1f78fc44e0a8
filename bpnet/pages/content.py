"""What a page is made of, before it is HTML: sections of pictures, tables, tiles and text.

All text here is plain; the template escapes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Picture:
    """A picture: a drawing in the page's own colors, or pixels.

    Parameters
    ----------
    name : str
        Of its file, without the ending.
    alt : str
        What it shows, for who does not see it.
    svg : str
        The drawing, an element whose colors are variables of the page.
    png : bytes
        The pixels, where it is no drawing.
    width, height : int
        Of pixels, on the screen.
    title : str
        What stands under it where nothing else does.
    """

    name: str
    alt: str
    svg: str = ""
    png: bytes = b""
    width: int = 0
    height: int = 0
    title: str = ""


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

    @property
    def rows(self) -> list[tuple[Any, bool]]:
        """The blocks, and whether each takes the whole width: none stands beside a hole."""
        wide = [_is_wide(block) for block in self.blocks]
        for i, one in enumerate(wide):
            before = len(wide[:i]) - 1 - max((j for j in range(i) if wide[j]), default=-1)
            if not one and before % 2 == 0 and all(wide[i + 1 : i + 2]):
                wide[i] = True
        return list(zip(self.blocks, wide, strict=True))


def _is_wide(block: Any) -> bool:
    """Whether a block needs the whole width of the page."""
    if block.kind == "table":
        return bool(block.wide) or len(block.head) > (3 if block.text else 5)
    return bool(block.kind != "figure")


def notes(lines: Sequence[str]) -> list[Section]:
    """The section on cells that were replaced, if there are any."""
    lead = "What stood in these cells could not be used, and the model was judged with:"
    return [Section("replaced", "Replaced cells", lead, [Note("\n".join(lines))])] if lines else []


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
    warning: str = ""

    @property
    def across(self) -> int:
        """Facts in a row, of rows as even as can be."""
        rows = -(-len(self.facts) // 6) or 1
        return -(-len(self.facts) // rows) or 1

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

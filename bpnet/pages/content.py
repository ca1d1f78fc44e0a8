"""Content of a page before it is HTML: sections of pictures, tables, tiles and text.

All text here is plain text, which the template escapes.
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
        Name of its file, without the ending.
    alt : str
        Description of the picture for a reader who cannot see it.
    svg : str
        SVG element of a drawing, whose colors are variables of the page.
    png : bytes
        PNG file of a picture that is no drawing.
    width, height : int
        Size of the PNG on the screen, in pixels.
    title : str
        Caption where the page gives the picture none.
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
        Title of the table.
    head : sequence of str
        Headings of the columns.
    rows : sequence of sequences of str
        Cells of each row.
    closed : bool
        Whether the table is folded, as an alternative to a picture.
    text : bool
        Whether the cells are words rather than numbers.
    wide : bool
        Whether the table takes the whole width of the page; one with many columns always does.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    closed: bool = False
    text: bool = False
    wide: bool = False
    # the template chooses its macro by the kind of a block
    kind: str = field(default="table", init=False)


@dataclass(frozen=True)
class Figure:
    """A picture with a caption, and optionally the same data as a table."""

    picture: Picture
    caption: str
    table: Table | None = None
    kind: str = field(default="figure", init=False)


@dataclass(frozen=True)
class Tile:
    """One small picture with lines of text below it."""

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
        """Each block, and whether it takes the whole width: no half of a row is to stay empty."""
        wide = [_is_wide(block) for block in self.blocks]
        # two figures share a row: one that has no neighbor takes the whole width
        for i, one in enumerate(wide):
            before = len(wide[:i]) - 1 - max((j for j in range(i) if wide[j]), default=-1)
            if not one and before % 2 == 0 and all(wide[i + 1 : i + 2]):
                wide[i] = True
        return list(zip(self.blocks, wide, strict=True))


def _is_wide(block: Any) -> bool:
    """Whether a block needs the whole width of the page."""
    # words take more room than numbers
    if block.kind == "table":
        return bool(block.wide) or len(block.head) > (3 if block.text else 5)
    return bool(block.kind != "figure")


def notes(lines: Sequence[str]) -> list[Section]:
    """Section on replaced cells; none without lines."""
    lead = "The values of these cells could not be used, and were replaced for the evaluation:"
    return [Section("replaced", "Replaced cells", lead, [Note("\n".join(lines))])] if lines else []


@dataclass(frozen=True)
class Fact:
    """A figure at the head of the page: its name, its value, and a note on how to read it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Page:
    """Content of a whole page."""

    title: str
    lead: str
    facts: Sequence[Fact]
    sections: Sequence[Section]
    warning: str = ""

    @property
    def across(self) -> int:
        """Number of facts in a row, at most 6, so that the rows are about equally long."""
        rows = -(-len(self.facts) // 6) or 1
        return -(-len(self.facts) // rows) or 1

    @property
    def pictures(self) -> list[Picture]:
        """All pictures, in their order."""
        pictures = []
        for section in self.sections:
            for block in section.blocks:
                if block.kind == "figure":
                    pictures.append(block.picture)
                elif block.kind == "tiles":
                    pictures += [tile.picture for tile in block.tiles]
        return pictures


def number(value: float) -> str:
    """Number with four significant digits, and commas between thousands.

    Examples
    --------
    >>> number(0.05153), number(12345.6), number(3.0)
    ('0.05153', '12,346', '3')
    """
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def percent(share: float) -> str:
    r"""Share in percent, with a no-break space.

    Examples
    --------
    >>> percent(0.98136)
    '98.1\xa0%'
    """
    return f"{100 * share:.1f}\xa0%"


def short(text: object, most: int = 16) -> str:
    r"""Text on one line of printable characters, cut to ``most`` characters.

    Examples
    --------
    >>> short("a\nb"), short("abcdefghij", 6)
    ('a b', 'abcde…')
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"

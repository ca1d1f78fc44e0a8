"""Parquet and Arrow files that are one table together, read a run of rows at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bpnet.data.cells import kind, to_plain
from bpnet.data.draws import generator
from bpnet.data.frames import column_names, refusing_tables, scan
from bpnet.data.reading import Stamp
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

_NUMBERS = ("integer", "real")


@dataclass(frozen=True)
class Share:
    """Which rows of a table are meant: all, those kept for training, or those held out.

    Each row has a random key, a function of the seed and of the row's number; it is held out
    where the key is below ``fraction`` of the range. So about that share is held out, and nothing
    has to be kept of what was drawn.

    Parameters
    ----------
    fraction : float
        Share that is held out.
    seed : int
        Of the keys.
    held : bool
        Whether the rows are those held out, or the others.
    above : float
        Of those held out, only such whose key is not below this share.
    """

    fraction: float = 0.0
    seed: int = 0
    held: bool = False
    above: float = field(default=0.0, repr=False)  # runs are known by what this is written as

    def pick(self, first: int, rows: int) -> npt.NDArray[np.intp] | None:
        """Which of the rows from ``first`` on are meant, None for all."""
        if not self.fraction:
            return None
        bits: Any = generator(self.seed, "split").bit_generator
        bits.advance(first // 4)  # a step of Philox gives four numbers
        keys = bits.random_raw(first % 4 + rows)[first % 4 :]
        most, least = (
            np.uint64(min(int(share * 2.0**64), 2**64 - 1)) for share in (self.fraction, self.above)
        )
        return np.flatnonzero((keys < most) & (keys >= least) if self.held else keys >= most)


@dataclass(frozen=True)
class Run:
    """Rows ``first`` to ``first + rows`` - 1 of file ``file``, of which ``begin`` come before."""

    file: int
    first: int
    rows: int
    begin: int


@dataclass(frozen=True)
class TableFiles:
    """Files with the same columns.

    Parameters
    ----------
    stamps : tuple of Stamp
        The files as they were when they were opened.
    rows : tuple of int
        Of each file.
    kinds : dict
        From the name of a column to what it holds: integer, real, text, boolean, or "" where all
        of its values are missing.
    """

    stamps: tuple[Stamp, ...]
    rows: tuple[int, ...]
    kinds: dict[str, str]

    def runs(self, size: int) -> Iterator[Run]:
        """Yield all rows in runs of at most ``size``, none of which crosses files."""
        before = 0
        for file, rows in enumerate(self.rows):
            for first in range(0, rows, size):
                yield Run(file, first, min(size, rows - first), before + first)
            before += rows

    def read(self, run: Run, names: Sequence[str], share: Share) -> "pl.DataFrame":
        """Read some columns of a run, as a plain frame of the rows that are meant.

        Raises
        ------
        InputError
            If the file changed since it was opened or is damaged, or a cell can't be used.
        """
        stamp = self.stamps[run.file]
        where = str(stamp.path)
        stamp.check()  # a page that is no longer there would end the process
        with refusing_tables(where):
            frame = scan(stamp.path).slice(run.first, run.rows).select(names).collect()
            stamp.check()
            frame = to_plain(frame, where, infer=False, first=run.first)
            picked = share.pick(run.begin, run.rows)
            return frame if picked is None else frame[picked]


def open_tables(paths: Sequence[Path]) -> TableFiles:
    """Look at files that are one table together; nothing is read of their values.

    Raises
    ------
    InputError
        If a file is missing, damaged or empty, or its columns are unlike those of the first.
    """
    stamps, rows = [], []
    kinds: dict[str, str] = {}
    for path in paths:
        stamps.append(Stamp.of(path))
        found = _kinds(path)
        if not kinds:
            kinds = found
        _check_alike(found, kinds, path, paths[0])
        for name, what in found.items():
            if not kinds[name] or (kinds[name], what) == ("integer", "real"):
                kinds[name] = what
        with refusing_tables(str(path)):
            import polars as pl

            rows.append(int(scan(path).select(pl.len()).collect().item()))
    if not sum(rows):
        message = f"{paths[0]} has columns and no rows: give examples"
        raise InputError(message)
    return TableFiles(tuple(stamps), tuple(rows), kinds)


def _kinds(path: Path) -> dict[str, str]:
    import polars as pl

    names = column_names(path)
    with refusing_tables(str(path)):
        frame = scan(path).head(0).collect()
        plain = to_plain(frame, str(path), infer=False)
        return {n: "" if frame[n].dtype == pl.Null else kind(plain[n]) for n in names}


def _check_alike(found: dict[str, str], wanted: dict[str, str], path: Path, first: Path) -> None:
    for these, those, one, other in ((found, wanted, path, first), (wanted, found, first, path)):
        lacking = [name for name in those if name not in these]
        if lacking:
            message = f"{one} lacks the column '{lacking[0]}', which {other} has: give files alike"
            raise InputError(message)
    for name, what in found.items():
        kinds = {what, wanted[name]} - {""}
        if len(kinds) > 1 and not kinds <= set(_NUMBERS):
            message = (
                f"{path}: column '{name}' holds {what} values and in {first} {wanted[name]} ones: "
                "give files alike"
            )
            raise InputError(message)

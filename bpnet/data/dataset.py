"""Data sets: the examples that a network is trained on, their targets, and their origin."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bpnet._typing import Array
from bpnet.arguments import checked, finite_number, shown
from bpnet.data.columns import Columns
from bpnet.data.replacements import Tally, merged
from bpnet.errors import InputError


@checked
@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples and their targets.

    Parameters
    ----------
    x : array, shape (m, n)
        One example a row, in the dtype as stored: pixels stay uint8 until a batch is taken.
    y : array, shape (m,) or (m, k), optional
        Labels of any type, one-hot or multi-label rows, or real values; None for predictions only.
    scale : float, optional
        Factor of integer examples when a batch is taken; None casts them.
    task : {"classify", "regress"}, optional
        None leaves it to the targets.
    validation, test : tuple of (x, y), optional
        Rows by which :func:`bpnet.train` validates each epoch, and rows of the test.
    name : str
        Name in reports.
    columns : Columns, optional
        What was learned of a table's columns.
    shape : tuple of int, optional
        One example's shape as a picture, such as (8, 8).
    attribution : str
        Whom to credit, where a license asks for it.
    notes : tuple of str
        What was done to the data, a line each.
    rows : array of int, (m,), optional
        Numbers of the training rows in their source, where others were held out or left out.
    taken : tuple of str
        Lines of a table that says what each column of the source is taken for.
    source_rows : int
        Number of all rows of the source; 0 where nobody counted them.
    test_share : float
        Share of the rows that was drawn for the test; 0 where the source has its own test part.
    places : mapping
        Numbers of the rows of the parts ``validation`` and ``test`` in their source, where known.
    tallies : mapping
        Replaced cells of a table by part ("" for training rows, "validation", "test") and column.

    Raises
    ------
    InputError
        If shapes, scale or task don't fit together.

    Examples
    --------
    >>> pixels = np.zeros((3, 4), np.uint8)
    >>> Dataset(pixels, [0, 1, 1], scale=1 / 255).y
    array([0, 1, 1])
    """

    x: Array
    y: Array | None
    scale: float | None = None
    task: str | None = None
    validation: tuple[Array, Array] | None = None
    test: tuple[Array, Array] | None = None
    name: str = ""
    columns: Columns | None = None
    shape: tuple[int, ...] | None = None
    attribution: str = ""
    notes: tuple[str, ...] = ()
    rows: Array | None = None
    taken: tuple[str, ...] = ()
    source_rows: int = 0
    test_share: float = 0.0
    places: Mapping[str, Array] = field(default_factory=dict)
    tallies: Mapping[str, Tally] = field(default_factory=dict)

    def __repr__(self) -> str:
        m, n = self.x.shape
        parts = [f"{m:,} examples of {n:,} values ({str(self.x.dtype).rpartition('.')[2]})"]
        if self.y is not None:
            dtype = str(self.y.dtype).rpartition(".")[2]
            parts.append(f"targets {tuple(self.y.shape)} ({dtype})")
        parts += [f"{len(x):,} for {name}" for name, x in self.examples.items() if name]
        return f"Dataset({self.name + ': ' if self.name else ''}{', '.join(parts)})"

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", _array(self.x, "x"))
        if self.y is not None:
            object.__setattr__(self, "y", _array(self.y, "y"))
        for name in ("validation", "test"):
            object.__setattr__(self, name, _pair(getattr(self, name), name))
        pairs = {"": (self.x, self.y), "validation ": self.validation, "test ": self.test}
        for which, pair in pairs.items():
            if pair is not None:
                _check_pair(*pair, which, self.x.shape[-1] if self.x.ndim == 2 else None)
        object.__setattr__(self, "scale", checked_scale(self.scale))
        if self.task not in {None, "classify", "regress"}:
            raise InputError(f"task {self.task!r}: give 'classify' or 'regress'")
        if self.shape is not None and math.prod(self.shape) != self.x.shape[1]:
            message = f"a picture of shape {self.shape} does not hold {self.x.shape[1]} values"
            raise InputError(message)

    @property
    def tally(self) -> Tally:
        """Cells of a table that were replaced, by column; of streamed rows, those read so far."""
        # Lazy rows count as they are read; rows in memory were counted when they were loaded.
        read = [x.tally() for x in self.examples.values() if hasattr(x, "tally")]
        return merged(read or self.tallies.values())

    @property
    def examples(self) -> dict[str, Array]:
        """Examples of each part that there is: "" for the training rows, "validation", "test"."""
        pairs = {"": (self.x, self.y), "validation": self.validation, "test": self.test}
        return {name: pair[0] for name, pair in pairs.items() if pair is not None}

    def changed(self, change: Callable[[Any], Array]) -> "Dataset":
        """The same with the examples of each part replaced by what a function makes of them."""
        made = {name: change(x) for name, x in self.examples.items()}
        x = made.pop("")
        parts: Any = {name: (rows, getattr(self, name)[1]) for name, rows in made.items()}
        return replace(self, x=x, **parts)


def checked_scale(scale: Any) -> float | None:
    """Return the factor of integer examples, or None; a factor that is not positive is refused."""
    number = finite_number(scale)
    if scale is not None and (number is None or number <= 0):
        message = f"scale is {shown(scale)}; give a positive number such as 1/255, or leave it out"
        raise InputError(message)
    return None if number is None else float(number)


def _array(value: Any, name: str) -> Array:
    """Leave arrays of any library as they are; make one of a list."""
    if hasattr(value, "shape"):
        return value
    try:
        return np.asarray(value)
    except (TypeError, ValueError):
        message = f"{name} is a {type(value).__name__} that makes no array: give rows of one length"
        raise InputError(message) from None


def _pair(pair: Any, name: str) -> tuple[Array, Array] | None:
    if pair is None:
        return None
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InputError(f"{name} is {type(pair).__name__}: give a pair (x, y)")
    return _array(pair[0], f"{name} x"), _array(pair[1], f"{name} y")


def _check_pair(x: Array, y: Array | None, which: str, width: int | None) -> None:
    if len(x.shape) != 2:
        raise InputError(
            f"{which}x of shape {tuple(x.shape)}: give one example a row, (examples, values); "
            "x.reshape(len(x), -1) makes it so"
        )
    if x.shape[1] != width:
        message = f"{which}x has {x.shape[1]} columns and the training x {width}: give equal widths"
        raise InputError(message)
    if y is not None:
        check_lengths(x.shape[0], tuple(y.shape), f"{which}y")


def check_lengths(rows: int, shape: tuple[int, ...], name: str) -> None:
    """Refuse targets whose shape does not fit so many examples."""
    if len(shape) not in {1, 2} or shape[0] != rows:
        raise InputError(
            f"{name} of shape {shape} does not fit {rows} examples: "
            f"give ({rows},) or ({rows}, outputs)"
        )

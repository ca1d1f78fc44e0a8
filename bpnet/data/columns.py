"""Columns of a table as they were learned: plain values that a run keeps as JSON."""

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, get_type_hints

import numpy as np
import numpy.typing as npt

from bpnet.arguments import fits
from bpnet.errors import InputError
from bpnet.storage import strict_json

MISSING = "missing"  # the category that stands for cells without a value
OTHER = "other"  # the category of values that are rare in training, or that training did not have
NUMBERS = ("number", "date")  # kinds of columns whose values are standardized
DATE_PARTS = ("year", "month", "day", "weekday")
"""Parts of a date that become inputs beside its elapsed days; Monday is weekday 1."""

INPUT_KINDS = (*NUMBERS, "text", "boolean")
TARGET_KINDS = ("integer", "real", "text", "boolean", "date")

Part = tuple[str, float, float]  # name, mean and deviation of a part of dates


@dataclass(frozen=True)
class Column:
    """How one column becomes inputs.

    Parameters
    ----------
    name : str
        Its name in the table.
    kind : {"number", "date", "text", "boolean"}
        Numbers become ``(value - mean) / std``, dates too, as days since 1970-01-01; the others
        one input a category.
    mean, std : float
        Of a number or of days, over the training rows.
    categories : tuple of str
        Of text and booleans, sorted.
    parts : tuple of (str, float, float)
        Of a date: those of ``DATE_PARTS`` that vary, with their means and deviations.
    indicator : bool
        Whether a missing number has an input of its own, 1 where it is missing.
    rare : bool
        Whether rare and unseen categories share the input of the category ``other``.
    format : str
        "," where numbers have decimal commas, the ``strptime`` pattern of dates, or empty.
    lenient : bool
        Whether any number of cells may be no numbers: training counted such as missing.
    low, high : float or None
        Range of the training rows; None in runs of an older bpnet.
    """

    name: str
    kind: str
    mean: float = 0.0
    std: float = 1.0
    categories: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    indicator: bool = False
    rare: bool = False
    format: str = ""
    lenient: bool = False
    low: float | None = field(default=None, repr=False)  # older runs are known without them
    high: float | None = field(default=None, repr=False)

    @property
    def usual(self) -> tuple[float, float]:
        """Range of training and half of it on either side; numbers beyond are far outside."""
        if self.low is None or self.high is None:
            return -math.inf, math.inf
        half = (self.high - self.low) / 2
        return self.low - half, self.high + half

    @property
    def features(self) -> tuple[str, ...]:
        """One name for each input."""
        if self.kind not in NUMBERS:
            return tuple(f"{self.name}={category}" for category in self.categories)
        parts = (f"{self.name}.{part}" for part, _, _ in self.parts)
        return (self.name, *parts, *[f"{self.name}={MISSING}"] * self.indicator)

    @property
    def units(self) -> tuple[Part, ...]:
        """Parts, means and deviations of numbers: the number or the days, then parts of dates."""
        return (("", self.mean, self.std), *self.parts)

    @staticmethod
    def date_of(days: float) -> str:
        """Date of a number of days since 1970-01-01."""
        return str(np.datetime64(math.floor(days + 1e-3), "D"))  # midnight, to float32's rounding


@dataclass(frozen=True)
class Columns:
    """Columns of a table as they were learned: enough to encode raw rows and to decode outputs.

    Parameters
    ----------
    inputs : tuple of Column
        In the order of the encoded values.
    left_out : tuple of str
        Columns that are no inputs: constant ones, names and numbers of rows, and dropped ones.
    target : str
        The target's column; of several, their names with commas.
    target_kind : {"integer", "real", "text", "boolean", "date"}
        The type of the target's values; dates are amounts, in days since 1970-01-01.
    task : {"classify", "regress"}
        Whether the target is learned as classes or as amounts.
    classes : tuple
        The class labels, sorted; empty in regression.
    mean, std : float or tuple of float
        Of each target over the training rows in regression, else 0 and 1.
    targets : tuple of str
        Columns of several targets; empty where there is one.
    target_format : str
        How text of the target is read, as in :class:`Column`.
    separator : str
        Between the cells of text files, where it was given.
    """

    inputs: tuple[Column, ...]
    left_out: tuple[str, ...]
    target: str
    target_kind: str
    task: str
    classes: tuple[str | int | float | bool, ...] = ()
    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0
    targets: tuple[str, ...] = ()
    target_format: str = ""
    separator: str = ""

    @property
    def features(self) -> tuple[str, ...]:
        """One name for each encoded value: ``age``, ``color=red``, ``listed.month``."""
        return tuple(name for column in self.inputs for name in column.features)

    @property
    def target_names(self) -> tuple[str, ...]:
        """The target's column, or those of several targets."""
        return self.targets or (self.target,)

    def difference(self, other: "Columns") -> str:
        """Describe the first thing in which other columns differ; empty where nothing does."""
        names, others = ([c.name for c in one.inputs] for one in (self, other))
        for name in (*names, *others):
            if name not in others or name not in names:
                return f"'{name}' is {'not' if name not in others else 'only'} among the others"
        if names != others:
            return "they stand in another order"
        for one, two in zip(self.inputs, other.inputs, strict=True):
            for part, value in asdict(one).items():
                if getattr(two, part) != value:
                    return f"'{one.name}' has {part} {value} and in the others {getattr(two, part)}"
        for part, value in asdict(self).items():
            there = getattr(other, part)
            # Columns that are left out, and the separator, change no encoded value.
            if part not in {"inputs", "left_out", "separator"} and there != value:
                return f"{part.replace('_', ' ')} is {value} and in the others {there}"
        return ""

    def decode_target(self, a: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Bring outputs of a regression back to the target's own units.

        Parameters
        ----------
        a : array_like, any shape
            Standardized values.

        Returns
        -------
        ndarray of float64
            ``a * std + mean``.

        Raises
        ------
        InputError
            If the task is not regression.

        Examples
        --------
        >>> Columns((), (), "price", "real", "regress", mean=10.0, std=2.0).decode_target([-1, 1])
        array([ 8., 12.])
        """
        if self.task != "regress":
            message = f"target '{self.target}' holds classes: look its outputs up in `classes`"
            raise InputError(message)
        return np.asarray(np.asarray(a, np.float64) * np.asarray(self.std) + np.asarray(self.mean))

    def to_json(self) -> str:
        """Return everything as JSON text, from which `from_json` makes an equal object."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Columns":
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
            JSON text.

        Returns
        -------
        Columns
            Equal to the one that was written.

        Raises
        ------
        InputError
            If the text is not JSON or lacks a part.
        """
        try:
            value = _with_tuples(strict_json.loads(text))
            inputs = tuple(Column(**column) for column in value["inputs"])
            columns = cls(**{**value, "inputs": inputs})
            _check(columns)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            message = f"these are not the columns of a table, as a run keeps them: {error!r}"
            raise InputError(message) from error
        return columns


def _with_tuples(value: Any) -> Any:
    """The same plain data with tuples in place of lists, as the fields of columns have them."""
    if isinstance(value, dict):
        return {name: _with_tuples(one) for name, one in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value


def _check_types(made: Any) -> None:
    """Refuse fields whose types are not those of the declaration."""
    # `fits` takes all items of a tuple for one type; `_check_column` checks the parts of dates.
    for name, hint in get_type_hints(type(made)).items():
        _require(name == "parts" or fits(getattr(made, name), hint), name)


def _check_column(column: Column) -> None:
    _check_types(column)
    has_parts = column.kind == "date" and all(part in DATE_PARTS for part, _, _ in column.parts)
    _require(has_parts or not column.parts, "parts of a date")
    _require(not column.rare or OTHER in column.categories, "a category of rare values")
    _require(column.kind in INPUT_KINDS, "kind")
    _require(bool(column.categories) == (column.kind not in NUMBERS), "categories of its kind")
    _require(len(set(column.categories)) == len(column.categories), "different categories")
    for _, mean, std in column.units:
        _check_units(mean, std)
    ends = [end for end in (column.low, column.high) if end is not None]
    _require(len(ends) in {0, 2} and all(map(math.isfinite, ends)), "a range")


def _check(columns: Columns) -> None:
    _check_types(columns)
    for column in columns.inputs:
        _check_column(column)
    names = (*(c.name for c in columns.inputs), *columns.left_out, *columns.target_names)
    _require(len(set(names)) == len(names), "different names")
    _require(bool(columns.inputs), "inputs")
    _require(columns.target_kind in TARGET_KINDS, "target_kind")
    _require(columns.task in {"classify", "regress"}, "task")
    _require((len(columns.classes) > 1) == (columns.task == "classify"), "classes of its task")
    python = _PYTHON[columns.target_kind]
    _require(all(type(c) is python for c in columns.classes), "classes of one type")
    _require(not columns.targets or columns.task == "regress", "one target of classes")
    means, stds = np.atleast_1d(columns.mean).tolist(), np.atleast_1d(columns.std).tolist()
    _require(len(means) == len(stds) == len(columns.target_names), "mean and std of each target")
    for mean, std in zip(means, stds, strict=True):
        _check_units(mean, std)


# JSON keeps these types apart, and `type(c) is python` keeps True apart from 1.
_PYTHON = {"integer": int, "real": float, "text": str, "boolean": bool, "date": float}


def _check_units(mean: float, std: float) -> None:
    _require(math.isfinite(mean) and math.isfinite(std) and std > 0, "mean and std")


def _require(is_so: bool, what: str) -> None:
    if not is_so:
        raise ValueError(what)

"""What is asked of a source: its target and task, its columns, and the rows that are held out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpnet.data.columns import Columns
from bpnet.data.dataset import Dataset
from bpnet.data.splits import drawn
from bpnet.data.taking import Taking
from bpnet.data.targets import TASKS
from bpnet.errors import InputError

_USUAL = 0.1
"""Share of the rows that a test gets where nobody says more."""


@dataclass(frozen=True)
class Asked:
    """Arguments of :func:`bpnet.data.load`, which explains them."""

    target: str | None
    task: str
    columns: Columns | Mapping[str, Any] | None
    validation: float
    test: float | None
    seed: int
    need_target: bool

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            message = f"task {self.task!r}: give {', '.join(TASKS)}"
            raise InputError(message)
        if not 0 <= self.validation < 1:  # nan too
            message = f"validation {self.validation!r}: give a share from 0 to below 1"
            raise InputError(message)
        if not 0 <= self._share < 1 or not self.validation + self._share < 1:
            message = f"validation {self.validation!r} and test {self.test!r}: give shares whose "
            raise InputError(f"{message}sum is below 1")

    @property
    def _share(self) -> float:
        return _USUAL if self.test is None else self.test

    @property
    def taking(self) -> Taking:
        """What is said of columns that are to be learned."""
        return Taking.read(None if isinstance(self.columns, Columns) else self.columns)

    @property
    def separator(self) -> str | None:
        """Between the cells of text, where it is known."""
        if isinstance(self.columns, Columns):
            return self.columns.separator or None
        return self.taking.separator

    def known(self, where: str) -> Columns | None:
        """What was learned of a table before, if anything; refused where other things are asked."""
        columns = self.columns if isinstance(self.columns, Columns) else None
        if columns is None:
            if self.need_target:
                return None
            message = (
                f"{where} is a table, and the model was not trained on a table, so that it cannot "
                "encode its columns: give x as .npz or .npy, or a model trained on a table"
            )
            raise InputError(message)
        if self.target not in {None, columns.target}:
            message = f"target '{self.target}': the model was trained on '{columns.target}', "
            raise InputError(f"{message}leave it out")
        if self.task not in {"auto", columns.task}:
            message = f"task '{self.task}': the model was trained to {columns.task}, leave it out"
            raise InputError(message)
        return columns

    def check_no_table(self, where: str) -> None:
        """Refuse what only tables have."""
        if self.target is not None or self.columns is not None:
            wanted = "a model trained on a table"
            wanted = wanted if self.target is None else f"target '{self.target}'"
            message = f"{wanted} needs a table: give a .csv or a .parquet, not {where}"
            raise InputError(message)

    def held_out(self, has_test: bool = False, where: str = "") -> float:
        """Share of the rows that are held out, for validation and test together."""
        if has_test and self.test:
            message = f"{where} has a test part of its own: leave test {self.test} out"
            raise InputError(message)
        return self.validation + (0.0 if has_test else self._share)

    def divided(self, data: Dataset) -> Dataset:
        """Divide the rows that were held out into a validation part and a test part.

        Where no test was asked for, a single row is the validation part, of which ``notes`` tell.
        """
        share = self._share
        if data.validation is None or data.test is not None or not share:
            return data
        if not self.validation:
            places = {"test": data.places["validation"]}
            return replace(
                data, validation=None, test=data.validation, test_share=share, places=places
            )
        x: Any = data.validation[0]
        y: Any = data.validation[1]
        if len(y) < 2:
            if self.test is None:
                note = "one row is held out: it is the validation part, and there is no test part"
                return replace(data, notes=(*data.notes, note))
            message = "one row is held out, too few for validation and test: give more, or no test"
            raise InputError(message)
        is_test = drawn(y, share / (self.validation + share), self.seed, data.task == "classify")
        parts = [np.flatnonzero(~is_test), np.flatnonzero(is_test)]
        kept, test = ((x[rows], y[rows]) for rows in parts)
        where: Any = data.places["validation"]
        places = {"validation": where[parts[0]], "test": where[parts[1]]}
        return replace(data, validation=kept, test=test, test_share=share, places=places)

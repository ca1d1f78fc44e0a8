"""Options of ``load`` and ``stream``: the target, roles of columns, shares of held-out rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bpnet.data import splits
from bpnet.data.columns import Columns
from bpnet.data.naming import near, no_column
from bpnet.data.targets import TASKS
from bpnet.errors import InputError

ROLES = {"drop": "drop", "categorical": "take as categorical", "numeric": "take as numeric"}
_USUAL = 0.1  # share of the test rows where the source has no test part and no share is given
# "\\t" is what arrives where a shell passes on a backslash and a t.
_WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " ", "bar": "|"}


@dataclass(frozen=True)
class ColumnOptions:
    """Names of the columns whose role the user chose; rules decide on all other columns.

    Columns are dropped, categorical or numeric; ``separator`` stands between the cells of text.
    """

    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    separator: str | None = None

    @classmethod
    def read(cls, options: Mapping[str, Any] | None) -> "ColumnOptions":
        """Options of a mapping such as ``{"drop": ["id"], "separator": ";"}``."""
        options = dict(options or {})
        strange = next((name for name in options if name not in {*ROLES, "separator"}), None)
        if strange is not None:
            hint = near(str(strange), ROLES)
            message = f"columns has {strange!r}: {hint}give {', '.join(ROLES)} or separator"
            raise InputError(message)
        roles = {}
        for role in ROLES:
            names = options.get(role, ())
            names = (names,) if isinstance(names, str) else names
            if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
                raise InputError(f"columns has {role} = {names!r}: give a list of columns' names")
            roles[role] = tuple(names)
        return cls(**roles, separator=sign(options.get("separator")))

    def role(self, name: str) -> str:
        """Role that the user chose for a column: a name of ``ROLES``, or "" for none."""
        return next((role for role in ROLES if name in getattr(self, role)), "")

    def resolved(self, names: Sequence[str], targets: Sequence[str], where: str) -> "ColumnOptions":
        """The same options for a table's columns; names that are joined by commas are cut."""
        roles: dict[str, tuple[str, ...]] = {}
        every: list[str] = []
        for role, verb in ROLES.items():
            parts = [[one] if one in names else one.split(",") for one in getattr(self, role)]
            roles[role] = tuple(name.strip() for part in parts for name in part if name.strip())
            for name in roles[role]:
                if name in targets:
                    raise InputError(f"{role} '{name}': it is the target: leave it out of {role}")
                if name not in names:
                    raise no_column(where, name, names, f" to {verb}")
                if name in every:
                    message = f"column '{name}' is named twice: give one of {', '.join(ROLES)}"
                    raise InputError(message)
                every.append(name)
        return ColumnOptions(**roles, separator=self.separator)


def sign(separator: Any) -> str | None:
    """Character between the cells of text, which may be named by a word such as tab."""
    if separator is None:
        return None
    character = _WORDS.get(separator, separator) if isinstance(separator, str) else ""
    if len(character) != 1 or character in '"\r\n' or not character.isascii():
        raise InputError(f"separator {separator!r}: give one sign, such as ';', or tab")
    return character


@dataclass(frozen=True)
class ReadOptions:
    """Arguments of :func:`bpnet.data.load`, which explains them."""

    target: str | None
    task: str
    columns: Columns | Mapping[str, Any] | None
    validation: float
    test: float | None
    seed: int
    need_target: bool
    split_version: int = splits.VERSION

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise InputError(f"task {self.task!r}: give {', '.join(TASKS)}")
        if self.split_version not in {1, splits.VERSION}:
            raise InputError(f"split_version {self.split_version!r}: give 1 or {splits.VERSION}")
        if not 0 <= self.validation < 1:  # nan too
            raise InputError(f"validation {self.validation!r}: give a share from 0 to below 1")
        # the usual share is of data without a test part, which is not known here
        self._check_sum(self.test or 0.0)

    def shares(self, where: str = "", *, has_test: bool = False) -> tuple[float, float]:
        """Shares of the rows that are held out for validation and for the test."""
        if has_test and self.test:
            message = f"{where} has a test part of its own: leave test {self.test} out"
            raise InputError(message)
        test = 0.0 if has_test else _USUAL if self.test is None else self.test
        self._check_sum(test)
        return self.validation, test

    def _check_sum(self, test: float) -> None:
        """Refuse a share of the test with which no rows are left to learn from."""
        if not 0 <= test < 1 or not self.validation + test < 1:
            message = f"validation {self.validation!r} and test {test!r}: give shares whose "
            raise InputError(f"{message}sum is below 1")

    def divide(self, y: Any, task: str, *, has_test: bool = False) -> splits.Divided:
        """Numbers of the rows of each part, and notes on a part that has none."""
        shares, is_stratified = self.shares(has_test=has_test), task == "classify"
        return splits.divide(
            y, shares, self.seed, stratify=is_stratified, version=self.split_version
        )

    @property
    def column_options(self) -> ColumnOptions:
        """Options of the columns that are learned from this table."""
        return ColumnOptions.read(None if isinstance(self.columns, Columns) else self.columns)

    @property
    def separator(self) -> str | None:
        """Character between the cells of text, where it is known."""
        if isinstance(self.columns, Columns):
            return self.columns.separator or None
        return self.column_options.separator

    def learned(self, where: str) -> Columns | None:
        """Columns that an earlier training learned, if any; options that contradict are refused."""
        columns = self.columns if isinstance(self.columns, Columns) else None
        if columns is None:
            if self.need_target:
                return None
            raise InputError(
                f"{where} is a table, and the model was not trained on a table, so that it cannot "
                "encode its columns: give x as .npz or .npy, or a model trained on a table"
            )
        if self.target not in {None, columns.target}:
            message = f"target '{self.target}': the model was trained on '{columns.target}', "
            raise InputError(f"{message}leave it out")
        if self.task not in {"auto", columns.task}:
            message = f"task '{self.task}': the model was trained to {columns.task}, leave it out"
            raise InputError(message)
        return columns

    def check_no_table(self, where: str) -> None:
        """Refuse options that only tables have, for a source that is none."""
        if self.target is not None or self.columns is not None:
            what = "a model trained on a table"
            what = what if self.target is None else f"target '{self.target}'"
            raise InputError(f"{what} needs a table: give a .csv or a .parquet, not {where}")

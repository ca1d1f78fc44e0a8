"""The task that follows from the targets: classes or amounts."""

from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.data import labels
from bpnet.errors import InputError

TASKS = ("auto", "classify", "regress")

FEW = 20  # different whole numbers that are taken for classes


def settle(y: npt.NDArray[Any], task: str, where: str) -> tuple[npt.NDArray[Any], str]:
    """Choose the task and convert the targets, (m,) or (m, k), to the form that the task has.

    For "classify" these are labels (m,) or label rows (m, k) in [0, 1], for "regress" float values.
    With "auto" text and booleans are classes, numbers too where there are at most 20 different
    whole ones. Refused are fewer than two classes, label rows that leave [0, 1], text that is to be
    regressed, and values that are all equal.
    """
    if task == "auto":
        task = "classify" if _are_classes(y) else "regress"
    if task == "regress":
        return _values(y, where), task
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2:
        _check_label_rows(y, where)
        return y, task
    labels.check_exact(y, where)
    if (y == y[:1]).all():
        message = f"{where}: all {len(y)} labels are {y[0].item()!r}: give two classes or more"
        raise InputError(message)
    return y, task


def _are_classes(y: npt.NDArray[Any]) -> bool:
    """Return whether targets are classes, where no task is named."""
    if y.dtype.kind not in "iuf":
        return True
    if y.ndim == 2 and y.shape[1] > 1:
        return y.dtype.kind != "f"
    constant = y.dtype.kind == "f" and (y == y[:1]).all()
    return are_few(y) and not constant


def are_few(y: npt.NDArray[Any]) -> bool:
    """Return whether numbers are whole with few different values, so that they may be classes."""
    if y.dtype.kind == "f" and (y != np.floor(y)).any():
        return False
    return len(np.unique(y)) <= FEW


def check_known(y: npt.NDArray[Any], known: npt.NDArray[Any], where: str) -> None:
    """Refuse test labels that no training example has."""
    strange = np.setdiff1d(y, known)
    if len(strange):
        message = f"{where}: the test labels hold {strange[0].item()!r}, the training labels don't"
        raise InputError(message)


def _values(y: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    if y.dtype.kind not in "biuf":
        raise InputError(
            f"{where}: regression needs numbers and the targets are text: give --task classify"
        )
    if (y == y[:1]).all():
        raise InputError(f"{where}: all {len(y)} targets are equal: there is nothing to learn")
    return y if y.dtype.kind == "f" else y.astype(np.float64)


def _check_label_rows(y: npt.NDArray[Any], where: str) -> None:
    if y.dtype.kind not in "biuf":
        raise InputError(
            f"{where}: y of shape {y.shape} holds text: give one label an example, ({len(y)},)"
        )
    outside = (y < 0) | (y > 1)
    if outside.any():
        row, column = (int(i) for i in np.argwhere(outside)[0])
        raise InputError(
            f"{where}: y is {y[row, column].item()!r} in row {row}, column {column}: label rows "
            "hold 0s and 1s; for numbers give --task regress"
        )
    if (y == y[:1]).all():
        raise InputError(f"{where}: all {len(y)} label rows are equal: give two classes or more")

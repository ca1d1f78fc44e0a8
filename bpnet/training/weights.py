"""Weights of the examples: given one by one, by class, or both."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpnet.arguments import finite_number
from bpnet.data import batches
from bpnet.errors import InputError
from bpnet.training.targets import Host, Targets, host


def make(
    sample_weight: Any, class_weight: Mapping[Any, float] | str | None, wanted: Targets, m: int
) -> Host | None:
    """Weights of ``m`` examples in float64, None where all count the same; their mean is 1.

    Balanced weights are m / (classes x examples of the class), so that every class counts the same;
    a class that is left out counts 1.
    """
    if sample_weight is None and class_weight is None:
        return None
    weights = np.ones(m) if sample_weight is None else given(sample_weight, m)
    if class_weight is not None:
        weights = weights * _by_class(class_weight, wanted)
    if not weights.any():
        raise InputError("all examples have the weight 0; give at least one a weight")
    scaled: Host = weights / weights.mean()  # so that halves hold them
    return scaled


def given(sample_weight: Any, m: int) -> Host:
    """Weights of ``m`` examples as they were given, in float64; numbers of 0 or more, one each."""
    weights = host(batches.as_array(sample_weight, "sample_weight"), "sample_weight")
    if weights.shape != (m,):
        msg = f"sample_weight has shape {weights.shape} and X {m} examples; give one weight each"
        raise InputError(msg)
    if weights.dtype.kind not in "biuf":
        msg = f"sample_weight has dtype {weights.dtype}, no number of 0 or more; give such"
        raise InputError(msg)
    wide = weights.astype(np.float64)
    bad = ~(np.isfinite(wide) & (wide >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        msg = f"sample_weight has {wide[row]:g} in row {row}, no number of 0 or more; give such"
        raise InputError(msg)
    return wide


def _by_class(class_weight: Mapping[Any, float] | str, wanted: Targets) -> Host:
    numbers, names = _classes(wanted)
    counts = np.bincount(numbers, minlength=len(names))
    if isinstance(class_weight, str):
        here = counts > 0
        by_number = np.ones(len(names))
        by_number[here] = len(numbers) / (here.sum() * counts[here])
        return by_number[numbers]
    known = {name: i for i, name in enumerate(names)}
    by_number = np.ones(len(names))
    for name, weight in dict(class_weight).items():
        if name not in known:
            msg = f"class_weight names {name!r}; the classes are {', '.join(map(str, names[:10]))}"
            raise InputError(msg)
        number = finite_number(weight)
        if number is None or number < 0:
            raise InputError(f"class_weight of {name!r} is {weight!r}; give a number of 0 or more")
        by_number[known[name]] = weight
    return by_number[numbers]


def _classes(wanted: Targets) -> tuple[Host, list[Any]]:
    """Number of each example's class, and the names."""
    if wanted.kind is None or (wanted.kind == "threshold" and wanted.values.shape[1] > 1):
        msg = "class_weight needs one class an example, and these are numbers or several labels"
        raise InputError(f"{msg}; give sample_weight")
    values = np.asarray(wanted.values)
    if values.ndim == 2:
        values = values[:, 0] if values.shape[1] == 1 else values.argmax(axis=1)
    names = [0, 1] if wanted.classes is None else wanted.classes.tolist()
    return values.astype(np.int64), names

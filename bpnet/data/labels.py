"""Names of classes: booleans, whole numbers, floats and text stay exact, all else is refused."""

import math
from numbers import Real
from typing import Any

import numpy as np

from bpnet.errors import InputError

Host = np.ndarray[Any, Any]


def typed(y: Host, name: str) -> Host:
    """Labels as booleans, whole numbers, floats or text, each equal to what was given."""
    if y.dtype.kind == "S":
        try:
            return np.char.decode(y, "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{name} holds bytes that are not UTF-8; give text") from error
    if y.dtype.kind in "OT":  # T is NumPy's text of variable width
        return _from_objects(y.astype(object), name)
    if y.dtype.kind not in "biufU":
        msg = f"{name} has dtype {y.dtype}; give whole numbers, text or booleans, or real rows"
        raise InputError(msg)
    return y


def check_alike(y: Any, name: str) -> None:
    """Refuse a list of mixed types, which NumPy would convert to text or numbers silently."""
    if isinstance(y, list | tuple):
        _group({type(value) for value in y}, name)


_GROUPS = {"text": (str, bytes), "booleans": (bool, np.bool_)}


def _group(kinds: set[type], name: str) -> str:
    """Return the group that all of these types belong to: text, booleans, or "" for numbers."""
    groups = {
        next((what for what, of in _GROUPS.items() if issubclass(kind, of)), "") for kind in kinds
    }
    if len(groups) > 1:
        listed = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise InputError(f"{name} mixes {listed}; give labels of one type")
    return groups.pop() if groups else ""


def _from_objects(y: Host, name: str) -> Host:
    values = y.ravel().tolist()
    kinds = {type(value) for value in values}
    group = _group(kinds, name)
    strange = [kind.__name__ for kind in kinds if not issubclass(kind, str | Real | np.bool_)]
    if strange:
        msg = f"{name} holds values of the type {strange[0]}; give whole numbers, text or booleans"
        raise InputError(msg)
    whole = all(issubclass(kind, int | np.integer) for kind in kinds)
    dtype: Any = {"text": np.str_, "booleans": np.bool_}.get(group, np.float64)
    if whole and not group and values:
        dtype = _integer(values, name)
    made = y.astype(dtype)
    if _without_nan(made.ravel().tolist()) != _without_nan(values):
        msg = f"{name} holds labels that NumPy does not keep as they are; give them as text"
        raise InputError(msg)
    return made


def _without_nan(values: list[Any]) -> list[Any]:
    """The values with None in place of nan, which equals nothing; later checks refuse nan."""
    return [None if isinstance(v, float) and math.isnan(v) else v for v in values]


def _integer(values: list[int], name: str) -> Any:
    """Dtype that holds whole numbers exactly."""
    low, high = min(values), max(values)
    for dtype in (np.int64, np.uint64):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return dtype
    msg = f"{name} holds {low if low < 0 else high}, which no integer of 64 bits is; give text"
    raise InputError(msg)


def named(classes: Any, name: str = "classes", count: int | None = None) -> Host:
    """Names of classes that a file keeps as they are, as many as are needed, all different."""
    # As objects, since NumPy would convert a list of numbers and text to text.
    values = classes if isinstance(classes, np.ndarray) else np.asarray(classes, dtype=object)
    if values.ndim != 1:
        raise InputError(f"{name} is {str(classes)[:60]!r}; give a list of names")
    names = typed(values, name)
    check_exact(names, name)
    for text in names.ravel().tolist() if names.dtype.kind == "U" else ():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            msg = f"{name} holds {text!r}, which is no Unicode text; rename it"
            raise InputError(msg) from error
    if count is not None and not len(names) == len(np.unique(names)) == count:
        msg = f"{name} are {str(classes)[:60]}; the outputs need {count} different names"
        raise InputError(msg)
    return names


def check_exact(classes: Host, name: str) -> None:
    """Refuse floats as names of classes where two whole numbers may have become one.

    Beyond 2^53 a float64 stands for several, beyond 2^24 a float32.
    """
    if classes.dtype.kind != "f":
        return
    worst = np.abs(classes.astype(np.float64)).max(initial=0.0)
    if not worst <= 2.0 ** (np.finfo(classes.dtype).nmant + 1):
        msg = f"{name}: labels such as {worst:.0f} are not exact as floats: give them as text"
        raise InputError(msg)

"""Reader of JSON from files of unknown origin, which refuses more than Python's own reader."""

import json
import math
from typing import Any

_LARGEST = 1 << 64


def loads(text: str | bytes) -> Any:
    """Value of a JSON text.

    A ``ValueError`` refuses text that is not JSON or is nested too deep, and a number that is not
    finite or larger than any that bpnet writes, which would fail later, wherever it is used.

    Examples
    --------
    >>> loads('{"cost": [0.5, 1]}')
    {'cost': [0.5, 1]}
    """
    try:
        return json.loads(text, parse_int=_whole, parse_float=_number, parse_constant=_refuse)
    except RecursionError:
        msg = "it is nested too deep"
        raise ValueError(msg) from None


def _whole(text: str) -> int:
    value = int(text)
    if abs(value) >= _LARGEST:
        _refuse(text)
    return value


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _refuse(text)
    return value


def _refuse(text: str) -> None:
    msg = f"it holds {text[:40]}"
    raise ValueError(msg)

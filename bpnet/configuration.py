"""The configuration of a run, as it stands in a file that anyone may have written."""

import inspect
import json
import os
import tomllib
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from bpnet.arguments import fits
from bpnet.data import Columns
from bpnet.data import load as load_data
from bpnet.errors import InputError
from bpnet.training import train

_NETWORK = {
    "hidden": list[int], "activation": str | list[str], "init": str, "output": str | None,
    "norm": str | None, "seed": int,
}  # fmt: skip
_TRAINING = {
    "optimizer": str, "learning_rate": float | str | None, "momentum": float | None,
    "patience": int | None,
    "checkpoint_minutes": float, "on_error": str, "sample_weight": str | None,
    "tensorboard": str,
}  # fmt: skip
_STREAMING = {"stream": bool, "shuffle": str, "buffer": int}
"""What the command line takes for itself; all else is an argument of the library's functions."""


def check(config: Any, columns: Columns | None, *, with_columns: bool) -> None:
    """Refuse a configuration that lacks what judging a model reads of it.

    Raises
    ------
    InputError
        Naming it.
    """
    tables = _tables(config, "data", "training", "network")
    if "source" not in tables["data"]:
        msg = "config.toml has no data.source"
        raise InputError(msg)
    _check_types("data", tables["data"], {"source": str, "target": str, "task": str})
    _check_types("data", tables["data"], {"validation": float, "seed": int, **_STREAMING})
    _check_types("training", tables["training"], {"cost": str})
    _check_types("network", tables["network"], {"seed": int})
    if "source" in config:
        known = {"examples": int, "fingerprint": str}
        _check_known("source", _tables(config, "source")["source"], known, set(known))
    if "sweep" in config:
        _check_types("sweep", _tables(config, "sweep")["sweep"], {"seeds": list[int], "score": str})
    if with_columns and "target" in tables["data"] and columns is None:
        msg = "columns.json is missing"
        raise InputError(msg)


def check_resumable(config: Any) -> None:
    """Refuse a configuration with which a run cannot go on.

    Raises
    ------
    InputError
        Naming what is missing, not known or of another type.
    """
    tables = _tables(config, "data", "training", "network", "machine")
    training = {**_arguments(train), **_TRAINING}
    check_data(config)
    _check_known("training", tables["training"], training, {"optimizer", "batch_size", "dtype"})
    _check_known("network", tables["network"], _NETWORK, {"hidden", "activation", "init", "seed"})
    _check_known("machine", {}, {}, {"backend"} - tables["machine"].keys())
    _check_types("machine", tables["machine"], {"backend": str})


def check_data(config: Any) -> None:
    """Refuse a configuration with which a run's data cannot be read again.

    Raises
    ------
    InputError
        Naming what is missing, not known or of another type.
    """
    known = {**_arguments(load_data), **_STREAMING}
    _check_known("data", _tables(config, "data")["data"], known, {"source"})


def _tables(config: Any, *names: str) -> dict[str, Mapping[str, Any]]:
    for name in names:
        if not isinstance(config.get(name), dict):
            msg = f"config.toml has no table [{name}]"
            raise InputError(msg)
    return {name: config[name] for name in names}


def _arguments(function: Callable[..., Any]) -> dict[str, Any]:
    hints = get_type_hints(function)
    return {name: hints.get(name, Any) for name in inspect.signature(function).parameters}


def _check_known(
    table: str, given: Mapping[str, Any], hints: Mapping[str, Any], needed: set[str]
) -> None:
    for name in given:
        if name not in hints:
            msg = f"config.toml has {table}.{name}, which this bpnet does not know"
            raise InputError(msg)
    for name in sorted(needed - given.keys()):
        msg = f"config.toml has no {table}.{name}"
        raise InputError(msg)
    _check_types(table, given, hints)


def _check_types(table: str, given: Mapping[str, Any], hints: Mapping[str, Any]) -> None:
    for name, hint in hints.items():
        if name in given and not fits(given[name], hint):
            msg = f"config.toml has {table}.{name} = {str(given[name])[:60]!r}"
            raise InputError(f"{msg}, which is of the wrong type")


def to_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """TOML of tables whose values are text, numbers, booleans and lists of them."""
    lines = []
    for table, values in tables.items():
        lines.append(f"[{table}]")
        lines += [f"{key} = {_toml(value)}" for key, value in values.items() if value is not None]
        lines.append("")
    return "\n".join(lines)


def from_toml(text: str) -> dict[str, Any]:
    """Tables that :func:`to_toml` wrote.

    Raises
    ------
    ValueError
        If it is no TOML.
    """
    return {table: _restored(values) for table, values in tomllib.loads(text).items()}


def _restored(values: Any) -> Any:
    """Settings of a table, among them names that are not UTF-8."""
    if not isinstance(values, dict):
        return values
    if values.keys() == {_BYTES} and isinstance(values[_BYTES], str):
        return os.fsdecode(bytes.fromhex(values[_BYTES]))
    return {key: _restored(value) for key, value in values.items()}


_BYTES = "bytes"
"""Key of a name that is not UTF-8, which no text in TOML can be: its bytes in hexadecimal."""


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _toml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, str) and not _is_text(value):
        return f'{{ {_BYTES} = "{os.fsencode(value).hex()}" }}'
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)

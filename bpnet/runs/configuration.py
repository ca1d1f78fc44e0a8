"""The configuration of a run: its options, and config.toml, which anyone may have edited."""

import inspect
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from bpnet.arguments import fits
from bpnet.core import optimizers
from bpnet.core.activations import ACTIVATIONS
from bpnet.core.lbfgs import LBFGS
from bpnet.data import Columns
from bpnet.data.loading import load as load_data
from bpnet.errors import InputError
from bpnet.runs.folder import Config
from bpnet.training.declared import Declared, Option, Range, merged, one_of, option, table
from bpnet.training.recipe import OPTIONS, Place, Ranks, Recipe

FIND = "find"
"""Value of the option ``learning_rate`` that runs the learning-rate finder before training."""


def _rate(value: Any, _: str) -> float | str:
    """Learning rate as a number, or ``FIND``."""
    if str(value).strip().lower() == FIND:
        return FIND
    try:
        return float(value)
    except ValueError as error:
        msg = f"--learning-rate is {value!r}; give a number, or find"
        raise InputError(msg) from error


@dataclass(frozen=True, kw_only=True)
class Layout(Declared):
    """Options of a run's network, on the command line and in config.toml."""

    hidden: Sequence[int] = option(
        (128, 64), panel="Network",
        help="Number of neurons of each hidden layer, with commas.",
    )  # fmt: skip
    activation: str | Sequence[str] = option(
        "relu", panel="Network",
        help="Activation of the hidden layers, or a list with one for each: "
        f"{', '.join(ACTIVATIONS)}, or module:name for one of your own.",
    )  # fmt: skip
    output: str | None = option(
        None,
        help="Activation of the output layer. By default, softmax for classes and identity for "
        "amounts.",
        panel="Network",
    )
    norm: str | None = option(
        None,
        panel="Network",
        help="Normalization of the hidden layers: batch or layer. By default, none.",
    )
    init: str = option(
        "auto", panel="Network",
        help="Distribution of the initial weights: auto (suits the activation), he, glorot, lecun, "
        "orthogonal, normal or zeros; or the folder of a RUN to start from its trained weights.",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RunOptions(Declared):
    """Options of a run in a folder, beside its recipe."""

    recipe: str | None = option(
        None, range=one_of("table", "none"),
        help="Set of defaults. table is the default for tables: an ensemble, with the hidden "
        "layers, activation, optimizer, learning rate, epochs, batch size, schedule and patience "
        "that were measured to suit them. none is the default for other data.",
    )  # fmt: skip
    members: int | None = option(
        None, range=Range(1, 10_000, whole=True),  # each is made before the memory is checked
        help="Number of networks in the ensemble whose mean output is the model; each holds out "
        "validation rows of its own. By default, 8 with the table recipe, else 1.",
    )  # fmt: skip
    learning_rate: float | str | None = option(
        None, range=_rate, swept=True,
        help="Learning rate, the eta of the paper, or find to run the learning-rate finder first. "
        "By default, that of the optimizer: 0.001 for adam.",
    )  # fmt: skip
    momentum: float | None = option(
        None,
        swept=True,
        help="Momentum coefficient of the optimizers momentum and nesterov. By default, 0.9.",
    )
    patience: int | None = option(
        None,
        help="Number of epochs without a lower validation cost after which training stops; the "
        "best epoch is kept. By default, training does not stop early.",
    )
    sample_weight: Path | None = option(
        None, help=".npy file with the weight of each row of DATA. By default, all weights are 1.",
        panel="Data", range=lambda path, _: str(Path(path).absolute()),
    )  # fmt: skip
    checkpoint_minutes: float = option(
        0.25, help="Minutes between two checkpoints.", panel="The run"
    )
    on_error: str = option(
        "stop", help="What to do if a checkpoint cannot be written: stop or continue.",
        panel="The run",
    )  # fmt: skip


LAYOUT, RUN_OPTIONS = table(Layout), table(RunOptions)


@dataclass(frozen=True)
class RunConfig:
    """All options of a run, read from the command line or from config.toml.

    ``tables`` are those of config.toml: data, network, training and others. ``layout`` has the
    options of its network, the other fields those of its training.
    """

    tables: Config
    layout: Layout
    recipe: Recipe
    place: Place
    ranks: Ranks
    options: RunOptions

    @classmethod
    def read(cls, tables: Config, communicator: Any = None) -> "RunConfig":
        """Configuration from tables; the optimizer's learning rate and momentum complete them."""
        table = tables["training"]
        options = merged(RunOptions, None, table)
        finds_rate = options.learning_rate == FIND
        # The rate that the finder suggests is known only when the data has been read.
        eta: Any = None if finds_rate else options.learning_rate
        rule = optimizers.get(table["optimizer"], eta, options.momentum)
        # TOML has no null, so that 0 stands for the whole training set.
        size = table["batch_size"]
        if size is None:
            size = 0 if isinstance(rule, LBFGS) else OPTIONS["batch_size"].default
        settings = {**table, "optimizer": rule, "batch_size": size or None}
        # config.toml then shows the rate and the momentum that the optimizer has by default.
        rates = {name: getattr(rule, name, None) for name in ("learning_rate", "momentum")}
        rates |= {"learning_rate": FIND} if finds_rate else {}
        training = {**table, **vars(options), **rates, "batch_size": size}
        return cls(
            {**tables, "training": training}, merged(Layout, None, tables["network"]),
            merged(Recipe, None, settings), merged(Place, None, settings),
            merged(Ranks, Ranks(communicator=communicator), settings), options,
        )  # fmt: skip


_STREAMING = {"stream": bool, "shuffle": str, "buffer": int}
"""Options of the command line in [data]; all others are arguments of :func:`bpnet.data.load`."""


def check(config: Any, columns: Columns | None, *, with_columns: bool) -> None:
    """Refuse a configuration that lacks a setting with which a model is evaluated."""
    tables = _tables(config, "data", "training", "network")
    if "source" not in tables["data"]:
        msg = "config.toml has no data.source"
        raise InputError(msg)
    _check_types("data", tables["data"], {"source": str, "target": str, "task": str})
    _check_types("data", tables["data"], {"validation": float, "test": float, "seed": int})
    _check_types("data", tables["data"], {"split_version": int})
    _check_types("data", tables["data"], _STREAMING)
    _check_types("training", tables["training"], {"cost": str, "metrics": OPTIONS["metrics"].hint})
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
    """Refuse a configuration with which a run cannot be resumed.

    The message names a setting that is missing, unknown or of the wrong type.
    """
    tables = _tables(config, "data", "training", "network", "machine")
    training = {**_hints({**OPTIONS, **RUN_OPTIONS}), "tensorboard": str}
    network = {**_hints(LAYOUT), "seed": int}
    check_data(config)
    _check_known("training", tables["training"], training, {"optimizer", "batch_size", "dtype"})
    _check_known("network", tables["network"], network, {"hidden", "activation", "init", "seed"})
    _check_known("machine", {}, {}, {"backend"} - tables["machine"].keys())
    _check_types("machine", tables["machine"], {"backend": str})


def check_data(config: Any) -> None:
    """Refuse a configuration with which a run's data cannot be read again."""
    # The settings of [data] are the arguments of `load`, so that a new one needs no entry here.
    hints = get_type_hints(load_data)
    arguments = {name: hints.get(name, Any) for name in inspect.signature(load_data).parameters}
    known = {**arguments, **_STREAMING}
    _check_known("data", _tables(config, "data")["data"], known, {"source"})


def _tables(config: Any, *names: str) -> dict[str, Mapping[str, Any]]:
    for name in names:
        if not isinstance(config.get(name), dict):
            msg = f"config.toml has no table [{name}]"
            raise InputError(msg)
    return {name: config[name] for name in names}


def _hints(options: Mapping[str, Option]) -> dict[str, Any]:
    return {name: about.hint for name, about in options.items()}


def _check_known(
    table: str, settings: Mapping[str, Any], hints: Mapping[str, Any], required: set[str]
) -> None:
    for name in settings:
        if name not in hints:
            msg = f"config.toml has {table}.{name}, which this bpnet does not know"
            raise InputError(msg)
    for name in sorted(required - settings.keys()):
        msg = f"config.toml has no {table}.{name}"
        raise InputError(msg)
    _check_types(table, settings, hints)


def _check_types(table: str, settings: Mapping[str, Any], hints: Mapping[str, Any]) -> None:
    for name, hint in hints.items():
        if name in settings and not fits(settings[name], hint):
            msg = f"config.toml has {table}.{name} = {str(settings[name])[:60]!r}"
            raise InputError(f"{msg}, which is of the wrong type")


def to_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """TOML of tables of text, numbers, booleans, lists and mappings; None is left out."""
    lines = []
    for name, values in tables.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {_toml(value)}" for key, value in values.items() if value is not None]
        lines.append("")
    return "\n".join(lines)


def from_toml(text: str) -> dict[str, Any]:
    """Tables of a text that :func:`to_toml` wrote; text that is no TOML is a ``ValueError``."""
    return {table: _restored(values) for table, values in tomllib.loads(text).items()}


def _restored(values: Any) -> Any:
    """Values of a table, with the names of files that are not UTF-8 as :mod:`os` has them."""
    if not isinstance(values, dict):
        return values
    if values.keys() == {_BYTES} and isinstance(values[_BYTES], str):
        return os.fsdecode(bytes.fromhex(values[_BYTES]))
    return {key: _restored(value) for key, value in values.items()}


_BYTES = "bytes"
"""Key of a file's name that is not UTF-8, as TOML's text must be: the value is hexadecimal."""


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _toml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_toml(item)}' for key, item in value.items())} }}"
    if isinstance(value, str) and not _is_text(value):
        return f'{{ {_BYTES} = "{os.fsencode(value).hex()}" }}'
    if isinstance(value, str):
        # TOML has JSON's escapes, and unlike JSON wants DEL escaped too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)

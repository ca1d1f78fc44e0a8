"""The data of a run: read as training read it, and to judge by; and a network that fits it."""

from typing import Any

import numpy as np

from bpnet.data import Columns, Dataset, absolute
from bpnet.data import load as load_data
from bpnet.data import stream as open_stream
from bpnet.data.host_rows import HostRows
from bpnet.data.streams import can as can_stream
from bpnet.errors import InputError
from bpnet.network import Network
from bpnet.runs import Config


def streaming(stream: bool, shuffle: str, buffer: int | None) -> dict[str, Any]:
    """What a configuration says of streaming: nothing, where data is in memory.

    Raises
    ------
    InputError
        If options of streaming are given without it.
    """
    if stream:
        return {"stream": True, "shuffle": shuffle, "buffer": buffer}
    if shuffle != "auto" or buffer is not None:
        msg = "--shuffle and --buffer are of data that is not in memory; give --stream too"
        raise InputError(msg)
    return {}


def read(
    source: str,
    *,
    stream: bool = False,
    shuffle: str = "auto",
    buffer: int | None = None,
    **options: Any,
) -> Dataset:
    """Data set by its name, in memory or streamed."""
    if stream:
        return open_stream(source, shuffle=shuffle, buffer=buffer, **options)
    return load_data(source, **options)


def read_again(config: Config) -> Dataset:
    """Data set that a run was trained with, split as it was then."""
    data = {"validation": 0.0, "seed": config["network"].get("seed", 0), **config["data"]}
    return read(data.pop("source"), **data)  # the seed of a sweep's data is its own


def is_streamed(config: Config, source: str, asked: bool) -> bool:
    """Whether a source is streamed: where that is asked for, or the run's data was."""
    return asked or (bool(config["data"].get("stream")) and can_stream(source))


def network_for(data: Dataset, neurons: list[int], **options: Any) -> Network:
    """Network that fits a data set: one output a class, or one a number to predict.

    Two classes and the output ``sigmoid`` make one output.
    """
    rows: Any = data.y
    output = options.pop("output") or ("identity" if data.task == "regress" else "softmax")
    if rows.ndim == 2:
        n = rows.shape[1]
    elif data.task == "regress":
        n = 1
    else:
        count = len(np.unique(rows.facts[0] if isinstance(rows, HostRows) else rows))
        n = 1 if count == 2 and output == "sigmoid" else count
    return Network([data.x.shape[1], *neurons, n], output=output, **options)


def test_data(
    config: Config,
    columns: Columns | None,
    source: str | None,
    target: str | None,
    stream: bool,
) -> tuple[Any, str]:
    """Examples and targets to judge a run on, and what to call them.

    The data set's own test split; else the examples that training held out; else, where
    another source is given, all of it.

    Raises
    ------
    InputError
        If nothing was held out and no source is given.
    """
    asked: dict[str, Any] = config["data"]
    other = source is not None and absolute(source) != absolute(asked["source"])
    name = source or asked["source"]
    if not name:
        msg = "a model's file has no data of its own; give DATA to judge it on"
        raise InputError(msg)
    seed: int = {**config["network"], **asked}.get("seed", 0)  # of a sweep they may differ
    data = read(
        name,
        stream=is_streamed(config, name, stream),
        target=target or asked.get("target"),
        task=asked.get("task", "auto"),
        columns=columns,
        validation=0.0 if other else asked.get("validation", 0.0),
        seed=seed,
    )
    if data.test is not None:
        return Dataset(*data.test, scale=data.scale, shape=data.shape), f"{name}, test split"
    if other:
        return Dataset(data.x, data.y, scale=data.scale, shape=data.shape), name
    if data.validation is not None:
        return Dataset(
            *data.validation, scale=data.scale, shape=data.shape
        ), f"{name}, held-out examples"
    msg = f"{name} has no test split and the run held nothing out; give other data to judge it on"
    raise InputError(msg)

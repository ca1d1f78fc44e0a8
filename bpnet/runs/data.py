"""The data of a run: read as training read it, and to judge by; and a network that fits it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpnet.data import Columns, Dataset, told
from bpnet.data.host_rows import HostRows
from bpnet.data.loading import can_stream
from bpnet.data.loading import load as load_data
from bpnet.data.loading import stream as open_stream
from bpnet.data.sources import absolute
from bpnet.data.standard import NAMES
from bpnet.data.taking import sign
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.runs.record import Config
from bpnet.training import checkpoints, scores


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


def read_again(config: Config, columns: Columns | None = None) -> Dataset:
    """Data set that a run was trained with, split as it was then.

    Parameters
    ----------
    config : dict of dicts
        Of the run.
    columns : Columns, optional
        What was learned of a table before, by the run that this one began with.

    Raises
    ------
    InputError
        If it cannot be read, or has changed since.
    """
    # the seed of a sweep's data is its own
    data = {"validation": 0.0, "seed": config["network"].get("seed", 0), **config["data"]}
    data["columns"] = columns or data.get("columns")
    found = read(data.pop("source"), **data)
    _check_unchanged(config, found, "give it as it was, or train anew")
    return found


def described(data: Dataset) -> dict[str, Any]:
    """What tells the rows of a source from others, for a run to keep.

    Without it nobody would notice that rows were added or sorted since, and that other rows are
    held out by the same draw.
    """
    pairs = [(data.x, data.y), *filter(None, (data.validation, data.test))]
    hashed = checkpoints.fingerprint(*(array for pair in pairs for array in pair))
    return {"examples": sum(int(x.shape[0]) for x, _ in pairs), "fingerprint": hashed}


def _check_unchanged(config: Config, data: Dataset, cure: str) -> None:
    """Refuse a source that is not what the run was trained with; older runs do not know."""
    kept = config.get("source")
    if not kept:
        return
    now, name = described(data), config["data"]["source"]
    if bool(config["data"].get("stream")) != isinstance(data.x, HostRows):
        kept = {**kept, "fingerprint": now["fingerprint"]}  # one of rows, the other of files
    if kept != now:
        counts = [f"{of['examples']:,}" for of in (kept, now)]
        how = f"it had {counts[0]} examples and has {counts[1]}"
        how = "its rows are others, or in another order" if counts[0] == counts[1] else how
        msg = f"{name} has changed since the run was trained on it: {how}, so that what was held "
        raise InputError(f"{msg}out is not known; {cure}")


def separated(columns: Columns | None, separator: str | None) -> Columns | None:
    """What a run knows of its table, for text whose cells another sign separates."""
    if separator is None:
        return columns
    if columns is None:
        msg = f"separator {separator!r} is of a table, and the run was trained on arrays; leave it "
        raise InputError(f"{msg}out")
    return replace(columns, separator=sign(separator) or "")


def is_streamed(config: Config, source: str, asked: bool) -> bool:
    """Whether a source is streamed: where that is asked for, or the run's data was."""
    return asked or (bool(config["data"].get("stream")) and can_stream(source))


def replaced(data: Dataset) -> tuple[str, ...]:
    """Lines on what was put in place of values that could not be used; after they were read."""
    lines = told.replaced(data.columns, data.tally)
    notes = () if isinstance(data.x, HostRows) else data.notes
    return *(note for note in notes if note not in lines), *lines


def counts(data: Dataset) -> dict[str, dict[str, int]]:
    """Counts of the same by column, as plain data."""
    return told.counts(data.tally)


def target_line(data: Dataset, asked: dict[str, Any]) -> list[str]:
    """Line on what the target was taken for, and how to have it taken for the other.

    Of a built-in data set it goes without saying.
    """
    if asked["source"] in NAMES:
        return []
    rows: Any = data.y
    name = "the targets" if data.columns is None else f"'{data.columns.target}'"
    numbers = data.columns is None or (
        data.columns.target_kind in {"integer", "real"} and len(data.columns.target_names) == 1
    )
    if data.task == "regress":
        what, other = "amounts", "--task classify makes classes of them"
    elif rows.ndim == 2:
        return [f"target: {name}, rows of {rows.shape[1]} labels"]
    else:
        known = np.unique(rows)
        what, other = f"{len(known)} classes", "--task regress makes amounts of them"
        numbers = numbers and known.dtype.kind in "iuf"
    guessed = numbers and asked.get("task", "auto") == "auto"
    return [f"target: {name}, {what}" + f" ({other})" * guessed]


def sizes(data: Dataset) -> str:
    """What there is to learn from, and how it is divided."""
    columns, (m, n) = data.columns, data.x.shape
    width = f"{n} values" if columns is None else f"{len(columns.inputs)} columns, {n} values"
    parts = {"validation": data.validation, "test": data.test}
    held = [f"{len(pair[1]):,} for {name}" for name, pair in parts.items() if pair is not None]
    return f"{m:,} examples of {width}" + "".join(f", {part}" for part in held)


def check_test(data: Dataset) -> None:
    """Read the test rows of streamed data once, which training does not look at.

    Raises
    ------
    InputError
        If they can't be used.
    """
    rows = data.test[0] if data.test is not None and data.test_share else None
    if isinstance(rows, HostRows):
        for numbers in rows.pieces(_PIECE):
            rows.take(numbers)


_PIECE = 1 << 22
"""Numbers that are read at a time."""


def settled(tables: Config, data: Dataset, metrics: Sequence[str]) -> list[str]:
    """Write into the tables of a new run what its data has decided; return its metrics."""
    check_test(data)
    metrics = metrics_for(data, metrics)
    tables["data"] |= {"source": absolute(tables["data"]["source"]), "test": data.test_share}
    tables["training"]["metrics"] = metrics
    tables["source"] = described(data)
    return metrics


def metrics_for(data: Dataset, asked: Sequence[str]) -> list[str]:
    """Metrics of a run: of amounts also those that have the target's unit, or none."""
    judged = data.validation is not None and len(data.validation[1]) > 1
    usual = scores.USUAL if judged and data.task == "regress" else ()
    return list(dict.fromkeys((*usual, *asked)))


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
        count = len(np.unique(rows))
        n = 1 if count == 2 and output == "sigmoid" else count
    return Network([data.x.shape[1], *neurons, n], output=output, **options)


@dataclass(frozen=True, eq=False)
class Part:
    """Rows to judge a run on.

    Parameters
    ----------
    data : Dataset
        The rows.
    what : str
        What to call them, with their source.
    name : {"test", "validation"}
        Whether nothing of the run was chosen by them, or they were watched in training.
    note : str
        What was chosen by them.
    """

    data: Dataset
    what: str
    name: str = "test"
    note: str = ""


def part_of(config: Config, data: Dataset, name: str) -> Part:
    """Rows of a run's own data that it was not trained with, those for a test if there are any.

    Raises
    ------
    InputError
        If there are neither.
    """
    kept: dict[str, Any] = {"scale": data.scale, "shape": data.shape, "columns": data.columns}
    if data.test is not None and not data.test_share:
        return Part(Dataset(*data.test, **kept), f"{name}, test split")
    of_all = told.replaced(data.columns, data.tally)  # those of the part are counted anew
    kept["notes"] = tuple(
        f"in all rows of {name}: {note}" for note in data.notes if note not in of_all
    )
    if data.test is not None:
        kept["rows"] = data.places.get("test")
        kept["tallies"] = {"": data.tallies.get("test", {})}
        return Part(Dataset(*data.test, **kept), f"{name}, held-out examples (test)")
    if data.validation is None:
        msg = f"{name} has no test part and the run held nothing out; give other data to judge it"
        raise InputError(f"{msg} on")
    chosen = "they are there to choose the epoch and the options"
    if config["training"].get("patience") is not None:
        chosen = "these rows chose the epoch"
    if "sweep" in config:
        chosen = "these rows chose the options of the sweep, and the epoch"
    note = f"validation rows are no test: {chosen}; --test 0.1 holds out rows that choose nothing"
    what = f"{name}, held-out examples (validation)"
    kept["rows"] = data.places.get("validation")
    kept["tallies"] = {"": data.tallies.get("validation", {})}
    return Part(Dataset(*data.validation, **kept), what, "validation", note)


def to_judge(
    config: Config,
    columns: Columns | None,
    source: str | None,
    target: str | None,
    stream: bool,
) -> Part:
    """Rows to judge a run on: all of another source, or what the run held out of its own.

    Of another source with a test split they are that split. Whether the run has learned from such
    rows is not known: who gives them takes them for a test.

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
    streamed = is_streamed(config, name, stream)
    held = {k: 0.0 if other else asked.get(k, 0.0) for k in ("validation", "test")}
    if any(held.values()) and columns is not None and streamed != bool(asked.get("stream")):
        msg = f"the run read {name} into memory, and streamed other rows would be held out"
        raise InputError(f"{msg}; leave --stream out")
    as_before = streamed and not other
    data = read(
        name,
        stream=streamed,
        shuffle=asked.get("shuffle", "auto") if as_before else "auto",
        buffer=asked.get("buffer") if as_before else None,
        target=target or asked.get("target"),
        task=asked.get("task", "auto"),
        columns=columns,
        seed={**config["network"], **asked}.get("seed", 0),  # of a sweep they may differ
        **held,
    )
    if other and data.test is None:
        kept: dict[str, Any] = {"scale": data.scale, "shape": data.shape, "columns": data.columns}
        return Part(Dataset(data.x, data.y, **kept, notes=data.notes, tallies=data.tallies), name)
    if not other:
        _check_unchanged(config, data, "give it as it was, or a copy of it to judge on all rows")
    return part_of(config, data, name)

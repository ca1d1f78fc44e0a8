"""Data of a run, read for training or for evaluation, and a network that fits the data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpnet.data import Columns, Dataset, replacements
from bpnet.data.host_rows import HostRows
from bpnet.data.loading import can_stream
from bpnet.data.loading import load as load_data
from bpnet.data.loading import stream as open_stream
from bpnet.data.options import sign
from bpnet.data.sources import absolute
from bpnet.data.standard import NAMES
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.runs.record import Config
from bpnet.training import checkpoints, scores


def streaming(stream: bool, shuffle: str, buffer: int | None) -> dict[str, Any]:
    """Streaming options for the configuration of a run: empty for data in memory.

    Options of streaming are refused without ``stream``.
    """
    if stream:
        return {"stream": True, "shuffle": shuffle, "buffer": buffer}
    if shuffle != "auto" or buffer is not None:
        msg = "--shuffle and --buffer are for streamed data; give --stream too"
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
    """Data set of a run's training, with the same held-out rows; a changed source is refused.

    ``columns`` are the encodings of a table, where the run took them from an earlier run.
    """
    # a sweep has a seed for its data, apart from those of its networks
    settings = {
        "validation": 0.0, "seed": config["network"].get("seed", 0),
        "split_version": 1,  # runs of earlier versions name none
        **config["data"],
    }  # fmt: skip
    settings["columns"] = columns or settings.get("columns")
    data = read(settings.pop("source"), **settings)
    _check_unchanged(config, data, "give it as it was, or train anew")
    return data


def identity(data: Dataset) -> dict[str, Any]:
    """Count and fingerprint of a source's rows, which a run stores.

    They show that rows were added or sorted since: the same draw would then hold out other rows.
    """
    pairs = [(data.x, data.y), *filter(None, (data.validation, data.test))]
    fingerprint = checkpoints.fingerprint(*(array for pair in pairs for array in pair))
    return {"examples": sum(int(x.shape[0]) for x, _ in pairs), "fingerprint": fingerprint}


def _check_unchanged(config: Config, data: Dataset, cure: str) -> None:
    """Refuse a source that has changed since the run; older runs did not store its identity."""
    before = config.get("source")
    if not before:
        return
    now, name = identity(data), config["data"]["source"]
    if bool(config["data"].get("stream")) != isinstance(data.x, HostRows):
        # in memory the fingerprint is of rows, and streamed of files: they can't be compared
        before = {**before, "fingerprint": now["fingerprint"]}
    if before != now:
        counts = [f"{source['examples']:,}" for source in (before, now)]
        how = f"it had {counts[0]} examples and has {counts[1]}"
        how = "its rows are others, or in another order" if counts[0] == counts[1] else how
        msg = f"{name} has changed since the run was trained on it: {how}, so that the held-out "
        raise InputError(f"{msg}rows are not known; {cure}")


def separated(columns: Columns | None, separator: str | None) -> Columns | None:
    """Encodings of a run's table, for a table whose cells have another ``separator``."""
    if separator is None:
        return columns
    if columns is None:
        msg = (
            f"separator {separator!r} is for a table, and the run was trained on arrays; leave it "
        )
        raise InputError(f"{msg}out")
    return replace(columns, separator=sign(separator) or "")


def is_streamed(config: Config, source: str, requested: bool) -> bool:
    """Whether a source is streamed: on request, or because the run's own data was."""
    return requested or (bool(config["data"].get("stream")) and can_stream(source))


def replacement_notes(data: Dataset) -> tuple[str, ...]:
    """Lines on unusable values that were replaced; complete once the rows have been read."""
    lines = replacements.lines(data.columns, data.tally)
    notes = () if isinstance(data.x, HostRows) else data.notes
    return *(note for note in notes if note not in lines), *lines


def replacement_counts(data: Dataset) -> dict[str, dict[str, int]]:
    """Counts of unusable values that were replaced, by column, as plain data."""
    return replacements.counts(data.tally)


def target_line(data: Dataset, settings: dict[str, Any]) -> list[str]:
    """Line on whether the target is classes or amounts, and on how to choose the other task.

    ``settings`` is the table ``data`` of the configuration; a built-in data set gets no line.
    """
    if settings["source"] in NAMES:
        return []
    rows: Any = data.y
    name = "the targets" if data.columns is None else f"'{data.columns.target}'"
    # Text has one task, and so have several targets: the line names no other for them.
    is_numeric = data.columns is None or (
        data.columns.target_kind in {"integer", "real"} and len(data.columns.target_names) == 1
    )
    if data.task == "regress":
        kind, other = "amounts (regression)", "--task classify takes them for classes"
    elif rows.ndim == 2:
        return [f"target: {name}, rows of {rows.shape[1]} labels"]
    else:
        classes = np.unique(rows)
        kind, other = f"{len(classes)} classes", "--task regress takes them for amounts"
        is_numeric = is_numeric and classes.dtype.kind in "iuf"
    is_guess = is_numeric and settings.get("task", "auto") == "auto"
    return [f"target: {name}, {kind}" + f"; {other}" * is_guess]


def heading(data: Dataset, settings: dict[str, Any]) -> list[str]:
    """Lines on the data of a run: their size, what columns are taken for, notes and the target."""
    left_out = [line for line in data.taken if " left out: " in line]

    def is_listed(note: str) -> bool:
        name = note.removeprefix("column '").partition("' is left out: ")[0]
        return any(line.startswith(f"{name} ") for line in left_out)

    return [
        f"data: {data.name or settings['source']}, {size_line(data)}",
        *data.taken,
        *(f"note: {note}" for note in data.notes if not is_listed(note)),
        *target_line(data, settings),
    ]


def size_line(data: Dataset) -> str:
    """Numbers of examples and columns, and of the examples that are held out."""
    columns, (m, n) = data.columns, data.x.shape
    width = f"{n} values" if columns is None else f"{len(columns.inputs)} columns, {n} values"
    parts = {"validation": data.validation, "test": data.test}
    counts = [f", {len(pair[1]):,} for {name}" for name, pair in parts.items() if pair is not None]
    return f"{m:,} examples of {width}{''.join(counts)}"


def complete(tables: Config, data: Dataset, metrics: Sequence[str]) -> list[str]:
    """Complete the tables of a new run with what depends on its data; return its metrics.

    Streamed test rows are read once, as training does not read them: an unusable one is refused
    before the run begins.
    """
    rows = data.test[0] if data.test is not None and data.test_share else None
    if isinstance(rows, HostRows):
        for numbers in rows.pieces(_PIECE):
            rows.take(numbers)
    metrics = metrics_for(data, metrics, folds=tables["training"].get("members") or 1)
    tables["data"] |= {"source": absolute(tables["data"]["source"]), "test": data.test_share}
    tables["training"]["metrics"] = metrics
    tables["source"] = identity(data)
    return metrics


_PIECE = 1 << 22
"""Numbers that are read at once."""


def metrics_for(data: Dataset, metrics: Sequence[str], folds: int = 1) -> list[str]:
    """Metrics of a run: a regression with validation rows gets the usual ones before its own.

    Each network of an ensemble, of several ``folds``, holds validation rows out of the others.
    """
    # R2 is not defined for a single row.
    has_validation = folds > 1 or (data.validation is not None and len(data.validation[1]) > 1)
    usual = scores.USUAL if has_validation and data.task == "regress" else ()
    return list(dict.fromkeys((*usual, *metrics)))


def network_for(data: Dataset, neurons: list[int], **options: Any) -> Network:
    """Network that fits a data set, with one output for each class or target.

    Two classes with the output activation ``sigmoid`` make one output.
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
class EvaluationSet:
    """Rows on which a run is evaluated.

    ``title`` names them with their source. ``name`` is "test", or "validation" for rows that
    training has watched; ``note`` then says what was chosen by them.
    """

    data: Dataset
    title: str
    name: str = "test"
    note: str = ""


def held_out(config: Config, data: Dataset, name: str) -> EvaluationSet:
    """Rows of a run's own data that it was not trained with: test rows, or else validation rows."""
    about: dict[str, Any] = {"scale": data.scale, "shape": data.shape, "columns": data.columns}
    if data.test is not None and not data.test_share:
        return EvaluationSet(Dataset(*data.test, **about), f"{name}, test split")
    lines = replacements.lines(data.columns, data.tally)  # counted anew for held-out rows
    about["notes"] = tuple(
        f"in all rows of {name}: {note}" for note in data.notes if note not in lines
    )
    if data.test is not None:
        about["rows"] = data.places.get("test")
        about["tallies"] = {"": data.tallies.get("test", {})}
        return EvaluationSet(Dataset(*data.test, **about), f"{name}, held-out examples (test)")
    if data.validation is None:
        msg = f"{name} has no test part and the run held nothing out; give other data to "
        raise InputError(f"{msg}evaluate it on")
    stopped = config["training"].get("patience") is not None
    chosen = "they are there to choose the epoch and the options"
    if stopped:
        chosen = "these rows chose the epoch"
    if "sweep" in config:
        # without a patience the model is that of the last epoch
        chosen = f"these rows chose the options of the sweep{', and the epoch' * stopped}"
    note = f"validation rows are no test: {chosen}; --test 0.1 holds out rows that choose nothing"
    title = f"{name}, held-out examples (validation)"
    about["rows"] = data.places.get("validation")
    about["tallies"] = {"": data.tallies.get("validation", {})}
    return EvaluationSet(Dataset(*data.validation, **about), title, "validation", note)


def evaluation_set(
    config: Config,
    columns: Columns | None,
    source: str | None,
    target: str | None,
    stream: bool,
) -> EvaluationSet:
    """Rows on which a run is evaluated: of another source, or held out of the run's own.

    Another source gives its test split, or all rows where it has none. bpnet cannot know whether
    the run has learned from these rows: whoever names the source takes them for a test.
    """
    settings: dict[str, Any] = config["data"]
    is_other = source is not None and absolute(source) != absolute(settings["source"])
    name = source or settings["source"]
    if not name:
        msg = "a model's file has no data of its own; give DATA to evaluate it on"
        raise InputError(msg)
    streamed = is_streamed(config, name, stream)
    shares = {k: 0.0 if is_other else settings.get(k, 0.0) for k in ("validation", "test")}
    if any(shares.values()) and columns is not None and streamed != bool(settings.get("stream")):
        msg = f"the run read {name} into memory, and streamed other rows would be held out"
        raise InputError(f"{msg}; leave --stream out")
    # The fingerprint of streamed rows covers how they are shuffled, so the run's way is kept.
    as_before = streamed and not is_other
    data = read(
        name,
        stream=streamed,
        shuffle=settings.get("shuffle", "auto") if as_before else "auto",
        buffer=settings.get("buffer") if as_before else None,
        target=target or settings.get("target"),
        task=settings.get("task", "auto"),
        columns=columns,
        seed={**config["network"], **settings}.get("seed", 0),  # of a sweep they may differ
        split_version=settings.get("split_version", 1),
        **shares,
    )
    if is_other and data.test is None:
        about: dict[str, Any] = {"scale": data.scale, "shape": data.shape, "columns": data.columns}
        rows = Dataset(data.x, data.y, **about, notes=data.notes, tallies=data.tallies)
        return EvaluationSet(rows, name)
    if not is_other:
        _check_unchanged(config, data, "give it as it was, or a copy of it to judge on all rows")
    return held_out(config, data, name)

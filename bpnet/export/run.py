"""A run, or a model's file, as an ONNX file."""

from pathlib import Path
from typing import Any

import numpy as np

from bpnet import runs
from bpnet.core import optimizers
from bpnet.data import Columns
from bpnet.data.columns import NUMBERS
from bpnet.errors import InputError
from bpnet.export import trace
from bpnet.export.inference import to_onnx
from bpnet.export.library import library
from bpnet.export.training import NOT_OF_A_STEP, training_to_onnx
from bpnet.model.ensemble import Ensemble
from bpnet.runs import Config, configuration
from bpnet.runs import data as run_data
from bpnet.runs import folder as run_folder
from bpnet.training.recipe import RECIPE


def export_run(
    source: Path, path: Path, *, training: bool = False, dtype: str = "float32"
) -> list[str]:
    """Write the model of a run, or its training step, as an ONNX file.

    ``source`` is the folder of a run, which has the encodings of its columns, or a ``.safetensors``
    file. With ``training`` the graph is the training step with the run's own options, else the
    forward pass. The result is a line on each input and output, and notes on their use.
    """
    # a wrong name is refused before the run is read
    trace.check_path(path)
    # the configuration tells which files the run was read from
    network, config, columns = runs.open_run(source)
    trace.check_path(path, run_folder.input_files(source, config))
    if training:
        if isinstance(network, Ensemble):
            msg = f"{source} has {len(network)} networks, and a training step is of one; leave"
            raise InputError(f"{msg} --training out, or train with --members 1")
        training_to_onnx(network, path, dtype=dtype, **_options(config))
        return [*signature(path), *_notes(config), *_table_notes(columns)]
    to_onnx(network, path, columns, dtype)
    kinds = {column.kind for column in columns.inputs} if columns is not None else set()
    dates = [_DAYS] if "date" in kinds else []
    return [*signature(path), *([_STRIP] if kinds - set(NUMBERS) else []), *dates]


_DAYS = "note: dates are taken as numbers: days since 1970-01-01, with fractions"
_STRIP = "note: text is taken as it is; take spaces around it away first, as predict does"


def _table_notes(columns: Columns | None) -> list[str]:
    """Notes on the inputs of a step for a table, which are encoded columns."""
    if columns is None:
        return []
    y = "numbers of the classes, in the order of the file's metadata"
    if columns.task == "regress":
        mean, std = np.atleast_1d(columns.mean).tolist(), np.atleast_1d(columns.std).tolist()
        units = [f"(value - {m:.9g}) / {s:.9g}" for m, s in zip(mean, std, strict=True)]
        y = f"the target standardized, {', '.join(units)}"
    x = f"the {len(columns.features)} encoded values of each row, as bpnet.data.load gives them"
    return [f"note: x is {x}", f"note: y is {y}"]


_NOTES = {
    "sample_weight": "note: the run weighed its examples, the step takes all alike",
    "class_weight": "note: the run weighed its classes, the step takes all alike",
    "schedule": "note: the run had a schedule; give the step its learning_rate each time",
}
"""Notes on options of a run that a step does not have."""

_STEP_OPTIONS = {*RECIPE} - {
    "optimizer",
    "epochs",
    "batch_size",
    "micro_batch",
    "metrics",
    *NOT_OF_A_STEP,
}


def _notes(config: Config) -> list[str]:
    """A note on each option of the run that the step does not have."""
    settings = config.get("training", {})
    return [
        note for name, note in _NOTES.items()
        # sample_weight is no part of the recipe: without one it is None
        if settings.get(name) not in (None, name in RECIPE and RECIPE[name].default)
    ]  # fmt: skip


def _options(config: Config) -> dict[str, Any]:
    """Options of the step, from the run's configuration."""
    settings = config.get("training", {})
    options = {name: value for name, value in settings.items() if name in _STEP_OPTIONS}
    # files of models have no settings: they get the defaults
    rule = (settings.get(name) for name in ("learning_rate", "momentum"))
    options["optimizer"] = optimizers.get(settings.get("optimizer", "adam"), *rule)
    # (27) divides by the size of the training set, which only the data tell
    if settings.get("l2") or settings.get("l1"):
        configuration.check_data(config)
        options["examples"] = run_data.read_again(config).x.shape[0]
    return options


def signature(path: Path) -> list[str]:
    """A line on each input and output of an ONNX file: name, shape, type."""
    onnx = library("onnx")
    # arrays in files beside it are not needed for a signature
    graph = onnx.load(path, load_external_data=False).graph
    # an input with an initializer has a default
    optional = {tensor.name for tensor in graph.initializer}
    lines = []
    for role, entries in (("input", graph.input), ("output", graph.output)):
        for entry in entries:
            kind = entry.type.tensor_type
            sizes = [dim.dim_param or str(dim.dim_value) for dim in kind.shape.dim]
            name = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
            # ONNX has the names of C
            name = {"float": "float32", "double": "float64"}.get(name, name)
            note = ", may be left out" if role == "input" and entry.name in optional else ""
            lines.append(f"{role} {entry.name}: ({', '.join(sizes)}) {name}{note}")
    return lines

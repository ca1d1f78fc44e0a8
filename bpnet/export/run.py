"""A run, or a model's file, as an ONNX file."""

from pathlib import Path
from typing import Any

import numpy as np

from bpnet import runs
from bpnet.core import optimizers
from bpnet.data import Columns
from bpnet.data.columns import NUMBERS
from bpnet.export import trace
from bpnet.export.inference import to_onnx
from bpnet.export.library import library
from bpnet.export.training import NOT_OF_A_STEP, training_to_onnx
from bpnet.runs import Config, configuration
from bpnet.runs import data as run_data
from bpnet.runs import folder as run_folder
from bpnet.training.recipe import RECIPE


def export_run(
    source: Path, path: Path, *, training: bool = False, dtype: str = "float32"
) -> list[str]:
    """Write what a run has learned, or its training step, as an ONNX file.

    Parameters
    ----------
    source : Path
        Folder of a run, with the encodings of its columns; or a ``.safetensors`` file.
    path : Path
        A name that ends in ``.onnx``.
    training : bool
        Whether to write the training step, with the run's own options, in place of the forward
        pass.
    dtype : {"float32", "float64"}
        Of the computation.

    Returns
    -------
    list of str
        A line on each input and output, and on what else to know of them.

    Raises
    ------
    InputError
        If the run has no model, or a file or an option cannot be used.
    """
    trace.check_path(path)
    network, config, columns = runs.open_run(source)
    trace.check_path(path, run_folder.read_by(source, config))
    if training:
        training_to_onnx(network, path, dtype=dtype, **_options(config))
        return [*signature(path), *_left_out(config), *_of_a_table(columns)]
    to_onnx(network, path, columns, dtype)
    kinds = {column.kind for column in columns.inputs} if columns is not None else set()
    dates = [_DAYS] if "date" in kinds else []
    return [*signature(path), *([_STRIP] if kinds - set(NUMBERS) else []), *dates]


_DAYS = "note: dates are taken as numbers: days since 1970-01-01, with fractions"
_STRIP = "note: text is taken as it is; take spaces around it away first, as predict does"


def _of_a_table(columns: Columns | None) -> list[str]:
    """What a step takes of a table, whose columns are encoded before it."""
    if columns is None:
        return []
    y = "numbers of the classes, in the order of the file's metadata"
    if columns.task == "regress":
        mean, std = np.atleast_1d(columns.mean).tolist(), np.atleast_1d(columns.std).tolist()
        units = [f"(value - {m:.9g}) / {s:.9g}" for m, s in zip(mean, std, strict=True)]
        y = f"the target standardized, {', '.join(units)}"
    x = f"the {len(columns.features)} encoded values of each row, as bpnet.data.load gives them"
    return [f"note: x is {x}", f"note: y is {y}"]


_LEFT_OUT = {
    "sample_weight": "note: the run weighed its examples, the step takes all alike",
    "class_weight": "note: the run weighed its classes, the step takes all alike",
    "schedule": "note: the run had a schedule; give the step its learning_rate each time",
}
"""Options of a run that are no part of a step, and what to know of them."""

_TAKEN = {*RECIPE} - {"optimizer", "epochs", "batch_size", "micro_batch", "metrics", *NOT_OF_A_STEP}


def _left_out(config: Config) -> list[str]:
    """A line on each option of the run that the step does not have."""
    settings = config.get("training", {})
    return [
        note for name, note in _LEFT_OUT.items()
        if settings.get(name) not in (None, name in RECIPE and RECIPE[name].default)
    ]  # fmt: skip


def _options(config: Config) -> dict[str, Any]:
    """Options of the step, as the run was asked for."""
    settings = config.get("training", {})
    taken = {name: value for name, value in settings.items() if name in _TAKEN}
    rule = (settings.get(name) for name in ("learning_rate", "momentum"))
    taken["optimizer"] = optimizers.get(settings.get("optimizer", "adam"), *rule)
    if settings.get("l2") or settings.get("l1"):
        configuration.check_data(config)
        taken["examples"] = run_data.read_again(config).x.shape[0]
    return taken


def signature(path: Path) -> list[str]:
    """A line on each input and output of an ONNX file: name, shape, type."""
    onnx = library("onnx")
    graph = onnx.load(path, load_external_data=False).graph
    free = {tensor.name for tensor in graph.initializer}
    lines = []
    for what, entries in (("input", graph.input), ("output", graph.output)):
        for entry in entries:
            kind = entry.type.tensor_type
            sizes = [dim.dim_param or str(dim.dim_value) for dim in kind.shape.dim]
            name = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
            name = {"float": "float32", "double": "float64"}.get(name, name)
            may = ", may be left out" if what == "input" and entry.name in free else ""
            lines.append(f"{what} {entry.name}: ({', '.join(sizes)}) {name}{may}")
    return lines
